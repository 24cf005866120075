/* TLS on the relay's own port: what goes through it, who is sent away, and what happens to the certificate. */
#include "bench/swarm.h"
#include "tests/integration/certificates.h"
#include "tests/integration/publisher.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/tls_tap.h"
#include "tests/integration/tokens.h"

#include <dirent.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_S 86400L
#define CROWD 200

/* A relay in TLS, and the way to it. */
struct secure {
    struct process *relay;
    struct certificate certificate;
    int port;
    struct tls_tap *tap;
    int tap_port;
};

static struct secure secure_start(const char *more)
{
    struct secure secure = {.certificate = certificate_make("relay", -1, DAY_S)};
    const char *const env[] = {kept_text("RELAY_TLS_CERT_FILE=%s", secure.certificate.chain_file),
                               kept_text("RELAY_TLS_KEY_FILE=%s", secure.certificate.key_file), more, NULL};
    secure.relay = relay_start(env, &secure.port);
    EVENTUALLY(process_log_count(secure.relay, "connected to Redis") == 2); /* all that it has by itself is open */
    secure.tap = tls_tap_start(secure.port, secure.certificate.chain_file);
    secure.tap_port = tls_tap_port(secure.tap);
    return secure;
}

static size_t descriptors_of(const struct process *process)
{
    size_t count = 0;
    DIR *folder = opendir(kept_text("/proc/%d/fd", (int)process_pid(process)));
    while (folder && readdir(folder)) {
        count++;
    }
    REQUIRE(folder && closedir(folder) == 0);
    return count;
}

/* --- what goes through ------------------------------------------------------------------------------------------ */

static void a_session_is_watched_over_tls(void)
{
    const struct secure secure = secure_start(NULL);
    const char *id = running("tls");
    EVENTUALLY(url_answers(kept_text("http://127.0.0.1:%d/ready", secure.tap_port), 200));
    const size_t before = descriptors_of(secure.relay);
    struct ws_client *client = watch(id, secure.tap_port);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EXPECT_UPDATE(client, 3);
    EXPECT(ws_send(client, "{\"type\":\"PING\",\"payload\":{\"timestamp\":1}}"));
    EXPECT_FRAME(client, "PONG");
    const int ended_well = tls_tap_ended_well(secure.tap);
    ws_leave(client);
    EVENTUALLY(tls_tap_ended_well(secure.tap) > ended_well);
    EVENTUALLY(descriptors_of(secure.relay) <= before);
    EXPECT(tls_tap_resumed(secure.tap) > 0);
    EXPECT_INT(tls_tap_refused(secure.tap), 0);
}

static void a_long_token_among_the_subprotocols_arrives(void)
{
    const struct secure secure = secure_start(TOKEN_KEY);
    const char *id = running("tls-token");
    char filler[3000];
    memset(filler, 'x', sizeof(filler));
    const char *token = signed_token(
        kept_text("{'sub':'s','scope':'sessions:read','filler':'%.*s'}", (int)sizeof(filler), filler), 3600);
    const char *path = kept_text("/ws?sessionId=%s", id);
    struct ws_client *client =
        ws_open_with(secure.tap_port, path, kept_text("Sec-WebSocket-Protocol: synckairos.v1, bearer.%s\r\n", token));
    REQUIRE(client != NULL);
    EXPECT_FRAME(client, "CONNECTED");
    EXPECT_FRAME(client, "STATE_SYNC");
    struct ws_client *stranger = ws_open(secure.tap_port, path);
    REQUIRE(stranger != NULL);
    EXPECT_INT(ws_close_code(stranger), 4001);
}

static void a_crowd_over_tls_is_told_of_every_state_and_leaves_nothing_behind(void)
{
    const struct secure secure = secure_start(NULL);
    const char *id = running("tls-crowd");
    const char *const paths[] = {kept_text("/ws?sessionId=%s", id)};
    const size_t before = descriptors_of(secure.relay);
    struct swarm *swarm =
        swarm_start(&(struct swarm_spec){.port = secure.tap_port, .paths = paths, .path_count = 1, .clients = CROWD});
    struct swarm_counts counts;
    REQUIRE(swarm != NULL);
    EVENTUALLY(swarm_synced(swarm) == CROWD);
    EXPECT(descriptors_of(secure.relay) >= before + (size_t)3 * CROWD);
    for (int64_t version = 3; version < 8; version++) {
        EXPECT_STATUS(act(id, "switch", NULL), 200);
        EVENTUALLY(swarm_told(swarm, 0, version) == CROWD);
    }
    swarm_count(swarm, &counts);
    EXPECT_INT((int64_t)counts.failed, 0);
    EXPECT_INT((int64_t)counts.closed, 0);
    EXPECT_INT(tls_tap_greeted(secure.tap), CROWD);
    process_signal(secure.relay, SIGHUP); /* those that are there do not notice */
    EVENTUALLY(process_logged(secure.relay, "certificate read again"));
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EVENTUALLY(swarm_told(swarm, 0, 8) == CROWD);
    swarm_free(swarm); /* they go without a word */
    EVENTUALLY(descriptors_of(secure.relay) <= before);
}

static void a_draining_relay_says_so_over_tls(void)
{
    enum { CLIENTS = 12 };
    const struct secure secure = secure_start("RELAY_DRAIN_S=1");
    struct ws_client *clients[CLIENTS];
    const char *id = running("tls-drain");
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = watch(id, secure.tap_port);
    }
    process_signal(secure.relay, SIGTERM);
    for (int i = 0; i < CLIENTS; i++) {
        EXPECT_INT(ws_close_code(clients[i]), 1001);
    }
    EXPECT_INT(process_wait(secure.relay), 0);
    EVENTUALLY(tls_tap_ended_well(secure.tap) == CLIENTS);
}

/* --- who is sent away ------------------------------------------------------------------------------------------- */

static int call_at_port(int port)
{
    const int fd = port_connect(port, 0);
    REQUIRE(fd >= 0);
    return fd;
}

/* Whether the server ends the connection in time; what it says before that does not count. */
static bool is_sent_away(int fd)
{
    char bytes[256];
    ssize_t got = 0;
    do {
        got = recv(fd, bytes, sizeof(bytes), 0);
    } while (got > 0);
    close(fd);
    return got == 0;
}

static void who_does_not_speak_tls_is_sent_away(void)
{
    static const char *const words[] = {"GET /health HTTP/1.1\r\nHost: a\r\n\r\n",
                                        "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
                                        "\x16\x03\x01\xff\xff\x01\x00\xff\xfb\x03\x03", "synckairos"};
    const struct secure secure = secure_start(NULL);
    const char *id = running("tls-garbage");
    struct ws_client *client = watch(id, secure.tap_port);
    const size_t before = descriptors_of(secure.relay);
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        const int fd = call_at_port(secure.port);
        EXPECT(send(fd, words[i], i == 2 ? 11 : i == 1 ? 10 : strlen(words[i]), MSG_NOSIGNAL) > 0);
        EXPECT(is_sent_away(fd));
    }
    const int64_t since = now_us();
    EXPECT(is_sent_away(call_at_port(secure.port))); /* without a word */
    EXPECT_BETWEEN((now_us() - since) / 1000, 4000, 15000);
    EVENTUALLY(descriptors_of(secure.relay) <= before);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EXPECT_UPDATE(client, 3);
}

/* The client's own end takes nothing: the relay must find out through both sockets, and have none of them for long. */
static void a_client_in_tls_that_reads_nothing_is_dropped(void)
{
    const struct secure secure = secure_start("RELAY_PING_S=1");
    const char *id = running("tls-deaf");
    const size_t before = descriptors_of(secure.relay);
    struct ws_client *deaf = ws_open_small(secure.tap_port, kept_text("/ws?sessionId=%s", id), 4096);
    REQUIRE(deaf != NULL);
    EXPECT_FRAME(deaf, "CONNECTED");
    EXPECT_FRAME(deaf, "STATE_SYNC");
    ws_stop_reading(deaf);
    publish(publisher_open(id, 2000), "TIME_WARNING", 1000); /* far more than all the buffers on the way take */
    EVENTUALLY(descriptors_of(secure.relay) <= before);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EXPECT_INT((int64_t)version_seen(watch(id, secure.tap_port)), 3);
}

/* One who reads nothing has the close take its time. */
static void a_signal_during_the_close_changes_nothing(void)
{
    const struct secure secure = secure_start(NULL);
    const char *id = running("tls-signals");
    struct ws_client *deaf = ws_open_small(secure.tap_port, kept_text("/ws?sessionId=%s", id), 4096);
    REQUIRE(deaf != NULL);
    EXPECT_FRAME(deaf, "CONNECTED");
    EXPECT_FRAME(deaf, "STATE_SYNC");
    ws_stop_reading(deaf);
    publish(publisher_open(id, 10000), "TIME_WARNING", 60);
    while (process_alive(secure.relay)) {
        process_signal(secure.relay, SIGTERM);
        process_signal(secure.relay, SIGHUP);
        nap();
    }
    EXPECT_INT(process_wait(secure.relay), 0);
    EXPECT(process_logged(secure.relay, "stopped"));
}

static void pings_without_end_are_cut_off_in_tls_too(void)
{
    static const char load[125];
    const struct secure secure = secure_start(NULL);
    struct ws_client *client = watch(running("tls-flood"), secure.tap_port);
    const size_t before = descriptors_of(secure.relay);
    const int64_t give_up_us = now_us() + INT64_C(1000) * PATIENCE_MS;
    while (now_us() < give_up_us && ws_send_frame(client, WS_PING, load, sizeof(load))) {
    }
    EXPECT(now_us() < give_up_us);
    EVENTUALLY(descriptors_of(secure.relay) < before);
}

/* Says more and more in TLS, on a connection that has its last word, until nobody listens; how much, limit at most. */
static size_t talk_on(int fd, const char *request, size_t limit)
{
    static const char piece[16384];
    size_t said = 0;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = context ? SSL_new(context) : NULL;
    REQUIRE(ssl && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1);
    EXPECT(SSL_write(ssl, request, (int)strlen(request)) > 0);
    while (said < limit && SSL_write(ssl, piece, sizeof(piece)) > 0) {
        said += sizeof(piece);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    return said;
}

static void who_talks_on_over_tls_is_cut_off(void)
{
    const size_t limit = 16777216;
    const struct secure secure = secure_start(NULL);
    const int fd = port_connect(secure.port, 65536);
    REQUIRE(fd >= 0);
    EXPECT(talk_on(fd, "GET /health HTTP/1.1\r\n\r\n", limit) < limit);
    close(fd);
}

/* --- the certificate -------------------------------------------------------------------------------------------- */

static void move_file(const char *from, const char *to)
{
    REQUIRE(rename(from, to) == 0);
}

static bool greets(const struct secure *secure, const char *trusted_file)
{
    struct tls_tap *tap = tls_tap_start(secure->port, trusted_file);
    return url_answers(kept_text("http://127.0.0.1:%d/health", tls_tap_port(tap)), 200);
}

static void a_new_certificate_is_read_on_sighup(void)
{
    const struct secure secure = secure_start(NULL);
    const char *id = running("tls-reload");
    struct ws_client *client = watch(id, secure.tap_port);
    const char *old_file = kept_text("%s/old.pem", stack.folder);
    REQUIRE(link(secure.certificate.chain_file, old_file) == 0);
    const struct certificate next = certificate_make("next", -1, DAY_S);
    const char *next_file = kept_text("%s/next-trusted.pem", stack.folder);
    REQUIRE(link(next.chain_file, next_file) == 0);

    move_file(next.chain_file, secure.certificate.chain_file);
    process_signal(secure.relay, SIGHUP); /* its key is not there yet */
    EVENTUALLY(process_logged(secure.relay, "the certificate stays as it was"));
    EXPECT(process_logged(secure.relay, "not the key of the certificate"));
    EXPECT(greets(&secure, old_file));
    EXPECT(!greets(&secure, next_file));

    move_file(next.key_file, secure.certificate.key_file);
    process_signal(secure.relay, SIGHUP);
    EVENTUALLY(process_logged(secure.relay, "certificate read again"));
    EXPECT(greets(&secure, next_file));
    EXPECT(!greets(&secure, old_file));
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EXPECT_UPDATE(client, 3); /* on a connection with the old one */
    EXPECT(!process_logged(secure.relay, "PRIVATE KEY"));
    REQUIRE(unlink(old_file) == 0 && unlink(next_file) == 0);
}

/* A named pipe would have whoever reads it wait. */
static void a_certificate_that_is_no_file_stops_nobody(void)
{
    const struct secure secure = secure_start(NULL);
    const char *old_file = kept_text("%s/pipe-trusted.pem", stack.folder);
    move_file(secure.certificate.chain_file, old_file);
    REQUIRE(mkfifo(secure.certificate.chain_file, 0600) == 0);
    process_signal(secure.relay, SIGHUP);
    EVENTUALLY(process_logged(secure.relay, "not a regular file"));
    EXPECT(greets(&secure, old_file));
    REQUIRE(unlink(old_file) == 0);
}

static void expect_refused(const char *chain_file, const char *key_file, const char *option, const char *why)
{
    const char *const env[] = {kept_text("RELAY_PORT=%d", free_port()), kept_text("RELAY_TLS_CERT_FILE=%s", chain_file),
                               kept_text("RELAY_TLS_KEY_FILE=%s", key_file), NULL};
    struct process *relay = stack_program("relay", env);
    EXPECT_INT(process_wait(relay), 1);
    EXPECT(process_logged(relay, option));
    check_true(process_logged(relay, why), why, __FILE__, __LINE__, false);
}

static void a_pair_that_clients_could_not_accept_refuses_to_start(void)
{
    const struct certificate good = certificate_make("good", -1, DAY_S);
    const struct certificate other = certificate_make("other", -1, DAY_S);
    const struct certificate old = certificate_make("expired", -2 * DAY_S, -60);
    const struct certificate early = certificate_make("early", 3600, DAY_S);
    const char *const chain = "RELAY_TLS_CERT_FILE (";
    const char *const key = "RELAY_TLS_KEY_FILE (";
    expect_refused("/nowhere/chain.pem", good.key_file, chain, "No such file");
    expect_refused(good.chain_file, "/nowhere/key.pem", key, "No such file");
    expect_refused(good.key_file, good.key_file, chain, "no start line");
    expect_refused(stack.folder, good.key_file, chain, "not a regular file");
    expect_refused(good.chain_file, stack.folder, key, "not a regular file");
    expect_refused(good.chain_file, good.chain_file, key, "not a private key");
    expect_refused(good.chain_file, good.locked_key_file, key, "without a passphrase");
    expect_refused(good.chain_file, other.key_file, key, "not the key of the certificate");
    expect_refused(old.chain_file, old.key_file, chain, "has expired");
    expect_refused(early.chain_file, early.key_file, chain, "not valid yet");
}

CU_TestInfo tls_tests[] = {
    {"a session is watched over TLS", a_session_is_watched_over_tls},
    {"a long token among the subprotocols arrives", a_long_token_among_the_subprotocols_arrives},
    {"a crowd over TLS is told of every state and leaves nothing behind",
     a_crowd_over_tls_is_told_of_every_state_and_leaves_nothing_behind},
    {"a draining relay says so over TLS", a_draining_relay_says_so_over_tls},
    {"who does not speak TLS is sent away", who_does_not_speak_tls_is_sent_away},
    {"a client in TLS that reads nothing is dropped", a_client_in_tls_that_reads_nothing_is_dropped},
    {"who talks on over TLS is cut off", who_talks_on_over_tls_is_cut_off},
    {"a signal during the close changes nothing", a_signal_during_the_close_changes_nothing},
    {"PINGs without end are cut off in TLS, too", pings_without_end_are_cut_off_in_tls_too},
    {"a new certificate is read on SIGHUP", a_new_certificate_is_read_on_sighup},
    {"a certificate that is no file stops nobody", a_certificate_that_is_no_file_stops_nobody},
    {"a pair that clients could not accept refuses to start", a_pair_that_clients_could_not_accept_refuses_to_start},
    CU_TEST_INFO_NULL,
};
