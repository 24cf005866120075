/* Load on the API: switches, over connections that stay open, as fast as they are answered or at a fixed rate. Knows
 * HTTP/1.1 just as far as our web server speaks it. */
#ifndef SK_BENCH_SWITCHES_H
#define SK_BENCH_SWITCHES_H

#include <stddef.h>
#include <stdint.h>

struct switches_spec {
    int port;           /* of the web server, on the loopback */
    const char *prefix; /* sessions are prefix0, prefix1, …, all running; borrowed until switches_stop */
    size_t sessions;    /* at least as many as connections: each connection has its own, so that none collide */
    size_t connections; /* 1 to SWITCHES_CONNECTIONS_MAX */
    int64_t per_second; /* 0: each connection asks again as soon as it is answered */
};

#define SWITCHES_CONNECTIONS_MAX 256

struct switches_result {
    int64_t changed; /* answered with 200 */
    int64_t refused; /* answered otherwise */
    int64_t broken;  /* connections that ended without an answer */
    int64_t wall_us;
};

/* Begins, in a thread of its own. Owned: switches_stop. NULL: could not connect. */
struct switches *switches_start(const struct switches_spec *spec);

/* Ends it: answers that are still due are waited for, up to some seconds. Frees switches. */
struct switches_result switches_stop(struct switches *switches);

#endif
