/* Tests of common/server_clock. */
#include "common/server_clock.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <stdlib.h>

#define EPOCH_US INT64_C(1767225600000000) /* Redis' time when the monotonic clock of these tests stood at 0 */
#define SECOND_US INT64_C(1000000)

/* A sample at sent_us whose way took there_us and back_us, of a server whose clock is ahead_us off. */
static void sample(struct sk_server_clock *clock, int64_t sent_us, int64_t there_us, int64_t back_us, int64_t ahead_us)
{
    sk_server_clock_sample(clock, sent_us, sent_us + there_us + back_us, EPOCH_US + ahead_us + sent_us + there_us);
}

/* By how much the estimate is off at that instant, in milliseconds (rounded down). */
static int64_t off_ms(const struct sk_server_clock *clock, int64_t monotonic_us, int64_t ahead_us)
{
    return sk_server_clock_at(clock, monotonic_us) - (EPOCH_US + ahead_us + monotonic_us) / 1000;
}

static void without_samples(void)
{
    struct sk_server_clock clock = {0};
    CHECK_INT("time", sk_server_clock_at(&clock, SECOND_US), 0);
    CHECK("not fresh", !sk_server_clock_fresh(&clock, SECOND_US, 1000000));
}

static void one_sample(void)
{
    struct sk_server_clock clock = {0};
    sample(&clock, 10 * SECOND_US, 100, 100, 0);
    CHECK_INT("at once", sk_server_clock_at(&clock, 10 * SECOND_US), EPOCH_US / 1000 + 10000);
    CHECK_INT("later", sk_server_clock_at(&clock, 70 * SECOND_US), EPOCH_US / 1000 + 70000);
    CHECK_INT("earlier", sk_server_clock_at(&clock, 0), EPOCH_US / 1000);
}

static void the_quickest_counts(void)
{
    struct sk_server_clock clock = {0};
    for (int i = 0; i < 10; i++) {
        sample(&clock, i * SECOND_US, i == 4 ? 100 : 40000, 100, 0); /* the slow ones are 20 ms off */
    }
    CHECK_INT("off", off_ms(&clock, 10 * SECOND_US, 0), 0);
}

/* A quick sample is worth less as it ages: the clocks drift apart. */
static void age_counts(void)
{
    struct sk_server_clock clock = {0};
    int64_t drifted_us = 5000; /* 50 ppm in 100 s: not enough to be taken for a step */
    sample(&clock, 0, 50, 50, 0);
    sample(&clock, 100 * SECOND_US, 4000, 4000, drifted_us);
    CHECK_INT("both are there", clock.count, 2);
    CHECK_INT("off", off_ms(&clock, 100 * SECOND_US + 8000, drifted_us), 0);
}

static void a_slow_answer_does_not_throw_away_what_is_known(void)
{
    struct sk_server_clock clock = {0};
    sample(&clock, 0, 100, 100, 0);
    sample(&clock, SECOND_US, 3 * SECOND_US, 100, 0); /* 1.5 s off by its middle, as its round trip explains */
    CHECK_INT("samples", clock.count, 2);
    CHECK_INT("off", off_ms(&clock, 5 * SECOND_US, 0), 0);
}

static void a_step_is_followed_at_once(void)
{
    static const int64_t steps_us[] = {5 * SECOND_US, -5 * SECOND_US, 20000, -20000, 86400 * SECOND_US};
    for (size_t i = 0; i < sizeof steps_us / sizeof steps_us[0]; i++) {
        char what[32];
        (void)snprintf(what, sizeof what, "step %zu", i);
        struct sk_server_clock clock = {0};
        for (int second = 0; second < 20; second++) {
            sample(&clock, second * SECOND_US, 100, 100, 0);
        }
        sample(&clock, 20 * SECOND_US, 300, 300, steps_us[i]);
        CHECK_INT(what, clock.count, 1);
        CHECK_INT(what, off_ms(&clock, 21 * SECOND_US, steps_us[i]), 0);
    }
}

static void the_ring_forgets_the_oldest(void)
{
    struct sk_server_clock clock = {0};
    sample(&clock, 0, 1, 1, 0);
    for (int64_t i = 1; i <= SK_CLOCK_SAMPLES; i++) {
        sample(&clock, i * 1000, 400, 400, 0);
    }
    CHECK_INT("count", clock.count, SK_CLOCK_SAMPLES);
    for (int i = 0; i < SK_CLOCK_SAMPLES; i++) {
        CHECK_INT("round trip", clock.samples[i].round_trip_us, 800);
    }
}

static void freshness(void)
{
    static const struct {
        const char *name;
        int64_t at_us, max_age_ms;
        bool fresh;
    } rows[] = {
        {"at once", 10 * SECOND_US, 0, true},
        {"a microsecond later", 10 * SECOND_US + 1, 0, false},
        {"just within", 11 * SECOND_US, 1000, true},
        {"just too late", 11 * SECOND_US + 1, 1000, false},
        {"before it was taken", 9 * SECOND_US, 1, true},
        {"no age is little enough", 10 * SECOND_US, -1, false},
        {"any age will do", INT64_C(1) << 50, INT64_MAX, true},
        {"absurd instant", INT64_MAX, INT64_MAX, false},
        {"absurd instant", INT64_MIN, INT64_MAX, false},
    };
    struct sk_server_clock clock = {0};
    sample(&clock, 10 * SECOND_US - 100, 50, 50, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_INT(rows[i].name, sk_server_clock_fresh(&clock, rows[i].at_us, rows[i].max_age_ms), rows[i].fresh);
    }
}

/* Whatever comes in, nothing overflows (the sanitizers watch) and a good sample is not lost to a bad one. */
static void rubbish(void)
{
    static const int64_t values[] = {INT64_MIN, INT64_MIN + 1, -SECOND_US,    -1,       0, 1,
                                     SECOND_US, EPOCH_US,      INT64_MAX - 1, INT64_MAX};
    enum { COUNT = sizeof values / sizeof values[0] };
    struct sk_server_clock clock = {0};
    for (size_t i = 0; i < (size_t)COUNT * COUNT * COUNT; i++) {
        sk_server_clock_sample(&clock, values[i % COUNT], values[i / COUNT % COUNT], values[i / COUNT / COUNT]);
        for (size_t j = 0; j < COUNT; j++) {
            CU_ASSERT_TRUE(sk_server_clock_at(&clock, values[j]) >= 0);
            (void)sk_server_clock_fresh(&clock, values[j], values[i % COUNT]);
        }
    }
    struct sk_server_clock good = {0};
    sample(&good, SECOND_US, 100, 100, 0);
    sk_server_clock_sample(&good, 3 * SECOND_US, 2 * SECOND_US, EPOCH_US);
    sk_server_clock_sample(&good, 2 * SECOND_US, 3 * SECOND_US, -1);
    sk_server_clock_sample(&good, -5, 3 * SECOND_US, EPOCH_US);
    CHECK_INT("count", good.count, 1);
    CHECK_INT("off", off_ms(&good, 2 * SECOND_US, 0), 0);
}

/* An hour of samples over a jittery line, the clocks drifting: never further off than the quickest ways explain. */
static void jitter_and_drift(void)
{
    struct sk_server_clock clock = {0};
    unsigned seed = 7;
    int64_t worst_ms = 0;
    for (int64_t at_us = 0; at_us < 3600 * SECOND_US; at_us += SECOND_US / 2) {
        int64_t ahead_us = at_us / 20000;
        seed = seed * 1103515245U + 12345U;
        int64_t there_us = 150 + (seed >> 16) % 9000;
        seed = seed * 1103515245U + 12345U;
        int64_t back_us = 150 + (seed >> 16) % 9000;
        sample(&clock, at_us, there_us, back_us, ahead_us);
        int64_t off = llabs(off_ms(&clock, at_us + SECOND_US / 4, ahead_us));
        worst_ms = off > worst_ms && at_us > 8 * SECOND_US ? off : worst_ms;
    }
    CHECK("never off by more than 4 ms", worst_ms <= 4);
    CHECK_INT("no false step", clock.count, SK_CLOCK_SAMPLES);
}

static void the_monotonic_clock_runs(void)
{
    int64_t before = sk_monotonic_us();
    int64_t after = sk_monotonic_us();
    CHECK("runs forward", before > 0 && after >= before && after - before < 5 * SECOND_US);
}

void suite_server_clock(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"without samples", without_samples},
        {"one sample", one_sample},
        {"the quickest counts", the_quickest_counts},
        {"age counts", age_counts},
        {"a slow answer does not throw away what is known", a_slow_answer_does_not_throw_away_what_is_known},
        {"a step is followed at once", a_step_is_followed_at_once},
        {"the ring forgets the oldest", the_ring_forgets_the_oldest},
        {"freshness", freshness},
        {"rubbish", rubbish},
        {"jitter and drift", jitter_and_drift},
        {"the monotonic clock runs", the_monotonic_clock_runs},
    };
    ADD_TESTS(suite, tests);
}
