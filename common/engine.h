/* The session clock: what an operation does to a session at an instant, to the millisecond.
 * Pure: no I/O, no clock, no globals; the same session, operation and instant always give the same result.
 * Nothing ticks: what is left is always calculated from when the running span began. */
#ifndef SK_COMMON_ENGINE_H
#define SK_COMMON_ENGINE_H

#include "common/error.h"
#include "common/session.h"

#define SK_EXPIRIES_KEPT 32
#define SK_UNATTENDED_MS INT64_C(86400000) /* how long a clock that nobody touches advances by itself */

enum sk_op {
    SK_OP_VIEW, /* settles and changes nothing else */
    SK_OP_START,
    SK_OP_SWITCH,
    SK_OP_PAUSE,
    SK_OP_RESUME,
    SK_OP_COMPLETE,
    SK_OP_CANCEL,
    SK_OP_ADJUST,
    SK_OP_ADD,
    SK_OP_REMOVE,
    SK_OP_COUNT
};

/* An operation and its arguments; what does not belong to the operation is ignored. Plain data. */
struct sk_operation {
    enum sk_op op;
    int64_t expected_version; /* SK_NONE: any */

    /* switch */
    char current_participant_id[SK_ID_BYTES]; /* guard; "": none */
    int64_t current_cycle_number;             /* guard; SK_NONE: none */
    char next_participant_id[SK_ID_BYTES];    /* "": as the rotation says */

    /* adjust, add, remove */
    char participant_id[SK_ID_BYTES];
    bool is_delta;              /* adjust: shift the bank, else set it */
    int64_t time_ms;            /* adjust: the shift or the new value; add: the newcomer's bank, SK_NONE: not given */
    int64_t index;              /* add; SK_NONE: at the end */
    char group_id[SK_ID_BYTES]; /* add */
};

/* One clock that ran out. action_applied is shared with the session (a reference of its own). */
struct sk_expiry {
    char participant_id[SK_ID_BYTES];
    char group_id[SK_ID_BYTES];
    int64_t at_ms;
    json_t *action_applied;
};

/* The expiries of one settle: the newest SK_EXPIRIES_KEPT, in order, and how many there were. */
struct sk_settlement {
    struct sk_expiry expiries[SK_EXPIRIES_KEPT];
    size_t kept;
    int64_t count;
    bool cycle_began; /* at least one of them handed the turn on */
};

/* The one object that a client can draw for any mode (SK_NONE: null). */
struct sk_clock_face {
    bool running;
    int64_t started_at_ms;
    int64_t deadline_at_ms;
    int64_t time_remaining_ms;
    int64_t time_elapsed_ms;
    bool overtime;
    int64_t session_deadline_at_ms;
};

/* Makes a checked configuration (session_reader.h) a pending session at version 1. */
void sk_engine_create(struct sk_session *session, int64_t now_ms);

/* Applies every expiry that is due at now, each at its deadline; version + 1 if there was any. Overwrites
 * settlement, which the caller clears. Changes nothing but the session. SK_INTERNAL_ERROR: out of memory, the
 * session must be thrown away. */
enum sk_code sk_engine_settle(struct sk_session *session, int64_t now_ms, struct sk_settlement *settlement,
                              struct sk_error *error) __attribute__((warn_unused_result));
void sk_settlement_clear(struct sk_settlement *settlement);

/* Applies one operation to a session that was settled at the same instant; version + 1 if it changed anything
 * (completing a completed session does not). An error leaves the session as it was, except SK_INTERNAL_ERROR
 * (out of memory): throw it away.
 * settlement: what the settle just before did; a bare switch is refused if it began another cycle. */
enum sk_code sk_engine_apply(struct sk_session *session, const struct sk_operation *operation, int64_t now_ms,
                             const struct sk_settlement *settlement, struct sk_error *error)
    __attribute__((warn_unused_result));

/* The refusal of an operation that the session's status does not allow: SK_INVALID_STATE_TRANSITION. */
enum sk_code sk_engine_refuse(const struct sk_session *session, enum sk_op op, struct sk_error *error);

/* The instant at which the running clock runs out, SK_NONE if it never does by itself. */
int64_t sk_engine_deadline(const struct sk_session *session);

/* When the timekeeper must look at the session next: the earliest warning later than now, or else the deadline;
 * SK_NONE without a deadline. */
int64_t sk_engine_next_timer(const struct sk_session *session, int64_t now_ms);

/* The smallest warning threshold whose instant has come by now, SK_NONE if none has. */
int64_t sk_engine_warning(const struct sk_session *session, int64_t now_ms);

/* What a client sees at now of a session settled at now. */
void sk_engine_clock(const struct sk_session *session, int64_t now_ms, struct sk_clock_face *face);

/* A participant's or a group's time left at now, and its bank as it is shown; position as in the session. */
int64_t sk_engine_remaining(const struct sk_session *session, size_t position, int64_t now_ms);
struct sk_bank sk_engine_shown_bank(const struct sk_session *session, size_t position);
int64_t sk_engine_group_remaining(const struct sk_session *session, size_t group, int64_t now_ms);

/* "start", …; SK_OP_COUNT for a name that is none. */
const char *sk_op_name(enum sk_op op);
enum sk_op sk_op_of(const char *name);

#endif
