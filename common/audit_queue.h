/* The worker's end of the audit stream: consumer group, claims, acknowledgement, dead letters, sizes.
 * Knows Redis and the events, no SQL. */
#ifndef SK_COMMON_AUDIT_QUEUE_H
#define SK_COMMON_AUDIT_QUEUE_H

#include "common/audit_event.h"
#include "common/redis.h"

struct sk_audit_entry {
    const char *stream_id;        /* borrowed from the batch */
    struct sk_audit_event event;  /* borrowed from the batch */
    bool malformed;               /* a field is missing: its text is NULL, the others can be used */
    struct sk_audit_value wanted; /* no event: a relay asks for this session's recovery; text NULL: an event */
};

/* The one field of such an entry: XADD audit * recovery_wanted <session id>. */
#define SK_AUDIT_RECOVERY_FIELD "recovery_wanted"

struct sk_audit_batch {
    struct sk_audit_entry *entries; /* owned */
    size_t count;
    struct sk_audit_entry *gone; /* behind those: ids alone, of entries that were deleted since they were handed out */
    size_t gone_count;
    redisReply *reply; /* owned: what the entries borrow from */
};
void sk_audit_batch_clear(struct sk_audit_batch *batch);

/* Makes a list of stream entries, as it stands within the reply to XRANGE, XREADGROUP and XAUTOCLAIM, a batch.
 * Takes reply (also on failure), which list is part of; NULL is an empty list. Entries that were deleted from the
 * stream meanwhile are left out, their ids in gone. SK_INTERNAL_ERROR: out of memory, or not such a list; the batch is
 * empty. */
enum sk_code sk_audit_batch_fill(struct sk_audit_batch *batch, redisReply *reply, const redisReply *list,
                                 struct sk_error *error) __attribute__((warn_unused_result));

/* How many events are in which state. */
struct sk_audit_sizes {
    int64_t waiting;   /* in the stream, handed to nobody yet */
    int64_t active;    /* handed to a worker that is at work on them */
    int64_t completed; /* written to PostgreSQL since this Redis began */
    int64_t failed;    /* in the list of those that PostgreSQL refused */
    int64_t delayed;   /* handed to a worker that waits for PostgreSQL, or for room in Redis */
    int64_t oldest_ms; /* age of the oldest entry in the stream; 0: it is empty */
};

/* Makes the consumer group, from the beginning of the stream, unless it is there. */
enum sk_code sk_audit_queue_open(struct sk_redis *redis, struct sk_error *error) __attribute__((warn_unused_result));

/* The next events that no worker has, up to limit; waits up to wait_ms for the first (0: does not wait). An empty
 * batch is SK_OK. consumer: this worker's name. A group that is gone (Redis was emptied) is made again. */
enum sk_code sk_audit_queue_read(struct sk_redis *redis, const char *consumer, int64_t limit, int64_t wait_ms,
                                 struct sk_audit_batch *batch, struct sk_error *error)
    __attribute__((warn_unused_result));

/* The entries that this worker has already and did not acknowledge, up to limit: after a connection broke, whose last
 * answer is lost. Those that were cut off the stream's end meanwhile are acknowledged. Does not wait. */
enum sk_code sk_audit_queue_resume(struct sk_redis *redis, const char *consumer, int64_t limit,
                                   struct sk_audit_batch *batch, struct sk_error *error)
    __attribute__((warn_unused_result));

#define SK_AUDIT_CURSOR_BYTES 48

/* Takes over up to limit entries that a worker has had for longer than idle_ms. cursor: where to go on; "0-0" is the
 * beginning, and stands there again once the end was reached. */
enum sk_code sk_audit_queue_claim(struct sk_redis *redis, const char *consumer, int64_t limit, int64_t idle_ms,
                                  char cursor[SK_AUDIT_CURSOR_BYTES], struct sk_audit_batch *batch,
                                  struct sk_error *error) __attribute__((warn_unused_result));

/* Keeps a batch this worker's own while it waits. */
enum sk_code sk_audit_queue_renew(struct sk_redis *redis, const char *consumer, const struct sk_audit_batch *batch,
                                  struct sk_error *error) __attribute__((warn_unused_result));

/* Deletes and acknowledges the whole batch: its events are in PostgreSQL, and are counted as completed. Also on a Redis
 * that is full, which may refuse to count. Only entries and count are read, so that a part of a batch can be passed. */
enum sk_code sk_audit_queue_done(struct sk_redis *redis, const struct sk_audit_batch *batch, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Both in one round trip, without waiting: tells of done (may be empty) as _done does, and reads as _read does. A group
 * that is gone is left to the next _read. A failure may have done a part of it: what is this worker's is read by
 * _resume.
 */
enum sk_code sk_audit_queue_turn(struct sk_redis *redis, const char *consumer, const struct sk_audit_batch *done,
                                 int64_t limit, struct sk_audit_batch *batch, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Moves one entry as it stands to audit:failed, with two more fields, failed_stream_id and failed_error, and
 * acknowledges it; in one script, since MULTI would go on to delete it where adding it failed. */
enum sk_code sk_audit_queue_fail(struct sk_redis *redis, const struct sk_audit_entry *entry, const char *why,
                                 struct sk_error *error) __attribute__((warn_unused_result));

/* Notes that so many events in this worker's hands wait, for so long unless something else is said before; 0 events:
 * none any more. Also on a Redis that is full. */
enum sk_code sk_audit_queue_delay(struct sk_redis *redis, const char *consumer, int64_t events, int64_t for_ms,
                                  struct sk_error *error) __attribute__((warn_unused_result));

/* Moves one entry of audit:failed back into the audit stream, without the two fields that _fail added; in one script,
 * so that it stands in one of the two. *found: whether there was such an entry. failed_id: its id there. */
enum sk_code sk_audit_queue_retry(struct sk_redis *redis, const char *failed_id, bool *found, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Forgets the names of workers that hold nothing: this one's (it is leaving, or has not begun), and those that were
 * not heard of for an hour. Whoever holds entries stays until they are claimed. */
enum sk_code sk_audit_queue_tidy(struct sk_redis *redis, const char *consumer, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Leaves all that this worker has, and does not acknowledge, to the next that claims, whatever time that gives. *count:
 * how many entries. */
enum sk_code sk_audit_queue_give_back(struct sk_redis *redis, const char *consumer, int64_t *count,
                                      struct sk_error *error) __attribute__((warn_unused_result));

/* Entries that were handed out, but are in nobody's hands and still in the stream (the name of a worker was removed
 * with XGROUP DELCONSUMER), are read by nobody: gives them to this worker, ready to be claimed. *count: how many, of a
 * thousand at most. One look at the oldest entry where nothing is amiss. */
enum sk_code sk_audit_queue_adopt(struct sk_redis *redis, const char *consumer, int64_t *count, struct sk_error *error)
    __attribute__((warn_unused_result));

/* How much is where, for who asks Redis by other means than sk_redis: the reply to EVAL of this script with these keys.
 * Further keys are sorted sets, whose lengths follow SK_AUDIT_SIZES_REPLIES elements. */
#define SK_AUDIT_SIZES_KEYS 4
#define SK_AUDIT_SIZES_REPLIES 7
extern const char sk_audit_sizes_script[];
extern const char *const sk_audit_sizes_keys[SK_AUDIT_SIZES_KEYS];
enum sk_code sk_audit_sizes_read(const redisReply *reply, struct sk_audit_sizes *sizes, struct sk_error *error)
    __attribute__((warn_unused_result));

/* The same, in one round trip. */
enum sk_code sk_audit_queue_sizes(struct sk_redis *redis, struct sk_audit_sizes *sizes, struct sk_error *error)
    __attribute__((warn_unused_result));

#endif
