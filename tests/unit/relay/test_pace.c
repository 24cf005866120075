/* So many a second, and a small burst. */
#include "relay/pace.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#define START_US INT64_C(5000000)

/* How many may be had in the time, by somebody who asks as often as told. */
static int had_within(int64_t rate, int64_t span_ms)
{
    struct sk_pace pace;
    int had = 0;
    int64_t now_us = START_US;
    sk_pace_init(&pace, rate);
    while (now_us < START_US + span_ms * 1000) {
        int64_t wait_ms = sk_pace_wait_ms(&pace, now_us);
        if (wait_ms == 0) {
            sk_pace_spend(&pace, now_us);
            had++;
        }
        now_us += wait_ms * 1000;
    }
    return had;
}

static void so_many_a_second_and_a_burst(void)
{
    static const struct {
        const char *name;
        int64_t rate, span_ms, low, high;
    } rows[] = {
        {"2000, a second", 2000, 1000, 2190, 2200},      {"2000, at once", 2000, 1, 200, 202},
        {"50, two seconds", 50, 2000, 104, 105},         {"1, ten seconds", 1, 10000, 10, 10},
        {"1000000, 10 ms", 1000000, 10, 105000, 110000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int had = had_within(rows[i].rate, rows[i].span_ms);
        CHECK_INT(rows[i].name, had >= rows[i].low && had <= rows[i].high ? rows[i].low : had, rows[i].low);
    }
}

static void no_limit_never_waits(void)
{
    struct sk_pace pace;
    sk_pace_init(&pace, 0);
    for (int i = 0; i < 100000; i++) {
        CHECK_INT("at once", sk_pace_wait_ms(&pace, START_US), 0);
        sk_pace_spend(&pace, START_US);
    }
}

static void a_pause_gives_no_more_than_a_burst(void)
{
    struct sk_pace pace;
    int had = 0;
    sk_pace_init(&pace, 100);
    sk_pace_spend(&pace, START_US);
    int64_t later_us = START_US + INT64_C(3600) * 1000000;
    while (sk_pace_wait_ms(&pace, later_us) == 0) {
        sk_pace_spend(&pace, later_us);
        had++;
    }
    CHECK_INT("a tenth of a second's", had, 10);
    CHECK_INT("the next one", sk_pace_wait_ms(&pace, later_us), 10);
}

void suite_relay_pace(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"so many a second, and a burst", so_many_a_second_and_a_burst},
        {"no limit never waits", no_limit_never_waits},
        {"a pause gives no more than a burst", a_pause_gives_no_more_than_a_burst},
    };
    ADD_TESTS(suite, tests);
}
