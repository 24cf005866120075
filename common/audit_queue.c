/* The audit stream's consumer group: its commands, and their replies as batches. Never touches a session's key, never
 * decides what becomes of an entry. */
#include "common/audit_queue.h"

#include "common/audit_reply.h"
#include "common/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 24

/* Also on a full Redis, where events wait for room. Rows that have run out go with every call, whoever left them. */
static const char delay_script[] =
    "#!lua flags=allow-oom\n"
    "local time = redis.call('TIME')\n"
    "local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
    "local rows = redis.call('HGETALL', KEYS[1])\n"
    "for i = 1, #rows, 2 do\n"
    "  local till = tonumber(string.match(rows[i + 1], '^%d+ (%d+)$') or '0')\n"
    "  if till <= now or rows[i] == ARGV[1] then redis.call('HDEL', KEYS[1], rows[i]) end\n"
    "end\n"
    "if ARGV[2] ~= '0' then\n"
    "  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. string.format('%.0f', now + ARGV[3]))\n"
    "end\n"
    "return 1\n";

static bool starts_with(const redisReply *reply, const char *prefix)
{
    return reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, prefix, strlen(prefix)) == 0;
}

/* Whether it is a read that Redis answers when there is something to read. */
static bool waits(size_t count, const char *const *args)
{
    return count > 6 && strcmp(args[6], "BLOCK") == 0;
}

/* One command and its reply (owned), whatever it says. */
static enum sk_code ask(struct sk_redis *redis, size_t count, const char *const *args, redisReply **reply,
                        struct sk_error *error)
{
    *reply = NULL;
    enum sk_code code = sk_redis_connect(redis, error);
    if (code) {
        return code;
    }
    sk_redis_queue_args(redis, count, args, NULL);
    sk_redis_intend(redis, waits(count, args) ? SK_REDIS_WAIT : SK_REDIS_AUDIT);
    return sk_redis_collect(redis, 1, reply, error);
}

/* One command of the group; where the group is gone it is made again, and the command asked again. *reply is
 * owned and no error, or NULL. */
static enum sk_code ask_group(struct sk_redis *redis, size_t count, const char *const *args, redisReply **reply,
                              struct sk_error *error)
{
    enum sk_code code = ask(redis, count, args, reply, error);
    if (!code && starts_with(*reply, "NOGROUP")) {
        freeReplyObject(*reply);
        *reply = NULL;
        code = sk_audit_queue_open(redis, error);
        if (!code) {
            code = ask(redis, count, args, reply, error);
        }
    }
    /* The stream went away under a waiting read, or its server became a replica: the next read says what is. */
    if (!code && !starts_with(*reply, "UNBLOCKED")) {
        code = sk_redis_check(*reply, error);
    }
    if (*reply && (code || (*reply)->type == REDIS_REPLY_ERROR)) {
        freeReplyObject(*reply);
        *reply = NULL;
    }
    return code;
}

static const char *number(int64_t value, char out[NUMBER_BYTES])
{
    int length = snprintf(out, NUMBER_BYTES, "%lld", (long long)value);
    return length > 0 ? out : "0";
}

/* Reads as a member of the group: from ">" what nobody has, from "0" what the consumer has. wait_ms 0: does not wait.
 */
static enum sk_code read_from(struct sk_redis *redis, const char *consumer, const char *from, int64_t limit,
                              int64_t wait_ms, struct sk_audit_batch *batch, struct sk_error *error)
{
    char count[NUMBER_BYTES];
    char wait[NUMBER_BYTES];
    const char *args[12] = {"XREADGROUP", "GROUP", SK_KEY_AUDIT_GROUP, consumer, "COUNT", number(limit, count)};
    size_t used = 6;
    if (wait_ms > 0) { /* BLOCK 0 would wait for ever */
        args[used++] = "BLOCK";
        args[used++] = number(wait_ms, wait);
    }
    args[used++] = "STREAMS";
    args[used++] = SK_KEY_AUDIT;
    args[used++] = from;
    *batch = (struct sk_audit_batch){0};
    redisReply *reply;
    enum sk_code code = ask_group(redis, used, args, &reply, error);
    if (code) {
        return code;
    }
    bool found = sk_reply_is_array(reply, 1) && sk_reply_is_array(reply->element[0], 2);
    return sk_audit_batch_fill(batch, reply, found ? reply->element[0]->element[1] : NULL, error);
}

enum sk_code sk_audit_queue_read(struct sk_redis *redis, const char *consumer, int64_t limit, int64_t wait_ms,
                                 struct sk_audit_batch *batch, struct sk_error *error)
{
    return read_from(redis, consumer, ">", limit, wait_ms, batch, error);
}

/* A command's words followed by the entries' stream ids and one more word (NULL: none); NULL when out of memory.
 * Owned: free. */
static const char **with_ids(const char *const *words, size_t word_count, const struct sk_audit_entry *entries,
                             size_t entry_count, const char *last, size_t *count)
{
    const char **args = calloc(word_count + entry_count + 1, sizeof *args);
    if (!args) {
        return NULL;
    }
    memcpy(args, words, word_count * sizeof *args);
    for (size_t i = 0; i < entry_count; i++) {
        args[word_count + i] = entries[i].stream_id;
    }
    *count = word_count + entry_count;
    if (last) {
        args[(*count)++] = last;
    }
    return args;
}

/* Asks the group with such a command, and does not care for what it answers. */
static enum sk_code tell_group(struct sk_redis *redis, const char *const *words, size_t word_count,
                               const struct sk_audit_entry *entries, size_t entry_count, const char *last,
                               struct sk_error *error)
{
    size_t count;
    const char **args = with_ids(words, word_count, entries, entry_count, last, &count);
    if (!args) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    redisReply *reply;
    enum sk_code code = ask_group(redis, count, args, &reply, error);
    freeReplyObject(reply);
    free(args);
    return code;
}

/* Nothing can be done for what was cut off the stream's end; unacknowledged, it would be handed out again for ever. */
static enum sk_code forget_gone(struct sk_redis *redis, const struct sk_audit_batch *batch, struct sk_error *error)
{
    static const char *const words[] = {"XACK", SK_KEY_AUDIT, SK_KEY_AUDIT_GROUP};
    return tell_group(redis, words, sizeof words / sizeof words[0], batch->gone, batch->gone_count, NULL, error);
}

enum sk_code sk_audit_queue_resume(struct sk_redis *redis, const char *consumer, int64_t limit,
                                   struct sk_audit_batch *batch, struct sk_error *error)
{
    *batch = (struct sk_audit_batch){0};
    do { /* what is gone may fill the whole reply, and hide what is behind it */
        sk_audit_batch_clear(batch);
        enum sk_code code = read_from(redis, consumer, "0", limit, 0, batch, error);
        if (code) {
            return code;
        }
        code = batch->gone_count > 0 ? forget_gone(redis, batch, error) : SK_OK;
        if (code) {
            sk_audit_batch_clear(batch);
            return code;
        }
    } while (batch->count == 0 && batch->gone_count > 0);
    return SK_OK;
}

/* One step of XAUTOCLAIM from cursor on, which it moves; "0-0" at the end. */
static enum sk_code claim_some(struct sk_redis *redis, const char *consumer, const char *limit, const char *idle_ms,
                               char *cursor, size_t cursor_bytes, struct sk_audit_batch *batch, struct sk_error *error)
{
    const char *args[] = {"XAUTOCLAIM", SK_KEY_AUDIT, SK_KEY_AUDIT_GROUP, consumer, idle_ms, cursor, "COUNT", limit};
    redisReply *reply;
    enum sk_code code = ask_group(redis, sizeof args / sizeof args[0], args, &reply, error);
    if (code) {
        return code;
    }
    bool found = sk_reply_is_array(reply, 2) && sk_reply_is_text(reply->element[0]);
    int length = snprintf(cursor, cursor_bytes, "%s", found ? reply->element[0]->str : "0-0");
    code = sk_audit_batch_fill(batch, reply, found ? reply->element[1] : NULL, error);
    if (!code && (length < 0 || (size_t)length >= cursor_bytes)) {
        sk_audit_batch_clear(batch);
        code = sk_fail(error, SK_INTERNAL_ERROR, "Redis answered XAUTOCLAIM with something else than a stream id");
    }
    return code;
}

enum sk_code sk_audit_queue_claim(struct sk_redis *redis, const char *consumer, int64_t limit, int64_t idle_ms,
                                  char cursor[SK_AUDIT_CURSOR_BYTES], struct sk_audit_batch *batch,
                                  struct sk_error *error)
{
    char limit_text[NUMBER_BYTES];
    char idle_text[NUMBER_BYTES];
    *batch = (struct sk_audit_batch){0};
    /* Each step looks at a part of what is handed out, and the first parts may all be living workers'. */
    do {
        sk_audit_batch_clear(batch);
        enum sk_code code = claim_some(redis, consumer, number(limit, limit_text), number(idle_ms, idle_text), cursor,
                                       SK_AUDIT_CURSOR_BYTES, batch, error);
        if (code) {
            return code;
        }
    } while (batch->count == 0 && strcmp(cursor, "0-0") != 0);
    return SK_OK;
}

enum sk_code sk_audit_queue_renew(struct sk_redis *redis, const char *consumer, const struct sk_audit_batch *batch,
                                  struct sk_error *error)
{
    const char *words[] = {"XCLAIM", SK_KEY_AUDIT, SK_KEY_AUDIT_GROUP, consumer, "0"};
    if (batch->count == 0) {
        return SK_OK;
    }
    return tell_group(redis, words, sizeof words / sizeof words[0], batch->entries, batch->count, "JUSTID", error);
}

static int64_t count_events(const struct sk_audit_batch *batch)
{
    int64_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        count += batch->entries[i].wanted.text == NULL;
    }
    return count;
}

#define DONE_REPLIES 3

/* Not in a MULTI: a Redis that is full queues nothing in one, and this is what makes room. Deleted first: an entry that
 * is deleted and not acknowledged is given to nobody any more, one that is acknowledged and not deleted would stay. */
static enum sk_code queue_done(struct sk_redis *redis, const struct sk_audit_batch *batch, struct sk_error *error)
{
    static const char *const del[] = {"XDEL", SK_KEY_AUDIT};
    static const char *const ack[] = {"XACK", SK_KEY_AUDIT, SK_KEY_AUDIT_GROUP};
    char written[NUMBER_BYTES];
    const char *incr_args[] = {"INCRBY", SK_KEY_AUDIT_WRITTEN, number(count_events(batch), written)};
    size_t del_count = 0;
    size_t ack_count = 0;
    const char **del_args = with_ids(del, sizeof del / sizeof del[0], batch->entries, batch->count, NULL, &del_count);
    const char **ack_args = with_ids(ack, sizeof ack / sizeof ack[0], batch->entries, batch->count, NULL, &ack_count);
    enum sk_code code = SK_OK;
    if (del_args && ack_args) {
        sk_redis_queue_args(redis, del_count, del_args, NULL);
        sk_redis_queue_args(redis, ack_count, ack_args, NULL);
        sk_redis_queue_args(redis, sizeof incr_args / sizeof incr_args[0], incr_args, NULL);
    } else {
        code = sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    free(del_args);
    free(ack_args);
    return code;
}

/* A full Redis refuses to count, which is no reason to stop. */
static enum sk_code check_done(redisReply *const *replies, struct sk_error *error)
{
    enum sk_code code = sk_redis_check(replies[0], error);
    return code ? code : sk_redis_check(replies[1], error);
}

enum sk_code sk_audit_queue_done(struct sk_redis *redis, const struct sk_audit_batch *batch, struct sk_error *error)
{
    redisReply *replies[DONE_REPLIES] = {NULL};
    enum sk_code code = batch->count > 0 ? sk_redis_connect(redis, error) : SK_OK;
    if (code || batch->count == 0) {
        return code;
    }
    code = queue_done(redis, batch, error);
    sk_redis_intend(redis, SK_REDIS_AUDIT);
    code = code ? code : sk_redis_collect(redis, DONE_REPLIES, replies, error);
    code = code ? code : check_done(replies, error);
    sk_redis_replies_free(DONE_REPLIES, replies);
    return code;
}

/* Takes reply: what XREADGROUP says. */
static enum sk_code fill_read(struct sk_audit_batch *batch, redisReply *reply, struct sk_error *error)
{
    enum sk_code code = starts_with(reply, "NOGROUP") ? SK_OK : sk_redis_check(reply, error);
    if (code) {
        freeReplyObject(reply);
        return code;
    }
    bool found = sk_reply_is_array(reply, 1) && sk_reply_is_array(reply->element[0], 2);
    return sk_audit_batch_fill(batch, reply, found ? reply->element[0]->element[1] : NULL, error);
}

enum sk_code sk_audit_queue_turn(struct sk_redis *redis, const char *consumer, const struct sk_audit_batch *done,
                                 int64_t limit, struct sk_audit_batch *batch, struct sk_error *error)
{
    redisReply *replies[DONE_REPLIES + 1] = {NULL};
    char count[NUMBER_BYTES];
    const char *args[] = {"XREADGROUP",         "GROUP",   SK_KEY_AUDIT_GROUP, consumer, "COUNT",
                          number(limit, count), "STREAMS", SK_KEY_AUDIT,       ">"};
    size_t first = done->count > 0 ? DONE_REPLIES : 0;
    *batch = (struct sk_audit_batch){0};
    enum sk_code code = sk_redis_connect(redis, error);
    code = code || first == 0 ? code : queue_done(redis, done, error);
    if (code) {
        return code;
    }
    sk_redis_queue_args(redis, sizeof args / sizeof args[0], args, NULL);
    sk_redis_intend(redis, SK_REDIS_AUDIT);
    code = sk_redis_collect(redis, first + 1, replies, error);
    if (!code) {
        code = first > 0 ? check_done(replies, error) : SK_OK;
    }
    if (!code) {
        code = fill_read(batch, replies[first], error);
        replies[first] = NULL;
    }
    sk_redis_replies_free(DONE_REPLIES + 1, replies);
    return code;
}

enum sk_code sk_audit_queue_delay(struct sk_redis *redis, const char *consumer, int64_t events, int64_t for_ms,
                                  struct sk_error *error)
{
    char count[NUMBER_BYTES];
    char duration[NUMBER_BYTES];
    const char *args[] = {
        "EVAL", delay_script, "1", SK_KEY_AUDIT_DELAYED, consumer, number(events, count), number(for_ms, duration)};
    sk_redis_intend(redis, SK_REDIS_AUDIT);
    redisReply *reply = sk_redis_command_args(redis, error, sizeof args / sizeof args[0], args, NULL);
    if (!reply) {
        return error->code;
    }
    freeReplyObject(reply);
    return SK_OK;
}
