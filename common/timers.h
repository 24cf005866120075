/* Sessions that time has something to do with: claiming what is due, and what is done with a claim short of a
 * commit of the session (store.h). Every step is one script, so that any number of timekeepers may run. */
#ifndef SK_COMMON_TIMERS_H
#define SK_COMMON_TIMERS_H

#include "common/redis.h"
#include "common/session.h"

#define SK_TIMERS_BATCH 64
#define SK_TIMERS_CLAIM_MS 2000 /* a claimed timer is due again after this, should the claimant die */

struct sk_timer_claim {
    char session_id[SK_ID_BYTES];
    int64_t due_at_ms;     /* the score it had */
    int64_t claimed_at_ms; /* the score it has now: the claim's mark */
};

struct sk_timer_batch {
    struct sk_timer_claim claims[SK_TIMERS_BATCH];
    size_t count;
    int64_t now_ms;
    int64_t next_at_ms; /* the earliest timer not yet due; SK_NONE */
};

/* Claims up to SK_TIMERS_BATCH due timers. */
enum sk_code sk_timers_claim(struct sk_redis *redis, struct sk_timer_batch *batch, struct sk_error *error)
    __attribute__((warn_unused_result));

/* What becomes of a claim; each does nothing if the timer was set anew since. next_at_ms SK_NONE removes it. */
/* Publishes message on the session's channel (NULL: nothing) and sets the next timer. *passed: whether it did. */
enum sk_code sk_timers_pass(struct sk_redis *redis, const struct sk_timer_claim *claim, int64_t next_at_ms,
                            const char *message, size_t message_length, bool *passed, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Moves a session that cannot be read to the list of those. */
enum sk_code sk_timers_set_aside(struct sk_redis *redis, const struct sk_timer_claim *claim, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Takes ids whose session is gone out of one index, count of them from offset on; *seen: how many were looked at. */
enum sk_code sk_timers_sweep(struct sk_redis *redis, enum sk_status status, int64_t offset, int64_t count,
                             int64_t *seen, int64_t *removed, struct sk_error *error)
    __attribute__((warn_unused_result));

#endif
