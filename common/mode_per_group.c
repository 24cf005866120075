/* per_group: the members of a group share one bank, and the groups take turns (teams). */
#include "common/modes.h"

#include <stdio.h>
#include <string.h>

static bool has_member(const struct sk_session *session, const char *group_id)
{
    for (size_t i = 0; i < session->participant_count; i++) {
        if (strcmp(session->participants[i].group_id, group_id) == 0) {
            return true;
        }
    }
    return false;
}

/* The first member in rotation order; participants are still in the request's order here. */
static size_t first_member(const struct sk_session *session, const char *group_id)
{
    size_t first = SK_NOBODY;
    for (size_t i = 0; i < session->participant_count; i++) {
        const struct sk_participant *member = &session->participants[i];
        bool earlier = first == SK_NOBODY || member->index < session->participants[first].index;
        if (earlier && strcmp(member->group_id, group_id) == 0) {
            first = i;
        }
    }
    return first;
}

static void check_member(const struct sk_session *session, size_t position, struct sk_problems *problems)
{
    const struct sk_participant *member = &session->participants[position];
    char field[64];
    if (member->group_id[0] == '\0') {
        (void)snprintf(field, sizeof(field), "participants[%zu].group_id", position);
        sk_problems_add(problems, field, "is required in per_group");
        return;
    }
    bool group_has_time =
        session->config.total_time_ms > 0 || sk_session_find_group(session, member->group_id) != SK_NOBODY;
    if (!group_has_time && first_member(session, member->group_id) == position && member->bank.total_time_ms == 0) {
        (void)snprintf(field, sizeof(field), "participants[%zu].total_time_ms", position);
        sk_problems_add(problems, field, "is required of the first member of a group that groups[] does not list");
    }
}

static void check(const struct sk_session *session, struct sk_problems *problems)
{
    for (size_t i = 0; i < session->participant_count; i++) {
        check_member(session, i, problems);
    }
    for (size_t i = 0; i < session->group_count; i++) {
        if (!has_member(session, session->groups[i].id)) {
            char field[64];
            (void)snprintf(field, sizeof(field), "groups[%zu].group_id", i);
            sk_problems_add(problems, field, "has no participant");
        }
    }
}

static void open_banks(struct sk_session *session)
{
    int64_t sum = 0;
    for (size_t i = 0; i < session->group_count; i++) {
        struct sk_group *group = &session->groups[i];
        if (group->bank.total_time_ms == 0) {
            size_t first = first_member(session, group->id);
            group->bank.total_time_ms = session->participants[first].bank.total_time_ms;
        }
        if (group->bank.total_time_ms == 0) {
            group->bank.total_time_ms = session->config.total_time_ms;
        }
        sum += group->bank.total_time_ms;
    }
    if (!session->config.total_time_given) {
        session->config.total_time_ms = sum;
    }
}

static struct sk_bank *bank_of(const struct sk_session *session, size_t position)
{
    return &session->groups[session->participants[position].group].bank;
}

static int64_t left(const struct sk_session *session, size_t position)
{
    return session->groups[session->participants[position].group].bank.total_time_ms;
}

static size_t next_group(const struct sk_session *session, bool skip_expired)
{
    size_t count = session->group_count;
    size_t first = session->active == SK_NOBODY ? 0 : session->participants[session->active].group + 1;
    for (size_t step = 0; step < count; step++) {
        size_t group = (first + step) % count;
        if (!skip_expired || !session->groups[group].bank.has_expired) {
            return group;
        }
    }
    return SK_NOBODY;
}

/* The member with the fewest cycles, and of those the first in rotation. */
static size_t next(const struct sk_session *session, bool skip_expired)
{
    size_t group = next_group(session, skip_expired);
    size_t chosen = SK_NOBODY;
    for (size_t i = 0; i < session->participant_count && group != SK_NOBODY; i++) {
        const struct sk_participant *member = &session->participants[i];
        bool fewer = chosen == SK_NOBODY || member->cycle_count < session->participants[chosen].cycle_count;
        if (member->group == group && fewer) {
            chosen = i;
        }
    }
    return chosen;
}

static bool admit(struct sk_session *session, size_t position, int64_t time_ms)
{
    struct sk_participant *newcomer = &session->participants[position];
    newcomer->bank.total_time_ms = 0;
    for (size_t i = 0; i < session->participant_count; i++) {
        if (i != position && session->participants[i].group == newcomer->group) {
            return true;
        }
    }
    if (time_ms == SK_NONE) {
        time_ms = session->config.total_time_given ? session->config.total_time_ms : 0;
    }
    session->groups[newcomer->group].bank.total_time_ms = time_ms;
    return time_ms > 0;
}

const struct sk_mode sk_mode_per_group = {
    .name = "per_group",
    .needs_participants = true,
    .has_groups = true,
    .participants_bring_time = true,
    .has_increment = true,
    .skips_expired = true,
    .check = check,
    .open = open_banks,
    .bank_of = bank_of,
    .left = left,
    .next = next,
    .admit = admit,
};
