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
};

/* How long an audit event may wait for PostgreSQL before it is no longer believed about what Redis does not have: what
 * Redis forgets by itself (a tombstone, an ended session) is kept for that long. */
int64_t sk_recovery_trust_ms(int64_t session_ttl_ms);

/* The store's finder (context: a struct sk_recovery): the newest snapshot of the id's newest life.
 * SK_SESSION_NOT_FOUND: there is none, or the life was deleted; remembered for SK_UNKNOWN_MS.
 * SK_ARCHIVE_UNAVAILABLE: PostgreSQL cannot be asked; or the oldest waiting audit event is older than
 * sk_recovery_trust_ms; or events of this session were set aside in audit:failed. SK_INTERNAL_ERROR: the snapshot is
 * none that this release can read. Blocks for two round trips to Redis and one query. */
enum sk_code sk_recovery_find(void *context, struct sk_redis *redis, const char *session_id,
                              struct sk_session **session, struct sk_error *error) __attribute__((warn_unused_result));

#endif
