/* Sync modes: whose clock runs, what it started with, and who is next.
 * A mode is one file (mode_<name>.c) that fills one record, and one row in mode.c; the engine asks the record and
 * never names a mode. All functions are pure. */
#ifndef SK_COMMON_MODE_H
#define SK_COMMON_MODE_H

#include "common/problems.h"
#include "common/session.h"

struct sk_mode {
    const char *name;
    bool needs_participants; /* the last one cannot be removed */
    bool has_groups;         /* participants share the bank of their group */
    bool has_increment;      /* a switch adds increment_ms to the bank of whoever made it */
    bool skips_expired;      /* who has run out has no further turn */
    bool names_winner;       /* an expiry that ends the session names the one who is left */
    bool elapsed_is_total;   /* the clock shows the session's elapsed time, not the cycle's */

    /* Adds what this mode's own rules find wrong with a new session. */
    void (*check)(const struct sk_session *session, struct sk_problems *problems);

    /* Sets the banks of a session that has just been checked. */
    void (*open)(struct sk_session *session);

    /* The bank of the participant at that position; NULL where the mode has one clock for all. Borrowed. */
    struct sk_bank *(*bank_of)(struct sk_session *session, size_t position);

    /* What the clock has at cycle_started_at_ms, or would have if a cycle of this participant (SK_NOBODY: of
     * nobody) went on; SK_NONE without a limit. */
    int64_t (*left)(const struct sk_session *session, size_t position);

    /* What a cycle of that participant will begin with; SK_NONE without a limit. */
    int64_t (*opening)(const struct sk_session *session, size_t position);

    /* What the whole session has left at cycle_started_at_ms; SK_NONE where the mode or the session has no such
     * limit. At 0 no further cycle can begin by itself. */
    int64_t (*session_left)(const struct sk_session *session);

    /* A cycle of that participant begins: what the mode sets anew. NULL: nothing. */
    void (*refill)(struct sk_session *session, size_t position);

    /* Whose turn comes after the active one's; with skip_expired SK_NOBODY where everybody has run out. */
    size_t (*next)(const struct sk_session *session, bool skip_expired);

    /* Gives a newcomer (already inserted, its own bank as asked: 0 where not) its bank. False: no time to take. */
    bool (*admit)(struct sk_session *session, size_t position, bool group_is_new);
};

/* SK_NONE-terminated list of all modes is sk_mode_at(0), sk_mode_at(1), … until NULL. */
const struct sk_mode *sk_mode_at(size_t number);

/* NULL for a name that is none. */
const struct sk_mode *sk_mode_of(const char *name);

/* The parts that several modes share (rotation.c). */
size_t sk_rotation_next(const struct sk_session *session, bool skip_expired);
int64_t sk_bank_left(const struct sk_session *session, size_t position);

#endif
