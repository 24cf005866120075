/* Owns the labels under which frames are counted. */
#include "relay/tally.h"

#include "common/metrics.h"

#include <stdio.h>
#include <string.h>

static void observe_lag(int64_t lag_ms, uint64_t times)
{
    sk_metrics_observe_times(SK_METRIC_BROADCAST_LAG, "", (double)lag_ms / 1e3, times);
}

void sk_tally_sent(struct sk_tally *tally, const struct sk_frame_buffer *frame, int64_t now_ms)
{
    tally->sent[frame->type]++;
    if (frame->committed_at_ms == 0 || now_ms == 0) {
        return;
    }
    int64_t lag_ms = now_ms > frame->committed_at_ms ? now_ms - frame->committed_at_ms : 0;
    if (lag_ms < SK_TALLY_LAGS_MS) {
        tally->lags[lag_ms]++;
    } else {
        observe_lag(lag_ms, 1);
    }
}

void sk_tally_report(struct sk_tally *tally)
{
    char label[48];
    for (int type = 0; type < SK_FRAME_TYPE_COUNT; type++) {
        if (tally->sent[type] > 0) {
            (void)snprintf(label, sizeof label, "type=\"%s\"", sk_frame_type_name((enum sk_frame_type)type));
            sk_metrics_add(SK_METRIC_WS_MESSAGES, label, tally->sent[type]);
        }
    }
    if (tally->replaced > 0) {
        sk_metrics_add(SK_METRIC_WS_REPLACED, "", tally->replaced);
    }
    for (int64_t lag_ms = 0; lag_ms < SK_TALLY_LAGS_MS; lag_ms++) {
        if (tally->lags[lag_ms] > 0) {
            observe_lag(lag_ms, tally->lags[lag_ms]);
        }
    }
    memset(tally, 0, sizeof *tally);
}
