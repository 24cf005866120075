/* Asking PostgreSQL for a session that Redis lost, and deciding whether its answer can be believed: events that Redis
 * holds may not have reached it. What Redis knows is asked first, so that an event that is written in between is seen
 * in one of the two places. */
#include "common/recovery.h"

#include "common/change.h"
#include "common/codec.h"
#include "common/deletions.h"
#include "common/keys.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* $1 session. Its newest life; of that life's highest versions those events that no other one follows: one, or one for
 * each branch that a failover left behind; of these the one that happened last. Along one line instants decide nothing:
 * Redis' clock may be set back. */
static const char newest_sql[] =
    "WITH highest AS MATERIALIZED (SELECT event_id, prev_event_id, recorded_at, at, version FROM sync_events"
    "    WHERE session_id = $1 AND session_created_at ="
    "      (SELECT max(session_created_at) FROM sync_events WHERE session_id = $1)"
    "    ORDER BY version DESC, at DESC LIMIT 1000)"
    " SELECT type, (extract(epoch FROM session_created_at) * 1000)::bigint, state_snapshot FROM sync_events"
    "  WHERE event_id = (SELECT event_id FROM highest WHERE NOT EXISTS"
    "      (SELECT FROM highest next WHERE next.prev_event_id = highest.event_id)"
    "    ORDER BY at DESC, recorded_at DESC, version DESC LIMIT 1)";

/* Of that statement, in order. */
enum column { TYPE, CREATED_AT_MS, SNAPSHOT };

/* What Redis is asked, in order. */
enum question { UNKNOWN, TIME, OLDEST, DELETED, SET_ASIDE, QUESTIONS };

int64_t sk_recovery_trust_ms(int64_t session_ttl_ms)
{
    return session_ttl_ms < SK_TOMBSTONE_MS ? session_ttl_ms : SK_TOMBSTONE_MS;
}

/* --- what Redis knows ------------------------------------------------------------------------------------------- */

/* replies: owned by the caller after SK_OK. */
static enum sk_code ask_redis(struct sk_redis *redis, const char *session_id, redisReply *replies[QUESTIONS],
                              struct sk_error *error)
{
    struct sk_key unknown = sk_key_unknown(session_id);
    enum sk_code code = sk_redis_connect(redis, error);
    if (code) {
        return code;
    }
    sk_redis_queue(redis, "GET %s", unknown.text);
    sk_redis_queue(redis, "TIME");
    sk_redis_queue(redis, "XRANGE %s - + COUNT 1", SK_KEY_AUDIT);
    sk_redis_queue(redis, "HGET %s %s", SK_KEY_AUDIT_DELETED, session_id);
    sk_redis_queue(redis, "HEXISTS %s %s", SK_KEY_AUDIT_FAILED_SESSIONS, session_id);
    sk_redis_intend(redis, SK_REDIS_LOAD);
    code = sk_redis_collect(redis, QUESTIONS, replies, error);
    if (code) {
        return code;
    }
    for (size_t i = 0; i < QUESTIONS && !code; i++) {
        code = sk_redis_check(replies[i], error);
    }
    if (!code && sk_redis_time_us(replies[TIME]) < 0) {
        code = sk_fail(error, SK_STATE_STORE_UNAVAILABLE, "redis: no time");
    }
    if (code) {
        sk_redis_replies_free(QUESTIONS, replies);
    }
    return code;
}

/* The instant in the id of the first entry of a list; SK_NONE: it is empty. */
static int64_t oldest_at_ms(const redisReply *entries)
{
    bool is_list = entries->type == REDIS_REPLY_ARRAY && entries->elements == 1;
    const redisReply *entry = is_list ? entries->element[0] : NULL;
    bool has_id = entry && entry->type == REDIS_REPLY_ARRAY && entry->elements > 0 && entry->element[0]->str;
    return has_id ? strtoll(entry->element[0]->str, NULL, 10) : SK_NONE;
}

/* Whether PostgreSQL may be asked, and is not known to have nothing. */
static enum sk_code judge(const struct sk_recovery *recovery, const char *session_id, redisReply *const *replies,
                          struct sk_error *error)
{
    int64_t trust_ms = sk_recovery_trust_ms(recovery->session_ttl_ms);
    int64_t oldest_at = oldest_at_ms(replies[OLDEST]);
    int64_t waited_ms = sk_redis_time_us(replies[TIME]) / 1000 - oldest_at;
    if (replies[UNKNOWN]->type == REDIS_REPLY_STRING) {
        return sk_fail(error, SK_SESSION_NOT_FOUND, "no session %s", session_id);
    }
    if (oldest_at != SK_NONE && waited_ms > trust_ms) {
        return sk_fail(error, SK_ARCHIVE_UNAVAILABLE,
                       "the oldest audit event has waited for %" PRId64
                       " ms, longer than what Redis forgets is kept (%" PRId64 " ms)",
                       waited_ms, trust_ms);
    }
    return SK_OK;
}

/* --- what PostgreSQL knows -------------------------------------------------------------------------------------- */

static enum sk_code read_snapshot(const PGresult *rows, const char *session_id, struct sk_session **session,
                                  struct sk_error *error)
{
    if (PQgetisnull(rows, 0, SNAPSHOT)) {
        return sk_fail(error, SK_INTERNAL_ERROR, "the newest event of session %s has no snapshot", session_id);
    }
    const char *text = PQgetvalue(rows, 0, SNAPSHOT);
    enum sk_code code = sk_codec_read(text, (size_t)PQgetlength(rows, 0, SNAPSHOT), session, error);
    if (!code && strcmp((*session)->id, session_id) != 0) {
        sk_session_free(*session);
        *session = NULL;
        code = SK_SESSION_NOT_FOUND;
    }
    return code == SK_SESSION_NOT_FOUND
               ? sk_fail(error, SK_INTERNAL_ERROR, "the newest snapshot of session %s is none of it", session_id)
               : code;
}

/* Best effort: without the mark, PostgreSQL is asked once more. */
static void remember_unknown(struct sk_redis *redis, const char *session_id)
{
    struct sk_key unknown = sk_key_unknown(session_id);
    freeReplyObject(sk_redis_command(redis, NULL, "SET %s 1 PX %d", unknown.text, SK_UNKNOWN_MS));
}

/* rows: what PostgreSQL answered. An event that was set aside is one that PostgreSQL refused: it may be the newest. */
static enum sk_code decide(const PGresult *rows, redisReply *const *replies, const char *session_id,
                           struct sk_session **session, struct sk_error *error)
{
    bool found = PQntuples(rows) > 0;
    int64_t created_at_ms = found ? strtoll(PQgetvalue(rows, 0, CREATED_AT_MS), NULL, 10) : 0;
    bool deleted = found && (strcmp(PQgetvalue(rows, 0, TYPE), "session_deleted") == 0 ||
                             sk_deletion_covers(replies[DELETED], created_at_ms));
    if (!deleted && replies[SET_ASIDE]->integer > 0) {
        return sk_fail(error, SK_ARCHIVE_UNAVAILABLE, "events of session %s were set aside in %s", session_id,
                       SK_KEY_AUDIT_FAILED);
    }
    if (!found || deleted) {
        return sk_fail(error, SK_SESSION_NOT_FOUND, "no session %s", session_id);
    }
    return read_snapshot(rows, session_id, session, error);
}

enum sk_code sk_recovery_find(void *context, struct sk_redis *redis, const char *session_id,
                              struct sk_session **session, struct sk_error *error)
{
    const struct sk_recovery *recovery = context;
    const char *const parameters[] = {session_id};
    redisReply *replies[QUESTIONS];
    PGresult *rows = NULL;
    *session = NULL;
    enum sk_code code = ask_redis(redis, session_id, replies, error);
    if (code) {
        return code;
    }
    code = judge(recovery, session_id, replies, error);
    if (!code) {
        code = sk_archive_query(recovery->archive, newest_sql, 1, parameters, &rows, error);
        code = code ? code : decide(rows, replies, session_id, session, error);
        if (code == SK_SESSION_NOT_FOUND) {
            remember_unknown(redis, session_id);
        }
    }
    PQclear(rows);
    sk_redis_replies_free(QUESTIONS, replies);
    return code;
}
