/* Allowances and idempotency keys in Redis. A window begins with the first request in it and ends by its key expiring.
 */
#include "common/toll.h"

#include "common/keys.h"

#include <string.h>

#define REPLIES_EACH 3

static bool has_allowances(const struct sk_terms *terms)
{
    return terms && terms->allowance_count > 0 && !terms->counted;
}

size_t sk_toll_queue(struct sk_redis *redis, const struct sk_terms *terms)
{
    if (!has_allowances(terms)) {
        return 0;
    }
    for (size_t i = 0; i < terms->allowance_count; i++) {
        const struct sk_allowance *allowance = &terms->allowances[i];
        sk_redis_queue(redis, "INCR %s", allowance->key);
        sk_redis_queue(redis, "PEXPIRE %s %lld NX", allowance->key, (long long)allowance->window_ms);
        sk_redis_queue(redis, "PTTL %s", allowance->key);
    }
    return REPLIES_EACH * terms->allowance_count;
}

static bool is_out_of_room(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "OOM ", 4) == 0;
}

enum sk_code sk_toll_take(struct sk_terms *terms, redisReply *const *replies, struct sk_error *error)
{
    if (!has_allowances(terms)) {
        return SK_OK;
    }
    for (size_t i = 0; i < terms->allowance_count; i++) {
        struct sk_allowance *allowance = &terms->allowances[i];
        const redisReply *used = replies[REPLIES_EACH * i];
        const redisReply *left_ms = replies[REPLIES_EACH * i + 2];
        if (is_out_of_room(used)) {
            return SK_OK; /* it cannot count, but it can be read; whatever changes something is refused by itself */
        }
        enum sk_code code = sk_redis_check(used, error);
        if (code) {
            return code;
        }
        allowance->used = used->integer;
        allowance->reset_in_ms = left_ms && left_ms->integer > 0 ? left_ms->integer : allowance->window_ms;
    }
    terms->counted = true;
    const struct sk_allowance *exceeded = sk_terms_exceeded(terms);
    if (!exceeded) {
        return SK_OK;
    }
    return sk_fail(error, SK_RATE_LIMIT_EXCEEDED, "more than %lld requests within %lld ms", (long long)exceeded->limit,
                   (long long)exceeded->window_ms);
}

size_t sk_toll_queue_key(struct sk_redis *redis, const struct sk_terms *terms, const char *session_id)
{
    if (!terms || terms->idempotency_key[0] == '\0') {
        return 0;
    }
    struct sk_key key = sk_key_idempotency(session_id, terms->idempotency_key);
    const char *const args[] = {"GET", key.text};
    const size_t lengths[] = {strlen("GET"), key.length};
    sk_redis_queue_args(redis, 2, args, lengths);
    return 1;
}

enum sk_code sk_toll_take_key(struct sk_terms *terms, const redisReply *reply, struct sk_error *error)
{
    enum sk_code code = sk_redis_check(reply, error);
    if (code || reply->type == REDIS_REPLY_NIL) {
        return code;
    }
    if (!reply->str || strcmp(reply->str, terms->fingerprint) != 0) {
        return sk_fail(error, SK_IDEMPOTENCY_KEY_REUSED, "this Idempotency-Key was used for another request");
    }
    terms->replayed = true;
    return SK_OK;
}
