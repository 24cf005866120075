/* The many: one thread and one epoll an audience, streaming parsers (RFC 6455 §5.2) that keep of a frame only its
 * beginning. Owns the sockets and the measurements. */
#include "tests/integration/audience.h"

#include "bench/swarm.h"
#include "tests/integration/check.h"
#include "tests/integration/keep.h"
#include "tests/integration/port.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BEGINNING_BYTES 128 /* of a frame: its type and its instant stand there */
#define CONNECTING_MAX 200  /* connections that wait to be greeted, at a time */
#define READ_BYTES ((size_t)256 * 1024)
#define GREETINGS 2

struct listener_client {
    int fd; /* -1: closed */
    bool upgraded;
    bool deaf;
    unsigned head_end; /* how much of the blank line after the answer's head has come */
    unsigned char head[10];
    size_t head_length;
    uint64_t left; /* of the payload */
    bool in_payload;
    char beginning[BEGINNING_BYTES + 1];
    size_t beginning_length;
    size_t texts; /* that were not published by the test */
    int64_t last_us;
    int close_code;
};

struct samples {
    uint32_t *values;
    size_t count;
    size_t room;
};

struct audience {
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    int epoll;
    struct listener_client *clients;
    size_t count;
    size_t states;
    size_t backwards;
    struct samples delays;
    struct samples pongs;
    int ping_ms;
    bool ending;
};

/* --- measuring ------------------------------------------------------------------------------------------------ */

static void add_sample(struct samples *samples, int64_t value)
{
    if (samples->count == samples->room) {
        samples->room = samples->room ? 2 * samples->room : 4096;
        samples->values = realloc(samples->values, samples->room * sizeof(uint32_t));
    }
    if (!samples->values) {
        abort();
    }
    samples->values[samples->count++] = (uint32_t)(value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : value);
}

static int compare(const void *one, const void *two)
{
    const uint32_t a = *(const uint32_t *)one;
    const uint32_t b = *(const uint32_t *)two;
    return (a > b) - (a < b);
}

/* The values are sorted; they have no order that matters. */
static int64_t percentile(struct samples *samples, size_t percent)
{
    if (samples->count == 0) {
        return -1;
    }
    qsort(samples->values, samples->count, sizeof(uint32_t), compare);
    return samples->values[(samples->count - 1) * percent / 100];
}

/* The number after a name in the beginning of a frame; -1 if it is not there. */
static int64_t number_after(const struct listener_client *client, const char *name)
{
    const char *at = strstr(client->beginning, name);
    return at ? strtoll(at + strlen(name), NULL, 10) : -1;
}

static void take_text(struct audience *audience, struct listener_client *client)
{
    const int64_t at_us = now_us();
    const int64_t stamp_us = number_after(client, "\"stamp\":");
    const int64_t asked_us = number_after(client, "\"client_timestamp\":");
    if (asked_us >= 0) {
        add_sample(&audience->pongs, at_us - asked_us);
    } else if (stamp_us < 0) {
        client->texts++;
    } else if (!client->deaf) {
        add_sample(&audience->delays, at_us - stamp_us);
        audience->states += strstr(client->beginning, "STATE_UPDATE") != NULL;
        audience->backwards += stamp_us <= client->last_us;
        client->last_us = stamp_us;
    }
}

/* --- reading -------------------------------------------------------------------------------------------------- */

static void hang_up(struct listener_client *client, int code)
{
    client->close_code = client->close_code ? client->close_code : code;
    close(client->fd);
    client->fd = -1;
}

/* A short masked frame; a mask of zeros is a mask. */
static void say(const struct listener_client *client, unsigned opcode, const char *text, size_t length)
{
    char frame[6 + 125] = {(char)(0x80U | opcode), (char)(0x80U | length)};
    memcpy(frame + 6, text, length);
    (void)!send(client->fd, frame, 6 + length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void take_frame(struct audience *audience, struct listener_client *client)
{
    const unsigned char *bytes = (const unsigned char *)client->beginning;
    client->beginning[client->beginning_length] = '\0';
    switch (client->head[0] & 0x0fU) {
    case 1:
        take_text(audience, client);
        break;
    case 8:
        say(client, 8, client->beginning, client->beginning_length >= 2 ? 2 : 0);
        hang_up(client, client->beginning_length >= 2 ? bytes[0] << 8 | bytes[1] : 1005);
        break;
    case 9:
        say(client, 10, client->beginning, client->beginning_length < 125 ? client->beginning_length : 125);
        break;
    default:
        break;
    }
}

/* How long the head of the frame is that begins so; more than is there while that is not known. */
static size_t head_bytes(const struct listener_client *client)
{
    const unsigned length = client->head_length < 2 ? 0 : client->head[1] & 0x7fU;
    return length == 127 ? 10 : length == 126 ? 4 : 2;
}

static void begin_payload(struct listener_client *client)
{
    client->left = client->head[1] & 0x7fU;
    for (size_t i = 2; i < client->head_length; i++) {
        client->left = (i == 2 ? 0 : client->left << 8) | client->head[i];
    }
    client->in_payload = true;
    client->beginning_length = 0;
}

/* Takes some of the bytes; how many. */
static size_t take_payload(struct audience *audience, struct listener_client *client, const char *bytes, size_t length)
{
    const size_t taken = length < client->left ? length : (size_t)client->left;
    const size_t room = BEGINNING_BYTES - client->beginning_length;
    memcpy(client->beginning + client->beginning_length, bytes, taken < room ? taken : room);
    client->beginning_length += taken < room ? taken : room;
    client->left -= taken;
    if (client->left == 0) {
        client->in_payload = false;
        client->head_length = 0;
        take_frame(audience, client);
    }
    return taken;
}

static size_t take_http(struct listener_client *client, const char *bytes)
{
    static const char blank[] = "\r\n\r\n";
    client->head_end = *bytes == blank[client->head_end] ? client->head_end + 1 : *bytes == '\r';
    client->upgraded = client->head_end == sizeof(blank) - 1;
    return 1;
}

static void take_bytes(struct audience *audience, struct listener_client *client, const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length && client->fd >= 0) {
        if (!client->upgraded) {
            at += take_http(client, bytes + at);
        } else if (client->in_payload) {
            at += take_payload(audience, client, bytes + at, length - at);
        } else {
            client->head[client->head_length++] = (unsigned char)bytes[at++];
            if (client->head_length == head_bytes(client)) {
                begin_payload(client);
                at += client->left == 0 ? take_payload(audience, client, "", 0) : 0;
            }
        }
    }
}

static void on_event(struct audience *audience, size_t number, char *room)
{
    struct listener_client *client = &audience->clients[number];
    pthread_mutex_lock(&audience->lock);
    const ssize_t got = client->fd < 0 ? -1 : client->deaf ? 0 : recv(client->fd, room, READ_BYTES, MSG_DONTWAIT);
    if (got > 0) {
        take_bytes(audience, client, room, (size_t)got);
    } else if (client->fd >= 0 && !(got < 0 && (errno == EAGAIN || errno == EINTR))) {
        hang_up(client, 1006);
    }
    pthread_mutex_unlock(&audience->lock);
}

static void ping_all(struct audience *audience)
{
    char text[80];
    pthread_mutex_lock(&audience->lock);
    for (size_t i = 0; i < audience->count; i++) {
        const int length = snprintf(text, sizeof(text), "{\"type\":\"PING\",\"timestamp\":%lld}", (long long)now_us());
        if (audience->clients[i].fd >= 0) {
            say(&audience->clients[i], 1, text, (size_t)length);
        }
    }
    pthread_mutex_unlock(&audience->lock);
}

/* How often to ping; 0: not at all, below: the thread is to end. */
static int ping_period_ms(struct audience *audience)
{
    pthread_mutex_lock(&audience->lock);
    const int period_ms = audience->ending ? -1 : audience->ping_ms;
    pthread_mutex_unlock(&audience->lock);
    return period_ms;
}

static void *attend(void *argument)
{
    struct audience *audience = argument;
    struct epoll_event events[256];
    char *room = malloc(READ_BYTES);
    int64_t ping_at_us = 0;
    int period_ms = 0;
    while (room && (period_ms = ping_period_ms(audience)) >= 0) {
        const int64_t left_ms = (ping_at_us - now_us()) / 1000;
        const int wait_ms = period_ms > 0 && left_ms < 20 ? (int)(left_ms > 0 ? left_ms : 0) : 20;
        const int count = epoll_wait(audience->epoll, events, 256, wait_ms);
        for (int i = 0; i < count; i++) {
            on_event(audience, events[i].data.u64, room);
        }
        if (period_ms > 0 && now_us() >= ping_at_us) {
            ping_at_us = now_us() + period_ms * INT64_C(1000);
            ping_all(audience);
        }
    }
    free(room);
    return NULL;
}

/* --- coming and going ------------------------------------------------------------------------------------------ */

static void release(void *object)
{
    struct audience *audience = object;
    pthread_mutex_lock(&audience->lock);
    audience->ending = true;
    pthread_mutex_unlock(&audience->lock);
    pthread_join(audience->thread, NULL);
    for (size_t i = 0; i < audience->count; i++) {
        if (audience->clients[i].fd >= 0) {
            close(audience->clients[i].fd);
        }
    }
    close(audience->epoll);
    pthread_mutex_destroy(&audience->lock);
    free(audience->delays.values);
    free(audience->pongs.values);
    free(audience->clients);
    free(audience);
}

static int connect_and_ask(int port, const char *id)
{
    char text[400];
    const int length = snprintf(text, sizeof(text),
                                "GET /ws?sessionId=%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                "Sec-WebSocket-Version: 13\r\n\r\n",
                                id, port);
    const int fd = port_connect(port, 0);
    if (fd >= 0 && send(fd, text, (size_t)length, MSG_NOSIGNAL) == length) {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

static size_t greeted(struct audience *audience, size_t upto)
{
    size_t count = 0;
    pthread_mutex_lock(&audience->lock);
    for (size_t i = 0; i < upto; i++) {
        count += audience->clients[i].texts >= GREETINGS;
    }
    pthread_mutex_unlock(&audience->lock);
    return count;
}

static bool add_client(struct audience *audience, size_t number, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = number};
    pthread_mutex_lock(&audience->lock);
    audience->clients[number].fd = fd;
    pthread_mutex_unlock(&audience->lock);
    return fd >= 0 && epoll_ctl(audience->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

struct audience *audience_open(int port, const char *id, size_t clients)
{
    struct audience *audience = calloc(1, sizeof(*audience));
    if (!audience || !(audience->clients = calloc(clients, sizeof(*audience->clients)))) {
        abort();
    }
    swarm_raise_file_limit();
    pthread_mutex_init(&audience->lock, NULL);
    audience->epoll = epoll_create1(EPOLL_CLOEXEC);
    audience->count = clients;
    for (size_t i = 0; i < clients; i++) {
        audience->clients[i].fd = -1;
    }
    if (pthread_create(&audience->thread, NULL, attend, audience)) {
        abort();
    }
    keep(audience, release);
    size_t begun = 0;
    while (begun < clients && add_client(audience, begun, connect_and_ask(port, id))) {
        begun++;
        if (begun % CONNECTING_MAX == 0) {
            EVENTUALLY(greeted(audience, begun) == begun);
        }
    }
    EXPECT_INT((int64_t)begun, (int64_t)clients);
    EVENTUALLY(greeted(audience, begun) == begun);
    audience_forget(audience);
    return audience;
}

/* --- what the test asks ---------------------------------------------------------------------------------------- */

void audience_ping(struct audience *audience, int every_ms)
{
    pthread_mutex_lock(&audience->lock);
    audience->ping_ms = every_ms;
    pthread_mutex_unlock(&audience->lock);
}

static void listen_for(struct audience *audience, size_t number, bool deaf)
{
    struct epoll_event event = {.events = deaf ? 0 : EPOLLIN, .data.u64 = number};
    struct listener_client *client = &audience->clients[number];
    client->deaf = deaf;
    if (client->fd >= 0) {
        (void)epoll_ctl(audience->epoll, EPOLL_CTL_MOD, client->fd, &event);
    }
}

void audience_deafen(struct audience *audience, size_t clients)
{
    pthread_mutex_lock(&audience->lock);
    for (size_t i = 0; i < clients; i++) {
        listen_for(audience, i, true);
    }
    pthread_mutex_unlock(&audience->lock);
}

void audience_let_read(struct audience *audience)
{
    pthread_mutex_lock(&audience->lock);
    for (size_t i = 0; i < audience->count; i++) {
        listen_for(audience, i, false);
    }
    pthread_mutex_unlock(&audience->lock);
}

void audience_measure(struct audience *audience, struct audience_figures *figures)
{
    pthread_mutex_lock(&audience->lock);
    *figures = (struct audience_figures){.frames = audience->delays.count,
                                         .states = audience->states,
                                         .backwards = audience->backwards,
                                         .p50_us = percentile(&audience->delays, 50),
                                         .p99_us = percentile(&audience->delays, 99),
                                         .max_us = percentile(&audience->delays, 100),
                                         .pongs = audience->pongs.count,
                                         .pong_p50_us = percentile(&audience->pongs, 50),
                                         .pong_p99_us = percentile(&audience->pongs, 99),
                                         .pong_max_us = percentile(&audience->pongs, 100)};
    pthread_mutex_unlock(&audience->lock);
}

size_t audience_with(struct audience *audience, int64_t newest)
{
    size_t count = 0;
    pthread_mutex_lock(&audience->lock);
    for (size_t i = 0; i < audience->count; i++) {
        count += audience->clients[i].last_us == newest;
    }
    pthread_mutex_unlock(&audience->lock);
    return count;
}

void audience_forget(struct audience *audience)
{
    pthread_mutex_lock(&audience->lock);
    audience->delays.count = 0;
    audience->pongs.count = 0;
    audience->states = 0;
    audience->backwards = 0;
    pthread_mutex_unlock(&audience->lock);
}

size_t audience_closed_with(struct audience *audience, int code)
{
    size_t count = 0;
    pthread_mutex_lock(&audience->lock);
    for (size_t i = 0; i < audience->count; i++) {
        count += audience->clients[i].fd < 0 && (code == 0 || audience->clients[i].close_code == code);
    }
    pthread_mutex_unlock(&audience->lock);
    return count;
}

size_t audience_closed(struct audience *audience)
{
    return audience_closed_with(audience, 0);
}
