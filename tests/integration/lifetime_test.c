/* How long Redis keeps a session: as long as it can still matter. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define SLACK_MS 60000 /* what may have passed since */

static int64_t left_to_live(const char *id)
{
    return redis_int("PTTL session:%s", id);
}

static void what_still_waits_lives_a_day(void)
{
    const char *pending = fresh_id("pending");
    create(pending, CHESS);
    EXPECT_BETWEEN(left_to_live(pending), DAY_MS - SLACK_MS, DAY_MS);

    const char *paused = fresh_id("paused");
    create_running(paused, CHESS);
    act(paused, "pause", NULL);
    EXPECT_BETWEEN(left_to_live(paused), DAY_MS - SLACK_MS, DAY_MS);

    const char *stopwatch = fresh_id("stopwatch");
    create_running(stopwatch, "'sync_mode':'count_up'");
    EXPECT_BETWEEN(left_to_live(stopwatch), DAY_MS - SLACK_MS, DAY_MS);
    EXPECT_INT(redis_peek("ZSCORE timers %s", stopwatch)->type, REDIS_REPLY_NIL);
}

static void a_running_session_outlives_its_deadline(void)
{
    const char *three_hours = fresh_id("three-hours");
    create_running(three_hours, "'sync_mode':'global','total_time_ms':10800000");
    EXPECT_BETWEEN(left_to_live(three_hours), DAY_MS - SLACK_MS, DAY_MS);
    EXPECT_INT(redis_peek("ZSCORE timers %s", three_hours)->type, REDIS_REPLY_STRING);

    const char *two_days = fresh_id("two-days");
    create_running(two_days, "'sync_mode':'global','total_time_ms':172800000");
    EXPECT_BETWEEN(left_to_live(two_days), 2 * DAY_MS + HOUR_MS - SLACK_MS, 2 * DAY_MS + HOUR_MS);
}

static void what_has_ended_stays_for_the_configured_time(void)
{
    const char *id = fresh_id("ended");
    create_running(id, CHESS);
    act(id, "complete", NULL);
    EXPECT_BETWEEN(left_to_live(id), HOUR_MS - SLACK_MS, HOUR_MS);
    EXPECT_INT(redis_peek("ZSCORE timers %s", id)->type, REDIS_REPLY_NIL);

    const char *const env[] = {"SESSION_TTL_S=120", NULL};
    struct api *api = api_start(env);
    const char *brief = fresh_id("brief");
    create_running(brief, CHESS);
    EXPECT_STATUS(act_at(api->url, brief, "cancel", NULL), 200);
    EXPECT_BETWEEN(left_to_live(brief), 120000 - SLACK_MS, 120000);
}

static void a_deletion_is_remembered_for_an_hour(void)
{
    const char *id = fresh_id("tombstone");
    create_running(id, CHESS);
    delete_session(id);
    EXPECT_BETWEEN(left_to_live(id), HOUR_MS - SLACK_MS, HOUR_MS);
    EXPECT_INT(redis_peek("ZSCORE timers %s", id)->type, REDIS_REPLY_NIL);
    EXPECT_INT(redis_peek("ZSCORE sessions:running %s", id)->type, REDIS_REPLY_NIL);
}

static void the_lists_follow_the_status(void)
{
    const char *id = fresh_id("listed");
    static const struct {
        const char *action;
        const char *list;
    } steps[] = {{"start", "running"}, {"pause", "paused"}, {"resume", "running"}, {"complete", ""}};
    static const char *const lists[] = {"pending", "running", "paused"};
    create(id, CHESS);
    EXPECT_INT(redis_peek("ZSCORE sessions:pending %s", id)->type, REDIS_REPLY_STRING);
    for (size_t i = 0; i < 4; i++) {
        act(id, steps[i].action, NULL);
        for (size_t k = 0; k < 3; k++) {
            const bool listed = redis_peek("ZSCORE sessions:%s %s", lists[k], id)->type == REDIS_REPLY_STRING;
            EXPECT_INT(listed, strcmp(lists[k], steps[i].list) == 0);
        }
    }
}

CU_TestInfo lifetime_tests[] = {
    {"what still waits lives a day", what_still_waits_lives_a_day},
    {"a running session outlives its deadline", a_running_session_outlives_its_deadline},
    {"what has ended stays for the configured time", what_has_ended_stays_for_the_configured_time},
    {"a deletion is remembered for an hour", a_deletion_is_remembered_for_an_hour},
    {"the lists follow the status", the_lists_follow_the_status},
    CU_TEST_INFO_NULL,
};
