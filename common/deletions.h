/* Deletions that PostgreSQL may not know yet: a mark in one hash, made by the commit that deletes and taken away once
 * the event is written. So a deleted session stays deleted however long its event waits, whatever becomes of its
 * tombstone. */
#ifndef SK_COMMON_DELETIONS_H
#define SK_COMMON_DELETIONS_H

#include "common/audit_queue.h"

#define SK_DELETION_BYTES 64

/* The mark: which event, and which life of the session ends with it. */
void sk_deletion_mark(const char *event_id, int64_t created_at_ms, char out[SK_DELETION_BYTES]);

/* Whether a mark (a reply to HGET; nil: there is none) says that the life begun then, or a later one, was deleted. */
bool sk_deletion_covers(const redisReply *mark, int64_t created_at_ms);

/* Takes away the marks of those deletions among the entries, which PostgreSQL has now. Also on a full Redis. Blocks for
 * a round trip where there is one. */
enum sk_code sk_deletions_written(struct sk_redis *redis, const struct sk_audit_batch *batch, struct sk_error *error)
    __attribute__((warn_unused_result));

#endif
