/* Reading a session: WATCH, the terms, GET and TIME in one pipeline, and what the replies mean. Commits nothing. */
#include "common/store_parts.h"

#include "common/codec.h"
#include "common/keys.h"
#include "common/toll.h"

#include <string.h>

/* The session as the finder knows it stands in for one that Redis has no trace of; what else Redis may still have of it
 * (its place in the index) is put right by the commit. */
static enum sk_code stand_in(struct sk_change *change, struct sk_error *error)
{
    change->session = sk_session_copy(change->lost);
    if (!change->session) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    change->stands_in = true;
    change->transaction.indexed_from = change->session->status;
    change->transaction.indexed_anew = true;
    return SK_OK;
}

/* Makes of the replies to GET and TIME a session and an instant, and notes what a commit must build on. */
static enum sk_code understand(struct sk_store *store, struct sk_change *change, redisReply *const *replies,
                               int64_t sent_us, struct sk_error *error)
{
    const redisReply *stored = replies[0];
    struct sk_transaction *transaction = &change->transaction;
    int64_t redis_us = sk_redis_time_us(replies[1]);
    enum sk_code code = sk_redis_check(stored, error);
    if (code || redis_us < 0) {
        return code ? code : sk_fail(error, SK_STATE_STORE_UNAVAILABLE, "redis: no time");
    }
    sk_server_clock_sample(&store->clock, sent_us, sk_monotonic_us(), redis_us);
    change->now_ms = redis_us / 1000;
    transaction->indexed_from = SK_STATUS_COUNT;
    change->absent = stored->type == REDIS_REPLY_NIL;
    if (change->absent && change->lost) {
        return stand_in(change, error);
    }
    code = SK_SESSION_NOT_FOUND;
    if (stored->type == REDIS_REPLY_STRING) {
        code = sk_codec_read(stored->str, stored->len, &change->session, error);
        change->unreadable = code == SK_INTERNAL_ERROR;
    }
    if (!code && strcmp(change->session->id, change->session_id) != 0) {
        change->unreadable = true;
        return sk_fail(error, SK_INTERNAL_ERROR, "stored session is that of another id");
    }
    if (!code) {
        transaction->indexed_from = change->session->status;
        change->deadline_before_ms = sk_engine_deadline(change->session);
        memcpy(transaction->base_event_id, change->session->last_event_id, SK_UUID_BYTES);
    } else if (code == SK_SESSION_NOT_FOUND) {
        if (stored->str) { /* a tombstone */
            sk_codec_last_event(stored->str, stored->len, transaction->base_event_id);
            change->deleted_at_ms = sk_codec_deleted_at(stored->str, stored->len);
        }
        return sk_fail(error, code, "no session %s", change->session_id);
    }
    return code;
}

/* The order matters: sk_toll_queue_key says why. */
static enum sk_code load_once(struct sk_store *store, struct sk_change *change, bool watch, struct sk_error *error)
{
    struct sk_key key = sk_key_session(change->session_id);
    struct sk_terms *terms = change->origin->terms;
    redisReply *replies[SK_TOLL_REPLIES_MAX + 4];
    enum sk_code code = sk_redis_connect(store->redis, error);
    if (code) {
        return code;
    }
    int64_t sent_us = sk_monotonic_us();
    size_t watched = sk_toll_queue(store->redis, terms);
    if (watch) {
        sk_redis_queue(store->redis, "WATCH %s", key.text);
    }
    size_t keyed = watched + (watch ? 1 : 0);
    size_t got = keyed + (watch ? sk_toll_queue_key(store->redis, terms, change->session_id) : 0);
    sk_redis_queue(store->redis, "GET %s", key.text);
    sk_redis_queue(store->redis, "TIME");
    sk_redis_intend(store->redis, SK_REDIS_LOAD);
    code = sk_redis_collect(store->redis, got + 2, replies, error);
    if (code) {
        return code;
    }
    code = sk_toll_take(terms, replies, error);
    if (!code && watch) {
        code = sk_redis_check(replies[watched], error);
    }
    if (!code && got > keyed) {
        code = sk_toll_take_key(terms, replies[keyed], error);
    }
    if (!code) {
        code = understand(store, change, &replies[got], sent_us, error);
    }
    sk_redis_replies_free(got + 2, replies);
    return code;
}

/* Whether a connection that was thought to be there turned out to have been closed, so that what changes nothing can
 * simply be asked once more. */
static bool was_stale(const struct sk_store *store, bool was_connected)
{
    return was_connected && sk_redis_was_closed(store->redis);
}

enum sk_code sk_store_load(struct sk_store *store, struct sk_change *change, bool watch, struct sk_error *error)
{
    bool was_connected = sk_redis_connected(store->redis);
    enum sk_code code = load_once(store, change, watch, error);
    if (code == SK_STATE_STORE_UNAVAILABLE && was_stale(store, was_connected)) {
        code = load_once(store, change, watch, error);
    }
    return code;
}

/* Every path that read with WATCH and ends without EXEC comes through here, else the connection's next transaction,
 * of another session, would fail. */
void sk_store_unwatch(struct sk_store *store)
{
    redisReply *reply = sk_redis_connected(store->redis) ? sk_redis_command(store->redis, NULL, "UNWATCH") : NULL;
    if (!reply) {
        sk_redis_disconnect(store->redis);
    }
    freeReplyObject(reply);
}

static redisReply *ask_once(struct sk_store *store, const char *command, enum sk_redis_purpose purpose,
                            int64_t *sent_us, struct sk_error *error)
{
    *sent_us = 0;
    if (sk_redis_connect(store->redis, error)) { /* first, so that it does not count as a part of the round trip */
        return NULL;
    }
    *sent_us = sk_monotonic_us();
    sk_redis_intend(store->redis, purpose);
    return sk_redis_command(store->redis, error, command);
}

redisReply *sk_store_ask(struct sk_store *store, const char *command, enum sk_redis_purpose purpose, int64_t *sent_us,
                         struct sk_error *error)
{
    bool was_connected = sk_redis_connected(store->redis);
    redisReply *reply = ask_once(store, command, purpose, sent_us, error);
    return reply || !was_stale(store, was_connected) ? reply : ask_once(store, command, purpose, sent_us, error);
}
