/* Retention. Owns what "finished" means and the statements that remove; whoever removes a life removes its events and
 * its summary in one transaction, so that no crash leaves a half that recovery or verify would misread.
 *
 *   lives that began before DATE, oldest first ──page──► looked finished ──about 5,000 events──► locked, judged
 *   again, removed with every elder life of the id ──commit──► the next
 *
 * Elder lives go first or together with the younger one: recovery takes the newest life that it finds for the truth. */
#include "audit/prune.h"

#include "audit/database.h"
#include "audit/task.h"
#include "common/iso_time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE "1000"
#define BATCH 5000
#define BATCH_MAX 1000000

#define MS_OF(instant) "(extract(epoch FROM " instant ") * 1000)::bigint"
#define DATE "sync_instant($1::bigint)"

/* $1 DATE, $2 and $3 the life behind which the page begins. What began before DATE is found by
 * sync_sessions_by_creation (an index on updated_at would have to be written with every batch of the worker). A life
 * looks finished by its summary row alone; judge_sql looks at the events. */
static const char page_sql[] = "SELECT s.session_id, " MS_OF(
    "s.created_at") ", s.version FROM sync_sessions s"
                    "  WHERE s.created_at < " DATE
                    " AND (s.created_at, s.session_id) > (sync_instant($2::bigint), $3::text)"
                    "    AND (s.updated_at < " DATE " AND s.status IN ('expired', 'completed', 'cancelled')"
                    "      OR EXISTS (SELECT FROM sync_sessions n WHERE n.session_id = s.session_id"
                    "          AND n.created_at > s.created_at AND n.created_at < " DATE ")"
                    "      OR s.updated_at < " DATE " AND EXISTS (SELECT FROM sync_events e"
                    "          WHERE e.event_id = s.last_event_id AND e.type = 'session_deleted'))"
                    "  ORDER BY s.created_at, s.session_id LIMIT " PAGE;

/* The lives of a batch are few beside the table: no plan that reads all of it, whatever the statistics say. */
static const char begin_sql[] =
    "BEGIN;"
    "SELECT set_config('lock_timeout', '30s', true), set_config('statement_timeout', '0', true),"
    "  set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),"
    "  set_config('enable_mergejoin', 'off', true)";

#define GIVEN                                                                                                          \
    "given AS (SELECT session_id, sync_instant(ms) AS created_at"                                                      \
    "    FROM unnest($2::text[], $3::bigint[]) AS g (session_id, ms))"

/* In the order in which the worker takes them: whoever writes an event of one of these lives waits for the end of the
 * transaction, or has ended before it and is seen by what comes next. */
static const char lock_sql[] = "SELECT FROM sync_sessions s WHERE s.session_id = ANY ($2::text[])"
                               "    AND s.created_at < " DATE " AND $3::bigint[] IS NOT NULL"
                               "  ORDER BY s.session_id, s.created_at FOR UPDATE";

/* A life is over where a younger one began before DATE, or where its newest event was before DATE and left it ended or
 * deleted. The newest is the one that recovery takes (common/recovery.c): that no other follows, and of those the one
 * that happened last. (The one OFFSET 0 keeps the planner from looking for it through the index on at, the other
 * from comparing each life with the whole table.) */
#define JUDGED                                                                                                         \
    GIVEN ", judged AS MATERIALIZED (SELECT g.session_id, g.created_at FROM given g WHERE"                             \
          "  EXISTS (SELECT FROM sync_sessions n WHERE n.session_id = g.session_id"                                    \
          "    AND n.created_at > g.created_at AND n.created_at < " DATE ")"                                           \
          "  OR EXISTS (SELECT FROM sync_events e WHERE e.event_id = (SELECT own.event_id FROM"                        \
          "      (SELECT event_id, recorded_at, at, version FROM sync_events s WHERE session_id = g.session_id"        \
          "        AND session_created_at = g.created_at AND NOT EXISTS (SELECT FROM sync_events next"                 \
          "          WHERE next.session_id = s.session_id AND next.session_created_at = s.session_created_at"          \
          "          AND next.version = s.version + 1 AND next.prev_event_id = s.event_id OFFSET 0) OFFSET 0) own"     \
          "      ORDER BY own.at DESC, own.recorded_at DESC, own.version DESC LIMIT 1)"                                \
          "    AND e.at < " DATE " AND (e.type = 'session_deleted'"                                                    \
          "      OR e.state_snapshot ->> 'status' IN ('expired', 'completed', 'cancelled'))))"

static const char remove_sql[] =
    "WITH " JUDGED ", doomed AS MATERIALIZED (SELECT DISTINCT s.session_id, s.created_at FROM judged j"
    "    JOIN sync_sessions s ON s.session_id = j.session_id AND s.created_at <= j.created_at),"
    "  events AS (DELETE FROM sync_events e USING doomed d"
    "    WHERE e.session_id = d.session_id AND e.session_created_at = d.created_at RETURNING 1),"
    "  lives AS (DELETE FROM sync_sessions s USING doomed d"
    "    WHERE s.session_id = d.session_id AND s.created_at = d.created_at RETURNING 1)"
    " SELECT (SELECT count(*) FROM lives), (SELECT count(*) FROM events)";

static const char count_sql[] = "WITH " JUDGED " SELECT (SELECT count(*) FROM judged),"
                                "  (SELECT count(*) FROM judged j JOIN sync_events e"
                                "    ON e.session_id = j.session_id AND e.session_created_at = j.created_at)";

struct prune {
    struct sk_database *database;
    char before_ms[24];
    int64_t batch; /* events */
    bool dry_run;
    int64_t lives; /* removed so far, or found where it is only a look */
    int64_t events;
    struct sk_task_progress progress;
};

/* --- the command line ------------------------------------------------------------------------------------------- */

static bool read_batch(const char *text, int64_t *batch)
{
    if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 7) {
        return false;
    }
    *batch = strtoll(text, NULL, 10);
    return *batch >= 1 && *batch <= BATCH_MAX;
}

static bool read_before(struct prune *prune, const char *text)
{
    int64_t before_ms;
    if (!sk_command_instant(text, &before_ms)) {
        return false;
    }
    (void)snprintf(prune->before_ms, sizeof prune->before_ms, "%" PRId64, before_ms);
    return true;
}

/* NULL, or the argument that is not understood. */
static const char *read_arguments(struct prune *prune, char **argv)
{
    for (; *argv; argv++) {
        bool good = strcmp(*argv, "--dry-run") == 0;
        prune->dry_run = prune->dry_run || good;
        if (strcmp(*argv, "--before") == 0 && argv[1]) {
            good = read_before(prune, *++argv);
        } else if (strcmp(*argv, "--batch") == 0 && argv[1]) {
            good = read_batch(*++argv, &prune->batch);
        }
        if (!good) {
            return *argv;
        }
    }
    return NULL;
}

/* --- one batch -------------------------------------------------------------------------------------------------- */

/* Lives as two arrays in PostgreSQL's text form. */
struct batch {
    struct sk_buffer ids;
    struct sk_buffer instants;
    int64_t events; /* about: branches are not counted */
};

static void batch_clear(struct batch *batch)
{
    sk_buffer_clear(&batch->ids);
    sk_buffer_clear(&batch->instants);
}

/* As an element of an array: ids that this project makes need no escape, but nothing in PostgreSQL holds others off. */
static void append_quoted(struct sk_buffer *out, const char *text)
{
    sk_buffer_append_text(out, out->length ? ",\"" : "{\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            sk_buffer_append_char(out, '\\');
        }
        sk_buffer_append_char(out, *text);
    }
    sk_buffer_append_char(out, '"');
}

static void batch_add(struct batch *batch, const PGresult *page, int row)
{
    append_quoted(&batch->ids, PQgetvalue(page, row, 0));
    append_quoted(&batch->instants, PQgetvalue(page, row, 1));
    batch->events += strtoll(PQgetvalue(page, row, 2), NULL, 10);
}

/* The statement's two numbers are added to what was done. */
static enum sk_code count_up(struct prune *prune, const char *sql, const char *const parameters[3],
                             struct sk_error *error)
{
    PGresult *result;
    enum sk_code code = sk_database_query(prune->database, sql, 3, parameters, &result, error);
    if (!code) {
        prune->lives += strtoll(PQgetvalue(result, 0, 0), NULL, 10);
        prune->events += strtoll(PQgetvalue(result, 0, 1), NULL, 10);
    }
    PQclear(result);
    return code;
}

static enum sk_code remove_batch(struct prune *prune, const char *const parameters[3], struct sk_error *error)
{
    struct prune before = *prune;
    PGresult *locked = NULL;
    enum sk_code code = sk_database_run(prune->database, begin_sql, NULL, error);
    if (!code) {
        code = sk_database_query(prune->database, lock_sql, 3, parameters, &locked, error);
        PQclear(locked);
    }
    if (!code) {
        code = count_up(prune, remove_sql, parameters, error);
    }
    if (!code) {
        code = sk_database_run(prune->database, "COMMIT", NULL, error);
    }
    if (code) { /* what was not committed was not removed */
        prune->lives = before.lives;
        prune->events = before.events;
    }
    return code;
}

static enum sk_code finish_batch(struct prune *prune, struct batch *batch, struct sk_error *error)
{
    if (batch->ids.length == 0) {
        return SK_OK;
    }
    sk_buffer_append_char(&batch->ids, '}');
    sk_buffer_append_char(&batch->instants, '}');
    if (batch->ids.failed || batch->instants.failed) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    const char *const parameters[] = {prune->before_ms, sk_buffer_text(&batch->ids), sk_buffer_text(&batch->instants)};
    enum sk_code code =
        prune->dry_run ? count_up(prune, count_sql, parameters, error) : remove_batch(prune, parameters, error);
    sk_buffer_reset(&batch->ids);
    sk_buffer_reset(&batch->instants);
    batch->events = 0;
    return code;
}

/* --- all of them ------------------------------------------------------------------------------------------------ */

static void tell(struct prune *prune, const char *reached_ms)
{
    char until[SK_ISO_TIME_BYTES];
    if (sk_task_tells(&prune->progress, 0)) {
        (void)printf("%s %" PRId64 " sessions, %" PRId64 " events; at those created %s\n",
                     prune->dry_run ? "found" : "removed", prune->lives, prune->events,
                     sk_iso_time(strtoll(reached_ms, NULL, 10), until));
        (void)fflush(stdout);
    }
}

/* A life that is bigger than a batch is one of its own. */
static enum sk_code prune_page(struct prune *prune, const PGresult *page, struct sk_error *error)
{
    struct batch batch = {.events = 0};
    enum sk_code code = SK_OK;
    for (int row = 0; !code && row < PQntuples(page) && !sk_task_stopping(); row++) {
        int64_t events = strtoll(PQgetvalue(page, row, 2), NULL, 10);
        if (batch.events + events > prune->batch) {
            code = finish_batch(prune, &batch, error);
            tell(prune, PQgetvalue(page, row, 1));
        }
        batch_add(&batch, page, row);
    }
    if (!code && !sk_task_stopping()) {
        code = finish_batch(prune, &batch, error);
    }
    batch_clear(&batch);
    return code;
}

/* The page behind the last life of *page, which it replaces; without a row where that was the last one. */
static enum sk_code turn(struct prune *prune, PGresult **page, struct sk_error *error)
{
    int last = PQntuples(*page) - 1;
    const char *const parameters[] = {prune->before_ms, last >= 0 ? PQgetvalue(*page, last, 1) : "-1",
                                      last >= 0 ? PQgetvalue(*page, last, 0) : ""};
    PGresult *next;
    enum sk_code code = sk_database_query(prune->database, page_sql, 3, parameters, &next, error);
    PQclear(*page);
    *page = next;
    return code;
}

static enum sk_code prune_all(struct prune *prune, struct sk_error *error)
{
    PGresult *page = NULL;
    enum sk_code code = turn(prune, &page, error);
    while (!code && PQntuples(page) > 0 && !sk_task_stopping()) {
        code = prune_page(prune, page, error);
        code = code ? code : turn(prune, &page, error);
    }
    PQclear(page);
    return code;
}

/* Nothing is known of a day that has not been: whatever is going on would be finished by it. */
static enum sk_code check_date(struct prune *prune, struct sk_error *error)
{
    const char *const parameters[] = {prune->before_ms};
    PGresult *result;
    enum sk_code code = sk_database_query(prune->database, "SELECT " DATE " <= now()", 1, parameters, &result, error);
    if (!code && strcmp(PQgetvalue(result, 0, 0), "t") != 0) {
        code = sk_fail(error, SK_VALIDATION_ERROR, "--before is in the future");
    }
    PQclear(result);
    return code;
}

/* The closing line, and how it came to that. */
static enum sk_exit close_up(const struct prune *prune, enum sk_code code, const struct sk_error *error)
{
    bool stopped = sk_task_stopping();
    (void)printf("%s%s %" PRId64 " sessions with %" PRId64 " events\n", stopped ? "stopped: " : "",
                 prune->dry_run ? "would remove" : "removed", prune->lives, prune->events);
    (void)fflush(stdout);
    if (code && !stopped) {
        char text[sizeof error->text + 16];
        (void)snprintf(text, sizeof text, "%s%s", code == SK_ARCHIVE_UNAVAILABLE ? "PostgreSQL: " : "", error->text);
        return sk_command_complain(text);
    }
    return stopped ? SK_EXIT_FAILED : SK_EXIT_OK;
}

enum sk_exit sk_command_prune(const struct sk_config *config, char **argv)
{
    struct prune prune = {.batch = BATCH};
    struct sk_error error = {SK_OK, ""};
    const char *misused = read_arguments(&prune, argv);
    if (misused) {
        return sk_command_misused(misused);
    }
    if (prune.before_ms[0] == '\0') {
        (void)sk_command_complain("prune needs --before DATE: a day (2026-01-31) or an instant (2026-01-31T09:05:00Z)");
        return SK_EXIT_USAGE;
    }
    prune.database = sk_task_begin() ? sk_database_new(config->database_url) : NULL;
    if (!prune.database) {
        return sk_command_complain("out of memory");
    }
    sk_database_ask_while_waiting(prune.database, sk_task_patience, NULL);
    enum sk_code code = check_date(&prune, &error);
    code = code ? code : prune_all(&prune, &error);
    sk_database_free(prune.database);
    return close_up(&prune, code, &error);
}
