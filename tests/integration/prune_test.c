/* synckairos-audit prune: finished sessions leave PostgreSQL whole, and nothing else does. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/worker.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEFORE "2015-06-01" /* no other test's sessions are that old */
#define AGE "'5000 days'"   /* what this one's are made to be */
#define BIG 20000

static void run_sql(const char *sql)
{
    PGconn *connection = PQconnectdb(stack.database_url);
    PGresult *result = PQexec(connection, sql);
    const ExecStatusType status = PQresultStatus(result);
    if (!EXPECT(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)) {
        printf("\n    %s: %s", sql, PQerrorMessage(connection));
    }
    PQclear(result);
    PQfinish(connection);
}

/* Makes a session's lives, all or those that began at the instant (NULL: all), older. */
static void age(const char *id, const char *created_at, const char *interval)
{
    const char *events = created_at ? kept_text(" AND session_created_at = '%s'", created_at) : "";
    const char *lives = created_at ? kept_text(" AND created_at = '%s'", created_at) : "";
    run_sql(kept_text("BEGIN; UPDATE sync_events SET at = at - interval %s, "
                      "session_created_at = session_created_at - interval %s WHERE session_id = '%s'%s;"
                      "UPDATE sync_sessions SET created_at = created_at - interval %s, "
                      "updated_at = updated_at - interval %s, completed_at = completed_at - interval %s "
                      "WHERE session_id = '%s'%s; COMMIT",
                      interval, interval, id, events, interval, interval, interval, id, lives));
}

static int64_t events_of(const char *id)
{
    return sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id);
}

static int64_t lives_of(const char *id)
{
    return sql_int("SELECT count(*) FROM sync_sessions WHERE session_id = '%s'", id);
}

/* A trail whose instants were moved would be found wrong by verify. */
static void forget(const char *id)
{
    redis_peek("DEL session:%s", id);
    run_sql(kept_text("DELETE FROM sync_events WHERE session_id = '%s'; DELETE FROM sync_sessions "
                      "WHERE session_id = '%s'",
                      id, id));
}

static struct process *start_prune(const char *more, const char *value)
{
    return subcommand_start(NULL, WORDS("prune", "--before", BEFORE, more, value));
}

static struct process *prune(const char *more, const char *value)
{
    return subcommand(0, WORDS("prune", "--before", BEFORE, more, value));
}

/* A game with that end: its last action, or "delete", or NULL for none. Its events. */
static int64_t play(const char *id, const char *end)
{
    create_running(id, CHESS);
    act(id, "switch", NULL);
    if (end) {
        EXPECT(strcmp(end, "delete") == 0 ? delete_session(id)->status == 204 : act(id, end, NULL)->status == 200);
    }
    await_trail(id, end ? 4 : 3);
    return end ? 4 : 3;
}

static void finished_sessions_go_whole_and_live_ones_stay(void)
{
    static const struct {
        const char *end;
        bool aged;
        bool goes;
    } cases[] = {{"complete", true, true}, {"cancel", true, true},    {"delete", true, true},
                 {NULL, true, false},      {"pause", true, false},    {"complete", false, false},
                 {"delete", false, false}, {"complete", true, false}, {"delete", true, false}};
    const size_t count = sizeof(cases) / sizeof(*cases);
    const char *ids[sizeof(cases) / sizeof(*cases)];
    for (size_t i = 0; i < count; i++) {
        ids[i] = fresh_id("prune");
        play(ids[i], cases[i].end);
        if (cases[i].aged) {
            age(ids[i], NULL, AGE);
        }
        if (i >= 7) { /* old, but for the last event */
            run_sql(kept_text("UPDATE sync_events SET at = now() WHERE session_id = '%s' AND version = 4", ids[i]));
        }
    }
    struct process *look = prune("--dry-run", NULL);
    EXPECT(process_logged(look, "would remove 3 sessions with 12 events"));
    for (size_t i = 0; i < count; i++) {
        EXPECT(events_of(ids[i]) >= 3);
    }
    EXPECT(process_logged(prune(NULL, NULL), "removed 3 sessions with 12 events"));
    for (size_t i = 0; i < count; i++) {
        EXPECT_INT(events_of(ids[i]), cases[i].goes ? 0 : cases[i].end ? 4 : 3);
        EXPECT_INT(lives_of(ids[i]), cases[i].goes ? 0 : 1);
    }
    EXPECT(process_logged(prune(NULL, NULL), "removed 0 sessions with 0 events"));
    for (size_t i = 0; i < count; i++) {
        forget(ids[i]);
    }
}

/* When life number so and so of an id began. */
static const char *life(const char *id, int number)
{
    return sql_text(
        "SELECT created_at FROM sync_sessions WHERE session_id = '%s' ORDER BY created_at OFFSET %d LIMIT 1", id,
        number);
}

/* Three lives: deleted, lost without an end, and one that runs. */
static const char *live_thrice(void)
{
    const char *id = fresh_id("prune-lives");
    play(id, "delete");
    create_running(id, CHESS);
    EVENTUALLY(events_of(id) == 6);
    redis_peek("DEL session:%s", id);
    create_running(id, CHESS);
    EVENTUALLY(events_of(id) == 8);
    EXPECT_INT(lives_of(id), 3);
    return id;
}

static void elder_lives_go_first_and_none_outlives_a_younger_one(void)
{
    const char *first_old = live_thrice();
    const char *second_old = live_thrice();
    const char *all_old = live_thrice();
    const char *all_over = live_thrice();
    act(all_over, "complete", NULL);
    EVENTUALLY(events_of(all_over) == 9);
    age(first_old, life(first_old, 0), AGE);
    age(second_old, life(second_old, 0), "'5001 days'");
    age(second_old, life(second_old, 1), AGE);
    age(all_old, NULL, AGE);
    age(all_over, NULL, AGE);
    prune(NULL, NULL);
    EXPECT_INT(lives_of(first_old), 2); /* deleted long ago; the second may still be recovered from nothing but Redis */
    EXPECT_INT(events_of(first_old), 4);
    EXPECT_INT(lives_of(second_old), 2); /* nothing followed the second before that day */
    EXPECT_INT(events_of(second_old), 4);
    EXPECT_INT(lives_of(all_old), 1); /* the one that runs */
    EXPECT_INT(events_of(all_old), 2);
    EXPECT_INT(lives_of(all_over), 0);
    EXPECT_INT(events_of(all_over), 0);
    EXPECT_TEXT(text_at(look(all_old)->body, "data.status"), "running");
    forget(first_old);
    forget(second_old);
    forget(all_old);
    forget(all_over);
}

/* The look has found it, and before it is removed the worker commits one more event of it. */
static void a_session_that_something_happens_to_meanwhile_stays(void)
{
    const char *id = fresh_id("prune-late");
    play(id, "complete");
    age(id, NULL, AGE);
    PGconn *worker = PQconnectdb(stack.database_url);
    PGresult *result = PQexec(
        worker, kept_text("BEGIN; UPDATE sync_sessions SET version = 5, updated_at = now() WHERE session_id = '%s';"
                          "INSERT INTO sync_events SELECT gen_random_uuid(), event_id, session_id, session_created_at, "
                          "'session_deleted', participant_id, 5, cycle_number, actor, request_id, now(), 0, expiries, "
                          "state_snapshot, metadata FROM sync_events WHERE session_id = '%s' AND version = 4",
                          id, id));
    EXPECT(PQresultStatus(result) == PGRES_COMMAND_OK);
    PQclear(result);
    struct process *process = start_prune(NULL, NULL);
    EVENTUALLY(sql_int("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                       "query LIKE '%%FOR UPDATE'") == 1);
    result = PQexec(worker, "COMMIT");
    PQclear(result);
    PQfinish(worker);
    EXPECT_INT(process_wait(process), 0);
    EXPECT(process_logged(process, "removed 0 sessions"));
    EXPECT_INT(events_of(id), 5);
    EXPECT_INT(lives_of(id), 1);
    run_sql(kept_text("UPDATE sync_events SET at = at - interval " AGE " WHERE session_id = '%s' AND version = 5", id));
    run_sql(
        kept_text("UPDATE sync_sessions SET updated_at = updated_at - interval " AGE " WHERE session_id = '%s'", id));
    EXPECT(process_logged(prune(NULL, NULL), "removed 1 sessions with 5 events"));
}

/* What a failover abandoned may have got further: the line that happened last is the true one. */
static void a_branch_that_was_abandoned_does_not_end_a_session(void)
{
    const char *id = fresh_id("prune-branch");
    play(id, "complete");
    run_sql(
        kept_text("INSERT INTO sync_events SELECT gen_random_uuid(), prev_event_id, session_id, session_created_at, "
                  "type, participant_id, 3, cycle_number, actor, request_id, at + interval '1 s', 0, expiries, "
                  "state_snapshot, metadata FROM sync_events WHERE session_id = '%s' AND version = 3",
                  id));
    age(id, NULL, AGE);
    EXPECT(process_logged(prune(NULL, NULL), "removed 0 sessions"));
    EXPECT_INT(events_of(id), 5);
    forget(id);
}

/* Small transactions beside a worker that writes, and a life that is bigger than all of them together. */
static void batches_big_and_small_beside_a_working_worker(void)
{
    const char *ids[30];
    for (size_t i = 0; i < 30; i++) {
        ids[i] = fresh_id("prune-batch");
        play(ids[i], "complete");
        age(ids[i], NULL, AGE);
    }
    const char *big = ids[15];
    run_sql(kept_text("INSERT INTO sync_events SELECT gen_random_uuid(), event_id, session_id, session_created_at, "
                      "'cycle_switched', participant_id, n, cycle_number, actor, request_id, at, 0, expiries, "
                      "state_snapshot, metadata FROM sync_events, generate_series(5, %d) n "
                      "WHERE session_id = '%s' AND version = 4",
                      BIG, big));
    run_sql(kept_text("UPDATE sync_sessions SET version = %d WHERE session_id = '%s'", BIG, big));
    const char *busy = fresh_id("prune-busy");
    create_running(busy, CHESS);
    int64_t begun_us = now_us();
    struct process *process = start_prune("--batch", "10");
    int64_t version = 2;
    while (process_alive(process)) {
        version = int_at(act(busy, "switch", NULL)->body, "data.version");
    }
    EXPECT_INT(process_wait(process), 0);
    printf("\n    30 sessions with %d events removed in %" PRId64 " ms beside %" PRId64 " switches ", BIG + 29 * 4,
           (now_us() - begun_us) / 1000, version - 2);
    EXPECT(process_logged(process, kept_text("removed 30 sessions with %d events", BIG + 29 * 4)));
    for (size_t i = 0; i < 30; i++) {
        EXPECT_INT(events_of(ids[i]) + lives_of(ids[i]), 0);
    }
    await_trail(busy, version);
    EXPECT_INT(events_of(busy), version);
}

static void its_arguments_are_checked(void)
{
    static const struct {
        const char *arguments[5];
        int status;
    } cases[] = {
        {{NULL}, 2},
        {{"--dry-run"}, 2},
        {{"--before"}, 2},
        {{"--before", "someday"}, 2},
        {{"--before", BEFORE, "--batch", "0"}, 2},
        {{"--before", BEFORE, "--batch", "1e3"}, 2},
        {{"--before", BEFORE, "everything"}, 2},
        {{"--before", "2999-01-01"}, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *const *more = cases[i].arguments;
        subcommand(cases[i].status, WORDS("prune", more[0], more[1], more[2], more[3]));
    }
}

/* What docs/audit.md grants is enough. */
static void it_needs_no_more_than_its_grants(void)
{
    const char *id = fresh_id("prune-granted");
    play(id, "complete");
    age(id, NULL, AGE);
    run_sql("CREATE ROLE synckairos_pruner LOGIN;"
            "GRANT SELECT, DELETE ON sync_events TO synckairos_pruner;"
            "GRANT SELECT, UPDATE, DELETE ON sync_sessions TO synckairos_pruner");
    const char *const env[] = {
        kept_text("DATABASE_URL=postgresql://synckairos_pruner@127.0.0.1:%d/postgres", stack.postgres_port), NULL};
    EXPECT_INT(process_wait(subcommand_start(env, WORDS("prune", "--before", BEFORE))), 0);
    EXPECT_INT(events_of(id), 0);
    run_sql("DROP OWNED BY synckairos_pruner; DROP ROLE synckairos_pruner");
}

CU_TestInfo prune_tests[] = {
    {"finished sessions go whole and live ones stay", finished_sessions_go_whole_and_live_ones_stay},
    {"elder lives go first and none outlives a younger one", elder_lives_go_first_and_none_outlives_a_younger_one},
    {"a session that something happens to meanwhile stays", a_session_that_something_happens_to_meanwhile_stays},
    {"a branch that was abandoned does not end a session", a_branch_that_was_abandoned_does_not_end_a_session},
    {"batches big and small beside a working worker", batches_big_and_small_beside_a_working_worker},
    {"its arguments are checked", its_arguments_are_checked},
    {"it needs no more than its grants", it_needs_no_more_than_its_grants},
    CU_TEST_INFO_NULL,
};
