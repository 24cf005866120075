/* Identifiers: random ones for sessions and requests, time-ordered ones for events (RFC 9562 §5.4 and §5.7). */
#ifndef SK_COMMON_UUID_H
#define SK_COMMON_UUID_H

#include <stdint.h>

#define SK_UUID_BYTES 37 /* 36 characters and the NUL */

/* Version 4: 122 random bits. Aborts if the kernel has no randomness to give, which it always has after boot. */
void sk_uuid_random(char out[SK_UUID_BYTES]);

/* Version 7: the instant (Unix epoch milliseconds) in front, so that an index on it grows at its end. */
void sk_uuid_at(int64_t epoch_ms, char out[SK_UUID_BYTES]);

#endif
