/* The stores going away and coming back under load. */
#include "tests/integration/player.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/worker.h"

#include <signal.h>
#include <stdio.h>

#define PLAYERS 4

static void redis_restarted_under_load(void)
{
    struct player *players[PLAYERS];
    struct ws_client *clients[PLAYERS];
    for (int i = 0; i < PLAYERS; i++) {
        const char *id = fresh_id("outage");
        create_running(id, CHESS);
        players[i] = player_start(stack.url, id);
        clients[i] = watch(id, stack.relay_ports[i % RELAYS]);
    }
    EVENTUALLY(atomic_load(&players[0]->moves) > 20 && atomic_load(&players[PLAYERS - 1]->moves) > 20);

    stack_stop_redis();
    for (int i = 0; i < PLAYERS; i++) {
        EVENTUALLY(atomic_load(&players[i]->unavailable) > 3);
    }
    struct answer *unready = call("GET", "/ready", NULL);
    EXPECT_STATUS(unready, 503);
    EXPECT_STATUS(call("GET", "/health", NULL), 200);
    struct answer *refused = look(players[0]->id);
    EXPECT_ERROR(refused, 503, "STATE_STORE_UNAVAILABLE");
    EXPECT(answer_header(refused, "Retry-After") != NULL);
    EXPECT_ERROR(call("POST", "/v1/sessions", kept_text("{%s}", CHESS)), 503, "STATE_STORE_UNAVAILABLE");

    size_t syncs[PLAYERS];
    for (int i = 0; i < PLAYERS; i++) {
        syncs[i] = frames_of(clients[i], "STATE_SYNC");
    }
    stack_start_redis();
    for (int i = 0; i < PLAYERS; i++) {
        const long moves = atomic_load(&players[i]->moves);
        EVENTUALLY(atomic_load(&players[i]->moves) > moves + 20);
        EVENTUALLY(frames_of(clients[i], "STATE_SYNC") > syncs[i]);
        EXPECT_INT(ws_code_now(clients[i]), WS_STILL_OPEN);
    }
    for (int i = 0; i < PLAYERS; i++) {
        player_stop(players[i]);
        EXPECT_STATUS(act(players[i]->id, "pause", NULL), 200);
        const int64_t version = int_at(look(players[i]->id)->body, "data.version");
        const int64_t moves = atomic_load(&players[i]->moves);
        EXPECT_BETWEEN(version, 3 + moves, 3 + moves + atomic_load(&players[i]->unknown));
        player_expect_no_surprise(players[i]);
        EVENTUALLY(version_seen(clients[i]) == version);
        await_trail(players[i]->id, version);
        EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", players[i]->id), version);
        EXPECT_INT(sql_int("SELECT count(DISTINCT version) FROM sync_events WHERE session_id = '%s'", players[i]->id),
                   version);
    }
    EXPECT_STATUS(call("GET", "/ready", NULL), 200);
}

static void timers_that_came_due_meanwhile_fire_afterwards(void)
{
    const char *id = fresh_id("meanwhile");
    create_running(id, "'sync_mode':'count_up','max_time_ms':1500,'warnings_ms':[200]");
    struct ws_client *client = watch(id, stack.relay_ports[1]);
    const int64_t deadline = int_at(look(id)->body, "data.clock.deadline_at_ms");
    stack_stop_redis();
    EVENTUALLY(wall_ms() > deadline);
    stack_start_redis();
    await_status(id, "expired");
    EXPECT_INT(instant_at(look(id)->body, "data.session_completed_at"), deadline);
    EVENTUALLY(version_seen(client) == 3);
    EXPECT_INT(ws_code_now(client), WS_STILL_OPEN);
}

static void a_client_that_comes_while_redis_is_away_is_not_turned_away_for_good(void)
{
    const char *id = fresh_id("patient");
    create_running(id, CHESS);
    stack_stop_redis();
    struct ws_client *client = ws_open(stack.relay_ports[0], kept_text("/ws?sessionId=%s", id));
    REQUIRE(client != NULL);
    stack_start_redis();
    EVENTUALLY(version_seen(client) == 2 || ws_code_now(client) != WS_STILL_OPEN);
    EXPECT(ws_code_now(client) != 4004 && ws_code_now(client) != 1008 && ws_code_now(client) != 1000);
}

static bool postgres_row(const char *id)
{
    return sql_int("SELECT count(*) FROM sync_sessions WHERE session_id = '%s'", id) == 1;
}

static void postgres_away_delays_the_trail_and_nothing_else(void)
{
    process_signal(stack.postgres, SIGSTOP); /* the machine it runs on hangs */
    const char *id = fresh_id("archive");
    create_running(id, CHESS);
    for (int i = 0; i < 10; i++) {
        EXPECT_STATUS(act(id, "switch", NULL), 200);
    }
    process_signal(stack.postgres, SIGCONT);
    EVENTUALLY(postgres_row(id));
    await_trail(id, 12);
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id), 12);
}

static void connections_that_postgres_cuts_lose_no_event(void)
{
    const char *id = fresh_id("cut");
    create_running(id, CHESS);
    for (int i = 0; i < 40; i++) {
        EXPECT_STATUS(act(id, "switch", NULL), 200);
        if (i % 20 == 10) {
            (void)sql_int("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> "
                          "pg_backend_pid() AND backend_type = 'client backend'");
        }
    }
    await_trail(id, 42);
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id), 42);
    await_drained();
    EXPECT_INT(redis_int("XLEN audit:failed"), 0);
}

static void a_full_redis_is_read_but_not_changed(void)
{
    struct api *api = api_start((const char *const[]){"RATE_LIMIT_GENERAL=1000", NULL});
    const char *id = fresh_id("full");
    create_running(id, CHESS);
    without_room();
    struct answer *read = look_at(api->url, id);
    struct answer *changed = act_at(api->url, id, "switch", NULL);
    make_room();
    EXPECT_STATUS(read, 200);
    EXPECT(answer_header(read, "RateLimit-Limit") == NULL); /* it could not be counted */
    EXPECT_ERROR(changed, 503, "STATE_STORE_UNAVAILABLE");
    EXPECT_INT(int_at(look_at(api->url, id)->body, "data.version"), 2);
    EXPECT_STATUS(act_at(api->url, id, "switch", NULL), 200);
}

static void a_redis_that_refuses_the_password_is_one_that_is_away(void)
{
    const char *const env[] = {kept_text("REDIS_URL=redis://:wrong@127.0.0.1:%d/0", stack.redis_port), NULL};
    struct api *api = api_start(env);
    EXPECT_ERROR(look_at(api->url, "anything"), 503, "STATE_STORE_UNAVAILABLE");
    EXPECT(process_logged(api->program, "\"code\":\"STATE_STORE_UNAVAILABLE\",\"error\":\"redis: ERR AUTH"));
}

CU_TestInfo outage_tests[] = {
    {"Redis restarted under load: 503 meanwhile, nothing lost, nobody dropped", redis_restarted_under_load},
    {"timers that came due meanwhile fire afterwards", timers_that_came_due_meanwhile_fire_afterwards},
    {"a client that comes while Redis is away is not turned away for good",
     a_client_that_comes_while_redis_is_away_is_not_turned_away_for_good},
    {"a full Redis is read but not changed", a_full_redis_is_read_but_not_changed},
    {"a Redis that refuses the password is one that is away", a_redis_that_refuses_the_password_is_one_that_is_away},
    {"PostgreSQL away delays the trail and nothing else", postgres_away_delays_the_trail_and_nothing_else},
    {"connections that PostgreSQL cuts lose no event", connections_that_postgres_cuts_lose_no_event},
    CU_TEST_INFO_NULL,
};
