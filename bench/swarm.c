/* The swarm: one thread, one epoll, a state a connection. Owns its sockets and what was counted; keeps no message.
 * It reads once in a while instead of being woken by each frame: to wake it would be the work of whoever sends, which a
 * server does not have with clients that are elsewhere. What it tells of time is the kernel's time of arrival. */
#include "bench/swarm.h"

#include "bench/frame.h"
#include "common/buffer.h"
#include "tests/integration/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define PAUSE_US 1000 /* between readings */
#define PIECE_BYTES 65536
#define UNDERWAY_MAX 256  /* connections that are not upgraded yet, where no rate is given */
#define FAILURE_US 200000 /* how long a client that was refused waits before it tries again */
#define NORMAL 1000

/* Sec-WebSocket-Key and its answer are the example of RFC 6455 §1.3. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define KEY_ANSWER "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum state {
    STATE_AWAY,    /* no socket: waits for its turn to connect */
    STATE_DIALING, /* the connection is not made yet */
    STATE_ASKING,  /* the upgrade is asked for */
    STATE_OPEN,
    STATE_LEAVING, /* its close frame is out */
    STATE_DONE     /* no socket, and none to come */
};

struct peer {
    int fd;
    enum state state;
    bool deaf;
    bool rejoining;  /* its next or present connection is to the rejoin port */
    bool synced;     /* has got a state on this connection */
    bool in_message; /* its first fragment has come */
    int64_t version;
    int64_t again_at_us;     /* AWAY: not before */
    int64_t rejoined_at_us;  /* 0: it has not */
    struct sk_buffer bytes;  /* what came and is no whole frame yet */
    struct sk_buffer pieces; /* a message's fragments so far */
};

struct swarm {
    struct swarm_spec spec;
    pthread_t thread;
    atomic_bool stopping;
    int epoll;
    pthread_mutex_t lock; /* of everything below; the thread lets go of it while it waits */
    struct swarm_counts counts;
    size_t underway; /* DIALING or ASKING */
    size_t begun;    /* connects */
    size_t turn;     /* who is asked next whether it wants to connect */
    size_t away;
    int64_t since_us;
    struct latencies latencies;
    int64_t arrived_us; /* when the kernel had what is being read */
    char piece[PIECE_BYTES];
    struct peer peers[];
};

/* --- ends ------------------------------------------------------------------------------------------------------- */

static void hang_up(struct swarm *swarm, struct peer *peer)
{
    swarm->underway -= peer->state == STATE_DIALING || peer->state == STATE_ASKING;
    swarm->counts.open -= peer->state == STATE_OPEN;
    swarm->counts.synced -= peer->state == STATE_OPEN && peer->synced;
    peer->synced = false;
    peer->in_message = false;
    close(peer->fd);
    peer->fd = -1;
    sk_buffer_clear(&peer->bytes);
    sk_buffer_clear(&peer->pieces);
}

static void go_away(struct swarm *swarm, struct peer *peer, int64_t pause_us)
{
    peer->state = STATE_AWAY;
    peer->again_at_us = now_us() + pause_us;
    swarm->away++;
}

/* Not upgraded: whoever came only to visit, or to rejoin, tries again in a moment; and so does everybody else, since a
 * server may let in so many at a time. */
static void fail(struct swarm *swarm, struct peer *peer)
{
    swarm->counts.failed++;
    swarm->begun--;
    hang_up(swarm, peer);
    go_away(swarm, peer, FAILURE_US);
}

static void end_visit(struct swarm *swarm, struct peer *peer)
{
    swarm->counts.left++;
    hang_up(swarm, peer);
    go_away(swarm, peer, 0);
}

/* An open connection ended otherwise than the client wanted. */
static void be_closed(struct swarm *swarm, struct peer *peer, unsigned code)
{
    swarm->counts.closed++;
    swarm->counts.closes[code < SWARM_CLOSE_CODES ? code : SWARM_NO_CODE]++;
    hang_up(swarm, peer);
    if (swarm->spec.rejoin_port) {
        peer->rejoining = true;
        go_away(swarm, peer, 0);
    } else {
        peer->state = STATE_DONE;
    }
}

static void end(struct swarm *swarm, struct peer *peer, unsigned code)
{
    if (peer->state == STATE_DIALING || peer->state == STATE_ASKING) {
        fail(swarm, peer);
    } else if (peer->state == STATE_LEAVING) {
        end_visit(swarm, peer);
    } else {
        be_closed(swarm, peer, code);
    }
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

/* A client's frame (RFC 6455 §5.2): short, masked, and a mask of zeros is a mask. What does not fit into an empty send
 * queue is lost with a connection that is broken anyway. */
static void send_frame(const struct peer *peer, unsigned opcode, const char *payload, size_t length)
{
    unsigned char frame[6 + 125] = {(unsigned char)(0x80U | opcode), (unsigned char)(0x80U | length)};
    if (length <= 125) {
        memcpy(frame + 6, payload, length);
        (void)send(peer->fd, frame, 6 + length, MSG_NOSIGNAL);
    }
}

/* Every other visitor says goodbye and waits for the answer; the others are simply gone. */
static void leave(struct swarm *swarm, struct peer *peer)
{
    static const char normal[] = {(char)(NORMAL >> 8), (char)(NORMAL & 0xff)};
    if (swarm->counts.upgraded % 2) {
        end_visit(swarm, peer);
        return;
    }
    send_frame(peer, 8, normal, sizeof(normal));
    swarm->counts.open--;
    swarm->counts.synced -= peer->synced;
    peer->state = STATE_LEAVING;
}

static void say_reconnect(const struct peer *peer)
{
    char text[125];
    const int length = snprintf(text, sizeof(text), "{\"type\":\"RECONNECT\",\"last_known_version\":%lld}",
                                (long long)(peer->version < 0 ? 0 : peer->version));
    send_frame(peer, 1, text, (size_t)length);
}

/* --- what a message says ---------------------------------------------------------------------------------------- */

/* The number after the first such name; fallback where there is none. */
static int64_t number_after(const char *text, size_t length, const char *name, int64_t fallback)
{
    const size_t name_length = strlen(name);
    const char *at = memmem(text, length, name, name_length);
    if (!at) {
        return fallback;
    }
    int64_t number = 0;
    at += name_length;
    for (const char *limit = text + length; at < limit && *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (*at - '0');
    }
    return number;
}

static enum swarm_type type_of(const char *text, size_t length)
{
    static const char *const names[] = {"CONNECTED",    "STATE_SYNC",    "STATE_UPDATE",
                                        "TIME_WARNING", "TIME_EXPIRED",  "SESSION_DELETED",
                                        "PONG",         "RECONNECT_ACK", "ERROR"};
    static const char label[] = "\"type\":\"";
    _Static_assert(sizeof(names) / sizeof(*names) == SWARM_OTHER, "a name for each type");
    const char *at = memmem(text, length < 64 ? length : 64, label, sizeof(label) - 1);
    at = at ? at + sizeof(label) - 1 : text + length;
    const size_t rest = (size_t)(text + length - at);
    for (size_t i = 0; i < SWARM_OTHER; i++) {
        const size_t bytes = strlen(names[i]);
        if (bytes < rest && memcmp(at, names[i], bytes) == 0 && at[bytes] == '"') {
            return (enum swarm_type)i;
        }
    }
    return SWARM_OTHER;
}

static void take_sample(struct swarm *swarm, const char *text, size_t length)
{
    const int64_t sent_us = number_after(text, length, "\"sent_at_us\":", 0);
    int64_t took_us = swarm->arrived_us - sent_us;
    if (sent_us == 0) {
        took_us = (wall_ms() - number_after(text, length, "\"timestamp\":", 0)) * 1000;
    }
    latencies_add(&swarm->latencies, took_us);
}

static void take_message(struct swarm *swarm, struct peer *peer, const char *text, size_t length)
{
    const enum swarm_type type = type_of(text, length);
    swarm->counts.frames[type]++;
    if (type != SWARM_STATE_SYNC && type != SWARM_STATE_UPDATE) {
        return;
    }
    const int64_t version = number_after(text, length, "\"version\":", peer->version);
    swarm->counts.regressions += version < peer->version;
    peer->version = version;
    swarm->counts.synced += !peer->synced;
    peer->synced = true;
    if (type == SWARM_STATE_UPDATE) {
        take_sample(swarm, text, length);
    }
    if (swarm->spec.visits) {
        leave(swarm, peer);
    }
}

/* --- frames ----------------------------------------------------------------------------------------------------- */

/* A part of a message. False: it is out of place (RFC 6455 §5.4). */
static bool take_part(struct swarm *swarm, struct peer *peer, const struct frame *frame)
{
    const bool going_on = peer->in_message;
    if (going_on != (frame->opcode == 0)) {
        return false;
    }
    if (!going_on && frame->final) {
        take_message(swarm, peer, frame->payload, frame->length);
        return true;
    }
    peer->in_message = !frame->final;
    sk_buffer_append(&peer->pieces, frame->payload, frame->length);
    if (peer->pieces.failed || peer->pieces.length > FRAME_MAX) {
        return false;
    }
    if (frame->final) {
        struct sk_buffer message = peer->pieces;
        peer->pieces = (struct sk_buffer){.data = NULL};
        take_message(swarm, peer, sk_buffer_text(&message), message.length);
        sk_buffer_clear(&message);
    }
    return true;
}

/* After this the connection may be closed. */
static void take_frame(struct swarm *swarm, struct peer *peer, const struct frame *frame)
{
    const unsigned char *bytes = (const unsigned char *)frame->payload;
    if (frame->opcode == 8) {
        const unsigned code = frame->length >= 2 ? (unsigned)bytes[0] << 8 | bytes[1] : SWARM_NO_CODE;
        send_frame(peer, 8, frame->payload, frame->length >= 2 ? 2 : 0);
        end(swarm, peer, code);
    } else if (frame->opcode == 9) {
        swarm->counts.pings++;
        send_frame(peer, 10, frame->payload, frame->length);
    } else if ((frame->opcode > 2 && frame->opcode != 10) ||
               (frame->opcode <= 2 && peer->state == STATE_OPEN && !take_part(swarm, peer, frame))) {
        swarm->counts.broken++;
        end(swarm, peer, SWARM_DROPPED);
    }
}

/* Takes what is whole of the bytes; how many that were. */
static size_t take_frames(struct swarm *swarm, struct peer *peer, const char *bytes, size_t length)
{
    size_t used = 0;
    struct frame frame;
    while (peer->fd >= 0) {
        const int found = frame_read(bytes + used, length - used, &frame);
        if (found == 0) {
            break;
        }
        if (found < 0) {
            swarm->counts.broken++;
            end(swarm, peer, SWARM_DROPPED);
            break;
        }
        take_frame(swarm, peer, &frame);
        used += frame.whole;
    }
    return used;
}

/* --- coming in -------------------------------------------------------------------------------------------------- */

static bool watch_for(struct swarm *swarm, struct peer *peer, int how, uint32_t what)
{
    struct epoll_event event = {.events = what, .data.ptr = peer};
    return epoll_ctl(swarm->epoll, how, peer->fd, &event) == 0;
}

static void ask(struct swarm *swarm, struct peer *peer)
{
    const size_t number = (size_t)(peer - swarm->peers);
    char text[2048];
    const int length = snprintf(text, sizeof(text),
                                "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n",
                                swarm->spec.paths[number % swarm->spec.path_count]);
    if (length >= (int)sizeof(text) || send(peer->fd, text, (size_t)length, MSG_NOSIGNAL) != length ||
        !watch_for(swarm, peer, EPOLL_CTL_MOD, EPOLLIN)) {
        fail(swarm, peer);
        return;
    }
    peer->state = STATE_ASKING;
}

/* The head of the answer; how many bytes it is, 0: not all there, or it was no upgrade and the connection is gone. */
static size_t take_answer(struct swarm *swarm, struct peer *peer, const char *bytes, size_t length)
{
    const char *blank = memmem(bytes, length, "\r\n\r\n", 4);
    if (!blank && length < PIECE_BYTES) {
        return 0;
    }
    const size_t head = blank ? (size_t)(blank - bytes) + 4 : 0;
    if (head < 13 || memcmp(bytes, "HTTP/1.1 101 ", 13) != 0 ||
        !memmem(bytes, head, KEY_ANSWER, sizeof(KEY_ANSWER) - 1)) {
        fail(swarm, peer);
        return 0;
    }
    peer->state = STATE_OPEN;
    swarm->underway--;
    swarm->counts.open++;
    swarm->counts.upgraded++;
    if (peer->rejoining) {
        peer->rejoined_at_us = now_us();
        say_reconnect(peer);
    }
    if (peer->deaf) {
        (void)watch_for(swarm, peer, EPOLL_CTL_MOD, 0); /* (what breaks is reported all the same) */
    }
    return head;
}

/* Keeps what is no whole frame yet. */
static void take_bytes(struct swarm *swarm, struct peer *peer, const char *piece, size_t length)
{
    const bool kept = peer->bytes.length > 0;
    if (kept) {
        sk_buffer_append(&peer->bytes, piece, length);
    }
    struct sk_buffer whole = peer->bytes;
    const char *bytes = kept ? whole.data : piece;
    length = kept ? whole.length : length;
    peer->bytes = (struct sk_buffer){.data = NULL}; /* so that a connection that ends meanwhile does not free it */
    size_t used = peer->state == STATE_ASKING ? take_answer(swarm, peer, bytes, length) : 0;
    if (peer->state == STATE_OPEN || peer->state == STATE_LEAVING) {
        used += take_frames(swarm, peer, bytes + used, length - used);
    }
    if (peer->fd >= 0 && used < length) {
        sk_buffer_append(&peer->bytes, bytes + used, length - used);
    }
    sk_buffer_clear(&whole);
}

/* CLOCK_MONOTONIC now, less how long ago an instant of the wall clock was. */
static int64_t monotonic_us(const struct timespec *wall)
{
    struct timespec now = {.tv_sec = 0};
    clock_gettime(CLOCK_REALTIME, &now);
    return now_us() - ((now.tv_sec - wall->tv_sec) * 1000000 + (now.tv_nsec - wall->tv_nsec) / 1000);
}

/* Reads what there is, and notes when the kernel got it: that is what the server has to do with. It is acknowledged
 * here and now: else the kernel does so whenever the server sends the next, in the server's time. */
static ssize_t receive(struct swarm *swarm, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(struct timespec))];
        struct cmsghdr align;
    } room;
    struct iovec piece = {.iov_base = swarm->piece, .iov_len = sizeof(swarm->piece)};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof(room.bytes)};
    static const int yes = 1;
    const ssize_t got = recvmsg(fd, &message, 0);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));
    struct cmsghdr *stamp = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    swarm->arrived_us = now_us();
    if (stamp && stamp->cmsg_level == SOL_SOCKET && stamp->cmsg_type == SCM_TIMESTAMPNS) {
        struct timespec wall;
        memcpy(&wall, CMSG_DATA(stamp), sizeof(wall));
        swarm->arrived_us = monotonic_us(&wall);
    }
    return got;
}

static void on_event(struct swarm *swarm, struct peer *peer, uint32_t what)
{
    if (peer->fd < 0) {
        return;
    }
    if (peer->state == STATE_DIALING) {
        if (what & (EPOLLERR | EPOLLHUP)) {
            fail(swarm, peer);
        } else {
            ask(swarm, peer);
        }
        return;
    }
    if (peer->deaf && peer->state == STATE_OPEN) {
        end(swarm, peer, SWARM_DROPPED);
        return;
    }
    const ssize_t got = receive(swarm, peer->fd);
    if (got > 0) {
        take_bytes(swarm, peer, swarm->piece, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        end(swarm, peer, SWARM_DROPPED);
    }
}

/* --- going out -------------------------------------------------------------------------------------------------- */

static int make_socket(const struct swarm *swarm, const struct peer *peer)
{
    const size_t number = (size_t)(peer - swarm->peers);
    const size_t addresses = swarm->spec.addresses ? swarm->spec.addresses : 1;
    const struct sockaddr_in from = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(number % addresses))};
    const int yes = 1;
    const int bytes = swarm->spec.deaf_bytes;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof(yes)) ||
        (peer->deaf && bytes > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes))) ||
        (addresses > 1 && (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes)) ||
                           bind(fd, (const struct sockaddr *)&from, sizeof(from))))) {
        close(fd);
        return -1;
    }
    return fd;
}

static void dial(struct swarm *swarm, struct peer *peer)
{
    const int port = peer->rejoining ? swarm->spec.rejoin_port : swarm->spec.port;
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    swarm->away--;
    swarm->begun++;
    peer->fd = make_socket(swarm, peer);
    if (peer->fd < 0) {
        swarm->counts.failed++;
        swarm->begun--;
        go_away(swarm, peer, FAILURE_US);
        return;
    }
    peer->state = STATE_DIALING;
    swarm->underway++;
    if ((connect(peer->fd, (const struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS) ||
        !watch_for(swarm, peer, EPOLL_CTL_ADD, EPOLLOUT)) {
        fail(swarm, peer);
    }
}

/* How many may set out now. Who rejoins does so at once: what the server spreads is to be seen. */
static size_t allowance(const struct swarm *swarm)
{
    const size_t spare = UNDERWAY_MAX > swarm->underway ? UNDERWAY_MAX - swarm->underway : 0;
    size_t allowed = spare;
    if (swarm->spec.per_second > 0) {
        const int64_t due = (now_us() - swarm->since_us) * swarm->spec.per_second / 1000000;
        allowed = due > (int64_t)swarm->begun ? (size_t)due - swarm->begun : 0;
    }
    if (swarm->spec.visits) {
        const size_t left = swarm->spec.visits > swarm->begun ? swarm->spec.visits - swarm->begun : 0;
        allowed = allowed < left ? allowed : left;
    }
    return allowed;
}

static void set_out(struct swarm *swarm)
{
    size_t allowed = allowance(swarm);
    const int64_t now = now_us();
    for (size_t tried = 0; swarm->away > 0 && tried < swarm->spec.clients; tried++) {
        struct peer *peer = &swarm->peers[swarm->turn++ % swarm->spec.clients];
        if (peer->state != STATE_AWAY || peer->again_at_us > now || (!peer->rejoining && allowed == 0)) {
            continue;
        }
        allowed -= !peer->rejoining;
        dial(swarm, peer);
    }
}

/* --- the loop --------------------------------------------------------------------------------------------------- */

static void *run(void *argument)
{
    struct swarm *swarm = argument;
    struct epoll_event events[EVENTS];
    int count = 0;
    while (!swarm->stopping) {
        pthread_mutex_lock(&swarm->lock);
        for (int i = 0; i < count; i++) {
            on_event(swarm, events[i].data.ptr, events[i].events);
        }
        if (swarm->away > 0) {
            set_out(swarm);
        }
        pthread_mutex_unlock(&swarm->lock);
        if (count < EVENTS) {
            usleep(PAUSE_US);
        }
        count = epoll_wait(swarm->epoll, events, EVENTS, 0);
    }
    return NULL;
}

size_t swarm_raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) {
        return 0;
    }
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) ? 0 : limit.rlim_cur;
}

static void release(struct swarm *swarm)
{
    for (size_t i = 0; i < swarm->spec.clients; i++) {
        if (swarm->peers[i].fd >= 0) {
            hang_up(swarm, &swarm->peers[i]);
        }
    }
    if (swarm->epoll >= 0) {
        close(swarm->epoll);
    }
    pthread_mutex_destroy(&swarm->lock);
    latencies_free(&swarm->latencies);
    free(swarm);
}

struct swarm *swarm_start(const struct swarm_spec *spec)
{
    struct swarm *swarm = calloc(1, sizeof(*swarm) + spec->clients * sizeof(swarm->peers[0]));
    if (!swarm) {
        return NULL;
    }
    swarm->spec = *spec;
    swarm->away = spec->clients;
    swarm->since_us = now_us();
    for (size_t i = 0; i < spec->clients; i++) {
        swarm->peers[i] = (struct peer){.fd = -1, .state = STATE_AWAY, .deaf = i < spec->deaf, .version = -1};
    }
    pthread_mutex_init(&swarm->lock, NULL);
    const bool measures = latencies_init(&swarm->latencies);
    swarm->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!measures || swarm->epoll < 0 || pthread_create(&swarm->thread, NULL, run, swarm)) {
        release(swarm);
        return NULL;
    }
    return swarm;
}

void swarm_free(struct swarm *swarm)
{
    if (swarm) {
        swarm->stopping = true;
        pthread_join(swarm->thread, NULL);
        release(swarm);
    }
}

/* --- what came of it -------------------------------------------------------------------------------------------- */

void swarm_count(struct swarm *swarm, struct swarm_counts *counts)
{
    pthread_mutex_lock(&swarm->lock);
    *counts = swarm->counts;
    pthread_mutex_unlock(&swarm->lock);
}

static size_t read_count(struct swarm *swarm, const size_t *count)
{
    pthread_mutex_lock(&swarm->lock);
    const size_t value = *count;
    pthread_mutex_unlock(&swarm->lock);
    return value;
}

size_t swarm_open(struct swarm *swarm)
{
    return read_count(swarm, &swarm->counts.open);
}

size_t swarm_synced(struct swarm *swarm)
{
    return read_count(swarm, &swarm->counts.synced);
}

size_t swarm_left(struct swarm *swarm)
{
    return read_count(swarm, &swarm->counts.left);
}

size_t swarm_told(struct swarm *swarm, size_t path, int64_t version)
{
    size_t told = 0;
    pthread_mutex_lock(&swarm->lock);
    for (size_t i = 0; i < swarm->spec.clients; i++) {
        const bool meant = path == SIZE_MAX || i % swarm->spec.path_count == path;
        told += meant && !swarm->peers[i].deaf && swarm->peers[i].version >= version;
    }
    pthread_mutex_unlock(&swarm->lock);
    return told;
}

void swarm_take_latency(struct swarm *swarm, struct latency *latency)
{
    pthread_mutex_lock(&swarm->lock);
    latencies_take(&swarm->latencies, latency);
    pthread_mutex_unlock(&swarm->lock);
}

void swarm_rejoins(struct swarm *swarm, int64_t since_us, int64_t window_us, size_t *windows, size_t count)
{
    memset(windows, 0, count * sizeof(*windows));
    pthread_mutex_lock(&swarm->lock);
    for (size_t i = 0; i < swarm->spec.clients; i++) {
        const int64_t at_us = swarm->peers[i].rejoined_at_us - since_us;
        if (swarm->peers[i].rejoined_at_us > 0 && at_us >= 0 && (size_t)(at_us / window_us) < count) {
            windows[at_us / window_us]++;
        }
    }
    pthread_mutex_unlock(&swarm->lock);
}
