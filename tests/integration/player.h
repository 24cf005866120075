/* Somebody who presses the clock as fast as answers come, in a thread of its own, and counts them. */
#ifndef SK_TESTS_PLAYER_H
#define SK_TESTS_PLAYER_H

#include <stdatomic.h>

struct player {
    const char *id;
    atomic_long moves;       /* answered 200 */
    atomic_long conflicts;   /* 409 CONFLICT: somebody else was faster */
    atomic_long unavailable; /* 503 STATE_STORE_UNAVAILABLE or ARCHIVE_UNAVAILABLE: nothing was changed */
    atomic_long unknown;     /* 503 OUTCOME_UNKNOWN: it may stand */
    atomic_long other;       /* anything else: there should be none */
    char surprise[600];      /* the last of those */
};

/* Sends bare switches of a running session to a web server until it is stopped; ends with the test. id is borrowed. */
struct player *player_start(const char *base, const char *id);

/* Waits for the answer under way; the counts are final then. */
void player_stop(struct player *player);

/* Checks that there was no other answer, and prints the last one if there was. */
void player_expect_no_surprise(const struct player *player);

#endif
