/* The proxy's thread and its connections. One lock guards everything that the test's thread may touch. */
#include "tests/integration/redis_proxy.h"

#include "tests/integration/keep.h"
#include "tests/integration/port.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS_MAX 128
#define MARK "$4\r\nEXEC\r\n"
#define MARK_BYTES (sizeof(MARK) - 1)
#define WATCH "$5\r\nWATCH\r\n"
#define WATCH_BYTES (sizeof(WATCH) - 1)
#define SUBSCRIBE "$9\r\nSUBSCRIBE\r\n"
#define SUBSCRIBE_BYTES (sizeof(SUBSCRIBE) - 1)
#define EXECUTED "QUEUED\r\n*" /* the answer to EXEC follows that to the last queued command */
#define EXECUTED_BYTES (sizeof(EXECUTED) - 1)

/* The end of a stream seen so far, so that a mark is found across two reads. */
struct tail {
    char bytes[16];
    size_t length;
};

struct pair {
    int client; /* -1: closed */
    int server; /* -1: closed; both: the place is free */
    struct tail sent;
    struct tail answered;
    char *held;
    size_t held_bytes;
    bool subscribed;
    bool cut_when_executed;
    bool deliver_at_retry;
};

struct redis_proxy {
    pthread_t thread;
    pthread_mutex_t lock;
    int listener;
    int port;
    int redis_port;
    enum proxy_mode mode;
    int caught;
    bool ending;
    bool stalled[2]; /* [1]: the connections that have subscribed */
    struct pair pairs[PAIRS_MAX];
};

static bool ends_a_mark(struct tail *tail, const char *bytes, size_t length, const char *mark, size_t mark_bytes)
{
    char seam[32];
    const size_t taken = length < mark_bytes ? length : mark_bytes;
    memcpy(seam, tail->bytes, tail->length);
    memcpy(seam + tail->length, bytes, taken);
    const bool found = memmem(seam, tail->length + taken, mark, mark_bytes) || memmem(bytes, length, mark, mark_bytes);
    const size_t kept = mark_bytes - 1;
    if (length >= kept) {
        memcpy(tail->bytes, bytes + length - kept, kept);
        tail->length = kept;
    } else {
        const size_t all = tail->length + length;
        const size_t from = all > kept ? all - kept : 0;
        memmove(tail->bytes, seam + from, all - from);
        tail->length = all - from;
    }
    if (found) {
        tail->length = 0;
    }
    return found;
}

static void send_all(int fd, const char *bytes, size_t length)
{
    while (fd >= 0 && length > 0) {
        const ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
}

static void close_side(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static void close_pair(struct pair *pair)
{
    close_side(&pair->client);
    close_side(&pair->server);
    free(pair->held);
    *pair = (struct pair){.client = -1, .server = -1};
}

static void hold(struct pair *pair, const char *bytes, size_t length)
{
    pair->held = malloc(length);
    if (!pair->held) {
        abort();
    }
    memcpy(pair->held, bytes, length);
    pair->held_bytes = length;
}

/* A chunk of the client's that completes an EXEC. */
static void catch_exec(struct redis_proxy *proxy, struct pair *pair, const char *bytes, size_t length)
{
    const enum proxy_mode mode = proxy->mode;
    proxy->caught += mode != PROXY_PASS;
    if (mode == PROXY_CUT_AFTER_EXEC_AND_SHUT) {
        proxy->mode = PROXY_SHUT;
    } else if (mode == PROXY_CUT_AND_HOLD_RETRY) {
        proxy->mode = PROXY_HOLD_WATCH;
    } else if (mode != PROXY_HOLD_EXEC) {
        proxy->mode = PROXY_PASS;
    }
    switch (mode) {
    case PROXY_CUT_BEFORE_EXEC:
    case PROXY_CUT_AND_HOLD_RETRY:
        close_pair(pair);
        return;
    case PROXY_CUT_AND_DELIVER_LATE:
    case PROXY_CUT_AND_DELIVER_AT_RETRY:
        pair->deliver_at_retry = mode == PROXY_CUT_AND_DELIVER_AT_RETRY;
        hold(pair, bytes, length);
        close_side(&pair->client);
        return;
    case PROXY_HOLD_EXEC:
        hold(pair, bytes, length);
        return;
    case PROXY_CUT_AFTER_EXEC:
    case PROXY_CUT_AFTER_EXEC_AND_SHUT:
        pair->cut_when_executed = true;
        break;
    case PROXY_PASS:
    case PROXY_SHUT:
    case PROXY_HOLD_WATCH:
        break;
    }
    send_all(pair->server, bytes, length);
}

/* Somebody begins to read for a change: the worst moment for what was on its way to arrive. */
static void deliver_before_retry(struct redis_proxy *proxy)
{
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        struct pair *late = &proxy->pairs[i];
        if (late->held && late->deliver_at_retry) {
            struct pollfd answered = {.fd = late->server, .events = POLLIN};
            send_all(late->server, late->held, late->held_bytes);
            (void)poll(&answered, 1, 1000);
            close_pair(late);
        }
    }
}

static void from_client(struct redis_proxy *proxy, struct pair *pair)
{
    char bytes[65536];
    const ssize_t got = recv(pair->client, bytes, sizeof(bytes), 0);
    const bool watches = got > 0 && memmem(bytes, (size_t)got, WATCH, WATCH_BYTES);
    pair->subscribed |= got > 0 && memmem(bytes, (size_t)got, SUBSCRIBE, SUBSCRIBE_BYTES);
    if (watches) {
        deliver_before_retry(proxy);
    }
    if (got <= 0) {
        close_pair(pair);
    } else if (watches && proxy->mode == PROXY_HOLD_WATCH) {
        proxy->caught++;
        hold(pair, bytes, (size_t)got);
    } else if (ends_a_mark(&pair->sent, bytes, (size_t)got, MARK, MARK_BYTES)) {
        catch_exec(proxy, pair, bytes, (size_t)got);
    } else {
        send_all(pair->server, bytes, (size_t)got);
    }
}

static void from_server(struct pair *pair)
{
    char bytes[65536];
    const ssize_t got = recv(pair->server, bytes, sizeof(bytes), 0);
    const bool cut = pair->cut_when_executed;
    if (got <= 0 || (cut && ends_a_mark(&pair->answered, bytes, (size_t)got, EXECUTED, EXECUTED_BYTES))) {
        close_pair(pair);
    } else if (!cut) {
        send_all(pair->client, bytes, (size_t)got);
    }
}

static void accept_one(struct redis_proxy *proxy)
{
    const int one = 1;
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
    int server = proxy->mode == PROXY_SHUT ? -1 : port_connect(proxy->redis_port, 0);
    for (size_t i = 0; client >= 0 && server >= 0 && i < PAIRS_MAX; i++) {
        if (proxy->pairs[i].client < 0 && proxy->pairs[i].server < 0) {
            setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            proxy->pairs[i] = (struct pair){.client = client, .server = server};
            return;
        }
    }
    close_side(&client);
    close_side(&server);
}

static void shut(struct redis_proxy *proxy)
{
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        if (!proxy->pairs[i].cut_when_executed) {
            close_pair(&proxy->pairs[i]);
        }
    }
}

/* One round: what is readable now, or nothing for 20 ms. A client whose EXEC is held is not read. */
static void serve(struct redis_proxy *proxy)
{
    struct pollfd fds[1 + 2 * PAIRS_MAX] = {{.fd = proxy->listener, .events = POLLIN}};
    pthread_mutex_lock(&proxy->lock);
    if (proxy->mode == PROXY_SHUT) {
        shut(proxy);
    }
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        const struct pair *pair = &proxy->pairs[i];
        fds[1 + 2 * i] = (struct pollfd){.fd = pair->held ? -1 : pair->client, .events = POLLIN};
        fds[2 + 2 * i] = (struct pollfd){.fd = proxy->stalled[pair->subscribed] ? -1 : pair->server, .events = POLLIN};
    }
    pthread_mutex_unlock(&proxy->lock);
    if (poll(fds, sizeof(fds) / sizeof(*fds), 20) <= 0) {
        return;
    }
    pthread_mutex_lock(&proxy->lock);
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        struct pair *pair = &proxy->pairs[i];
        if (fds[1 + 2 * i].revents && pair->client >= 0 && !pair->held) {
            from_client(proxy, pair);
        }
        if (fds[2 + 2 * i].revents && pair->server >= 0 && !proxy->stalled[pair->subscribed]) {
            from_server(pair);
        }
    }
    if (fds[0].revents) {
        accept_one(proxy);
    }
    pthread_mutex_unlock(&proxy->lock);
}

static void *run(void *argument)
{
    struct redis_proxy *proxy = argument;
    bool ending = false;
    while (!ending) {
        serve(proxy);
        pthread_mutex_lock(&proxy->lock);
        ending = proxy->ending;
        pthread_mutex_unlock(&proxy->lock);
    }
    return NULL;
}

static void end(void *object)
{
    struct redis_proxy *proxy = object;
    pthread_mutex_lock(&proxy->lock);
    proxy->ending = true;
    pthread_mutex_unlock(&proxy->lock);
    pthread_join(proxy->thread, NULL);
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        close_pair(&proxy->pairs[i]);
    }
    close(proxy->listener);
    free(proxy);
}

struct redis_proxy *proxy_start(int redis_port)
{
    struct redis_proxy *proxy = calloc(1, sizeof(*proxy));
    if (!proxy) {
        abort();
    }
    pthread_mutex_init(&proxy->lock, NULL);
    proxy->redis_port = redis_port;
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        proxy->pairs[i] = (struct pair){.client = -1, .server = -1};
    }
    proxy->listener = port_listen(&proxy->port);
    if (pthread_create(&proxy->thread, NULL, run, proxy)) {
        abort();
    }
    return keep(proxy, end);
}

int proxy_port(const struct redis_proxy *proxy)
{
    return proxy->port;
}

void proxy_arm(struct redis_proxy *proxy, enum proxy_mode mode)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->mode = mode;
    proxy->caught = 0;
    pthread_mutex_unlock(&proxy->lock);
}

int proxy_caught(struct redis_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    const int caught = proxy->caught;
    pthread_mutex_unlock(&proxy->lock);
    return caught;
}

void proxy_stall(struct redis_proxy *proxy, bool subscribed, bool others)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->stalled[true] = subscribed;
    proxy->stalled[false] = others;
    pthread_mutex_unlock(&proxy->lock);
}

void proxy_release(struct redis_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->mode = PROXY_PASS;
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        struct pair *pair = &proxy->pairs[i];
        if (pair->held) {
            send_all(pair->server, pair->held, pair->held_bytes);
            free(pair->held);
            pair->held = NULL;
        }
    }
    pthread_mutex_unlock(&proxy->lock);
}
