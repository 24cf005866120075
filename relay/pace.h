/* How fast something may go: so many a second, with a small burst after a pause. Pure; the caller brings the time. */
#ifndef SK_RELAY_PACE_H
#define SK_RELAY_PACE_H

#include <stdint.h>

#define SK_PACE_BURST_MS 100 /* what was not used is kept for so long */

struct sk_pace {
    int64_t cost_ns; /* of one; 0: no limit */
    int64_t paid_ns; /* the instant up to which is paid; it may lie a burst ahead */
};

/* rate: how many a second; 0: no limit. */
void sk_pace_init(struct sk_pace *pace, int64_t rate);

/* Whether one may be had now: 0. Else after how many milliseconds, at least 1, to ask again. */
int64_t sk_pace_wait_ms(const struct sk_pace *pace, int64_t now_us);

/* One was had. */
void sk_pace_spend(struct sk_pace *pace, int64_t now_us);

#endif
