/* The session store: sessions in Redis, changed by optimistic transactions.
 * It is the only code that commits a session: state, timer, index, audit events and broadcast in one MULTI, all or
 * nothing. A store owns one blocking connection and is not shared between threads. */
#ifndef SK_COMMON_STORE_H
#define SK_COMMON_STORE_H

#include "common/buffer.h"
#include "common/engine.h"
#include "common/redis.h"
#include "common/transaction.h"

struct sk_store;

/* Asked for a session that Redis has neither state nor tombstone of, on the store's connection, which watches nothing
 * just then. SK_OK: *session (owned by the caller) is as it was last, not settled. SK_SESSION_NOT_FOUND: nobody knows
 * it, or it was deleted. SK_ARCHIVE_UNAVAILABLE: that cannot be said now. Other codes as below. */
typedef enum sk_code sk_store_finder(void *context, struct sk_redis *redis, const char *session_id,
                                     struct sk_session **session, struct sk_error *error);

struct sk_store_options {
    struct sk_redis_url url;
    int64_t timeout_ms;
    int64_t session_ttl_s;     /* how long an ended session stays */
    int64_t audit_max_backlog; /* the audit stream is cut at about this length; 0: never */
    sk_store_finder *find;     /* NULL: what Redis does not have is not found (recovery.h has one) */
    void *find_context;        /* borrowed */
};

/* What came of it. After SK_OK, and after a refusal that read the session first, session is the settled one, as it is
 * in Redis now. */
struct sk_result {
    struct sk_session *session;      /* owned; NULL if none was read */
    int64_t now_ms;                  /* Redis' time of the read that counted */
    struct sk_buffer view;           /* owned: the view at now_ms, rendered; empty after a refusal */
    struct sk_settlement settlement; /* owned: what settling applied, if it was committed */
    bool unreadable;                 /* with SK_INTERNAL_ERROR: the stored form is damaged */
    bool recovered;                  /* Redis had lost it; this call wrote it back */
    bool archived;                   /* ended, and Redis does not have it any more: session is what the finder found */
    int conflicts;                   /* how often somebody else committed first */
};
void sk_result_clear(struct sk_result *result);

/* Connects at the first use. Owned; NULL when out of memory. */
struct sk_store *sk_store_new(const struct sk_store_options *options);
void sk_store_free(struct sk_store *store);

/* The store's own connection, for other keys' owners (timers.h, audit_queue.h) of the same thread. Borrowed. */
struct sk_redis *sk_store_redis(struct sk_store *store);

/* Each call that takes an origin draws on its terms in the round trips it makes anyway: SK_RATE_LIMIT_EXCEEDED,
 * SK_IDEMPOTENCY_KEY_REUSED, SK_PRECONDITION_FAILED (after a read session: result->session has the version).
 *
 * Each call below clears *result first and blocks for up to two round trips an attempt. They share these codes:
 * SK_SESSION_NOT_FOUND: no such session, or a deleted one.
 * SK_ARCHIVE_UNAVAILABLE: Redis does not have it, and whether the archive does cannot be said now.
 * SK_STATE_STORE_UNAVAILABLE: Redis cannot be had; nothing was changed.
 * SK_OUTCOME_UNKNOWN: the connection broke during the commit, and what came of it could not be read back.
 * SK_INTERNAL_ERROR: the stored form cannot be read, Redis refused by type, or no memory. */

/* Commits a new session (its configuration checked; takes *session, also on failure).
 * SK_SESSION_EXISTS: the id is in use. */
enum sk_code sk_store_create(struct sk_store *store, struct sk_session *session, const struct sk_origin *origin,
                             struct sk_result *result, struct sk_error *error) __attribute__((warn_unused_result));

/* A live session that Redis lost and the finder found is written back by whichever call needs it: version + 1, event
 * session_recovered (and time_expired, where something ran out meanwhile), timer, index and a STATE_SYNC, in one MULTI,
 * unless somebody else was faster. An ended one is not: it can be read and deleted, anything else is
 * SK_INVALID_STATE_TRANSITION. Such a call blocks for some round trips more, and for as long as the finder does. */

/* Reads a session, settled; a settle that applied an expiry is committed first. */
enum sk_code sk_store_read(struct sk_store *store, const char *session_id, const struct sk_origin *origin,
                           struct sk_result *result, struct sk_error *error) __attribute__((warn_unused_result));

/* Settles and applies an operation, and commits both. The engine's refusals come back as they are, their settle
 * committed. SK_CONFLICT also where a switch without guard and expected version lost a race; every other operation
 * is evaluated again on the new state, up to 8 times. reason: kept in the audit event; NULL: none. */
enum sk_code sk_store_change(struct sk_store *store, const char *session_id, const struct sk_operation *operation,
                             const struct sk_origin *origin, const char *reason, struct sk_result *result,
                             struct sk_error *error) __attribute__((warn_unused_result));

/* Deletes a session and leaves a tombstone; an unknown or deleted one is SK_OK too, with nothing done. */
enum sk_code sk_store_delete(struct sk_store *store, const char *session_id, const struct sk_origin *origin,
                             struct sk_error *error) __attribute__((warn_unused_result));

/* Redis' time in epoch milliseconds: from the clock's offset if a sample is younger than max_age_ms, else asked. */
enum sk_code sk_store_time(struct sk_store *store, int64_t max_age_ms, int64_t *now_ms, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Draws on the allowances of a request that reads no session. SK_RATE_LIMIT_EXCEEDED: one is used up. */
enum sk_code sk_store_draw(struct sk_store *store, struct sk_terms *terms, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Asks for a sign of life. */
enum sk_code sk_store_ping(struct sk_store *store, struct sk_error *error) __attribute__((warn_unused_result));

#endif
