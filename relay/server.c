/* libwebsockets' callbacks, translated. Owns the lws context; the clients it announces live from ESTABLISHED to CLOSED.
 */
#include "relay/server.h"

#include "common/log.h"
#include "common/metrics.h"
#include "relay/arrivals.h"
#include "relay/client.h"
#include "relay/handshake.h"
#include "relay/lws_log.h"
#include "relay/relay.h"
#include "relay/visit.h"

#include <libwebsockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define RX_BYTES 512   /* what an idle connection costs; a longer message comes in pieces */
#define TX_BYTES 65536 /* what one send may take; anything smaller is sent from the shared buffer, without a copy */
#define SEND_QUEUE_BYTES 65536    /* in the kernel, for a peer that does not read; it takes up to twice as much */
#define RECEIVE_QUEUE_BYTES 16384 /* likewise, for a peer that says more than is read */
#define HANDSHAKE_S 5
#define HANDSHAKES_MAX 1024    /* header tables, made when they are needed */
#define CLOSE_REASON_BYTES 123 /* RFC 6455 §5.5 */

struct sk_server {
    struct sk_relay *relay;
    struct lws_context *context; /* NULL once libwebsockets has destroyed it */
    struct sk_arrivals *arrivals;
};

/* What libwebsockets keeps for each connection. */
struct session {
    struct sk_client *client; /* NULL before ESTABLISHED and after CLOSED */
    unsigned peer_code;       /* of the peer's own close frame; 0: none */
};

static struct sk_server *server_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

/* --- connections ------------------------------------------------------------------------------------------------- */

/* Bounds what the kernel holds for it, and has it send what it is given: without TCP_NODELAY the second of two short
 * frames waits for the acknowledgement of the first, 40 ms where the peer is in no hurry. None of it is vital. */
static void set_up_socket(int fd)
{
    static const int send_bytes = SEND_QUEUE_BYTES;
    static const int receive_bytes = RECEIVE_QUEUE_BYTES;
    static const int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        return; /* not TCP: the plain side of a TLS connection, which has been set up (tls.h) */
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
}

static int on_established(struct lws *wsi, struct session *session)
{
    struct sk_visit visit;
    struct sk_visit_text text;
    struct sk_server *server = server_of(wsi);
    set_up_socket(lws_get_socket_fd(wsi));
    session->peer_code = 0;
    session->client = sk_client_new(server->relay, wsi, sk_arrivals_arrived(server->arrivals, wsi));
    if (session->client == NULL) {
        return -1;
    }
    sk_visit_read(wsi, &text, &visit);
    sk_client_begin(session->client, &visit);
    explicit_bzero(text.token, sizeof text.token);
    return 0;
}

static int on_receive(struct lws *wsi, struct session *session, const void *in, size_t length)
{
    struct sk_inbound part = {.bytes = in,
                              .length = length,
                              .remaining = lws_remaining_packet_payload(wsi),
                              .final = lws_is_final_fragment(wsi) != 0,
                              .binary = lws_frame_is_binary(wsi) != 0};
    sk_client_received(session->client, &part);
    return 0;
}

/* Sends one frame. False: the connection broke. */
static bool send_first(struct lws *wsi, struct sk_client *client)
{
    struct sk_frame_buffer *frame = sk_outbox_first(&client->outbox);
    int sent = lws_write(wsi, sk_frame_buffer_text(frame), frame->length, LWS_WRITE_TEXT);
    if (sent < (int)frame->length) {
        return false;
    }
    sk_client_sent(client, frame);
    sk_outbox_drop_first(&client->outbox);
    return true;
}

/* With a byte in it: libwebsockets does not tell of an empty pong. */
static bool send_ping(struct lws *wsi, struct sk_client *client)
{
    unsigned char room[LWS_PRE + 1];
    room[LWS_PRE] = 's';
    client->ping_due = false;
    return lws_write(wsi, room + LWS_PRE, 1, LWS_WRITE_PING) >= 1;
}

/* Leaves the close frame (RFC 6455 §5.5.1) to libwebsockets, by way of its timer: where it runs on libuv and was built
 * with its debug checks, as Debian's 4.1.6 is, a connection that is closed from the writable callback is closed twice
 * at once, and the frame is lost. */
static void begin_close(struct lws *wsi, struct sk_client *client)
{
    if (!client->close_sent) {
        unsigned char reason[CLOSE_REASON_BYTES];
        size_t length = strnlen(client->close_reason, sizeof reason);
        memcpy(reason, client->close_reason, length);
        client->close_sent = true;
        lws_close_reason(wsi, (enum lws_close_status)client->close_code, reason, length);
        lws_set_timer_usecs(wsi, 1);
    }
}

/* As much as the socket takes now; what is left asks for the next turn. */
static int on_writable(struct lws *wsi, struct sk_client *client)
{
    client->blocked_since_us = 0;
    if (client->ping_due && client->close_code == SK_CLOSE_NONE && !send_ping(wsi, client)) {
        return -1;
    }
    bool may_send = client->greeted || client->close_code != SK_CLOSE_NONE;
    while (may_send && sk_outbox_first(&client->outbox) != NULL) {
        if (lws_send_pipe_choked(wsi) != 0) {
            sk_server_request_write(client);
            return 0;
        }
        if (!send_first(wsi, client)) {
            return -1;
        }
    }
    if (client->close_code != SK_CLOSE_NONE) {
        begin_close(wsi, client);
    }
    return 0;
}

/* Codes that a peer makes up count as one. */
static void count_close(unsigned code)
{
    static const unsigned known[] = {1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008,
                                     1009, 1011, 4001, 4003, 4004, 4008, 4009, 4013};
    char label[32] = "code=\"other\"";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i] == code) {
            (void)snprintf(label, sizeof label, "code=\"%u\"", code);
        }
    }
    sk_metrics_add(SK_METRIC_WS_CLOSES, label, 1);
}

static void on_closed(struct session *session)
{
    struct sk_client *client = session->client;
    session->client = NULL;
    if (client == NULL) {
        return;
    }
    unsigned code = SK_CLOSE_ABNORMAL;
    if (client->close_sent || client->close_code == SK_CLOSE_TOO_SLOW) {
        code = client->close_code;
    } else if (session->peer_code != 0) {
        code = session->peer_code;
    }
    count_close(code);
    client->socket = NULL;
    sk_client_free(client);
}

static void on_peer_close(struct session *session, const unsigned char *in, size_t length)
{
    session->peer_code = length >= 2 ? (unsigned)in[0] << 8 | in[1] : 1005;
    session->client->peer_closing = true;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    struct session *session = user;
    bool has_client = session != NULL && session->client != NULL;
    switch ((int)reason) {
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        sk_arrivals_begin(server_of(wsi)->arrivals, wsi);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        sk_arrivals_forget(server_of(wsi)->arrivals, wsi);
        return 0;
    case LWS_CALLBACK_HTTP:
        return -1; /* an upgrade, by its head, that libwebsockets does not take for one */
    case LWS_CALLBACK_ESTABLISHED:
        return session != NULL ? on_established(wsi, session) : -1;
    case LWS_CALLBACK_RECEIVE:
        return has_client ? on_receive(wsi, session, in, length) : -1;
    case LWS_CALLBACK_RECEIVE_PONG:
        if (has_client) {
            sk_client_heard(session->client);
        }
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return has_client ? on_writable(wsi, session->client) : -1;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        if (has_client) {
            on_peer_close(session, in, length);
        }
        return 0;
    case LWS_CALLBACK_TIMER:
        return has_client && session->client->close_sent ? -1 : 0;
    case LWS_CALLBACK_CLOSED:
        if (session != NULL) {
            on_closed(session);
        }
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, length);
    }
}

/* --- what the clients ask of their sockets ----------------------------------------------------------------------- */

static bool something_waits(const struct sk_client *client)
{
    return client->ping_due || sk_outbox_first(&client->outbox) != NULL;
}

/* Sends what waits without waiting for the turn to write, as long as libwebsockets keeps nothing back of what it was
 * given before. That is more than it promises, but it costs half as much for many clients, and a client that keeps up
 * is told every state, also where several come at once. What a full socket leaves behind of one frame, libwebsockets
 * keeps; the next frame waits in the outbox. */
static void send_at_once(struct sk_client *client)
{
    bool good = client->greeted && client->close_code == SK_CLOSE_NONE && !client->peer_closing;
    while (good && something_waits(client) && lws_partial_buffered(client->socket) == 0) {
        good = client->ping_due ? send_ping(client->socket, client) : send_first(client->socket, client);
        if (!good) {
            sk_server_drop(client);
        }
    }
}

void sk_server_request_write(struct sk_client *client)
{
    if (client->socket == NULL) {
        return;
    }
    send_at_once(client);
    if (!something_waits(client) && client->close_code == SK_CLOSE_NONE) {
        return;
    }
    if (client->blocked_since_us == 0) {
        client->blocked_since_us = sk_monotonic_us();
    }
    (void)lws_callback_on_writable(client->socket);
}

void sk_server_drop(struct sk_client *client)
{
    if (client->socket == NULL) {
        return;
    }
    if (!client->close_sent) {
        /* By a reset: else the kernel would keep for minutes what a peer that reads nothing has not taken. */
        static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(lws_get_socket_fd(client->socket), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    lws_set_timeout(client->socket, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    /* Its timers are only looked at after something has happened on one of its own sockets. */
    lws_cancel_service(lws_get_context(client->socket));
}

uint64_t sk_server_received_bytes(const struct sk_client *client)
{
    if (client->socket == NULL) {
        return 0;
    }
    return sk_arrivals_received_bytes(server_of(client->socket)->arrivals, lws_get_socket_fd(client->socket));
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static const struct lws_protocols protocols[] = {
    {.name = SK_SUBPROTOCOL,
     .callback = callback,
     .per_session_data_size = sizeof(struct session),
     .rx_buffer_size = RX_BYTES,
     .tx_packet_size = TX_BYTES},
    {.name = NULL},
};

/* No pings and no hang-ups by libwebsockets: the client's tick does both. */
static const lws_retry_bo_t no_policy = {.secs_since_valid_ping = 0};

static uint64_t options_for(const struct sk_config *config)
{
    uint64_t options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND;
    /* With IPv6 every socket is of that family, even for an IPv4 address, and there are hosts without it. */
    return strchr(config->bind, ':') == NULL ? options | LWS_SERVER_OPTION_DISABLE_IPV6 : options;
}

static struct lws_context *make_context(struct sk_server *server)
{
    void *loops[] = {&server->relay->loop};
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .options = options_for(server->relay->config),
        .foreign_loops = loops,
        .pcontext = &server->context,
        .user = server,
        .gid = -1,
        .uid = -1,
        .timeout_secs = HANDSHAKE_S,
        .timeout_secs_ah_idle = HANDSHAKE_S,
        .keepalive_timeout = HANDSHAKE_S,
        .max_http_header_pool = HANDSHAKES_MAX,
        .max_http_header_data2 = (int)SK_HEAD_MAX,
        .pt_serv_buf_size = TX_BYTES,
        .retry_and_idle_policy = &no_policy,
        .server_string = "synckairos",
    };
    lws_set_log_level(LLL_ERR | LLL_WARN, sk_lws_log_line);
    return lws_create_context(&info);
}

enum sk_code sk_server_open(struct sk_relay *relay, struct sk_server **server, struct sk_error *error)
{
    struct sk_server *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    made->relay = relay;
    enum sk_code code = sk_arrivals_open(relay, &made->arrivals, error);
    if (code != SK_OK) {
        free(made);
        return code;
    }
    made->context = make_context(made);
    if (made->context == NULL) {
        sk_arrivals_free(made->arrivals);
        free(made);
        return sk_fail(error, SK_INTERNAL_ERROR, "libwebsockets cannot start; is its libuv plugin installed?");
    }
    *server = made;
    bool started = sk_arrivals_start(made->arrivals, made->context);
    return started ? SK_OK : sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
}

void sk_server_tick(struct sk_server *server, int64_t now_us)
{
    sk_arrivals_tick(server->arrivals, now_us);
    sk_lws_log_tick(now_us);
}

void sk_server_reload(struct sk_server *server)
{
    sk_arrivals_reload(server->arrivals);
}

void sk_server_stop_accepting(struct sk_server *server)
{
    sk_arrivals_stop(server->arrivals);
}

size_t sk_server_guests(const struct sk_server *server)
{
    return sk_arrivals_guests(server->arrivals);
}

void sk_server_close(struct sk_server *server)
{
    if (server == NULL) {
        return;
    }
    sk_arrivals_close(server->arrivals);
    if (server->context != NULL) {
        lws_context_destroy(server->context);
    }
}

void sk_server_free(struct sk_server *server)
{
    /* With a loop that is not its own, libwebsockets needs a second call once its handles are closed. */
    sk_server_close(server);
    if (server != NULL) {
        sk_arrivals_free(server->arrivals);
    }
    free(server);
}
