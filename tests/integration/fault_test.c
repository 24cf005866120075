/* Everything that can die does, at random moments, under a steady load of switches: whatever a client was told, and
 * whatever Redis has, is in the trail afterwards. What happens when comes from a seed: SK_SEED=n repeats it. */
#include "tests/integration/ledger.h"
#include "tests/integration/load.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/worker.h"

#include <glob.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A program with sanitizers or without optimisation does less in a second, and its runs are no shorter for it. */
#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
#define RATE 500
#define OUTAGE_MS 5000
#else
#define RATE 2000
#define OUTAGE_MS 20000
#endif

#define SESSIONS 64
#define THREADS 16
#define WORKER_KILLS 7 /* and one more with each death of a store */
#define PROGRAM_KILLS 18
#define IDLE_SESSIONS 40
#define API_PROCESSES 8         /* more than there are */
#define LONG_PATIENCE_MS 120000 /* for what is done with all the events; far more than it ever should take */
#define CALM (RATE / 2)         /* entries that wait while nothing is wrong: less than a batch's time's worth */

/* Clocks that run out each second, and begin anew by themselves. */
#define RELENTLESS                                                                                                     \
    "'sync_mode':'per_cycle','time_per_cycle_ms':1000,'auto_advance':true,'participants':["                            \
    "{'participant_id':'white','participant_index':0},{'participant_id':'black','participant_index':1}]"

static unsigned short dice[3];

static long between(long low, long high)
{
    return high > low ? low + nrand48(dice) % (high - low + 1) : low;
}

/* --- a test's frame --------------------------------------------------------------------------------------------- */

struct trial {
    struct load *load;
    int64_t began_us;
    int64_t failed;        /* entries of audit:failed that others left there */
    const char *since;     /* by PostgreSQL's clock */
    int64_t redis_died_us; /* 0: it did not */
};

static struct trial trial_begin(const char *story, const char *members, long rate)
{
    const char *given = getenv("SK_SEED");
    const long seed = given ? strtol(given, NULL, 10) : (long)(wall_ms() % 1000000);
    dice[0] = 0x330e;
    dice[1] = (unsigned short)seed;
    dice[2] = (unsigned short)(seed >> 16);
    printf("\n    SK_SEED=%ld", seed);
    struct trial trial = {
        .began_us = now_us(),
        .failed = redis_int("XLEN audit:failed"),
        .since = sql_text("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"),
        .load = load_start(&(struct load_spec){.base = stack.url,
                                               .story = story,
                                               .members = members,
                                               .sessions = SESSIONS,
                                               .threads = THREADS,
                                               .rate = rate}),
    };
    REQUIRE(load_await_moves(trial.load, rate / 2));
    return trial;
}

/* Waits until no more entries wait than that; how long it took in ms. */
static int64_t await_backlog(int64_t entries)
{
    const int64_t since_us = now_us();
    const int64_t give_up_us = since_us + INT64_C(1000) * LONG_PATIENCE_MS;
    int64_t waiting = redis_int("XLEN audit");
    while ((waiting == NO_ROW || waiting > entries) && now_us() < give_up_us) {
        pause_ms(20);
        waiting = redis_int("XLEN audit");
    }
    EXPECT_BETWEEN(waiting, 0, entries);
    return (now_us() - since_us) / 1000;
}

/* Nothing that is recorded since differs from what the engine says. */
static void verify_since(const char *since)
{
    const int64_t began_us = now_us();
    struct process *verify = subcommand_start(NULL, WORDS("verify", "--all", "--since", since));
    while (process_alive(verify) && now_us() < began_us + INT64_C(1000) * LONG_PATIENCE_MS) {
        nap();
    }
    EXPECT_INT(process_wait(verify), 0);
    printf("\n    verified in %" PRId64 " ms", (now_us() - began_us) / 1000);
}

/* Ends the load and tells what came of it. */
static void trial_stop(struct trial *trial)
{
    struct load_counts counts;
    load_stop(trial->load);
    load_count(trial->load, &counts);
    const int64_t ms = (now_us() - trial->began_us) / 1000;
    printf("\n    %ld switches in %" PRId64 " ms (%" PRId64 "/s); %ld refused, %ld unavailable, %ld broken",
           counts.moves, ms, counts.moves * INT64_C(1000) / ms, counts.refused, counts.unavailable, counts.broken);
    if (counts.broken > 0) {
        printf(" (%s)", counts.surprise);
    }
}

static void expect_no_broken_answer(struct trial *trial)
{
    struct load_counts counts;
    load_count(trial->load, &counts);
    EXPECT_INT(counts.broken, 0);
}

/* Nobody's change was lost, and nothing but the audit path was touched: each request was answered with 200. */
static void expect_undisturbed(struct trial *trial)
{
    struct load_counts counts;
    load_count(trial->load, &counts);
    EXPECT_INT(counts.refused + counts.unavailable + counts.broken, 0);
}

static void trial_settle(struct trial *trial)
{
    struct ledger ledger = {0};
    const int64_t drained_ms = await_backlog(0);
    printf("\n    drained in %" PRId64 " ms", drained_ms);
    ledger_add_load(&ledger, trial->load, trial->redis_died_us);
    if (trial->redis_died_us == 0) {
        EXPECT_INT(ledger.abandoned, 0);
        EXPECT_INT(ledger.lost, 0);
    }
    printf("\n    %ld events of %ld sessions, %ld on abandoned branches; of %ld answered changes Redis lost %ld",
           ledger.events, ledger.sessions, ledger.abandoned, ledger.moves, ledger.lost);
    if (ledger.lost > 0) {
        printf(", the first %" PRId64 " ms before it died", ledger.loss_ms);
    }
    EXPECT_INT(redis_int("XLEN audit:failed"), trial->failed);
    verify_since(trial->since);
    printf("\n    ");
}

/* --- the workers ------------------------------------------------------------------------------------------------ */

static void restart_worker(struct process **worker)
{
    process_kill(*worker);
    pause_ms(between(0, 300));
    *worker = stack_program("audit", NULL);
}

static void kill_workers(void)
{
    struct process *second = NULL;
    for (int i = 0; i < WORKER_KILLS; i++) {
        if (i == 2) {
            second = stack_program("audit", NULL);
        }
        pause_ms(between(100, 900));
        restart_worker(second && between(0, 1) == 0 ? &second : &stack.audit);
        if (i == 5) {
            process_stop(second);
            second = NULL;
        }
    }
    printf("\n    %d workers killed", WORKER_KILLS);
}

/* --- the stores ------------------------------------------------------------------------------------------------- */

static void postgres_away(struct trial *trial)
{
    struct load_counts before;
    struct load_counts after;
    (void)await_backlog(CALM);
    stack_stop_postgres();
    pause_ms(OUTAGE_MS);
    const int64_t waiting = redis_int("XLEN audit");
    stack_start_postgres();
    load_count(trial->load, &before);
    const int64_t gone_ms = await_backlog(CALM);
    load_count(trial->load, &after);
    printf("\n    PostgreSQL away for %d ms: %" PRId64 " events waited, gone in %" PRId64 " ms with %ld/s coming in",
           OUTAGE_MS, waiting, gone_ms, gone_ms > 0 ? (after.moves - before.moves) * 1000 / (long)gone_ms : 0);
    EXPECT_BETWEEN(waiting, RATE, INT64_MAX);
}

static void postgres_killed(void)
{
    stack_kill_postgres();
    pause_ms(between(0, 1000));
    restart_worker(&stack.audit);
    stack_start_postgres();
    printf("\n    PostgreSQL killed: caught up in %" PRId64 " ms", await_backlog(CALM));
}

static void redis_restarted(struct trial *trial)
{
    pause_ms(between(0, 500));
    stack_stop_redis();
    restart_worker(&stack.audit);
    stack_start_redis();
    EXPECT(load_await_moves(trial->load, RATE / 2));
}

/* The part of Redis' append-only file that is written to, and how long it is; kept. */
static const char *newest_log(int64_t *bytes)
{
    glob_t found;
    struct stat about = {0};
    const char *newest = NULL;
    long highest = -1;
    if (glob(kept_text("%s/redis/appendonlydir/*.incr.aof", stack.folder), 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            const char *number = strstr(found.gl_pathv[i], ".aof.");
            const long value = number ? strtol(number + strlen(".aof."), NULL, 10) : -1;
            newest = value > highest ? kept_text("%s", found.gl_pathv[i]) : newest;
            highest = value > highest ? value : highest;
        }
        globfree(&found);
    }
    REQUIRE(newest && stat(newest, &about) == 0);
    *bytes = about.st_size;
    return newest;
}

/* Together with its machine: of the last second's log any part has reached the disk, even half a command. */
static void redis_killed(struct trial *trial)
{
    int64_t then = 0;
    int64_t now = 0;
    const char *before = newest_log(&then);
    pause_ms(1000);
    trial->redis_died_us = now_us();
    stack_kill_redis();
    restart_worker(&stack.audit);
    const char *file = newest_log(&now);
    then = strcmp(file, before) == 0 ? then : 0;
    const int64_t left = then + between(0, (long)(now - then));
    EXPECT_INT(truncate(file, left), 0);
    printf("\n    Redis killed: %" PRId64 " of the last second's %" PRId64 " bytes lost", now - left, now - then);
    stack_start_redis();
    EXPECT(load_await_moves(trial->load, RATE * 2L));
}

static const char *redis_setting(const char *name)
{
    const redisReply *reply = redis_peek("CONFIG GET %s", name);
    return reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 ? reply->element[1]->str : "(nothing)";
}

static void whatever_dies_what_was_answered_is_in_the_trail(void)
{
    EXPECT_TEXT(redis_setting("appendonly"), "yes");
    EXPECT_TEXT(redis_setting("appendfsync"), "everysec");
    struct trial trial = trial_begin("faults", CHESS, RATE);
    kill_workers();
    postgres_away(&trial);
    postgres_killed();
    redis_restarted(&trial);
    redis_killed(&trial);
    trial_stop(&trial);
    expect_no_broken_answer(&trial);
    trial_settle(&trial);
}

/* --- the programs ----------------------------------------------------------------------------------------------- */

/* The web server's log pipe is a child of it, too. */
static size_t api_processes(pid_t *pids)
{
    return process_children(stack.web, "synckairos-api", pids, API_PROCESSES);
}

/* Whether none of those is left, and others stand in their place. */
static bool api_replaced(const pid_t *dead, size_t count)
{
    pid_t now[API_PROCESSES];
    const char *wanted = getenv("API_PROCESSES");
    bool gone = wanted != NULL;
    for (size_t i = 0; i < count; i++) {
        gone = kill(dead[i], 0) != 0 && gone;
    }
    return gone && api_processes(now) == (size_t)strtol(wanted, NULL, 10);
}

/* One or all of them; the web server starts others. */
static void kill_api(void)
{
    pid_t pids[API_PROCESSES];
    const size_t count = api_processes(pids);
    const size_t dying = between(0, 2) == 0 ? count : 1;
    REQUIRE(count > 0);
    for (size_t i = 0; i < dying; i++) {
        kill(pids[i], SIGKILL);
    }
    EVENTUALLY(api_replaced(pids, dying));
}

static void kill_timekeeper(void)
{
    process_kill(stack.timekeeper);
    pause_ms(between(0, 300));
    stack.timekeeper = stack_program("timekeeper", NULL);
}

static void kill_audit(void)
{
    restart_worker(&stack.audit);
}

/* A request that may die with the API: nobody knows what came of it. */
static void create_somehow(const char *id)
{
    call("POST", "/v1/sessions", kept_text("{'session_id':'%s',%s}", id, CHESS));
    act(id, "start", NULL);
}

static void kill_programs(const char *story)
{
    static void (*const kills[])(void) = {kill_api, kill_timekeeper, kill_audit};
    int done[3] = {0};
    for (int i = 0; i < PROGRAM_KILLS; i++) {
        const long which = i < 3 ? i : between(0, 2);
        struct answer *created = NULL;
        struct later *later =
            call_later(stack.url, "POST", "/v1/sessions", kept_text("{'session_id':'%s-%d-new',%s}", story, i, CHESS));
        pause_ms(between(0, 200));
        kills[which]();
        done[which]++;
        create_somehow(kept_text("%s-%d-then", story, i));
        created = later_answer(later);
        EXPECT(created->status == 201 || created->status == 0 || created->status >= 500);
    }
    printf("\n    killed: API %d times, timekeeper %d, worker %d", done[0], done[1], done[2]);
}

/* Every session that Redis has has its trail, and every trail a session in Redis. */
static void expect_same_sessions(const char *story)
{
    struct ledger ledger = {0};
    const redisReply *keys = redis_peek("KEYS session:%s*", story);
    REQUIRE(keys && keys->type == REDIS_REPLY_ARRAY && keys->elements > IDLE_SESSIONS);
    for (size_t i = 0; i < keys->elements; i++) {
        ledger_add_session(&ledger, keys->element[i]->str + strlen("session:"));
    }
    EXPECT_INT(ledger.abandoned, 0);
    EXPECT_INT(sql_int("SELECT count(DISTINCT session_id) FROM sync_events WHERE session_id LIKE '%s%%'", story),
               (int64_t)keys->elements);
    const int64_t expiries =
        sql_int("SELECT count(*) FROM sync_events WHERE session_id LIKE '%s%%' AND actor = 'timekeeper'", story);
    EXPECT_BETWEEN(expiries, IDLE_SESSIONS, INT64_MAX);
    printf("\n    %zu sessions in Redis, %ld events, %" PRId64 " of them by the timekeeper", keys->elements,
           ledger.events, expiries);
}

static void no_state_without_its_event_and_no_event_without_its_state(void)
{
    const char *story = fresh_id("killed");
    const char *idle[IDLE_SESSIONS];
    /* More than can be answered, so that whoever dies is in the middle of something. */
    struct trial trial = trial_begin(story, RELENTLESS, RATE * 4L);
    for (int i = 0; i < IDLE_SESSIONS; i++) {
        idle[i] = kept_text("%s-%d-idle", story, i);
        create_running(idle[i], RELENTLESS);
    }
    kill_programs(story);
    EXPECT(load_await_moves(trial.load, RATE / 4));
    trial_stop(&trial);
    process_stop(stack.timekeeper); /* now nothing moves any more */
    trial_settle(&trial);
    expect_same_sessions(story);
    stack.timekeeper = stack_program("timekeeper", NULL);
    for (int i = 0; i < IDLE_SESSIONS; i++) {
        EXPECT_STATUS(delete_session(idle[i]), 204);
    }
    for (size_t i = 0; i < SESSIONS; i++) {
        EXPECT_STATUS(delete_session(load_session_id(trial.load, i)), 204);
    }
    (void)await_backlog(0); /* else the next trial verifies these once more */
}

/* --- the consumer group ----------------------------------------------------------------------------------------- */

static const char holds_script[] = "local ok, consumers = pcall(redis.call, 'XINFO', 'CONSUMERS', KEYS[1], ARGV[1]) "
                                   "if not ok or consumers.err then return 0 end "
                                   "for _, c in ipairs(consumers) do "
                                   "  if string.find(c[2], ARGV[2], 1, true) then return c[4] end "
                                   "end "
                                   "return 0";

/* How many entries were handed to the worker and not acknowledged. */
static int64_t held_by(const struct process *worker)
{
    return redis_int("EVAL %s 1 audit audit-writers :%d:", holds_script, (int)process_pid(worker));
}

/* Stops it at a moment when it has work in hand. */
static void hang_with_work(struct process *worker)
{
    const int64_t give_up_us = now_us() + INT64_C(1000) * PATIENCE_MS;
    int64_t held = 0;
    while (held <= 0 && now_us() < give_up_us) {
        process_signal(worker, SIGCONT);
        pause_ms(between(1, 30));
        process_signal(worker, SIGSTOP);
        held = held_by(worker);
    }
    printf("\n    a worker hangs with %" PRId64 " events in hand", held);
    EXPECT_BETWEEN(held, 1, INT64_MAX);
}

static void a_worker_that_hangs_is_relieved_and_comes_back(void)
{
    const char *const quick[] = {"AUDIT_CLAIM_S=1", NULL};
    worker_start(quick);
    struct trial trial = trial_begin("hangs", CHESS, RATE);
    struct process *hung = stop_after_test(stack_program("audit", quick));
    for (int i = 0; i < 2; i++) {
        hang_with_work(hung);
        EVENTUALLY(held_by(hung) == 0);
        (void)await_backlog(CALM);
        process_signal(hung, SIGCONT);
        EXPECT(load_await_moves(trial.load, RATE / 2));
    }
    EXPECT(process_logged(stack.audit, "took over what another worker left"));
    trial_stop(&trial);
    expect_undisturbed(&trial);
    trial_settle(&trial);
    process_stop(hung);
    worker_start(NULL);
}

/* Takes its name out of the group while it has work in hand; how much, or 0 where it has none. */
static const char forget_script[] = "for _, c in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do "
                                    "  if string.find(c[2], ARGV[2], 1, true) and c[4] > 0 then "
                                    "    return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], c[2]) "
                                    "  end "
                                    "end "
                                    "return 0";

static int64_t forget(const struct process *worker)
{
    const int64_t give_up_us = now_us() + INT64_C(1000) * PATIENCE_MS;
    int64_t held = 0;
    while (held <= 0 && now_us() < give_up_us) {
        held = redis_int("EVAL %s 1 audit audit-writers :%d:", forget_script, (int)process_pid(worker));
    }
    EXPECT_BETWEEN(held, 1, INT64_MAX);
    return held;
}

static void a_lost_group_is_made_again(void)
{
    struct process *second = stop_after_test(stack_program("audit", NULL));
    struct trial trial = trial_begin("group", CHESS, RATE);
    int64_t forgotten = 0;
    for (int i = 0; i < 6; i++) {
        pause_ms(between(100, 700));
        if (i % 2 == 0) {
            EXPECT_INT(redis_int("XGROUP DESTROY audit audit-writers"), 1);
        } else {
            forgotten += forget(between(0, 1) == 0 ? stack.audit : second);
        }
        EXPECT(load_await_moves(trial.load, RATE / 4));
    }
    printf("\n    the group destroyed 3 times, a consumer deleted 3 times with %" PRId64 " events in hand", forgotten);
    trial_stop(&trial);
    expect_undisturbed(&trial);
    trial_settle(&trial);
    process_stop(second);
}

CU_TestInfo fault_tests[] = {
    {"whatever dies, what was answered is in the trail", whatever_dies_what_was_answered_is_in_the_trail},
    {"no state without its event, and no event without its state",
     no_state_without_its_event_and_no_event_without_its_state},
    {"a worker that hangs is relieved, and comes back", a_worker_that_hangs_is_relieved_and_comes_back},
    {"a lost consumer group is made again", a_lost_group_is_made_again},
    CU_TEST_INFO_NULL,
};
