/* MULTI … EXEC for one session, and what to make of its answer, or of none. */
#include "common/transaction.h"

#include "common/audit_event.h"
#include "common/codec.h"
#include "common/deletions.h"
#include "common/keys.h"
#include "common/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REPLIES_MAX (2 /* MULTI, EXEC */ + 5 + SK_TRANSACTION_EVENTS + 2 * SK_TRANSACTION_MESSAGES)
#define IDEMPOTENCY_MS INT64_C(86400000)

void sk_transaction_clear(struct sk_transaction *transaction)
{
    sk_buffer_clear(&transaction->tombstone);
    for (size_t i = 0; i < transaction->event_count; i++) {
        sk_buffer_clear(&transaction->events[i].snapshot);
        sk_buffer_clear(&transaction->events[i].expiries);
        sk_buffer_clear(&transaction->events[i].metadata);
    }
    for (size_t i = 0; i < transaction->message_count; i++) {
        sk_buffer_clear(&transaction->messages[i].text);
    }
    memset(transaction, 0, sizeof(*transaction));
}

struct sk_buffer *sk_transaction_message(struct sk_transaction *transaction, unsigned audience)
{
    struct sk_transaction_message *message = &transaction->messages[transaction->message_count++];
    message->audience = audience;
    return &message->text;
}

struct sk_transaction_event *sk_transaction_event(struct sk_transaction *transaction, const char *type,
                                                  char last_event_id[SK_UUID_BYTES])
{
    struct sk_transaction_event *event = &transaction->events[transaction->event_count++];
    event->type = type;
    memcpy(event->prev_event_id, last_event_id, SK_UUID_BYTES);
    sk_uuid_at(transaction->now_ms, event->event_id);
    memcpy(last_event_id, event->event_id, SK_UUID_BYTES);
    return event;
}

/* --- the commands ------------------------------------------------------------------------------------------------ */

/* One command under construction; numbers are kept beside it as text. */
struct command {
    const char *arg[2 * SK_AUDIT_FIELD_COUNT + 8];
    size_t length[2 * SK_AUDIT_FIELD_COUNT + 8];
    size_t count;
    char number[8][24];
    size_t number_count;
};

static void add(struct command *command, const char *text, size_t length)
{
    command->arg[command->count] = text;
    command->length[command->count++] = length;
}

static void add_text(struct command *command, const char *text)
{
    add(command, text, strlen(text));
}

static void add_buffer(struct command *command, const struct sk_buffer *buffer)
{
    add(command, sk_buffer_text(buffer), buffer->length);
}

static void add_number(struct command *command, int64_t number)
{
    char *text = command->number[command->number_count++];
    (void)snprintf(text, sizeof(command->number[0]), "%" PRId64, number);
    add_text(command, text);
}

static void send(struct sk_redis *redis, const struct command *command, size_t *sent)
{
    sk_redis_queue_args(redis, command->count, command->arg, command->length);
    ++*sent;
}

static const struct sk_buffer *stored(const struct sk_transaction *transaction)
{
    return transaction->tombstone.length > 0 ? &transaction->tombstone
                                             : &transaction->events[transaction->event_count - 1].snapshot;
}

static void send_state(struct sk_redis *redis, const struct sk_transaction *transaction, size_t *sent)
{
    struct sk_key key = sk_key_session(transaction->session_id);
    struct command command = {.count = 0};
    add_text(&command, "SET");
    add(&command, key.text, key.length);
    add_buffer(&command, stored(transaction));
    add_text(&command, "PX");
    add_number(&command, transaction->ttl_ms);
    send(redis, &command, sent);
}

static void send_timer(struct sk_redis *redis, const struct sk_transaction *transaction, size_t *sent)
{
    struct command command = {.count = 0};
    bool set = transaction->next_timer_ms != SK_NONE;
    add_text(&command, set ? "ZADD" : "ZREM");
    add_text(&command, SK_KEY_TIMERS);
    if (set && transaction->keeps_due_timer) {
        add_text(&command, "LT");
    }
    if (set) {
        add_number(&command, transaction->next_timer_ms);
    }
    add_text(&command, transaction->session_id);
    send(redis, &command, sent);
}

static void send_index(struct sk_redis *redis, const struct sk_transaction *transaction, size_t *sent)
{
    if (transaction->indexed_from == transaction->indexed_to && !transaction->indexed_anew) {
        return;
    }
    struct sk_key from = sk_key_index(transaction->indexed_from);
    struct sk_key to = sk_key_index(transaction->indexed_to);
    if (from.length > 0) {
        struct command command = {.count = 0};
        add_text(&command, "ZREM");
        add(&command, from.text, from.length);
        add_text(&command, transaction->session_id);
        send(redis, &command, sent);
    }
    if (to.length > 0) {
        struct command command = {.count = 0};
        add_text(&command, "ZADD");
        add(&command, to.text, to.length);
        add_number(&command, transaction->created_at_ms);
        add_text(&command, transaction->session_id);
        send(redis, &command, sent);
    }
}

static void add_field(struct command *command, enum sk_audit_field field)
{
    add_text(command, sk_audit_field_name(field));
}

static void add_text_field(struct command *command, enum sk_audit_field field, const char *text)
{
    add_field(command, field);
    add_text(command, text);
}

static void add_number_field(struct command *command, enum sk_audit_field field, int64_t number)
{
    add_field(command, field);
    add_number(command, number);
}

static void add_buffer_field(struct command *command, enum sk_audit_field field, const struct sk_buffer *buffer)
{
    add_field(command, field);
    add_buffer(command, buffer);
}

/* In the order of enum sk_audit_field, which the reader's fast path expects. */
static void send_event(struct sk_redis *redis, const struct sk_transaction *transaction,
                       const struct sk_transaction_event *event, const struct sk_origin *origin, size_t *sent)
{
    struct command command = {.count = 0};
    add_text(&command, "XADD");
    add_text(&command, SK_KEY_AUDIT);
    if (transaction->audit_max_backlog > 0) {
        add_text(&command, "MAXLEN");
        add_text(&command, "~"); /* whole blocks of the stream, which costs next to nothing */
        add_number(&command, transaction->audit_max_backlog);
    }
    add_text(&command, "*");
    add_text_field(&command, SK_AUDIT_EVENT_ID, event->event_id);
    add_text_field(&command, SK_AUDIT_PREV_EVENT_ID, event->prev_event_id);
    add_text_field(&command, SK_AUDIT_SESSION_ID, transaction->session_id);
    add_number_field(&command, SK_AUDIT_CREATED_AT_MS, transaction->created_at_ms);
    add_text_field(&command, SK_AUDIT_TYPE, event->type);
    add_text_field(&command, SK_AUDIT_PARTICIPANT_ID, event->participant_id);
    add_number_field(&command, SK_AUDIT_VERSION, event->version);
    add_number_field(&command, SK_AUDIT_CYCLE_NUMBER, event->cycle_number);
    add_text_field(&command, SK_AUDIT_ACTOR, origin->actor);
    add_text_field(&command, SK_AUDIT_REQUEST_ID, origin->request_id ? origin->request_id : "");
    add_number_field(&command, SK_AUDIT_AT_MS, transaction->now_ms);
    add_number_field(&command, SK_AUDIT_EXPIRY_COUNT, event->expiry_count);
    add_buffer_field(&command, SK_AUDIT_EXPIRIES, &event->expiries);
    add_buffer_field(&command, SK_AUDIT_SNAPSHOT, &event->snapshot);
    add_buffer_field(&command, SK_AUDIT_METADATA, &event->metadata);
    add_text_field(&command, SK_AUDIT_TRACE_ID, origin->trace_id ? origin->trace_id : "");
    send(redis, &command, sent);
}

static void publish(struct sk_redis *redis, const char *channel, const struct sk_buffer *text, size_t *sent)
{
    struct command command = {.count = 0};
    add_text(&command, "PUBLISH");
    add_text(&command, channel);
    add_buffer(&command, text);
    send(redis, &command, sent);
}

static void send_message(struct sk_redis *redis, const struct sk_transaction *transaction,
                         const struct sk_transaction_message *message, size_t *sent)
{
    if (message->audience & SK_TO_CLIENTS) {
        struct sk_key channel = sk_key_channel(transaction->session_id);
        publish(redis, channel.text, &message->text, sent);
    }
    if (message->audience & SK_TO_FEED) {
        publish(redis, SK_KEY_FEED, &message->text, sent);
    }
}

/* The key that makes the request safe to repeat is kept by the same MULTI as what it did. */
static void send_idempotency(struct sk_redis *redis, const struct sk_transaction *transaction, size_t *sent)
{
    if (transaction->idempotency_key[0] == '\0') {
        return;
    }
    struct sk_key key = sk_key_idempotency(transaction->session_id, transaction->idempotency_key);
    struct command command = {.count = 0};
    add_text(&command, "SET");
    add(&command, key.text, key.length);
    add_text(&command, transaction->fingerprint);
    add_text(&command, "PX");
    add_number(&command, IDEMPOTENCY_MS);
    send(redis, &command, sent);
}

/* What keeps a deleted session deleted until PostgreSQL knows of it. */
static void send_deletion_mark(struct sk_redis *redis, const struct sk_transaction *transaction, size_t *sent)
{
    char mark[SK_DELETION_BYTES];
    struct command command = {.count = 0};
    if (transaction->tombstone.length == 0) {
        return;
    }
    sk_deletion_mark(transaction->events[transaction->event_count - 1].event_id, transaction->created_at_ms, mark);
    add_text(&command, "HSET");
    add_text(&command, SK_KEY_AUDIT_DELETED);
    add_text(&command, transaction->session_id);
    add_text(&command, mark);
    send(redis, &command, sent);
}

static size_t send_all(struct sk_redis *redis, const struct sk_transaction *transaction, const struct sk_origin *origin)
{
    size_t sent = 2; /* MULTI and EXEC */
    sk_redis_queue(redis, "MULTI");
    send_state(redis, transaction, &sent);
    send_timer(redis, transaction, &sent);
    send_index(redis, transaction, &sent);
    send_idempotency(redis, transaction, &sent);
    send_deletion_mark(redis, transaction, &sent);
    for (size_t i = 0; i < transaction->event_count; i++) {
        send_event(redis, transaction, &transaction->events[i], origin, &sent);
    }
    for (size_t i = 0; i < transaction->message_count; i++) {
        send_message(redis, transaction, &transaction->messages[i], &sent);
    }
    sk_redis_queue(redis, "EXEC");
    return sent;
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

/* The connection broke, and with it went the answer. The old connection is cut off at the server first, so that what
 * is read now stays true; then the session's last event tells. */
static enum sk_commit read_back(struct sk_redis *redis, const struct sk_transaction *transaction,
                                struct sk_error *error)
{
    struct sk_key key = sk_key_session(transaction->session_id);
    char last[SK_UUID_BYTES] = "";
    struct sk_error why = {SK_OK, "somebody else has changed the session since"};
    redisReply *reply = NULL;
    if (!sk_redis_reconnect_exclusive(redis, &why)) {
        sk_redis_intend(redis, SK_REDIS_LOAD);
        reply = sk_redis_command(redis, &why, "GET %s", key.text);
    }
    bool known = reply && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_NIL);
    if (known && reply->type == REDIS_REPLY_STRING) {
        sk_codec_last_event(reply->str, reply->len, last);
    }
    freeReplyObject(reply);
    if (known && strcmp(last, transaction->events[transaction->event_count - 1].event_id) == 0) {
        return SK_COMMIT_DONE;
    }
    if (known && strcmp(last, transaction->base_event_id) == 0) {
        return SK_COMMIT_NOT_SENT;
    }
    (void)sk_fail(error, SK_OUTCOME_UNKNOWN, "the connection broke during the commit: %s", why.text);
    return SK_COMMIT_FAILED;
}

/* EXEC was refused as a whole, so nothing was executed; the first refused command says why. */
static enum sk_commit refused(redisReply *const *replies, size_t count, struct sk_error *error)
{
    struct sk_error why = {SK_OK, "redis: EXEC answered what it never does"};
    for (size_t i = 0; i < count && !sk_redis_check(replies[i], &why); i++) {
    }
    (void)sk_fail(error, SK_STATE_STORE_UNAVAILABLE, "%s", why.text);
    return SK_COMMIT_FAILED;
}

/* Redis does not roll back a command that fails by type: such a commit is a half one, and must be heard of. */
static enum sk_commit check_executed(const redisReply *executed, const struct sk_transaction *transaction,
                                     struct sk_error *error)
{
    for (size_t i = 0; i < executed->elements; i++) {
        if (executed->element[i]->type == REDIS_REPLY_ERROR) {
            sk_log(SK_LOG_ERROR, "a transaction was executed in part", SK_S("session_id", transaction->session_id),
                   SK_I("command", (int64_t)i), SK_S("error", executed->element[i]->str));
            (void)sk_fail(error, SK_INTERNAL_ERROR, "redis: %s", executed->element[i]->str);
            return SK_COMMIT_FAILED;
        }
    }
    return SK_COMMIT_DONE;
}

static bool out_of_memory(const struct sk_transaction *transaction)
{
    bool failed = transaction->tombstone.failed;
    for (size_t i = 0; i < transaction->event_count; i++) {
        const struct sk_transaction_event *event = &transaction->events[i];
        failed = failed || event->snapshot.failed || event->expiries.failed || event->metadata.failed;
    }
    for (size_t i = 0; i < transaction->message_count; i++) {
        failed = failed || transaction->messages[i].text.failed;
    }
    return failed;
}

enum sk_commit sk_transaction_commit(struct sk_redis *redis, const struct sk_transaction *transaction,
                                     const struct sk_origin *origin, struct sk_error *error)
{
    redisReply *replies[REPLIES_MAX];
    if (out_of_memory(transaction)) {
        sk_redis_disconnect(redis); /* ends the WATCH */
        (void)sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
        return SK_COMMIT_FAILED;
    }
    size_t count = send_all(redis, transaction, origin);
    sk_redis_intend(redis, SK_REDIS_COMMIT);
    if (sk_redis_collect(redis, count, replies, error)) {
        return read_back(redis, transaction, error);
    }
    const redisReply *executed = replies[count - 1];
    enum sk_commit outcome;
    if (executed->type == REDIS_REPLY_ARRAY) {
        outcome = check_executed(executed, transaction, error);
    } else if (executed->type == REDIS_REPLY_NIL) {
        outcome = SK_COMMIT_LOST_RACE;
    } else {
        outcome = refused(replies, count, error);
    }
    sk_redis_replies_free(count, replies);
    return outcome;
}
