/* One finished WebSocket text, shared by every connection that sends it: counted references, never copied, never
 * changed once built. Room for the frame's own header (LWS_PRE) lies in front of the text, so that it is sent from
 * where it is. */
#ifndef SK_RELAY_FRAME_BUFFER_H
#define SK_RELAY_FRAME_BUFFER_H

#include "common/buffer.h"
#include "common/message.h"

#include <stddef.h>

enum sk_frame_type {
    SK_FRAME_CONNECTED,
    SK_FRAME_STATE_SYNC,
    SK_FRAME_STATE_UPDATE,
    SK_FRAME_TIME_WARNING,
    SK_FRAME_TIME_EXPIRED,
    SK_FRAME_SESSION_DELETED,
    SK_FRAME_SESSION_CREATED,
    SK_FRAME_SESSION_STARTED,
    SK_FRAME_SESSION_PAUSED,
    SK_FRAME_SESSION_RESUMED,
    SK_FRAME_SESSION_ENDED,
    SK_FRAME_PONG,
    SK_FRAME_RECONNECT_ACK,
    SK_FRAME_ERROR,
    SK_FRAME_TYPE_COUNT
};

struct sk_frame_buffer {
    unsigned references;
    enum sk_frame_type type;
    size_t length;           /* of the text */
    int64_t committed_at_ms; /* of the change that it tells of, when it was published; 0: it answers somebody */
    unsigned char bytes[];   /* LWS_PRE, then the text */
};

/* A copy of the text, with one reference, the caller's. NULL when out of memory. */
struct sk_frame_buffer *sk_frame_buffer_new(enum sk_frame_type type, const char *text, size_t length);

/* The text of a published message. */
struct sk_frame_buffer *sk_frame_buffer_published(const struct sk_message_header *header, const char *text,
                                                  size_t length);

/* The same as the first from a buffer, which is cleared; NULL also if the buffer had failed. */
struct sk_frame_buffer *sk_frame_buffer_take(enum sk_frame_type type, struct sk_buffer *text);

/* Another reference. */
struct sk_frame_buffer *sk_frame_buffer_share(struct sk_frame_buffer *frame);

/* Gives a reference back; the last one frees. NULL is legal. */
void sk_frame_buffer_release(struct sk_frame_buffer *frame);

unsigned char *sk_frame_buffer_text(struct sk_frame_buffer *frame);

/* What a published message of this type is forwarded as. */
enum sk_frame_type sk_frame_type_of(enum sk_message_type type);

/* "CONNECTED", …; static storage. */
const char *sk_frame_type_name(enum sk_frame_type type);

#endif
