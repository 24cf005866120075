/* What a worker has taken out of the audit stream and not yet given back: the batch in hand, the next one, which is
 * read while PostgreSQL is at work, and what is written but Redis has not been told of.
 *
 *   audit ──take──► held ──done──► written ──acknowledged and deleted──► gone
 *     └─look ahead─► next ─┘ └─────set aside─────► audit:failed
 *
 * Redis gone is remembered here: what was ours then is read once more. Knows no SQL, and decides nothing about an
 * event. */
#ifndef SK_AUDIT_INTAKE_H
#define SK_AUDIT_INTAKE_H

#include "common/audit_queue.h"
#include "common/config.h"
#include "common/redis_url.h"

#include <stdbool.h>
#include <stdint.h>

struct sk_intake;

/* Under a name that nobody else has; connects nowhere yet. config: borrowed for good. Owned; NULL when out of memory.
 */
struct sk_intake *sk_intake_new(const struct sk_config *config, const struct sk_redis_url *url);
void sk_intake_free(struct sk_intake *intake);

/* Borrowed until _free: the name within the consumer group, and the connection. */
const char *sk_intake_consumer(const struct sk_intake *intake);
struct sk_redis *sk_intake_redis(struct sk_intake *intake);

/* The next batch in hand: what is this worker's already, what a dead worker left behind, else what nobody has, for
 * which it waits a second at most. The former batch must be done with; an empty one is SK_OK. Anything else: Redis
 * cannot be had, or cannot write. */
enum sk_code sk_intake_take(struct sk_intake *intake) __attribute__((warn_unused_result));

/* The part of the batch in hand that is neither done nor let go. Borrowed until the next _take; its entries may change
 * places. */
struct sk_audit_batch *sk_intake_held(struct sk_intake *intake);

/* To be called while something else is waited for: takes the batch after the one in hand, where there is one, and tells
 * Redis what is written, in one round trip. */
void sk_intake_look_ahead(struct sk_intake *intake);

/* The first count of what is held are in PostgreSQL, or served. Redis is told of it at the latest with the next _take;
 * where it cannot be, they are read once more. */
void sk_intake_done(struct sk_intake *intake, size_t count);

/* Tells Redis at once what is written. */
void sk_intake_settle(struct sk_intake *intake);

/* The first count of what is held are somebody else's business: they stand in audit:failed, or are read once more. */
void sk_intake_let_go(struct sk_intake *intake, size_t count);

/* Moves an entry to audit:failed. False: it stays this worker's, and is read once more: at once after Redis was gone,
 * or, where Redis has no room for it, some seconds later, since only what is new can make room. */
bool sk_intake_set_aside(struct sk_intake *intake, const struct sk_audit_entry *entry, const char *why)
    __attribute__((warn_unused_result));

/* Whether, since the batch in hand was taken, nothing had to wait for room and Redis was not lost. */
bool sk_intake_whole(const struct sk_intake *intake);

/* Keeps what is in hand and next this worker's own; does nothing while that is fresh. A claim that is not renewed in
 * time costs nothing but work done twice: a failure is only noted. */
void sk_intake_keep_claims(struct sk_intake *intake);

/* Tells whoever asks for the queue's sizes that so many events in hand, and those that wait for room, wait for so long.
 * 0 events: only the latter, if any. Nobody depends on it: where Redis cannot be told, they are taken to be in work. */
void sk_intake_note_delayed(struct sk_intake *intake, int64_t events, int64_t wait_ms);

/* From time to time: takes in hand what nobody has, though it was handed out, and notes again what is delayed. */
void sk_intake_look_around(struct sk_intake *intake);

/* Forgets the names of former workers, which are only a nuisance in a list. */
void sk_intake_tidy(struct sk_intake *intake);

/* At the end: tells Redis what is written, and leaves the rest to whoever looks first. How many that are. */
int64_t sk_intake_give_back(struct sk_intake *intake);

#endif
