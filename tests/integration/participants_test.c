/* Participants who join, leave, and get their time set: through the API, into the views, the timers and the trail. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct answer *join(const char *id, const char *body)
{
    return call("POST", kept_text("/v1/sessions/%s/participants", id), body);
}

static struct answer *adjust(const char *id, const char *participant, const char *body)
{
    return call("PATCH", kept_text("/v1/sessions/%s/participants/%s", id, participant), body);
}

static struct answer *leave(const char *id, const char *participant, const char *body)
{
    return call("DELETE", kept_text("/v1/sessions/%s/participants/%s", id, participant), body);
}

static void somebody_joins_plays_and_leaves(void)
{
    const char *id = fresh_id("join");
    create_running(id, CHESS);
    struct ws_client *client = watch(id, stack.relay_ports[0]);
    struct answer *joined = join(id, "{'participant_id':'green','total_time_ms':60000}");
    EXPECT_STATUS(joined, 201);
    EXPECT_TEXT(answer_header(joined, "ETag"), "\"3\"");
    EXPECT_TEXT(text_at(joined->body, "data.participants.2.participant_id"), "green");
    EXPECT_INT(int_at(joined->body, "data.participants.2.participant_index"), 2);
    EXPECT_INT(int_at(joined->body, "data.participants.2.time_remaining_ms"), 60000);
    EXPECT_TEXT(text_at(joined->body, "data.active_participant_id"), "white");
    EXPECT_UPDATE(client, 3);
    act(id, "switch", NULL);
    struct answer *third = act(id, "switch", NULL);
    EXPECT_TEXT(text_at(third->body, "data.active_participant_id"), "green");
    EXPECT_ERROR(leave(id, "green", NULL), 409, "PARTICIPANT_ACTIVE");
    act(id, "switch", NULL);
    struct answer *left = leave(id, "gr%65en", NULL);
    EXPECT_STATUS(left, 200);
    EXPECT_INT((int64_t)json_array_size(json_at(left->body, "data.participants")), 2);
    EXPECT_ERROR(leave(id, "green", NULL), 404, "PARTICIPANT_NOT_FOUND");
    EXPECT_STATUS(join(id, "{'participant_id':'early','participant_index':7,'total_time_ms':1000}"), 201);
    EXPECT_ERROR(join(id, "{'participant_id':'early','total_time_ms':1000}"), 409, "PARTICIPANT_EXISTS");
    EXPECT_ERROR(join(id, "{'participant_id':'late','participant_index':7,'total_time_ms':1000}"), 409,
                 "PARTICIPANT_EXISTS");
}

static void expect_problem(struct answer *refused, const char *field)
{
    EXPECT_ERROR(refused, 400, "VALIDATION_ERROR");
    if (!complains_about(refused, field)) {
        EXPECT_TEXT(refused->text, field);
    }
}

static void what_the_session_shows_to_be_wrong_is_named(void)
{
    const char *chess = fresh_id("named");
    create_running(chess, CHESS);
    expect_problem(join(chess, NULL), "participant_id");
    expect_problem(join(chess, "{'participant_id':'p'}"), "total_time_ms");
    expect_problem(join(chess, "{'participant_id':'p','total_time_ms':0}"), "total_time_ms");
    expect_problem(join(chess, "{'participant_id':'p','total_time_ms':999}"), "total_time_ms");
    expect_problem(join(chess, "{'participant_id':'p','total_time_ms':2678400001}"), "total_time_ms");
    expect_problem(join(chess, "{'participant_id':'p','participant_index':-1}"), "participant_index");
    expect_problem(join(chess, "{'participant_id':'p','participant_index':2147483648}"), "participant_index");
    expect_problem(join(chess, "{'participant_id':'p q','delta_ms':1}"), "delta_ms");
    expect_problem(adjust(chess, "white", NULL), "total_time_ms");
    expect_problem(adjust(chess, "white", "{'total_time_ms':1,'delta_ms':1}"), "total_time_ms");
    expect_problem(adjust(chess, "white", "{'total_time_ms':-1}"), "total_time_ms");
    expect_problem(adjust(chess, "white", "{'total_time_ms':1.0}"), "total_time_ms");
    expect_problem(adjust(chess, "white", "{'delta_ms':'5'}"), "delta_ms");
    expect_problem(adjust(chess, "white", "{'delta_ms':2678400001}"), "delta_ms");
    expect_problem(adjust(chess, "white", "{'delta_ms':-2678400001}"), "delta_ms");
    expect_problem(adjust(chess, "white", "{'delta_ms':1,'reason':7}"), "reason");
    expect_problem(adjust(chess, "white", "{'delta_ms':1,'participant_id':'black'}"), "participant_id");
    expect_problem(adjust(chess, "wh%20te", "{'delta_ms':1}"), "participant_id");
    expect_problem(leave(chess, "black", "{'reason':'tired'}"), "reason");
    EXPECT_ERROR(leave(chess, "black", "{'expected_version':1}"), 409, "CONFLICT");
    EXPECT_INT(int_at(look(chess)->body, "data.version"), 2);

    const char *teams = fresh_id("named");
    create(teams, "'sync_mode':'per_group','total_time_ms':60000,'participants':["
                  "{'participant_id':'a','group_id':'red'}]");
    expect_problem(join(teams, "{'participant_id':'b'}"), "group_id");
    expect_problem(leave(teams, "a", NULL), "participant_id");
}

static void a_reason_has_so_many_characters_and_no_more(void)
{
    const char *id = fresh_id("reason");
    char text[1100] = "";
    create(id, CHESS);
    for (size_t i = 0; i < 500; i++) {
        text[2 * i] = '\xc3';
        text[2 * i + 1] = '\xa4';
    }
    EXPECT_STATUS(adjust(id, "white", kept_text("{'delta_ms':1000,'reason':'%s'}", text)), 200);
    expect_problem(adjust(id, "white", kept_text("{'delta_ms':1000,'reason':'%sx'}", text)), "reason");
    EXPECT_STATUS(adjust(id, "white", "{'delta_ms':1000,'reason':null}"), 200);
    await_trail(id, 3);
    EXPECT_TEXT(sql_text("SELECT metadata ->> 'reason' FROM sync_events WHERE session_id = '%s' AND version = 2", id),
                text);
    EXPECT_TEXT(sql_text("SELECT type || ' ' || participant_id || ' ' || (metadata ->> 'delta_ms') FROM sync_events "
                         "WHERE session_id = '%s' AND version = 2",
                         id),
                "time_adjusted white 1000");
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s' AND version = 3 AND metadata ? "
                       "'reason'",
                       id),
               0);
}

static void time_is_set_and_shifted(void)
{
    const char *id = fresh_id("adjust");
    create(id, CHESS);
    EXPECT_INT(int_at(adjust(id, "black", "{'delta_ms':-60000}")->body, "data.participants.1.time_remaining_ms"),
               240000);
    EXPECT_INT(int_at(adjust(id, "black", "{'total_time_ms':5000}")->body, "data.participants.1.time_remaining_ms"),
               5000);
    struct answer *empty = adjust(id, "black", "{'delta_ms':-2678400000}");
    EXPECT_INT(int_at(empty->body, "data.participants.1.time_remaining_ms"), 0);
    EXPECT(is_true_at(empty->body, "data.participants.1.has_expired"));
    struct answer *good = adjust(id, "black", "{'delta_ms':60000,'expected_version':4}");
    EXPECT_INT(int_at(good->body, "data.participants.1.time_remaining_ms"), 60000);
    EXPECT(!is_true_at(good->body, "data.participants.1.has_expired"));
    EXPECT_ERROR(adjust(id, "nobody", "{'delta_ms':1}"), 404, "PARTICIPANT_NOT_FOUND");
    EXPECT_ERROR(adjust(fresh_id("unknown"), "white", "{'delta_ms':1}"), 404, "SESSION_NOT_FOUND");
    act(id, "cancel", NULL);
    EXPECT_ERROR(adjust(id, "white", "{'delta_ms':1}"), 400, "INVALID_STATE_TRANSITION");
    EXPECT_ERROR(join(id, "{'participant_id':'late','total_time_ms':1000}"), 400, "INVALID_STATE_TRANSITION");
    EXPECT_ERROR(leave(id, "white", NULL), 400, "INVALID_STATE_TRANSITION");
}

static void modes_without_banks_refuse_an_adjustment(void)
{
    static const char *const modes[] = {
        "'sync_mode':'global','total_time_ms':60000,'participants':[{'participant_id':'a'}]",
        "'sync_mode':'count_up','participants':[{'participant_id':'a'}]",
    };
    for (size_t i = 0; i < 2; i++) {
        const char *id = fresh_id("bankless");
        create_running(id, modes[i]);
        EXPECT_ERROR(adjust(id, "a", "{'delta_ms':1000}"), 400, "UNSUPPORTED_IN_MODE");
        EXPECT_STATUS(join(id, "{'participant_id':'b'}"), 201);
        EXPECT_STATUS(leave(id, "b", NULL), 200);
    }
}

static void more_time_ends_an_overtime(void)
{
    const char *id = fresh_id("overtime");
    create_running(id, "'sync_mode':'per_participant','action_on_timeout':{'type':'ring'},'participants':["
                       "{'participant_id':'a','total_time_ms':1000},{'participant_id':'b','total_time_ms':60000}]");
    EVENTUALLY(is_true_at(look(id)->body, "data.clock.overtime"));
    struct answer *good = adjust(id, "a", "{'delta_ms':30000}");
    EXPECT_STATUS(good, 200);
    EXPECT(!is_true_at(good->body, "data.clock.overtime"));
    EXPECT(is_true_at(good->body, "data.clock.running"));
    EXPECT_INT(int_at(good->body, "data.clock.time_remaining_ms"), 30000);
    EXPECT_INT(int_at(good->body, "data.clock.deadline_at_ms"), int_at(good->body, "server_time_ms") + 30000);
    EXPECT_INT(redis_int("ZCOUNT timers -inf +inf") > 0, true);
}

/* Somebody on their turn with nothing left expires at the next settle, whoever makes it. */
static void nothing_left_on_ones_turn_is_the_end(void)
{
    const char *id = fresh_id("nothing");
    create_running(id, CHESS ",'action_on_timeout':{'type':'end_session'}");
    EXPECT_STATUS(adjust(id, "white", "{'total_time_ms':0}"), 200);
    await_status(id, "expired");
    EXPECT_TEXT(text_at(look(id)->body, "data.expired_participant_id"), "white");
    EXPECT_TEXT(text_at(look(id)->body, "data.action_applied.winner"), "black");
}

/* The timekeeper is held back, so that the warning is due when somebody else's time is adjusted. */
static void a_warning_that_is_due_survives_somebody_elses_adjustment(void)
{
    const char *id = fresh_id("due");
    create_running(
        id,
        "'sync_mode':'per_participant','warnings_ms':[1500],'action_on_timeout':{'type':'end_session'},'participants':["
        "{'participant_id':'a','total_time_ms':2500},{'participant_id':'b','total_time_ms':60000}]");
    struct ws_client *client = watch(id, stack.relay_ports[0]);
    process_signal(stack.timekeeper, SIGSTOP);
    EVENTUALLY(int_at(look(id)->body, "data.clock.time_remaining_ms") < 1300);
    EXPECT_STATUS(adjust(id, "b", "{'delta_ms':1000}"), 200);
    process_signal(stack.timekeeper, SIGCONT);
    EVENTUALLY(frames_of(client, "TIME_WARNING") == 1);
    await_status(id, "expired");
    EXPECT_INT((int64_t)frames_of(client, "TIME_WARNING"), 1);
}

static void a_session_is_full_at_a_thousand(void)
{
    const char *id = fresh_id("full");
    char *body = kept_text("%*s", 40000, "");
    size_t used = (size_t)snprintf(body, 40000, "'sync_mode':'count_up','participants':[");
    for (int i = 0; i < 1000; i++) {
        used += (size_t)snprintf(body + used, 40000 - used, "%s{'participant_id':'p%d'}", i ? "," : "", i);
    }
    (void)snprintf(body + used, 40000 - used, "]");
    create(id, body);
    expect_problem(join(id, "{'participant_id':'one-more'}"), "participants");
    EXPECT_STATUS(leave(id, "p500", NULL), 200);
    EXPECT_STATUS(join(id, "{'participant_id':'one-more'}"), 201);
}

static void the_highest_index_leaves_no_room_behind_it(void)
{
    const char *id = fresh_id("highest");
    create(id, "'sync_mode':'count_up','participants':[{'participant_id':'a','participant_index':2147483647}]");
    expect_problem(join(id, "{'participant_id':'b'}"), "participant_index");
    EXPECT_STATUS(join(id, "{'participant_id':'b','participant_index':0}"), 201);
}

CU_TestInfo participants_tests[] = {
    {"somebody joins, plays and leaves", somebody_joins_plays_and_leaves},
    {"what the session shows to be wrong is named", what_the_session_shows_to_be_wrong_is_named},
    {"a reason has so many characters and no more", a_reason_has_so_many_characters_and_no_more},
    {"time is set and shifted", time_is_set_and_shifted},
    {"modes without banks refuse an adjustment", modes_without_banks_refuse_an_adjustment},
    {"more time ends an overtime", more_time_ends_an_overtime},
    {"nothing left on one's turn is the end", nothing_left_on_ones_turn_is_the_end},
    {"a warning that is due survives somebody else's adjustment",
     a_warning_that_is_due_survives_somebody_elses_adjustment},
    {"a session is full at a thousand", a_session_is_full_at_a_thousand},
    {"the highest index leaves no room behind it", the_highest_index_leaves_no_room_behind_it},
    CU_TEST_INFO_NULL,
};
