/* How much of what strangers make libwebsockets say gets into the log. */
#include "relay/lws_log.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#define START_US INT64_C(5000000)
#define SECOND_US INT64_C(1000000)

/* How many of so many lines, all said at now_us, are written. */
static int written_of(struct sk_lws_log_quota *quota, int lines, int64_t now_us)
{
    int written = 0;
    for (int i = 0; i < lines; i++) {
        written += sk_lws_log_take(quota, now_us);
    }
    return written;
}

static void so_many_lines_a_second_and_then_how_many_more(void)
{
    struct sk_lws_log_quota quota = {.lines = 0};
    CHECK_INT("at once", written_of(&quota, 1000, START_US), SK_LWS_LOG_LINES_A_SECOND);
    CHECK_INT("later in that second", written_of(&quota, 5, START_US + SECOND_US - 1), 0);
    CHECK_INT("not told yet", (int64_t)sk_lws_log_left_out(&quota, START_US + SECOND_US - 1), 0);
    CHECK_INT("told", (int64_t)sk_lws_log_left_out(&quota, START_US + SECOND_US), 1005 - SK_LWS_LOG_LINES_A_SECOND);
    CHECK_INT("told once", (int64_t)sk_lws_log_left_out(&quota, START_US + SECOND_US), 0);
    CHECK_INT("the next second", written_of(&quota, 3, START_US + SECOND_US), 3);
    CHECK_INT("all of it", (int64_t)sk_lws_log_left_out(&quota, START_US + 3 * SECOND_US), 0);
}

void suite_relay_lws_log(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"so many lines a second, and then how many more", so_many_lines_a_second_and_then_how_many_more},
    };
    ADD_TESTS(suite, tests);
}
