/* The estimate of Redis' time. Owns the samples' judgement; never reads a wall clock and never asks Redis itself. */
#include "common/server_clock.h"

#include <stddef.h>
#include <time.h>

/* Two clocks drift apart by some 50 ppm, at worst each its own way: what a sample is worth less for its age. */
#define DRIFT_PER_US 10000
#define STEP_SLACK_US 1000

/* No process and no server has been up, or will be, for longer (some 9000 years): sums of two cannot overflow. */
#define SANE_US INT64_C(300000000000000000)

int64_t sk_monotonic_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool sane(int64_t us)
{
    return us >= 0 && us <= SANE_US;
}

static unsigned samples_of(const struct sk_server_clock *clock)
{
    return clock->count < SK_CLOCK_SAMPLES ? clock->count : SK_CLOCK_SAMPLES;
}

/* By how much the sample's offset can be wrong at that instant. */
static int64_t uncertainty_us(const struct sk_clock_sample *sample, int64_t monotonic_us)
{
    int64_t age_us = monotonic_us - sample->taken_at_us;
    return sample->round_trip_us / 2 + (age_us > 0 ? age_us / DRIFT_PER_US : 0);
}

/* The sample to be trusted most at that instant; NULL without any. */
static const struct sk_clock_sample *best_at(const struct sk_server_clock *clock, int64_t monotonic_us)
{
    const struct sk_clock_sample *best = NULL;
    for (unsigned i = 0; i < samples_of(clock); i++) {
        const struct sk_clock_sample *sample = &clock->samples[i];
        if (!best || uncertainty_us(sample, monotonic_us) < uncertainty_us(best, monotonic_us)) {
            best = sample;
        }
    }
    return best;
}

/* Whether two offsets differ by more than both samples' uncertainties allow. */
static bool contradicts(const struct sk_clock_sample *sample, const struct sk_clock_sample *best)
{
    int64_t apart_us = sample->offset_us - best->offset_us;
    int64_t allowed_us = sample->round_trip_us / 2 + uncertainty_us(best, sample->taken_at_us) + STEP_SLACK_US;
    return apart_us > allowed_us || apart_us < -allowed_us;
}

void sk_server_clock_sample(struct sk_server_clock *clock, int64_t sent_us, int64_t received_us, int64_t redis_us)
{
    if (!sane(sent_us) || !sane(received_us) || !sane(redis_us) || redis_us == 0 || received_us < sent_us) {
        return;
    }
    int64_t round_trip_us = received_us - sent_us;
    struct sk_clock_sample sample = {
        .offset_us = redis_us - (sent_us + round_trip_us / 2),
        .round_trip_us = round_trip_us,
        .taken_at_us = received_us,
    };
    const struct sk_clock_sample *best = best_at(clock, received_us);
    if (best && contradicts(&sample, best)) {
        clock->count = 0;
        clock->next = 0;
    }
    clock->samples[clock->next % SK_CLOCK_SAMPLES] = sample;
    clock->next = (clock->next + 1) % SK_CLOCK_SAMPLES;
    clock->count = samples_of(clock) < SK_CLOCK_SAMPLES ? clock->count + 1 : SK_CLOCK_SAMPLES;
}

bool sk_server_clock_fresh(const struct sk_server_clock *clock, int64_t monotonic_us, int64_t max_age_ms)
{
    if (clock->count == 0 || !sane(monotonic_us) || max_age_ms < 0) {
        return false;
    }
    unsigned latest = (clock->next + SK_CLOCK_SAMPLES - 1) % SK_CLOCK_SAMPLES;
    int64_t age_us = monotonic_us - clock->samples[latest].taken_at_us;
    return age_us < 0 || age_us / 1000 < max_age_ms || (age_us / 1000 == max_age_ms && age_us % 1000 == 0);
}

int64_t sk_server_clock_at(const struct sk_server_clock *clock, int64_t monotonic_us)
{
    if (!sane(monotonic_us)) {
        return 0;
    }
    const struct sk_clock_sample *best = best_at(clock, monotonic_us);
    int64_t redis_us = best ? monotonic_us + best->offset_us : 0;
    return redis_us > 0 ? redis_us / 1000 : 0;
}
