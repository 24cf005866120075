/* Pages of live sessions. Owns the statement that finds them; how long Redis keeps one is change.h's. */
#include "audit/candidates.h"

#include "common/change.h"
#include "common/codec.h"
#include "common/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE "500"

#define MS_OF(instant) "(extract(epoch FROM " instant ") * 1000)::bigint"

/* $1 nothing older, $2 nothing older unless a clock may be running. An id's newest life only: the elder are over. */
#define LIVE                                                                                                           \
    "s.status IN ('pending', 'running', 'paused') AND s.updated_at >= sync_instant($1::bigint)"                        \
    "    AND (s.status = 'running' OR s.updated_at >= sync_instant($2::bigint))"                                       \
    "    AND NOT EXISTS (SELECT FROM sync_sessions n"                                                                  \
    "        WHERE n.session_id = s.session_id AND n.created_at > s.created_at)"

static const char count_sql[] = "SELECT count(*) FROM sync_sessions s WHERE " LIVE;

/* $3 and $4 the session behind which the page begins, $5 whether snapshots of running ones are wanted. Pages go by
 * sync_sessions_by_creation, which is the order that the table itself is in: an index on what is asked for, the last
 * change, would have to be written with every batch of the worker. */
static const char page_sql[] = "SELECT s.session_id, " MS_OF("s.created_at") ", " MS_OF(
    "s.updated_at") ","
                    "    coalesce(e.type = 'session_deleted', false),"
                    "    CASE WHEN s.status = 'running' AND $5::boolean THEN e.state_snapshot END"
                    "  FROM sync_sessions s LEFT JOIN sync_events e ON e.event_id = s.last_event_id"
                    "  WHERE (s.created_at, s.session_id) < (sync_instant($3::bigint), $4::text) AND " LIVE
                    "  ORDER BY s.created_at DESC, s.session_id DESC LIMIT " PAGE;

enum column { SESSION_ID, CREATED_AT_MS, UPDATED_AT_MS, DELETED, SNAPSHOT };

#define BEYOND_ALL_MS "253402300799999" /* the end of the year 9999 */

struct bounds {
    char any_ms[24];
    char still_ms[24];
};

/* What Redis keeps of a session that no clock runs of is the same for all of them. */
static enum sk_code find_bounds(const struct sk_candidates_wish *wish, struct bounds *bounds, struct sk_error *error)
{
    struct sk_session *still = sk_session_new();
    if (!still) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    bool by_date = wish->since_ms != SK_NONE;
    int64_t ttl_ms = sk_change_ttl_ms(still, wish->now_ms, wish->session_ttl_ms);
    (void)snprintf(bounds->any_ms, sizeof bounds->any_ms, "%" PRId64, by_date ? wish->since_ms : 0);
    (void)snprintf(bounds->still_ms, sizeof bounds->still_ms, "%" PRId64,
                   by_date ? wish->since_ms : wish->now_ms - ttl_ms);
    sk_session_free(still);
    return SK_OK;
}

enum sk_code sk_candidates_count(struct sk_database *database, const struct sk_candidates_wish *wish, int64_t *count,
                                 struct sk_error *error)
{
    struct bounds bounds;
    PGresult *result = NULL;
    const char *const parameters[] = {bounds.any_ms, bounds.still_ms};
    enum sk_code code = find_bounds(wish, &bounds, error);
    if (!code) {
        code = sk_database_query(database, count_sql, 2, parameters, &result, error);
    }
    *count = code ? 0 : strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return code;
}

enum sk_code sk_candidates_turn(struct sk_database *database, const struct sk_candidates_wish *wish,
                                struct sk_candidates *page, struct sk_error *error)
{
    struct bounds bounds;
    PGresult *next = NULL;
    int last = page->count - 1;
    const char *const parameters[] = {
        bounds.any_ms, bounds.still_ms, last >= 0 ? PQgetvalue(page->rows, last, CREATED_AT_MS) : BEYOND_ALL_MS,
        last >= 0 ? PQgetvalue(page->rows, last, SESSION_ID) : "", wish->since_ms == SK_NONE ? "true" : "false"};
    enum sk_code code = find_bounds(wish, &bounds, error);
    if (!code) {
        code = sk_database_query(database, page_sql, 5, parameters, &next, error);
    }
    PQclear(page->rows);
    page->rows = next;
    page->count = PQntuples(next);
    return code;
}

void sk_candidates_clear(struct sk_candidates *page)
{
    PQclear(page->rows);
    *page = (struct sk_candidates){.count = 0};
}

const char *sk_candidates_id(const struct sk_candidates *page, int row)
{
    return PQgetvalue(page->rows, row, SESSION_ID);
}

bool sk_candidates_deleted(const struct sk_candidates *page, int row)
{
    return strcmp(PQgetvalue(page->rows, row, DELETED), "t") == 0;
}

bool sk_candidates_past(const struct sk_candidates *page, int row, const struct sk_candidates_wish *wish)
{
    struct sk_session *session = NULL;
    if (PQgetisnull(page->rows, row, SNAPSHOT) ||
        sk_codec_read(PQgetvalue(page->rows, row, SNAPSHOT), (size_t)PQgetlength(page->rows, row, SNAPSHOT), &session,
                      NULL)) {
        return false;
    }
    int64_t changed_ms = strtoll(PQgetvalue(page->rows, row, UPDATED_AT_MS), NULL, 10);
    bool past = changed_ms + sk_change_ttl_ms(session, changed_ms, wish->session_ttl_ms) <= wish->now_ms;
    sk_session_free(session);
    return past;
}
