/* What the relay counts between two ticks, on its way to the metrics: thousands of frames a second cost an addition
 * each, and the shared counters are touched once a tick. */
#ifndef SK_RELAY_TALLY_H
#define SK_RELAY_TALLY_H

#include "relay/frame_buffer.h"

#include <stdint.h>

#define SK_TALLY_LAGS_MS 256 /* a lag is counted by its milliseconds, one that is longer at once */

struct sk_tally {
    uint64_t sent[SK_FRAME_TYPE_COUNT];
    uint64_t replaced; /* states that a newer one took the place of before they were sent */
    uint32_t lags[SK_TALLY_LAGS_MS];
};

/* A frame went out, at that server time. */
void sk_tally_sent(struct sk_tally *tally, const struct sk_frame_buffer *frame, int64_t now_ms);

/* Adds everything to the metrics, and begins anew. */
void sk_tally_report(struct sk_tally *tally);

#endif
