/* Whether PostgreSQL is there: the API reports it and does not otherwise depend on it. */
#ifndef SK_FCGI_ARCHIVE_H
#define SK_FCGI_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#define SK_ARCHIVE_TIMEOUT_MS 500
#define SK_ARCHIVE_FRESH_MS 1000

/* What was found out last. Plain data, not shared between threads. */
struct archive_probe {
    const char *url;       /* borrowed: what libpq takes */
    int64_t checked_at_us; /* monotonic; 0: never */
    bool reachable;
};

void sk_archive_probe_open(struct archive_probe *probe, const char *url);

/* Whether a connection could be made; asks again if the last answer is older than SK_ARCHIVE_FRESH_MS. Blocks for up to
 * SK_ARCHIVE_TIMEOUT_MS, and longer only where the name of the host has to be looked up. */
bool sk_archive_probe_reachable(struct archive_probe *probe);

#endif
