/* Sync modes: whose clock runs, what it started with, and who is next.
 * A mode is one file (mode_<name>.c) that fills one record, and one row in mode.c; the engine asks the record and
 * never names a mode. All functions are pure. */
#ifndef SK_COMMON_MODE_H
#define SK_COMMON_MODE_H

#include "common/problems.h"
#include "common/session.h"

struct sk_mode {
    const char *name;
    bool needs_participants;      /* the last one cannot be removed */
    bool has_groups;              /* participants share the bank of their group */
    bool participants_bring_time; /* a participant's own total_time_ms counts */
    bool has_increment;           /* a switch adds increment_ms to the bank of whoever made it */
    bool skips_expired;           /* who has run out has no further turn */
    bool names_winner;            /* an expiry that ends the session names the one who is left */
    bool elapsed_is_total;        /* the clock shows the session's elapsed time, not the cycle's */
    bool total_outlives;          /* the session's total runs on while a cycle is in overtime */

    /* Adds what this mode's own rules find wrong with a new session, its participants still in the request's order.
     * NULL: it has none. */
    void (*check)(const struct sk_session *session, struct sk_problems *problems);

    /* Sets the banks of a session that was found right, its participants in rotation order. NULL: nothing to set. */
    void (*open)(struct sk_session *session);

    /* The bank of the participant at that position, borrowed. NULL: the mode has one clock for all. */
    struct sk_bank *(*bank_of)(const struct sk_session *session, size_t position);

    /* What the clock has at cycle_started_at_ms while it is this participant's turn (SK_NOBODY: nobody's); while
     * pending, what a first cycle of this participant will begin with. SK_NONE without a limit. */
    int64_t (*left)(const struct sk_session *session, size_t position);

    /* What the whole session has left at cycle_started_at_ms; SK_NONE without such a limit (NULL: the mode knows
     * none). At 0 no further cycle can begin by itself. */
    int64_t (*session_left)(const struct sk_session *session);

    /* A cycle of that participant begins: what the mode sets anew. NULL: nothing. */
    void (*refill)(struct sk_session *session, size_t position);

    /* Whose turn comes after the active one's; SK_NOBODY where nobody can be found. */
    size_t (*next)(const struct sk_session *session, bool skip_expired);

    /* Gives a newcomer its bank; time_ms is what was asked for, SK_NONE if nothing was. False: no time to take.
     * NULL: there is none to give. */
    bool (*admit)(struct sk_session *session, size_t position, int64_t time_ms);
};

/* All modes: sk_mode_at(0), sk_mode_at(1), … until NULL. */
const struct sk_mode *sk_mode_at(size_t number);

/* NULL for a name that is none. */
const struct sk_mode *sk_mode_of(const char *name);

/* What several modes share (rotation.c): the cyclic order over participants, and their own banks. */
size_t sk_rotation_next(const struct sk_session *session, bool skip_expired);
struct sk_bank *sk_own_bank(const struct sk_session *session, size_t position);
int64_t sk_own_bank_left(const struct sk_session *session, size_t position);

#endif
