/* libwebsockets' callbacks, translated. Owns the lws context; the clients it announces live from ESTABLISHED to CLOSED.
 */
#include "relay/server.h"

#include "common/caller.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/network.h"
#include "relay/client.h"
#include "relay/guard.h"
#include "relay/handshake.h"
#include "relay/inflow.h"
#include "relay/page.h"
#include "relay/porch.h"
#include "relay/relay.h"
#include "relay/target.h"
#include "relay/tls.h"

#include <errno.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define RX_BYTES 512   /* what an idle connection costs; a longer message comes in pieces */
#define TX_BYTES 65536 /* what one send may take; anything smaller is sent from the shared buffer, without a copy */
#define SEND_QUEUE_BYTES 65536    /* in the kernel, for a peer that does not read; it takes up to twice as much */
#define RECEIVE_QUEUE_BYTES 16384 /* likewise, for a peer that says more than is read */
#define HANDSHAKE_S 5
#define ARRIVAL_US (HANDSHAKE_S * INT64_C(1000000))
#define HANDSHAKES_MAX 1024                  /* header tables, made when they are needed */
#define ARGUMENTS_MAX 128                    /* more than libwebsockets has places for */
#define TOKEN_BYTES ((int)SK_TOKEN_MAX + 32) /* and the word in front of it */
#define HEAD_BYTES ((int)SK_HEAD_MAX)        /* libwebsockets' room for the headers of a request */
#define ARGUMENT_BYTES HEAD_BYTES
#define CLOSE_REASON_BYTES 123 /* RFC 6455 §5.5 */

/* A connection in libwebsockets' hands, from its first callback to its last one. */
struct visitor {
    TAILQ_ENTRY(visitor) link; /* of those that are no clients yet */
    struct lws *wsi;
    struct sk_household *household; /* where it comes from; NULL: not counted */
    int64_t came_at_us;
    bool arriving;
};

struct sk_server {
    struct sk_relay *relay;
    struct lws_context *context;            /* NULL once libwebsockets has destroyed it */
    struct sk_porch *porch;                 /* where connections come in */
    struct sk_tls *tls;                     /* NULL: they are plain */
    struct sk_guard *guard;                 /* NULL: connections are not counted by where they come from */
    const char *trusted;                    /* proxies that are believed; borrowed */
    struct visitor *coming;                 /* whom libwebsockets is just being given */
    TAILQ_HEAD(visitors, visitor) arriving; /* by when they came */
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

/* --- arrivals -------------------------------------------------------------------------------------------------------
 */

/* Requests that are no upgrade do not reach libwebsockets. While the port is the relay's alone, who comes in a drain is
 * sent away before an upgrade: a balancer in front tries another one. Where it is shared, the next upgrade is another
 * relay's, so the few that are here already are told in the way that makes a client come back at once. */
static bool answer_plain(void *context, const char *head, size_t length, struct sk_buffer *out)
{
    const struct sk_server *server = context;
    const struct sk_relay *relay = server->relay;
    const struct sk_page_facts facts = {
        .draining = relay->draining,
        .turns_away = relay->draining && !relay->config->relay_share_port,
        .redis = sk_redis_link_ready(relay->hub.commands) && sk_redis_link_ready(relay->hub.subscriptions),
    };
    return sk_page_answer(head, length, &facts, out);
}

/* Where a connection comes from, as far as that is known: a proxy that does not say for whom it speaks speaks for too
 * many to be counted as one. */
static struct sk_household *household_of(struct sk_server *server, const char *peer, const char *bytes, size_t length)
{
    char address[SK_ADDRESS_BYTES];
    char name[SK_ADDRESS_BYTES];
    struct sk_buffer forwarded = {.data = NULL};
    struct sk_household *household = NULL;
    sk_handshake_field(bytes, sk_handshake_length(bytes, length), "X-Forwarded-For", &forwarded);
    sk_caller_address(peer, sk_buffer_text(&forwarded), server->trusted, address);
    if (sk_network_is_address(address) && !sk_network_contains(server->trusted, address)) {
        sk_network_owner(address, name, sizeof name);
        household = sk_guard_hold(server->guard, name);
    }
    sk_buffer_clear(&forwarded);
    return household;
}

static int wrap(void *context, int fd)
{
    const struct sk_server *server = context;
    return sk_tls_wrap(server->tls, fd);
}

static void free_visitor(struct sk_server *server, struct visitor *visitor)
{
    if (visitor != NULL) {
        sk_guard_release(server->guard, visitor->household);
        free(visitor);
    }
}

/* The head that the porch has judged, written anew, and whatever came behind it. */
static void write_request(const char *bytes, size_t length, struct sk_buffer *out)
{
    struct sk_request_line line;
    size_t head_bytes = sk_handshake_length(bytes, length);
    if (sk_handshake_read_line(bytes, head_bytes, &line)) {
        sk_handshake_rewrite(bytes, head_bytes, &line, out);
        sk_buffer_append(out, bytes + head_bytes, length - head_bytes);
    }
}

/* A connection whose request is there goes to libwebsockets, which closes what it does not want. */
static void hand_on(void *context, int fd, const char *peer, const char *bytes, size_t length)
{
    struct sk_server *server = context;
    struct sk_buffer request = {.data = NULL};
    write_request(bytes, length, &request);
    struct visitor *visitor = calloc(1, sizeof *visitor);
    if (server->context == NULL || visitor == NULL || request.failed || request.length == 0) {
        (void)close(fd);
        free(visitor);
        sk_buffer_clear(&request);
        return;
    }
    visitor->household = server->guard != NULL ? household_of(server, peer, bytes, length) : NULL;
    visitor->came_at_us = sk_monotonic_us();
    server->coming = visitor;
    (void)lws_adopt_socket_vhost_readbuf(lws_get_vhost_by_name(server->context, "default"), fd, request.data,
                                         request.length);
    free_visitor(server, server->coming); /* where libwebsockets did not even begin */
    server->coming = NULL;
    sk_buffer_clear(&request);
}

static void carry_visitor(struct lws *wsi)
{
    struct sk_server *server = server_of(wsi);
    struct visitor *visitor = server->coming;
    server->coming = NULL;
    lws_set_opaque_user_data(wsi, visitor);
    if (visitor != NULL) {
        visitor->wsi = wsi;
        visitor->arriving = true;
        TAILQ_INSERT_TAIL(&server->arriving, visitor, link);
    }
}

/* It is a client now, or goes. */
static void end_arrival(struct sk_server *server, struct visitor *visitor)
{
    if (visitor != NULL && visitor->arriving) {
        visitor->arriving = false;
        TAILQ_REMOVE(&server->arriving, visitor, link);
    }
}

static void put_down_visitor(struct lws *wsi)
{
    struct sk_server *server = server_of(wsi);
    struct visitor *visitor = lws_get_opaque_user_data(wsi);
    lws_set_opaque_user_data(wsi, NULL);
    end_arrival(server, visitor);
    free_visitor(server, visitor);
}

/* Cuts off who has not become a client in time: what libwebsockets takes for something else than a WebSocket would
 * count for nothing and could stay for ever. */
static void cut_off_arrivals(struct sk_server *server, int64_t now_us)
{
    struct visitor *first = TAILQ_FIRST(&server->arriving);
    while (first != NULL && now_us - first->came_at_us >= ARRIVAL_US) {
        end_arrival(server, first);
        lws_set_timeout(first->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
        lws_cancel_service(server->context);
        first = TAILQ_FIRST(&server->arriving);
    }
}

/* --- connections ----------------------------------------------------------------------------------------------------
 */

static void read_target(struct lws *wsi, struct sk_target *target)
{
    char path[128] = "";
    char argument[HEAD_BYTES];
    if (lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI) < 0) {
        path[0] = '\0'; /* longer than any route of ours */
    }
    sk_target_read_path(target, path);
    for (int i = 0; i < ARGUMENTS_MAX; i++) {
        int length = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (length > 0 && length < (int)sizeof argument &&
            lws_hdr_copy_fragment(wsi, argument, sizeof argument, WSI_TOKEN_HTTP_URI_ARGS, i) > 0) {
            sk_target_read_argument(target, path, argument);
        }
    }
}

/* Copies a header's value; "" where there is none. False: it is longer than out. */
static bool copy_header(struct lws *wsi, enum lws_token_indexes header, char *out, int bytes)
{
    out[0] = '\0';
    return lws_hdr_copy(wsi, out, bytes, header) >= 0;
}

/* The token: of Authorization (where the porch has put that of the subprotocols, too), else the query's. out has
 * TOKEN_BYTES. NULL: there is none. One that does not fit is "", which is no token either, but a wrong one. */
static const char *read_token(struct lws *wsi, char *out)
{
    static const char name[] = "token=";
    if (!copy_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, out, TOKEN_BYTES)) {
        return "";
    }
    const char *token = sk_token_bearer(out);
    for (int i = 0; !token && i < ARGUMENTS_MAX; i++) {
        int length = lws_hdr_copy_fragment(wsi, out, TOKEN_BYTES, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (length > 0 && strncmp(out, name, sizeof name - 1) == 0) {
            token = out + sizeof name - 1;
        }
    }
    return token;
}

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
    char origin[256];
    char token[TOKEN_BYTES];
    set_up_socket(lws_get_socket_fd(wsi));
    struct visitor *visitor = lws_get_opaque_user_data(wsi);
    end_arrival(server_of(wsi), visitor);
    session->peer_code = 0;
    session->client = sk_client_new(server_of(wsi)->relay, wsi, visitor != NULL ? visitor->household : NULL);
    if (session->client == NULL) {
        return -1;
    }
    read_target(wsi, &visit.target);
    visit.origin = copy_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin) ? origin : "null";
    visit.token = read_token(wsi, token);
    sk_client_begin(session->client, &visit);
    explicit_bzero(token, sizeof token);
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
    client->relay->sent[frame->type]++;
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
        carry_visitor(wsi);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        put_down_visitor(wsi);
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

/* --- what the clients ask of their sockets --------------------------------------------------------------------------
 */

/* Sends what waits without waiting for the turn to write, as long as libwebsockets keeps nothing back of what it was
 * given before. That is more than it promises, but it costs half as much for many clients, and a client that keeps up
 * is told every state, also where several come at once. What a full socket leaves behind of one frame, libwebsockets
 * keeps; the next frame waits in the outbox. */
static void send_at_once(struct sk_client *client)
{
    if (!client->greeted || client->close_code != SK_CLOSE_NONE || client->peer_closing) {
        return;
    }
    while (sk_outbox_first(&client->outbox) != NULL && lws_partial_buffered(client->socket) == 0) {
        if (!send_first(client->socket, client)) {
            sk_server_drop(client);
            return;
        }
    }
}

void sk_server_request_write(struct sk_client *client)
{
    if (client->socket == NULL) {
        return;
    }
    send_at_once(client);
    if (sk_outbox_first(&client->outbox) == NULL && !client->ping_due && client->close_code == SK_CLOSE_NONE) {
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
    return client->socket == NULL ? 0 : sk_inflow_bytes(lws_get_socket_fd(client->socket));
}

/* --- life -----------------------------------------------------------------------------------------------------------
 */

/* What libwebsockets calls an error is mostly a client's doing, so nothing of it is more than a warning here. */
static void log_line(int level, const char *line)
{
    char text[256];
    (void)level;
    if (strstr(line, "adopt_socket_readbuf: ") != NULL) {
        return; /* 4.1 says so of each connection that comes with its request */
    }
    (void)snprintf(text, sizeof text, "%.*s", (int)strcspn(line, "\n"), line);
    sk_log(SK_LOG_WARN, "libwebsockets", SK_S("text", text));
}

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

/* Listens on BIND:RELAY_PORT. */
static enum sk_code listen_at(const struct sk_config *config, int *fd, struct sk_error *error)
{
    static const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                          .ai_socktype = SOCK_STREAM};
    struct addrinfo *address = NULL;
    char port[16];
    int on = 1;
    (void)snprintf(port, sizeof port, "%lld", (long long)config->relay_port);
    if (getaddrinfo(config->bind, port, &hints, &address) != 0) {
        return sk_fail(error, SK_VALIDATION_ERROR, "BIND is no address: %s", config->bind);
    }
    *fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool usable = *fd >= 0 && setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                  (!config->relay_share_port || setsockopt(*fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
                  bind(*fd, address->ai_addr, address->ai_addrlen) == 0 && listen(*fd, SK_PORCH_BACKLOG) == 0;
    int reason = errno;
    freeaddrinfo(address);
    if (usable) {
        return SK_OK;
    }
    if (*fd >= 0) {
        (void)close(*fd);
    }
    return sk_fail(error, SK_VALIDATION_ERROR, "cannot listen on %s port %s: %s", config->bind, port, strerror(reason));
}

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
        .max_http_header_data2 = HEAD_BYTES,
        .pt_serv_buf_size = TX_BYTES,
        .retry_and_idle_policy = &no_policy,
        .server_string = "synckairos",
    };
    lws_set_log_level(LLL_ERR | LLL_WARN, log_line);
    return lws_create_context(&info);
}

/* Nobody but this host can reach a relay without keys, and nobody speaks for others then. */
static bool open_guard(struct sk_server *server)
{
    const struct sk_relay *relay = server->relay;
    server->trusted = sk_keyring_is_unset(relay->keyring) ? "" : relay->config->trusted_proxies;
    server->guard = relay->config->relay_max_per_address > 0 ? sk_guard_new() : NULL;
    return server->guard != NULL || relay->config->relay_max_per_address == 0;
}

static enum sk_code open_tls(struct sk_relay *relay, struct sk_tls **tls, struct sk_error *error)
{
    const char *chain_file = relay->config->relay_tls_cert_file;
    if (chain_file[0] == '\0') {
        return SK_OK;
    }
    return sk_tls_open(&relay->loop, chain_file, relay->config->relay_tls_key_file, tls, error);
}

enum sk_code sk_server_open(struct sk_relay *relay, struct sk_server **server, struct sk_error *error)
{
    int fd = -1;
    enum sk_code code = listen_at(relay->config, &fd, error);
    if (code != SK_OK) {
        return code;
    }
    struct sk_server *made = calloc(1, sizeof *made);
    if (made == NULL) {
        (void)close(fd);
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    made->relay = relay;
    TAILQ_INIT(&made->arriving);
    code = open_tls(relay, &made->tls, error);
    if (code != SK_OK) {
        (void)close(fd);
        free(made);
        return code;
    }
    made->context = open_guard(made) ? make_context(made) : NULL;
    if (made->context == NULL) {
        (void)close(fd);
        sk_guard_free(made->guard);
        free(made);
        return sk_fail(error, SK_INTERNAL_ERROR, "libwebsockets cannot start; is its libuv plugin installed?");
    }
    made->porch = sk_porch_open(&relay->loop, &(struct sk_porch_options){.fd = fd,
                                                                         .rate = relay->config->relay_accept_rate,
                                                                         .trusted = made->trusted,
                                                                         .wrap = made->tls != NULL ? wrap : NULL,
                                                                         .answer = answer_plain,
                                                                         .hand_on = hand_on,
                                                                         .context = made});
    *server = made;
    return made->porch != NULL ? SK_OK : sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
}

void sk_server_tick(struct sk_server *server, int64_t now_us)
{
    sk_porch_tick(server->porch, now_us);
    cut_off_arrivals(server, now_us);
}

void sk_server_stop_accepting(struct sk_server *server)
{
    sk_porch_stop(server->porch);
}

size_t sk_server_guests(const struct sk_server *server)
{
    return sk_porch_count(server->porch);
}

void sk_server_close(struct sk_server *server)
{
    if (server == NULL) {
        return;
    }
    sk_porch_close(server->porch);
    if (server->context != NULL) {
        lws_context_destroy(server->context);
    }
    sk_tls_close(server->tls);
}

void sk_server_free(struct sk_server *server)
{
    /* With a loop that is not its own, libwebsockets needs a second call once its handles are closed. */
    sk_server_close(server);
    if (server != NULL) {
        sk_porch_free(server->porch);
        sk_tls_free(server->tls);
        sk_guard_free(server->guard);
    }
    free(server);
}
