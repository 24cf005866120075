/* The audit trail in PostgreSQL: every change once, in order, whatever happens to the worker. */
#include "tests/integration/entry.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/worker.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_game_leaves_its_whole_trail(void)
{
    const char *id = fresh_id("trail");
    create(id, kept_text("%s,'increment_ms':2000,'metadata':{'round':3}", CHESS));
    act(id, "start", NULL);
    struct answer *moved = act(id, "switch", "{'current_participant_id':'white'}");
    act(id, "switch", NULL);
    act(id, "pause", NULL);
    act(id, "resume", NULL);
    struct answer *ended = act(id, "complete", NULL);
    EXPECT_INT(int_at(ended->body, "data.version"), 7);
    expect_whole_trail(id, 7);
    EXPECT_TEXT(sql_text("SELECT string_agg(type, ' ' ORDER BY version) FROM sync_events WHERE session_id = '%s'", id),
                "session_created session_started cycle_switched cycle_switched session_paused session_resumed "
                "session_completed");

    EXPECT_INT(events_where(id, "(state_snapshot->>'version')::bigint = version"), 7);
    EXPECT_INT(events_where(id, "actor = 'anonymous' AND request_id IS NOT NULL"), 7);
    EXPECT_INT(events_where(id, kept_text("request_id = '%s'", answer_header(moved, "X-Request-Id"))), 1);
    EXPECT_TEXT(sql_text("SELECT request_id FROM sync_events WHERE session_id = '%s' AND version = 3", id),
                answer_header(moved, "X-Request-Id"));
    EXPECT_INT(sql_int("SELECT (extract(epoch FROM at) * 1000)::bigint FROM sync_events WHERE session_id = '%s' "
                       "AND version = 3",
                       id),
               int_at(moved->body, "server_time_ms"));

    EXPECT_TEXT(sql_text("SELECT concat_ws(' ', mode, status, version, cycles, jsonb_array_length(participants), "
                         "metadata->>'round') FROM sync_sessions WHERE session_id = '%s'",
                         id),
                "per_participant completed 7 3 2 3");
    EXPECT_INT(sql_int("SELECT (extract(epoch FROM completed_at) * 1000)::bigint FROM sync_sessions "
                       "WHERE session_id = '%s'",
                       id),
               instant_at(ended->body, "data.session_completed_at"));
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_sessions s JOIN sync_events e ON e.event_id = s.last_event_id "
                       "WHERE s.session_id = '%s' AND e.version = 7",
                       id),
               1);
}

static void an_expiry_is_told_by_the_timekeeper(void)
{
    const char *id = fresh_id("told");
    create_running(id, "'sync_mode':'per_participant','total_time_ms':1000,'action_on_timeout':{'type':'end_session'},"
                       "'participants':[{'participant_id':'white','participant_index':0},"
                       "{'participant_id':'black','participant_index':1}]");
    expect_whole_trail(id, 3);
    EXPECT_TEXT(sql_text("SELECT concat_ws(' ', type, actor, participant_id, expiry_count, "
                         "expiries->0->'action_applied'->>'winner') FROM sync_events WHERE session_id = '%s' "
                         "AND version = 3",
                         id),
                "time_expired timekeeper white 1 black");
    EXPECT_INT(events_where(id, "request_id IS NULL"), 1);
    EXPECT_TEXT(sql_text("SELECT status FROM sync_sessions WHERE session_id = '%s'", id), "expired");
}

static void a_deletion_is_the_last_event(void)
{
    const char *id = fresh_id("deleted");
    create_running(id, CHESS);
    delete_session(id);
    delete_session(id);
    expect_whole_trail(id, 3);
    EXPECT_TEXT(sql_text("SELECT type FROM sync_events WHERE session_id = '%s' ORDER BY version DESC LIMIT 1", id),
                "session_deleted");
}

static void a_worker_that_dies_leaves_nothing_out_and_nothing_twice(void)
{
    const char *const quick[] = {"AUDIT_CLAIM_S=1", "AUDIT_BATCH=10", NULL};
    const char *id = fresh_id("worker");
    without_worker();
    worker_start(quick);
    create_running(id, CHESS);
    int64_t version = 2;
    for (int death = 0; death < 3; death++) {
        struct process *second = stack_program("audit", quick);
        for (int i = 0; i < 60; i++) {
            version = int_at(act(id, "switch", NULL)->body, "data.version");
            if (i == 20 * (death + 1) - 10) {
                process_kill(second);
            }
        }
    }
    EXPECT_INT(version, 182);
    await_trail(id, version);
    EVENTUALLY(events_where(id, "true") == version);
    expect_whole_trail(id, version);
    await_drained();
}

/* Redis has handed events to the worker, and the answer that carried them is lost: they must not have to wait until
 * somebody claims them. */
static void events_of_a_lost_answer_are_read_again_at_once(void)
{
    const char *const patient[] = {"AUDIT_CLAIM_S=3600", NULL};
    const char *id = fresh_id("lost-answer");
    without_worker();
    worker_start(patient);
    create_running(id, CHESS);
    await_trail(id, 2);
    const char *pid = kept_text(":%ld:", (long)process_pid(stack.audit)); /* a part of its consumer's name */
    EVENTUALLY(redis_int("EVAL %s 1 audit %s",
                         "for _, c in ipairs(redis.call('XINFO','CONSUMERS',KEYS[1],'audit-writers')) do "
                         "  if string.find(c[2], ARGV[1], 1, true) then return 1 end "
                         "end "
                         "return 0",
                         pid) == 1);
    await_drained();
    process_signal(stack.audit, SIGSTOP);
    act(id, "switch", NULL);
    act(id, "switch", NULL);
    redisReply *taken = redis_peek("EVAL %s 1 audit %s",
                                   "for _, c in ipairs(redis.call('XINFO','CONSUMERS',KEYS[1],'audit-writers')) do "
                                   "  if string.find(c[2], ARGV[1], 1, true) then "
                                   "    redis.call('XREADGROUP','GROUP','audit-writers',c[2],'STREAMS',KEYS[1],'>') "
                                   "  end "
                                   "end "
                                   "return redis.call('XPENDING',KEYS[1],'audit-writers')[1]",
                                   pid);
    REQUIRE(taken && taken->type == REDIS_REPLY_INTEGER);
    EXPECT_INT(taken->integer, 2);
    redis_peek("CLIENT KILL TYPE normal SKIPME yes");
    process_signal(stack.audit, SIGCONT);
    expect_whole_trail(id, 4);
}

static void migrating_again_changes_nothing(void)
{
    const char *before = sql_text("SELECT string_agg(c.oid::text, ',' ORDER BY c.oid) FROM pg_class c "
                                  "JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public'");
    subcommand(0, WORDS("migrate"));
    EXPECT_TEXT(sql_text("SELECT string_agg(c.oid::text, ',' ORDER BY c.oid) FROM pg_class c "
                         "JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public'"),
                before);
}

/* A backend that hangs keeps neither the worker from stopping nor its claims from being renewed. */
static void a_hung_postgres_does_not_hang_the_worker(void)
{
    const char *const quick[] = {"AUDIT_CLAIM_S=2", NULL};
    const char *id = fresh_id("hung");
    without_worker();
    worker_start(quick);
    create(id, CHESS);
    await_trail(id, 1);
    const int64_t backend = sql_int("SELECT pid FROM pg_stat_activity WHERE application_name = 'synckairos-audit'");
    REQUIRE(backend > 1);
    kill((pid_t)backend, SIGSTOP);
    act(id, "start", NULL);
    act(id, "switch", NULL);
    EXPECT_BETWEEN(worker_longest_idle_ms(4000), 1, 1900);
    const int64_t since_us = now_us();
    process_stop(stack.audit);
    EXPECT(now_us() - since_us < 5000000);
    kill((pid_t)backend, SIGCONT);
    worker_start(quick);
    expect_whole_trail(id, 3);
}

/* What cannot be set aside because Redis is full must not keep out what would make room. */
static void a_full_redis_with_a_refused_event_is_drained_all_the_same(void)
{
    const char *const one[] = {"AUDIT_BATCH=1", NULL};
    const char *id = fresh_id("full");
    without_worker();
    redis_peek("XADD audit * nothing useful");
    create_running(id, CHESS);
    without_room();
    worker_start(one);
    await_trail(id, 2);
    EVENTUALLY(redis_int("XLEN audit") == 1);
    EXPECT_INT(redis_int("XLEN audit:failed"), 0);
    make_room();
    EVENTUALLY(redis_int("XLEN audit:failed") == 1);
    await_drained();
}

static void put_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    REQUIRE(file != NULL);
    EXPECT(fputs(text, file) >= 0);
    EXPECT_INT(fclose(file), 0);
}

static void a_migration_that_commits_by_itself_is_refused(void)
{
    static const char *const names[] = {"001_initial_schema.sql", "002_add_indexes.sql", "003_cheaper_events.sql",
                                        "004_trace_id.sql"};
    static const char *const bodies[] = {"COMMIT;\n", "COMMIT; BEGIN;\n", "ROLLBACK; BEGIN; SELECT 1;\n"};
    const char *folder = kept_text("%s/sneaky", stack.folder);
    const char *next = kept_text("%s/005_sneaky.sql", folder);
    EXPECT_INT(mkdir(folder, 0700), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        EXPECT_INT(symlink(kept_text("%s/sql/%s", stack.sources, names[i]), kept_text("%s/%s", folder, names[i])), 0);
    }
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        put_text(next, bodies[i]);
        subcommand(1, WORDS("migrate", "--dir", folder));
    }
    EXPECT_INT(sql_int("SELECT count(*) FROM schema_migrations WHERE name LIKE '005%%'"), 0);
}

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static void a_trace_is_kept_with_its_events(void)
{
    const char *id = fresh_id("traced");
    const char *url = kept_text("%s/v1/sessions/%s", stack.url, id);
    create(id, CHESS);
    http_call("POST", kept_text("%s/start", url), NULL, "traceparent: 00-" TRACE "-" PARENT "-01");
    http_call("POST", kept_text("%s/switch", url), NULL, "traceparent: cc-" TRACE "-" PARENT "-00-and-more");
    http_call("POST", kept_text("%s/switch", url), NULL, "traceparent: 00-" TRACE "-" PARENT "-01-and-more");
    http_call("DELETE", url, NULL, "traceparent: 00-" TRACE "-" PARENT "-00");
    await_trail(id, 5);
    EXPECT_TEXT(sql_text("SELECT string_agg(coalesce(trace_id, '-'), ' ' ORDER BY version) FROM sync_events"
                         " WHERE session_id = '%s'",
                         id),
                "- " TRACE " " TRACE " - " TRACE);
    struct answer *trail = call("GET", kept_text("/v1/sessions/%s/events", id), NULL);
    EXPECT(json_is_null(json_at(trail->body, "data.0.trace_id")));
    EXPECT_TEXT(text_at(trail->body, "data.1.trace_id"), TRACE);
    EXPECT(json_is_null(json_at(trail->body, "data.3.trace_id")));
}

static void an_entry_of_an_earlier_release_is_written_too(void)
{
    struct entry entry;
    const char *id = fresh_id("earlier");
    without_worker();
    create(id, CHESS);
    entry_newest(&entry);
    const char *other = kept_text("%s-other", id);
    entry_make_other(&entry, other);
    entry_add(&entry, ENTRY_FIELDS - 1);
    worker_start(NULL);
    EVENTUALLY(events_where(other, "trace_id IS NULL") == 1);
    EVENTUALLY(events_where(id, "trace_id IS NULL") == 1);
    EXPECT_INT(redis_int("XLEN audit:failed"), 0);
    forget_trail(other);
}

/* Whoever wrote the entry: the trace id is worth less than the event. */
static void an_event_is_not_lost_for_a_trace_id_that_is_none(void)
{
    static const char *const wrong[] = {"short", "0AF7651916CD43DD8448EB211C80319C",
                                        "0af7651916cd43dd8448eb211c80319c0", "0af7651916cd43dd8448eb211c80319g"};
    struct entry entry;
    const char *id = fresh_id("untraced");
    without_worker();
    create(id, CHESS);
    entry_newest(&entry);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        entry_make_other(&entry, kept_text("%s-%zu", id, i));
        entry_change(&entry, "trace_id", wrong[i], strlen(wrong[i]));
        entry_add(&entry, ENTRY_FIELDS);
    }
    worker_start(NULL);
    await_drained();
    EXPECT_INT(redis_int("XLEN audit:failed"), 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        const char *other = kept_text("%s-%zu", id, i);
        EXPECT_INT(events_where(other, "trace_id IS NULL"), 1);
        forget_trail(other);
    }
}

/* What libpq cannot read it quotes, and that may be a piece of a password. */
static void no_part_of_a_password_gets_into_the_log(void)
{
    static const char *const urls[] = {"postgresql://u:sec%ret@127.0.0.1/db", "postgresql://u:sec/ret@127.0.0.1/db",
                                       "password=a secret"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        const char *const env[] = {kept_text("DATABASE_URL=%s", urls[i]), NULL};
        struct process *process = subcommand_start(env, WORDS("run"));
        EXPECT_INT(process_wait(process), 1);
        EXPECT(process_logged(process, "(value not shown)"));
        EXPECT(!process_logged(process, "sec") && !process_logged(process, "ret"));
    }
}

CU_TestInfo trail_tests[] = {
    {"a game leaves its whole trail", a_game_leaves_its_whole_trail},
    {"an expiry is told by the timekeeper", an_expiry_is_told_by_the_timekeeper},
    {"no part of a password gets into the log", no_part_of_a_password_gets_into_the_log},
    {"a deletion is the last event", a_deletion_is_the_last_event},
    {"a worker that dies leaves nothing out and nothing twice",
     a_worker_that_dies_leaves_nothing_out_and_nothing_twice},
    {"events of a lost answer are read again at once", events_of_a_lost_answer_are_read_again_at_once},
    {"migrating again changes nothing", migrating_again_changes_nothing},
    {"a hung PostgreSQL does not hang the worker", a_hung_postgres_does_not_hang_the_worker},
    {"a full Redis with a refused event is drained all the same",
     a_full_redis_with_a_refused_event_is_drained_all_the_same},
    {"a trace is kept with its events", a_trace_is_kept_with_its_events},
    {"an entry of an earlier release is written, too", an_entry_of_an_earlier_release_is_written_too},
    {"an event is not lost for a trace id that is none", an_event_is_not_lost_for_a_trace_id_that_is_none},
    {"a migration that commits by itself is refused", a_migration_that_commits_by_itself_is_refused},
    CU_TEST_INFO_NULL,
};
