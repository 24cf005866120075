/* Many WebSocket clients (RFC 6455) in one thread: they connect at a given rate, answer pings, and keep no message,
 * only what can be said of it: its type, its version, how long it took. For benches and tests; the server is on the
 * loopback. Knows of the protocol what every client needs, and nothing of sessions. */
#ifndef SK_BENCH_SWARM_H
#define SK_BENCH_SWARM_H

#include "bench/latency.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct swarm;

struct swarm_spec {
    int port;                 /* on 127.0.0.1 */
    const char *const *paths; /* client i asks for paths[i % path_count]; borrowed until swarm_free */
    size_t path_count;
    size_t clients;
    int64_t per_second; /* connects; 0: as fast as they are answered */
    size_t addresses;   /* clients come from so many addresses, 127.0.0.1 and those after it, at most 250; 0: one */
    size_t deaf;        /* the first so many read nothing once they are upgraded */
    int deaf_bytes;     /* … with receive buffers of this size; 0: as the system likes */
    size_t visits;      /* not 0: each client leaves after its first state and comes again, until so many have come */
    int rejoin_port;    /* not 0: whoever is closed connects there at once, and says RECONNECT */
};

enum swarm_type {
    SWARM_CONNECTED,
    SWARM_STATE_SYNC,
    SWARM_STATE_UPDATE,
    SWARM_TIME_WARNING,
    SWARM_TIME_EXPIRED,
    SWARM_SESSION_DELETED,
    SWARM_PONG,
    SWARM_RECONNECT_ACK,
    SWARM_ERROR,
    SWARM_OTHER,
    SWARM_TYPE_COUNT
};

#define SWARM_CLOSE_CODES 5000
#define SWARM_NO_CODE 1005 /* closed properly, without a code */
#define SWARM_DROPPED 1006 /* the connection ended without a close frame */

struct swarm_counts {
    size_t open;        /* upgraded, and not closed */
    size_t synced;      /* of these, those that have got a state on this connection */
    size_t upgraded;    /* … ever */
    size_t failed;      /* connects that were refused, or not answered with an upgrade */
    size_t left;        /* visits that ended as the client wanted */
    size_t closed;      /* by the server, or broken: closes says how */
    size_t broken;      /* frames that are none; their connection is closed */
    size_t regressions; /* states older than what the client had */
    size_t pings;
    size_t frames[SWARM_TYPE_COUNT];
    uint32_t closes[SWARM_CLOSE_CODES]; /* by code; those beyond count as SWARM_NO_CODE */
};

/* Lets this process open as many files as it may; what it may. Programs that it starts afterwards inherit that. */
size_t swarm_raise_file_limit(void);

/* Begins, in a thread of its own, and returns at once. Owned: swarm_free. NULL: out of memory or descriptors. */
struct swarm *swarm_start(const struct swarm_spec *spec) __attribute__((warn_unused_result));

/* Ends it: connections are simply closed. NULL is legal. */
void swarm_free(struct swarm *swarm);

/* Any thread may ask, at any time; none of these blocks for longer than a turn of the swarm's loop. */
void swarm_count(struct swarm *swarm, struct swarm_counts *counts);
size_t swarm_open(struct swarm *swarm);
size_t swarm_synced(struct swarm *swarm);
size_t swarm_left(struct swarm *swarm);

/* How many clients, deaf ones apart, have been told a version as new as this; path SIZE_MAX: of all paths, else of that
 * one alone. */
size_t swarm_told(struct swarm *swarm, size_t path, int64_t version);

/* How long STATE_UPDATEs took, from the instant in their text to their arrival in the client's socket: "sent_at_us"
 * (CLOCK_MONOTONIC) where there is one, else "timestamp" (milliseconds of the wall clock); of all since the start or
 * since it was asked last. */
void swarm_take_latency(struct swarm *swarm, struct latency *latency);

/* How many upgrades at the rejoin port fell into each window of so many µs from since_us (CLOCK_MONOTONIC); those
 * outside count nowhere. */
void swarm_rejoins(struct swarm *swarm, int64_t since_us, int64_t window_us, size_t *windows, size_t count);

#endif
