/* Programs on a host whose clock is wrong: no screen is, for every time on the wire is Redis'. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEAR_MS 500 /* of 5 s that the clock is off; on an idle machine it is a few */

/* libfaketime where the system has it; NULL. */
static const char *find_faketime(void)
{
    static const char *const places[] = {
        "/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1",
        "/usr/lib64/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1"};
    const char *library = NULL;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places) && !library; i++) {
        glob_t found;
        if (glob(places[i], 0, NULL, &found) == 0) {
            library = kept_text("%s", found.gl_pathv[0]);
            globfree(&found);
        }
    }
    return library;
}

/* The environment of a program five seconds off; NULL where that cannot be had, and says why. */
static const char *const *wrong_clock(const char *by)
{
#ifdef __SANITIZE_ADDRESS__
    (void)by;
    (void)find_faketime;
    printf("\n    skipped: AddressSanitizer must be the first library, and so must libfaketime");
    return NULL;
#else
    const char *library = find_faketime();
    if (!library) {
        printf("\n    skipped: libfaketime is not installed");
        return NULL;
    }
    const char **env = keep(calloc(5, sizeof(*env)), free);
    env[0] = kept_text("LD_PRELOAD=%s", library);
    env[1] = kept_text("FAKETIME=%s", by);
    env[2] = "FAKETIME_DONT_FAKE_MONOTONIC=1";
    env[3] = "FAKETIME_NO_CACHE=1";
    return env;
#endif
}

static void expect_redis_time(int64_t told_ms, int64_t before_ms, int64_t after_ms, const char *what)
{
    if (!EXPECT_BETWEEN(told_ms, before_ms - NEAR_MS, after_ms + NEAR_MS)) {
        printf(" (%s, off by %lld ms)", what, (long long)(told_ms - before_ms));
    }
}

static void tell_of_a_clock_that_is_off(const char *by)
{
    const char *const *env = wrong_clock(by);
    if (!env) {
        return;
    }
    int port = 0;
    struct api *api = api_start(env);
    relay_start(env, &port);
    const char *id = fresh_id("off");

    int64_t before = redis_now_ms();
    struct answer *created = create_at(api->url, id, CHESS);
    expect_redis_time(int_at(created->body, "server_time_ms"), before, redis_now_ms(), "server_time_ms");
    expect_redis_time(instant_at(created->body, "data.created_at"), before, redis_now_ms(), "created_at");
    struct ws_client *client = watch(id, port);

    before = redis_now_ms();
    struct answer *started = act_at(api->url, id, "start", NULL);
    json_t *update = EXPECT_UPDATE(client, 2);
    const int64_t after = redis_now_ms();
    expect_redis_time(int_at(update, "timestamp"), before, after, "timestamp of the update");
    expect_redis_time(int_at(started->body, "data.clock.deadline_at_ms") - 300000, before, after, "deadline");
    expect_redis_time(int_at(update, "payload.updated_at_ms"), before, after, "updated_at_ms");

    for (int i = 0; i < 5; i++) {
        before = redis_now_ms();
        ws_send(client, "{\"type\":\"PING\",\"timestamp\":1}");
        json_t *pong = EXPECT_FRAME(client, "PONG");
        expect_redis_time(int_at(pong, "server_timestamp"), before, redis_now_ms(), "PONG");
        expect_redis_time(int_at(pong, "timestamp"), before, redis_now_ms(), "timestamp of the PONG");
        before = redis_now_ms();
        struct answer *time = call_at(api->url, "GET", "/v1/time", NULL);
        expect_redis_time(int_at(time->body, "timestamp_ms"), before, redis_now_ms(), "/v1/time");
        expect_redis_time(instant_at(time->body, "server_time"), before, redis_now_ms(), "server_time");
    }
    before = redis_now_ms();
    client = ws_open(port, kept_text("/ws?sessionId=%s", id));
    REQUIRE(client != NULL);
    expect_redis_time(int_at(EXPECT_FRAME(client, "CONNECTED"), "timestamp"), before, redis_now_ms(), "CONNECTED");
    json_t *sync = EXPECT_FRAME(client, "STATE_SYNC");
    expect_redis_time(int_at(sync, "timestamp"), before, redis_now_ms(), "STATE_SYNC");
    EXPECT_INT(int_at(sync, "payload.clock.time_remaining_ms"),
               int_at(sync, "payload.clock.deadline_at_ms") - int_at(sync, "timestamp"));
}

static void a_host_five_seconds_ahead_shows_the_right_time(void)
{
    tell_of_a_clock_that_is_off("+5s");
}

static void a_host_five_seconds_behind_shows_the_right_time(void)
{
    tell_of_a_clock_that_is_off("-5s");
}

static void a_timekeeper_five_seconds_ahead_is_not_early(void)
{
    const char *const *env = wrong_clock("+5s");
    if (!env) {
        return;
    }
    process_stop(stack.timekeeper);
    stack.timekeeper = stack_program("timekeeper", env);
    const char *id = fresh_id("early");
    create(id, "'sync_mode':'count_up','max_time_ms':2000,'warnings_ms':[1000]");
    struct ws_client *client = watch(id, stack.relay_ports[0]);
    const int64_t deadline = int_at(act(id, "start", NULL)->body, "data.clock.deadline_at_ms");
    EXPECT_UPDATE(client, 2);
    json_t *warning = EXPECT_FRAME(client, "TIME_WARNING");
    EXPECT(int_at(warning, "timestamp") >= deadline - 1000);
    EXPECT_BETWEEN(int_at(warning, "payload.time_remaining_ms"), 1, 1000);
    EXPECT_FRAME(client, "TIME_EXPIRED");
    json_t *update = EXPECT_UPDATE(client, 3);
    EXPECT(int_at(update, "timestamp") >= deadline);
    EXPECT_INT(instant_at(update, "payload.session_completed_at"), deadline);
    process_stop(stack.timekeeper);
    stack.timekeeper = stack_program("timekeeper", NULL);
}

CU_TestInfo host_clock_tests[] = {
    {"a host five seconds ahead shows the right time", a_host_five_seconds_ahead_shows_the_right_time},
    {"a host five seconds behind shows the right time", a_host_five_seconds_behind_shows_the_right_time},
    {"a timekeeper five seconds ahead is not early", a_timekeeper_five_seconds_ahead_is_not_early},
    CU_TEST_INFO_NULL,
};
