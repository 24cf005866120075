/* The commit at its worst moments: connections cut around EXEC, races, and what a refusal leaves behind. */
#include "tests/integration/player.h"
#include "tests/integration/redis_proxy.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <stdlib.h>
#include <string.h>

/* An API process of one thread whose only way to Redis is the proxy. */
static struct api *api_behind(struct redis_proxy *proxy)
{
    const char *const env[] = {"API_THREADS=1", kept_text("REDIS_URL=redis://127.0.0.1:%d/0", proxy_port(proxy)),
                               "REDIS_TIMEOUT_MS=2000", NULL};
    return api_start(env);
}

static int64_t version_of(const char *id)
{
    return int_at(look(id)->body, "data.version");
}

/* The audit trail tells of each version once. */
static void expect_one_event_a_version(const char *id, int64_t versions)
{
    await_trail(id, versions);
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id), versions);
    EXPECT_INT(sql_int("SELECT count(DISTINCT version) FROM sync_events WHERE session_id = '%s'", id), versions);
}

static void a_change_whose_answer_was_lost_stands_once(void)
{
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    struct api *api = api_behind(proxy);
    const char *id = fresh_id("lost");
    struct ws_client *client = NULL;

    proxy_arm(proxy, PROXY_CUT_AFTER_EXEC);
    struct answer *created = create_at(api->url, id, CHESS);
    EXPECT_INT(proxy_caught(proxy), 1);
    EXPECT_INT(int_at(created->body, "data.version"), 1);
    client = watch(id, stack.relay_ports[0]);

    static const char *const actions[] = {"start", "switch", "pause", "resume", "switch", "complete"};
    const int count = sizeof(actions) / sizeof(*actions);
    for (int i = 0; i < count; i++) {
        proxy_arm(proxy, PROXY_CUT_AFTER_EXEC);
        struct answer *answer = act_at(api->url, id, actions[i], NULL);
        EXPECT_STATUS(answer, 200);
        EXPECT_INT(proxy_caught(proxy), 1);
        EXPECT_INT(int_at(answer->body, "data.version"), i + 2);
        json_t *update = EXPECT_UPDATE(client, i + 2);
        EXPECT(json_equal(json_at(update, "payload"), json_at(answer->body, "data")));
    }
    EXPECT_INT(version_of(id), count + 1);
    expect_one_event_a_version(id, count + 1);

    proxy_arm(proxy, PROXY_CUT_AFTER_EXEC);
    EXPECT_STATUS(call_at(api->url, "DELETE", kept_text("/v1/sessions/%s", id), NULL), 204);
    EXPECT_ERROR(look(id), 404, "SESSION_NOT_FOUND");
    await_trail(id, count + 2);
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id), count + 2);
}

/* What may come of a change whose connection broke: it stands once, or was not made; the answer says which. */
static void expect_what_was_said(struct answer *answer, const char *id, int64_t before)
{
    if (answer->status == 200) {
        EXPECT_INT(int_at(answer->body, "data.version"), before + 1);
        EXPECT_INT(version_of(id), before + 1);
    } else {
        EXPECT_ERROR(answer, 503, "STATE_STORE_UNAVAILABLE");
        EXPECT_INT(version_of(id), before);
    }
}

/* The press meant the state that it saw. Its connection broke, nothing of it was executed, and before it can be tried
 * again somebody else presses: it must not become a second press. */
static void a_bare_switch_lost_with_its_connection_is_not_made_on_another_state(void)
{
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    struct api *api = api_behind(proxy);
    const char *id = fresh_id("late-press");
    create_running(id, CHESS);
    EXPECT_STATUS(look_at(api->url, id), 200);
    proxy_arm(proxy, PROXY_CUT_AND_HOLD_RETRY);
    struct later *late = call_later(api->url, "POST", kept_text("/v1/sessions/%s/switch", id), "{}");
    EVENTUALLY(proxy_caught(proxy) == 2);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    proxy_release(proxy);
    EXPECT_ERROR(later_answer(late), 409, "CONFLICT");
    EXPECT_INT(version_of(id), 3);
    expect_one_event_a_version(id, 3);
}

/* The same, undisturbed: it is made once. */
static void a_bare_switch_lost_with_its_connection_is_made_on_the_same_state(void)
{
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    struct api *api = api_behind(proxy);
    const char *id = fresh_id("late-press");
    create_running(id, CHESS);
    EXPECT_STATUS(look_at(api->url, id), 200);
    proxy_arm(proxy, PROXY_CUT_BEFORE_EXEC);
    EXPECT_STATUS(act_at(api->url, id, "switch", NULL), 200);
    EXPECT_INT(proxy_caught(proxy), 1);
    EXPECT_INT(version_of(id), 3);
}

static void a_change_cut_off_before_exec_is_made_once_or_not_at_all(void)
{
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    struct api *api = api_behind(proxy);
    const char *id = fresh_id("cut");
    create_running(id, CHESS);
    for (int i = 0; i < 4; i++) {
        const int64_t before = version_of(id);
        const char *active = kept_text("%s", text_at(look(id)->body, "data.active_participant_id"));
        proxy_arm(proxy, PROXY_CUT_BEFORE_EXEC);
        const char *body = i % 2 ? kept_text("{'current_participant_id':'%s'}", active) : NULL;
        expect_what_was_said(act_at(api->url, id, "switch", body), id, before);
        EXPECT_INT(proxy_caught(proxy), 1);
    }
    expect_one_event_a_version(id, version_of(id));
}

static void an_exec_that_arrives_late_changes_nothing_any_more(void)
{
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    struct api *api = api_behind(proxy);
    const char *id = fresh_id("late");
    create_running(id, CHESS);
    for (int i = 0; i < 6; i++) {
        const int64_t before = version_of(id);
        proxy_arm(proxy, i % 2 ? PROXY_CUT_AND_DELIVER_LATE : PROXY_CUT_AND_DELIVER_AT_RETRY);
        struct answer *answer = act_at(api->url, id, "switch", NULL);
        EXPECT_INT(proxy_caught(proxy), 1);
        proxy_release(proxy);
        EXPECT_STATUS(look_at(api->url, id), 200); /* a trip through the proxy, behind what was released */
        expect_what_was_said(answer, id, before);
    }
    expect_one_event_a_version(id, version_of(id));
}

static void an_outcome_that_cannot_be_read_back_is_called_unknown(void)
{
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    struct api *api = api_behind(proxy);
    const char *id = fresh_id("unknown");
    create_running(id, CHESS);
    proxy_arm(proxy, PROXY_CUT_AFTER_EXEC_AND_SHUT);
    EXPECT_ERROR(act_at(api->url, id, "switch", NULL), 503, "OUTCOME_UNKNOWN");
    EXPECT_INT(proxy_caught(proxy), 1);
    struct answer *unavailable = act_at(api->url, id, "switch", NULL);
    EXPECT_ERROR(unavailable, 503, "STATE_STORE_UNAVAILABLE");
    EXPECT(answer_header(unavailable, "Retry-After") != NULL);
    proxy_release(proxy);
    EVENTUALLY(look_at(api->url, id)->status == 200);
    EXPECT_INT(version_of(id), 3);
    EXPECT_TEXT(text_at(look_at(api->url, id)->body, "data.active_participant_id"), "black");
}

/* Four players press for one session while connections break at every moment of a commit. */
static void no_press_is_lost_or_doubled_in_a_storm_of_cuts(void)
{
    static const enum proxy_mode cuts[] = {PROXY_CUT_BEFORE_EXEC, PROXY_CUT_AFTER_EXEC, PROXY_CUT_AND_DELIVER_LATE,
                                           PROXY_CUT_AND_DELIVER_AT_RETRY};
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    const char *const env[] = {"API_THREADS=4", kept_text("REDIS_URL=redis://127.0.0.1:%d/0", proxy_port(proxy)),
                               "REDIS_TIMEOUT_MS=5000", NULL};
    struct api *api = api_start(env);
    const char *id = fresh_id("storm");
    create_running(id, CHESS);
    struct player *players[4];
    for (int i = 0; i < 4; i++) {
        players[i] = player_start(api->url, id);
    }
    for (int cut = 0; cut < 60; cut++) {
        proxy_arm(proxy, cuts[rand() % 4]);
        EVENTUALLY(proxy_caught(proxy) == 1);
        proxy_release(proxy);
    }
    int64_t made = 0;
    int64_t unknown = 0;
    for (int i = 0; i < 4; i++) {
        player_stop(players[i]);
        player_expect_no_surprise(players[i]);
        made += atomic_load(&players[i]->moves);
        unknown += atomic_load(&players[i]->unknown);
    }
    const int64_t version = version_of(id);
    EXPECT_BETWEEN(version, 2 + made, 2 + made + unknown);
    EXPECT_INT(int_at(look(id)->body, "data.cycle_number"), version - 1);
    expect_one_event_a_version(id, version);
    EXPECT_INT(sql_int("SELECT count(*) FROM (SELECT prev_event_id, lag(event_id) OVER (ORDER BY version) AS before "
                       "FROM sync_events WHERE session_id = '%s') e WHERE prev_event_id IS DISTINCT FROM before",
                       id),
               0);
}

static void a_bare_switch_that_lost_a_race_is_a_conflict(void)
{
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    struct api *api = api_behind(proxy);
    const char *id = fresh_id("race");
    create_running(id, CHESS);
    proxy_arm(proxy, PROXY_HOLD_EXEC);
    struct later *slow = call_later(api->url, "POST", kept_text("/v1/sessions/%s/switch", id), NULL);
    EVENTUALLY(proxy_caught(proxy) == 1);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    proxy_release(proxy);
    EXPECT_ERROR(later_answer(slow), 409, "CONFLICT");
    EXPECT_INT(version_of(id), 3);
}

static void a_guarded_switch_that_lost_a_race_is_judged_anew(void)
{
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    struct api *api = api_behind(proxy);
    const char *id = fresh_id("guarded");
    create_running(id, CHESS);
    const char *path = kept_text("/v1/sessions/%s/switch", id);

    proxy_arm(proxy, PROXY_HOLD_EXEC); /* somebody presses for white first: this one was meant for white, too */
    struct later *slow = call_later(api->url, "POST", path, "{'current_participant_id':'white'}");
    EVENTUALLY(proxy_caught(proxy) == 1);
    EXPECT_STATUS(act(id, "switch", "{'current_participant_id':'white'}"), 200);
    proxy_release(proxy);
    EXPECT_ERROR(later_answer(slow), 409, "NOT_ACTIVE_PARTICIPANT");

    proxy_arm(proxy, PROXY_HOLD_EXEC); /* a pause and its end do not change whose turn it is */
    slow = call_later(api->url, "POST", path, "{'current_participant_id':'black'}");
    EVENTUALLY(proxy_caught(proxy) == 1);
    EXPECT_STATUS(act(id, "pause", NULL), 200);
    EXPECT_STATUS(act(id, "resume", NULL), 200);
    proxy_release(proxy);
    EXPECT_STATUS(later_answer(slow), 200);
    EXPECT_INT(version_of(id), 6);

    proxy_arm(proxy, PROXY_HOLD_EXEC); /* a pause means the same after somebody's move */
    slow = call_later(api->url, "POST", kept_text("/v1/sessions/%s/pause", id), NULL);
    EVENTUALLY(proxy_caught(proxy) == 1);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    proxy_release(proxy);
    EXPECT_STATUS(later_answer(slow), 200);
    EXPECT_TEXT(text_at(later_answer(slow)->body, "data.status"), "paused");
    EXPECT_INT(version_of(id), 8);
}

static void a_refusal_after_watch_spoils_nobodys_transaction(void)
{
    const char *const env[] = {"API_THREADS=1", NULL};
    struct api *api = api_start(env);
    const char *other = fresh_id("bystander");
    create_running(other, CHESS);
    static const struct {
        const char *action;
        const char *body;
        long status;
    } refusals[] = {
        {"start", NULL, 400},
        {"resume", NULL, 400},
        {"switch", "{'current_participant_id':'black'}", 409},
        {"switch", "{'current_cycle_number':99}", 409},
        {"switch", "{'expected_version':99}", 409},
        {"switch", "{'next_participant_id':'nobody'}", 400},
    };
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        const char *id = fresh_id("refused");
        create_running(id, CHESS);
        EXPECT_STATUS(act_at(api->url, id, refusals[i].action, refusals[i].body), refusals[i].status);
        EXPECT_STATUS(act(id, "switch", NULL), 200);
        EXPECT_STATUS(act_at(api->url, other, "switch", NULL), 200);
    }
    const char *unborn = fresh_id("unborn");
    EXPECT_ERROR(act_at(api->url, unborn, "switch", NULL), 404, "SESSION_NOT_FOUND");
    create(unborn, CHESS);
    EXPECT_STATUS(act_at(api->url, other, "switch", NULL), 200);

    struct answer *twice =
        call_at(api->url, "POST", "/v1/sessions", kept_text("{'session_id':'%s',%s}", unborn, CHESS));
    EXPECT_ERROR(twice, 409, "SESSION_EXISTS");
    act(unborn, "start", NULL);
    EXPECT_STATUS(act_at(api->url, other, "switch", NULL), 200);

    EXPECT_STATUS(look_at(api->url, unborn), 200);
    act(unborn, "complete", NULL);
    EXPECT_STATUS(act_at(api->url, other, "switch", NULL), 200);

    EXPECT_STATUS(act_at(api->url, unborn, "complete", NULL), 200); /* completed already: nothing to commit */
    delete_session(unborn);
    EXPECT_STATUS(act_at(api->url, other, "switch", NULL), 200);

    EXPECT_STATUS(call_at(api->url, "DELETE", kept_text("/v1/sessions/%s", unborn), NULL), 204);
    create(unborn, CHESS);
    EXPECT_STATUS(act_at(api->url, other, "switch", NULL), 200);
}

CU_TestInfo commit_tests[] = {
    {"a bare switch lost with its connection is not made on another state",
     a_bare_switch_lost_with_its_connection_is_not_made_on_another_state},
    {"a bare switch lost with its connection is made on the same state",
     a_bare_switch_lost_with_its_connection_is_made_on_the_same_state},
    {"a change whose answer was lost stands once", a_change_whose_answer_was_lost_stands_once},
    {"a change cut off before EXEC is made once or not at all",
     a_change_cut_off_before_exec_is_made_once_or_not_at_all},
    {"an EXEC that arrives late changes nothing any more", an_exec_that_arrives_late_changes_nothing_any_more},
    {"an outcome that cannot be read back is called unknown", an_outcome_that_cannot_be_read_back_is_called_unknown},
    {"no press is lost or doubled in a storm of cuts", no_press_is_lost_or_doubled_in_a_storm_of_cuts},
    {"a bare switch that lost a race is a conflict", a_bare_switch_that_lost_a_race_is_a_conflict},
    {"a guarded switch that lost a race is judged anew", a_guarded_switch_that_lost_a_race_is_judged_anew},
    {"a refusal after WATCH spoils nobody's transaction", a_refusal_after_watch_spoils_nobodys_transaction},
    CU_TEST_INFO_NULL,
};
