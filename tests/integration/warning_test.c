/* Warnings: at the right moments, once each, also with two timekeepers of which one dies now and then. */
#include "tests/integration/listener.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <stdlib.h>
#include <string.h>

#define SESSIONS 60
#define TIMER "'sync_mode':'count_up','max_time_ms':7000,'warnings_ms':[6000,3000]"

static void warnings_come_at_their_moments(void)
{
    const char *id = fresh_id("warned");
    create(id,
           "'sync_mode':'per_participant','total_time_ms':4000,'warnings_ms':[1000,3000,2000,10000],'participants':["
           "{'participant_id':'solo','participant_index':0}]");
    struct ws_client *client = watch(id, stack.relay_ports[0]);
    const int64_t deadline = int_at(act(id, "start", NULL)->body, "data.clock.deadline_at_ms");
    EXPECT_UPDATE(client, 2);
    static const int64_t thresholds[] = {3000, 2000, 1000};
    for (size_t i = 0; i < 3; i++) {
        json_t *warning = EXPECT_FRAME(client, "TIME_WARNING");
        EXPECT_TEXT(text_at(warning, "payload.session_id"), id);
        EXPECT_TEXT(text_at(warning, "payload.participant_id"), "solo");
        EXPECT(is_null_at(warning, "payload.group_id"));
        EXPECT_INT(int_at(warning, "payload.threshold_ms"), thresholds[i]);
        EXPECT_TEXT(text_at(warning, "payload.level"), i == 2 ? "critical" : "low");
        EXPECT(int_at(warning, "timestamp") >= deadline - thresholds[i]);
        EXPECT_INT(int_at(warning, "payload.time_remaining_ms"), deadline - int_at(warning, "timestamp"));
    }
    EXPECT_FRAME(client, "TIME_EXPIRED");
    EXPECT_UPDATE(client, 3); /* a warning is a message, not a change */
}

static void a_pause_takes_its_warning_along(void)
{
    const char *id = fresh_id("paused");
    create(id, "'sync_mode':'count_up','max_time_ms':2000,'warnings_ms':[1000]");
    struct ws_client *client = watch(id, stack.relay_ports[0]);
    const int64_t deadline = int_at(act(id, "start", NULL)->body, "data.clock.deadline_at_ms");
    act(id, "pause", NULL);
    EVENTUALLY(redis_now_ms() > deadline + 100);
    EXPECT_UPDATE(client, 2);
    EXPECT_UPDATE(client, 3);
    EXPECT_STATUS(act(id, "resume", NULL), 200);
    EXPECT_UPDATE(client, 4);
    EXPECT_INT(int_at(EXPECT_FRAME(client, "TIME_WARNING"), "payload.threshold_ms"), 1000);
    delete_session(id);
}

/* Kills the timekeeper within 200 ms around the instant, at a moment nobody chose, and starts another. */
static struct process *kill_around(struct process *timekeeper, int64_t instant_ms)
{
    const int64_t moment = instant_ms - 100 + rand() % 200;
    while (redis_now_ms() < moment) {
        nap();
    }
    process_kill(timekeeper);
    return stack_program("timekeeper", NULL);
}

static void expect_each_thing_once(struct listener *listener, const char *id)
{
    const struct heard *last = NULL;
    EXPECT_INT((int64_t)heard_about(listener, id, "TIME_WARNING", &last), 2);
    EXPECT_INT((int64_t)heard_about(listener, id, "TIME_EXPIRED", &last), 1);
    EXPECT_INT((int64_t)heard_about(listener, id, "STATE_UPDATE", &last), 2);
    EXPECT_TEXT(last ? text_at(last->json, "payload.status") : "(nothing)", "expired");
}

static void tell_of_many_timers(bool with_deaths)
{
    const char *ids[SESSIONS];
    struct process *second = stack_program("timekeeper", NULL);
    const char *story = with_deaths ? "killed" : "twice";
    for (int i = 0; i < SESSIONS; i++) {
        ids[i] = fresh_id(story);
        create(ids[i], TIMER);
    }
    struct listener *listener = listen_to(story);
    int64_t deadline = 0;
    for (int i = 0; i < SESSIONS; i++) {
        const int64_t own = int_at(act(ids[i], "start", NULL)->body, "data.clock.deadline_at_ms");
        deadline = i == SESSIONS / 2 ? own : deadline;
    }
    for (int i = 0; with_deaths && i < 3; i++) {
        second = kill_around(second, deadline - INT64_C(6000) + INT64_C(3000) * i);
    }
    EVENTUALLY(heard_of(listener, "TIME_EXPIRED") >= SESSIONS);
    EVENTUALLY(heard_of(listener, "STATE_UPDATE") >= (size_t)2 * SESSIONS);
    for (int i = 0; i < SESSIONS; i++) {
        expect_each_thing_once(listener, ids[i]);
    }
    process_stop(second);
}

static void two_timekeepers_fire_nothing_twice(void)
{
    tell_of_many_timers(false);
}

static void a_timekeeper_that_dies_loses_nothing(void)
{
    srand((unsigned)now_us());
    tell_of_many_timers(true);
}

/* Damaged by hand, each in another way; between them a session in good health. */
static void what_cannot_be_read_is_set_aside_and_stops_nobody(void)
{
    static const char *const damages[] = {"rubbish", "{\"format\":99}", "of another id"};
    const char *healthy = fresh_id("healthy");
    const char *ids[3];
    for (size_t i = 0; i < 3; i++) {
        ids[i] = fresh_id("damaged");
        create_running(ids[i], "'sync_mode':'count_up','max_time_ms':1500,'warnings_ms':[]");
        if (i < 2) {
            redis_peek("SET session:%s %s", ids[i], damages[i]);
        } else {
            redis_peek("COPY session:%s session:%s REPLACE", healthy, ids[i]);
        }
        if (i == 1) {
            create_running(healthy, "'sync_mode':'count_up','max_time_ms':1500,'warnings_ms':[]");
        }
    }
    for (size_t i = 0; i < 3; i++) {
        EVENTUALLY(redis_peek("ZSCORE timers:unreadable %s", ids[i])->type == REDIS_REPLY_STRING);
        EXPECT_INT(redis_peek("ZSCORE timers %s", ids[i])->type, REDIS_REPLY_NIL);
        EXPECT_ERROR(look(ids[i]), 500, "INTERNAL_ERROR");
        redis_peek("DEL session:%s", ids[i]);
    }
    await_status(healthy, "expired");
    redis_peek("DEL timers:unreadable");
}

CU_TestInfo warning_tests[] = {
    {"what cannot be read is set aside and stops nobody", what_cannot_be_read_is_set_aside_and_stops_nobody},
    {"warnings come at their moments", warnings_come_at_their_moments},
    {"a pause takes its warning along", a_pause_takes_its_warning_along},
    {"two timekeepers fire nothing twice", two_timekeepers_fire_nothing_twice},
    {"a timekeeper that dies loses nothing", a_timekeeper_that_dies_loses_nothing},
    CU_TEST_INFO_NULL,
};
