/* What a client may say, and what the relay answers on its own: client messages read, the relay's frames written.
 * Pure. (The frames of a session's changes are made by whoever makes the change: common/frames.h.) */
#ifndef SK_RELAY_PROTOCOL_H
#define SK_RELAY_PROTOCOL_H

#include "common/buffer.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define SK_CLIENT_MESSAGE_BYTES_MAX 4096
#define SK_CLIENT_MESSAGES_A_SECOND 20
#define SK_ECHO_BYTES_MAX 256 /* of a timestamp, as it is written back */

enum sk_request_type {
    SK_REQUEST_PING,
    SK_REQUEST_RECONNECT,
    SK_REQUEST_UNKNOWN, /* JSON with a type that is none of ours */
    SK_REQUEST_INVALID  /* anything else; problem says what is wrong */
};

struct sk_request {
    enum sk_request_type type;
    json_t *timestamp;          /* PING: any JSON value of SK_ECHO_BYTES_MAX, NULL: none; owned */
    int64_t last_known_version; /* RECONNECT */
    int64_t updated_at_ms;      /* RECONNECT; SK_NONE: not given */
    char problem[160];
};

/* Reads one text message. Strict: valid UTF-8, no duplicate keys, bounded depth. Fills request, which the caller
 * clears. */
void sk_protocol_read(const char *text, size_t length, struct sk_request *request);
void sk_request_clear(struct sk_request *request);

/* In each, session_id NULL: the connection is no session's, and the frame names none.
 * PONG; client_timestamp is borrowed, NULL writes null. */
void sk_protocol_pong(struct sk_buffer *out, const char *session_id, int64_t now_ms, const json_t *client_timestamp);
void sk_protocol_reconnect_ack(struct sk_buffer *out, const char *session_id, int64_t now_ms, int64_t version,
                               bool up_to_date);
void sk_protocol_error(struct sk_buffer *out, const char *session_id, int64_t now_ms, const char *code,
                       const char *message);

#endif
