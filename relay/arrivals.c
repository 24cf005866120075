/* Owns the porch, the TLS, the guard, and a record of each connection until libwebsockets forgets it. */
#include "relay/arrivals.h"

#include "common/caller.h"
#include "common/log.h"
#include "common/network.h"
#include "common/server_clock.h"
#include "relay/guard.h"
#include "relay/handshake.h"
#include "relay/inflow.h"
#include "relay/page.h"
#include "relay/porch.h"
#include "relay/relay.h"
#include "relay/tls.h"

#include <errno.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define ARRIVAL_US INT64_C(5000000)

/* A connection in libwebsockets' hands, from its first callback to its last one. */
struct visitor {
    TAILQ_ENTRY(visitor) link; /* of those that are no clients yet */
    struct lws *wsi;
    struct sk_household *household; /* where it comes from; NULL: not counted */
    int64_t came_at_us;
    bool arriving;
};

struct sk_arrivals {
    struct sk_relay *relay;
    struct lws_context *context;            /* takes those who ask for a WebSocket; borrowed */
    int fd;                                 /* the listening socket until there is a porch, which takes it; -1: none */
    struct sk_porch *porch;                 /* where connections come in */
    struct sk_tls *tls;                     /* NULL: they are plain */
    struct sk_guard *guard;                 /* NULL: connections are not counted by where they come from */
    const char *trusted;                    /* proxies that are believed; borrowed */
    struct visitor *coming;                 /* whom libwebsockets is just being given */
    TAILQ_HEAD(visitors, visitor) arriving; /* by when they came */
};

/* --- from the porch to libwebsockets ------------------------------------------------------------------------------ */

/* Requests that are no upgrade do not reach libwebsockets. While the port is the relay's alone, who comes in a drain is
 * sent away before an upgrade: a balancer in front tries another one. Where it is shared, the next upgrade is another
 * relay's, so the few that are here already are told in the way that makes a client come back at once. */
static bool answer_plain(void *context, const char *peer, const char *head, size_t length, struct sk_buffer *out)
{
    const struct sk_arrivals *arrivals = context;
    const struct sk_relay *relay = arrivals->relay;
    const struct sk_page_facts facts = {
        .draining = relay->draining,
        .turns_away = relay->draining && !relay->config->relay_share_port,
        .redis = sk_redis_link_ready(relay->hub.commands) && sk_redis_link_ready(relay->hub.subscriptions),
        .metrics = sk_network_is_loopback(peer) || sk_network_contains(relay->config->metrics_network, peer),
        .readings = sk_relay_readings_last(&relay->readings),
    };
    return sk_page_answer(head, length, &facts, out);
}

/* Where a connection comes from, as far as that is known: a proxy that does not say for whom it speaks speaks for too
 * many to be counted as one. */
static struct sk_household *household_of(struct sk_arrivals *arrivals, const char *peer, const char *bytes,
                                         size_t length)
{
    char address[SK_ADDRESS_BYTES];
    char name[SK_ADDRESS_BYTES];
    struct sk_buffer forwarded = {.data = NULL};
    struct sk_household *household = NULL;
    sk_handshake_field(bytes, sk_handshake_length(bytes, length), "X-Forwarded-For", &forwarded);
    sk_caller_address(peer, sk_buffer_text(&forwarded), arrivals->trusted, address);
    if (sk_network_is_address(address) && !sk_network_contains(arrivals->trusted, address)) {
        sk_network_owner(address, name, sizeof name);
        household = sk_guard_hold(arrivals->guard, name);
    }
    sk_buffer_clear(&forwarded);
    return household;
}

static int wrap(void *context, int fd)
{
    const struct sk_arrivals *arrivals = context;
    return sk_tls_wrap(arrivals->tls, fd);
}

static void free_visitor(struct sk_arrivals *arrivals, struct visitor *visitor)
{
    if (visitor != NULL) {
        sk_guard_release(arrivals->guard, visitor->household);
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
    struct sk_arrivals *arrivals = context;
    struct sk_buffer request = {.data = NULL};
    write_request(bytes, length, &request);
    struct visitor *visitor = calloc(1, sizeof *visitor);
    if (visitor == NULL || request.failed || request.length == 0) {
        (void)close(fd);
        free(visitor);
        sk_buffer_clear(&request);
        return;
    }
    visitor->household = arrivals->guard != NULL ? household_of(arrivals, peer, bytes, length) : NULL;
    visitor->came_at_us = sk_monotonic_us();
    arrivals->coming = visitor;
    (void)lws_adopt_socket_vhost_readbuf(lws_get_vhost_by_name(arrivals->context, "default"), fd, request.data,
                                         request.length);
    free_visitor(arrivals, arrivals->coming); /* where libwebsockets did not even begin */
    arrivals->coming = NULL;
    sk_buffer_clear(&request);
}

void sk_arrivals_begin(struct sk_arrivals *arrivals, struct lws *wsi)
{
    struct visitor *visitor = arrivals->coming;
    arrivals->coming = NULL;
    lws_set_opaque_user_data(wsi, visitor);
    if (visitor != NULL) {
        visitor->wsi = wsi;
        visitor->arriving = true;
        TAILQ_INSERT_TAIL(&arrivals->arriving, visitor, link);
    }
}

/* It is a client now, or goes. */
static void end_arrival(struct sk_arrivals *arrivals, struct visitor *visitor)
{
    if (visitor != NULL && visitor->arriving) {
        visitor->arriving = false;
        TAILQ_REMOVE(&arrivals->arriving, visitor, link);
    }
}

struct sk_household *sk_arrivals_arrived(struct sk_arrivals *arrivals, struct lws *wsi)
{
    struct visitor *visitor = lws_get_opaque_user_data(wsi);
    end_arrival(arrivals, visitor);
    return visitor != NULL ? visitor->household : NULL;
}

void sk_arrivals_forget(struct sk_arrivals *arrivals, struct lws *wsi)
{
    struct visitor *visitor = lws_get_opaque_user_data(wsi);
    lws_set_opaque_user_data(wsi, NULL);
    end_arrival(arrivals, visitor);
    free_visitor(arrivals, visitor);
}

/* Cuts off who has not become a client in time: what libwebsockets takes for something else than a WebSocket would
 * count for nothing and could stay for ever. */
static void cut_off(struct sk_arrivals *arrivals, int64_t now_us)
{
    struct visitor *first = TAILQ_FIRST(&arrivals->arriving);
    while (first != NULL && now_us - first->came_at_us >= ARRIVAL_US) {
        end_arrival(arrivals, first);
        lws_set_timeout(first->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
        lws_cancel_service(arrivals->context);
        first = TAILQ_FIRST(&arrivals->arriving);
    }
}

/* --- life --------------------------------------------------------------------------------------------------------- */

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

/* Nobody but this host can reach a relay without keys, and nobody speaks for others then. */
static bool open_guard(struct sk_arrivals *arrivals)
{
    const struct sk_relay *relay = arrivals->relay;
    arrivals->trusted = sk_keyring_is_unset(relay->keyring) ? "" : relay->config->trusted_proxies;
    arrivals->guard = relay->config->relay_max_per_address > 0 ? sk_guard_new() : NULL;
    return arrivals->guard != NULL || relay->config->relay_max_per_address == 0;
}

static enum sk_code open_tls(struct sk_relay *relay, struct sk_tls **tls, struct sk_error *error)
{
    const char *chain_file = relay->config->relay_tls_cert_file;
    if (chain_file[0] == '\0') {
        return SK_OK;
    }
    return sk_tls_open(&relay->loop, chain_file, relay->config->relay_tls_key_file, tls, error);
}

static void close_listener(struct sk_arrivals *arrivals)
{
    if (arrivals->fd >= 0) {
        (void)close(arrivals->fd);
        arrivals->fd = -1;
    }
}

enum sk_code sk_arrivals_open(struct sk_relay *relay, struct sk_arrivals **arrivals, struct sk_error *error)
{
    struct sk_arrivals *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    made->relay = relay;
    made->fd = -1;
    TAILQ_INIT(&made->arriving);
    enum sk_code code = listen_at(relay->config, &made->fd, error);
    code = code == SK_OK ? open_tls(relay, &made->tls, error) : code;
    if (code == SK_OK && !open_guard(made)) {
        code = sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    if (code != SK_OK) {
        close_listener(made);
        free(made);
        return code;
    }
    *arrivals = made;
    return SK_OK;
}

bool sk_arrivals_start(struct sk_arrivals *arrivals, struct lws_context *context)
{
    const struct sk_config *config = arrivals->relay->config;
    arrivals->context = context;
    arrivals->porch =
        sk_porch_open(&arrivals->relay->loop, &(struct sk_porch_options){.fd = arrivals->fd,
                                                                         .rate = config->relay_accept_rate,
                                                                         .trusted = arrivals->trusted,
                                                                         .wrap = arrivals->tls != NULL ? wrap : NULL,
                                                                         .answer = answer_plain,
                                                                         .hand_on = hand_on,
                                                                         .context = arrivals});
    arrivals->fd = -1;
    return arrivals->porch != NULL;
}

uint64_t sk_arrivals_received_bytes(const struct sk_arrivals *arrivals, int fd)
{
    return arrivals->tls != NULL ? sk_tls_received_bytes(arrivals->tls, fd) : sk_inflow_bytes(fd);
}

void sk_arrivals_reload(struct sk_arrivals *arrivals)
{
    if (arrivals->tls != NULL) {
        sk_tls_reload(arrivals->tls);
    } else {
        sk_log(SK_LOG_INFO, "there is no certificate to read again");
    }
}

void sk_arrivals_tick(struct sk_arrivals *arrivals, int64_t now_us)
{
    sk_porch_tick(arrivals->porch, now_us);
    cut_off(arrivals, now_us);
}

void sk_arrivals_stop(struct sk_arrivals *arrivals)
{
    sk_porch_stop(arrivals->porch);
}

size_t sk_arrivals_guests(const struct sk_arrivals *arrivals)
{
    return sk_porch_count(arrivals->porch);
}

void sk_arrivals_close(struct sk_arrivals *arrivals)
{
    if (arrivals != NULL) {
        sk_porch_close(arrivals->porch);
        sk_tls_close(arrivals->tls);
    }
}

void sk_arrivals_free(struct sk_arrivals *arrivals)
{
    if (arrivals != NULL) {
        close_listener(arrivals);
        sk_porch_free(arrivals->porch);
        sk_tls_free(arrivals->tls);
        sk_guard_free(arrivals->guard);
    }
    free(arrivals);
}
