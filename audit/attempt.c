/* A table from lifecycle events to what they do; every other type is an operation of the engine, whose arguments the
 * event's metadata holds. */
#include "audit/attempt.h"

#include "common/change.h"
#include "common/codec.h"
#include "common/iso_time.h"

#include <stdio.h>
#include <string.h>

#define ARGUMENT_MAX (INT64_C(1) << 53) /* beyond any number that the API takes; sums of two stay in range */
#define AHEAD_MS_MAX 1000 /* that a life begins after the end of the one before, and so after its own first event */

void sk_attempt_close(struct sk_attempt *attempt)
{
    sk_session_free(attempt->session);
    sk_settlement_clear(&attempt->settlement);
    attempt->session = NULL;
}

static enum sk_code out_of_memory(struct sk_error *error)
{
    return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
}

static void refuse(struct sk_attempt *attempt, const char *field, const char *recorded, const char *replayed)
{
    attempt->is_impossible = true;
    sk_comparison_note(&attempt->found, field, recorded, replayed);
}

/* --- the life of a session -------------------------------------------------------------------------------------- */

/* Each turns attempt->session into the one after the event, or notes why it cannot. */
typedef enum sk_code apply_fn(struct sk_attempt *attempt, struct sk_error *error);

/* Whether each group can be given its time: one that brings none takes it from its first member. */
static bool has_members(const struct sk_session *session)
{
    for (size_t group = 0; group < session->group_count; group++) {
        bool found = false;
        for (size_t i = 0; i < session->participant_count && !found; i++) {
            found = session->participants[i].group == group;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

/* The session as it was configured, of the snapshot after its creation. Empties from. */
static void take_configuration(struct sk_session *made, struct sk_session *from)
{
    made->config = from->config;
    made->metadata = from->metadata;
    made->participants = from->participants;
    made->participant_count = from->participant_count;
    made->groups = from->groups;
    made->group_count = from->group_count;
    from->config.action_on_timeout = NULL;
    from->metadata = NULL;
    from->participants = NULL;
    from->groups = NULL;
    for (size_t i = 0; i < made->participant_count; i++) {
        struct sk_participant *participant = &made->participants[i];
        participant->cycle_count = 0;
        participant->bank = (struct sk_bank){.total_time_ms = participant->bank.total_time_ms};
    }
    for (size_t i = 0; i < made->group_count; i++) {
        made->groups[i].bank = (struct sk_bank){.total_time_ms = made->groups[i].bank.total_time_ms};
    }
}

static enum sk_code create(struct sk_attempt *attempt, struct sk_error *error)
{
    const struct sk_replay_event *event = attempt->event;
    const struct sk_session *recorded = attempt->recorded;
    if (!recorded || !has_members(recorded)) {
        refuse(attempt, "snapshot", recorded ? "(a group without members)" : attempt->why_not, "(a new session)");
        return SK_OK;
    }
    struct sk_session *copy = sk_session_copy(recorded);
    struct sk_session *made = copy ? sk_session_new() : NULL;
    if (!made) {
        sk_session_free(copy);
        return out_of_memory(error);
    }
    (void)snprintf(made->id, sizeof(made->id), "%s", event->session_id);
    take_configuration(made, copy);
    sk_session_free(copy);
    sk_engine_create(made, event->created_at_ms);
    /* Earlier only where an id was used again in the very millisecond of its end: no two lives begin at one instant. */
    bool is_pushed = event->has_former_life && event->at_ms < made->created_at_ms &&
                     made->created_at_ms - event->at_ms <= AHEAD_MS_MAX;
    if (!is_pushed) {
        sk_comparison_int(&attempt->found, "at_ms", event->at_ms, made->created_at_ms);
    }
    sk_session_free(attempt->session);
    attempt->session = made;
    return SK_OK;
}

static enum sk_code expire(struct sk_attempt *attempt, struct sk_error *error)
{
    struct sk_settlement *settlement = &attempt->settlement;
    enum sk_code code = sk_engine_settle(attempt->session, attempt->event->at_ms, settlement, error);
    if (!code && settlement->count == 0) {
        refuse(attempt, "type", "time_expired", "(nothing was due)");
    }
    if (!code && settlement->kept > 0) {
        memcpy(attempt->about, settlement->expiries[settlement->kept - 1].participant_id, SK_ID_BYTES);
    }
    return code;
}

/* Whatever is due is committed as an event of its own, ahead of the one that found it. */
static enum sk_code expect_nothing_due(struct sk_attempt *attempt, struct sk_error *error)
{
    struct sk_settlement *settlement = &attempt->settlement;
    enum sk_code code = sk_engine_settle(attempt->session, attempt->event->at_ms, settlement, error);
    if (!code && settlement->count > 0) {
        char due[64];
        (void)snprintf(due, sizeof(due), "(%lld due, at first at_ms %lld)", (long long)settlement->count,
                       (long long)settlement->expiries[0].at_ms);
        refuse(attempt, "time_expired", "(none before this event)", due);
    }
    return code;
}

static enum sk_code delete_session(struct sk_attempt *attempt, struct sk_error *error)
{
    (void)error;
    attempt->session->version++;
    return SK_OK;
}

static enum sk_code recover(struct sk_attempt *attempt, struct sk_error *error)
{
    char at[SK_ISO_TIME_BYTES];
    struct sk_session *session = attempt->session;
    json_t *metadata = session->metadata ? json_copy(session->metadata) : json_object();
    if (json_object_set_new(metadata, "recovered", json_true()) != 0 ||
        json_object_set_new(metadata, "recovered_at", json_string(sk_iso_time(attempt->event->at_ms, at))) != 0) {
        json_decref(metadata);
        return out_of_memory(error);
    }
    json_decref(session->metadata);
    session->metadata = metadata;
    session->version++;
    return SK_OK;
}

/* --- operations ------------------------------------------------------------------------------------------------- */

static bool read_text(const json_t *metadata, const char *key, char out[SK_ID_BYTES])
{
    const json_t *value = json_object_get(metadata, key);
    size_t length = json_string_length(value);
    bool is_id = json_is_string(value) && length < SK_ID_BYTES;
    (void)snprintf(out, SK_ID_BYTES, "%s", is_id ? json_string_value(value) : "");
    return is_id || !value || json_is_null(value);
}

static bool read_number(const json_t *metadata, const char *key, int64_t *out)
{
    const json_t *value = json_object_get(metadata, key);
    json_int_t number = json_integer_value(value);
    bool is_sane = json_is_integer(value) && number >= -ARGUMENT_MAX && number <= ARGUMENT_MAX;
    *out = is_sane ? number : SK_NONE;
    return is_sane || !value || json_is_null(value);
}

/* False: the recorded arguments cannot be the operation's. */
static bool read_arguments(const json_t *metadata, struct sk_operation *operation)
{
    bool good = read_text(metadata, "current_participant_id", operation->current_participant_id);
    good = read_text(metadata, "next_participant_id", operation->next_participant_id) && good;
    good = read_text(metadata, "group_id", operation->group_id) && good;
    good = read_number(metadata, "current_cycle_number", &operation->current_cycle_number) && good;
    good = read_number(metadata, "participant_index", &operation->index) && good;
    operation->is_delta = json_object_get(metadata, "delta_ms") != NULL;
    good = read_number(metadata, operation->is_delta ? "delta_ms" : "total_time_ms", &operation->time_ms) && good;
    bool needs_time = operation->op == SK_OP_ADJUST;
    return good && (!needs_time ||
                    json_is_integer(json_object_get(metadata, operation->is_delta ? "delta_ms" : "total_time_ms")));
}

static bool names_participant(enum sk_op op)
{
    return op == SK_OP_ADJUST || op == SK_OP_ADD || op == SK_OP_REMOVE;
}

/* Whose turn it is. */
static void note_active(struct sk_attempt *attempt)
{
    const struct sk_session *session = attempt->session;
    if (session->active != SK_NOBODY && attempt->about[0] == '\0') {
        memcpy(attempt->about, session->participants[session->active].id, SK_ID_BYTES);
    }
}

/* metadata: NULL: there is none that could be read. */
static enum sk_code operate(struct sk_attempt *attempt, enum sk_op op, const json_t *metadata, struct sk_error *error)
{
    const struct sk_replay_event *event = attempt->event;
    struct sk_operation operation = {.op = op, .expected_version = SK_NONE};
    struct sk_error refusal = {SK_OK, ""};
    if (!json_is_object(metadata) || !read_arguments(metadata, &operation)) {
        refuse(attempt, "metadata", event->metadata ? event->metadata : "(nothing)", "(arguments of the operation)");
        return SK_OK;
    }
    if (names_participant(op)) {
        (void)snprintf(operation.participant_id, SK_ID_BYTES, "%s", event->participant_id ? event->participant_id : "");
        memcpy(attempt->about, operation.participant_id, SK_ID_BYTES);
    }
    note_active(attempt);
    enum sk_code code = sk_engine_apply(attempt->session, &operation, event->at_ms, NULL, &refusal);
    if (code == SK_INTERNAL_ERROR) {
        return sk_fail(error, code, "%s", refusal.text);
    }
    if (code) {
        char words[SK_COMPARISON_BYTES];
        (void)snprintf(words, sizeof(words), "(refused: %s)", refusal.text);
        refuse(attempt, "type", event->type, words);
    }
    note_active(attempt);
    return SK_OK;
}

static enum sk_code apply_operation(struct sk_attempt *attempt, enum sk_op op, struct sk_error *error)
{
    json_error_t fault;
    const char *text = attempt->event->metadata;
    json_t *metadata = text ? sk_codec_parse(text, strlen(text), &fault) : NULL;
    enum sk_code code = operate(attempt, op, metadata, error);
    json_decref(metadata);
    return code;
}

/* --- arguments that there may be ---------------------------------------------------------------------------------- */

#define KEYS_MAX 4

/* Of each type that has any. */
static const struct {
    enum sk_op op;
    const char *keys[KEYS_MAX];
} arguments[] = {
    {SK_OP_SWITCH, {"current_participant_id", "current_cycle_number", "next_participant_id"}},
    {SK_OP_ADJUST, {"delta_ms", "total_time_ms", "reason"}},
    {SK_OP_ADD, {"participant_index", "total_time_ms", "group_id"}},
};

static bool may_have(enum sk_op op, const char *key)
{
    for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
        for (size_t k = 0; arguments[i].op == op && k < KEYS_MAX && arguments[i].keys[k]; k++) {
            if (strcmp(arguments[i].keys[k], key) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void check_key(struct sk_attempt *attempt, const char *key, const json_t *metadata)
{
    char path[SK_COMPARISON_BYTES];
    bool is_second_time = strcmp(key, "total_time_ms") == 0 && json_object_get(metadata, "delta_ms");
    enum sk_op op = sk_change_op_of(attempt->event->type);
    if (!may_have(op, key) || (op == SK_OP_ADJUST && is_second_time)) {
        (void)snprintf(path, sizeof(path), "metadata.%s", key);
        sk_comparison_json(&attempt->found, path, json_object_get(metadata, key), NULL);
    }
}

void sk_attempt_check_metadata(struct sk_attempt *attempt)
{
    json_error_t fault;
    const char *key;
    json_t *value;
    const char *text = attempt->event->metadata;
    json_t *metadata = text ? sk_codec_parse(text, strlen(text), &fault) : NULL;
    if (!json_is_object(metadata)) {
        sk_comparison_note(&attempt->found, "metadata", text ? text : "(nothing)", "(an object)");
    }
    json_object_foreach(metadata, key, value)
    {
        check_key(attempt, key, metadata);
    }
    json_decref(metadata);
}

/* --- any type --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *type;
    bool settles_first;
    apply_fn *apply;
} lifecycle[] = {
    {"session_created", false, create},
    {"time_expired", false, expire},
    {"session_deleted", true, delete_session},
    {"session_recovered", false, recover}, /* it comes back as it was; what ran out meanwhile is told next */
};

enum sk_code sk_attempt_apply(struct sk_attempt *attempt, struct sk_error *error)
{
    const char *type = attempt->event->type;
    enum sk_op op = sk_change_op_of(type);
    for (size_t i = 0; i < sizeof(lifecycle) / sizeof(lifecycle[0]); i++) {
        if (strcmp(lifecycle[i].type, type) == 0) {
            enum sk_code code = lifecycle[i].settles_first ? expect_nothing_due(attempt, error) : SK_OK;
            return code || attempt->is_impossible ? code : lifecycle[i].apply(attempt, error);
        }
    }
    if (op == SK_OP_COUNT) {
        refuse(attempt, "type", type, "(no type that is known)");
        return SK_OK;
    }
    enum sk_code code = expect_nothing_due(attempt, error);
    return code || attempt->is_impossible ? code : apply_operation(attempt, op, error);
}
