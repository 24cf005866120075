/* Redis' time without asking each time: the offset from this process' monotonic clock to Redis' TIME, taken from the
 * samples of least round trip. Plain data; not shared between threads. No wall clock is read anywhere. */
#ifndef SK_COMMON_SERVER_CLOCK_H
#define SK_COMMON_SERVER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define SK_CLOCK_SAMPLES 16

struct sk_clock_sample {
    int64_t offset_us; /* Redis' time minus the monotonic clock */
    int64_t round_trip_us;
    int64_t taken_at_us; /* monotonic */
};

struct sk_server_clock {
    struct sk_clock_sample samples[SK_CLOCK_SAMPLES]; /* a ring */
    unsigned next;
    unsigned count;
};

/* CLOCK_MONOTONIC in microseconds. */
int64_t sk_monotonic_us(void);

/* Takes a sample: Redis said redis_us somewhere between sent_us and received_us (monotonic). A sample that
 * disagrees with the estimate by more than its own round trip can explain (the server's clock was set, or another
 * server answers now) throws the older ones away. */
void sk_server_clock_sample(struct sk_server_clock *clock, int64_t sent_us, int64_t received_us, int64_t redis_us);

/* Whether a sample was taken within max_age_ms before monotonic_us. */
bool sk_server_clock_fresh(const struct sk_server_clock *clock, int64_t monotonic_us, int64_t max_age_ms);

/* Redis' time at monotonic_us, in epoch milliseconds; needs at least one sample (0 without). */
int64_t sk_server_clock_at(const struct sk_server_clock *clock, int64_t monotonic_us);

#endif
