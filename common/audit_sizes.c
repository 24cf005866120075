/* How much of the audit trail is where (audit_queue.h): asking Redis, and making sense of its answers. Changes nothing.
 */
#include "common/audit_queue.h"
#include "common/audit_reply.h"
#include "common/keys.h"

#include <string.h>

#define DELAYED_BYTES 48

const char *const sk_audit_sizes_keys[SK_AUDIT_SIZES_KEYS] = {SK_KEY_AUDIT, SK_KEY_AUDIT_FAILED, SK_KEY_AUDIT_WRITTEN,
                                                              SK_KEY_AUDIT_DELAYED};

/* Of the oldest entry the id alone: what is behind it may be large. Without the group XPENDING is an error among the
 * replies; a nil would end them. */
const char sk_audit_sizes_script[] =
    "local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)\n"
    "local sizes = {redis.call('XLEN', KEYS[1]), redis.pcall('XPENDING', KEYS[1], '" SK_KEY_AUDIT_GROUP "'),\n"
    "               redis.call('XLEN', KEYS[2]), redis.call('GET', KEYS[3]), redis.call('HVALS', KEYS[4]),\n"
    "               first[1] and first[1][1] or false, redis.call('TIME')}\n"
    "for i = 5, #KEYS do sizes[#sizes + 1] = redis.call('ZCARD', KEYS[i]) end\n"
    "return sizes\n";

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

enum { STREAM_SIZE, HANDED_OUT, FAILED_SIZE, WRITTEN, DELAYED_ROWS, OLDEST_ID, NOW };
_Static_assert(NOW + 1 == SK_AUDIT_SIZES_REPLIES, "the script's replies");

enum sk_code sk_audit_sizes_read(const redisReply *reply, struct sk_audit_sizes *sizes, struct sk_error *error)
{
    int64_t in_stream = 0;
    int64_t handed_out = 0;
    *sizes = (struct sk_audit_sizes){0};
    enum sk_code code = sk_redis_check(reply, error);
    if (!code && !sk_reply_is_array(reply, SK_AUDIT_SIZES_REPLIES)) {
        code = sk_fail(error, SK_INTERNAL_ERROR, "Redis answered with something else than sizes");
    }
    if (code) {
        return code;
    }
    redisReply *const *replies = reply->element;
    code = read_count(replies[STREAM_SIZE], &in_stream, error);
    code = code ? code : read_count(replies[HANDED_OUT], &handed_out, error);
    code = code ? code : read_count(replies[FAILED_SIZE], &sizes->failed, error);
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
    const char *const *keys = sk_audit_sizes_keys;
    *sizes = (struct sk_audit_sizes){0};
    sk_redis_intend(redis, SK_REDIS_AUDIT);
    redisReply *reply = sk_redis_command(redis, error, "EVAL %s %d %s %s %s %s", sk_audit_sizes_script,
                                         SK_AUDIT_SIZES_KEYS, keys[0], keys[1], keys[2], keys[3]);
    enum sk_code code = reply ? sk_audit_sizes_read(reply, sizes, error) : error->code;
    freeReplyObject(reply);
    return code;
}
