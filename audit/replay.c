/* One event after the other through the engine, as the store puts a change through it; what was recorded is held
 * against what comes out. */
#include "audit/replay.h"

#include "audit/attempt.h"
#include "common/change.h"
#include "common/codec.h"

#include <stdio.h>
#include <string.h>

_Static_assert(SK_COMPARISON_MAX == SK_REPLAY_DIFFERENCES_MAX, "all that is found is told");

/* An event read: what it says was the session after it. */
struct record {
    const struct sk_replay_event *event;
    json_t *snapshot;           /* owned; NULL: none, or no JSON */
    struct sk_session *session; /* owned; NULL: no session */
    struct sk_error why;        /* … why not */
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

static struct sk_attempt begin_attempt(const struct record *record)
{
    return (struct sk_attempt){.event = record->event, .recorded = record->session, .why_not = record->why.text};
}

static enum sk_code out_of_memory(struct sk_error *error)
{
    return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
}

/* --- comparing -------------------------------------------------------------------------------------------------- */

static enum sk_code compare_expiries(struct sk_attempt *attempt, bool expires, struct sk_error *error)
{
    json_error_t fault;
    struct sk_buffer text = {0};
    const char *recorded_text = attempt->event->expiries ? attempt->event->expiries : "[]";
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

static enum sk_code compare_snapshot(const json_t *recorded, struct sk_attempt *attempt, struct sk_error *error)
{
    json_error_t fault;
    struct sk_buffer text = {0};
    sk_codec_write(&text, attempt->session);
    json_t *replayed = text.failed ? NULL : sk_codec_parse(text.data, text.length, &fault);
    if (replayed) {
        sk_comparison_json(&attempt->found, "snapshot", recorded, replayed);
    }
    sk_buffer_clear(&text);
    json_decref(replayed);
    return replayed ? SK_OK : out_of_memory(error);
}

/* The end of every change, as it is recorded; and the record held against it. */
static enum sk_code compare(const struct record *record, struct sk_attempt *attempt, struct sk_error *error)
{
    const struct sk_replay_event *event = attempt->event;
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
    sk_attempt_check_metadata(attempt);
    enum sk_code code = compare_expiries(attempt, expires, error);
    return code ? code : compare_snapshot(record->snapshot, attempt, error);
}

/* Puts the event to the session before it (a copy is changed). What differs is in attempt->found. */
static enum sk_code try_from(const struct record *record, struct sk_attempt *attempt, const struct sk_session *before,
                             struct sk_error *error)
{
    if (before) {
        attempt->session = sk_session_copy(before);
        if (!attempt->session) {
            return out_of_memory(error);
        }
    }
    enum sk_code code = sk_attempt_apply(attempt, error);
    if (code) {
        return code;
    }
    bool applied =
        attempt->session && (attempt->found.count == 0 || strcmp(attempt->found.list[0].field, "at_ms") == 0);
    if (applied) {
        code = compare(record, attempt, error);
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
static void go_on(struct sk_replay *replay, struct record *record, struct sk_attempt *attempt)
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
static enum sk_code try_both(const struct sk_replay *replay, const struct record *record, struct sk_attempt *attempt,
                             struct sk_error *error)
{
    const struct sk_session *before = replay->recorded ? replay->recorded : replay->replayed;
    enum sk_code code = try_from(record, attempt, before, error);
    if (code || attempt->found.count == 0 || !replay->replayed || before == replay->replayed) {
        return code;
    }
    struct sk_attempt other = begin_attempt(record);
    code = try_from(record, &other, replay->replayed, error);
    bool is_better = !code && other.found.count == 0;
    sk_attempt_close(is_better ? attempt : &other);
    if (is_better) {
        *attempt = other;
    }
    return code;
}

enum sk_code sk_replay_next(struct sk_replay *replay, const struct sk_replay_event *event, struct sk_error *error)
{
    struct record record;
    bool is_known = replay->recorded || replay->replayed || !replay->has_begun;
    enum sk_code code = SK_OK;
    open_record(&record, event);
    struct sk_attempt attempt = begin_attempt(&record);
    if (is_in_place(replay, event->type, &attempt.found)) {
        if (is_known) {
            code = try_both(replay, &record, &attempt, error);
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
    sk_attempt_close(&attempt);
    close_record(&record);
    return code;
}
