/* One TLS connection: the pump between its socket of the network and its plain one. Owns both, and never looks at what
 * the bytes mean. */
#include "common/log.h"
#include "common/server_clock.h"
#include "relay/inflow.h"
#include "relay/tls_parts.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define US_PER_MS INT64_C(1000)

/* --- life and death of a connection ------------------------------------------------------------------------------- */

static void set_stage(struct sk_tls_connection *connection, enum sk_tls_stage stage)
{
    connection->stage = stage;
}

static void forget_rest(struct sk_tls_rest *rest)
{
    free(rest->bytes);
    *rest = (struct sk_tls_rest){.bytes = NULL};
}

static void free_connection(struct sk_tls_connection *connection)
{
    SSL_free(connection->ssl);
    forget_rest(&connection->inbound);
    forget_rest(&connection->outbound);
    free(connection);
}

static void on_end_closed(uv_handle_t *handle)
{
    struct sk_tls_connection *connection = handle->data;
    if (--connection->handles == 0) {
        free_connection(connection);
    }
}

static void close_end(struct sk_tls_end *end)
{
    uv_close((uv_handle_t *)&end->poll, on_end_closed);
    (void)close(end->fd);
}

static void destroy(struct sk_tls_connection *connection)
{
    struct sk_tls *tls = connection->tls;
    LIST_REMOVE(connection, link);
    tls->count--;
    if (tls->by_wrapped[connection->wrapped] == connection) {
        tls->by_wrapped[connection->wrapped] = NULL;
    }
    close_end(&connection->network);
    close_end(&connection->plain);
    sk_tls_finish(tls);
}

/* With a reset: else the kernel would keep for minutes what a peer that reads nothing has not taken. */
void sk_tls_cut(struct sk_tls_connection *connection)
{
    static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(connection->network.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    destroy(connection);
}

void sk_tls_leave(struct sk_tls_connection *connection, int64_t by_us)
{
    if (connection->leave_by_us == 0) {
        connection->leave_bytes = sk_inflow_bytes(connection->network.fd);
        connection->leave_by_us = by_us;
    } else if (by_us < connection->leave_by_us) {
        connection->leave_by_us = by_us;
    }
}

static void leave_soon(struct sk_tls_connection *connection)
{
    sk_tls_leave(connection, sk_monotonic_us() + SK_TLS_LINGER_MS * US_PER_MS);
}

/* Nobody listens to it any more, and reading it costs as much as if somebody did. */
static bool talks_on(const struct sk_tls_connection *connection)
{
    return connection->leave_by_us != 0 &&
           sk_inflow_bytes(connection->network.fd) > connection->leave_bytes + SK_TLS_LINGER_BYTES;
}

/* --- the handshake and the farewell ------------------------------------------------------------------------------- */

/* What the last call on the connection waits for: an uv_poll event. 0: it has failed, for good. */
static int awaited(const struct sk_tls_connection *connection, int result)
{
    switch (SSL_get_error(connection->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return UV_READABLE;
    case SSL_ERROR_WANT_WRITE:
        return UV_WRITABLE;
    default:
        return 0;
    }
}

/* Says no more; close() at once would throw away what the peer has not read. */
static void begin_linger(struct sk_tls_connection *connection)
{
    leave_soon(connection);
    bool said = shutdown(connection->network.fd, SHUT_WR) == 0;
    set_stage(connection, said ? SK_TLS_LINGER : SK_TLS_GONE);
}

static void shake_hands(struct sk_tls_connection *connection)
{
    ERR_clear_error();
    int result = SSL_do_handshake(connection->ssl);
    if (result == 1) {
        set_stage(connection, SK_TLS_OPEN);
        return;
    }
    connection->read_waits = awaited(connection, result);
    if (connection->read_waits == 0) {
        const char *reason = ERR_reason_error_string(ERR_peek_error());
        sk_log(SK_LOG_DEBUG, "no TLS handshake", SK_S("why", reason));
        begin_linger(connection); /* OpenSSL has sent its alert */
    }
}

static void say_farewell(struct sk_tls_connection *connection)
{
    ERR_clear_error();
    int result = SSL_shutdown(connection->ssl);
    connection->write_waits = result < 0 ? awaited(connection, result) : 0;
    if (connection->write_waits == 0) {
        begin_linger(connection);
    }
}

/* The peer's last words are not for anybody. */
static void linger(struct sk_tls_connection *connection)
{
    struct sk_tls *tls = connection->tls;
    ssize_t got = recv(connection->network.fd, tls->block, sizeof tls->block, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        set_stage(connection, SK_TLS_GONE);
    }
}

/* While no bytes go through: whether the plain side has been given up. */
static bool is_given_up(const struct sk_tls_connection *connection)
{
    char byte = 0;
    if (connection->plain_ended) {
        return false;
    }
    ssize_t got = recv(connection->plain.fd, &byte, 1, MSG_PEEK);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

/* Keeps what is left of the block. False: out of memory. */
static bool keep_rest(struct sk_tls_rest *rest, const char *bytes, size_t length)
{
    if (length == 0) {
        return true;
    }
    rest->bytes = malloc(length);
    if (rest->bytes != NULL) {
        memcpy(rest->bytes, bytes, length);
        rest->length = length;
    }
    return rest->bytes != NULL;
}

static void took_of_rest(struct sk_tls_rest *rest, size_t length)
{
    rest->from += length;
    rest->length -= length;
    if (rest->length == 0) {
        forget_rest(rest);
    }
}

/* Encrypts and sends what the network takes of it: how much that is. The connection is gone where it broke. */
static size_t write_network(struct sk_tls_connection *connection, const char *bytes, size_t length)
{
    size_t done = 0;
    while (done < length) {
        size_t written = 0;
        ERR_clear_error();
        int result = SSL_write_ex(connection->ssl, bytes + done, length - done, &written);
        if (result != 1) {
            connection->write_waits = awaited(connection, result);
            if (connection->write_waits == 0) {
                set_stage(connection, SK_TLS_GONE);
            }
            break;
        }
        done += written;
    }
    return done;
}

/* Hands to the plain side what it takes: how much that is. Where it listens no more, everything. */
static size_t write_plain(struct sk_tls_connection *connection, const char *bytes, size_t length)
{
    ssize_t sent = send(connection->plain.fd, bytes, length, MSG_NOSIGNAL);
    if (sent >= 0) {
        return (size_t)sent;
    }
    return errno == EAGAIN || errno == EINTR ? 0 : length;
}

/* To the network: first what is left, then one block more. One, so that others have their turn. */
static void carry_out(struct sk_tls_connection *connection)
{
    struct sk_tls *tls = connection->tls;
    struct sk_tls_rest *rest = &connection->outbound;
    if (rest->bytes != NULL) {
        took_of_rest(rest, write_network(connection, rest->bytes + rest->from, rest->length));
    }
    if (rest->bytes != NULL || connection->plain_ended || connection->stage != SK_TLS_OPEN) {
        return;
    }
    ssize_t got = recv(connection->plain.fd, tls->block, sizeof tls->block, 0);
    if (got > 0) {
        size_t sent = write_network(connection, tls->block, (size_t)got);
        if (!keep_rest(rest, tls->block + sent, (size_t)got - sent)) {
            set_stage(connection, SK_TLS_GONE);
        }
        OPENSSL_cleanse(tls->block, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        connection->plain_ended = true; /* also by a reset, which is how it ends when it has not read everything */
        leave_soon(connection);
    }
}

/* The peer has ended; the plain side is told once it has got everything. */
static void end_inbound(struct sk_tls_connection *connection)
{
    connection->network_ended = true;
    (void)shutdown(connection->plain.fd, SHUT_WR);
}

/* From the network, likewise. */
static void carry_in(struct sk_tls_connection *connection)
{
    struct sk_tls *tls = connection->tls;
    struct sk_tls_rest *rest = &connection->inbound;
    size_t got = 0;
    if (rest->bytes != NULL) {
        took_of_rest(rest, write_plain(connection, rest->bytes + rest->from, rest->length));
    }
    if (rest->bytes != NULL || connection->network_ended) {
        return;
    }
    ERR_clear_error();
    int result = SSL_read_ex(connection->ssl, tls->block, sizeof tls->block, &got);
    if (result == 1) {
        size_t sent = write_plain(connection, tls->block, got);
        if (!keep_rest(rest, tls->block + sent, got - sent)) {
            set_stage(connection, SK_TLS_GONE);
        }
        OPENSSL_cleanse(tls->block, got);
        connection->read_waits = UV_READABLE;
        return;
    }
    connection->read_waits = awaited(connection, result);
    if ((SSL_get_shutdown(connection->ssl) & SSL_RECEIVED_SHUTDOWN) != 0) {
        end_inbound(connection);
    } else if (connection->read_waits == 0) {
        set_stage(connection, SK_TLS_GONE);
    }
}

/* --- turns -------------------------------------------------------------------------------------------------------- */

static void on_network(uv_poll_t *poll, int status, int events);
static void on_plain(uv_poll_t *poll, int status, int events);

static void wait_for(struct sk_tls_connection *connection, struct sk_tls_end *end, int events, uv_poll_cb callback)
{
    if (events == end->events) {
        return;
    }
    end->events = events;
    int failed = events == 0 ? uv_poll_stop(&end->poll) : uv_poll_start(&end->poll, events, callback);
    if (failed != 0) {
        set_stage(connection, SK_TLS_GONE);
    }
}

static int network_events(const struct sk_tls_connection *connection)
{
    int events = 0;
    switch (connection->stage) {
    case SK_TLS_HANDSHAKE:
        return connection->read_waits;
    case SK_TLS_OPEN:
        events |= connection->network_ended || connection->inbound.bytes != NULL ? 0 : connection->read_waits;
        events |= connection->outbound.bytes != NULL ? connection->write_waits : 0;
        return events;
    case SK_TLS_FAREWELL:
        return connection->write_waits;
    case SK_TLS_LINGER:
        return UV_READABLE;
    case SK_TLS_GONE:
        break;
    }
    return 0;
}

/* A plain side that hangs up while the network takes nothing must be noticed, but not again and again. */
static int plain_events(const struct sk_tls_connection *connection)
{
    if (connection->plain_ended) {
        return connection->inbound.bytes != NULL && connection->stage == SK_TLS_OPEN ? UV_WRITABLE : 0;
    }
    if (connection->outbound.bytes == NULL) {
        return connection->inbound.bytes != NULL ? UV_READABLE | UV_WRITABLE : UV_READABLE;
    }
    int writable = connection->inbound.bytes != NULL ? UV_WRITABLE : 0;
    return connection->plain_hung_up ? writable : writable | UV_DISCONNECT;
}

static void carry(struct sk_tls_connection *connection)
{
    carry_out(connection);
    if (connection->stage == SK_TLS_OPEN) {
        carry_in(connection);
    }
    if (connection->stage == SK_TLS_OPEN && connection->plain_ended && connection->outbound.bytes == NULL) {
        set_stage(connection, SK_TLS_FAREWELL);
    }
}

/* Does what can be done now, and waits for the rest. The connection may be destroyed when this returns. */
static void turn(struct sk_tls_connection *connection)
{
    bool quiet = connection->stage == SK_TLS_HANDSHAKE || connection->stage == SK_TLS_LINGER;
    if ((quiet && is_given_up(connection)) || talks_on(connection)) {
        destroy(connection);
        return;
    }
    if (connection->stage == SK_TLS_HANDSHAKE) {
        shake_hands(connection);
    }
    if (connection->stage == SK_TLS_OPEN) {
        carry(connection);
    }
    if (connection->stage == SK_TLS_FAREWELL) {
        say_farewell(connection);
    }
    if (connection->stage == SK_TLS_LINGER) {
        linger(connection);
    }
    if (connection->stage != SK_TLS_GONE) {
        wait_for(connection, &connection->network, network_events(connection), on_network);
        wait_for(connection, &connection->plain, plain_events(connection), on_plain);
    }
    if (connection->stage == SK_TLS_GONE) {
        destroy(connection);
    }
}

static void on_network(uv_poll_t *poll, int status, int events)
{
    struct sk_tls_connection *connection = poll->data;
    (void)events;
    if (status == 0) {
        turn(connection);
    } else {
        destroy(connection); /* a reset, or the like */
    }
}

/* After an error libuv watches no more: it is the plain side's reset, and what it said before is still to be read. */
static void on_plain(uv_poll_t *poll, int status, int events)
{
    struct sk_tls_connection *connection = poll->data;
    if (status != 0) {
        connection->plain.events = 0;
    }
    if (status != 0 || (events & UV_DISCONNECT) != 0) {
        connection->plain_hung_up = true;
        leave_soon(connection);
    }
    turn(connection);
}

/* --- new connections ---------------------------------------------------------------------------------------------- */

static bool watch(struct sk_tls_connection *connection, struct sk_tls_end *end, int fd)
{
    end->fd = fd;
    end->poll.data = connection;
    bool watched = uv_poll_init(connection->tls->loop, &end->poll, fd) == 0;
    connection->handles += watched;
    return watched;
}

static struct sk_tls_connection *new_connection(struct sk_tls *tls, int network)
{
    struct sk_tls_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        return NULL;
    }
    connection->tls = tls;
    connection->read_waits = UV_READABLE;
    connection->ssl = SSL_new(tls->context);
    if (connection->ssl == NULL || SSL_set_fd(connection->ssl, network) != 1) {
        free_connection(connection);
        return NULL;
    }
    SSL_set_accept_state(connection->ssl);
    return connection;
}

/* Makes room in the table for that descriptor. False: out of memory. */
static bool make_place(struct sk_tls *tls, int wrapped)
{
    size_t needed = (size_t)wrapped + 1;
    if (needed <= tls->by_wrapped_size) {
        return true;
    }
    size_t size = needed + tls->by_wrapped_size;
    struct sk_tls_connection **table = realloc(tls->by_wrapped, size * sizeof(struct sk_tls_connection *));
    if (table == NULL) {
        return false;
    }
    memset(table + tls->by_wrapped_size, 0, (size - tls->by_wrapped_size) * sizeof(struct sk_tls_connection *));
    tls->by_wrapped = table;
    tls->by_wrapped_size = size;
    return true;
}

bool sk_tls_begin(struct sk_tls *tls, int network, const int pair[2])
{
    struct sk_tls_connection *connection = make_place(tls, pair[1]) ? new_connection(tls, network) : NULL;
    if (connection == NULL) {
        return false;
    }
    if (!watch(connection, &connection->network, network)) {
        free_connection(connection);
        return false;
    }
    if (!watch(connection, &connection->plain, pair[0])) {
        uv_close((uv_handle_t *)&connection->network.poll, on_end_closed);
        return false;
    }
    connection->wrapped = pair[1];
    tls->by_wrapped[pair[1]] = connection;
    LIST_INSERT_HEAD(&tls->connections, connection, link);
    tls->count++;
    wait_for(connection, &connection->network, UV_READABLE, on_network);
    wait_for(connection, &connection->plain, UV_READABLE, on_plain);
    if (connection->stage == SK_TLS_GONE) {
        leave_soon(connection); /* the sweeper takes it: nothing is watched */
    }
    return true;
}
