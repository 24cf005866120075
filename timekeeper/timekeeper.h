/* The timekeeper: fires warnings and expiries that are due. Nothing lives in it: any number may run, and what one that
 * died had claimed comes back to the others. */
#ifndef SK_TIMEKEEPER_TIMEKEEPER_H
#define SK_TIMEKEEPER_TIMEKEEPER_H

#include "common/store.h"
#include "common/timers.h"

/* What the last tick found. */
enum sk_redis_presence { SK_REDIS_UNTRIED, SK_REDIS_HERE, SK_REDIS_AWAY };

struct sk_timekeeper {
    struct sk_store *store;       /* borrowed */
    enum sk_redis_presence redis; /* each change is said, once */
    int64_t retry_ms;             /* the next pause while it is away */
    enum sk_status swept;         /* the index being swept, */
    int64_t sweep_offset;         /* from there on, */
    int64_t sweep_due_us;         /* next at (monotonic) */
};

void sk_timekeeper_init(struct sk_timekeeper *keeper, struct sk_store *store);

/* Does all that is due, and returns for how many milliseconds there is nothing to do. Blocks while Redis answers. */
int64_t sk_timekeeper_tick(struct sk_timekeeper *keeper);

#endif
