/* One event after the other through the engine, as the store puts a change through it; what was recorded is held
 * against what comes out. */
#include "audit/replay.h"

#include "audit/comparison.h"
#include "common/change.h"
#include "common/codec.h"
#include "common/iso_time.h"

#include <stdio.h>
#include <string.h>

#define ARGUMENT_MAX (INT64_C(1) << 53) /* beyond any number that the API takes; sums of two stay in range */

_Static_assert(SK_COMPARISON_MAX == SK_REPLAY_DIFFERENCES_MAX, "all that is found is told");

/* An event read: what it says was the session after it. */
struct record {
    const struct sk_replay_event *event;
    json_t *snapshot;           /* owned; NULL: none, or no JSON */
    struct sk_session *session; /* owned; NULL: no session */
    struct sk_error why;        /* … why not */
};

/* One event applied to one state. */
struct attempt {
    const struct record *record;
    struct sk_session *session; /* owned: before, then after it; NULL: could not be applied */
    struct sk_settlement settlement;
    char about[SK_ID_BYTES];
    bool is_impossible; /* the event cannot follow from that state */
    struct sk_comparison found;
};

static void open_record(struct record *record, const struct sk_replay_event *event)
{
    json_error_t fault;
    *record = (struct record){.event = event};
    if (!event->snapshot) {
        (void)sk_fail(&record->why, SK_VALIDATION_ERROR, "no snapshot");
        return;
    }
    size_t length = strlen(event->snapshot);
    record->snapshot = sk_codec_parse(event->snapshot, length, &fault);
    if (sk_codec_read(event->snapshot, length, &record->session, &record->why)) {
        record->session = NULL;
    }
}

static void close_record(struct record *record)
{
    json_decref(record->snapshot);
    sk_session_free(record->session);
}

static void close_attempt(struct attempt *attempt)
{
    sk_session_free(attempt->session);
    sk_settlement_clear(&attempt->settlement);
    attempt->session = NULL;
}

static enum sk_code out_of_memory(struct sk_error *error)
{
    return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
}

static void refuse(struct attempt *attempt, const char *field, const char *recorded, const char *replayed)
{
    attempt->is_impossible = true;
    sk_comparison_note(&attempt->found, field, recorded, replayed);
}

/* --- what each type of event does ------------------------------------------------------------------------------- */

/* Each turns attempt->session into the one after the event, or notes why it cannot. */
typedef enum sk_code apply_fn(struct attempt *attempt, struct sk_error *error);

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

static enum sk_code create(struct attempt *attempt, struct sk_error *error)
{
    const struct record *record = attempt->record;
    if (!record->session || !has_members(record->session)) {
        refuse(attempt, "snapshot", record->session ? "(a group without members)" : record->why.text,
               "(a new session)");
        return SK_OK;
    }
    struct sk_session *copy = sk_session_copy(record->session);
    struct sk_session *made = copy ? sk_session_new() : NULL;
    if (!made) {
        sk_session_free(copy);
        return out_of_memory(error);
    }
    (void)snprintf(made->id, sizeof(made->id), "%s", record->event->session_id);
    take_configuration(made, copy);
    sk_session_free(copy);
    sk_engine_create(made, record->event->created_at_ms);
    if (record->event->at_ms > made->created_at_ms) { /* earlier: an id used again in the very millisecond of its end */
        sk_comparison_int(&attempt->found, "at_ms", record->event->at_ms, made->created_at_ms);
    }
    sk_session_free(attempt->session);
    attempt->session = made;
    return SK_OK;
}

static enum sk_code expire(struct attempt *attempt, struct sk_error *error)
{
    struct sk_settlement *settlement = &attempt->settlement;
    enum sk_code code = sk_engine_settle(attempt->session, attempt->record->event->at_ms, settlement, error);
    if (!code && settlement->count == 0) {
        refuse(attempt, "type", "time_expired", "(nothing was due)");
    }
    if (!code && settlement->kept > 0) {
        memcpy(attempt->about, settlement->expiries[settlement->kept - 1].participant_id, SK_ID_BYTES);
    }
    return code;
}

/* Whatever is due is committed as an event of its own, ahead of the one that found it. */
static enum sk_code expect_nothing_due(struct attempt *attempt, struct sk_error *error)
{
    struct sk_settlement *settlement = &attempt->settlement;
    enum sk_code code = sk_engine_settle(attempt->session, attempt->record->event->at_ms, settlement, error);
    if (!code && settlement->count > 0) {
        char due[64];
        (void)snprintf(due, sizeof(due), "(%lld due, at first at_ms %lld)", (long long)settlement->count,
                       (long long)settlement->expiries[0].at_ms);
        refuse(attempt, "time_expired", "(none before this event)", due);
    }
    return code;
}

static enum sk_code delete_session(struct attempt *attempt, struct sk_error *error)
{
    (void)error;
    attempt->session->version++;
    return SK_OK;
}

static enum sk_code recover(struct attempt *attempt, struct sk_error *error)
{
    char at[SK_ISO_TIME_BYTES];
    struct sk_session *session = attempt->session;
    json_t *metadata = session->metadata ? json_copy(session->metadata) : json_object();
    if (json_object_set_new(metadata, "recovered", json_true()) != 0 ||
        json_object_set_new(metadata, "recovered_at", json_string(sk_iso_time(attempt->record->event->at_ms, at))) !=
            0) {
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
static void note_active(struct attempt *attempt)
{
    const struct sk_session *session = attempt->session;
    if (session->active != SK_NOBODY && attempt->about[0] == '\0') {
        memcpy(attempt->about, session->participants[session->active].id, SK_ID_BYTES);
    }
}

/* metadata: NULL: there is none that could be read. */
static enum sk_code operate(struct attempt *attempt, enum sk_op op, const json_t *metadata, struct sk_error *error)
{
    const struct sk_replay_event *event = attempt->record->event;
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

static enum sk_code apply_operation(struct attempt *attempt, enum sk_op op, struct sk_error *error)
{
    json_error_t fault;
    const char *text = attempt->record->event->metadata;
    json_t *metadata = text ? sk_codec_parse(text, strlen(text), &fault) : NULL;
    enum sk_code code = operate(attempt, op, metadata, error);
    json_decref(metadata);
    return code;
}

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

static enum sk_code apply_event(struct attempt *attempt, struct sk_error *error)
{
    const char *type = attempt->record->event->type;
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

/* --- comparing -------------------------------------------------------------------------------------------------- */

static enum sk_code compare_expiries(struct attempt *attempt, bool expires, struct sk_error *error)
{
    json_error_t fault;
    struct sk_buffer text = {0};
    const char *recorded_text = attempt->record->event->expiries ? attempt->record->event->expiries : "[]";
    sk_change_write_expiries(&text, expires ? &attempt->settlement : NULL);
    json_t *replayed = text.failed ? NULL : sk_codec_parse(text.data, text.length, &fault);
    json_t *recorded = sk_codec_parse(recorded_text, strlen(recorded_text), &fault);
    if (replayed) {
        sk_comparison_json(&attempt->found, "expiries", recorded, replayed);
    }
    sk_buffer_clear(&text);
    json_decref(recorded);
    json_decref(replayed);
    return replayed ? SK_OK : out_of_memory(error);
}

static enum sk_code compare_snapshot(struct attempt *attempt, struct sk_error *error)
{
    json_error_t fault;
    struct sk_buffer text = {0};
    sk_codec_write(&text, attempt->session);
    json_t *replayed = text.failed ? NULL : sk_codec_parse(text.data, text.length, &fault);
    if (replayed) {
        sk_comparison_json(&attempt->found, "snapshot", attempt->record->snapshot, replayed);
    }
    sk_buffer_clear(&text);
    json_decref(replayed);
    return replayed ? SK_OK : out_of_memory(error);
}

/* The end of every change, as it is recorded; and the record held against it. */
static enum sk_code compare(struct attempt *attempt, struct sk_error *error)
{
    const struct sk_replay_event *event = attempt->record->event;
    struct sk_session *session = attempt->session;
    bool expires = strcmp(event->type, "time_expired") == 0;
    if (event->at_ms > session->updated_at_ms) {
        session->updated_at_ms = event->at_ms;
    }
    (void)snprintf(session->last_event_id, sizeof(session->last_event_id), "%s", event->event_id);
    sk_comparison_int(&attempt->found, "version", event->version, session->version);
    sk_comparison_int(&attempt->found, "cycle_number", event->cycle_number, session->cycle_number);
    sk_comparison_text(&attempt->found, "participant_id", event->participant_id, attempt->about);
    sk_comparison_int(&attempt->found, "expiry_count", event->expiry_count, expires ? attempt->settlement.count : 0);
    enum sk_code code = compare_expiries(attempt, expires, error);
    return code ? code : compare_snapshot(attempt, error);
}

/* Puts the event to the session before it (a copy is changed). What differs is in attempt->found. */
static enum sk_code try_from(struct attempt *attempt, const struct sk_session *before, struct sk_error *error)
{
    if (before) {
        attempt->session = sk_session_copy(before);
        if (!attempt->session) {
            return out_of_memory(error);
        }
    }
    enum sk_code code = apply_event(attempt, error);
    if (code) {
        return code;
    }
    bool applied =
        attempt->session && (attempt->found.count == 0 || strcmp(attempt->found.list[0].field, "at_ms") == 0);
    if (applied) {
        code = compare(attempt, error);
    } else {
        sk_session_free(attempt->session);
        attempt->session = NULL;
    }
    return code;
}

/* --- lines ------------------------------------------------------------------------------------------------------ */

void sk_replay_open(struct sk_replay *replay, sk_replay_report *report, void *context)
{
    *replay = (struct sk_replay){.report = report, .context = context};
}

void sk_replay_close(struct sk_replay *replay)
{
    sk_session_free(replay->recorded);
    sk_session_free(replay->replayed);
    replay->recorded = NULL;
    replay->replayed = NULL;
}

static void tell(const struct sk_replay *replay, const struct sk_replay_event *event, const struct sk_comparison *found)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct sk_difference difference = {event, found->list[i].field, found->list[i].recorded,
                                                 found->list[i].replayed};
        replay->report(replay->context, &difference);
    }
}

/* What the next event follows. Takes the sessions out of both; replayed may be NULL. */
static void go_on(struct sk_replay *replay, struct record *record, struct attempt *attempt)
{
    sk_replay_close(replay);
    replay->recorded = record->session;
    record->session = NULL;
    if (attempt && (attempt->found.count > 0 || !replay->recorded)) {
        replay->replayed = attempt->session;
        attempt->session = NULL;
    }
    replay->has_begun = true;
    replay->is_deleted = strcmp(record->event->type, "session_deleted") == 0;
}

/* What an event says of itself, where the one before it is not known. */
static void check_alone(const struct record *record, struct sk_comparison *found)
{
    const struct sk_replay_event *event = record->event;
    const struct sk_session *session = record->session;
    if (!session) {
        sk_comparison_note(found, "snapshot", record->why.text, "(a session)");
        return;
    }
    sk_comparison_int(found, "version", event->version, session->version);
    sk_comparison_int(found, "cycle_number", event->cycle_number, session->cycle_number);
    sk_comparison_text(found, "snapshot.session_id", session->id, event->session_id);
    sk_comparison_int(found, "snapshot.created_at_ms", session->created_at_ms, event->created_at_ms);
    sk_comparison_text(found, "snapshot.last_event_id", session->last_event_id, event->event_id);
}

void sk_replay_resume(struct sk_replay *replay, const struct sk_replay_event *event, bool is_known)
{
    struct record record;
    struct sk_comparison found = {.count = 0};
    open_record(&record, event);
    if (!is_known) {
        check_alone(&record, &found);
        tell(replay, event, &found);
    }
    go_on(replay, &record, NULL);
    close_record(&record);
}

/* Whether an event of this type may stand here in its line. */
static bool is_in_place(const struct sk_replay *replay, const char *type, struct sk_comparison *found)
{
    bool creates = strcmp(type, "session_created") == 0;
    if (!replay->has_begun && !creates) {
        sk_comparison_note(found, "type", type, "session_created");
    } else if (replay->has_begun && creates) {
        sk_comparison_note(found, "type", type, "(no second creation)");
    } else if (replay->is_deleted) {
        sk_comparison_note(found, "type", type, "(nothing after session_deleted)");
    }
    return found->count == 0;
}

/* From what was recorded before it; and where that was told to be wrong, perhaps from what should have been. */
static enum sk_code try_both(const struct sk_replay *replay, struct attempt *attempt, struct sk_error *error)
{
    const struct sk_session *before = replay->recorded ? replay->recorded : replay->replayed;
    enum sk_code code = try_from(attempt, before, error);
    if (code || attempt->found.count == 0 || !replay->replayed || before == replay->replayed) {
        return code;
    }
    struct attempt other = {.record = attempt->record};
    code = try_from(&other, replay->replayed, error);
    bool is_better = !code && other.found.count == 0;
    close_attempt(is_better ? attempt : &other);
    if (is_better) {
        *attempt = other;
    }
    return code;
}

enum sk_code sk_replay_next(struct sk_replay *replay, const struct sk_replay_event *event, struct sk_error *error)
{
    struct record record;
    struct attempt attempt = {.record = &record};
    bool is_known = replay->recorded || replay->replayed || !replay->has_begun;
    enum sk_code code = SK_OK;
    open_record(&record, event);
    if (is_in_place(replay, event->type, &attempt.found)) {
        if (is_known) {
            code = try_both(replay, &attempt, error);
        } else {
            check_alone(&record, &attempt.found);
        }
    }
    if (!code && attempt.found.count == 0 && !record.session) {
        sk_comparison_note(&attempt.found, "snapshot", record.why.text, "(a session)");
    }
    if (!code) {
        tell(replay, event, &attempt.found);
        go_on(replay, &record, &attempt);
    }
    close_attempt(&attempt);
    close_record(&record);
    return code;
}
