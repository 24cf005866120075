/* The life of a session: pause and resume, its ends, its deletion, and a new life under the same id. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <string.h>

static void a_pause_costs_nobody_time(void)
{
    const char *id = fresh_id("pause");
    create_running(id, CHESS);
    struct answer *paused = act(id, "pause", NULL);
    EXPECT_STATUS(paused, 200);
    EXPECT_TEXT(text_at(paused->body, "data.status"), "paused");
    EXPECT_TEXT(text_at(paused->body, "data.active_participant_id"), "white");
    EXPECT(!is_true_at(paused->body, "data.clock.running"));
    EXPECT(is_null_at(paused->body, "data.clock.deadline_at_ms"));
    const int64_t left = int_at(paused->body, "data.clock.time_remaining_ms");
    EVENTUALLY(int_at(look(id)->body, "server_time_ms") > int_at(paused->body, "server_time_ms") + 100);
    EXPECT_INT(int_at(look(id)->body, "data.clock.time_remaining_ms"), left);

    struct answer *resumed = act(id, "resume", "{}");
    EXPECT_STATUS(resumed, 200);
    EXPECT_INT(int_at(resumed->body, "data.clock.started_at_ms"), int_at(resumed->body, "server_time_ms"));
    EXPECT_INT(int_at(resumed->body, "data.clock.deadline_at_ms"), int_at(resumed->body, "server_time_ms") + left);
    EXPECT_INT(int_at(resumed->body, "data.version"), 4);
}

static void completing_twice_changes_nothing(void)
{
    const char *id = fresh_id("complete");
    create_running(id, CHESS);
    struct answer *completed = act(id, "complete", NULL);
    EXPECT_TEXT(text_at(completed->body, "data.status"), "completed");
    EXPECT_INT(int_at(completed->body, "data.version"), 3);
    EXPECT(is_null_at(completed->body, "data.active_participant_id"));
    EXPECT(is_null_at(completed->body, "data.cycle_started_at"));
    struct answer *again = act(id, "complete", NULL);
    EXPECT_STATUS(again, 200);
    EXPECT(json_equal(json_at(again->body, "data"), json_at(completed->body, "data")));
}

static void cancelling_ends_a_pending_session(void)
{
    const char *id = fresh_id("cancel");
    create(id, CHESS);
    struct answer *cancelled = act(id, "cancel", NULL);
    EXPECT_STATUS(cancelled, 200);
    EXPECT_TEXT(text_at(cancelled->body, "data.status"), "cancelled");
    EXPECT(json_is_string(json_at(cancelled->body, "data.session_completed_at")));
    EXPECT_INT(int_at(act(id, "cancel", NULL)->body, "data.version"), 2);
}

static void a_deleted_session_says_goodbye_and_is_gone(void)
{
    const char *id = fresh_id("delete");
    create_running(id, CHESS);
    struct ws_client *client = watch(id, stack.relay_ports[0]);
    struct answer *deleted = delete_session(id);
    EXPECT_STATUS(deleted, 204);
    EXPECT_INT((int64_t)deleted->text_bytes, 0);
    EXPECT_TEXT(text_at(EXPECT_FRAME(client, "SESSION_DELETED"), "sessionId"), id);
    EXPECT_INT(ws_close_code(client), 1000);
    EXPECT_ERROR(look(id), 404, "SESSION_NOT_FOUND");
    EXPECT_ERROR(act(id, "switch", NULL), 404, "SESSION_NOT_FOUND");
    EXPECT_STATUS(delete_session(id), 204);
    EXPECT_STATUS(delete_session(fresh_id("never-was")), 204);
    struct ws_client *late = ws_open(stack.relay_ports[1], kept_text("/sessions/%s", id));
    REQUIRE(late != NULL);
    EXPECT_INT(ws_close_code(late), 4004);
}

static void an_id_used_again_begins_a_new_life(void)
{
    const char *id = fresh_id("again");
    create_running(id, CHESS);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    delete_session(id);
    struct answer *created = create(id, "'sync_mode':'count_up'");
    EXPECT_INT(int_at(created->body, "data.version"), 1);
    EXPECT_TEXT(text_at(created->body, "data.status"), "pending");
    EXPECT_TEXT(text_at(created->body, "data.sync_mode"), "count_up");
    EXPECT_STATUS(act(id, "start", NULL), 200);
    await_trail(id, 2);
    EVENTUALLY(sql_int("SELECT count(*) FROM sync_sessions WHERE session_id = '%s'", id) == 2);
    EXPECT_INT(sql_int("SELECT count(DISTINCT session_created_at) FROM sync_events WHERE session_id = '%s'", id), 2);
}

static void every_mode_runs_from_start_to_end(void)
{
    static const char *const modes[] = {
        CHESS,
        "'sync_mode':'per_cycle','time_per_cycle_ms':60000,'participants':[{'participant_id':'a','participant_index':0}"
        ","
        "{'participant_id':'b','participant_index':1}]",
        "'sync_mode':'per_group','groups':[{'group_id':'x','total_time_ms':60000},{'group_id':'y','total_time_ms':"
        "60000}],"
        "'participants':[{'participant_id':'a','participant_index':0,'group_id':'x'},"
        "{'participant_id':'b','participant_index':1,'group_id':'y'}]",
        "'sync_mode':'global','total_time_ms':60000,'time_per_cycle_ms':30000",
        "'sync_mode':'count_up','max_time_ms':60000",
    };
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        const char *id = fresh_id("mode");
        create_running(id, modes[i]);
        EXPECT_STATUS(act(id, "switch", "{'current_cycle_number':1}"), 200);
        EXPECT_STATUS(act(id, "pause", NULL), 200);
        EXPECT_STATUS(act(id, "resume", NULL), 200);
        struct answer *ended = act(id, "complete", NULL);
        EXPECT_TEXT(text_at(ended->body, "data.status"), "completed");
        EXPECT_INT(int_at(ended->body, "data.cycle_number"), 2);
        EXPECT_INT(int_at(ended->body, "data.version"), 6);
    }
}

/* A life is known by its id and its first instant, in the archive too: however fast one follows upon the other. */
static void lives_of_an_id_never_begin_at_the_same_instant(void)
{
    const char *id = fresh_id("reborn");
    int64_t last = 0;
    for (int i = 0; i < 30; i++) {
        const int64_t born = instant_at(create(id, CHESS)->body, "data.created_at");
        EXPECT(born > last);
        last = born;
        EXPECT_STATUS(delete_session(id), 204);
    }
    EVENTUALLY(sql_int("SELECT count(*) FROM sync_sessions WHERE session_id = '%s'", id) == 30);
    EVENTUALLY(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id) == 60);
}

CU_TestInfo lifecycle_tests[] = {
    {"lives of an id never begin at the same instant", lives_of_an_id_never_begin_at_the_same_instant},
    {"a pause costs nobody time", a_pause_costs_nobody_time},
    {"completing twice changes nothing", completing_twice_changes_nothing},
    {"cancelling ends a pending session", cancelling_ends_a_pending_session},
    {"a deleted session says goodbye and is gone", a_deleted_session_says_goodbye_and_is_gone},
    {"an id used again begins a new life", an_id_used_again_begins_a_new_life},
    {"every mode runs from start to end", every_mode_runs_from_start_to_end},
    CU_TEST_INFO_NULL,
};
