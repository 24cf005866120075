/* synckairos-audit restore: what a lost Redis held is written back, once, as it was. */
#include "tests/integration/player.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/worker.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 1000
#define SOME 300
#define PLAYED 8

/* Of every kind one, in turn. */
static const struct {
    const char *members;
    const char *actions[3];
} kinds[] = {
    {CHESS, {"start"}},
    {CHESS, {NULL}},
    {CHESS, {"start", "switch", "pause"}},
    {"'sync_mode':'count_up'", {"start"}},
    {"'sync_mode':'global','total_time_ms':172800000", {"start"}},
    {"'sync_mode':'per_participant','warnings_ms':[60000],'participants':["
     "{'participant_id':'a','participant_index':0,'total_time_ms':900000},"
     "{'participant_id':'b','participant_index':1,'total_time_ms':450000}],'increment_ms':1500",
     {"start", "switch"}},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

struct lost {
    const char *id;
    json_t *stored; /* as Redis had it; kept */
    const char *timer;
    const char *listed;
};

static void release_json(void *json)
{
    json_decref(json);
}

static json_t *stored_form(const char *id)
{
    const redisReply *reply = redis_peek("GET session:%s", id);
    json_t *json = reply && reply->type == REDIS_REPLY_STRING ? json_loads(reply->str, 0, NULL) : NULL;
    return keep(json ? json : json_object(), release_json);
}

static const char *score(const char *key, const char *id)
{
    const redisReply *reply = redis_peek("ZSCORE %s %s", key, id);
    return reply && reply->type == REDIS_REPLY_STRING ? reply->str : "(none)";
}

static void note(struct lost *lost)
{
    lost->stored = stored_form(lost->id);
    lost->timer = score("timers", lost->id);
    lost->listed = score(kept_text("sessions:%s", text_at(lost->stored, "status")), lost->id);
}

/* Sessions of every kind in turn; kept. */
static struct lost *play_sessions(size_t count)
{
    struct lost *sessions = keep(calloc(count, sizeof(*sessions)), free);
    for (size_t i = 0; i < count; i++) {
        sessions[i].id = fresh_id("restore");
        create(sessions[i].id, kinds[i % KINDS].members);
        for (size_t k = 0; k < 3 && kinds[i % KINDS].actions[k]; k++) {
            EXPECT_STATUS(act(sessions[i].id, kinds[i % KINDS].actions[k], NULL), 200);
        }
        note(&sessions[i]);
    }
    return sessions;
}

static void lose_redis(void)
{
    await_drained();
    redis_peek("FLUSHALL");
}

/* The instant as restore takes it. */
static const char *this_instant(void)
{
    return sql_text("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')");
}

static struct process *start_restore(const char *since, const char *const *env)
{
    return subcommand_start(env, WORDS("restore", since ? "--since" : NULL, since));
}

static struct process *restore(const char *since, int status)
{
    struct process *process = start_restore(since, NULL);
    EXPECT_INT(process_wait(process), status);
    return process;
}

/* The session as it was, apart from what a recovery writes; the clock is in it, as instants. */
static bool came_back(const struct lost *lost)
{
    json_t *now = stored_form(lost->id);
    json_t *before = keep(json_deep_copy(lost->stored), release_json);
    bool marked = is_true_at(now, "metadata.recovered") && int_at(now, "version") == int_at(before, "version") + 1;
    static const char *const written[] = {"version", "updated_at_ms", "last_event_id", "metadata"};
    for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++) {
        json_object_del(now, written[i]);
        json_object_del(before, written[i]);
    }
    bool listed = strcmp(score(kept_text("sessions:%s", text_at(before, "status")), lost->id), lost->listed) == 0;
    bool same = marked && listed && json_equal(now, before) && strcmp(score("timers", lost->id), lost->timer) == 0;
    if (!same) {
        printf("\n    was %s (timer %s, listed %s)\n    is  %s (timer %s)", json_dumps(before, JSON_SORT_KEYS),
               lost->timer, lost->listed, json_dumps(now, JSON_SORT_KEYS), score("timers", lost->id));
    }
    return same;
}

static int64_t events_since(const char *since, const char *condition)
{
    return sql_int("SELECT count(*) FROM sync_events WHERE at >= '%s' AND %s", since, condition);
}

/* What is left on the clock that runs, out of the session's own instants, against what the API says. */
static void expect_right_time_left(const struct lost *lost)
{
    struct answer *answer = look(lost->id);
    EXPECT_STATUS(answer, 200);
    size_t active = strcmp(text_at(answer->body, "data.active_participant_id"),
                           text_at(answer->body, "data.participants.0.participant_id")) == 0
                        ? 0
                        : 1;
    int64_t total = int_at(lost->stored, kept_text("participants.%zu.total_time_ms", active));
    int64_t since = int_at(lost->stored, "cycle_started_at_ms");
    EXPECT_INT(int_at(answer->body, kept_text("data.participants.%zu.time_remaining_ms", active)),
               total - (int_at(answer->body, "server_time_ms") - since));
}

static void a_thousand_sessions_come_back_at_once(void)
{
    const char *since = this_instant();
    struct lost *sessions = play_sessions(MANY);
    const char *deleted = fresh_id("restore-deleted");
    const char *ended = fresh_id("restore-ended");
    create_running(deleted, CHESS);
    EXPECT_STATUS(delete_session(deleted), 204);
    create_running(ended, CHESS);
    act(ended, "complete", NULL);
    lose_redis();

    int64_t begun_us = now_us();
    struct process *process = restore(since, 0);
    printf("\n    %d sessions restored in %" PRId64 " ms; ", MANY, (now_us() - begun_us) / 1000);
    EXPECT(process_logged(process, kept_text("%d restored, 0 there already, 1 deleted or ended, 0 could not", MANY)));
    int wrong = 0;
    for (size_t i = 0; i < MANY && wrong < 3; i++) {
        wrong += !came_back(&sessions[i]);
    }
    EXPECT_INT(wrong, 0);
    expect_right_time_left(&sessions[0]);
    expect_right_time_left(&sessions[5]);
    EXPECT_INT(redis_int("EXISTS session:%s session:%s", deleted, ended), 0);
    EXPECT_STATUS(look(deleted), 404);
    EXPECT_TEXT(text_at(look(ended)->body, "data.status"), "completed");

    begun_us = now_us();
    process = restore(since, 0);
    printf("found there in %" PRId64 " ms ", (now_us() - begun_us) / 1000);
    EXPECT(process_logged(process, kept_text("0 restored, %d there already, 1 deleted or ended, 0 could", MANY)));
    EVENTUALLY(events_since(since, "type = 'session_recovered'") == MANY);
    EXPECT_INT(events_since(since, "type = 'session_recovered' AND actor <> 'restore'"), 0);
}

static int count_there(const struct lost *sessions)
{
    int there = 0;
    for (size_t i = 0; i < SOME; i++) {
        there += redis_int("EXISTS session:%s", sessions[i].id) == 1;
    }
    return there;
}

/* Beside players who make lost sessions come back by themselves: each comes back once, and its history has no gap. */
static void it_does_no_harm_beside_traffic(void)
{
    const char *since = this_instant();
    struct lost *sessions = play_sessions(SOME);
    struct player *players[PLAYED];
    lose_redis();
    for (size_t i = 0; i < PLAYED; i++) { /* the first of each six is a game that runs */
        players[i] = player_start(stack.url, sessions[i * KINDS].id);
    }
    struct process *const both[] = {start_restore(since, NULL), start_restore(since, NULL)};
    EXPECT_INT(process_wait(both[0]), 0);
    EXPECT_INT(process_wait(both[1]), 0);
    long moves = 0;
    for (size_t i = 0; i < PLAYED; i++) {
        EVENTUALLY(atomic_load(&players[i]->moves) > 0);
        player_stop(players[i]);
        player_expect_no_surprise(players[i]);
        moves += atomic_load(&players[i]->moves);
    }
    EXPECT(moves > 0);
    await_drained();
    EXPECT_INT(events_since(since, "type = 'session_recovered'"), SOME);
    EXPECT_INT(sql_int("SELECT count(DISTINCT session_id) FROM sync_events WHERE at >= '%s' AND "
                       "type = 'session_recovered'",
                       since),
               SOME);
    EXPECT_INT(sql_int("SELECT count(*) FROM (SELECT version, prev_event_id, lag(version) OVER life AS version_before, "
                       "lag(event_id) OVER life AS before FROM sync_events WHERE at >= '%s' WINDOW life AS "
                       "(PARTITION BY session_id, session_created_at ORDER BY version, at)) e "
                       "WHERE version <> coalesce(version_before, 0) + 1 OR prev_event_id IS DISTINCT FROM before",
                       since),
               0);
    EXPECT_INT(count_there(sessions), SOME);
}

static void without_a_date_only_what_redis_would_still_hold(void)
{
    const char *fresh = fresh_id("restore-fresh");
    const char *old = fresh_id("restore-old");
    const char *long_running = fresh_id("restore-long");
    create(fresh, CHESS);
    create_running(old, "'sync_mode':'count_up'");
    create_running(long_running, "'sync_mode':'global','total_time_ms':172800000");
    lose_redis();
    const char *day_ago = sql_text("SELECT to_char((now() - interval '25 h') AT TIME ZONE 'UTC', "
                                   "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')");
    for (int i = 0; i < 2; i++) {
        sql_text("WITH u AS (UPDATE sync_sessions SET updated_at = '%s' WHERE session_id = '%s' RETURNING 1) "
                 "SELECT count(*)::text FROM u",
                 day_ago, i ? old : long_running);
    }
    process_wait(start_restore(NULL, NULL)); /* what other tests left behind may be beyond restoring */
    EXPECT_INT(redis_int("EXISTS session:%s", fresh), 1);
    EXPECT_INT(redis_int("EXISTS session:%s", long_running), 1);
    EXPECT_INT(redis_int("EXISTS session:%s", old), 0);
    process_wait(start_restore("2001-01-01", NULL));
    EXPECT_INT(redis_int("EXISTS session:%s", old), 1);
    EXPECT_STATUS(delete_session(old), 204);
    EXPECT_STATUS(delete_session(long_running), 204);
}

static void events_that_wait_for_too_long_stop_it(void)
{
    const char *since = this_instant();
    const char *id = fresh_id("restore-behind");
    create_running(id, CHESS);
    await_trail(id, 2);
    without_worker();
    redis_peek("FLUSHALL");
    redis_peek("XADD audit 1000-1 recovery_wanted nobody");
    struct process *process = restore(since, 1);
    EXPECT(process_logged(process, "let the worker"));
    EXPECT(process_logged(process, "0 restored"));
    EXPECT_INT(redis_int("EXISTS session:%s", id), 0);
    worker_start(NULL);
    await_drained();
    restore(since, 0);
    EXPECT_INT(redis_int("EXISTS session:%s", id), 1);
}

/* Holds a restore still when a part of the sessions is back; false: it was too fast. */
static struct process *hold_halfway(const char *since, const struct lost *sessions)
{
    for (int i = 0; i < 5; i++) {
        await_drained();
        redis_peek("FLUSHALL");
        struct process *process = start_restore(since, NULL);
        while (process_alive(process) && redis_int("ZCARD sessions:running") < 1) {
        }
        process_signal(process, SIGSTOP);
        if (process_alive(process) && redis_int("DBSIZE") < SOME) {
            return process;
        }
        process_signal(process, SIGCONT);
        process_wait(process);
    }
    EXPECT(sessions == NULL); /* never caught */
    return NULL;
}

static void expect_all_back(const char *since, const struct lost *sessions)
{
    struct process *process = restore(since, 0);
    EXPECT(process_logged(process, " 0 could not be said"));
    EXPECT_INT(count_there(sessions), SOME);
}

static void a_store_that_goes_away_in_the_middle_is_named(void)
{
    const char *since = this_instant();
    struct lost *sessions = play_sessions(SOME);
    struct process *process = hold_halfway(since, sessions);
    REQUIRE(process != NULL);
    without_postgres();
    process_signal(process, SIGCONT);
    EXPECT_INT(process_wait(process), 1);
    EXPECT(process_logged(process, "synckairos-audit: PostgreSQL"));
    EXPECT(process_logged(process, " restored, "));
    stack_start_postgres();
    expect_all_back(since, sessions);

    process = hold_halfway(since, sessions);
    REQUIRE(process != NULL);
    stack_stop_redis();
    process_signal(process, SIGCONT);
    EXPECT_INT(process_wait(process), 1);
    EXPECT(process_logged(process, "redis at ")); /* also where it went away within a commit */
    stack_start_redis();
    expect_all_back(since, sessions);
}

static void a_signal_ends_it_in_order(void)
{
    const char *since = this_instant();
    struct lost *sessions = play_sessions(SOME);
    struct process *process = hold_halfway(since, sessions);
    REQUIRE(process != NULL);
    process_signal(process, SIGINT);
    process_signal(process, SIGCONT);
    EXPECT_INT(process_wait(process), 1);
    EXPECT(process_logged(process, "stopped: "));
    expect_all_back(since, sessions);
}

static void its_arguments_are_checked(void)
{
    static const char *const wrong[][2] = {
        {"--since", NULL}, {"--since", "yesterday"}, {"--since", "2026-02-30"}, {"everything", NULL}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        subcommand(2, WORDS("restore", wrong[i][0], wrong[i][1]));
    }
}

CU_TestInfo restore_tests[] = {
    {"a thousand sessions come back at once", a_thousand_sessions_come_back_at_once},
    {"it does no harm beside traffic", it_does_no_harm_beside_traffic},
    {"without a date only what Redis would still hold", without_a_date_only_what_redis_would_still_hold},
    {"events that wait for too long stop it", events_that_wait_for_too_long_stop_it},
    {"a store that goes away in the middle is named", a_store_that_goes_away_in_the_middle_is_named},
    {"a signal ends it in order", a_signal_ends_it_in_order},
    {"its arguments are checked", its_arguments_are_checked},
    CU_TEST_INFO_NULL,
};
