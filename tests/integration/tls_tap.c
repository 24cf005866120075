/* The tap's threads: one that accepts, one for each connection. Owns their sockets. */
#include "tests/integration/tls_tap.h"

#include "tests/integration/check.h"
#include "tests/integration/keep.h"
#include "tests/integration/port.h"
#include "tests/integration/record.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_MS 50        /* how often a thread looks whether all is over */
#define BUFFER_BYTES 4096 /* little, so that a client that reads nothing is soon felt by the server */
#define STACK_BYTES ((size_t)256 * 1024)

struct tls_tap {
    pthread_t thread;
    SSL_CTX *context;
    int listener;
    int port;
    int server_port;
    atomic_bool ending;
    atomic_int running; /* connections' threads */
    atomic_int greeted;
    atomic_int resumed;
    atomic_int refused;
    atomic_int ended_well;
    pthread_mutex_t lock;
    SSL_SESSION *ticket; /* the newest, under the lock */
};

static const int buffer_bytes = BUFFER_BYTES;

struct line {
    struct tls_tap *tap;
    SSL *ssl;
    int plain;
    int network;
    bool plain_ended; /* the server has been told, and has the last word */
};

static int keep_ticket(SSL *ssl, SSL_SESSION *ticket)
{
    struct tls_tap *tap = SSL_get_app_data(ssl);
    pthread_mutex_lock(&tap->lock);
    SSL_SESSION_free(tap->ticket);
    tap->ticket = ticket;
    pthread_mutex_unlock(&tap->lock);
    return 1;
}

static void use_ticket(struct tls_tap *tap, SSL *ssl)
{
    pthread_mutex_lock(&tap->lock);
    if (tap->ticket) {
        SSL_set_session(ssl, tap->ticket);
    }
    pthread_mutex_unlock(&tap->lock);
}

static bool greet(struct line *line)
{
    struct tls_tap *tap = line->tap;
    line->ssl = SSL_new(tap->context);
    SSL_set_app_data(line->ssl, tap);
    use_ticket(tap, line->ssl);
    const bool greeted = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(line->ssl), "127.0.0.1") == 1 &&
                         SSL_set_fd(line->ssl, line->network) == 1 && SSL_connect(line->ssl) == 1;
    atomic_fetch_add(greeted ? &tap->greeted : &tap->refused, 1);
    atomic_fetch_add(&tap->resumed, greeted && SSL_session_reused(line->ssl));
    return greeted && fcntl(line->network, F_SETFL, O_NONBLOCK) == 0;
}

static bool send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* Waits for the network where it must. */
static bool write_all(SSL *ssl, const char *bytes, size_t length)
{
    size_t written = 0;
    while (SSL_write_ex(ssl, bytes, length, &written) != 1) {
        struct pollfd writable = {.fd = SSL_get_fd(ssl), .events = POLLOUT};
        if (SSL_get_error(ssl, 0) != SSL_ERROR_WANT_WRITE || poll(&writable, 1, PATIENCE_MS) <= 0) {
            return false;
        }
    }
    return true;
}

static bool inward(struct line *line)
{
    char bytes[4096];
    const ssize_t got = recv(line->plain, bytes, sizeof(bytes), 0);
    if (got <= 0) {
        line->plain_ended = true;
        return SSL_shutdown(line->ssl) >= 0;
    }
    return write_all(line->ssl, bytes, (size_t)got);
}

static bool outward(struct line *line)
{
    char bytes[4096];
    size_t got = 0;
    while (SSL_read_ex(line->ssl, bytes, sizeof(bytes), &got) == 1) {
        if (!line->plain_ended && !send_all(line->plain, bytes, got)) {
            return false;
        }
    }
    const int error = SSL_get_error(line->ssl, 0);
    atomic_fetch_add(&line->tap->ended_well, error == SSL_ERROR_ZERO_RETURN);
    return error == SSL_ERROR_WANT_READ;
}

static void *serve(void *argument)
{
    struct line *line = argument;
    struct tls_tap *tap = line->tap;
    line->network = port_connect(tap->server_port, BUFFER_BYTES);
    bool open = line->network >= 0 && greet(line);
    while (open && !atomic_load(&tap->ending)) {
        struct pollfd fds[] = {{.fd = line->plain_ended ? -1 : line->plain, .events = POLLIN},
                               {.fd = line->network, .events = POLLIN}};
        poll(fds, 2, LOOK_MS);
        open = (!fds[1].revents || outward(line)) && (!fds[0].revents || inward(line));
    }
    if (line->ssl && SSL_is_init_finished(line->ssl)) {
        SSL_shutdown(line->ssl); /* else its ticket is worth nothing */
    }
    SSL_free(line->ssl);
    close(line->plain);
    if (line->network >= 0) {
        close(line->network);
    }
    free(line);
    atomic_fetch_sub(&tap->running, 1);
    return NULL;
}

static void begin(struct tls_tap *tap, int plain)
{
    struct line *line = calloc(1, sizeof(*line));
    pthread_attr_t attributes;
    pthread_t thread;
    if (!line || pthread_attr_init(&attributes) || pthread_attr_setstacksize(&attributes, STACK_BYTES) ||
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED)) {
        abort();
    }
    *line = (struct line){.tap = tap, .plain = plain, .network = -1};
    atomic_fetch_add(&tap->running, 1);
    if (pthread_create(&thread, &attributes, serve, line)) {
        abort();
    }
    pthread_attr_destroy(&attributes);
}

static void *accept_all(void *argument)
{
    struct tls_tap *tap = argument;
    const int one = 1;
    while (!atomic_load(&tap->ending)) {
        struct pollfd readable = {.fd = tap->listener, .events = POLLIN};
        const int plain = poll(&readable, 1, LOOK_MS) > 0 ? accept4(tap->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (plain >= 0) {
            setsockopt(plain, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(buffer_bytes));
            setsockopt(plain, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            begin(tap, plain);
        }
    }
    return NULL;
}

/* Its clients were kept later, so they have closed their ends already. */
static void end(void *object)
{
    struct tls_tap *tap = object;
    atomic_store(&tap->ending, true);
    pthread_join(tap->thread, NULL);
    while (atomic_load(&tap->running) > 0) {
        nap();
    }
    close(tap->listener);
    SSL_SESSION_free(tap->ticket);
    SSL_CTX_free(tap->context);
    free(tap);
}

static SSL_CTX *client_context(const char *trusted_file)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_load_verify_locations(context, trusted_file, NULL) != 1) {
        abort();
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_ticket);
    return context;
}

struct tls_tap *tls_tap_start(int server_port, const char *trusted_file)
{
    struct tls_tap *tap = calloc(1, sizeof(*tap));
    if (!tap) {
        abort();
    }
    pthread_mutex_init(&tap->lock, NULL);
    tap->server_port = server_port;
    tap->context = client_context(trusted_file);
    tap->listener = port_listen(&tap->port);
    if (pthread_create(&tap->thread, NULL, accept_all, tap)) {
        abort();
    }
    record_leave_out(tap->port);
    return keep(tap, end);
}

int tls_tap_port(const struct tls_tap *tap)
{
    return tap->port;
}

int tls_tap_greeted(const struct tls_tap *tap)
{
    return atomic_load(&tap->greeted);
}

int tls_tap_resumed(const struct tls_tap *tap)
{
    return atomic_load(&tap->resumed);
}

int tls_tap_refused(const struct tls_tap *tap)
{
    return atomic_load(&tap->refused);
}

int tls_tap_ended_well(const struct tls_tap *tap)
{
    return atomic_load(&tap->ended_well);
}
