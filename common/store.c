/* The session store: its life, and its calls. Reading is in store_read.c, the attempts of a change in store_change.c,
 * what Redis lost in store_lost.c. */
#include "common/store_parts.h"

#include "common/toll.h"

#include <stdlib.h>
#include <string.h>

struct sk_store *sk_store_new(const struct sk_store_options *options)
{
    struct sk_store *store = calloc(1, sizeof(*store));
    if (!store) {
        return NULL;
    }
    store->redis = sk_redis_new(&options->url, options->timeout_ms);
    store->session_ttl_ms = options->session_ttl_s * 1000;
    store->audit_max_backlog = options->audit_max_backlog;
    store->find = options->find;
    store->find_context = options->find_context;
    if (!store->redis) {
        free(store);
        return NULL;
    }
    return store;
}

void sk_store_free(struct sk_store *store)
{
    if (store) {
        sk_redis_free(store->redis);
        free(store);
    }
}

struct sk_redis *sk_store_redis(struct sk_store *store)
{
    return store->redis;
}

void sk_result_clear(struct sk_result *result)
{
    sk_session_free(result->session);
    sk_buffer_clear(&result->view);
    sk_settlement_clear(&result->settlement);
    memset(result, 0, sizeof(*result));
}

/* Moves what the caller gets out of the change, and frees the rest. */
static void hand_over(struct sk_change *change, enum sk_code code, struct sk_result *result)
{
    result->session = change->session;
    result->now_ms = change->now_ms;
    result->unreadable = change->unreadable;
    change->session = NULL;
    if (!code) {
        result->view = change->view;
        change->view = (struct sk_buffer){0};
    }
    result->settlement = change->settlement;
    change->settlement = (struct sk_settlement){.count = 0};
    sk_change_forget(change);
}

/* Once more, now that the session was brought back. What that settled counts as this change's settling too. */
static enum sk_code change_recovered(struct sk_store *store, struct sk_change *change, struct sk_result *result,
                                     struct sk_error *error)
{
    struct sk_settlement before = change->settlement;
    change->settlement = (struct sk_settlement){.count = 0};
    change->cycle_began = before.cycle_began;
    enum sk_code code = sk_store_run(store, change, sk_store_prepare_operation, &result->conflicts, error);
    if (code == SK_SESSION_NOT_FOUND && change->absent) {
        code = sk_fail(error, SK_STATE_STORE_UNAVAILABLE, "redis lost session %s again", change->session_id);
    }
    if (change->settlement.count == 0) {
        change->settlement = before;
    } else {
        sk_settlement_clear(&before);
    }
    return code;
}

/* The same change of a session that Redis does not have. */
static enum sk_code change_lost(struct sk_store *store, struct sk_change *change, struct sk_result *result,
                                struct sk_error *error)
{
    enum sk_code code = sk_store_recover(store, change, result, error);
    if (code || change->operation->op == SK_OP_VIEW) {
        return code;
    }
    return result->archived ? sk_store_answer_archived(change, error) : change_recovered(store, change, result, error);
}

enum sk_code sk_store_change(struct sk_store *store, const char *session_id, const struct sk_operation *operation,
                             const struct sk_origin *origin, const char *reason, struct sk_result *result,
                             struct sk_error *error)
{
    struct sk_change change = {.session_id = session_id, .operation = operation, .origin = origin, .reason = reason};
    sk_result_clear(result);
    enum sk_code code = sk_store_run(store, &change, sk_store_prepare_operation, &result->conflicts, error);
    if (code == SK_SESSION_NOT_FOUND && sk_store_may_be_lost(store, &change)) {
        code = change_lost(store, &change, result, error);
    }
    hand_over(&change, code, result);
    return code;
}

/* A repeat of what created a session that Redis does not have any more. */
static enum sk_code find_created(struct sk_store *store, struct sk_change *change, struct sk_result *result,
                                 struct sk_error *error)
{
    enum sk_code code = sk_store_recover(store, change, result, error);
    if (code == SK_SESSION_NOT_FOUND) {
        code = sk_fail(error, SK_CONFLICT, "the session that this key created has gone");
    }
    return code;
}

enum sk_code sk_store_create(struct sk_store *store, struct sk_session *session, const struct sk_origin *origin,
                             struct sk_result *result, struct sk_error *error)
{
    struct sk_change change = {.session_id = session->id, .wanted = session, .origin = origin};
    sk_result_clear(result);
    enum sk_code code = sk_store_run(store, &change, sk_store_prepare_creation, &result->conflicts, error);
    if (code == SK_CONFLICT && sk_store_is_replayed(&change) && sk_store_may_be_lost(store, &change)) {
        code = find_created(store, &change, result, error);
    }
    hand_over(&change, code, result);
    sk_session_free(session);
    return code;
}

enum sk_code sk_store_delete(struct sk_store *store, const char *session_id, const struct sk_origin *origin,
                             struct sk_error *error)
{
    struct sk_change change = {.session_id = session_id, .origin = origin};
    int conflicts = 0;
    enum sk_code code = sk_store_run(store, &change, sk_store_prepare_deletion, &conflicts, error);
    if (!code && !sk_store_is_replayed(&change) && sk_store_may_be_lost(store, &change)) {
        code = sk_store_delete_lost(store, &change, &conflicts, error);
    }
    sk_change_forget(&change);
    return code;
}

enum sk_code sk_store_read(struct sk_store *store, const char *session_id, const struct sk_origin *origin,
                           struct sk_result *result, struct sk_error *error)
{
    static const struct sk_operation view = {
        .op = SK_OP_VIEW, .expected_version = SK_NONE, .current_cycle_number = SK_NONE, .index = SK_NONE};
    struct sk_change change = {.session_id = session_id, .origin = origin};
    sk_result_clear(result);
    enum sk_code code = sk_store_load(store, &change, false, error);
    if (code == SK_SESSION_NOT_FOUND && sk_store_may_be_lost(store, &change)) {
        code = sk_store_recover(store, &change, result, error);
        hand_over(&change, code, result);
        return code;
    }
    if (!code) {
        code = sk_engine_settle(change.session, change.now_ms, &change.settlement, error);
    }
    if (!code && change.settlement.count > 0) { /* what expired meanwhile is committed first */
        sk_change_forget(&change);
        return sk_store_change(store, session_id, &view, origin, NULL, result, error);
    }
    if (!code) {
        sk_change_render(&change);
        code = change.view.failed ? sk_fail(error, SK_INTERNAL_ERROR, "out of memory") : SK_OK;
    }
    hand_over(&change, code, result);
    return code;
}

enum sk_code sk_store_time(struct sk_store *store, int64_t max_age_ms, int64_t *now_ms, struct sk_error *error)
{
    if (!sk_server_clock_fresh(&store->clock, sk_monotonic_us(), max_age_ms)) {
        int64_t sent_us = 0;
        redisReply *reply = sk_store_ask(store, "TIME", SK_REDIS_TIME, &sent_us, error);
        int64_t redis_us = sk_redis_time_us(reply);
        freeReplyObject(reply);
        if (redis_us < 0) {
            return SK_STATE_STORE_UNAVAILABLE;
        }
        sk_server_clock_sample(&store->clock, sent_us, sk_monotonic_us(), redis_us);
    }
    *now_ms = sk_server_clock_at(&store->clock, sk_monotonic_us());
    return SK_OK;
}

enum sk_code sk_store_draw(struct sk_store *store, struct sk_terms *terms, struct sk_error *error)
{
    redisReply *replies[SK_TOLL_REPLIES_MAX];
    enum sk_code code = sk_redis_connect(store->redis, error);
    if (code) {
        return code;
    }
    size_t count = sk_toll_queue(store->redis, terms);
    if (count == 0) {
        return SK_OK;
    }
    sk_redis_intend(store->redis, SK_REDIS_LIMIT);
    code = sk_redis_collect(store->redis, count, replies, error);
    if (!code) {
        code = sk_toll_take(terms, replies, error);
        sk_redis_replies_free(count, replies);
    }
    return code;
}

enum sk_code sk_store_ping(struct sk_store *store, struct sk_error *error)
{
    int64_t sent_us = 0;
    redisReply *reply = sk_store_ask(store, "PING", SK_REDIS_OTHER, &sent_us, error);
    if (!reply) {
        return SK_STATE_STORE_UNAVAILABLE;
    }
    freeReplyObject(reply);
    return SK_OK;
}
