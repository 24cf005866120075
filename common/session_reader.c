/* What clients send, read strictly: a new session's configuration, and an operation's arguments. */
#include "common/session_reader.h"

#include "common/field_reader.h"
#include "common/mode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32
#define DURATION_MIN_MS INT64_C(1000)
#define DURATION_MAX_MS INT64_C(2678400000) /* 31 days */
#define INCREMENT_MAX_MS INT64_C(3600000)
#define WARNING_MIN_MS INT64_C(100)
#define WARNING_MAX_MS INT64_C(3600000)
#define OBJECT_MAX_BYTES 8192
#define REASON_MAX 500   /* characters */
#define VALUES_MAX 32768 /* more than twice what a body within all other limits can hold */

/* How deep a text is nested and how many values are in it, at most. */
struct extent {
    size_t depth;
    size_t values;
};

/* Measured before the recursive parser, which allocates for each value, sees the text. Strings are skipped. */
static struct extent measure(const char *text, size_t length)
{
    struct extent extent = {0, 1};
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
            extent.values++;
            extent.depth = depth > extent.depth ? depth : extent.depth;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        } else if (c == ',') {
            extent.values++;
        }
    }
    return extent;
}

/* Without what stands there, which Jansson would quote: the text is logged, and bodies are not. */
static void fail_at(const json_error_t *fault, struct sk_error *error)
{
    const char *quote = strstr(fault->text, " near '");
    int shown = quote ? (int)(quote - fault->text) : (int)strlen(fault->text);
    (void)sk_fail(error, SK_INVALID_JSON, "line %d, column %d: %.*s", fault->line, fault->column, shown, fault->text);
}

json_t *sk_body_parse(const char *text, size_t length, struct sk_error *error)
{
    if (length == 0) {
        return json_object();
    }
    struct extent extent = measure(text, length);
    if (extent.depth > DEPTH_MAX) {
        (void)sk_fail(error, SK_INVALID_JSON, "nested deeper than %d levels", DEPTH_MAX);
        return NULL;
    }
    if (extent.values > VALUES_MAX) {
        (void)sk_fail(error, SK_INVALID_JSON, "more than %d values", VALUES_MAX);
        return NULL;
    }
    json_error_t fault;
    json_t *body = json_loadb(text, length, JSON_REJECT_DUPLICATES, &fault);
    if (!body) {
        fail_at(&fault, error);
        return NULL;
    }
    if (!json_is_object(body)) {
        json_decref(body);
        (void)sk_fail(error, SK_INVALID_JSON, "must be an object");
        return NULL;
    }
    return body;
}

static const struct sk_mode *read_mode(const struct sk_fields *fields)
{
    const json_t *value = json_object_get(fields->object, "sync_mode");
    const struct sk_mode *mode = json_is_string(value) ? sk_mode_of(json_string_value(value)) : NULL;
    if (mode) {
        return mode;
    }
    char text[160] = "must be one of";
    for (size_t i = 0; sk_mode_at(i); i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%s %s", i > 0 ? "," : "", sk_mode_at(i)->name);
    }
    sk_field_problem(fields, "sync_mode", text);
    return NULL;
}

static void read_warnings(const struct sk_fields *fields, struct sk_session_config *config)
{
    static const int64_t defaults[] = {10000, 5000, 1000};
    memcpy(config->warnings_ms, defaults, sizeof(defaults));
    config->warning_count = sizeof(defaults) / sizeof(defaults[0]);
    const json_t *list = sk_field_array(fields, "warnings_ms", SK_WARNINGS_MAX);
    if (!list) {
        return;
    }
    config->warning_count = json_array_size(list);
    for (size_t i = 0; i < config->warning_count; i++) {
        const json_t *value = json_array_get(list, i);
        char key[40];
        (void)snprintf(key, sizeof(key), "warnings_ms[%zu]", i);
        config->warnings_ms[i] = json_integer_value(value);
        if (!json_is_integer(value) || config->warnings_ms[i] < WARNING_MIN_MS ||
            config->warnings_ms[i] > WARNING_MAX_MS) {
            sk_field_problem(fields, key, "must be an integer from 100 to 3600000");
        }
        for (size_t before = 0; before < i; before++) {
            if (config->warnings_ms[before] == config->warnings_ms[i]) {
                sk_field_problem(fields, key, "stands twice");
                break;
            }
        }
    }
}

static void read_action(const struct sk_fields *fields, struct sk_session_config *config)
{
    json_t *action = sk_field_object(fields, "action_on_timeout", OBJECT_MAX_BYTES);
    if (!action) {
        return;
    }
    const json_t *type = json_object_get(action, "type");
    if (!json_is_string(type) || json_string_length(type) == 0 || json_string_length(type) >= SK_ID_BYTES) {
        sk_field_problem(fields, "action_on_timeout.type", "must be a text of 1 to 64 bytes");
        return;
    }
    sk_json_replace(&config->action_on_timeout, action);
}

/* The elements of a list of objects, each with its own prefix; NULL where one is no object. */
static bool element(const struct sk_fields *parent, const char *list_name, const json_t *list, size_t position,
                    char prefix[64], struct sk_fields *fields)
{
    (void)snprintf(prefix, 64, "%s[%zu]", list_name, position);
    const json_t *object = json_array_get(list, position);
    if (!json_is_object(object)) {
        sk_field_problem(parent, prefix, "must be an object");
        return false;
    }
    (void)strncat(prefix, ".", 63 - strlen(prefix));
    *fields = (struct sk_fields){object, prefix, parent->problems};
    return true;
}

/* Where the mode has no use for it, 0 says so. */
static void read_time(const struct sk_fields *fields, bool zero_allowed, int64_t *time_ms)
{
    int64_t given = 0;
    if (!sk_field_int(fields, "total_time_ms", zero_allowed ? 0 : DURATION_MIN_MS, DURATION_MAX_MS, &given)) {
        return;
    }
    if (given > 0 && given < DURATION_MIN_MS) {
        sk_field_problem(fields, "total_time_ms", "must be 0, or from 1000 to 2678400000");
        return;
    }
    *time_ms = given;
}

static void read_participant(const struct sk_fields *fields, const struct sk_session *session,
                             struct sk_participant *participant)
{
    static const char *const known[] = {"participant_id", "participant_index", "total_time_ms", "group_id", NULL};
    sk_fields_refuse_others(fields, known);
    (void)sk_field_required_id(fields, "participant_id", participant->id);
    (void)sk_field_int(fields, "participant_index", 0, SK_INDEX_MAX, &participant->index);
    read_time(fields, !(session->config.mode && session->config.mode->participants_bring_time),
              &participant->bank.total_time_ms);
    (void)sk_field_id(fields, "group_id", participant->group_id);
}

/* Reports ids and indexes that stand twice: the later one of each pair. */
static void check_unique(const struct sk_session *session, struct sk_problems *problems)
{
    char field[64];
    for (size_t i = 1; i < session->participant_count; i++) {
        const struct sk_participant *later = &session->participants[i];
        bool id_twice = false;
        bool index_twice = false;
        for (size_t before = 0; before < i; before++) {
            const struct sk_participant *earlier = &session->participants[before];
            id_twice = id_twice || (later->id[0] != '\0' && strcmp(earlier->id, later->id) == 0);
            index_twice = index_twice || earlier->index == later->index;
        }
        if (id_twice) {
            (void)snprintf(field, sizeof(field), "participants[%zu].participant_id", i);
            sk_problems_add(problems, field, "stands twice");
        }
        if (index_twice) {
            (void)snprintf(field, sizeof(field), "participants[%zu].participant_index", i);
            sk_problems_add(problems, field, "stands twice");
        }
    }
}

static void read_participants(const struct sk_fields *fields, struct sk_session *session)
{
    const json_t *list = sk_field_array(fields, "participants", SK_PARTICIPANTS_MAX);
    size_t count = json_array_size(list);
    if (count == 0) {
        bool refused = sk_field_given(fields, "participants") && !list;
        if (!refused && session->config.mode && session->config.mode->needs_participants) {
            sk_field_problem(fields, "participants", "at least one is required in this mode");
        }
        return;
    }
    session->participants = calloc(count, sizeof(*session->participants));
    if (!session->participants) {
        sk_field_problem(fields, "participants", "cannot be held in memory");
        return;
    }
    session->participant_count = count;
    for (size_t i = 0; i < count; i++) {
        char prefix[64];
        struct sk_fields member;
        session->participants[i].group = SK_NOBODY;
        session->participants[i].index = (int64_t)i;
        if (element(fields, "participants", list, i, prefix, &member)) {
            read_participant(&member, session, &session->participants[i]);
        }
    }
    check_unique(session, fields->problems);
}

static void read_group(const struct sk_fields *fields, struct sk_session *session)
{
    static const char *const known[] = {"group_id", "total_time_ms", NULL};
    struct sk_group *group = &session->groups[session->group_count];
    sk_fields_refuse_others(fields, known);
    bool named = sk_field_required_id(fields, "group_id", group->id);
    if (named && sk_session_find_group(session, group->id) != SK_NOBODY) {
        sk_field_problem(fields, "group_id", "stands twice");
    }
    (void)sk_field_required_int(fields, "total_time_ms", DURATION_MIN_MS, DURATION_MAX_MS, &group->bank.total_time_ms);
    session->group_count++;
}

static void read_groups(const struct sk_fields *fields, struct sk_session *session)
{
    const json_t *list = sk_field_array(fields, "groups", SK_PARTICIPANTS_MAX);
    size_t count = json_array_size(list);
    if (count == 0) {
        return;
    }
    session->groups = calloc(count, sizeof(*session->groups));
    if (!session->groups) {
        sk_field_problem(fields, "groups", "cannot be held in memory");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        char prefix[64];
        struct sk_fields group;
        if (element(fields, "groups", list, i, prefix, &group)) {
            read_group(&group, session);
        }
    }
}

static void read_config(const struct sk_fields *fields, struct sk_session *session)
{
    struct sk_session_config *config = &session->config;
    config->mode = read_mode(fields);
    config->total_time_given =
        sk_field_int(fields, "total_time_ms", DURATION_MIN_MS, DURATION_MAX_MS, &config->total_time_ms);
    (void)sk_field_int(fields, "time_per_cycle_ms", DURATION_MIN_MS, DURATION_MAX_MS, &config->time_per_cycle_ms);
    (void)sk_field_int(fields, "max_time_ms", DURATION_MIN_MS, DURATION_MAX_MS, &config->max_time_ms);
    (void)sk_field_int(fields, "increment_ms", 0, INCREMENT_MAX_MS, &config->increment_ms);
    (void)sk_field_bool(fields, "auto_advance", &config->auto_advance);
    (void)sk_field_id(fields, "active_participant_id", config->first_participant_id);
    read_action(fields, config);
    read_warnings(fields, config);
}

static void read_metadata(const struct sk_fields *fields, struct sk_session *session)
{
    json_t *given = sk_field_object(fields, "metadata", OBJECT_MAX_BYTES);
    session->metadata = given ? json_incref(given) : json_object();
}

void sk_session_read(const json_t *body, struct sk_session *session, struct sk_problems *problems)
{
    static const char *const known[] = {
        "session_id",    "sync_mode",
        "participants",  "groups",
        "total_time_ms", "time_per_cycle_ms",
        "max_time_ms",   "increment_ms",
        "auto_advance",  "action_on_timeout",
        "warnings_ms",   "active_participant_id",
        "metadata",      NULL,
    };
    struct sk_fields fields = {body, "", problems};
    sk_fields_refuse_others(&fields, known);
    (void)sk_field_id(&fields, "session_id", session->id);
    read_config(&fields, session);
    read_participants(&fields, session);
    read_groups(&fields, session);
    read_metadata(&fields, session);
    const struct sk_mode *mode = session->config.mode;
    if (session->config.first_participant_id[0] != '\0' &&
        sk_session_find(session, session->config.first_participant_id) == SK_NOBODY) {
        sk_field_problem(&fields, "active_participant_id", "is none of the participants");
    }
    if (mode && mode->check) {
        mode->check(session, problems);
    }
    if (!sk_session_arrange(session, mode && mode->has_groups && problems->count == 0)) {
        sk_field_problem(&fields, "", "cannot be held in memory");
    }
}

static void read_switch(const struct sk_fields *fields, struct sk_operation *operation)
{
    (void)sk_field_id(fields, "current_participant_id", operation->current_participant_id);
    (void)sk_field_int(fields, "current_cycle_number", 0, INT64_MAX, &operation->current_cycle_number);
    (void)sk_field_id(fields, "next_participant_id", operation->next_participant_id);
}

/* total_time_ms sets the bank, delta_ms shifts it; exactly one of them. */
static void read_adjust(const struct sk_fields *fields, struct sk_operation *operation)
{
    (void)sk_field_text(fields, "reason", REASON_MAX);
    bool sets = sk_field_given(fields, "total_time_ms");
    operation->is_delta = sk_field_given(fields, "delta_ms");
    if (sets == operation->is_delta) {
        sk_field_problem(fields, "total_time_ms", "or delta_ms is required, and not both");
        return;
    }
    (void)sk_field_int(fields, "total_time_ms", 0, DURATION_MAX_MS, &operation->time_ms);
    (void)sk_field_int(fields, "delta_ms", -DURATION_MAX_MS, DURATION_MAX_MS, &operation->time_ms);
}

static void read_add(const struct sk_fields *fields, struct sk_operation *operation)
{
    operation->time_ms = SK_NONE;
    (void)sk_field_required_id(fields, "participant_id", operation->participant_id);
    (void)sk_field_int(fields, "participant_index", 0, SK_INDEX_MAX, &operation->index);
    read_time(fields, true, &operation->time_ms);
    (void)sk_field_id(fields, "group_id", operation->group_id);
}

static const char *const no_fields[] = {"expected_version", NULL};
static const char *const switch_fields[] = {"current_participant_id", "current_cycle_number", "next_participant_id",
                                            "expected_version", NULL};
static const char *const adjust_fields[] = {"total_time_ms", "delta_ms", "reason", "expected_version", NULL};
static const char *const add_fields[] = {"participant_id", "participant_index", "total_time_ms",
                                         "group_id",       "expected_version",  NULL};

static const struct {
    const char *const *known;
    void (*read)(const struct sk_fields *fields, struct sk_operation *operation);
} shapes[] = {
    [SK_OP_VIEW] = {no_fields, NULL},
    [SK_OP_START] = {no_fields, NULL},
    [SK_OP_SWITCH] = {switch_fields, read_switch},
    [SK_OP_PAUSE] = {no_fields, NULL},
    [SK_OP_RESUME] = {no_fields, NULL},
    [SK_OP_COMPLETE] = {no_fields, NULL},
    [SK_OP_CANCEL] = {no_fields, NULL},
    [SK_OP_ADJUST] = {adjust_fields, read_adjust},
    [SK_OP_ADD] = {add_fields, read_add},
    [SK_OP_REMOVE] = {no_fields, NULL},
};
_Static_assert(sizeof(shapes) / sizeof(shapes[0]) == SK_OP_COUNT, "a shape for every operation");

void sk_operation_read(const json_t *body, enum sk_op op, struct sk_operation *operation, struct sk_problems *problems)
{
    struct sk_fields fields = {body, "", problems};
    *operation =
        (struct sk_operation){.op = op, .expected_version = SK_NONE, .current_cycle_number = SK_NONE, .index = SK_NONE};
    sk_fields_refuse_others(&fields, shapes[op].known);
    (void)sk_field_int(&fields, "expected_version", 1, INT64_MAX, &operation->expected_version);
    if (shapes[op].read) {
        shapes[op].read(&fields, operation);
    }
}
