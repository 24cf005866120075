/* One change of a session on its way into Redis: what was done to it, written down as audit events, messages and the
 * stored form. The store drives it; nothing here talks to Redis. */
#ifndef SK_COMMON_CHANGE_H
#define SK_COMMON_CHANGE_H

#include "common/engine.h"
#include "common/transaction.h"

#define SK_TOMBSTONE_MS INT64_C(3600000) /* how long a deleted session leaves a mark */

/* What is asked (borrowed), and the attempt under way (owned). */
struct sk_change {
    const char *session_id;
    const struct sk_session *wanted;      /* create: the session as configured */
    const struct sk_operation *operation; /* NULL: create or delete */
    const struct sk_origin *origin;
    const struct sk_session *lost; /* takes the place of a session that Redis has no trace of; NULL: nothing does */
    const char *reason;            /* NULL: none */
    int64_t session_ttl_ms;        /* how long an ended session stays */

    char tried_on[SK_UUID_BYTES]; /* the event that an attempt that came to nothing was built on; "": none */
    struct sk_session *session;
    bool unreadable;  /* there is a stored form, but it is damaged */
    bool absent;      /* Redis has neither the session nor a tombstone */
    bool stands_in;   /* session began as a copy of lost */
    bool cycle_began; /* when the session was recovered for this very change; outlives an attempt */
    int64_t deadline_before_ms;
    int64_t deleted_at_ms; /* of the life before, which a new one begins after; SK_NONE */
    int64_t now_ms;
    struct sk_settlement settlement;
    struct sk_buffer view; /* rendered at now_ms */
    struct sk_transaction transaction;
};

/* Forgets the attempt, so that another can be made. */
void sk_change_forget(struct sk_change *change);

/* Records what has just been done to the session, as an event with the session after it. */
void sk_change_record_settlement(struct sk_change *change);
void sk_change_record(struct sk_change *change, const char *type, const char *participant_id);
void sk_change_record_operation(struct sk_change *change, const char *participant_id);

/* The operation that an event of this type records; SK_OP_COUNT: none. Static tables, no state. */
enum sk_op sk_change_op_of(const char *event_type);

/* Appends a settlement's expiries as an event has them, a JSON list; NULL: none. */
void sk_change_write_expiries(struct sk_buffer *out, const struct sk_settlement *settlement);

/* Marks the session as recovered at now_ms, in its metadata (in place of an earlier mark), and records that; nothing
 * else of it changes. False when out of memory. */
bool sk_change_record_recovery(struct sk_change *change) __attribute__((warn_unused_result));

/* Renders the view of the session as it is now. */
void sk_change_render(struct sk_change *change);

/* For how long a session is kept in Redis from now on, if nothing happens to it. */
int64_t sk_change_ttl_ms(const struct sk_session *session, int64_t now_ms, int64_t session_ttl_ms);

/* The end of every change: where the session is kept, for how long, and who hears of it. */
void sk_change_complete(struct sk_change *change);
void sk_change_complete_deletion(struct sk_change *change);

#endif
