/* Holds three accounts against each other, once nothing moves any more: what clients were answered (load.h), what
 * Redis has, and the trail in PostgreSQL. Every disagreement is a failed check. */
#ifndef SK_TESTS_LEDGER_H
#define SK_TESTS_LEDGER_H

#include "tests/integration/load.h"

#include <jansson.h>

struct ledger {
    long sessions;
    long events;     /* of the lines that Redis' sessions are the heads of */
    long abandoned;  /* events beside these lines: history that Redis lost */
    long moves;      /* that were answered with 200 */
    long lost;       /* of these, not on the line */
    int64_t loss_ms; /* how long before Redis' death the first of the lost was answered */
};

/* One session that Redis has: its line, from its last event back to its creation, has each version once, the last
 * event's snapshot is what Redis holds, and the summary shows it. The request ids of the line's switches by version -
 * 1, null for any other event; kept until the test is over. NULL where the line is not whole. */
json_t *ledger_add_session(struct ledger *ledger, const char *id);

/* All sessions of a load, which must have stopped: each move stands on the line, at the version that was answered and
 * once. redis_died_us: when Redis was killed, so that moves answered shortly before may be missing; 0: it was not. */
void ledger_add_load(struct ledger *ledger, const struct load *load, int64_t redis_died_us);

#endif
