/* Sessions that Redis lost: whether PostgreSQL knows them, and how they were. Decides when PostgreSQL may be believed;
 * writes nothing back (the store does) but the mark of an id that nobody knows. */
#ifndef SK_COMMON_RECOVERY_H
#define SK_COMMON_RECOVERY_H

#include "common/archive.h"
#include "common/store.h"

#define SK_UNKNOWN_MS 5000 /* how long an id that neither store knows is remembered */

/* Plain data, a thread's own. */
struct sk_recovery {
    struct sk_archive *archive; /* borrowed */
    int64_t session_ttl_ms;     /* how long an ended session stays in Redis */
    bool in_turn;               /* whoever asks has written what was waiting: the waiting events are not looked through */
};

/* The store's finder (context: a struct sk_recovery): the newest snapshot of the id's newest life.
 * SK_SESSION_NOT_FOUND: there is none, or its last event is its deletion; remembered for SK_UNKNOWN_MS.
 * SK_ARCHIVE_UNAVAILABLE: PostgreSQL cannot be asked; or what Redis has forgotten in the ordinary way (a tombstone, an
 * ended session) may not have reached it yet, because the oldest waiting audit entry is older than those are kept; or
 * an event of this session newer than what PostgreSQL has was set aside in audit:failed. SK_INTERNAL_ERROR: the
 * snapshot is none that this release can read. Blocks for two round trips to Redis and one query. */
enum sk_code sk_recovery_find(void *context, struct sk_redis *redis, const char *session_id,
                              struct sk_session **session, struct sk_error *error) __attribute__((warn_unused_result));

#endif
