/* Instants as people read them: ISO 8601, UTC, milliseconds ("2026-01-31T09:05:00.250Z"). */
#ifndef SK_COMMON_ISO_TIME_H
#define SK_COMMON_ISO_TIME_H

#include <stdint.h>

#define SK_ISO_TIME_BYTES 32

/* Writes the instant (Unix epoch milliseconds, years 0 to 9999) and returns out. */
const char *sk_iso_time(int64_t epoch_ms, char out[SK_ISO_TIME_BYTES]);

#endif
