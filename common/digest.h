/* SHA-256 (FIPS 180-4), from OpenSSL: for fingerprints of requests and ids that follow from others. */
#ifndef SK_COMMON_DIGEST_H
#define SK_COMMON_DIGEST_H

#include "common/uuid.h"

#include <stdbool.h>
#include <stddef.h>

#define SK_DIGEST_BYTES 65 /* 64 hexadecimal digits and the NUL */

/* The digest of the texts, each with its NUL, so that no two lists of texts run into each other. False: the library
 * failed, and out is "". */
bool sk_digest(const char *const *texts, size_t count, char out[SK_DIGEST_BYTES]);

/* A UUID that follows from the texts (RFC 9562 §5.8, version 8). */
bool sk_digest_uuid(const char *const *texts, size_t count, char out[SK_UUID_BYTES]);

#endif
