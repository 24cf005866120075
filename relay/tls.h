/* TLS on the relay's port. Each connection from the network gets a socket of this process for its plain bytes, which
 * the porch and libwebsockets take for the connection itself:
 *
 *      network ◄─► TCP socket ◄─► tls ◄─► socket pair ◄─► porch, then libwebsockets
 *
 * libwebsockets cannot do TLS here, because the porch must see, and rewrite, the head of a request before it does. The
 * kernel could encrypt in the very socket (kTLS), but not on every host, its receiving side not for TLS 1.3 with
 * OpenSSL 3.0, and what is no data (alerts, new keys) reaches a program that does not expect it as an error. So the
 * bytes take one more turn; all of it stays in the one event loop, and nothing blocks. Each direction holds 16 KiB at
 * most and then reads no further, so that a peer that is not ready is felt on the other side. Owns the certificate. */
#ifndef SK_RELAY_TLS_H
#define SK_RELAY_TLS_H

#include "common/error.h"

#include <stdint.h>
#include <uv.h>

#define SK_TLS_DESCRIPTORS 3  /* that one connection needs */
#define SK_TLS_LINGER_MS 2000 /* how long a peer may take for what is left once the plain side has ended */
#define SK_TLS_LINGER_BYTES UINT64_C(65536) /* … and how much it may say meanwhile */

struct sk_tls;

/* Both files as in certificate.h. The loop is borrowed until sk_tls_free. SK_VALIDATION_ERROR: the files.
 * SK_INTERNAL_ERROR: the loop is not to be run any more. */
enum sk_code sk_tls_open(uv_loop_t *loop, const char *chain_file, const char *key_file, struct sk_tls **tls,
                         struct sk_error *error) __attribute__((warn_unused_result));

/* Takes the connection fd, also on failure, and begins the handshake. The socket for its plain bytes, which is the
 * caller's: closing it ends the connection, at once while the handshake goes on, else when the peer has got what was
 * sent. A handshake has no limit of time here; the caller's patience with the silent socket is one. -1: errno says why.
 */
int sk_tls_wrap(struct sk_tls *tls, int fd) __attribute__((warn_unused_result));

/* How many bytes the network has brought for the connection whose plain socket that is, encrypted as they came; 0: it
 * is none, or has ended. */
uint64_t sk_tls_received_bytes(const struct sk_tls *tls, int plain);

/* Reads the certificate again, for connections that come afterwards; the log says whether it could be used. Blocks for
 * the two reads of regular files. */
void sk_tls_reload(struct sk_tls *tls);

/* Ends everything within half of SK_TLS_LINGER_MS; the loop must turn until it is empty, then _free. Both take NULL. */
void sk_tls_close(struct sk_tls *tls);
void sk_tls_free(struct sk_tls *tls);

#endif
