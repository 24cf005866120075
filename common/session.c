/* The session's memory: making, copying, finding, inserting and removing. No rule of the clock lives here. */
#include "common/session.h"

#include <stdlib.h>
#include <string.h>

static const char *const status_names[] = {"pending", "running", "paused", "expired", "completed", "cancelled"};
_Static_assert(sizeof(status_names) / sizeof(status_names[0]) == SK_STATUS_COUNT, "a name for every status");

struct sk_session *sk_session_new(void)
{
    struct sk_session *session = calloc(1, sizeof(*session));
    if (!session) {
        return NULL;
    }
    session->active = SK_NOBODY;
    session->cycle_started_at_ms = SK_NONE;
    session->session_started_at_ms = SK_NONE;
    session->session_completed_at_ms = SK_NONE;
    session->operated_at_ms = SK_NONE;
    return session;
}

void sk_session_free(struct sk_session *session)
{
    if (!session) {
        return;
    }
    json_decref(session->config.action_on_timeout);
    json_decref(session->action_applied);
    json_decref(session->metadata);
    free(session->participants);
    free(session->groups);
    free(session);
}

static void *copy_of(const void *array, size_t count, size_t size)
{
    void *copy = malloc(count * size);
    if (copy) {
        memcpy(copy, array, count * size);
    }
    return copy;
}

struct sk_session *sk_session_copy(const struct sk_session *session)
{
    struct sk_session *copy = malloc(sizeof(*copy));
    if (!copy) {
        return NULL;
    }
    *copy = *session;
    json_incref(copy->config.action_on_timeout);
    json_incref(copy->action_applied);
    json_incref(copy->metadata);
    copy->participants = NULL;
    copy->groups = NULL;
    if (session->participant_count > 0) {
        copy->participants = copy_of(session->participants, session->participant_count, sizeof(*copy->participants));
    }
    if (session->group_count > 0) {
        copy->groups = copy_of(session->groups, session->group_count, sizeof(*copy->groups));
    }
    if ((session->participant_count > 0 && !copy->participants) || (session->group_count > 0 && !copy->groups)) {
        sk_session_free(copy);
        return NULL;
    }
    return copy;
}

/* The position of the group, appended if it is new; SK_NOBODY when out of memory. */
static size_t group_position(struct sk_session *session, const char *group_id)
{
    size_t position = sk_session_find_group(session, group_id);
    if (position != SK_NOBODY) {
        return position;
    }
    struct sk_group *grown = realloc(session->groups, (session->group_count + 1) * sizeof(*grown));
    if (!grown) {
        return SK_NOBODY;
    }
    session->groups = grown;
    position = session->group_count++;
    memset(&grown[position], 0, sizeof(*grown));
    memcpy(grown[position].id, group_id, strnlen(group_id, SK_ID_BYTES - 1));
    return position;
}

static int by_index(const void *left, const void *right)
{
    int64_t a = ((const struct sk_participant *)left)->index;
    int64_t b = ((const struct sk_participant *)right)->index;
    return (a > b) - (a < b);
}

bool sk_session_arrange(struct sk_session *session, bool where_grouped)
{
    if (session->participant_count > 0) {
        qsort(session->participants, session->participant_count, sizeof(*session->participants), by_index);
    }
    struct sk_session listed = {.groups = session->groups, .group_count = session->group_count};
    session->groups = NULL;
    session->group_count = 0;
    bool done = true;
    for (size_t i = 0; i < session->participant_count && where_grouped && done; i++) {
        struct sk_participant *member = &session->participants[i];
        size_t known = session->group_count;
        member->group = group_position(session, member->group_id);
        done = member->group != SK_NOBODY;
        size_t given = sk_session_find_group(&listed, member->group_id);
        bool is_new = done && member->group == known;
        if (is_new && session->groups && given != SK_NOBODY) {
            session->groups[known].bank = listed.groups[given].bank;
        }
    }
    free(listed.groups);
    return done;
}

size_t sk_session_insert(struct sk_session *session, const struct sk_participant *participant, bool where_grouped)
{
    struct sk_participant *grown = realloc(session->participants, (session->participant_count + 1) * sizeof(*grown));
    if (!grown) {
        return SK_NOBODY;
    }
    session->participants = grown;
    size_t group = SK_NOBODY;
    if (where_grouped) {
        group = group_position(session, participant->group_id);
        if (group == SK_NOBODY) {
            return SK_NOBODY;
        }
    }
    size_t position = session->participant_count;
    while (position > 0 && grown[position - 1].index > participant->index) {
        position--;
    }
    memmove(&grown[position + 1], &grown[position], (session->participant_count - position) * sizeof(*grown));
    grown[position] = *participant;
    grown[position].group = group;
    session->participant_count++;
    if (session->active != SK_NOBODY && session->active >= position) {
        session->active++;
    }
    return position;
}

static bool group_has_members(const struct sk_session *session, size_t group)
{
    for (size_t i = 0; i < session->participant_count; i++) {
        if (session->participants[i].group == group) {
            return true;
        }
    }
    return false;
}

static void remove_group(struct sk_session *session, size_t group)
{
    memmove(&session->groups[group], &session->groups[group + 1],
            (session->group_count - group - 1) * sizeof(*session->groups));
    session->group_count--;
    for (size_t i = 0; i < session->participant_count; i++) {
        struct sk_participant *member = &session->participants[i];
        if (member->group != SK_NOBODY && member->group > group) {
            member->group--;
        }
    }
}

void sk_session_remove(struct sk_session *session, size_t position)
{
    size_t group = session->participants[position].group;
    memmove(&session->participants[position], &session->participants[position + 1],
            (session->participant_count - position - 1) * sizeof(*session->participants));
    session->participant_count--;
    if (session->active != SK_NOBODY && session->active > position) {
        session->active--;
    }
    if (group != SK_NOBODY && !group_has_members(session, group)) {
        remove_group(session, group);
    }
}

size_t sk_session_find(const struct sk_session *session, const char *participant_id)
{
    for (size_t i = 0; i < session->participant_count; i++) {
        if (strcmp(session->participants[i].id, participant_id) == 0) {
            return i;
        }
    }
    return SK_NOBODY;
}

size_t sk_session_find_group(const struct sk_session *session, const char *group_id)
{
    for (size_t i = 0; i < session->group_count; i++) {
        if (strcmp(session->groups[i].id, group_id) == 0) {
            return i;
        }
    }
    return SK_NOBODY;
}

bool sk_session_ended(const struct sk_session *session)
{
    return sk_status_ended(session->status);
}

bool sk_status_ended(enum sk_status status)
{
    return status == SK_EXPIRED || status == SK_COMPLETED || status == SK_CANCELLED;
}

const char *sk_status_name(enum sk_status status)
{
    return status_names[status];
}

enum sk_status sk_status_of(const char *name)
{
    for (int i = 0; i < SK_STATUS_COUNT; i++) {
        if (strcmp(status_names[i], name) == 0) {
            return (enum sk_status)i;
        }
    }
    return SK_STATUS_COUNT;
}

bool sk_id_valid(const char *text, size_t length)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-";
    if (length == 0 || length >= SK_ID_BYTES) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\0' || !strchr(allowed, text[i])) {
            return false;
        }
    }
    return true;
}

void sk_json_replace(json_t **slot, json_t *value)
{
    json_incref(value);
    json_decref(*slot);
    *slot = value;
}
