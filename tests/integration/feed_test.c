/* The feed: what a game server's back office hears of every session. Other sessions are always about, so a test looks
 * at what is said of its own. */
#include "tests/integration/redis_proxy.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_SESSION "(nothing)" /* what text_at says where a frame names none */
#define MANY 100
#define STALL_BYTES 8192 /* of each event in the tests that let events wait */

/* Opens the feed and waits until it is on. */
static struct ws_client *open_feed(int port)
{
    struct ws_client *client = ws_open(port, "/feed");
    REQUIRE(client != NULL);
    json_t *connected = EXPECT_FRAME(client, "CONNECTED");
    EXPECT(json_object_get(connected, "sessionId") == NULL);
    EXPECT_BETWEEN(int_at(connected, "timestamp"), redis_now_ms() - PATIENCE_MS, redis_now_ms() + 1000);
    return client;
}

/* The next message about the session; an empty one, and a failed check, if there is none in time. */
static const struct ws_message *next_about(struct ws_client *client, const char *id)
{
    static char empty[] = "";
    static const struct ws_message none = {.text = empty};
    const struct ws_message *message = ws_next(client);
    while (message && strcmp(text_at(message->json, "sessionId"), id) != 0) {
        message = ws_next(client);
    }
    if (!message) {
        EXPECT(message != NULL);
        return &none;
    }
    return message;
}

/* The next message about the session must be of that type, with the session at that status and version. */
static json_t *expect_life(struct ws_client *client, const char *id, const char *type, const char *status,
                           int64_t version)
{
    const struct ws_message *message = next_about(client, id);
    EXPECT_TEXT(text_at(message->json, "type"), type);
    EXPECT_TEXT(text_at(message->json, "payload.session_id"), id);
    EXPECT_TEXT(text_at(message->json, "payload.status"), status);
    EXPECT_INT(int_at(message->json, "payload.version"), version);
    return message->json;
}

static void a_whole_life_is_told_in_order(void)
{
    const char *id = fresh_id("life");
    struct ws_client *feeds[RELAYS];
    for (size_t i = 0; i < RELAYS; i++) {
        feeds[i] = open_feed(stack.relay_ports[i]);
    }
    create(id, CHESS ",'metadata':{'table':7}");
    static const char *const actions[] = {"start", "switch", "switch", "pause", "resume", "complete"};
    for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
        EXPECT_STATUS(act(id, actions[i], NULL), 200);
    }
    struct answer *ended = look(id);
    EXPECT_STATUS(delete_session(id), 204);
    for (size_t i = 0; i < RELAYS; i++) {
        json_t *created = expect_life(feeds[i], id, "SESSION_CREATED", "pending", 1);
        EXPECT_INT(int_at(created, "payload.metadata.table"), 7);
        EXPECT_TEXT(text_at(created, "payload.sync_mode"), "per_participant");
        EXPECT_TEXT(text_at(created, "payload.actor"), "anonymous");
        EXPECT(json_is_null(json_at(created, "payload.session_started_at")));
        EXPECT(json_at(created, "payload.participants") == NULL);
        expect_life(feeds[i], id, "SESSION_STARTED", "running", 2);
        expect_life(feeds[i], id, "SESSION_PAUSED", "paused", 5);
        expect_life(feeds[i], id, "SESSION_RESUMED", "running", 6);
        json_t *end = expect_life(feeds[i], id, "SESSION_ENDED", "completed", 7);
        EXPECT_TEXT(text_at(end, "payload.session_completed_at"), text_at(ended->body, "data.session_completed_at"));
        EXPECT_INT(int_at(end, "payload.updated_at_ms"), int_at(ended->body, "data.updated_at_ms"));
        expect_life(feeds[i], id, "SESSION_DELETED", "completed", 8);
    }
}

static void an_end_by_expiry_is_told_once_and_after_it(void)
{
    const char *id = fresh_id("runs-out");
    struct ws_client *feed = open_feed(stack.relay_ports[0]);
    create(id, "'sync_mode':'count_up','max_time_ms':1000");
    struct ws_client *client = watch(id, stack.relay_ports[1]);
    EXPECT_STATUS(act(id, "start", NULL), 200);
    EXPECT_UPDATE(client, 2);
    await_status(id, "expired");
    EXPECT_STATUS(act(id, "complete", NULL), 200); /* which is not another end */
    EXPECT_STATUS(delete_session(id), 204);
    expect_life(feed, id, "SESSION_CREATED", "pending", 1);
    expect_life(feed, id, "SESSION_STARTED", "running", 2);
    const struct ws_message *heard = next_about(feed, id);
    const struct ws_message *told = next_about(client, id);
    EXPECT_TEXT(text_at(told->json, "type"), "TIME_EXPIRED");
    EXPECT_TEXT(heard->text, told->text);
    expect_life(feed, id, "SESSION_ENDED", "expired", 3);
    EXPECT_TEXT(text_at(next_about(feed, id)->json, "type"), "SESSION_DELETED");
}

static void a_running_session_that_is_deleted_has_not_ended(void)
{
    const char *id = fresh_id("torn");
    const char *other = fresh_id("called-off");
    struct ws_client *feed = open_feed(stack.relay_ports[0]);
    create_running(id, CHESS);
    EXPECT_STATUS(delete_session(id), 204);
    EXPECT_STATUS(delete_session(id), 204); /* of nothing */
    create(id, CHESS);
    create(other, CHESS);
    EXPECT_STATUS(act(other, "cancel", NULL), 200);
    EXPECT_STATUS(act(other, "cancel", NULL), 200);
    EXPECT_ERROR(act(other, "start", NULL), 400, "INVALID_STATE_TRANSITION");
    EXPECT_STATUS(delete_session(other), 204);
    expect_life(feed, id, "SESSION_CREATED", "pending", 1);
    expect_life(feed, id, "SESSION_STARTED", "running", 2);
    expect_life(feed, id, "SESSION_DELETED", "running", 3);
    expect_life(feed, id, "SESSION_CREATED", "pending", 1);
    expect_life(feed, other, "SESSION_CREATED", "pending", 1);
    expect_life(feed, other, "SESSION_ENDED", "cancelled", 2);
    expect_life(feed, other, "SESSION_DELETED", "cancelled", 3);
}

static void a_recovery_is_not_told(void)
{
    const char *id = fresh_id("recovered");
    struct ws_client *feed = open_feed(stack.relay_ports[0]);
    create_running(id, CHESS);
    await_trail(id, 2);
    EXPECT_INT(redis_int("DEL %s", kept_text("session:%s", id)), 1);
    EXPECT(is_true_at(look(id)->body, "data.metadata.recovered"));
    EXPECT_STATUS(act(id, "pause", NULL), 200);
    expect_life(feed, id, "SESSION_CREATED", "pending", 1);
    expect_life(feed, id, "SESSION_STARTED", "running", 2);
    expect_life(feed, id, "SESSION_PAUSED", "paused", 4);
}

/* --- many at once ------------------------------------------------------------------------------------------------- */

static void post_to_all(const char *const *ids, const char *action)
{
    struct later *later[MANY];
    for (size_t i = 0; i < MANY; i++) {
        later[i] =
            action ? call_later(stack.url, "POST", kept_text("/v1/sessions/%s/%s", ids[i], action), NULL)
                   : call_later(stack.url, "POST", "/v1/sessions", kept_text("{'session_id':'%s'," CHESS "}", ids[i]));
    }
    for (size_t i = 0; i < MANY; i++) {
        EXPECT_INT(later_answer(later[i])->status, action ? 200 : 201);
    }
}

/* Counts, for each of the ids, the types that come in the order they should; whether all have come to the end. */
static bool follow(struct ws_client *feed, const char *const *ids)
{
    static const char *const order[] = {"SESSION_CREATED", "SESSION_STARTED", "SESSION_PAUSED", "SESSION_ENDED"};
    const size_t steps = sizeof(order) / sizeof(*order);
    json_t *reached = keep(json_object(), (void (*)(void *))json_decref);
    size_t finished = 0;
    for (size_t i = 0; i < MANY; i++) {
        json_object_set_new(reached, ids[i], json_integer(0));
    }
    while (finished < MANY) {
        const struct ws_message *message = ws_next(feed);
        if (!message) {
            return false;
        }
        const char *id = text_at(message->json, "sessionId");
        const json_t *step = json_object_get(reached, id);
        if (!step) {
            continue; /* of another test */
        }
        const size_t number = (size_t)json_integer_value(step);
        if (number >= steps || strcmp(text_at(message->json, "type"), order[number]) != 0) {
            printf(" (%s: %s)", id, message->text);
            return false;
        }
        finished += number + 1 == steps;
        json_object_set_new(reached, id, json_integer((json_int_t)number + 1));
    }
    return true;
}

static void a_hundred_sessions_at_once_are_all_told(void)
{
    const char *ids[MANY];
    struct ws_client *feeds[RELAYS];
    for (size_t i = 0; i < MANY; i++) {
        ids[i] = fresh_id("crowd");
    }
    for (size_t i = 0; i < RELAYS; i++) {
        feeds[i] = open_feed(stack.relay_ports[i]);
    }
    post_to_all(ids, NULL);
    post_to_all(ids, "start");
    post_to_all(ids, "switch");
    post_to_all(ids, "pause");
    post_to_all(ids, "cancel");
    for (size_t i = 0; i < RELAYS; i++) {
        EXPECT(follow(feeds[i], ids));
    }
}

/* --- the connection ----------------------------------------------------------------------------------------------- */

static void the_feed_knows_ping_alone(void)
{
    struct ws_client *feed = open_feed(stack.relay_ports[0]);
    ws_send(feed, json_quoted("{'type':'PING','timestamp':7}"));
    const struct ws_message *pong = next_about(feed, NO_SESSION);
    EXPECT_TEXT(text_at(pong->json, "type"), "PONG");
    EXPECT_INT(int_at(pong->json, "client_timestamp"), 7);
    EXPECT_BETWEEN(int_at(pong->json, "server_timestamp"), redis_now_ms() - 5000, redis_now_ms() + 1000);
    static const struct {
        const char *text;
        const char *code;
    } rows[] = {
        {"{'type':'RECONNECT','last_known_version':1}", "UNKNOWN_TYPE"},
        {"{'type':'DANCE'}", "UNKNOWN_TYPE"},
        {"{'type':", "INVALID_MESSAGE"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        ws_send(feed, json_quoted(rows[i].text));
        const struct ws_message *error = next_about(feed, NO_SESSION);
        EXPECT_TEXT(text_at(error->json, "type"), "ERROR");
        EXPECT_TEXT(text_at(error->json, "code"), rows[i].code);
    }
    EXPECT_INT((int64_t)(frames_of(feed, "STATE_SYNC") + frames_of(feed, "STATE_UPDATE")), 0);
    EXPECT_INT(ws_code_now(feed), WS_STILL_OPEN);
}

static int64_t subscribers(void)
{
    return redis_int("EVAL %s 0", "return redis.call('PUBSUB','NUMSUB','feed')[2]");
}

static void nobody_is_subscribed_for_nobody(void)
{
    EVENTUALLY(subscribers() == 0);
    struct ws_client *first = open_feed(stack.relay_ports[0]);
    EXPECT_INT(subscribers(), 1);
    struct ws_client *second = open_feed(stack.relay_ports[0]);
    EXPECT_INT(subscribers(), 1);
    ws_leave(first);
    const char *id = fresh_id("left");
    create(id, CHESS);
    expect_life(second, id, "SESSION_CREATED", "pending", 1);
    ws_leave(second);
    EVENTUALLY(subscribers() == 0);
    struct ws_client *third = open_feed(stack.relay_ports[0]);
    EXPECT_STATUS(act(id, "start", NULL), 200);
    expect_life(third, id, "SESSION_STARTED", "running", 2);
}

static void a_session_called_feed_is_a_session(void)
{
    struct ws_client *feed = open_feed(stack.relay_ports[0]);
    EXPECT_STATUS(delete_session("feed"), 204);
    create_running("feed", CHESS);
    struct ws_client *client = watch("feed", stack.relay_ports[0]);
    EXPECT_STATUS(act("feed", "switch", NULL), 200);
    EXPECT_UPDATE(client, 3);
    EXPECT_STATUS(delete_session("feed"), 204);
    EXPECT_FRAME(client, "SESSION_DELETED");
    expect_life(feed, "feed", "SESSION_CREATED", "pending", 1);
    expect_life(feed, "feed", "SESSION_STARTED", "running", 2);
    expect_life(feed, "feed", "SESSION_DELETED", "running", 4);
    EXPECT_INT(ws_code_now(feed), WS_STILL_OPEN);
}

/* --- who may ------------------------------------------------------------------------------------------------------ */

static void expect_connected(struct ws_client *client)
{
    REQUIRE(client != NULL);
    EXPECT_FRAME(client, "CONNECTED");
}

static void only_an_administrator_may_listen(void)
{
    const char *const env[] = {TOKEN_KEY, "JWT_AUDIENCE=game", "CORS_ORIGIN=https://office.example", NULL};
    static const struct refusal refusals[] = {
        {"{'aud':'game','scope':'admin'}", -40, 4001},
        {"{'aud':'other','scope':'admin'}", 600, 4001},
        {"{'aud':'game','scope':'sessions:create sessions:read sessions:control'}", 600, 4003},
        {"{'aud':'game','scope':'admin','session':'mine'}", 600, 4003},
        {"{'aud':'game','scope':'admin','session':'mine','participant':'white'}", 600, 4003},
    };
    int port = 0;
    relay_start(env, &port);
    struct ws_client *nobody = ws_open(port, "/feed");
    REQUIRE(nobody != NULL);
    EXPECT_INT(ws_close_code(nobody), 4001);
    expect_refusals(port, "/feed?token=", refusals, sizeof(refusals) / sizeof(*refusals));
    const char *admin = signed_token("{'sub':'office','aud':'game','scope':'admin'}", 600);
    const char *header = kept_text("Authorization: Bearer %s\r\n", admin);
    const char *protocols = kept_text("Sec-WebSocket-Protocol: synckairos.v1, bearer.%s\r\n", admin);
    expect_connected(ws_open_with(port, "/feed", header));
    expect_connected(ws_open_with(port, "/feed", protocols));
    expect_connected(ws_open_with(port, "/feed", kept_text("%sOrigin: https://office.example\r\n", header)));
    struct ws_client *page = ws_open_with(port, "/feed", kept_text("%sOrigin: https://evil.example\r\n", header));
    REQUIRE(page != NULL);
    EXPECT_INT(ws_close_code(page), 4003);
    struct ws_client *brief =
        ws_open(port, kept_text("/feed?token=%s", signed_token("{'aud':'game','scope':'admin'}", 2)));
    expect_connected(brief);
    EXPECT_INT(ws_close_code(brief), 4009);
}

/* --- those who do not keep up ------------------------------------------------------------------------------------- */

/* Publishes events as a change would, as fast as Redis can, of a session that is none; each says its number. */
static void publish_many(const char *id, int from, int count)
{
    static const char script[] =
        "for i = ARGV[1], ARGV[1] + ARGV[2] - 1 do redis.call('PUBLISH', 'feed', 'SESSION_CREATED 1 1 1 -\\n' .. "
        "'{\"type\":\"SESSION_CREATED\",\"sessionId\":\"' .. ARGV[3] .. '\",\"timestamp\":1,\"number\":' .. "
        "string.format('%d', i) .. ',\"padding\":\"' .. string.rep('x', tonumber(ARGV[4])) .. '\"}') end return 1";
    EXPECT_INT(redis_int("EVAL %s 0 %d %d %s %d", script, from, count, id, STALL_BYTES), 1);
}

static struct ws_client *open_stalled(int port)
{
    struct ws_client *client = ws_open_small(port, "/feed", 4096);
    REQUIRE(client != NULL);
    EXPECT_FRAME(client, "CONNECTED");
    ws_stop_reading(client);
    return client;
}

static void expect_numbers(struct ws_client *client, const char *id, int count)
{
    for (int i = 0; i < count; i++) {
        const struct ws_message *message = next_about(client, id);
        REQUIRE(int_at(message->json, "number") == i);
    }
}

static void events_wait_for_a_slow_reader(void)
{
    const char *id = fresh_id("stall");
    struct ws_client *slow = open_stalled(stack.relay_ports[0]);
    publish_many(id, 0, 1000);
    ws_go_on_reading(slow);
    expect_numbers(slow, id, 1000);
    EXPECT_INT(ws_code_now(slow), WS_STILL_OPEN);
}

static void too_many_waiting_events_are_4008(void)
{
    const char *id = fresh_id("flood");
    struct ws_client *quick = open_feed(stack.relay_ports[0]);
    struct ws_client *slow = open_stalled(stack.relay_ports[0]);
    for (int from = 0; from < 1200; from += 100) {
        publish_many(id, from, 100);
        EVENTUALLY(ws_count(quick) > (size_t)from + 99);
    }
    ws_go_on_reading(slow);
    EXPECT_INT(ws_close_code(slow), 4008);
    EXPECT(ws_count(slow) < 1200);
    expect_numbers(quick, id, 1200);
    EXPECT_INT(ws_code_now(quick), WS_STILL_OPEN);
}

/* What it says itself has a bound of its own, far below that of the events. */
static void too_many_waiting_answers_are_4008(void)
{
    const char *id = fresh_id("chatter");
    struct ws_client *slow = open_stalled(stack.relay_ports[0]);
    publish_many(id, 0, 400);
    for (int i = 0; i < 75; i++) {
        ws_send(slow, "{\"type\":\"PING\",\"timestamp\":1}");
        pause_ms(60); /* not faster than it may speak */
    }
    ws_go_on_reading(slow);
    EXPECT_INT(ws_close_code(slow), 4008);
}

/* --- Redis goes --------------------------------------------------------------------------------------------------- */

static void after_a_loss_of_redis_connected_comes_again(void)
{
    const char *before = fresh_id("before");
    const char *after = fresh_id("after");
    struct ws_client *feeds[RELAYS];
    for (size_t i = 0; i < RELAYS; i++) {
        feeds[i] = open_feed(stack.relay_ports[i]);
    }
    create(before, CHESS);
    for (size_t i = 0; i < RELAYS; i++) {
        expect_life(feeds[i], before, "SESSION_CREATED", "pending", 1);
    }
    stack_kill_redis();
    stack_start_redis();
    for (size_t i = 0; i < RELAYS; i++) {
        EVENTUALLY(frames_of(feeds[i], "CONNECTED") == 2);
    }
    create(after, CHESS);
    for (size_t i = 0; i < RELAYS; i++) {
        const struct ws_message *again = next_about(feeds[i], NO_SESSION);
        EXPECT_TEXT(text_at(again->json, "type"), "CONNECTED");
        expect_life(feeds[i], after, "SESSION_CREATED", "pending", 1);
        EXPECT_INT(ws_code_now(feeds[i]), WS_STILL_OPEN);
    }
}

/* While the subscription is not confirmed nothing is promised, and whoever waits in vain is sent away. */
static void nobody_is_connected_before_it_is_true(void)
{
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    const char *const env[] = {kept_text("REDIS_URL=redis://127.0.0.1:%d/0", proxy_port(proxy)), NULL};
    int port = 0;
    relay_start(env, &port);
    ws_leave(open_feed(port));
    EVENTUALLY(subscribers() == 0);
    proxy_stall(proxy, true, false);
    struct ws_client *early = ws_open(port, "/feed");
    REQUIRE(early != NULL);
    ws_send(early, json_quoted("{'type':'PING','timestamp':1}"));
    EVENTUALLY(subscribers() == 1);
    EXPECT_INT((int64_t)ws_count(early), 0);
    proxy_stall(proxy, false, false);
    EXPECT_FRAME(early, "CONNECTED");
    EXPECT_TEXT(text_at(next_about(early, NO_SESSION)->json, "type"), "PONG");
    ws_leave(early);
    EVENTUALLY(subscribers() == 0);
    proxy_arm(proxy, PROXY_SHUT);
    struct ws_client *late = ws_open(port, "/feed");
    REQUIRE(late != NULL);
    ws_send(late, json_quoted("{'type':'PING','timestamp':1}"));
    EXPECT_INT(ws_close_code(late), 4013);
    EXPECT_INT((int64_t)ws_count(late), 0);
}

CU_TestInfo feed_tests[] = {
    {"a whole life is told in order", a_whole_life_is_told_in_order},
    {"an end by expiry is told once, and after it", an_end_by_expiry_is_told_once_and_after_it},
    {"a running session that is deleted has not ended", a_running_session_that_is_deleted_has_not_ended},
    {"a recovery is not told", a_recovery_is_not_told},
    {"a hundred sessions at once are all told", a_hundred_sessions_at_once_are_all_told},
    {"the feed knows PING alone", the_feed_knows_ping_alone},
    {"nobody is subscribed for nobody", nobody_is_subscribed_for_nobody},
    {"a session called feed is a session", a_session_called_feed_is_a_session},
    {"only an administrator may listen", only_an_administrator_may_listen},
    {"events wait for a slow reader", events_wait_for_a_slow_reader},
    {"too many waiting answers are 4008", too_many_waiting_answers_are_4008},
    {"too many waiting events are 4008", too_many_waiting_events_are_4008},
    {"after a loss of Redis CONNECTED comes again", after_a_loss_of_redis_connected_comes_again},
    {"nobody is connected before it is true", nobody_is_connected_before_it_is_true},
    CU_TEST_INFO_NULL,
};
