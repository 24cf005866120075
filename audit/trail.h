/* Reading the audit trail for those who look at all of it: lives of sessions, the descent of a life's events, the
 * events themselves, and how the summary differs from them. Knows the tables; writes nothing.
 *
 * Each call blocks and shares the codes of audit/database.h. Results (PGresult) are owned by the caller: PQclear. */
#ifndef SK_AUDIT_TRAIL_H
#define SK_AUDIT_TRAIL_H

#include "audit/database.h"
#include "audit/lineage.h"
#include "audit/replay.h"

#define SK_TRAIL_LIVES 500  /* at most, a page */
#define SK_TRAIL_EVENTS 100 /* at most, a call */

/* Begins a transaction that sees everything as it is at one moment, and ends the one before it in the same round trip.
 * The calls below belong into one: elsewhere they are right too, but may be slow. */
enum sk_code sk_trail_begin(struct sk_database *database, struct sk_error *error) __attribute__((warn_unused_result));

/* Ends it; nothing is done where none is open. */
enum sk_code sk_trail_end(struct sk_database *database, struct sk_error *error) __attribute__((warn_unused_result));

/* One life of a session; texts are borrowed from the result. */
struct sk_trail_life {
    const char *session_id;
    const char *created_at; /* as PostgreSQL writes it */
    int64_t created_at_ms;
    bool is_wanted;       /* it has an event at or after the instant that was asked for */
    bool has_former_life; /* the session has events of an earlier one */
};

/* The lives behind a place (NULL: from the beginning), in order: of all sessions, or of one (session_id not NULL). The
 * last page has fewer than SK_TRAIL_LIVES rows. since_ms: INT64_MIN: all are wanted. */
enum sk_code sk_trail_lives(struct sk_database *database, const char *session_id, int64_t since_ms,
                            const struct sk_trail_life *after, PGresult **rows, struct sk_error *error)
    __attribute__((warn_unused_result));
struct sk_trail_life sk_trail_life(const PGresult *rows, int row);

/* Adds a life's events to an empty lineage. *is_fresh: some of them came within the last minute, so that one that is
 * missing may still be on its way. SK_INTERNAL_ERROR: out of memory. */
enum sk_code sk_trail_lineage(struct sk_database *database, const struct sk_trail_life *life,
                              struct sk_lineage *lineage, bool *is_fresh, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Events by id, in the order of the ids: a list as PostgreSQL reads it, "{id,id}". */
enum sk_code sk_trail_events(struct sk_database *database, const char *ids, PGresult **rows, struct sk_error *error)
    __attribute__((warn_unused_result));
struct sk_replay_event sk_trail_event(const PGresult *rows, int row, const struct sk_trail_life *life);

/* What of a life's row in sync_sessions is not what its newest event says: rows of field, recorded, expected (JSON),
 * id and version of the event that it shows. */
enum sk_code sk_trail_summary(struct sk_database *database, const struct sk_trail_life *life, PGresult **rows,
                              struct sk_error *error) __attribute__((warn_unused_result));

#endif
