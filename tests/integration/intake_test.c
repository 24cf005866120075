/* How entries come into a worker's hands and out of them again: read ahead, given back, taken up where nobody has them,
 * delivered twice. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/worker.h"

#include <libpq-fe.h>

#define BACKLOG 30

/* --- the worker --------------------------------------------------------------------------------------------------- */

static const char *const patient[] = {"AUDIT_BATCH=10", "AUDIT_CLAIM_S=3600", NULL};

/* A running session with so many events in all. */
static const char *with_events(const char *story, int64_t events)
{
    const char *id = running(story);
    play_on(id, (int)events - 2);
    return id;
}

static void expect_each_once(const char *id, int64_t events)
{
    await_trail(id, events);
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id), events);
    EXPECT_INT(sql_int("SELECT count(DISTINCT version) FROM sync_events WHERE session_id = '%s'", id), events);
    await_drained();
    EXPECT_INT(redis_int("XLEN audit:failed"), 0);
}

/* --- PostgreSQL that is at work on a batch ------------------------------------------------------------------------ */

static void end_connection(void *connection)
{
    PQfinish(connection);
}

static void expect_command(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    EXPECT(PQresultStatus(result) == PGRES_COMMAND_OK);
    PQclear(result);
}

/* Summaries can be read and not written while this stands: batches get as far as their last statement. */
static PGconn *hold_summaries(void)
{
    PGconn *connection = keep(PQconnectdb(stack.database_url), end_connection);
    expect_command(connection, "BEGIN; LOCK TABLE sync_sessions IN EXCLUSIVE MODE");
    return connection;
}

static void the_next_batch_is_read_while_postgres_is_at_work(void)
{
    without_worker();
    const char *id = with_events("ahead", BACKLOG);
    PGconn *connection = hold_summaries();
    worker_start(patient);
    EVENTUALLY(worker_pending() == 20);
    EXPECT_INT(redis_int("XLEN audit"), BACKLOG);
    expect_command(connection, "COMMIT");
    expect_each_once(id, BACKLOG);
    EXPECT_INT(worker_pending(), 0);
}

static void both_batches_stay_their_workers_own(void)
{
    const char *const quick[] = {"AUDIT_BATCH=10", "AUDIT_CLAIM_S=2", NULL};
    without_worker();
    const char *id = with_events("both", BACKLOG);
    PGconn *connection = hold_summaries();
    worker_start(quick);
    EVENTUALLY(worker_pending() == 20);
    EXPECT_BETWEEN(worker_longest_idle_ms(4000), 1, 1900);
    expect_command(connection, "COMMIT");
    expect_each_once(id, BACKLOG);
}

/* Its successor would wait for an hour. */
static void what_a_worker_holds_when_it_stops_is_anybodys_at_once(void)
{
    without_worker();
    const char *id = with_events("stop", BACKLOG);
    PGconn *connection = hold_summaries();
    worker_start(patient);
    EVENTUALLY(worker_pending() == 20);
    process_stop(stack.audit);
    EXPECT(process_logged(stack.audit, "\"left_for_others\":20"));
    expect_command(connection, "COMMIT");
    worker_start(patient);
    expect_each_once(id, BACKLOG);
}

static void a_worker_that_stops_while_postgres_is_away_gives_back_what_it_holds(void)
{
    without_worker();
    const char *id = with_events("away", BACKLOG);
    without_postgres();
    worker_start(patient);
    EVENTUALLY(process_logged(stack.audit, "PostgreSQL cannot be had"));
    EXPECT_INT(worker_pending(), 10);
    process_stop(stack.audit);
    EXPECT_INT(redis_int("EXISTS audit:delayed"), 0);
    stack_start_postgres();
    worker_start(patient);
    expect_each_once(id, BACKLOG);
}

/* --- what nobody has ---------------------------------------------------------------------------------------------- */

/* Neither new nor in anybody's list; between them what is somebody's who is silent. */
static void entries_of_a_name_that_was_removed_are_taken_up(void)
{
    without_worker();
    const char *id = with_events("orphans", BACKLOG);
    redis_peek("XREADGROUP GROUP audit-writers removed COUNT 12 STREAMS audit >");
    redis_peek("XREADGROUP GROUP audit-writers silent COUNT 3 STREAMS audit >");
    redis_peek("XREADGROUP GROUP audit-writers removed COUNT 5 STREAMS audit >");
    EXPECT_INT(redis_int("XGROUP DELCONSUMER audit audit-writers removed"), 17);
    worker_start(patient);
    EVENTUALLY(redis_int("XLEN audit") == 3);
    EXPECT_INT(worker_pending(), 3);
    EXPECT(process_logged(stack.audit, "\"events\":17"));
    redis_peek("XGROUP DELCONSUMER audit audit-writers silent");
    expect_each_once(id, BACKLOG);
    EXPECT_INT(worker_pending(), 0);
}

/* --- what is delivered twice -------------------------------------------------------------------------------------- */

/* The stream's entries twice more, behind it. */
static const char repeat[] = "local entries = redis.call('XRANGE', KEYS[1], '-', '+') "
                             "for _ = 1, 2 do "
                             "  for _, entry in ipairs(entries) do "
                             "    redis.call('XADD', KEYS[1], '*', unpack(entry[2])) "
                             "  end "
                             "end "
                             "return #entries";

static void a_batch_of_which_a_part_is_written_already_adds_the_rest(void)
{
    const char *const quick[] = {"AUDIT_CLAIM_S=1", NULL};
    without_worker();
    const char *id = with_events("partly", 10);
    EXPECT_INT(redis_int("EVAL %s 1 audit", repeat), 10);
    redis_peek("XREADGROUP GROUP audit-writers dead COUNT 10 STREAMS audit >");
    worker_start(patient); /* its first batch is new, the second the same once more, and the dead one's is a third */
    EVENTUALLY(redis_int("XLEN audit") == 10);
    await_trail(id, 10);
    process_stop(stack.audit);
    play_on(id, 5);
    redis_peek("XREADGROUP GROUP audit-writers dead STREAMS audit >");
    EXPECT_INT(worker_pending(), 15);
    worker_start(quick);
    expect_each_once(id, 15);
}

/* --- a full Redis ------------------------------------------------------------------------------------------------- */

/* The worker is the only one that can empty it. */
static void a_full_redis_without_a_group_is_drained(void)
{
    without_worker();
    const char *id = with_events("no-group", BACKLOG);
    redis_peek("XGROUP DESTROY audit audit-writers");
    without_room();
    EXPECT(redis_peek("SET anything more")->type == REDIS_REPLY_ERROR);
    worker_start(patient);
    expect_each_once(id, BACKLOG);
    EXPECT_INT(worker_pending(), 0);
}

CU_TestInfo intake_tests[] = {
    {"the next batch is read while PostgreSQL is at work", the_next_batch_is_read_while_postgres_is_at_work},
    {"both batches stay their worker's own", both_batches_stay_their_workers_own},
    {"what a worker holds when it stops is anybody's at once", what_a_worker_holds_when_it_stops_is_anybodys_at_once},
    {"a worker that stops while PostgreSQL is away gives back what it holds",
     a_worker_that_stops_while_postgres_is_away_gives_back_what_it_holds},
    {"entries of a name that was removed are taken up", entries_of_a_name_that_was_removed_are_taken_up},
    {"a batch of which a part is written already adds the rest",
     a_batch_of_which_a_part_is_written_already_adds_the_rest},
    {"a full Redis without a group is drained", a_full_redis_without_a_group_is_drained},
    CU_TEST_INFO_NULL,
};
