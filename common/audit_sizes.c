/* How much of the audit trail is where (audit_queue.h): asking Redis, and making sense of its answers. Changes nothing.
 */
#include "common/audit_queue.h"
#include "common/audit_reply.h"
#include "common/keys.h"

#include <string.h>

#define DELAYED_BYTES 48

/* The id alone: the entry behind it may be large. */
static const char oldest_script[] = "local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)\n"
                                    "return first[1] and first[1][1]\n";

/* A reply that is a count, or the summary of XPENDING, which begins with one. 0 while the stream is not there. */
static enum sk_code read_count(const redisReply *reply, int64_t *count, struct sk_error *error)
{
    *count = 0;
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOGROUP", strlen("NOGROUP")) == 0) {
        return SK_OK;
    }
    enum sk_code code = sk_redis_check(reply, error);
    if (code) {
        return code;
    }
    const redisReply *value = sk_reply_is_array(reply, 1) ? reply->element[0] : reply;
    if (value->type != REDIS_REPLY_INTEGER) {
        return sk_fail(error, SK_INTERNAL_ERROR, "Redis answered with something else than a count");
    }
    *count = value->integer;
    return SK_OK;
}

/* Instants and counts as Redis keeps them in text: digits up to end. -1: it is something else. */
static int64_t read_digits(const char *text, const char *end)
{
    int64_t value = 0;
    if (text == end || end - text > 18) {
        return -1;
    }
    for (; text < end; text++) {
        if (*text < '0' || *text > '9') {
            return -1;
        }
        value = value * 10 + (*text - '0');
    }
    return value;
}

/* How many events the rows of those that wait speak of; one whose time has passed speaks of none. */
static int64_t count_delayed(const redisReply *rows, int64_t now_ms)
{
    int64_t sum = 0;
    for (size_t i = 0; sk_reply_is_array(rows, 0) && i < rows->elements; i++) {
        const redisReply *row = rows->element[i];
        const char *space = sk_reply_is_text(row) && row->len < DELAYED_BYTES ? strchr(row->str, ' ') : NULL;
        int64_t count = space ? read_digits(row->str, space) : -1;
        if (count > 0 && read_digits(space + 1, row->str + row->len) > now_ms) {
            sum += count;
        }
    }
    return sum;
}

static int64_t age_of(const redisReply *stream_id, int64_t now_ms)
{
    const char *dash = sk_reply_is_text(stream_id) ? strchr(stream_id->str, '-') : NULL;
    int64_t at_ms = dash ? read_digits(stream_id->str, dash) : -1;
    return at_ms >= 0 && at_ms < now_ms ? now_ms - at_ms : 0;
}

enum { STREAM_SIZE, HANDED_OUT, FAILED_SIZE, WRITTEN, DELAYED_ROWS, OLDEST_ID, NOW, SIZE_REPLIES };

static enum sk_code read_sizes(redisReply *const *replies, struct sk_audit_sizes *sizes, struct sk_error *error)
{
    int64_t in_stream = 0;
    int64_t handed_out = 0;
    enum sk_code code = read_count(replies[STREAM_SIZE], &in_stream, error);
    code = code ? code : read_count(replies[HANDED_OUT], &handed_out, error);
    code = code ? code : read_count(replies[FAILED_SIZE], &sizes->failed, error);
    for (size_t i = WRITTEN; !code && i < SIZE_REPLIES; i++) {
        code = sk_redis_check(replies[i], error);
    }
    if (code) {
        return code;
    }
    const redisReply *written = replies[WRITTEN];
    int64_t completed = sk_reply_is_text(written) ? read_digits(written->str, written->str + written->len) : 0;
    int64_t now_ms = sk_redis_time_us(replies[NOW]) / 1000;
    int64_t delayed = count_delayed(replies[DELAYED_ROWS], now_ms);
    sizes->completed = completed > 0 ? completed : 0;
    /* An entry leaves the stream when it is acknowledged: what is in it is waiting, or handed out. */
    sizes->waiting = in_stream > handed_out ? in_stream - handed_out : 0;
    sizes->delayed = delayed < handed_out ? delayed : handed_out;
    sizes->active = handed_out - sizes->delayed;
    sizes->oldest_ms = age_of(replies[OLDEST_ID], now_ms);
    return SK_OK;
}

enum sk_code sk_audit_queue_sizes(struct sk_redis *redis, struct sk_audit_sizes *sizes, struct sk_error *error)
{
    *sizes = (struct sk_audit_sizes){0};
    enum sk_code code = sk_redis_connect(redis, error);
    if (code) {
        return code;
    }
    redisReply *replies[SIZE_REPLIES] = {NULL};
    sk_redis_queue(redis, "XLEN " SK_KEY_AUDIT);
    sk_redis_queue(redis, "XPENDING " SK_KEY_AUDIT " " SK_KEY_AUDIT_GROUP);
    sk_redis_queue(redis, "XLEN " SK_KEY_AUDIT_FAILED);
    sk_redis_queue(redis, "GET " SK_KEY_AUDIT_WRITTEN);
    sk_redis_queue(redis, "HVALS " SK_KEY_AUDIT_DELAYED);
    sk_redis_queue(redis, "EVAL %s 1 " SK_KEY_AUDIT, oldest_script);
    sk_redis_queue(redis, "TIME");
    sk_redis_intend(redis, SK_REDIS_AUDIT);
    code = sk_redis_collect(redis, SIZE_REPLIES, replies, error);
    if (!code) {
        code = read_sizes(replies, sizes, error);
    }
    sk_redis_replies_free(SIZE_REPLIES, replies);
    return code;
}
