/* The part of a request's terms that Redis knows: allowances to draw on, and whether the key was used before. Queued in
 * front of the commands that read a session, so that they cost no round trip of their own. */
#ifndef SK_COMMON_TOLL_H
#define SK_COMMON_TOLL_H

#include "common/error.h"
#include "common/redis.h"
#include "common/terms.h"

#define SK_TOLL_REPLIES_MAX (3 * SK_ALLOWANCES_MAX)

/* Queues the counting of the allowances, unless that was done; returns how many replies will come. terms may be NULL.
 */
size_t sk_toll_queue(struct sk_redis *redis, const struct sk_terms *terms);

/* Takes their replies. SK_RATE_LIMIT_EXCEEDED: one is used up; error is meant for the client. On a Redis that is full
 * nothing is counted, and the request goes on. */
enum sk_code sk_toll_take(struct sk_terms *terms, redisReply *const *replies, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Queues the look-up of the idempotency key, which must come after WATCH and before the session is read: then either
 * what the key did is in the session that is read, or the commit fails. Returns how many replies will come. */
size_t sk_toll_queue_key(struct sk_redis *redis, const struct sk_terms *terms, const char *session_id);

/* Takes the reply: terms->replayed. SK_IDEMPOTENCY_KEY_REUSED: the key was used for something else. */
enum sk_code sk_toll_take_key(struct sk_terms *terms, const redisReply *reply, struct sk_error *error)
    __attribute__((warn_unused_result));

#endif
