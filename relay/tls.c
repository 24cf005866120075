/* Owns the certificate, all connections, and what runs on the loop apart from them: the sweeper. */
#include "relay/tls.h"

#include "common/log.h"
#include "common/server_clock.h"
#include "relay/certificate.h"
#include "relay/inflow.h"
#include "relay/tls_parts.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define US_PER_MS INT64_C(1000)
#define SWEEP_MS 250
#define PAIR_QUEUE_BYTES 16384            /* in the kernel between the pump and libwebsockets, each way */
#define NETWORK_SEND_QUEUE_BYTES 32768    /* … for a peer that does not read; it takes up to twice as much */
#define NETWORK_RECEIVE_QUEUE_BYTES 16384 /* … for a peer that says more than is read */

/* None of it is vital. The send queues are what a peer that reads nothing costs (relay/server.c). */
static void set_up_sockets(int network, const int pair[2])
{
    static const int on = 1;
    static const int send_bytes = NETWORK_SEND_QUEUE_BYTES;
    static const int receive_bytes = NETWORK_RECEIVE_QUEUE_BYTES;
    static const int pair_bytes = PAIR_QUEUE_BYTES;
    (void)setsockopt(network, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(network, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes);
    (void)setsockopt(network, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    (void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &pair_bytes, sizeof pair_bytes);
    (void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &pair_bytes, sizeof pair_bytes);
}

int sk_tls_wrap(struct sk_tls *tls, int fd)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        int reason = errno;
        (void)close(fd);
        errno = reason;
        return -1;
    }
    set_up_sockets(fd, pair);
    if (sk_tls_begin(tls, fd, pair)) {
        return pair[1];
    }
    (void)close(fd);
    (void)close(pair[0]);
    (void)close(pair[1]);
    errno = ENOMEM;
    return -1;
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static void on_sweep(uv_timer_t *timer)
{
    struct sk_tls *tls = timer->data;
    struct sk_tls_connection *connection = LIST_FIRST(&tls->connections);
    int64_t now_us = sk_monotonic_us();
    while (connection != NULL) {
        struct sk_tls_connection *next = LIST_NEXT(connection, link);
        if (connection->leave_by_us != 0 && now_us >= connection->leave_by_us) {
            sk_tls_cut(connection);
        }
        connection = next;
    }
}

uint64_t sk_tls_received_bytes(const struct sk_tls *tls, int plain)
{
    bool known = plain >= 0 && (size_t)plain < tls->by_wrapped_size && tls->by_wrapped[plain] != NULL;
    return known ? sk_inflow_bytes(tls->by_wrapped[plain]->network.fd) : 0;
}

/* Connections that stand keep the context they came with: OpenSSL counts who uses it. */
void sk_tls_reload(struct sk_tls *tls)
{
    struct sk_error error = {.code = SK_OK};
    SSL_CTX *context = NULL;
    if (sk_certificate_load(tls->chain_file, tls->key_file, &context, &error) != SK_OK) {
        sk_log(SK_LOG_ERROR, "the certificate stays as it was", SK_S("why", error.text));
        return;
    }
    SSL_CTX_free(tls->context);
    tls->context = context;
    sk_log(SK_LOG_INFO, "certificate read again");
}

static bool start_sweeper(struct sk_tls *tls)
{
    tls->sweeper.data = tls;
    return uv_timer_init(tls->loop, &tls->sweeper) == 0 &&
           uv_timer_start(&tls->sweeper, on_sweep, SWEEP_MS, SWEEP_MS) == 0;
}

enum sk_code sk_tls_open(uv_loop_t *loop, const char *chain_file, const char *key_file, struct sk_tls **tls,
                         struct sk_error *error)
{
    SSL_CTX *context = NULL;
    enum sk_code code = sk_certificate_load(chain_file, key_file, &context, error);
    if (code != SK_OK) {
        return code;
    }
    struct sk_tls *made = calloc(1, sizeof *made);
    if (made == NULL) {
        SSL_CTX_free(context);
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    made->loop = loop;
    made->chain_file = chain_file;
    made->key_file = key_file;
    made->context = context;
    LIST_INIT(&made->connections);
    *tls = made;
    return start_sweeper(made) ? SK_OK : sk_fail(error, SK_INTERNAL_ERROR, "the event loop takes no timer");
}

/* The sweeper is needed for as long as there is anybody. */
void sk_tls_finish(struct sk_tls *tls)
{
    if (tls->closing && tls->count == 0) {
        uv_close((uv_handle_t *)&tls->sweeper, NULL);
    }
}

void sk_tls_close(struct sk_tls *tls)
{
    if (tls == NULL || tls->closing) {
        return;
    }
    int64_t leave_by_us = sk_monotonic_us() + SK_TLS_LINGER_MS / 2 * US_PER_MS;
    struct sk_tls_connection *connection = NULL;
    tls->closing = true;
    LIST_FOREACH(connection, &tls->connections, link)
    {
        sk_tls_leave(connection, leave_by_us);
    }
    sk_tls_finish(tls);
}

void sk_tls_free(struct sk_tls *tls)
{
    if (tls != NULL) {
        SSL_CTX_free(tls->context);
        free(tls->by_wrapped);
        free(tls);
    }
}
