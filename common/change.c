/* What a change consists of: events, messages, stored form, timer, lifetime. transaction.c sends it. */
#include "common/change.h"

#include "common/codec.h"
#include "common/frames.h"
#include "common/iso_time.h"
#include "common/json_writer.h"
#include "common/view.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

int64_t sk_change_ttl_ms(const struct sk_session *session, int64_t now_ms, int64_t session_ttl_ms)
{
    if (sk_session_ended(session)) {
        return session_ttl_ms;
    }
    int64_t deadline = sk_engine_deadline(session);
    int64_t until_deadline = deadline == SK_NONE ? 0 : deadline - now_ms + HOUR_MS;
    return until_deadline > DAY_MS ? until_deadline : DAY_MS;
}

void sk_change_write_expiries(struct sk_buffer *out, const struct sk_settlement *settlement)
{
    struct sk_json_writer writer = {.out = out};
    sk_json_array(&writer, NULL);
    for (size_t i = 0; settlement && i < settlement->kept; i++) {
        const struct sk_expiry *expiry = &settlement->expiries[i];
        sk_json_object(&writer, NULL);
        sk_json_id(&writer, "participant_id", expiry->participant_id);
        sk_json_id(&writer, "group_id", expiry->group_id);
        sk_json_int(&writer, "at_ms", expiry->at_ms);
        sk_json_value(&writer, "action_applied", expiry->action_applied);
        sk_json_object_end(&writer);
    }
    sk_json_array_end(&writer);
}

/* The arguments of an operation, complete enough to apply it once more. */
static void write_arguments(struct sk_buffer *out, const struct sk_operation *operation, const char *reason)
{
    struct sk_json_writer writer = {.out = out};
    sk_json_object(&writer, NULL);
    enum sk_op op = operation ? operation->op : SK_OP_VIEW;
    if (op == SK_OP_SWITCH) {
        sk_json_id(&writer, "current_participant_id", operation->current_participant_id);
        sk_json_ms(&writer, "current_cycle_number", operation->current_cycle_number);
        sk_json_id(&writer, "next_participant_id", operation->next_participant_id);
    }
    if (op == SK_OP_ADJUST) {
        sk_json_int(&writer, operation->is_delta ? "delta_ms" : "total_time_ms", operation->time_ms);
    }
    if (op == SK_OP_ADD) {
        sk_json_ms(&writer, "participant_index", operation->index);
        sk_json_ms(&writer, "total_time_ms", operation->time_ms);
        sk_json_id(&writer, "group_id", operation->group_id);
    }
    if (reason) {
        sk_json_string(&writer, "reason", reason);
    }
    sk_json_object_end(&writer);
}

/* Records what has just been done to the session as an event, with the session after it. */
static struct sk_transaction_event *record(struct sk_change *change, const char *type, const char *participant_id)
{
    struct sk_session *session = change->session;
    memcpy(change->transaction.session_id, session->id, SK_ID_BYTES);
    change->transaction.created_at_ms = session->created_at_ms;
    if (change->now_ms > session->updated_at_ms) {
        session->updated_at_ms = change->now_ms;
    }
    change->transaction.now_ms = change->now_ms;
    struct sk_transaction_event *event = sk_transaction_event(&change->transaction, type, session->last_event_id);
    (void)snprintf(event->participant_id, sizeof(event->participant_id), "%s", participant_id);
    event->version = session->version;
    event->cycle_number = session->cycle_number;
    sk_codec_write(&event->snapshot, session);
    return event;
}

void sk_change_record_settlement(struct sk_change *change)
{
    struct sk_transaction_event *event =
        record(change, "time_expired", change->settlement.expiries[change->settlement.kept - 1].participant_id);
    event->expiry_count = change->settlement.count;
    sk_change_write_expiries(&event->expiries, &change->settlement);
    write_arguments(&event->metadata, NULL, NULL);
}

void sk_change_record(struct sk_change *change, const char *type, const char *participant_id)
{
    struct sk_transaction_event *event = record(change, type, participant_id);
    sk_change_write_expiries(&event->expiries, NULL);
    write_arguments(&event->metadata, change->operation, change->reason);
}

bool sk_change_record_recovery(struct sk_change *change)
{
    char at[SK_ISO_TIME_BYTES];
    struct sk_session *session = change->session;
    json_t *metadata = session->metadata ? json_copy(session->metadata) : json_object();
    bool good = json_object_set_new(metadata, "recovered", json_true()) == 0 &&
                json_object_set_new(metadata, "recovered_at", json_string(sk_iso_time(change->now_ms, at))) == 0;
    if (good) {
        sk_json_replace(&session->metadata, metadata);
        session->version++;
        sk_change_record(change, "session_recovered", "");
    }
    json_decref(metadata);
    return good;
}

static struct sk_buffer *begin_message(struct sk_change *change, enum sk_message_type type, unsigned audience)
{
    struct sk_message_header header = {.type = type,
                                       .version = change->session->version,
                                       .updated_at_ms = change->session->updated_at_ms,
                                       .committed_at_ms = change->now_ms};
    if (change->origin->request_id) {
        (void)snprintf(header.request_id, sizeof(header.request_id), "%s", change->origin->request_id);
    }
    struct sk_buffer *message = sk_transaction_message(&change->transaction, audience);
    sk_message_write_header(message, &header);
    return message;
}

static void announce_expiries(struct sk_change *change)
{
    for (size_t i = 0; i < change->settlement.kept; i++) {
        sk_frame_expired(begin_message(change, SK_MESSAGE_TIME_EXPIRED, SK_TO_CLIENTS | SK_TO_FEED),
                         change->session->id, change->now_ms, &change->settlement.expiries[i],
                         change->settlement.count);
    }
}

static void tell_feed(struct sk_change *change, enum sk_message_type type)
{
    sk_frame_life(begin_message(change, type, SK_TO_FEED), sk_message_type_name(type), change->session, change->now_ms,
                  change->origin->actor);
}

/* What the feed is told of an event by its own name; an end is told by the change of status, however it came. */
static const struct {
    const char *event_type;
    enum sk_message_type message;
} lives[] = {
    {"session_created", SK_MESSAGE_SESSION_CREATED},
    {"session_started", SK_MESSAGE_SESSION_STARTED},
    {"session_paused", SK_MESSAGE_SESSION_PAUSED},
    {"session_resumed", SK_MESSAGE_SESSION_RESUMED},
};

static void announce_event(struct sk_change *change, const char *event_type)
{
    for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
        if (strcmp(lives[i].event_type, event_type) == 0) {
            tell_feed(change, lives[i].message);
        }
    }
}

/* What has become of the session, to the feed: a plain switch is nothing of the kind. A session ends once: to complete
 * one that has expired is not another end. */
static void announce_life(struct sk_change *change)
{
    for (size_t i = 0; i < change->transaction.event_count; i++) {
        announce_event(change, change->transaction.events[i].type);
    }
    if (sk_session_ended(change->session) && !sk_status_ended(change->transaction.indexed_from)) {
        tell_feed(change, SK_MESSAGE_SESSION_ENDED);
    }
}

void sk_change_render(struct sk_change *change)
{
    struct sk_json_writer writer = {.out = &change->view};
    sk_buffer_reset(&change->view);
    sk_view_write(&writer, NULL, change->session, change->now_ms);
}

void sk_change_complete(struct sk_change *change)
{
    struct sk_transaction *transaction = &change->transaction;
    const struct sk_session *session = change->session;
    sk_change_render(change);
    announce_expiries(change);
    /* What comes back may be older than what a client saw last: only a STATE_SYNC always counts. */
    enum sk_message_type type = change->stands_in ? SK_MESSAGE_STATE_SYNC : SK_MESSAGE_STATE_UPDATE;
    struct sk_buffer *update = begin_message(change, type, SK_TO_CLIENTS);
    sk_frame_state(update, sk_message_type_name(type), session->id, change->now_ms, sk_buffer_text(&change->view),
                   change->view.length);
    update->failed = update->failed || change->view.failed;
    announce_life(change);
    transaction->ttl_ms = sk_change_ttl_ms(session, change->now_ms, change->session_ttl_ms);
    transaction->next_timer_ms = sk_engine_next_timer(session, change->now_ms);
    transaction->keeps_due_timer = sk_engine_deadline(session) == change->deadline_before_ms;
    transaction->indexed_to = session->status;
}

void sk_change_complete_deletion(struct sk_change *change)
{
    struct sk_transaction *transaction = &change->transaction;
    const struct sk_session *session = change->session;
    announce_expiries(change);
    announce_life(change);
    sk_frame_plain(begin_message(change, SK_MESSAGE_SESSION_DELETED, SK_TO_CLIENTS), "SESSION_DELETED", session->id,
                   change->now_ms);
    tell_feed(change, SK_MESSAGE_SESSION_DELETED);
    sk_codec_write_tombstone(&transaction->tombstone, session->id, session->last_event_id,
                             change->now_ms > session->created_at_ms ? change->now_ms : session->created_at_ms);
    transaction->ttl_ms = SK_TOMBSTONE_MS;
    transaction->next_timer_ms = SK_NONE;
    transaction->indexed_to = SK_STATUS_COUNT;
}

static const char *const event_types[] = {
    [SK_OP_START] = "session_started",  [SK_OP_SWITCH] = "cycle_switched",      [SK_OP_PAUSE] = "session_paused",
    [SK_OP_RESUME] = "session_resumed", [SK_OP_COMPLETE] = "session_completed", [SK_OP_CANCEL] = "session_cancelled",
    [SK_OP_ADJUST] = "time_adjusted",   [SK_OP_ADD] = "participant_added",      [SK_OP_REMOVE] = "participant_removed",
};

enum sk_op sk_change_op_of(const char *event_type)
{
    for (int op = 0; op < SK_OP_COUNT; op++) {
        if (event_types[op] && strcmp(event_types[op], event_type) == 0) {
            return (enum sk_op)op;
        }
    }
    return SK_OP_COUNT;
}

void sk_change_record_operation(struct sk_change *change, const char *participant_id)
{
    sk_change_record(change, event_types[change->operation->op], participant_id);
}

void sk_change_forget(struct sk_change *change)
{
    sk_transaction_clear(&change->transaction);
    sk_settlement_clear(&change->settlement);
    sk_buffer_clear(&change->view);
    sk_session_free(change->session);
    change->session = NULL;
    change->unreadable = false;
    change->absent = false;
    change->stands_in = false;
    change->deadline_before_ms = SK_NONE;
    change->deleted_at_ms = SK_NONE;
}
