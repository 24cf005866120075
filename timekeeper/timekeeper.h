/* The timekeeper: fires warnings and expiries that are due. Nothing lives in it: any number may run, and what one that
 * died had claimed comes back to the others. */
#ifndef SK_TIMEKEEPER_TIMEKEEPER_H
#define SK_TIMEKEEPER_TIMEKEEPER_H

#include "common/store.h"
#include "common/timers.h"

struct sk_timekeeper {
    struct sk_store *store; /* borrowed */
    bool redis_away;        /* said once, when it goes and when it comes back */
    int64_t retry_ms;       /* the next pause while it is away */
    enum sk_status swept;   /* the index being swept, */
    int64_t sweep_offset;   /* from there on, */
    int64_t sweep_due_us;   /* next at (monotonic) */
};

void sk_timekeeper_init(struct sk_timekeeper *keeper, struct sk_store *store);

/* Does all that is due, and returns for how many milliseconds there is nothing to do. Blocks while Redis answers. */
int64_t sk_timekeeper_tick(struct sk_timekeeper *keeper);

#endif
