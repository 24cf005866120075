/* The load generator: one thread, one epoll, a state a connection. Owns its sockets; knows no session's state. */
#include "bench/switches.h"

#include "tests/integration/check.h"
#include "tests/integration/port.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_BYTES 131072 /* an answer is a session's view; those of a bench are small */
#define LAST_ANSWERS_US 5000000
#define EVENTS 64

struct connection {
    int fd;          /* -1: none */
    size_t session;  /* of the next request */
    bool waiting;    /* a request is out */
    size_t received; /* bytes of its answer */
    char answer[ANSWER_BYTES];
};

struct switches {
    struct switches_spec spec;
    pthread_t thread;
    atomic_bool stopping;
    int epoll;
    size_t out;    /* requests without their answer */
    size_t turn;   /* whose turn it is, at a fixed rate */
    int64_t sent;  /* requests, at a fixed rate */
    int64_t since; /* monotonic µs */
    struct switches_result result;
    struct connection connections[];
};

/* --- connections ------------------------------------------------------------------------------------------------ */

static bool dial(struct switches *switches, struct connection *connection)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    connection->waiting = false;
    connection->received = 0;
    connection->fd = port_connect(switches->spec.port, 0);
    return connection->fd >= 0 && epoll_ctl(switches->epoll, EPOLL_CTL_ADD, connection->fd, &event) == 0;
}

static void hang_up(struct connection *connection)
{
    if (connection->fd >= 0) {
        close(connection->fd);
        connection->fd = -1;
    }
}

static void redial(struct switches *switches, struct connection *connection)
{
    if (connection->waiting) {
        switches->out--;
        switches->result.broken++;
    }
    hang_up(connection);
    if (!dial(switches, connection)) {
        hang_up(connection);
    }
}

/* --- a request and its answer ----------------------------------------------------------------------------------- */

static void send_switch(struct switches *switches, struct connection *connection)
{
    char request[256];
    const int length = snprintf(request, sizeof(request),
                                "POST /v1/sessions/%s%zu/switch HTTP/1.1\r\nHost: bench\r\nContent-Length: 0\r\n\r\n",
                                switches->spec.prefix, connection->session);
    connection->session += switches->spec.connections;
    if (connection->session >= switches->spec.sessions) {
        connection->session %= switches->spec.connections;
    }
    connection->waiting = true;
    connection->received = 0;
    switches->out++;
    if (length < 0 || (size_t)length >= sizeof(request) ||
        send(connection->fd, request, (size_t)length, MSG_NOSIGNAL) != length) {
        redial(switches, connection);
    }
}

/* Whether the answer is there in full: its head says how long it is. */
static bool is_whole(const struct connection *connection)
{
    const char *end = strstr(connection->answer, "\r\n\r\n");
    const char *length = end ? strcasestr(connection->answer, "\r\nContent-Length:") : NULL;
    if (!length || length > end) {
        return false;
    }
    const size_t head = (size_t)(end - connection->answer) + strlen("\r\n\r\n");
    return connection->received >= head + strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
}

static void read_answer(struct switches *switches, struct connection *connection)
{
    const size_t room = ANSWER_BYTES - 1 - connection->received;
    const ssize_t count = recv(connection->fd, connection->answer + connection->received, room, 0);
    if (count <= 0) {
        redial(switches, connection);
        return;
    }
    connection->received += (size_t)count;
    connection->answer[connection->received] = '\0';
    if (!is_whole(connection)) {
        return;
    }
    if (strncmp(connection->answer, "HTTP/1.1 200 ", strlen("HTTP/1.1 200 ")) == 0) {
        switches->result.changed++;
    } else {
        switches->result.refused++;
    }
    connection->waiting = false;
    switches->out--;
}

/* --- the loop --------------------------------------------------------------------------------------------------- */

static void send_to_idle(struct switches *switches)
{
    for (size_t i = 0; i < switches->spec.connections; i++) {
        if (switches->connections[i].fd >= 0 && !switches->connections[i].waiting) {
            send_switch(switches, &switches->connections[i]);
        }
    }
}

/* What is due by now; where all connections wait for answers, it is sent late. */
static void send_due(struct switches *switches)
{
    const int64_t due = (now_us() - switches->since) * switches->spec.per_second / 1000000;
    for (size_t tried = 0; switches->sent < due && tried < switches->spec.connections; tried++) {
        struct connection *connection = &switches->connections[switches->turn++ % switches->spec.connections];
        if (connection->fd >= 0 && !connection->waiting) {
            send_switch(switches, connection);
            switches->sent++;
        }
    }
}

static void wait_for_answers(struct switches *switches)
{
    struct epoll_event events[EVENTS];
    const int count = epoll_wait(switches->epoll, events, EVENTS, switches->spec.per_second > 0 ? 1 : 100);
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;
        read_answer(switches, connection);
        if (switches->spec.per_second == 0 && !connection->waiting && connection->fd >= 0 && !switches->stopping) {
            send_switch(switches, connection);
        }
    }
}

static void *run(void *argument)
{
    struct switches *switches = argument;
    switches->since = now_us();
    while (!switches->stopping) {
        if (switches->spec.per_second > 0) {
            send_due(switches);
        } else if (switches->out < switches->spec.connections) {
            send_to_idle(switches);
        }
        wait_for_answers(switches);
    }
    switches->result.wall_us = now_us() - switches->since;
    for (const int64_t until = now_us() + LAST_ANSWERS_US; switches->out > 0 && now_us() < until;) {
        wait_for_answers(switches);
    }
    return NULL;
}

static void free_switches(struct switches *switches)
{
    for (size_t i = 0; i < switches->spec.connections; i++) {
        hang_up(&switches->connections[i]);
    }
    if (switches->epoll >= 0) {
        close(switches->epoll);
    }
    free(switches);
}

struct switches *switches_start(const struct switches_spec *spec)
{
    struct switches *switches = calloc(1, sizeof(*switches) + spec->connections * sizeof(switches->connections[0]));
    if (!switches) {
        return NULL;
    }
    switches->spec = *spec;
    switches->epoll = epoll_create1(EPOLL_CLOEXEC);
    bool good = switches->epoll >= 0;
    for (size_t i = 0; i < spec->connections; i++) {
        switches->connections[i].fd = -1;
        switches->connections[i].session = i;
    }
    for (size_t i = 0; good && i < spec->connections; i++) {
        good = dial(switches, &switches->connections[i]);
    }
    if (!good || pthread_create(&switches->thread, NULL, run, switches)) {
        free_switches(switches);
        return NULL;
    }
    return switches;
}

struct switches_result switches_stop(struct switches *switches)
{
    switches->stopping = true;
    pthread_join(switches->thread, NULL);
    struct switches_result result = switches->result;
    free_switches(switches);
    return result;
}
