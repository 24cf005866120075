/* Owns the threads, the epoll set and the stop. Knows no FastCGI record (exchange.c) and no route (api.c).
 *
 *   listening socket ──┐                        ┌─► thread 1: serve one request, then
 *   kept connections ──┼─► one epoll set, each ─┼─► thread 2   put the connection back, or close it
 *   stop (an eventfd) ─┘   event to one thread  └─► …
 *
 * The listening socket and kept connections are armed for one event (EPOLLONESHOT) and armed again by the thread that
 * took it, so no thread wakes in vain, and a connection that a web server keeps open holds none. The stop is never
 * read and wakes everyone. */
#include "fcgi/acceptor.h"

#include "common/log.h"
#include "common/metrics.h"
#include "common/server_clock.h"
#include "fcgi/exchange.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NO_ROOM_PAUSE_MS 50 /* when descriptors or memory are short: long enough for others to give some back */

struct acceptor;

struct worker {
    pthread_t thread;
    struct acceptor *acceptor; /* borrowed */
    struct api api;
    struct sk_buffer out;
    bool finishing; /* the stop has come: no connection is kept any more */
};

struct acceptor {
    struct listener *listener; /* borrowed */
    int epoll_fd;
    int stop_fd;
    struct worker *workers; /* owned */
    size_t opened;          /* workers whose api is open */
    size_t started;         /* workers whose thread runs */
};

static void stop_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
}

/* Those that only set the log's level (log.h). They are the first thread's: a read with a time limit, as a request's
 * is, would be broken off by a handler (signal(7)). */
static void log_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGUSR1);
    (void)sigaddset(set, SIGUSR2);
}

void sk_acceptor_block_signals(void)
{
    sigset_t set;
    stop_signals(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    log_signals(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

static bool watch(const struct acceptor *acceptor, int how, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.fd = fd}};
    return epoll_ctl(acceptor->epoll_fd, how, fd, &event) == 0;
}

/* Serves a connection that has something to read, and puts it back if it is to be kept. known: it is in the set. */
static void serve(struct worker *worker, int fd, bool known)
{
    sk_metrics_refresh();
    int kept = sk_exchange_serve(fd, &worker->api, &worker->out);
    if (kept < 0) {
        return;
    }
    int how = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (worker->finishing || !watch(worker->acceptor, how, kept, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT)) {
        (void)close(kept);
    }
}

/* A peer that stops in the middle of a record gives the thread back after a while. */
static void bound_waiting(int fd)
{
    const struct timeval limit = {.tv_sec = SK_PEER_TIMEOUT_S};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/* A web server sends its request together with connecting, as a rule; a connection that says nothing yet waits in the
 * set and holds no thread. */
static void serve_if_ready(struct worker *worker, int fd)
{
    char byte;
    bool silent = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (!silent || worker->finishing) {
        serve(worker, fd, false);
    } else if (!watch(worker->acceptor, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT)) {
        (void)close(fd);
    }
}

/* Takes one connection, lets the next thread take the next one, and serves it. */
static void take(struct worker *worker)
{
    const struct acceptor *acceptor = worker->acceptor;
    int fd = accept4(acceptor->listener->fd, NULL, NULL, SOCK_CLOEXEC);
    int why = fd < 0 ? errno : 0;
    if (why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM) {
        const struct timespec pause = {.tv_nsec = NO_ROOM_PAUSE_MS * 1000000L};
        sk_log(SK_LOG_ERROR, "cannot accept", SK_S("error", strerror(why)));
        (void)nanosleep(&pause, NULL);
    }
    if (!watch(acceptor, EPOLL_CTL_MOD, acceptor->listener->fd, EPOLLIN | EPOLLONESHOT)) {
        sk_log(SK_LOG_ERROR, "cannot wait for connections", SK_S("error", strerror(errno)));
    }
    if (fd >= 0) {
        bound_waiting(fd);
        serve_if_ready(worker, fd);
    }
}

static void handle_event(struct worker *worker, int fd)
{
    if (fd == worker->acceptor->listener->fd) {
        take(worker);
    } else {
        serve(worker, fd, true);
    }
}

/* Takes what had arrived when the stop came. With two places at least one is for something else than the stop. */
static void finish(struct worker *worker)
{
    int64_t until_us = sk_monotonic_us() + INT64_C(1000) * SK_STOP_TAKE_MS;
    bool more = true;
    worker->finishing = true;
    while (more && sk_monotonic_us() < until_us) {
        struct epoll_event events[2];
        int count = epoll_wait(worker->acceptor->epoll_fd, events, 2, 0);
        more = false;
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd != worker->acceptor->stop_fd) {
                handle_event(worker, events[i].data.fd);
                more = true;
            }
        }
    }
}

static void *work(void *context)
{
    struct worker *worker = context;
    const struct acceptor *acceptor = worker->acceptor;
    for (;;) {
        struct epoll_event event;
        int count = epoll_wait(acceptor->epoll_fd, &event, 1, -1);
        if (count < 0 && errno != EINTR) {
            sk_log(SK_LOG_ERROR, "cannot wait for connections", SK_S("error", strerror(errno)));
            break;
        }
        if (count == 1 && event.data.fd == acceptor->stop_fd) {
            finish(worker);
            break;
        }
        if (count == 1) {
            handle_event(worker, event.data.fd);
        }
    }
    return NULL;
}

static enum sk_code open_set(struct acceptor *acceptor, struct sk_error *error)
{
    acceptor->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    acceptor->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (acceptor->epoll_fd < 0 || acceptor->stop_fd < 0 ||
        !watch(acceptor, EPOLL_CTL_ADD, acceptor->listener->fd, EPOLLIN | EPOLLONESHOT) ||
        !watch(acceptor, EPOLL_CTL_ADD, acceptor->stop_fd, EPOLLIN)) {
        return sk_fail(error, SK_INTERNAL_ERROR, "cannot wait for connections: %s", strerror(errno));
    }
    return SK_OK;
}

static enum sk_code start_worker(struct acceptor *acceptor, const struct sk_config *config,
                                 const struct sk_redis_url *redis, struct sk_error *error)
{
    struct worker *worker = &acceptor->workers[acceptor->started];
    worker->acceptor = acceptor;
    enum sk_code code = sk_api_open(&worker->api, config, redis, error);
    if (code != SK_OK) {
        return code;
    }
    acceptor->opened++;
    int failed = pthread_create(&worker->thread, NULL, work, worker);
    if (failed) {
        return sk_fail(error, SK_INTERNAL_ERROR, "cannot start a thread: %s", strerror(failed));
    }
    acceptor->started++;
    return SK_OK;
}

static enum sk_code start(struct acceptor *acceptor, const struct sk_config *config, const struct sk_redis_url *redis,
                          struct sk_error *error)
{
    size_t wanted = (size_t)config->api_threads;
    acceptor->workers = calloc(wanted, sizeof *acceptor->workers);
    if (!acceptor->workers) {
        return sk_fail(error, SK_INTERNAL_ERROR, "no memory for threads");
    }
    enum sk_code code = open_set(acceptor, error);
    while (code == SK_OK && acceptor->started < wanted) {
        code = start_worker(acceptor, config, redis, error);
    }
    return code;
}

static void wait_for_signal(void)
{
    sigset_t set;
    int number = 0;
    log_signals(&set);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    stop_signals(&set);
    while (sigwait(&set, &number) != 0) {
    }
    sk_log(SK_LOG_INFO, "stopping", SK_S("signal", strsignal(number)));
}

/* A thread that does not come back still uses what others would free: the process ends here, with its log line. */
static _Noreturn void give_up(const char *why)
{
    sk_log(SK_LOG_ERROR, "cannot stop in order", SK_S("error", why));
    _exit(EXIT_FAILURE);
}

/* Wakes every thread that waits, and waits for every one that works. */
static void stop(struct acceptor *acceptor)
{
    struct timespec until = {0};
    sk_listener_withdraw(acceptor->listener);
    if (eventfd_write(acceptor->stop_fd, 1) != 0 || clock_gettime(CLOCK_REALTIME, &until) != 0) {
        give_up(strerror(errno));
    }
    until.tv_sec += SK_STOP_WAIT_S;
    for (size_t i = 0; i < acceptor->started; i++) {
        if (pthread_timedjoin_np(acceptor->workers[i].thread, NULL, &until) != 0) {
            give_up("a request was in hand for too long");
        }
    }
}

/* When no thread runs any more. */
static void release(struct acceptor *acceptor)
{
    for (size_t i = 0; i < acceptor->opened; i++) {
        sk_api_close(&acceptor->workers[i].api);
        sk_buffer_clear(&acceptor->workers[i].out);
    }
    free(acceptor->workers);
    if (acceptor->epoll_fd >= 0) {
        (void)close(acceptor->epoll_fd);
    }
    if (acceptor->stop_fd >= 0) {
        (void)close(acceptor->stop_fd);
    }
}

enum sk_code sk_acceptor_run(const struct sk_config *config, const struct sk_redis_url *redis,
                             struct listener *listener, struct sk_error *error)
{
    struct acceptor acceptor = {.listener = listener, .epoll_fd = -1, .stop_fd = -1};
    enum sk_code code = start(&acceptor, config, redis, error);
    if (code == SK_OK) {
        sk_metrics_refresh();
        sk_keyring_announce(acceptor.workers[0].api.keyring);
        sk_log(SK_LOG_INFO, "started", SK_I("threads", config->api_threads));
        wait_for_signal();
    }
    if (acceptor.started > 0) {
        stop(&acceptor);
    }
    release(&acceptor);
    return code;
}
