/* How long things took, in buckets of 20 µs up to ten seconds. One thread at a time. */
#ifndef SK_BENCH_LATENCY_H
#define SK_BENCH_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

struct latencies {
    uint64_t count;
    int64_t max_us;
    uint32_t *buckets; /* owned */
};

struct latency {
    uint64_t count;
    int64_t p50_us; /* a bucket's upper end */
    int64_t p99_us;
    int64_t max_us;
};

/* False: out of memory. _free takes a record of zeros, too. */
bool latencies_init(struct latencies *latencies) __attribute__((warn_unused_result));
void latencies_free(struct latencies *latencies);

/* Negative ones count as 0. */
void latencies_add(struct latencies *latencies, int64_t took_us);

/* Tells of all since it was asked last, and begins anew; zeros where there are none. */
void latencies_take(struct latencies *latencies, struct latency *latency);

#endif
