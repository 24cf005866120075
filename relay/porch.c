/* Owns the listening socket, and each connection until it is handed on, answered or dropped. */
#include "relay/porch.h"

#include "common/log.h"
#include "common/network.h"
#include "common/server_clock.h"
#include "relay/guard.h"
#include "relay/handshake.h"
#include "relay/pace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define US_PER_MS INT64_C(1000)
#define ACCEPTS_A_TURN 64 /* so that those inside are heard, too */
#define PIECE_BYTES 4096

struct guest {
    TAILQ_ENTRY(guest) link;
    struct sk_porch *porch;
    uv_poll_t poll; /* freed with the guest, when it has closed */
    int fd;
    char peer[SK_PORCH_PEER_BYTES];
    struct sk_household *household; /* NULL: it is not known where it comes from */
    struct sk_buffer bytes;
    int64_t came_at_us;
    bool leaving;        /* it gets its answer, bytes, and whatever else it sends is not looked at */
    size_t told;         /* how much of that it has got */
    size_t said_leaving; /* bytes since then */
};

struct sk_porch {
    uv_loop_t *loop;
    struct sk_porch_options options;
    uv_poll_t poll;
    uv_timer_t breath; /* until the pace lets in the next one */
    struct sk_pace pace;
    struct sk_guard *guard; /* counts those inside by where they come from */
    int fd;                 /* -1: no more */
    bool pausing;           /* no descriptors were left; until the next tick */
    bool listening;         /* poll and breath are open */
    TAILQ_HEAD(sk_porch_guests, guest) guests;
    size_t count;
};

/* --- guests ------------------------------------------------------------------------------------------------------- */

static void on_guest_closed(uv_handle_t *handle)
{
    struct guest *guest = handle->data;
    sk_buffer_clear(&guest->bytes);
    free(guest);
}

/* Lets go of a guest; its descriptor is the caller's now. The loop has forgotten that when this returns. */
static int dismiss(struct guest *guest)
{
    TAILQ_REMOVE(&guest->porch->guests, guest, link);
    guest->porch->count--;
    sk_guard_release(guest->porch->guard, guest->household);
    guest->household = NULL;
    uv_close((uv_handle_t *)&guest->poll, on_guest_closed);
    return guest->fd;
}

static void drop(struct guest *guest)
{
    (void)close(dismiss(guest));
}

/* What the guest has sent stays until its handle has closed, which is after this. */
static void hand_on(struct guest *guest)
{
    const struct sk_porch_options *options = &guest->porch->options;
    int fd = dismiss(guest);
    options->hand_on(options->context, fd, guest->peer, guest->bytes.data, guest->bytes.length);
}

static void on_ready(uv_poll_t *poll, int status, int events);

/* Tells it as much as the kernel takes. When it has been told everything, the connection is closed once the guest has
 * closed it, because the kernel throws an answer away where bytes come in after the close. */
static void tell(struct guest *guest)
{
    ssize_t taken = send(guest->fd, guest->bytes.data + guest->told, guest->bytes.length - guest->told, MSG_NOSIGNAL);
    bool full = taken < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    guest->told += taken > 0 ? (size_t)taken : 0;
    bool all = guest->told == guest->bytes.length;
    if ((taken < 0 && !full) || (all && shutdown(guest->fd, SHUT_WR) != 0) ||
        uv_poll_start(&guest->poll, all ? UV_READABLE : UV_READABLE | UV_WRITABLE, on_ready) != 0) {
        drop(guest);
    }
}

static void serve(struct guest *guest, size_t head_bytes)
{
    const struct sk_porch_options *options = &guest->porch->options;
    struct sk_buffer answer = {0};
    if (!options->answer(options->context, guest->peer, guest->bytes.data, head_bytes, &answer)) {
        hand_on(guest);
        return;
    }
    sk_buffer_clear(&guest->bytes);
    guest->bytes = answer;
    guest->leaving = true;
    if (answer.failed) {
        drop(guest);
    } else {
        tell(guest);
    }
}

/* Reading one that talks on costs as much as serving it would. */
static void overhear(struct guest *guest, size_t got)
{
    guest->said_leaving += got;
    if (guest->said_leaving > SK_HEAD_MAX) {
        drop(guest);
    }
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct guest *guest = poll->data;
    char piece[PIECE_BYTES];
    if (status == 0 && (events & UV_WRITABLE) != 0) {
        tell(guest);
        return;
    }
    ssize_t got = status == 0 ? recv(guest->fd, piece, sizeof piece, 0) : 0;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return;
    }
    if (got > 0 && guest->leaving) {
        overhear(guest, (size_t)got);
        return;
    }
    if (got > 0) {
        sk_buffer_append(&guest->bytes, piece, (size_t)got);
    }
    if (got <= 0 || guest->bytes.failed) {
        drop(guest);
        return;
    }
    size_t head_bytes = sk_handshake_length(guest->bytes.data, guest->bytes.length);
    if (head_bytes == 0 && guest->bytes.length > SK_HEAD_MAX) {
        head_bytes = guest->bytes.length; /* of one that is too long already */
    }
    if (head_bytes > 0) {
        serve(guest, head_bytes);
    }
}

/* The peer's address in words; "" where it is no IP address. */
static void print_peer(const struct sockaddr_storage *peer, char out[SK_PORCH_PEER_BYTES])
{
    const void *address = NULL;
    if (peer->ss_family == AF_INET) {
        address = &((const struct sockaddr_in *)peer)->sin_addr;
    } else if (peer->ss_family == AF_INET6) {
        address = &((const struct sockaddr_in6 *)peer)->sin6_addr;
    }
    if (address == NULL || inet_ntop(peer->ss_family, address, out, SK_PORCH_PEER_BYTES) == NULL) {
        out[0] = '\0';
    }
}

static struct sk_household *household_of(const struct sk_porch *porch, const char *peer)
{
    char name[SK_PORCH_PEER_BYTES + sizeof "/64"];
    if (peer[0] == '\0' || sk_network_contains(porch->options.trusted, peer)) {
        return NULL;
    }
    sk_network_owner(peer, name, sizeof name);
    return sk_guard_hold(porch->guard, name);
}

/* Takes fd. The guest it has become; NULL: it could not be one. */
static struct guest *receive(struct sk_porch *porch, int fd, const struct sockaddr_storage *peer)
{
    struct guest *guest = calloc(1, sizeof *guest);
    if (!guest || uv_poll_init(porch->loop, &guest->poll, fd) != 0) {
        free(guest);
        (void)close(fd);
        return NULL;
    }
    guest->porch = porch;
    guest->fd = fd;
    guest->came_at_us = sk_monotonic_us();
    guest->poll.data = guest;
    print_peer(peer, guest->peer);
    guest->household = household_of(porch, guest->peer);
    TAILQ_INSERT_TAIL(&porch->guests, guest, link);
    porch->count++;
    if (uv_poll_start(&guest->poll, UV_READABLE, on_ready) != 0) {
        drop(guest);
        return NULL;
    }
    return guest;
}

/* --- the door ----------------------------------------------------------------------------------------------------- */

/* A socket that nobody can take keeps the loop awake: without descriptors it waits for the next tick. */
static void pause_if_short(struct sk_porch *porch, int why)
{
    if (why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM) {
        sk_log(SK_LOG_ERROR, "cannot accept", SK_S("error", strerror(why)));
        porch->pausing = uv_poll_stop(&porch->poll) == 0;
    }
}

/* Takes in one of those who wait: newcomer, NULL where it has gone already. False: there is none, or no room for one.
 */
static bool let_in(struct sk_porch *porch, struct guest **newcomer)
{
    *newcomer = NULL;
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof peer;
    int fd = accept4(porch->fd, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return errno == ECONNABORTED || errno == EINTR;
    }
    sk_pace_spend(&porch->pace, sk_monotonic_us());
    fd = porch->options.wrap != NULL ? porch->options.wrap(porch->options.context, fd) : fd;
    if (fd < 0) {
        return false;
    }
    *newcomer = receive(porch, fd, &peer);
    return true;
}

/* Whoever is here for longest makes room, of a household that has its part of the places one of its own. */
static void keep_room(struct sk_porch *porch, const struct guest *newcomer)
{
    const struct sk_household *household = newcomer != NULL ? newcomer->household : NULL;
    struct guest *oldest = TAILQ_FIRST(&porch->guests);
    if (household != NULL && household->holders > SK_PORCH_HOUSEHOLD_MAX) {
        while (oldest->household != household) {
            oldest = TAILQ_NEXT(oldest, link);
        }
        drop(oldest);
    } else if (porch->count > SK_PORCH_GUESTS_MAX) {
        drop(oldest);
    }
}

static void on_knock(uv_poll_t *poll, int status, int events);

static void on_breath(uv_timer_t *timer)
{
    struct sk_porch *porch = timer->data;
    porch->pausing = uv_poll_start(&porch->poll, UV_READABLE, on_knock) != 0;
}

static void on_knock(uv_poll_t *poll, int status, int events)
{
    struct sk_porch *porch = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int64_t wait_ms = sk_pace_wait_ms(&porch->pace, sk_monotonic_us());
        if (wait_ms > 0 && uv_timer_start(&porch->breath, on_breath, (uint64_t)wait_ms, 0) == 0) {
            (void)uv_poll_stop(&porch->poll);
            return;
        }
        struct guest *newcomer = NULL;
        if (!let_in(porch, &newcomer)) {
            pause_if_short(porch, errno);
            return;
        }
        keep_room(porch, newcomer);
    }
}

struct sk_porch *sk_porch_open(uv_loop_t *loop, const struct sk_porch_options *options)
{
    struct sk_porch *porch = calloc(1, sizeof *porch);
    struct sk_guard *guard = sk_guard_new();
    if (!porch || !guard) {
        (void)close(options->fd);
        sk_guard_free(guard);
        free(porch);
        return NULL;
    }
    *porch = (struct sk_porch){.loop = loop, .options = *options, .guard = guard, .fd = options->fd};
    TAILQ_INIT(&porch->guests);
    sk_pace_init(&porch->pace, options->rate);
    porch->listening = uv_timer_init(loop, &porch->breath) == 0 && uv_poll_init(loop, &porch->poll, porch->fd) == 0;
    porch->poll.data = porch;
    porch->breath.data = porch;
    if (!porch->listening || uv_poll_start(&porch->poll, UV_READABLE, on_knock) != 0) {
        sk_log(SK_LOG_ERROR, "nobody can connect: the listening socket cannot be watched");
    }
    return porch;
}

static void close_door(struct sk_porch *porch)
{
    if (porch->listening) {
        porch->listening = false;
        uv_close((uv_handle_t *)&porch->poll, NULL);
        uv_close((uv_handle_t *)&porch->breath, NULL);
    }
    if (porch->fd >= 0) {
        (void)close(porch->fd);
        porch->fd = -1;
    }
}

/* The kernel resets the connections that wait when their socket is closed, so they all have a place this once. */
void sk_porch_stop(struct sk_porch *porch)
{
    struct guest *newcomer = NULL;
    for (int i = 0; porch->fd >= 0 && i < SK_PORCH_BACKLOG && let_in(porch, &newcomer); i++) {
    }
    close_door(porch);
}

size_t sk_porch_count(const struct sk_porch *porch)
{
    return porch->count;
}

void sk_porch_tick(struct sk_porch *porch, int64_t now_us)
{
    struct guest *first = TAILQ_FIRST(&porch->guests);
    while (first && now_us - first->came_at_us >= SK_PORCH_WAIT_MS * US_PER_MS) {
        drop(first);
        first = TAILQ_FIRST(&porch->guests);
    }
    if (porch->pausing && porch->listening) {
        porch->pausing = uv_poll_start(&porch->poll, UV_READABLE, on_knock) != 0;
    }
}

void sk_porch_close(struct sk_porch *porch)
{
    if (!porch) {
        return;
    }
    close_door(porch);
    while (!TAILQ_EMPTY(&porch->guests)) {
        drop(TAILQ_FIRST(&porch->guests));
    }
}

void sk_porch_free(struct sk_porch *porch)
{
    if (porch != NULL) {
        sk_guard_free(porch->guard);
    }
    free(porch);
}
