/* Messages of one session that are kept back while its snapshot is read, and the rule that says which of them the
 * snapshot already tells. Owns its entries; sends nothing. */
#ifndef SK_RELAY_HOLD_H
#define SK_RELAY_HOLD_H

#include "common/message.h"
#include "relay/frame_buffer.h"

#include <stdbool.h>
#include <sys/queue.h>

#define SK_HOLD_EVENTS_MAX 64

/* How new a state is: by the instant of its last change, then by its version. */
struct sk_mark {
    int64_t updated_at_ms;
    int64_t version;
};

/* Where a message belongs for a client that gets, or got, a snapshot. */
enum sk_place {
    SK_PLACE_NOWHERE, /* the snapshot tells it */
    SK_PLACE_BEFORE,  /* an event from before the snapshot that this client has not seen yet */
    SK_PLACE_AFTER    /* newer than the snapshot */
};

/* The rule. A message is newer under (updated_at_ms, version), strictly, for what a commit made: a STATE_UPDATE and the
 * TIME_EXPIRED of the same commit bear the same mark, and a snapshot with that mark has both in it. A TIME_WARNING
 * changes nothing and bears the mark of the state it is about, and a SESSION_DELETED that of the last state: an equal
 * mark is newer for these two.
 * What is not newer is dropped, except events for a client who was here before the snapshot (not a newcomer): it
 * has not been told that its clock ran out, and a state does not tell it so. */
enum sk_place sk_hold_place(const struct sk_message_header *header, const struct sk_mark *snapshot, bool newcomer);

struct sk_held {
    TAILQ_ENTRY(sk_held) link;
    struct sk_message_header header;
    struct sk_frame_buffer *frame; /* a reference */
};

struct sk_hold {
    TAILQ_HEAD(sk_held_list, sk_held) messages; /* in the order of publication */
    size_t events;
};

void sk_hold_init(struct sk_hold *hold);

/* Keeps a message; takes a reference of its own. A newer STATE_UPDATE replaces the older one; of the others the newest
 * SK_HOLD_EVENTS_MAX are kept. False: an event had to go, or there is no memory for this one. */
bool sk_hold_add(struct sk_hold *hold, const struct sk_message_header *header, struct sk_frame_buffer *frame)
    __attribute__((warn_unused_result));
void sk_hold_clear(struct sk_hold *hold);

/* The newest STATE_SYNC that is held, borrowed; NULL: none is. */
const struct sk_held *sk_hold_sync(const struct sk_hold *hold);

#endif
