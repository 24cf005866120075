/* The relay's door: what is taken for a WebSocket, who has room while nothing has been said, who is told when it shuts.
 */
#include "bench/swarm.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define KEY "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" KEY

static void close_socket(void *object)
{
    const int *fd = object;
    close(*fd);
    free(object);
}

/* A connection from 127.0.0.<last> that says nothing yet; closed after the test. */
static int knock(int port, int last)
{
    const struct sockaddr_in from = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1U + (uint32_t)last)};
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    int *fd = malloc(sizeof *fd);
    if (fd == NULL) {
        abort();
    }
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    keep(fd, close_socket);
    REQUIRE(*fd >= 0 && setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    REQUIRE(bind(*fd, (const struct sockaddr *)&from, sizeof from) == 0);
    REQUIRE(connect(*fd, (const struct sockaddr *)&to, sizeof to) == 0);
    return *fd;
}

static bool is_open(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* Says text on the connection; the first bytes of what comes back, "" where nothing does. */
static const char *answer_to(int fd, const char *text)
{
    char answer[1024] = "";
    (void)send(fd, text, strlen(text), MSG_NOSIGNAL);
    const ssize_t got = recv(fd, answer, sizeof answer - 1, 0);
    answer[got > 0 ? got : 0] = '\0';
    return kept_text("%s", answer);
}

static void expect_answer(int port, const char *text, const char *status, const char *holds)
{
    const char *answer = answer_to(knock(port, 1), text);
    if (!EXPECT(strncmp(answer, status, strlen(status)) == 0 && strstr(answer, holds) != NULL)) {
        printf(" (%s: %s) ", text, answer);
    }
}

static void only_websockets_come_through(void)
{
    const int port = stack.relay_ports[0];
    const char *id = fresh_id("door");
    create_running(id, CHESS);
    const char *ws = kept_text("GET /ws?sessionId=%s HTTP/1.1\r\n" UPGRADE, id);
    expect_answer(port, kept_text("%s\r\n", ws), "HTTP/1.1 101 ", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    expect_answer(port, kept_text("%sSec-WebSocket-Protocol: a, synckairos.v1\r\n\r\n", ws), "HTTP/1.1 101 ",
                  "synckairos.v1");
    expect_answer(port, kept_text("%sUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", ws),
                  "HTTP/1.1 426 ", "UPGRADE_REQUIRED");
    expect_answer(port,
                  "GET /ws HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n" UPGRADE "\r\n",
                  "HTTP/1.1 426 ", "UPGRADE_REQUIRED");
    expect_answer(port, kept_text("%sSec-WebSocket-Protocol: a, b\r\n\r\n", ws), "HTTP/1.1 400 ",
                  "the only subprotocol");
    expect_answer(port, "GET http://relay.example/health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ", "ok");
    expect_answer(port, "\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ", "ok");
    expect_answer(port, kept_text("\r\nGET ws://relay.example/sessions/%s HTTP/1.1\r\n" UPGRADE "\r\n", id),
                  "HTTP/1.1 101 ", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

/* What libwebsockets would answer in its own way, and tell the log of. */
static void what_libwebsockets_would_complain_of_is_answered_before(void)
{
    static const char *const targets[] = {"/ws?a=%zz", "/ws?sessionId=a%", "/sessions/a%00b", "/ws?sessionId=%00"};
    char arguments[401];
    int port = 0;
    struct process *relay = relay_start(NULL, &port);
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        expect_answer(port, kept_text("GET %s HTTP/1.1\r\n" UPGRADE "\r\n", targets[i]), "HTTP/1.1 400 ",
                      "BAD_REQUEST");
    }
    for (size_t i = 0; i < sizeof arguments - 1; i++) {
        arguments[i] = "a=1&"[i % 4];
    }
    arguments[sizeof arguments - 1] = '\0';
    expect_answer(port, kept_text("GET /ws?%s HTTP/1.1\r\n" UPGRADE "\r\n", arguments), "HTTP/1.1 400 ",
                  "too many arguments");
    expect_answer(port, "GET /ws HTTP/1.1\r\n" UPGRADE "Content-Length: 2\r\n\r\nab", "HTTP/1.1 400 ", "no body");
    expect_answer(port, kept_text("GET /health HTTP/1.1\r\nA: %017000d\r\n\r\n", 1), "HTTP/1.1 431 ", "HEAD_TOO_LARGE");
    EXPECT(!process_logged(relay, "libwebsockets"));
}

/* Says more and more, in PINGs, until nobody listens; how much that was, limit at most. */
static size_t talk_on(int fd, size_t limit)
{
    static const char ping[131] = "\x89\xfd";
    char piece[sizeof ping * 125];
    size_t said = 0;
    for (size_t i = 0; i < sizeof piece; i += sizeof ping) {
        memcpy(piece + i, ping, sizeof ping);
    }
    while (said < limit && send(fd, piece, sizeof piece, MSG_NOSIGNAL) > 0) {
        said += sizeof piece;
        nap();
    }
    return said;
}

static void who_talks_on_after_the_last_word_is_cut_off(void)
{
    const size_t far_too_much = 67108864; /* the relay looks ten times a second, and later on a busy machine */
    static const char too_big[8 + 4097] = "\x81\xfe\x10\x01"; /* a text of 4097 bytes: 1009 */
    const int port = stack.relay_ports[0];
    const int reader = knock(port, 1);
    EXPECT(strncmp(answer_to(reader, "GET /health HTTP/1.1\r\n\r\n"), "HTTP/1.1 200 ", 13) == 0);
    EXPECT(talk_on(reader, far_too_much) < far_too_much);

    const char *id = running("talker");
    const int talker = knock(port, 1);
    (void)answer_to(talker, kept_text("GET /ws?sessionId=%s HTTP/1.1\r\n" UPGRADE "\r\n", id));
    EXPECT(send(talker, too_big, sizeof too_big, MSG_NOSIGNAL) == (ssize_t)sizeof too_big);
    EXPECT(talk_on(talker, far_too_much) < far_too_much);
}

/* Both are measured by who is still there: patience would run out for the earliest first. */
static void one_address_cannot_fill_the_porch(void)
{
    enum { PLACES = 1024, PART = PLACES / 4 };
    const char *const env[] = {"RELAY_ACCEPT_RATE=0", NULL};
    int port = 0;
    swarm_raise_file_limit();
    relay_start(env, &port);
    const int first = knock(port, 1);
    const int next = knock(port, 1);
    for (int i = 2; i < PART; i++) {
        knock(port, 1);
    }
    const int beside = knock(port, 2);
    const int second = knock(port, 1);
    EVENTUALLY(!is_open(first));
    EXPECT(is_open(beside));
    EXPECT(strncmp(answer_to(second, "GET /health HTTP/1.1\r\n\r\n"), "HTTP/1.1 200 ", 13) == 0);
    for (int i = PART; i < PLACES; i++) {
        knock(port, 2 + i / PART);
    }
    const int newcomer = knock(port, 9);
    EVENTUALLY(!is_open(next));
    EXPECT(is_open(beside) && is_open(newcomer));
    EXPECT(strncmp(answer_to(newcomer, "GET /health HTTP/1.1\r\n\r\n"), "HTTP/1.1 200 ", 13) == 0);
}

static void nobody_is_left_without_an_answer_at_the_end_of_a_drain(void)
{
    const char *const env[] = {"RELAY_DRAIN_S=0", NULL};
    int port = 0;
    struct process *relay = relay_start(env, &port);
    const int guest = knock(port, 1);
    EXPECT(url_answers(kept_text("http://127.0.0.1:%d/health", port), 200)); /* it is inside before that one */
    process_signal(relay, SIGTERM);
    EVENTUALLY(!port_answers(port));
    const char *answer = answer_to(guest, "GET /ws HTTP/1.1\r\n" UPGRADE "\r\n");
    EXPECT(strncmp(answer, "HTTP/1.1 503 ", 13) == 0);
    EXPECT(strstr(answer, "RELAY_DRAINING") != NULL);
    EXPECT_INT(process_wait(relay), 0);
}

static void without_a_certificate_there_is_none_to_read_again(void)
{
    int port = 0;
    struct process *relay = relay_start(NULL, &port);
    process_signal(relay, SIGHUP);
    EVENTUALLY(process_logged(relay, "there is no certificate to read again"));
    EXPECT(url_answers(kept_text("http://127.0.0.1:%d/health", port), 200));
}

static void the_help_names_every_path_and_signal(void)
{
    const char *const argv[] = {kept_text("%s/synckairos-relay", stack.build), "--help", NULL};
    struct process *help = process_start(&(struct process_spec){.name = "relay-help", .argv = argv});
    EXPECT_INT(process_wait(help), 0);
    EXPECT(process_logged(help, "GET /feed") && process_logged(help, "GET /ready") && process_logged(help, "SIGHUP"));
}

/* Descriptors for Redis are left, whoever comes. */
static void as_many_are_let_in_as_there_are_files(void)
{
    const char *const argv[] = {"prlimit", "--nofile=2050:2050", kept_text("%s/synckairos-relay", stack.build), NULL};
    const int port = free_port();
    const char *const env[] = {kept_text("RELAY_PORT=%d", port), "RELAY_MAX_CONNECTIONS=10000", NULL};
    const char *id = fresh_id("files");
    create_running(id, CHESS);
    stop_after_test(process_start(&(struct process_spec){.name = "poor-relay", .argv = argv, .env = env}));
    EVENTUALLY(port_answers(port));
    watch(id, port);
    watch(id, port);
    struct ws_client *third = ws_open(port, kept_text("/ws?sessionId=%s", id));
    REQUIRE(third != NULL);
    EXPECT_INT(ws_close_code(third), 4013);
    const char *const fewer[] = {"prlimit", "--nofile=2048:2048", argv[2], NULL};
    EXPECT_INT(process_run(&(struct process_spec){.name = "poorest-relay", .argv = fewer, .env = env}), 1);
}

CU_TestInfo door_tests[] = {
    {"only WebSockets come through", only_websockets_come_through},
    {"what libwebsockets would complain of is answered before",
     what_libwebsockets_would_complain_of_is_answered_before},
    {"who talks on after the last word is cut off", who_talks_on_after_the_last_word_is_cut_off},
    {"one address cannot fill the porch", one_address_cannot_fill_the_porch},
    {"nobody is left without an answer at the end of a drain", nobody_is_left_without_an_answer_at_the_end_of_a_drain},
    {"without a certificate there is none to read again", without_a_certificate_there_is_none_to_read_again},
    {"the help names every path and signal", the_help_names_every_path_and_signal},
    {"as many are let in as there are files", as_many_are_let_in_as_there_are_files},
    CU_TEST_INFO_NULL,
};
