/* The timers' scripts. Each checks and changes in one step on the server, at the server's time. */
#include "common/timers.h"

#include "common/keys.h"
#include "common/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is due is moved ahead by the claim time, so that nobody else takes it meanwhile and it comes back should the
 * claimant die. Answers now, the next timer that is not due, and for each claim id, old score, new score. */
static const char claim_script[] =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
    "local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, ARGV[1])\n"
    "local mark = now + ARGV[2]\n"
    "local out = {}\n"
    "for i = 1, #due, 2 do\n"
    "  redis.call('ZADD', KEYS[1], mark, due[i])\n"
    "  out[#out + 1] = due[i]\n"
    "  out[#out + 1] = due[i + 1]\n"
    "end\n"
    "local next = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf', 'WITHSCORES', "
    "'LIMIT', 0, 1)\n"
    "return {string.format('%.0f', now), string.format('%.0f', mark), next[2] or '', out}\n";

/* Only the claim's own mark may be replaced: any other score is a change's nearer timer. */
static const char pass_script[] = "local score = redis.call('ZSCORE', KEYS[1], ARGV[1])\n"
                                  "if not score or tonumber(score) ~= tonumber(ARGV[2]) then return 0 end\n"
                                  "if ARGV[3] == '' then redis.call('ZREM', KEYS[1], ARGV[1])\n"
                                  "else redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1]) end\n"
                                  "if ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[5], ARGV[4]) end\n"
                                  "return 1\n";

static const char set_aside_script[] = "local score = redis.call('ZSCORE', KEYS[1], ARGV[1])\n"
                                       "if not score or tonumber(score) ~= tonumber(ARGV[2]) then return 0 end\n"
                                       "redis.call('ZREM', KEYS[1], ARGV[1])\n"
                                       "redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])\n"
                                       "return 1\n";

/* The ids are read and the sessions looked for in one step: a session created meanwhile is not swept out. */
static const char sweep_script[] =
    "local ids = redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[1] + ARGV[2] - 1)\n"
    "local removed = 0\n"
    "for _, id in ipairs(ids) do\n"
    "  if redis.call('EXISTS', ARGV[3] .. id) == 0 then removed = removed + redis.call('ZREM', KEYS[1], id) end\n"
    "end\n"
    "return {#ids, removed}\n";

static int64_t number_of(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_INTEGER) {
        return reply->integer;
    }
    return reply->str && reply->len > 0 ? (int64_t)strtod(reply->str, NULL) : SK_NONE;
}

/* EVAL each time: Redis keeps a script by its text, and nothing has to be loaded again after its restart. */
static redisReply *eval(struct sk_redis *redis, const char *script, size_t count, const char *const *arguments,
                        const size_t *lengths, struct sk_error *error)
{
    const char *args[10] = {"EVAL", script};
    size_t sizes[10] = {strlen("EVAL"), strlen(script)};
    for (size_t i = 0; i < count; i++) {
        args[i + 2] = arguments[i];
        sizes[i + 2] = lengths ? lengths[i] : strlen(arguments[i]);
    }
    sk_redis_intend(redis, SK_REDIS_TIMERS);
    return sk_redis_command_args(redis, error, count + 2, args, sizes);
}

static enum sk_code failure(const struct sk_error *error)
{
    return error->code;
}

/* A member that is no session's id can only have been put there by hand. */
static void throw_out(struct sk_redis *redis, const redisReply *member)
{
    sk_log(SK_LOG_ERROR, "a timer of what is no session was thrown out", SK_S("member", member->str));
    freeReplyObject(sk_redis_command(redis, NULL, "ZREM %s %b", SK_KEY_TIMERS, member->str, member->len));
}

static void take_claims(struct sk_redis *redis, struct sk_timer_batch *batch, const redisReply *list, int64_t mark_ms)
{
    for (size_t i = 0; i + 1 < list->elements && batch->count < SK_TIMERS_BATCH; i += 2) {
        struct sk_timer_claim *claim = &batch->claims[batch->count];
        const redisReply *id = list->element[i];
        if (!sk_id_valid(id->str, id->len)) {
            throw_out(redis, id);
            continue;
        }
        memcpy(claim->session_id, id->str, id->len + 1);
        claim->due_at_ms = number_of(list->element[i + 1]);
        claim->claimed_at_ms = mark_ms;
        batch->count++;
    }
}

enum sk_code sk_timers_claim(struct sk_redis *redis, struct sk_timer_batch *batch, struct sk_error *error)
{
    char limit[16];
    char ahead[16];
    (void)snprintf(limit, sizeof(limit), "%d", SK_TIMERS_BATCH);
    (void)snprintf(ahead, sizeof(ahead), "%d", SK_TIMERS_CLAIM_MS);
    const char *const arguments[] = {"1", SK_KEY_TIMERS, limit, ahead};
    batch->count = 0;
    redisReply *reply = eval(redis, claim_script, 4, arguments, NULL, error);
    if (!reply) {
        return failure(error);
    }
    batch->now_ms = number_of(reply->element[0]);
    batch->next_at_ms = number_of(reply->element[2]);
    take_claims(redis, batch, reply->element[3], number_of(reply->element[1]));
    freeReplyObject(reply);
    return SK_OK;
}

static void mark_text(const struct sk_timer_claim *claim, char out[24])
{
    (void)snprintf(out, 24, "%" PRId64, claim->claimed_at_ms);
}

enum sk_code sk_timers_pass(struct sk_redis *redis, const struct sk_timer_claim *claim, int64_t next_at_ms,
                            const char *message, size_t message_length, bool *passed, struct sk_error *error)
{
    char mark[24];
    char next[24] = "";
    struct sk_key channel = sk_key_channel(claim->session_id);
    mark_text(claim, mark);
    if (next_at_ms != SK_NONE) {
        (void)snprintf(next, sizeof(next), "%" PRId64, next_at_ms);
    }
    const char *const arguments[] = {"1",  SK_KEY_TIMERS,          claim->session_id, mark,
                                     next, message ? message : "", channel.text};
    const size_t lengths[] = {1,
                              strlen(SK_KEY_TIMERS),
                              strlen(claim->session_id),
                              strlen(mark),
                              strlen(next),
                              message ? message_length : 0,
                              channel.length};
    redisReply *reply = eval(redis, pass_script, 7, arguments, lengths, error);
    if (!reply) {
        return failure(error);
    }
    *passed = reply->integer == 1;
    freeReplyObject(reply);
    return SK_OK;
}

enum sk_code sk_timers_set_aside(struct sk_redis *redis, const struct sk_timer_claim *claim, struct sk_error *error)
{
    char mark[24];
    mark_text(claim, mark);
    const char *const arguments[] = {"2", SK_KEY_TIMERS, SK_KEY_TIMERS_UNREADABLE, claim->session_id, mark};
    redisReply *reply = eval(redis, set_aside_script, 5, arguments, NULL, error);
    if (!reply) {
        return failure(error);
    }
    freeReplyObject(reply);
    return SK_OK;
}

enum sk_code sk_timers_sweep(struct sk_redis *redis, enum sk_status status, int64_t offset, int64_t count,
                             int64_t *seen, int64_t *removed, struct sk_error *error)
{
    char from[24];
    char many[24];
    struct sk_key index = sk_key_index(status);
    (void)snprintf(from, sizeof(from), "%" PRId64, offset);
    (void)snprintf(many, sizeof(many), "%" PRId64, count);
    const char *const arguments[] = {"1", index.text, from, many, SK_KEY_SESSION_PREFIX};
    redisReply *reply = eval(redis, sweep_script, 5, arguments, NULL, error);
    if (!reply) {
        return failure(error);
    }
    *seen = number_of(reply->element[0]);
    *removed = number_of(reply->element[1]);
    freeReplyObject(reply);
    return SK_OK;
}
