/* The relay under many connections at once: how many it takes, from where, how fast, and what a lost Redis does to
 * them. */
#include "tests/integration/kept_swarm.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Connects with a word about where the client comes from; "": none. */
static struct ws_client *come_from(int port, const char *id, const char *forwarded)
{
    const char *header = forwarded[0] ? kept_text("X-Forwarded-For: %s\r\n", forwarded) : "";
    struct ws_client *client = ws_open_with(port, kept_text("/ws?sessionId=%s", id), header);
    REQUIRE(client != NULL);
    return client;
}

static void expect_too_many(struct ws_client *client)
{
    EXPECT_INT(ws_close_code(client), 4013);
    EXPECT_INT((int64_t)ws_count(client), 0);
}

static bool lets_in(int port, const char *id, const char *forwarded)
{
    struct ws_client *client = come_from(port, id, forwarded);
    return ws_next(client) != NULL;
}

/* --- limits ----------------------------------------------------------------------------------------------------- */

static void an_address_has_so_many_connections(void)
{
    const char *const env[] = {"AUTH=off", "RELAY_MAX_PER_ADDRESS=2", "TRUSTED_PROXIES=127.0.0.1", NULL};
    const char *id = running("address");
    int port = 0;
    relay_start(env, &port);
    struct ws_client *first = come_from(port, id, "203.0.113.7");
    EXPECT_OPENING(first);
    EXPECT_OPENING(come_from(port, id, "::ffff:203.0.113.7"));
    expect_too_many(come_from(port, id, "203.0.113.7"));
    expect_too_many(come_from(port, id, "198.51.100.1, 203.0.113.7")); /* what stands left of it is anybody's word */
    EXPECT_OPENING(come_from(port, id, "203.0.113.8"));
    ws_leave(first);
    EVENTUALLY(lets_in(port, id, "203.0.113.7"));
    expect_too_many(come_from(port, id, "203.0.113.7"));

    EXPECT_OPENING(come_from(port, id, "2001:db8:1:2::1"));
    EXPECT_OPENING(come_from(port, id, "2001:DB8:1:2:ffff::1"));
    expect_too_many(come_from(port, id, "2001:db8:1:2::7")); /* one customer has a /64 */
    EXPECT_OPENING(come_from(port, id, "2001:db8:1:3::1"));
    for (int i = 0; i < 5; i++) {
        EXPECT_OPENING(come_from(port, id, "")); /* a proxy that does not say who: not counted */
    }
}

static void nobody_speaks_for_others_unless_trusted(void)
{
    const char *const env[] = {"AUTH=off", "RELAY_MAX_PER_ADDRESS=2", NULL};
    const char *const open[] = {"RELAY_MAX_PER_ADDRESS=2", "TRUSTED_PROXIES=127.0.0.1", NULL}; /* as the API does it */
    const char *id = running("spoof");
    for (int i = 0; i < 2; i++) {
        int port = 0;
        relay_start(i == 0 ? env : open, &port);
        EXPECT_OPENING(come_from(port, id, "203.0.113.1"));
        EXPECT_OPENING(come_from(port, id, "203.0.113.2"));
        expect_too_many(come_from(port, id, "203.0.113.3"));
    }
}

static void a_session_has_so_many_connections(void)
{
    const char *const env[] = {"RELAY_MAX_PER_SESSION=2", NULL};
    const char *id = running("session");
    const char *other = running("session");
    int port = 0;
    relay_start(env, &port);
    struct ws_client *first = watch(id, port);
    watch(id, port);
    expect_too_many(come_from(port, id, ""));
    watch(other, port);
    ws_leave(first);
    EVENTUALLY(lets_in(port, id, ""));
}

static void connections_are_taken_in_at_a_rate_and_all_of_them(void)
{
    enum { RATE = 40, CLIENTS = 60, BURST = RATE / 10 };
    const char *const env[] = {kept_text("RELAY_ACCEPT_RATE=%d", RATE), NULL};
    const char *id = running("rate");
    int port = 0;
    relay_start(env, &port);
    const int64_t since = now_us();
    for (int i = 0; i < CLIENTS; i++) {
        watch(id, port);
    }
    const int64_t took_ms = (now_us() - since) / 1000;
    printf(" (%d connections at %d a second: %lld ms) ", CLIENTS, RATE, (long long)took_ms);
    EXPECT_BETWEEN(took_ms, 1000 * (CLIENTS - BURST - 1) / RATE, PATIENCE_MS);
}

static void a_port_is_not_shared_by_mistake(void)
{
    const char *const argv[] = {kept_text("%s/synckairos-relay", stack.build), NULL};
    const char *const env[] = {kept_text("RELAY_PORT=%d", stack.relay_ports[0]), NULL};
    const char *const half[] = {env[0], "RELAY_SHARE_PORT=on", NULL}; /* both must want it */
    EXPECT_INT(process_run(&(struct process_spec){.name = "second-relay", .argv = argv, .env = env}), 1);
    EXPECT_INT(process_run(&(struct process_spec){.name = "second-relay", .argv = argv, .env = half}), 1);
}

static void a_limit_of_files_that_is_too_low_is_told(void)
{
    const char *const argv[] = {"prlimit", "--nofile=4000:4000", kept_text("%s/synckairos-relay", stack.build), NULL};
    const int port = free_port();
    const char *const env[] = {kept_text("RELAY_PORT=%d", port), "RELAY_MAX_CONNECTIONS=10000", NULL};
    struct process *relay =
        stop_after_test(process_start(&(struct process_spec){.name = "poor-relay", .argv = argv, .env = env}));
    EVENTUALLY(port_answers(port));
    EXPECT(process_logged(relay, "the limit of open files is below RELAY_MAX_CONNECTIONS"));
    watch(running("files"), port);
}

/* --- health ----------------------------------------------------------------------------------------------------- */

static void the_relay_says_how_it_is(void)
{
    const int port = stack.relay_ports[0];
    struct answer *answer = ask_relay(port, "/health", NULL);
    EXPECT_INT(answer->status, 200);
    EXPECT_TEXT(answer->text, "{\"status\":\"ok\"}\n");
    EXPECT_TEXT(answer_header(answer, "Cache-Control"), "no-store");
    EXPECT_TEXT(answer_header(answer, "X-Content-Type-Options"), "nosniff");
    answer = ask_relay(port, "/ready", NULL);
    EXPECT_INT(answer->status, 200);
    EXPECT_TEXT(text_at(answer->body, "status"), "ready");
    EXPECT_TEXT(text_at(answer->body, "checks.redis"), "ok");
    EXPECT_ERROR(ask_relay(port, "/", NULL), 404, "NOT_FOUND");
    EXPECT_ERROR(ask_relay(port, "/ws?sessionId=a", NULL), 426, "UPGRADE_REQUIRED");
    EXPECT_ERROR(http_call("POST", kept_text("http://127.0.0.1:%d/ready", port), "{}", NULL), 405,
                 "METHOD_NOT_ALLOWED");
}

static void a_relay_without_redis_is_not_ready(void)
{
    const int port = stack.relay_ports[0];
    const char *ready = kept_text("http://127.0.0.1:%d/ready", port);
    stack_kill_redis();
    EVENTUALLY(url_answers(ready, 503));
    struct answer *answer = ask_relay(port, "/ready", NULL);
    EXPECT_TEXT(text_at(answer->body, "status"), "unavailable");
    EXPECT_TEXT(answer_header(answer, "Retry-After"), "1");
    EXPECT_INT(ask_relay(port, "/health", NULL)->status, 200);
    stack_start_redis();
    EVENTUALLY(url_answers(ready, 200));
}

/* --- a lost Redis ----------------------------------------------------------------------------------------------- */

enum { SESSIONS = 500, CLIENTS = 2000, CHANGED = 50, RESYNC_MS = 2000, SLOW_MACHINE = 4 };

struct storm {
    const char *ids[SESSIONS];
    const char *paths[SESSIONS];
    int64_t versions[SESSIONS];
    struct swarm *swarm;
};

static void gather(struct storm *storm, int port)
{
    swarm_raise_file_limit();
    for (int i = 0; i < SESSIONS; i++) {
        storm->ids[i] = running("resync");
        storm->paths[i] = kept_text("/ws?sessionId=%s", storm->ids[i]);
        storm->versions[i] = 2;
    }
    storm->swarm = kept_swarm(
        &(struct swarm_spec){.port = port, .paths = storm->paths, .path_count = SESSIONS, .clients = CLIENTS});
    EVENTUALLY(swarm_synced(storm->swarm) == CLIENTS);
}

static bool changed(struct storm *storm, int session)
{
    struct answer *answer = act(storm->ids[session], "switch", NULL);
    storm->versions[session] = answer->status == 200 ? int_at(answer->body, "data.version") : storm->versions[session];
    return answer->status == 200;
}

/* Whether everybody has got so many states since the storm, and knows the newest. */
static bool all_know(const struct storm *storm, size_t syncs)
{
    struct swarm_counts counts;
    swarm_count(storm->swarm, &counts);
    bool all = counts.frames[SWARM_STATE_SYNC] >= syncs;
    for (int i = 0; all && i < SESSIONS; i++) {
        all = swarm_told(storm->swarm, (size_t)i, storm->versions[i]) == CLIENTS / SESSIONS;
    }
    return all;
}

static void a_lost_redis_drops_nobody_and_all_are_told_soon_after(void)
{
    static struct storm storm;
    struct swarm_counts before;
    struct swarm_counts after;
    int port = 0;
    relay_start(NULL, &port);
    gather(&storm, port);
    swarm_count(storm.swarm, &before);

    stack_kill_redis();
    const int64_t lost_us = now_us();
    expect_too_many(come_from(port, storm.ids[0], "")); /* told to come later, once Redis was waited for */
    EXPECT_BETWEEN((now_us() - lost_us) / 1000, 4900, PATIENCE_MS);
    EXPECT_INT((int64_t)swarm_open(storm.swarm), CLIENTS);

    stack_start_redis();
    const int64_t back_us = now_us();
    for (int i = 0; i < CHANGED; i++) {
        EVENTUALLY(changed(&storm, i));
    }
    EVENTUALLY(all_know(&storm, before.frames[SWARM_STATE_SYNC] + CLIENTS));
    const int64_t took_ms = (now_us() - back_us) / 1000;
    swarm_count(storm.swarm, &after);
    printf(" (%d clients of %d sessions, %d changed: %lld ms) ", CLIENTS, SESSIONS, CHANGED, (long long)took_ms);
    EXPECT_BETWEEN(took_ms, 0, (int64_t)SLOW_MACHINE * RESYNC_MS);
    EXPECT_INT((int64_t)after.open, CLIENTS);
    EXPECT_INT((int64_t)after.closed, 0);
    EXPECT_INT((int64_t)after.regressions, 0);
}

CU_TestInfo storm_tests[] = {
    {"an address has so many connections", an_address_has_so_many_connections},
    {"nobody speaks for others unless trusted", nobody_speaks_for_others_unless_trusted},
    {"a session has so many connections", a_session_has_so_many_connections},
    {"connections are taken in at a rate, and all of them", connections_are_taken_in_at_a_rate_and_all_of_them},
    {"a port is not shared by mistake", a_port_is_not_shared_by_mistake},
    {"a limit of files that is too low is told", a_limit_of_files_that_is_too_low_is_told},
    {"the relay says how it is", the_relay_says_how_it_is},
    {"a relay without Redis is not ready", a_relay_without_redis_is_not_ready},
    {"a lost Redis drops nobody, and all are told soon after", a_lost_redis_drops_nobody_and_all_are_told_soon_after},
    CU_TEST_INFO_NULL,
};
