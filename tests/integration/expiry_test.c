/* Clocks that run out with nobody asking: the timekeeper alone acts. */
#include "tests/integration/listener.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS 100

/* Both players of a blitz game get so much. */
static const char *blitz(int64_t bank_ms)
{
    return kept_text(
        "'sync_mode':'per_participant','total_time_ms':%" PRId64 ",'warnings_ms':[100],"
        "'action_on_timeout':{'type':'end_session'},'participants':["
        "{'participant_id':'white','participant_index':0},{'participant_id':'black','participant_index':1}]",
        bank_ms);
}

static void a_flag_falls_with_nobody_asking(void)
{
    const char *id = fresh_id("flag");
    create(id, blitz(1000));
    struct ws_client *client = watch(id, stack.relay_ports[0]);
    struct answer *started = act(id, "start", NULL);
    const int64_t deadline = int_at(started->body, "data.clock.deadline_at_ms");
    EXPECT_INT(deadline, int_at(started->body, "server_time_ms") + 1000);
    EXPECT_UPDATE(client, 2);
    EXPECT_FRAME(client, "TIME_WARNING");

    json_t *expired = EXPECT_FRAME(client, "TIME_EXPIRED");
    EXPECT_TEXT(text_at(expired, "payload.session_id"), id);
    EXPECT_TEXT(text_at(expired, "payload.expired_participant_id"), "white");
    EXPECT(is_null_at(expired, "payload.expired_group_id"));
    EXPECT_INT(int_at(expired, "payload.expired_at_ms"), deadline);
    EXPECT_INT(int_at(expired, "payload.count"), 1);
    EXPECT_TEXT(text_at(expired, "payload.action_applied.type"), "end_session");
    EXPECT_TEXT(text_at(expired, "payload.action_applied.winner"), "black");

    json_t *update = EXPECT_UPDATE(client, 3);
    EXPECT_TEXT(text_at(update, "payload.status"), "expired");
    EXPECT_INT(instant_at(update, "payload.session_completed_at"), deadline);
    EXPECT_TEXT(text_at(update, "payload.expired_participant_id"), "white");
    EXPECT_INT(int_at(update, "payload.participants.0.time_remaining_ms"), 0);
    EXPECT_INT(int_at(update, "payload.participants.0.time_used_ms"), 1000);
    EXPECT_INT(int_at(update, "payload.participants.1.time_remaining_ms"), 1000);
    EXPECT(int_at(update, "timestamp") >= deadline);
}

static int by_value(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a;
    const int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* One session's two messages, in this order; returns how late the second was heard after the deadline. */
static int64_t lateness_us(struct listener *listener, const char *id, int64_t deadline_ms)
{
    const struct heard *expired = NULL;
    const struct heard *update = NULL;
    EXPECT_INT((int64_t)heard_about(listener, id, "TIME_EXPIRED", &expired), 1);
    EXPECT_INT((int64_t)heard_about(listener, id, "STATE_UPDATE", &update), 2);
    REQUIRE(expired && update && expired < update);
    EXPECT_TEXT(text_at(update->json, "payload.status"), "expired");
    EXPECT_INT(instant_at(update->json, "payload.session_completed_at"), deadline_ms);
    EXPECT_INT(int_at(expired->json, "payload.expired_at_ms"), deadline_ms);
    return update->at_us - deadline_ms * 1000;
}

static void expiries_are_committed_at_once(void)
{
    const char *ids[FLAGS];
    int64_t deadline[FLAGS];
    int64_t late[FLAGS];
    for (int i = 0; i < FLAGS; i++) {
        ids[i] = fresh_id("flags");
        create(ids[i], blitz(1000 + 15 * i));
    }
    struct listener *listener = listen_to("flags-");
    for (int i = 0; i < FLAGS; i++) {
        deadline[i] = int_at(act(ids[i], "start", NULL)->body, "data.clock.deadline_at_ms");
    }
    EVENTUALLY(heard_of(listener, "STATE_UPDATE") >= (size_t)2 * FLAGS);
    for (int i = 0; i < FLAGS; i++) {
        late[i] = lateness_us(listener, ids[i], deadline[i]);
    }
    qsort(late, FLAGS, sizeof(*late), by_value);
    const size_t middle = FLAGS / 2;
    printf("\n    deadline to commit, %d expiries: min %.1f ms, p50 %.1f ms, p99 %.1f ms, max %.1f ms", FLAGS,
           (double)late[0] / 1e3, (double)late[middle] / 1e3, (double)late[FLAGS - 2] / 1e3,
           (double)late[FLAGS - 1] / 1e3);
    EXPECT(late[0] >= 0);
    EXPECT(late[middle] < 1000000);
}

static void cycles_advance_by_themselves(void)
{
    const char *id = fresh_id("advance");
    create(id,
           "'sync_mode':'per_cycle','time_per_cycle_ms':1000,'auto_advance':true,'warnings_ms':[500],'participants':["
           "{'participant_id':'a','participant_index':0},{'participant_id':'b','participant_index':1}]");
    struct ws_client *client = watch(id, stack.relay_ports[1]);
    const int64_t begin = int_at(act(id, "start", NULL)->body, "data.clock.started_at_ms");
    EXPECT_UPDATE(client, 2);
    for (int cycle = 1; cycle <= 3; cycle++) {
        json_t *warning = EXPECT_FRAME(client, "TIME_WARNING");
        EXPECT_TEXT(text_at(warning, "payload.participant_id"), cycle % 2 ? "a" : "b");
        json_t *expired = EXPECT_FRAME(client, "TIME_EXPIRED");
        EXPECT_TEXT(text_at(expired, "payload.expired_participant_id"), cycle % 2 ? "a" : "b");
        EXPECT_INT(int_at(expired, "payload.expired_at_ms"), begin + INT64_C(1000) * cycle);
        EXPECT_TEXT(text_at(expired, "payload.action_applied.type"), "skip_cycle");
        json_t *update = EXPECT_UPDATE(client, 2 + cycle);
        EXPECT_TEXT(text_at(update, "payload.active_participant_id"), cycle % 2 ? "b" : "a");
        EXPECT_INT(int_at(update, "payload.clock.started_at_ms"), begin + INT64_C(1000) * cycle);
        EXPECT_INT(int_at(update, "payload.cycle_number"), cycle + 1);
    }
    delete_session(id);
}

static void overtime_goes_on_after_a_notice(void)
{
    const char *id = fresh_id("overtime");
    create(id, "'sync_mode':'global','time_per_cycle_ms':1000,'warnings_ms':[200],"
               "'action_on_timeout':{'type':'notify','sound':'bell'}");
    struct ws_client *client = watch(id, stack.relay_ports[0]);
    act(id, "start", NULL);
    EXPECT_UPDATE(client, 2);
    EXPECT_FRAME(client, "TIME_WARNING");
    json_t *expired = EXPECT_FRAME(client, "TIME_EXPIRED");
    EXPECT(is_null_at(expired, "payload.expired_participant_id"));
    EXPECT_TEXT(text_at(expired, "payload.action_applied.sound"), "bell");
    json_t *update = EXPECT_UPDATE(client, 3);
    EXPECT_TEXT(text_at(update, "payload.status"), "running");
    EXPECT(is_true_at(update, "payload.clock.overtime"));
    EXPECT(is_null_at(update, "payload.clock.deadline_at_ms"));
    EXPECT_INT(int_at(update, "payload.clock.time_remaining_ms"), 0);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
}

static void a_reader_settles_even_without_a_timekeeper(void)
{
    process_stop(stack.timekeeper);
    const char *id = fresh_id("unkept");
    create_running(id, blitz(1000));
    const int64_t deadline = int_at(look(id)->body, "data.clock.deadline_at_ms");
    EVENTUALLY(redis_now_ms() > deadline);
    struct answer *read = look(id);
    EXPECT_TEXT(text_at(read->body, "data.status"), "expired");
    EXPECT_INT(instant_at(read->body, "data.session_completed_at"), deadline);
    EXPECT_INT(int_at(read->body, "data.version"), 3);
    EXPECT_ERROR(act(id, "switch", "{'current_participant_id':'white'}"), 400, "INVALID_STATE_TRANSITION");
    EXPECT_INT(int_at(look(id)->body, "data.version"), 3);
    stack.timekeeper = stack_program("timekeeper", NULL);
}

static void a_press_after_the_flag_is_not_the_next_players_move(void)
{
    process_stop(stack.timekeeper);
    const char *id = fresh_id("late-press");
    create_running(id, "'sync_mode':'per_cycle','time_per_cycle_ms':1000,'auto_advance':true,'participants':["
                       "{'participant_id':'a','participant_index':0},{'participant_id':'b','participant_index':1}]");
    const int64_t deadline = int_at(look(id)->body, "data.clock.deadline_at_ms");
    EVENTUALLY(redis_now_ms() > deadline);
    EXPECT_ERROR(act(id, "switch", NULL), 409, "CONFLICT");
    stack.timekeeper = stack_program("timekeeper", NULL);
    delete_session(id);
}

CU_TestInfo expiry_tests[] = {
    {"a flag falls with nobody asking", a_flag_falls_with_nobody_asking},
    {"expiries are committed at once", expiries_are_committed_at_once},
    {"cycles advance by themselves", cycles_advance_by_themselves},
    {"overtime goes on after a notice", overtime_goes_on_after_a_notice},
    {"a reader settles even without a timekeeper", a_reader_settles_even_without_a_timekeeper},
    {"a press after the flag is not the next player's move", a_press_after_the_flag_is_not_the_next_players_move},
    CU_TEST_INFO_NULL,
};
