/* The session store: read, settle, apply, commit, and what to do when somebody else was faster. */
#include "common/store.h"

#include "common/change.h"
#include "common/codec.h"
#include "common/keys.h"
#include "common/metrics.h"
#include "common/mode.h"
#include "common/toll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTEMPTS_MAX 8

struct sk_store {
    struct sk_redis *redis;
    struct sk_server_clock clock;
    int64_t session_ttl_ms;
};

struct sk_store *sk_store_new(const struct sk_store_options *options)
{
    struct sk_store *store = calloc(1, sizeof(*store));
    if (!store) {
        return NULL;
    }
    store->redis = sk_redis_new(&options->url, options->timeout_ms);
    store->session_ttl_ms = options->session_ttl_s * 1000;
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

/* --- reading ---------------------------------------------------------------------------------------------- */

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

static enum sk_code load(struct sk_store *store, struct sk_change *change, bool watch, struct sk_error *error)
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
static void unwatch(struct sk_store *store)
{
    redisReply *reply = sk_redis_connected(store->redis) ? sk_redis_command(store->redis, NULL, "UNWATCH") : NULL;
    if (!reply) {
        sk_redis_disconnect(store->redis);
    }
    freeReplyObject(reply);
}

/* --- changing --------------------------------------------------------------------------------------------- */

/* What a change does to the session once it is read (loaded: what reading came to): it fills the transaction, or
 * leaves it without an event where there is nothing to commit, and returns what the call answers with if that
 * succeeds. */
typedef enum sk_code prepare_fn(struct sk_change *change, enum sk_code loaded, struct sk_error *error);

static enum sk_code settle(struct sk_change *change, struct sk_error *error)
{
    enum sk_code code = sk_engine_settle(change->session, change->now_ms, &change->settlement, error);
    if (!code && change->settlement.count > 0) {
        sk_change_record_settlement(change);
    }
    return code;
}

/* Whether a concurrent change cannot alter what is meant (operation NULL: create or delete). A switch that names
 * neither the participant nor the cycle it ends, nor a version, means the state its sender saw. */
static bool is_repeatable(const struct sk_change *change)
{
    const struct sk_operation *operation = change->operation;
    bool expects = change->origin->terms && change->origin->terms->if_match != SK_NONE;
    return expects || !operation || operation->op != SK_OP_SWITCH || operation->current_participant_id[0] != '\0' ||
           operation->current_cycle_number != SK_NONE || operation->expected_version != SK_NONE;
}

/* Whether an earlier attempt, lost with its connection, was made on another state than this one. */
static bool comes_too_late(const struct sk_change *change)
{
    return change->tried_on[0] != '\0' && !is_repeatable(change) &&
           strcmp(change->tried_on, change->transaction.base_event_id) != 0;
}

/* Whom an operation is about: who was named, else whose cycle it was, else whose it is now. */
static void subject(const struct sk_session *session, const struct sk_operation *operation, char out[SK_ID_BYTES])
{
    const char *id = session->active == SK_NOBODY ? "" : session->participants[session->active].id;
    (void)snprintf(out, SK_ID_BYTES, "%s", operation->participant_id[0] != '\0' ? operation->participant_id : id);
}

/* Whether the request was made before: then nothing is applied, and the session as it is now is the answer. */
static bool is_replayed(const struct sk_change *change)
{
    return change->origin->terms && change->origin->terms->replayed;
}

/* If-Match, compared after settling and ahead of everything else. */
static enum sk_code check_match(const struct sk_change *change, struct sk_error *error)
{
    int64_t wanted = change->origin->terms ? change->origin->terms->if_match : SK_NONE;
    int64_t version = change->session ? change->session->version : 0;
    if (wanted == SK_NONE || wanted == version) {
        return SK_OK;
    }
    return sk_fail(error, SK_PRECONDITION_FAILED, "If-Match does not name the session's version (%lld)",
                   (long long)version);
}

/* The key under which this change is remembered, kept by the same commit. */
static void remember(struct sk_change *change)
{
    const struct sk_terms *terms = change->origin->terms;
    if (terms) {
        memcpy(change->transaction.idempotency_key, terms->idempotency_key, sizeof(terms->idempotency_key));
        memcpy(change->transaction.fingerprint, terms->fingerprint, sizeof(terms->fingerprint));
    }
}

static enum sk_code apply(struct sk_change *change, struct sk_error *error)
{
    char about[SK_ID_BYTES];
    struct sk_session *session = change->session;
    int64_t version = session->version;
    subject(session, change->operation, about);
    enum sk_code code = check_match(change, error);
    if (!code) {
        code = sk_engine_apply(session, change->operation, change->now_ms, &change->settlement, error);
    }
    if (!code && session->version != version) {
        if (about[0] == '\0') {
            subject(session, change->operation, about);
        }
        sk_change_record_operation(change, about);
        remember(change);
    }
    return code;
}

static enum sk_code prepare_operation(struct sk_change *change, enum sk_code loaded, struct sk_error *error)
{
    if (!loaded && !is_replayed(change) && comes_too_late(change)) {
        return sk_fail(error, SK_CONFLICT, "the session was changed by somebody else at the same time");
    }
    enum sk_code code = loaded ? loaded : settle(change, error);
    if (code) {
        return code;
    }
    code = is_replayed(change) ? SK_OK : apply(change, error);
    if (code == SK_INTERNAL_ERROR) {
        sk_transaction_clear(&change->transaction);
        return code;
    }
    if (change->transaction.event_count > 0) {
        sk_change_complete(change);
    } else if (!code) {
        sk_change_render(change);
    }
    return code;
}

static enum sk_code prepare_creation(struct sk_change *change, enum sk_code loaded, struct sk_error *error)
{
    if (!loaded && is_replayed(change)) {
        return prepare_operation(change, loaded, error);
    }
    if (loaded == SK_SESSION_NOT_FOUND && is_replayed(change)) {
        return sk_fail(error, SK_CONFLICT, "the session that this key created has gone");
    }
    if (!loaded && check_match(change, error)) {
        return SK_PRECONDITION_FAILED;
    }
    if (loaded != SK_SESSION_NOT_FOUND) {
        return loaded ? loaded : sk_fail(error, SK_SESSION_EXISTS, "session %s exists", change->session_id);
    }
    enum sk_code code = check_match(change, error);
    if (code) {
        return code;
    }
    change->session = sk_session_copy(change->wanted);
    if (!change->session) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    /* A life is known by its id and when it began: no two of an id may begin at the same instant. */
    bool too_soon = change->deleted_at_ms >= change->now_ms;
    sk_engine_create(change->session, too_soon ? change->deleted_at_ms + 1 : change->now_ms);
    sk_change_record(change, "session_created", "");
    remember(change);
    sk_change_complete(change);
    return SK_OK;
}

static enum sk_code prepare_deletion(struct sk_change *change, enum sk_code loaded, struct sk_error *error)
{
    if (loaded) {
        return loaded == SK_SESSION_NOT_FOUND ? SK_OK : loaded;
    }
    if (is_replayed(change)) {
        return SK_OK;
    }
    enum sk_code code = settle(change, error);
    if (code) {
        return code;
    }
    code = check_match(change, error);
    if (!code) {
        change->session->version++;
        sk_change_record(change, "session_deleted", "");
        remember(change);
        sk_change_complete_deletion(change);
    } else if (change->transaction.event_count > 0) {
        sk_change_complete(change); /* refused, but what had expired is committed */
    }
    return code;
}

static void count_commit(const struct sk_change *change, enum sk_commit outcome)
{
    if (outcome == SK_COMMIT_LOST_RACE) {
        sk_metrics_add(SK_METRIC_STATE_CONFLICTS, "", 1);
    } else if (outcome == SK_COMMIT_DONE && change->settlement.count > 0) {
        char labels[SK_ID_BYTES];
        (void)snprintf(labels, sizeof(labels), "mode=\"%s\"", change->session->config.mode->name);
        sk_metrics_add(SK_METRIC_EXPIRIES, labels, (uint64_t)change->settlement.count);
    }
}

/* One attempt: read, prepare, commit. *code is what the call answers with after SK_COMMIT_DONE (also where there was
 * nothing to commit) and SK_COMMIT_FAILED. */
static enum sk_commit attempt(struct sk_store *store, struct sk_change *change, prepare_fn *prepare, enum sk_code *code,
                              struct sk_error *error)
{
    sk_change_forget(change);
    *code = prepare(change, load(store, change, true, error), error);
    if (change->transaction.event_count == 0) {
        unwatch(store);
        return SK_COMMIT_DONE;
    }
    struct sk_error failure = {SK_OK, ""};
    enum sk_commit outcome = sk_transaction_commit(store->redis, &change->transaction, change->origin, &failure);
    count_commit(change, outcome);
    if (outcome == SK_COMMIT_FAILED) {
        *code = sk_fail(error, failure.code, "%s", failure.text);
    }
    if (outcome == SK_COMMIT_NOT_SENT) {
        memcpy(change->tried_on, change->transaction.base_event_id, SK_UUID_BYTES);
        *code = sk_fail(error, SK_STATE_STORE_UNAVAILABLE, "the connection broke during each commit");
    }
    if (outcome == SK_COMMIT_LOST_RACE) {
        memcpy(change->tried_on, change->transaction.base_event_id, SK_UUID_BYTES);
        *code = sk_fail(error, SK_CONFLICT, "the session was changed by somebody else at the same time");
    }
    return outcome;
}

static enum sk_code run(struct sk_store *store, struct sk_change *change, prepare_fn *prepare, int *conflicts,
                        struct sk_error *error)
{
    enum sk_code code = SK_OK;
    change->session_ttl_ms = store->session_ttl_ms;
    for (int number = 0; number < ATTEMPTS_MAX; number++) {
        enum sk_commit outcome = attempt(store, change, prepare, &code, error);
        if (outcome == SK_COMMIT_DONE) {
            return code;
        }
        *conflicts += outcome == SK_COMMIT_LOST_RACE;
        bool keyed = change->origin->terms && change->origin->terms->idempotency_key[0] != '\0';
        bool once = outcome == SK_COMMIT_LOST_RACE && !is_repeatable(change) && !keyed;
        if (outcome == SK_COMMIT_FAILED || once) { /* a keyed one looks at its key again first */
            break;
        }
    }
    sk_change_forget(change); /* what was not committed is nobody's business */
    return code;
}

/* --- the calls -------------------------------------------------------------------------------------------- */

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

enum sk_code sk_store_change(struct sk_store *store, const char *session_id, const struct sk_operation *operation,
                             const struct sk_origin *origin, const char *reason, struct sk_result *result,
                             struct sk_error *error)
{
    struct sk_change change = {.session_id = session_id, .operation = operation, .origin = origin, .reason = reason};
    sk_result_clear(result);
    enum sk_code code = run(store, &change, prepare_operation, &result->conflicts, error);
    hand_over(&change, code, result);
    return code;
}

enum sk_code sk_store_create(struct sk_store *store, struct sk_session *session, const struct sk_origin *origin,
                             struct sk_result *result, struct sk_error *error)
{
    struct sk_change change = {.session_id = session->id, .wanted = session, .origin = origin};
    sk_result_clear(result);
    enum sk_code code = run(store, &change, prepare_creation, &result->conflicts, error);
    hand_over(&change, code, result);
    sk_session_free(session);
    return code;
}

enum sk_code sk_store_delete(struct sk_store *store, const char *session_id, const struct sk_origin *origin,
                             struct sk_error *error)
{
    struct sk_change change = {.session_id = session_id, .origin = origin};
    int conflicts = 0;
    enum sk_code code = run(store, &change, prepare_deletion, &conflicts, error);
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
    enum sk_code code = load(store, &change, false, error);
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

static redisReply *ask_once(struct sk_store *store, const char *command, int64_t *sent_us, struct sk_error *error)
{
    *sent_us = 0;
    if (sk_redis_connect(store->redis, error)) { /* first, so that it does not count as a part of the round trip */
        return NULL;
    }
    *sent_us = sk_monotonic_us();
    return sk_redis_command(store->redis, error, command);
}

/* A command without consequences, asked once more where the connection had gone stale. */
static redisReply *ask(struct sk_store *store, const char *command, int64_t *sent_us, struct sk_error *error)
{
    bool was_connected = sk_redis_connected(store->redis);
    redisReply *reply = ask_once(store, command, sent_us, error);
    return reply || !was_stale(store, was_connected) ? reply : ask_once(store, command, sent_us, error);
}

enum sk_code sk_store_time(struct sk_store *store, int64_t max_age_ms, int64_t *now_ms, struct sk_error *error)
{
    if (!sk_server_clock_fresh(&store->clock, sk_monotonic_us(), max_age_ms)) {
        int64_t sent_us = 0;
        redisReply *reply = ask(store, "TIME", &sent_us, error);
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
    redisReply *reply = ask(store, "PING", &sent_us, error);
    if (!reply) {
        return SK_STATE_STORE_UNAVAILABLE;
    }
    freeReplyObject(reply);
    return SK_OK;
}
