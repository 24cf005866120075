/* A crowd that plays many sessions at a steady rate, in threads that keep their connections open, and remembers every
 * answer: what was promised can be held against what the stores have. Each request bears an id of its own, which its
 * event bears too. */
#ifndef SK_TESTS_LOAD_H
#define SK_TESTS_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_REQUEST_BYTES 96

struct load;

struct load_spec {
    const char *base;    /* the web server's URL */
    const char *story;   /* what the sessions' ids begin with */
    const char *members; /* what the sessions are created with; ' for " */
    size_t sessions;
    size_t threads;
    long rate; /* switches a second that all threads together try for; no haste makes up for what was missed */
};

/* A switch that was answered with 200. */
struct load_move {
    int64_t version;
    int64_t answered_us; /* CLOCK_MONOTONIC */
    long request;        /* its number; load_request_id */
};

struct load_counts {
    long moves;         /* 200 */
    long refused;       /* 400 and 409: the session was no longer what the guard named */
    long unavailable;   /* 503 */
    long broken;        /* anything else, and no answer at all */
    char surprise[300]; /* the last of those */
};

/* Creates and starts the sessions and begins. Each switch names the participant whom it takes to be active. Ends with
 * the test. */
struct load *load_start(const struct load_spec *spec);

/* Waits for the answers under way; all is final then. */
void load_stop(struct load *load);

/* So far, of all sessions. */
void load_count(struct load *load, struct load_counts *counts);

/* Goes on until so many more switches were answered with 200 than now; false when patience runs out. */
bool load_await_moves(struct load *load, long more);

size_t load_sessions(const struct load *load);
const char *load_session_id(const struct load *load, size_t session);

/* The moves of one session, in the order of their answers; borrowed from the load, which must have stopped. */
const struct load_move *load_moves(const struct load *load, size_t session, size_t *count);

/* The X-Request-Id that a move went out with. */
void load_request_id(const struct load *load, size_t session, long request, char out[LOAD_REQUEST_BYTES]);

#endif
