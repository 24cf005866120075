/* A published message: one header line, a newline, and the finished WebSocket text.
 *
 *   STATE_UPDATE 17 1790000000123 1790000000123 9b2f…\n{"type":"STATE_UPDATE",…}
 *   type         version updated_at_ms committed_at_ms request_id
 *
 * The relay reads the header and forwards the rest byte for byte. */
#ifndef SK_COMMON_MESSAGE_H
#define SK_COMMON_MESSAGE_H

#include "common/buffer.h"

#include <stddef.h>

enum sk_message_type {
    SK_MESSAGE_STATE_UPDATE, /* replaces every older one that still waits */
    SK_MESSAGE_STATE_SYNC,   /* always replaces what the client has */
    SK_MESSAGE_TIME_WARNING,
    SK_MESSAGE_TIME_EXPIRED,
    SK_MESSAGE_SESSION_DELETED, /* the last one: close after it */
    SK_MESSAGE_SESSION_CREATED, /* from here on: to the feed alone */
    SK_MESSAGE_SESSION_STARTED,
    SK_MESSAGE_SESSION_PAUSED,
    SK_MESSAGE_SESSION_RESUMED,
    SK_MESSAGE_SESSION_ENDED,
    SK_MESSAGE_TYPE_COUNT
};

#define SK_REQUEST_ID_BYTES 129

struct sk_message_header {
    enum sk_message_type type;
    int64_t version;
    int64_t updated_at_ms;
    int64_t committed_at_ms;
    char request_id[SK_REQUEST_ID_BYTES]; /* "-" where no request caused it */
};

const char *sk_message_type_name(enum sk_message_type type);

/* Appends the header line; the text is appended by the caller. */
void sk_message_write_header(struct sk_buffer *out, const struct sk_message_header *header);

/* Splits a message. False if it is not one; else *text is borrowed from bytes. */
bool sk_message_read(const char *bytes, size_t length, struct sk_message_header *header, const char **text,
                     size_t *text_length);

#endif
