/* One reading of a session from Redis: MGET (the session, and the mark of an id that nobody knows) and TIME in one
 * pipeline, the view settled to that instant, and the STATE_SYNC that tells it. Nothing is written back; the version
 * stays the committed one. */
#ifndef SK_RELAY_SNAPSHOT_H
#define SK_RELAY_SNAPSHOT_H

#include "common/error.h"
#include "common/message.h"
#include "common/server_clock.h"
#include "relay/hold.h"
#include "relay/redis_link.h"

enum sk_snapshot_outcome {
    SK_SNAPSHOT_FOUND,
    SK_SNAPSHOT_LOST,        /* Redis does not have it; whether PostgreSQL does is not said */
    SK_SNAPSHOT_UNKNOWN,     /* nor does PostgreSQL, as it said a moment ago */
    SK_SNAPSHOT_DELETED,     /* it was deleted, and left its tombstone */
    SK_SNAPSHOT_UNAVAILABLE, /* Redis did not answer, or there was no memory: try again */
    SK_SNAPSHOT_UNREADABLE   /* what Redis has is no session that this release can read */
};

struct sk_snapshot {
    enum sk_snapshot_outcome outcome;
    struct sk_mark mark;                            /* of the committed state */
    struct sk_frame_buffer *sync;                   /* STATE_SYNC, borrowed for the call; NULL unless found */
    char why[sizeof(((struct sk_error *)0)->text)]; /* it is unreadable: for the log */
};

typedef void sk_snapshot_handler(void *context, const struct sk_snapshot *snapshot);

/* Starts to read; handler is called exactly once, later. The reply to TIME is a sample for clock (borrowed until then).
 * False: nothing could be sent, handler is not called. */
bool sk_snapshot_read(struct sk_redis_link *link, struct sk_server_clock *clock, const char *session_id,
                      sk_snapshot_handler *handler, void *context) __attribute__((warn_unused_result));

/* Makes the snapshot of a stored form at an instant: the pure part. The caller releases snapshot->sync. */
void sk_snapshot_make(struct sk_snapshot *snapshot, const char *stored, size_t length, int64_t now_ms);

/* What a published STATE_SYNC tells, as a snapshot; sync is borrowed. */
void sk_snapshot_published(struct sk_snapshot *snapshot, const struct sk_message_header *header,
                           struct sk_frame_buffer *sync);

#endif
