/* The relay's certificate: reads a chain and its key, looks whether clients could accept them, and makes of them what
 * new TLS connections are set up from. Knows nothing of connections. Never logs a key. */
#ifndef SK_RELAY_CERTIFICATE_H
#define SK_RELAY_CERTIFICATE_H

#include "common/error.h"

#include <openssl/types.h>

/* Reads both files, in PEM: the certificate followed by what leads to its root, and its key, without a passphrase.
 * Regular files only; blocks for the two reads. SK_VALIDATION_ERROR: error says which file, and why: it cannot be
 * read, is none, does not fit the other one, or is not valid now. On success *context is the caller's: SSL_CTX_free. */
enum sk_code sk_certificate_load(const char *chain_file, const char *key_file, SSL_CTX **context,
                                 struct sk_error *error) __attribute__((warn_unused_result));

#endif
