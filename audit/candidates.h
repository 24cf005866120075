/* The live sessions that PostgreSQL knows, page by page, the youngest first: those that Redis may have to be given
 * back. Reads only, and decides nothing that a recovery would not decide again (recovery.h). */
#ifndef SK_AUDIT_CANDIDATES_H
#define SK_AUDIT_CANDIDATES_H

#include "audit/database.h"

/* Which ones. */
struct sk_candidates_wish {
    int64_t since_ms;       /* changed at or after it; SK_NONE: those that Redis would still hold by its own rules */
    int64_t now_ms;         /* by Redis' clock */
    int64_t session_ttl_ms; /* how long an ended session stays in Redis */
};

/* A page; zero it to begin with. */
struct sk_candidates {
    PGresult *rows; /* owned: sk_candidates_clear */
    int count;      /* 0: there are no more */
};

/* How many rows the pages will have, at about. */
enum sk_code sk_candidates_count(struct sk_database *database, const struct sk_candidates_wish *wish, int64_t *count,
                                 struct sk_error *error) __attribute__((warn_unused_result));

/* The page behind this one, which it replaces. Blocks for a statement. */
enum sk_code sk_candidates_turn(struct sk_database *database, const struct sk_candidates_wish *wish,
                                struct sk_candidates *page, struct sk_error *error) __attribute__((warn_unused_result));
void sk_candidates_clear(struct sk_candidates *page);

/* Borrowed from the page. */
const char *sk_candidates_id(const struct sk_candidates *page, int row);

/* Whether its last event is its deletion. */
bool sk_candidates_deleted(const struct sk_candidates *page, int row);

/* Whether Redis would have let go of it by now, without having lost anything: never where since_ms is given. A snapshot
 * that cannot be read has not been let go of. */
bool sk_candidates_past(const struct sk_candidates *page, int row, const struct sk_candidates_wish *wish);

#endif
