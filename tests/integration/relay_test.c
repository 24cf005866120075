/* What the relay says to a client, and when it hangs up. */
#include "tests/integration/publisher.h"
#include "tests/integration/redis_proxy.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ws_client *watch_running(void)
{
    const char *id = fresh_id("relay");
    create_running(id, CHESS);
    return watch(id, stack.relay_ports[0]);
}

static void a_ping_is_answered_with_redis_time(void)
{
    struct ws_client *client = watch_running();
    const int64_t before = redis_now_ms();
    ws_send(client, "{\"type\":\"PING\",\"timestamp\":1234567890123}");
    json_t *pong = EXPECT_FRAME(client, "PONG");
    EXPECT_INT(int_at(pong, "client_timestamp"), 1234567890123);
    EXPECT_BETWEEN(int_at(pong, "server_timestamp"), before - 20, redis_now_ms() + 20);
    ws_send(client, "{\"type\":\"PING\",\"timestamp\":\"mine\"}");
    EXPECT(ws_next(client) != NULL); /* echoed or refused, but the connection stays */
    ws_send(client, "{\"type\":\"PING\",\"timestamp\":1}");
    EXPECT_INT(int_at(EXPECT_FRAME(client, "PONG"), "client_timestamp"), 1);
}

static void a_reconnect_is_told_whether_it_is_up_to_date(void)
{
    const char *id = fresh_id("reconnect");
    create_running(id, CHESS);
    struct ws_client *client = watch(id, stack.relay_ports[0]);
    struct answer *seen = look(id);
    ws_send(client, json_quoted("{'type':'RECONNECT','last_known_version':1}"));
    json_t *ack = EXPECT_FRAME(client, "RECONNECT_ACK");
    EXPECT_INT(int_at(ack, "payload.version"), 2);
    EXPECT(json_is_false(json_at(ack, "payload.up_to_date")));
    EXPECT_INT(int_at(EXPECT_FRAME(client, "STATE_SYNC"), "payload.version"), 2);

    ws_send(client, json_quoted(kept_text("{'type':'RECONNECT','last_known_version':2,'updated_at_ms':%lld}",
                                          (long long)int_at(seen->body, "data.updated_at_ms"))));
    ack = EXPECT_FRAME(client, "RECONNECT_ACK");
    EXPECT(is_true_at(ack, "payload.up_to_date"));
    ws_send(client, json_quoted("{'type':'PING','timestamp':1}"));
    EXPECT_FRAME(client, "PONG"); /* and no STATE_SYNC before it */

    ws_send(client, json_quoted("{'type':'RECONNECT','last_known_version':2,'updated_at_ms':1}"));
    ack = EXPECT_FRAME(client, "RECONNECT_ACK");
    EXPECT(json_is_false(json_at(ack, "payload.up_to_date")));
    EXPECT_FRAME(client, "STATE_SYNC");
}

static void what_cannot_be_understood_is_no_reason_to_hang_up(void)
{
    struct ws_client *client = watch_running();
    static const struct {
        const char *text;
        const char *code;
    } rows[] = {
        {"{'type':'DANCE'}", "UNKNOWN_TYPE"},        {"{", "INVALID_MESSAGE"},          {"[]", "INVALID_MESSAGE"},
        {"{'kind':'PING'}", "INVALID_MESSAGE"},      {"{'type':7}", "INVALID_MESSAGE"}, {"", "INVALID_MESSAGE"},
        {"{'type':'RECONNECT'}", "INVALID_MESSAGE"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        ws_send(client, json_quoted(rows[i].text));
        json_t *error = EXPECT_FRAME(client, "ERROR");
        EXPECT_TEXT(text_at(error, "code"), rows[i].code);
        EXPECT(json_is_string(json_at(error, "message")));
    }
    ws_send_frame(client, WS_BINARY, "\0\1\2", 3);
    EXPECT_TEXT(text_at(EXPECT_FRAME(client, "ERROR"), "code"), "INVALID_MESSAGE");
    ws_send(client, json_quoted("{'type':'PING','timestamp':1}"));
    EXPECT_FRAME(client, "PONG");
}

static void a_frame_too_big_is_1009(void)
{
    struct ws_client *client = watch_running();
    const char *text = kept_text("{\"type\":\"PING\",\"timestamp\":1,\"padding\":\"%4054s\"}", "x");
    EXPECT_INT((int64_t)strlen(text), 4096);
    ws_send(client, text);
    EXPECT(ws_next(client) != NULL);
    EXPECT_INT(ws_code_now(client), WS_STILL_OPEN);
    ws_send(client, kept_text("%4097s", "{}"));
    EXPECT_INT(ws_close_code(client), 1009);

    client = watch_running();
    const unsigned char beginning[] = {0x01, 0x80 | 126, 0x08, 0x00, 0, 0, 0, 0}; /* text, not the last fragment */
    const unsigned char rest[] = {0x80, 0x80 | 126, 0x08, 0x01, 0, 0, 0, 0};
    char *half = kept_text("%2049s", "x");
    ws_send_raw(client, beginning, sizeof(beginning));
    ws_send_raw(client, half, 2048);
    ws_send_raw(client, rest, sizeof(rest));
    ws_send_raw(client, half, 2049);
    EXPECT_INT(ws_close_code(client), 1009);
}

static void too_many_messages_are_1008(void)
{
    struct ws_client *client = watch_running();
    for (int i = 0; i < 21; i++) {
        ws_send(client, "{\"type\":\"PING\",\"timestamp\":1}");
    }
    EXPECT_INT(ws_close_code(client), 1008);
    EXPECT(frames_of(client, "PONG") <= 20);
}

static void refusals_come_after_the_upgrade(void)
{
    static const struct {
        const char *path;
        int code;
    } rows[] = {
        {"/ws", 1008},
        {"/ws?sessionId=", 1008},
        {"/ws?sessionId=no%20spaces", 1008},
        {"/ws?other=1", 1008},
        {"/sessions/a%2Fb", 1008},
        {"/ws?sessionId=nobody-made-this", 4004},
        {"/sessions/nobody-made-this", 4004},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        for (int k = 0; k < 2; k++) {
            struct ws_client *client = ws_open(k ? stack.web_port : stack.relay_ports[1], rows[i].path);
            if (!EXPECT(client != NULL)) {
                continue;
            }
            if (!EXPECT_INT(ws_close_code(client), rows[i].code)) {
                printf(" (%s)", rows[i].path);
            }
            EXPECT_INT((int64_t)ws_count(client), 0);
        }
    }
    struct ws_client *client = ws_open(stack.relay_ports[0], kept_text("/ws?sessionId=%065d", 1));
    REQUIRE(client != NULL);
    EXPECT_INT(ws_close_code(client), 1008);
}

static void an_encoded_id_is_the_same_id(void)
{
    const char *id = fresh_id("colon:dot.");
    create(id, CHESS);
    const char *encoded = kept_text("colon%%3Adot%%2E%s", strchr(id, '.') + 1);
    struct ws_client *client = ws_open(stack.relay_ports[0], kept_text("/ws?x=1&sessionId=%s&y=2", encoded));
    REQUIRE(client != NULL);
    EXPECT_TEXT(text_at(EXPECT_FRAME(client, "CONNECTED"), "sessionId"), id);
    client = ws_open(stack.relay_ports[0], kept_text("/sessions/%s", encoded));
    REQUIRE(client != NULL);
    EXPECT_TEXT(text_at(EXPECT_FRAME(client, "CONNECTED"), "sessionId"), id);
}

static void a_dead_peer_is_let_go(void)
{
    const char *const env[] = {"RELAY_PING_S=1", NULL};
    int port = 0;
    relay_start(env, &port);
    const char *id = fresh_id("dead");
    create_running(id, CHESS);
    struct ws_client *alive = watch(id, port);
    struct ws_client *dead = watch(id, port);
    ws_answer_no_pings(dead);
    const int64_t since = now_us();
    EXPECT(ws_close_code(dead) != WS_STILL_OPEN);
    EXPECT(now_us() - since > 900000);
    EXPECT(ws_pings(dead) >= 1);
    EVENTUALLY(ws_pings(alive) >= 3);
    EXPECT_INT(ws_code_now(alive), WS_STILL_OPEN);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EXPECT_UPDATE(alive, 3);
}

static void a_slow_reader_gets_the_newest_and_nobody_waits(void)
{
    const char *id = fresh_id("slow");
    char *padding = kept_text("%07000d", 0);
    create_running(id, kept_text("%s,'metadata':{'padding':'%s'}", CHESS, padding));
    struct ws_client *slow = ws_open_small(stack.relay_ports[0], kept_text("/ws?sessionId=%s", id), 4096);
    REQUIRE(slow != NULL);
    EVENTUALLY(ws_count(slow) == 2);
    ws_stop_reading(slow);
    struct ws_client *quick = watch(id, stack.relay_ports[0]);
    int64_t version = 2;
    for (int i = 0; i < 300; i++) {
        version = int_at(act(id, "switch", NULL)->body, "data.version");
    }
    EVENTUALLY(version_seen(quick) == version);
    ws_go_on_reading(slow);
    EVENTUALLY(version_seen(slow) == version || ws_code_now(slow) != WS_STILL_OPEN);
    EXPECT_INT(ws_code_now(slow), WS_STILL_OPEN);
    EXPECT(frames_of(slow, "STATE_UPDATE") < 300);
    int64_t last = 0;
    for (size_t i = 1; i < ws_count(slow); i++) {
        const int64_t seen = int_at(ws_message_at(slow, i)->json, "payload.version");
        EXPECT(seen > last);
        last = seen;
    }
}

static void a_client_that_breaks_the_protocol_is_let_go(void)
{
    static const struct {
        const char *bytes;
        size_t length;
    } rows[] = {
        {"\x83\x80\0\0\0\0", 6},                                  /* a reserved opcode */
        {"\xf1\x80\0\0\0\0", 6},                                  /* reserved bits */
        {"\x09\x80\0\0\0\0", 6},                                  /* a ping in fragments */
        {"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14}, /* a length that is none */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct ws_client *client = watch_running();
        ws_send_raw(client, rows[i].bytes, rows[i].length);
        if (!EXPECT(ws_close_code(client) != WS_STILL_OPEN)) {
            printf(" (row %zu)", i);
        }
    }
    struct ws_client *client = watch_running();
    EXPECT_INT(ws_code_now(client), WS_STILL_OPEN);
}

static void a_client_may_leave_when_it_likes(void)
{
    struct ws_client *client = watch_running();
    ws_leave(client);
    EXPECT_INT(ws_code_now(client), 1000);
}

static void one_client_too_many_is_asked_to_come_later(void)
{
    const char *const env[] = {"RELAY_MAX_CONNECTIONS=2", NULL};
    int port = 0;
    relay_start(env, &port);
    const char *id = fresh_id("full");
    create(id, CHESS);
    struct ws_client *first = watch(id, port);
    watch(id, port);
    struct ws_client *third = ws_open(port, kept_text("/sessions/%s", id));
    REQUIRE(third != NULL);
    EXPECT_INT(ws_close_code(third), 4013);
    ws_leave(first);
    struct ws_client *later = ws_open(port, kept_text("/sessions/%s", id));
    REQUIRE(later != NULL);
    EXPECT_FRAME(later, "CONNECTED");
}

static void a_relay_that_drains_sends_everybody_away(void)
{
    const char *const env[] = {"RELAY_DRAIN_S=1", NULL};
    int port = 0;
    struct process *relay = relay_start(env, &port);
    const char *id = fresh_id("drain");
    create_running(id, CHESS);
    struct ws_client *clients[8];
    for (size_t i = 0; i < 8; i++) {
        clients[i] = watch(id, port);
    }
    process_signal(relay, SIGTERM);
    for (size_t i = 0; i < 8; i++) {
        EXPECT_INT(ws_close_code(clients[i]), 1001);
    }
    EXPECT_INT(process_wait(relay), 0);
    EXPECT(!port_answers(port));
}

/* A relay that speaks to Redis through a proxy, started and connected. */
static struct redis_proxy *relay_behind_proxy(int *port)
{
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    const char *const env[] = {kept_text("REDIS_URL=redis://127.0.0.1:%d/0", proxy_port(proxy)), NULL};
    relay_start(env, port);
    const char *id = fresh_id("behind");
    create(id, CHESS);
    ws_leave(watch(id, *port));
    return proxy;
}

static int64_t subscribers(const char *id)
{
    return redis_int("EVAL %s 0 %s", "return redis.call('PUBSUB','NUMSUB',ARGV[1])[2]", kept_text("ws:%s", id));
}

/* The first reading is under way while its client leaves; the second client comes, and a change is committed, while
 * nobody is subscribed. */
static void a_reading_from_before_the_last_client_left_is_not_shared(void)
{
    int port = 0;
    struct redis_proxy *proxy = relay_behind_proxy(&port);
    const char *id = fresh_id("gap");
    create_running(id, CHESS);
    proxy_stall(proxy, false, true);
    struct ws_client *first = ws_open(port, kept_text("/ws?sessionId=%s", id));
    REQUIRE(first != NULL);
    EVENTUALLY(subscribers(id) == 1);
    pause_ms(150); /* the subscription is confirmed, and the session read */
    proxy_stall(proxy, true, true);
    ws_leave(first);
    EVENTUALLY(subscribers(id) == 0);
    struct ws_client *second = ws_open(port, kept_text("/ws?sessionId=%s", id));
    REQUIRE(second != NULL);
    pause_ms(150);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EXPECT_INT(subscribers(id), 0);
    proxy_stall(proxy, false, true);
    EVENTUALLY(subscribers(id) == 1);
    proxy_stall(proxy, false, false);
    EVENTUALLY(version_seen(second) == 3);
    EXPECT_INT((int64_t)frames_of(second, "CONNECTED"), 1);
}

static void a_client_that_talks_before_it_is_greeted_is_not_too_slow(void)
{
    int port = 0;
    struct redis_proxy *proxy = relay_behind_proxy(&port);
    const char *id = fresh_id("eager");
    create_running(id, CHESS);
    proxy_stall(proxy, true, true);
    struct ws_client *client = ws_open(port, kept_text("/ws?sessionId=%s", id));
    REQUIRE(client != NULL);
    for (int i = 0; i < 70; i++) {
        ws_send(client, "{\"type\":\"PING\",\"timestamp\":1}");
        pause_ms(55);
    }
    proxy_stall(proxy, false, false);
    EXPECT_FRAME(client, "CONNECTED");
    EXPECT_FRAME(client, "STATE_SYNC");
    EXPECT_FRAME(client, "PONG");
    EXPECT_INT(ws_code_now(client), WS_STILL_OPEN);
}

static void an_unreadable_session_is_told_of_once_and_shown_when_it_is_repaired(void)
{
    int port = 0;
    struct process *relay = relay_start(NULL, &port);
    const char *id = fresh_id("damaged");
    const char *key = kept_text("session:%s", id);
    create_running(id, CHESS);
    redisReply *stored = redis_peek("GET %s", key);
    REQUIRE(stored && stored->type == REDIS_REPLY_STRING);
    const char *whole = kept_text("%s", stored->str);
    redis_peek("SET %s %s", key, "{\"format\":999}");
    struct ws_client *early = ws_open(port, kept_text("/ws?sessionId=%s", id));
    REQUIRE(early != NULL);
    EVENTUALLY(process_logged(relay, "a session cannot be shown"));
    pause_ms(1500);
    EXPECT_INT((int64_t)process_log_count(relay, "a session cannot be shown"), 1);
    redis_peek("SET %s %s", key, whole);
    struct ws_client *late = watch(id, port); /* who comes does not wait for the next try, and helps the others */
    EXPECT_INT(version_seen(late), 2);
    EVENTUALLY(version_seen(early) == 2);
}

static void a_second_id_does_not_count(void)
{
    const char *id = fresh_id("second");
    create(id, CHESS);
    struct ws_client *client = ws_open(stack.relay_ports[0], kept_text("/ws?sessionId=%065d&sessionId=%s", 1, id));
    REQUIRE(client != NULL);
    EXPECT_INT(ws_close_code(client), 1008);
    client = ws_open(stack.relay_ports[0], kept_text("/ws?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q&r&s&t&sessionId=%s", id));
    REQUIRE(client != NULL);
    EXPECT_FRAME(client, "CONNECTED");
}

static void a_relay_without_descriptors_says_so_and_ends(void)
{
    static const int limits[] = {6, 8, 9, 10};
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        const char *const argv[] = {"prlimit", kept_text("--nofile=%d", limits[i]),
                                    kept_text("%s/synckairos-relay", stack.build), NULL};
        /* the leak checker needs descriptors of its own */
        const char *const env[] = {kept_text("RELAY_PORT=%d", free_port()), "ASAN_OPTIONS=detect_leaks=0", NULL};
        const struct process_spec spec = {.name = "poor-relay", .argv = argv, .env = env};
        if (!EXPECT_INT(process_run(&spec), 1)) {
            printf(" (%d descriptors)", limits[i]);
        }
    }
}

/* --- what goes wrong unseen ------------------------------------------------------------------------------------- */

/* What was said meanwhile waits in the sockets, and is heard before anybody is taken for dead or for a nuisance. */
static void a_pause_of_the_process_closes_nobody(void)
{
    const char *const env[] = {"RELAY_PING_S=1", NULL};
    int port = 0;
    struct process *relay = relay_start(env, &port);
    const char *id = fresh_id("pause");
    create_running(id, CHESS);
    struct ws_client *client = watch(id, port);
    EVENTUALLY(ws_pings(client) > 0);
    process_signal(relay, SIGSTOP);
    for (int i = 0; i < 30; i++) {
        ws_send(client, "{\"type\":\"PING\",\"timestamp\":1}");
        pause_ms(120);
    }
    process_signal(relay, SIGCONT);
    const int pings = ws_pings(client);
    EVENTUALLY(ws_pings(client) >= pings + 3 || ws_code_now(client) != WS_STILL_OPEN);
    EXPECT_INT(ws_code_now(client), WS_STILL_OPEN);
    EXPECT_INT((int64_t)frames_of(client, "PONG"), 30);
    EXPECT(process_logged(relay, "the process stood still"));
}

/* The next message must be a STATE_SYNC of that version. */
static void expect_sync(struct ws_client *client, int64_t version)
{
    EXPECT_INT(int_at(EXPECT_FRAME(client, "STATE_SYNC"), "payload.version"), version);
}

static void an_older_sync_takes_nobody_back(void)
{
    const char *id = fresh_id("older");
    create_running(id, CHESS);
    struct ws_client *client = watch(id, stack.relay_ports[0]);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EXPECT_UPDATE(client, 3);
    redis_peek("PUBLISH %s %s", kept_text("ws:%s", id),
               "STATE_SYNC 2 1000000000000 1000000000000 -\n{\"type\":\"STATE_SYNC\",\"payload\":{\"version\":2}}");
    expect_sync(client, 3);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EXPECT_UPDATE(client, 4);
}

static void a_message_that_cannot_be_read_is_made_up_for(void)
{
    const char *id = fresh_id("garbled");
    create_running(id, CHESS);
    struct ws_client *clients[] = {watch(id, stack.relay_ports[0]), watch(id, stack.relay_ports[0])};
    redis_peek("PUBLISH %s %s", kept_text("ws:%s", id), "no header");
    expect_sync(clients[0], 2);
    expect_sync(clients[1], 2);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EXPECT_UPDATE(clients[0], 3);
    EXPECT_UPDATE(clients[1], 3);
}

/* A socket that has asked for an upgrade and will never read the answer; -1: there is none. The caller closes it. */
static int open_mute(int port, const char *path)
{
    const char *head = kept_text("GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                 "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                                 path);
    const int fd = port_connect(port, 0);
    const bool asked = fd >= 0 && send(fd, head, strlen(head), MSG_NOSIGNAL) == (ssize_t)strlen(head);
    if (fd >= 0 && !asked) {
        (void)close(fd);
    }
    return asked ? fd : -1;
}

/* They answer no close frame, and stand there until the relay loses its patience. */
static void who_is_refused_takes_nobodys_place(void)
{
    const char *const env[] = {"RELAY_MAX_CONNECTIONS=2", NULL};
    int port = 0;
    int refused[8];
    relay_start(env, &port);
    const char *id = fresh_id("place");
    create(id, CHESS);
    watch(id, port);
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        refused[i] = open_mute(port, "/ws");
        EXPECT(refused[i] >= 0);
    }
    watch(id, port);
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        char bytes[512];
        while (refused[i] >= 0 && recv(refused[i], bytes, sizeof(bytes), 0) > 0) {
        }
        (void)close(refused[i]);
    }
}

static void pongs_that_nobody_asked_for_are_1008(void)
{
    struct ws_client *client = watch_running();
    for (int i = 0; i < 40; i++) {
        ws_send_frame(client, WS_PONG, "x", 1);
    }
    EXPECT_INT(ws_close_code(client), 1008);
}

static void pings_without_end_are_cut_off(void)
{
    static const char load[125];
    struct ws_client *client = watch_running();
    const int64_t give_up_us = now_us() + INT64_C(1000) * PATIENCE_MS;
    while (now_us() < give_up_us && ws_send_frame(client, WS_PING, load, sizeof(load))) {
    }
    EXPECT(ws_code_now(client) != WS_STILL_OPEN || now_us() < give_up_us);
    EXPECT_INT(ws_close_code(client), 1006);
}

/* More events than are held come during a reading: those who were told of them need nothing, and who waits for the
 * reading gets another one. */
static void more_than_is_held_holds_up_only_who_waits(void)
{
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    const char *const env[] = {kept_text("REDIS_URL=redis://127.0.0.1:%d/0", proxy_port(proxy)), NULL};
    int port = 0;
    struct process *relay = relay_start(env, &port);
    const char *id = running("overflow");
    struct ws_client *watcher = watch(id, port);
    proxy_stall(proxy, false, true);
    struct ws_client *newcomer = ws_open(port, kept_text("/ws?sessionId=%s", id));
    REQUIRE(newcomer != NULL);
    struct publisher *events = publisher_open(id, 200);
    while (!process_logged(relay, "more was published") && frames_of(watcher, "TIME_WARNING") < 1000) {
        const size_t told = frames_of(watcher, "TIME_WARNING");
        publish(events, "TIME_WARNING", 50);
        EVENTUALLY(frames_of(watcher, "TIME_WARNING") == told + 50);
    }
    publish(events, "TIME_WARNING", 50);
    proxy_stall(proxy, false, false);
    EXPECT_FRAME(newcomer, "CONNECTED");
    EXPECT_FRAME(newcomer, "STATE_SYNC");
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EVENTUALLY(version_seen(watcher) == 3);
    EXPECT_INT((int64_t)frames_of(watcher, "STATE_SYNC"), 1);
    EXPECT_INT((int64_t)process_log_count(relay, "more was published"), 1);
}

static bool is_subscribed_to(const char *id)
{
    const redisReply *reply = redis_peek("PUBSUB NUMSUB ws:%s", id);
    return reply && reply->elements == 2 && reply->element[1]->integer > 0;
}

/* Redis hangs up on a subscriber who does not read; what is published meanwhile is lost to it. */
static void a_relay_that_fell_behind_its_subscription_makes_up_for_it(void)
{
    int port = 0;
    struct process *relay = relay_start(NULL, &port);
    const char *id = fresh_id("behind");
    const char *noise = fresh_id("noise");
    create_running(id, CHESS);
    create_running(noise, CHESS);
    struct ws_client *client = watch(id, port);
    (void)watch(noise, port);
    EXPECT(is_subscribed_to(noise));
    redis_peek("CONFIG SET client-output-buffer-limit %s", "pubsub 65536 65536 1");
    process_signal(relay, SIGSTOP);
    for (int i = 0; i < 1000 && is_subscribed_to(noise); i++) {
        redis_peek("PUBLISH ws:%s %s", noise, kept_text("%0100000d", i));
    }
    EXPECT(!is_subscribed_to(noise));
    EXPECT_STATUS(act(id, "pause", NULL), 200);
    process_signal(relay, SIGCONT);
    EVENTUALLY(version_seen(client) == 3);
    EXPECT_INT(ws_code_now(client), WS_STILL_OPEN);
    redis_peek("CONFIG SET client-output-buffer-limit %s", "pubsub 33554432 8388608 60");
}

CU_TestInfo relay_tests[] = {
    {"a PING is answered with Redis' time", a_ping_is_answered_with_redis_time},
    {"a RECONNECT is told whether it is up to date", a_reconnect_is_told_whether_it_is_up_to_date},
    {"what cannot be understood is no reason to hang up", what_cannot_be_understood_is_no_reason_to_hang_up},
    {"a frame too big is 1009", a_frame_too_big_is_1009},
    {"too many messages are 1008", too_many_messages_are_1008},
    {"refusals come after the upgrade", refusals_come_after_the_upgrade},
    {"an encoded id is the same id", an_encoded_id_is_the_same_id},
    {"a dead peer is let go", a_dead_peer_is_let_go},
    {"a slow reader gets the newest, and nobody waits", a_slow_reader_gets_the_newest_and_nobody_waits},
    {"a client that breaks the protocol is let go", a_client_that_breaks_the_protocol_is_let_go},
    {"a client may leave when it likes", a_client_may_leave_when_it_likes},
    {"one client too many is asked to come later", one_client_too_many_is_asked_to_come_later},
    {"a relay that drains sends everybody away", a_relay_that_drains_sends_everybody_away},
    {"a reading from before the last client left is not shared",
     a_reading_from_before_the_last_client_left_is_not_shared},
    {"a client that talks before it is greeted is not too slow",
     a_client_that_talks_before_it_is_greeted_is_not_too_slow},
    {"an unreadable session is told of once, and shown when it is repaired",
     an_unreadable_session_is_told_of_once_and_shown_when_it_is_repaired},
    {"a second id does not count", a_second_id_does_not_count},
    {"a relay without descriptors says so and ends", a_relay_without_descriptors_says_so_and_ends},
    {"a pause of the process closes nobody", a_pause_of_the_process_closes_nobody},
    {"an older SYNC takes nobody back", an_older_sync_takes_nobody_back},
    {"a message that cannot be read is made up for", a_message_that_cannot_be_read_is_made_up_for},
    {"a relay that fell behind its subscription makes up for it",
     a_relay_that_fell_behind_its_subscription_makes_up_for_it},
    {"more than is held holds up only who waits", more_than_is_held_holds_up_only_who_waits},
    {"who is refused takes nobody's place", who_is_refused_takes_nobodys_place},
    {"PONGs that nobody asked for are 1008", pongs_that_nobody_asked_for_are_1008},
    {"PINGs without end are cut off", pings_without_end_are_cut_off},
    CU_TEST_INFO_NULL,
};
