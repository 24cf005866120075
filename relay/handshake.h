/* The head of a request as it came from the socket, before libwebsockets sees it. Pure. */
#ifndef SK_RELAY_HANDSHAKE_H
#define SK_RELAY_HANDSHAKE_H

#include "common/buffer.h"

/* The bytes of the head with its empty line at the end; 0: it is not all there yet. */
size_t sk_handshake_length(const char *bytes, size_t length);

/* Appends the value of a field; of several of that name, all, in their order and separated by ", " (RFC 9110 §5.3).
 * Nothing where there is none. */
void sk_handshake_field(const char *head, size_t length, const char *name, struct sk_buffer *out);

/* Appends the head (of that length) to out with the token of the subprotocols, where a browser has to put it
 * ("Sec-WebSocket-Protocol: synckairos.v1, bearer.<token>"), moved into an Authorization field: libwebsockets refuses
 * lists of subprotocols longer than 127 bytes, and would offer what is left of the list for an answer. A Bearer token
 * in Authorization counts before it. Without such a subprotocol the head stays as it is. */
void sk_handshake_rewrite(const char *head, size_t length, struct sk_buffer *out);

#endif
