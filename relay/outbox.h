/* What waits to be sent on one connection, in order and bounded.
 * Every state is the whole state, so of the STATE_UPDATEs only the newest waits: it takes its place at the end and the
 * older one leaves. A STATE_SYNC replaces every state that waits, but no later STATE_UPDATE replaces it: clients may
 * drop an update that looks older than what they have, a STATE_SYNC never. All other frames are kept, up to
 * SK_OUTBOX_EVENTS_MAX; a connection's opening (two frames) comes on top. */
#ifndef SK_RELAY_OUTBOX_H
#define SK_RELAY_OUTBOX_H

#include "relay/frame_buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#define SK_OUTBOX_EVENTS_MAX 64 /* unless a connection has a limit of its own */

struct sk_outgoing {
    TAILQ_ENTRY(sk_outgoing) link;
    struct sk_frame_buffer *frame; /* a reference */
};

struct sk_outbox {
    TAILQ_HEAD(sk_outgoing_list, sk_outgoing) waiting;
    struct sk_outgoing *update; /* the STATE_UPDATE among them, or NULL */
    struct sk_outgoing *sync;   /* the STATE_SYNC among them, or NULL */
    size_t events;              /* how many of the others */
    size_t events_max;          /* how many of them may wait */
    size_t replaced;            /* how many STATE_UPDATEs a newer state took the place of; whoever counts takes them */
};

void sk_outbox_init(struct sk_outbox *outbox);

/* Puts a frame at the end; takes a reference of its own. False: full, or out of memory; nothing was queued. */
bool sk_outbox_push(struct sk_outbox *outbox, struct sk_frame_buffer *frame) __attribute__((warn_unused_result));

/* Puts a frame in front of everything; nothing replaces it. Only for a connection's opening frames. */
bool sk_outbox_push_first(struct sk_outbox *outbox, struct sk_frame_buffer *frame) __attribute__((warn_unused_result));

/* The frame to send next, borrowed until it is dropped; NULL: none waits. */
struct sk_frame_buffer *sk_outbox_first(const struct sk_outbox *outbox);
void sk_outbox_drop_first(struct sk_outbox *outbox);

/* Gives everything back; its limit stays. */
void sk_outbox_clear(struct sk_outbox *outbox);

#endif
