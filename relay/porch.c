/* Owns the listening socket, and each connection until it is handed on or dropped. */
#include "relay/porch.h"

#include "common/buffer.h"
#include "common/log.h"
#include "common/server_clock.h"
#include "relay/handshake.h"

#include <errno.h>
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
    struct sk_buffer bytes;
    int64_t came_at_us;
};

struct sk_porch {
    uv_loop_t *loop;
    uv_poll_t poll;
    int fd;         /* -1: no more */
    bool pausing;   /* no descriptors were left; until the next tick */
    bool listening; /* poll is open */
    TAILQ_HEAD(sk_porch_guests, guest) guests;
    size_t count;
    sk_porch_hand_on *hand_on;
    void *context;
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
    uv_close((uv_handle_t *)&guest->poll, on_guest_closed);
    return guest->fd;
}

static void drop(struct guest *guest)
{
    (void)close(dismiss(guest));
}

static void hand_on(struct guest *guest, size_t head_bytes)
{
    const struct sk_porch *porch = guest->porch;
    struct sk_buffer out = {0};
    sk_handshake_rewrite(guest->bytes.data, head_bytes, &out);
    sk_buffer_append(&out, guest->bytes.data + head_bytes, guest->bytes.length - head_bytes);
    int fd = dismiss(guest);
    if (out.failed) {
        (void)close(fd);
    } else {
        porch->hand_on(porch->context, fd, out.data, out.length);
    }
    sk_buffer_clear(&out);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct guest *guest = poll->data;
    char piece[PIECE_BYTES];
    (void)events;
    ssize_t got = status == 0 ? recv(guest->fd, piece, sizeof piece, 0) : 0;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return;
    }
    if (got > 0) {
        sk_buffer_append(&guest->bytes, piece, (size_t)got);
    }
    size_t head_bytes = got > 0 ? sk_handshake_length(guest->bytes.data, guest->bytes.length) : 0;
    if (got <= 0 || guest->bytes.failed || (head_bytes ? head_bytes : guest->bytes.length) > SK_HEAD_MAX) {
        drop(guest);
    } else if (head_bytes > 0) {
        hand_on(guest, head_bytes);
    }
}

/* Takes fd. */
static void receive(struct sk_porch *porch, int fd)
{
    if (porch->count >= SK_PORCH_GUESTS_MAX) {
        drop(TAILQ_FIRST(&porch->guests)); /* whoever has said nothing for longest makes room for the newcomer */
    }
    struct guest *guest = calloc(1, sizeof *guest);
    if (!guest || uv_poll_init(porch->loop, &guest->poll, fd) != 0) {
        free(guest);
        (void)close(fd);
        return;
    }
    guest->porch = porch;
    guest->fd = fd;
    guest->came_at_us = sk_monotonic_us();
    guest->poll.data = guest;
    TAILQ_INSERT_TAIL(&porch->guests, guest, link);
    porch->count++;
    if (uv_poll_start(&guest->poll, UV_READABLE, on_readable) != 0) {
        drop(guest);
    }
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

static void on_knock(uv_poll_t *poll, int status, int events)
{
    struct sk_porch *porch = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(porch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            pause_if_short(porch, errno);
            return;
        }
        receive(porch, fd);
    }
}

struct sk_porch *sk_porch_open(uv_loop_t *loop, int fd, sk_porch_hand_on *hand_on_to, void *context)
{
    struct sk_porch *porch = calloc(1, sizeof *porch);
    if (!porch) {
        (void)close(fd);
        return NULL;
    }
    *porch = (struct sk_porch){.loop = loop, .fd = fd, .hand_on = hand_on_to, .context = context};
    TAILQ_INIT(&porch->guests);
    porch->listening = uv_poll_init(loop, &porch->poll, fd) == 0;
    porch->poll.data = porch;
    if (!porch->listening || uv_poll_start(&porch->poll, UV_READABLE, on_knock) != 0) {
        sk_log(SK_LOG_ERROR, "nobody can connect: the listening socket cannot be watched");
    }
    return porch;
}

void sk_porch_stop(struct sk_porch *porch)
{
    if (porch->listening) {
        porch->listening = false;
        uv_close((uv_handle_t *)&porch->poll, NULL);
    }
    if (porch->fd >= 0) {
        (void)close(porch->fd);
        porch->fd = -1;
    }
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
    sk_porch_stop(porch);
    while (!TAILQ_EMPTY(&porch->guests)) {
        drop(TAILQ_FIRST(&porch->guests));
    }
}

void sk_porch_free(struct sk_porch *porch)
{
    free(porch);
}
