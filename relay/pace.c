/* A leaky bucket, kept as one instant (the generic cell rate algorithm). */
#include "relay/pace.h"

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

void sk_pace_init(struct sk_pace *pace, int64_t rate)
{
    *pace = (struct sk_pace){.cost_ns = rate > 0 ? NS_PER_S / rate : 0};
}

int64_t sk_pace_wait_ms(const struct sk_pace *pace, int64_t now_us)
{
    /* Where one costs more than a burst holds, it may still be had, alone. */
    const int64_t burst_ns = SK_PACE_BURST_MS * NS_PER_MS;
    int64_t room_ns = burst_ns > pace->cost_ns ? burst_ns - pace->cost_ns : 0;
    int64_t beyond_ns = pace->paid_ns - now_us * NS_PER_US - room_ns;
    return pace->cost_ns == 0 || beyond_ns <= 0 ? 0 : (beyond_ns + NS_PER_MS - 1) / NS_PER_MS;
}

void sk_pace_spend(struct sk_pace *pace, int64_t now_us)
{
    int64_t now_ns = now_us * NS_PER_US;
    pace->paid_ns = (pace->paid_ns > now_ns ? pace->paid_ns : now_ns) + pace->cost_ns;
}
