/* The head of a request as it came from the socket, before libwebsockets sees it. Pure. */
#ifndef SK_RELAY_HANDSHAKE_H
#define SK_RELAY_HANDSHAKE_H

#include "common/buffer.h"

#include <stdbool.h>
#include <stddef.h>

#define SK_SUBPROTOCOL "synckairos.v1"
#define SK_METHOD_BYTES 16
#define SK_HEAD_MAX ((size_t)16 * 1024) /* a longer head is not read */

/* What the first line says (RFC 9112 §3). */
struct sk_request_line {
    char method[SK_METHOD_BYTES];
    const char *target; /* in the head; of an absolute form (§3.2.2) what follows the host, with its query */
    size_t target_bytes;
    bool is_1_1; /* HTTP/1.1, not 1.0 */
};

/* What a request asks for. */
enum sk_handshake {
    SK_HANDSHAKE_NONE,        /* no WebSocket, or another protocol beside it */
    SK_HANDSHAKE_VERSION,     /* a WebSocket of another version (RFC 6455 §4.4) */
    SK_HANDSHAKE_MALFORMED,   /* a WebSocket without its key or a host */
    SK_HANDSHAKE_SUBPROTOCOL, /* one that speaks only what is not spoken here */
    SK_HANDSHAKE_BODY,        /* one that announces a body, which would be taken for frames */
    SK_HANDSHAKE_WEBSOCKET
};

/* The bytes of the head with its empty line at the end, and any empty lines in front of it (RFC 9112 §2.2); 0: it is
 * not all there yet. */
size_t sk_handshake_length(const char *bytes, size_t length);

/* Reads the first line. False: this is no HTTP/1 request, or a line of its head holds control characters or continues
 * the one before. line borrows from the head. */
bool sk_handshake_read_line(const char *head, size_t length, struct sk_request_line *line)
    __attribute__((warn_unused_result));

/* What the request with that first line asks for (RFC 6455 §4.2.1). */
enum sk_handshake sk_handshake_asks(const char *head, size_t length, const struct sk_request_line *line);

/* Appends the value of a field; of several of that name, all, in their order and separated by ", " (RFC 9110 §5.3).
 * Nothing where there is none. */
void sk_handshake_field(const char *head, size_t length, const char *name, struct sk_buffer *out);

/* Whether there is such a field, empty or not. */
bool sk_handshake_has(const char *head, size_t length, const char *name);

/* Appends the head of a SK_HANDSHAKE_WEBSOCKET, written anew: what it asks for, and nothing else that it says, so that
 * libwebsockets cannot find in it what has not been judged here. The token of the subprotocols, where a browser has to
 * put it ("Sec-WebSocket-Protocol: synckairos.v1, bearer.<token>"), moves into an Authorization field: libwebsockets
 * refuses lists of subprotocols longer than 127 bytes. A Bearer token in Authorization counts before it. */
void sk_handshake_rewrite(const char *head, size_t length, const struct sk_request_line *line, struct sk_buffer *out);

#endif
