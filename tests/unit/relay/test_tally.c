/* What is counted between two ticks. */
#include "relay/tally.h"

#include "common/metrics.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <string.h>

static struct sk_frame_buffer *update(int64_t committed_at_ms)
{
    const struct sk_message_header header = {.type = SK_MESSAGE_STATE_UPDATE, .committed_at_ms = committed_at_ms};
    struct sk_frame_buffer *frame = sk_frame_buffer_published(&header, "{}", 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(frame);
    return frame;
}

static bool shows(const char *line)
{
    struct sk_buffer out = {.data = NULL};
    sk_metrics_write(&out);
    bool found = strstr(sk_buffer_text(&out), line) != NULL;
    sk_buffer_clear(&out);
    return found;
}

/* The counters are this whole process', but nothing else here counts lags. */
static void lags_are_those_of_published_frames(void)
{
    struct sk_tally tally = {.replaced = 3};
    struct sk_frame_buffer *published = update(1000);
    struct sk_frame_buffer *answer = sk_frame_buffer_new(SK_FRAME_PONG, "{}", 2);
    sk_tally_sent(&tally, published, 1003);
    sk_tally_sent(&tally, published, 1003);
    sk_tally_sent(&tally, published, 999);  /* a clock that is behind is no lag */
    sk_tally_sent(&tally, published, 3000); /* too long for the table */
    sk_tally_sent(&tally, published, 0);    /* the server's time is not known */
    sk_tally_sent(&tally, answer, 5000);
    sk_tally_report(&tally);
    CHECK("shown", shows("synckairos_broadcast_lag_seconds_count 4\n"));
    CHECK("shown", shows("synckairos_broadcast_lag_seconds_sum 2.006\n"));
    CHECK("shown", shows("synckairos_broadcast_lag_seconds_bucket{le=\"0.001\"} 1\n"));
    CHECK("shown", shows("synckairos_broadcast_lag_seconds_bucket{le=\"0.005\"} 3\n"));
    CHECK("shown", shows("synckairos_websocket_messages_total{type=\"STATE_UPDATE\"} 5\n"));
    CHECK("shown", shows("synckairos_websocket_messages_total{type=\"PONG\"} 1\n"));
    CHECK("shown", shows("synckairos_websocket_replaced_updates_total 3\n"));
    CHECK_INT("begun anew", (int64_t)tally.replaced, 0);
    sk_tally_report(&tally);
    CHECK("shown", shows("synckairos_broadcast_lag_seconds_count 4\n"));
    sk_frame_buffer_release(published);
    sk_frame_buffer_release(answer);
}

void suite_relay_tally(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"lags are those of published frames", lags_are_those_of_published_frames},
    };
    ADD_TESTS(suite, tests);
}
