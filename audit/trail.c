/* The statements that read the trail, and rows as what they mean. */
#include "audit/trail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINEAGE_ROWS 5000

#define EPOCH_MS(instant) "(extract(epoch FROM " instant ") * 1000)::bigint"

static const char *value_of(const PGresult *rows, int row, int column)
{
    return PQgetisnull(rows, row, column) ? NULL : PQgetvalue(rows, row, column);
}

static int64_t number_of(const PGresult *rows, int row, int column)
{
    return strtoll(PQgetvalue(rows, row, column), NULL, 10);
}

/* --- transactions ----------------------------------------------------------------------------------------------- */

/* A life is a few rows of big tables, and each statement below has an index that answers it in order. What the planner
 * knows of the tables may be hours old: it takes what came since for next to nothing, and reads all of it for each
 * life. So nothing but that index is left to it. A compiler is not worth its start. Set for the transaction only:
 * behind a pool, settings of a connection reach other clients. */
/* clang-format off */
#define BEGIN_SQL \
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;" \
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_hashjoin = off;" \
    "SET LOCAL enable_mergejoin = off; SET LOCAL jit = off"
/* clang-format on */

enum sk_code sk_trail_begin(struct sk_database *database, struct sk_error *error)
{
    bool is_open = sk_database_in_transaction(database);
    return sk_database_run(database, is_open ? "COMMIT; " BEGIN_SQL : BEGIN_SQL, NULL, error);
}

enum sk_code sk_trail_end(struct sk_database *database, struct sk_error *error)
{
    return sk_database_in_transaction(database) ? sk_database_run(database, "ROLLBACK", NULL, error) : SK_OK;
}

/* --- lives ------------------------------------------------------------------------------------------------------ */

/* $1, $2: the place; $3: the session, or null; $4: since when, or null; $5: how many. Both tables are asked, so that
 * events without a summary are found too: from one life to the next over the index, however many events lie between.
 * A life's events are gone through backwards, and OFFSET keeps the instant out of the search for them: the index by
 * time would bring all events since then, for each life. */
/* clang-format off */
static const char lives_sql[] =
    "WITH RECURSIVE eventful AS ("
    "    SELECT coalesce($1, '') AS session_id, coalesce($2::timestamptz, '-infinity') AS created_at, 0 AS number"
    "    UNION ALL"
    "    SELECT e.session_id, e.session_created_at, l.number + 1 FROM eventful l, LATERAL ("
    "        SELECT session_id, session_created_at FROM sync_events"
    "        WHERE (session_id, session_created_at) > (l.session_id, l.created_at)"
    "          AND ($3::text IS NULL OR session_id = $3)"
    "        ORDER BY session_id, session_created_at LIMIT 1) e"
    "    WHERE l.number < $5::int),"
    "  summed AS ("
    "    SELECT session_id, created_at FROM sync_sessions"
    "    WHERE (session_id, created_at) > (coalesce($1, ''), coalesce($2::timestamptz, '-infinity'))"
    "      AND ($3::text IS NULL OR session_id = $3)"
    "    ORDER BY session_id, created_at LIMIT $5::int),"
    "  lives AS ("
    "    SELECT session_id, created_at FROM eventful WHERE number > 0"
    "    UNION SELECT session_id, created_at FROM summed"
    "    ORDER BY session_id, created_at LIMIT $5::int)"
    " SELECT session_id, created_at, CASE WHEN isfinite(created_at) THEN " EPOCH_MS("created_at") " END,"
    "    $4::bigint IS NULL OR EXISTS (SELECT FROM ("
    "      SELECT at FROM sync_events e"
    "      WHERE e.session_id = lives.session_id AND e.session_created_at = lives.created_at"
    "      ORDER BY e.session_id DESC, e.session_created_at DESC, version DESC, at DESC OFFSET 0) AS backwards"
    "      WHERE at >= sync_instant($4::bigint)),"
    "    EXISTS (SELECT FROM sync_events e"
    "      WHERE e.session_id = lives.session_id AND e.session_created_at < lives.created_at)"
    "  FROM lives ORDER BY session_id, lives.created_at";
/* clang-format on */

enum sk_code sk_trail_lives(struct sk_database *database, const char *session_id, int64_t since_ms,
                            const struct sk_trail_life *after, PGresult **rows, struct sk_error *error)
{
    char since[24];
    char limit[24];
    const char *const parameters[] = {after ? after->session_id : NULL, after ? after->created_at : NULL, session_id,
                                      since_ms == INT64_MIN ? NULL : since, limit};
    (void)snprintf(since, sizeof(since), "%" PRId64, since_ms);
    (void)snprintf(limit, sizeof(limit), "%d", SK_TRAIL_LIVES);
    return sk_database_query(database, lives_sql, 5, parameters, rows, error);
}

struct sk_trail_life sk_trail_life(const PGresult *rows, int row)
{
    return (struct sk_trail_life){.session_id = PQgetvalue(rows, row, 0),
                                  .created_at = PQgetvalue(rows, row, 1),
                                  .created_at_ms = number_of(rows, row, 2),
                                  .is_wanted = PQgetvalue(rows, row, 3)[0] == 't',
                                  .has_former_life = PQgetvalue(rows, row, 4)[0] == 't'};
}

/* --- descent ---------------------------------------------------------------------------------------------------- */

/* $1, $2: the life; $3, $4, $5: the event behind which they stand, or null; $6: how many. The comparison without the
 * event's id is what the index can answer. */
/* clang-format off */
static const char lineage_sql[] =
    "SELECT event_id, prev_event_id, version, " EPOCH_MS("at") ", at, recorded_at > now() - interval '1 minute'"
    "  FROM sync_events WHERE session_id = $1 AND session_created_at = $2::timestamptz"
    "    AND ($3::bigint IS NULL OR ((version, at) >= ($3::bigint, $4::timestamptz)"
    "      AND (version, at, event_id) > ($3::bigint, $4::timestamptz, $5::uuid)))"
    "  ORDER BY version, at, event_id LIMIT $6::int";
/* clang-format on */

static enum sk_code add_events(const PGresult *rows, struct sk_lineage *lineage, bool *is_fresh, struct sk_error *error)
{
    for (int row = 0; row < PQntuples(rows); row++) {
        struct sk_lineage_event event = {.version = number_of(rows, row, 2), .at_ms = number_of(rows, row, 3)};
        (void)snprintf(event.event_id, sizeof(event.event_id), "%s", PQgetvalue(rows, row, 0));
        (void)snprintf(event.prev_event_id, sizeof(event.prev_event_id), "%s", PQgetvalue(rows, row, 1));
        *is_fresh = *is_fresh || PQgetvalue(rows, row, 5)[0] == 't';
        if (!sk_lineage_add(lineage, &event)) {
            return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
        }
    }
    return SK_OK;
}

enum sk_code sk_trail_lineage(struct sk_database *database, const struct sk_trail_life *life,
                              struct sk_lineage *lineage, bool *is_fresh, struct sk_error *error)
{
    PGresult *before = NULL;
    enum sk_code code = SK_OK;
    bool is_last = false;
    char limit[24];
    (void)snprintf(limit, sizeof(limit), "%d", LINEAGE_ROWS);
    *is_fresh = false;
    while (!code && !is_last) {
        PGresult *rows = NULL;
        int last = PQntuples(before) - 1;
        const char *const parameters[] = {life->session_id,
                                          life->created_at,
                                          before ? PQgetvalue(before, last, 2) : NULL,
                                          before ? PQgetvalue(before, last, 4) : NULL,
                                          before ? PQgetvalue(before, last, 0) : NULL,
                                          limit};
        code = sk_database_query(database, lineage_sql, 6, parameters, &rows, error);
        if (!code) {
            code = add_events(rows, lineage, is_fresh, error);
            is_last = PQntuples(rows) < LINEAGE_ROWS;
        }
        PQclear(before);
        before = rows;
    }
    PQclear(before);
    return code;
}

/* --- events ----------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const char events_sql[] =
    "SELECT e.event_id, e.type, e.participant_id, e.version, e.cycle_number, " EPOCH_MS("e.at") ", e.expiry_count,"
    "    e.expiries, e.state_snapshot, e.metadata"
    "  FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (event_id, number) JOIN sync_events e USING (event_id)"
    "  ORDER BY number";
/* clang-format on */

enum sk_code sk_trail_events(struct sk_database *database, const char *ids, PGresult **rows, struct sk_error *error)
{
    return sk_database_query(database, events_sql, 1, &ids, rows, error);
}

struct sk_replay_event sk_trail_event(const PGresult *rows, int row, const struct sk_trail_life *life)
{
    return (struct sk_replay_event){.event_id = PQgetvalue(rows, row, 0),
                                    .session_id = life->session_id,
                                    .created_at_ms = life->created_at_ms,
                                    .has_former_life = life->has_former_life,
                                    .type = PQgetvalue(rows, row, 1),
                                    .participant_id = value_of(rows, row, 2),
                                    .version = number_of(rows, row, 3),
                                    .cycle_number = number_of(rows, row, 4),
                                    .at_ms = number_of(rows, row, 5),
                                    .expiry_count = number_of(rows, row, 6),
                                    .expiries = value_of(rows, row, 7),
                                    .snapshot = value_of(rows, row, 8),
                                    .metadata = value_of(rows, row, 9)};
}

/* --- the summary ------------------------------------------------------------------------------------------------ */

/* $1, $2: the life. The row must show an event of the greatest (version, at), as the writer of the trail leaves it, and
 * be what that one says. */
/* clang-format off */
static const char summary_sql[] =
    "WITH s AS (SELECT * FROM sync_sessions WHERE session_id = $1 AND created_at = $2::timestamptz),"
    "  newest AS (SELECT event_id, version, at FROM sync_events"
    "    WHERE session_id = $1 AND session_created_at = $2::timestamptz AND state_snapshot IS NOT NULL"
    "    ORDER BY version DESC, at DESC LIMIT 1),"
    "  e AS (SELECT sync_events.* FROM sync_events JOIN s ON event_id = s.last_event_id"
    "    WHERE sync_events.session_id = $1 AND sync_events.session_created_at = $2::timestamptz)"
    " SELECT 'sync_sessions.' || field, left(recorded::text, 200), left(expected::text, 200),"
    "    coalesce(e.event_id, newest.event_id), coalesce(e.version, newest.version)"
    "  FROM (SELECT) one LEFT JOIN s ON true LEFT JOIN newest ON true LEFT JOIN e ON true CROSS JOIN LATERAL (VALUES"
    "    ('last_event_id', to_jsonb(s.last_event_id), to_jsonb("
    "      CASE WHEN (e.version, e.at) = (newest.version, newest.at) THEN e.event_id ELSE newest.event_id END)),"
    "    ('mode', to_jsonb(s.mode::text), e.state_snapshot #> '{config,sync_mode}'),"
    "    ('configuration', s.configuration, e.state_snapshot -> 'config'),"
    "    ('status', to_jsonb(s.status::text), e.state_snapshot -> 'status'),"
    "    ('version', to_jsonb(s.version), to_jsonb(e.version)),"
    "    ('started_at', to_jsonb(" EPOCH_MS("s.started_at") "),"
    "      nullif(e.state_snapshot -> 'session_started_at_ms', 'null')),"
    "    ('completed_at', to_jsonb(" EPOCH_MS("s.completed_at") "),"
    "      nullif(e.state_snapshot -> 'session_completed_at_ms', 'null')),"
    "    ('cycles', to_jsonb(s.cycles), to_jsonb(e.cycle_number)),"
    "    ('participants', s.participants, e.state_snapshot -> 'participants'),"
    "    ('metadata', s.metadata, coalesce(nullif(e.state_snapshot -> 'metadata', 'null'), '{}')),"
    "    ('updated_at', to_jsonb(" EPOCH_MS("s.updated_at") "), to_jsonb(" EPOCH_MS("e.at") "))"
    "  ) AS c (field, recorded, expected)"
    "  WHERE recorded IS DISTINCT FROM expected AND (e.event_id IS NOT NULL OR field = 'last_event_id')";
/* clang-format on */

enum sk_code sk_trail_summary(struct sk_database *database, const struct sk_trail_life *life, PGresult **rows,
                              struct sk_error *error)
{
    const char *const parameters[] = {life->session_id, life->created_at};
    return sk_database_query(database, summary_sql, 2, parameters, rows, error);
}
