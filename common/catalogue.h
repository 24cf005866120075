/* The catalogue of live sessions: the sorted sets that list them by status and creation time, read page by page.
 * Reads Redis and changes nothing: what it shows is settled as a copy. */
#ifndef SK_COMMON_CATALOGUE_H
#define SK_COMMON_CATALOGUE_H

#include "common/buffer.h"
#include "common/error.h"
#include "common/redis.h"
#include "common/session.h"

#define SK_CATALOGUE_LIMIT_MAX 200
#define SK_CATALOGUE_PAGE_BYTES ((size_t)4 * 1024 * 1024) /* a page with more is ended early */

/* A place in the order of the list: creation instant, then id. It is told by the session itself and not by a count, so
 * that it stays right while others come and go, and also where that session is gone. */
struct sk_catalogue_place {
    int64_t created_at_ms; /* SK_NONE: in front of all */
    char session_id[SK_ID_BYTES];
};

struct sk_catalogue_page {
    struct sk_buffer views; /* owned: a JSON list of views (view.h) */
    size_t count;
    int64_t now_ms;                 /* Redis' time at which they were settled */
    bool more;                      /* there may be more behind last */
    struct sk_catalogue_place last; /* where the page ends */
};
void sk_catalogue_page_clear(struct sk_catalogue_page *page);

/* Reads what stands behind a place: up to limit (1 to SK_CATALOGUE_LIMIT_MAX) sessions of a status (pending, running or
 * paused), or all live ones (SK_STATUS_COUNT), as they are now: one whose status has changed meanwhile, or whose clock
 * has run out, is left out, so that a page may be shorter than limit though there is more. Overwrites *page.
 * Blocks for two round trips, and one more each time that many sessions of the same millisecond have to be passed.
 * SK_STATE_STORE_UNAVAILABLE, SK_INTERNAL_ERROR: as in redis.h. */
enum sk_code sk_catalogue_read(struct sk_redis *redis, enum sk_status status, const struct sk_catalogue_place *after,
                               size_t limit, struct sk_catalogue_page *page, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Whether Redis knows the id: a session, live or ended, or the mark of a deleted one. Blocks for one round trip. */
enum sk_code sk_catalogue_knows(struct sk_redis *redis, const char *session_id, bool *known, struct sk_error *error)
    __attribute__((warn_unused_result));

#endif
