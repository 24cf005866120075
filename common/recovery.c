/* Asking PostgreSQL for a session that Redis lost, and deciding whether its answer can be believed: Redis may hold
 * events that have not reached it. Everything waiting is looked at before PostgreSQL is asked, so that what moves there
 * in between is seen in one place at least. */
#include "common/recovery.h"

#include "common/audit_queue.h"
#include "common/change.h"
#include "common/codec.h"
#include "common/keys.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FAILED_MAX 1000  /* entries of audit:failed that are looked through */
#define WAITING_MAX 1000 /* waiting entries that are, where the worker is behind */
#define WAITING_FEW 100  /* … and where it is not: what it has not written yet is among the newest */
#define BEHIND_MS 2000   /* it is, when the oldest entry has waited for so long */
#define LIST_REPLIES_MAX 2

/* $1 session. The newest life, by the index alone; within it, of its highest versions the event that happened last: a
 * branch that a failover abandoned may have come to a higher version than the one that is true. */
static const char newest_sql[] =
    "SELECT type, version, (extract(epoch FROM session_created_at) * 1000)::bigint, state_snapshot FROM sync_events"
    " WHERE event_id = (SELECT event_id FROM"
    "    (SELECT event_id, at, version FROM sync_events"
    "      WHERE session_id = $1 AND session_created_at ="
    "        (SELECT max(session_created_at) FROM sync_events WHERE session_id = $1)"
    "      ORDER BY version DESC, at DESC LIMIT 1000) highest"
    "    ORDER BY at DESC, version DESC LIMIT 1)";

/* Of that statement, in order. */
enum column { TYPE, VERSION, CREATED_AT_MS, SNAPSHOT };

/* What Redis knows. */
struct surroundings {
    bool is_unknown;               /* PostgreSQL said no a moment ago */
    int64_t oldest_ms;             /* age of the oldest waiting entry; SK_NONE: none waits */
    int64_t failed_count;          /* entries in audit:failed */
    struct sk_audit_batch waiting; /* owned: the newest */
    struct sk_audit_batch failed;  /* owned: the newest */
};

/* The newest event that PostgreSQL has of the session. */
struct newest {
    PGresult *rows; /* owned */
    bool found;
    int64_t created_at_ms; /* which life */
    int64_t version;
};

/* --- what Redis knows ------------------------------------------------------------------------------------------- */

/* The instant in a stream entry's id. */
static int64_t oldest_at_ms(const redisReply *entries)
{
    bool is_list = entries->type == REDIS_REPLY_ARRAY && entries->elements == 1;
    const redisReply *entry = is_list ? entries->element[0] : NULL;
    bool has_id = entry && entry->type == REDIS_REPLY_ARRAY && entry->elements > 0 && entry->element[0]->str;
    return has_id ? strtoll(entry->element[0]->str, NULL, 10) : SK_NONE;
}

static enum sk_code look_around(struct sk_redis *redis, const char *session_id, struct surroundings *around,
                                struct sk_error *error)
{
    struct sk_key unknown = sk_key_unknown(session_id);
    redisReply *replies[4];
    enum sk_code code = sk_redis_connect(redis, error);
    if (code) {
        return code;
    }
    sk_redis_queue(redis, "GET %s", unknown.text);
    sk_redis_queue(redis, "TIME");
    sk_redis_queue(redis, "XRANGE %s - + COUNT 1", SK_KEY_AUDIT);
    sk_redis_queue(redis, "XLEN %s", SK_KEY_AUDIT_FAILED);
    code = sk_redis_collect(redis, 4, replies, error);
    if (code) {
        return code;
    }
    for (size_t i = 0; i < 4 && !code; i++) {
        code = sk_redis_check(replies[i], error);
    }
    int64_t redis_us = code ? 0 : sk_redis_time_us(replies[1]);
    if (redis_us < 0) {
        code = sk_fail(error, SK_STATE_STORE_UNAVAILABLE, "redis: no time");
    }
    if (!code) {
        int64_t oldest_at = oldest_at_ms(replies[2]);
        int64_t age_ms = redis_us / 1000 - oldest_at;
        around->is_unknown = replies[0]->type == REDIS_REPLY_STRING;
        around->oldest_ms = oldest_at == SK_NONE ? SK_NONE : (age_ms > 0 ? age_ms : 0);
        around->failed_count = replies[3]->integer;
    }
    sk_redis_replies_free(4, replies);
    return code;
}

/* Redis forgets a deletion and an ended session in the ordinary way, and trusts PostgreSQL to know of it by then. */
static enum sk_code check_backlog(const struct sk_recovery *recovery, const struct surroundings *around,
                                  struct sk_error *error)
{
    int64_t bound_ms = recovery->session_ttl_ms < SK_TOMBSTONE_MS ? recovery->session_ttl_ms : SK_TOMBSTONE_MS;
    if (around->oldest_ms != SK_NONE && around->oldest_ms > bound_ms) {
        return sk_fail(error, SK_ARCHIVE_UNAVAILABLE,
                       "the oldest audit event has waited for %" PRId64
                       " ms, longer than what Redis forgets is kept (%" PRId64 " ms)",
                       around->oldest_ms, bound_ms);
    }
    if (around->failed_count > FAILED_MAX) {
        return sk_fail(error, SK_ARCHIVE_UNAVAILABLE,
                       "%" PRId64 " audit events are set aside, more than are looked through (%d)",
                       around->failed_count, FAILED_MAX);
    }
    return SK_OK;
}

/* Takes the reply out of its place. */
static enum sk_code take_list(redisReply **place, struct sk_audit_batch *batch, struct sk_error *error)
{
    redisReply *reply = *place;
    enum sk_code code = sk_redis_check(reply, error);
    *place = NULL;
    if (code) {
        freeReplyObject(reply);
        return code;
    }
    return sk_audit_batch_fill(batch, reply, reply, error);
}

/* Reads the entries that may say more than PostgreSQL does. */
static enum sk_code look_closer(const struct sk_recovery *recovery, struct sk_redis *redis, struct surroundings *around,
                                struct sk_error *error)
{
    redisReply *replies[LIST_REPLIES_MAX];
    size_t count = 0;
    size_t taken = 0;
    bool looks_at_waiting = around->oldest_ms != SK_NONE && !recovery->in_turn;
    if (looks_at_waiting) {
        sk_redis_queue(redis, "XREVRANGE %s + - COUNT %d", SK_KEY_AUDIT,
                       around->oldest_ms > BEHIND_MS ? WAITING_MAX : WAITING_FEW);
        count++;
    }
    if (around->failed_count > 0) {
        sk_redis_queue(redis, "XREVRANGE %s + - COUNT %d", SK_KEY_AUDIT_FAILED, FAILED_MAX);
        count++;
    }
    enum sk_code code = count > 0 ? sk_redis_collect(redis, count, replies, error) : SK_OK;
    if (code || count == 0) {
        return code;
    }
    if (looks_at_waiting) {
        code = take_list(&replies[taken++], &around->waiting, error);
    }
    if (!code && around->failed_count > 0) {
        code = take_list(&replies[taken++], &around->failed, error);
    }
    sk_redis_replies_free(count, replies);
    return code;
}

/* --- what PostgreSQL knows -------------------------------------------------------------------------------------- */

static int64_t number_at(const PGresult *rows, enum column column)
{
    return strtoll(PQgetvalue(rows, 0, (int)column), NULL, 10);
}

static enum sk_code ask(struct sk_archive *archive, const char *session_id, struct newest *newest,
                        struct sk_error *error)
{
    const char *const parameters[] = {session_id};
    enum sk_code code = sk_archive_query(archive, newest_sql, 1, parameters, &newest->rows, error);
    newest->found = !code && PQntuples(newest->rows) > 0;
    if (newest->found) {
        newest->version = number_at(newest->rows, VERSION);
        newest->created_at_ms = number_at(newest->rows, CREATED_AT_MS);
    }
    return code;
}

/* The session of the newest event. */
static enum sk_code read_newest(const struct newest *newest, const char *session_id, struct sk_session **session,
                                struct sk_error *error)
{
    if (!newest->found || strcmp(PQgetvalue(newest->rows, 0, TYPE), "session_deleted") == 0) {
        return sk_fail(error, SK_SESSION_NOT_FOUND, "no session %s", session_id);
    }
    if (PQgetisnull(newest->rows, 0, SNAPSHOT)) {
        return sk_fail(error, SK_INTERNAL_ERROR, "the newest event of session %s has no snapshot", session_id);
    }
    const char *text = PQgetvalue(newest->rows, 0, SNAPSHOT);
    enum sk_code code = sk_codec_read(text, (size_t)PQgetlength(newest->rows, 0, SNAPSHOT), session, error);
    if (!code && strcmp((*session)->id, session_id) != 0) {
        sk_session_free(*session);
        *session = NULL;
        code = SK_SESSION_NOT_FOUND;
    }
    return code == SK_SESSION_NOT_FOUND
               ? sk_fail(error, SK_INTERNAL_ERROR, "the newest snapshot of session %s is none of it", session_id)
               : code;
}

/* --- which of the two to believe -------------------------------------------------------------------------------- */

static bool is_text(const struct sk_audit_value *value, const char *text)
{
    return value->text && value->length == strlen(text) && memcmp(value->text, text, value->length) == 0;
}

/* A number that cannot be read might be any. */
static int64_t number_of(const struct sk_audit_value *value)
{
    char *end = NULL;
    int64_t number = value->text ? strtoll(value->text, &end, 10) : INT64_MAX;
    return end && end != value->text && *end == '\0' ? number : INT64_MAX;
}

/* Whether the batch has an event of the session that came after PostgreSQL's newest. */
static bool is_ahead(const struct sk_audit_batch *batch, const char *session_id, const struct newest *newest)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct sk_audit_value *field = batch->entries[i].event.field;
        if (!is_text(&field[SK_AUDIT_SESSION_ID], session_id)) {
            continue;
        }
        int64_t created_at_ms = number_of(&field[SK_AUDIT_CREATED_AT_MS]);
        bool same_life = newest->found && created_at_ms == newest->created_at_ms;
        if (!newest->found || created_at_ms > newest->created_at_ms ||
            (same_life && number_of(&field[SK_AUDIT_VERSION]) > newest->version)) {
            return true;
        }
    }
    return false;
}

/* Whether the key is there again: somebody else was faster, and what they did is what is waiting. */
static enum sk_code is_back(struct sk_redis *redis, const char *session_id, bool *back, struct sk_error *error)
{
    struct sk_key key = sk_key_session(session_id);
    redisReply *reply = sk_redis_command(redis, error, "EXISTS %s", key.text);
    if (!reply) {
        return SK_STATE_STORE_UNAVAILABLE;
    }
    *back = reply->integer > 0;
    freeReplyObject(reply);
    return SK_OK;
}

/* *back: the session is in Redis by now, so that what PostgreSQL does not know yet is no matter. */
static enum sk_code compare(struct sk_redis *redis, const char *session_id, const struct surroundings *around,
                            const struct newest *newest, bool *back, struct sk_error *error)
{
    bool waits = is_ahead(&around->waiting, session_id, newest);
    bool set_aside = is_ahead(&around->failed, session_id, newest);
    *back = false;
    if (!waits && !set_aside) {
        return SK_OK;
    }
    enum sk_code code = is_back(redis, session_id, back, error);
    if (code || *back) {
        return code;
    }
    return sk_fail(error, SK_ARCHIVE_UNAVAILABLE, "a newer event of session %s %s", session_id,
                   set_aside ? "was set aside in audit:failed" : "still waits for PostgreSQL");
}

/* Best effort: without the mark, PostgreSQL is asked once more. */
static void remember_unknown(struct sk_redis *redis, const char *session_id)
{
    struct sk_key unknown = sk_key_unknown(session_id);
    freeReplyObject(sk_redis_command(redis, NULL, "SET %s 1 PX %d", unknown.text, SK_UNKNOWN_MS));
}

static enum sk_code decide(const struct sk_recovery *recovery, struct sk_redis *redis, const char *session_id,
                           const struct surroundings *around, struct sk_session **session, struct sk_error *error)
{
    struct newest newest = {.found = false};
    bool back = false;
    enum sk_code code = ask(recovery->archive, session_id, &newest, error);
    code = code ? code : compare(redis, session_id, around, &newest, &back, error);
    code = code ? code : read_newest(&newest, session_id, session, error);
    if (code == SK_SESSION_NOT_FOUND && !back) {
        remember_unknown(redis, session_id);
    }
    PQclear(newest.rows);
    return code;
}

enum sk_code sk_recovery_find(void *context, struct sk_redis *redis, const char *session_id,
                              struct sk_session **session, struct sk_error *error)
{
    const struct sk_recovery *recovery = context;
    struct surroundings around = {.oldest_ms = SK_NONE};
    *session = NULL;
    enum sk_code code = look_around(redis, session_id, &around, error);
    if (!code && around.is_unknown) {
        return sk_fail(error, SK_SESSION_NOT_FOUND, "no session %s", session_id);
    }
    code = code ? code : check_backlog(recovery, &around, error);
    code = code ? code : look_closer(recovery, redis, &around, error);
    code = code ? code : decide(recovery, redis, session_id, &around, session, error);
    sk_audit_batch_clear(&around.waiting);
    sk_audit_batch_clear(&around.failed);
    return code;
}
