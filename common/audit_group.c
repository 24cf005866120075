/* The consumer group itself: making it, the names in it, and entries that fell out of everybody's hands. Every step is
 * one script, so that nobody is handed an entry in the midst of it. Never reads an event. */
#include "common/audit_queue.h"
#include "common/keys.h"

#include <string.h>

#define FORGET_AFTER_MS "3600000"
#define LONG_IDLE_MS "3600000" /* no worker waits for longer before it claims */
#define ADOPTED_AT_ONCE "1000"

/* Also on a full Redis, which only a worker can empty: as a plain command it would be refused there. */
static const char open_script[] = "#!lua flags=allow-oom\n"
                                  "return redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')\n";

/* One script, so that nobody is handed an entry between the look and the deletion, which would lose it. */
static const char tidy_script[] =
    "local gone = 0\n"
    "for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do\n"
    "  local consumer = {}\n"
    "  for i = 1, #row, 2 do consumer[row[i]] = row[i + 1] end\n"
    "  if consumer.pending == 0 and (consumer.name == ARGV[2] or consumer.idle > tonumber(ARGV[3])) then\n"
    "    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)\n"
    "    gone = gone + 1\n"
    "  end\n"
    "end\n"
    "return gone\n";

/* What was handed out and is neither acknowledged nor in anybody's list of it. Where the oldest entry is in order, the
 * others are not looked at: this is asked often. */
static const char adopt_script[] =
    "if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end\n"
    "local handed_out\n"
    "for _, row in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do\n"
    "  local group = {}\n"
    "  for i = 1, #row, 2 do group[row[i]] = row[i + 1] end\n"
    "  if group.name == ARGV[1] then handed_out = group['last-delivered-id'] end\n"
    "end\n"
    "local function orphans(limit)\n"
    "  local ids = {}\n"
    "  for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', handed_out, 'COUNT', limit)) do\n"
    "    if #redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1) == 0 then ids[#ids + 1] = entry[1] end\n"
    "  end\n"
    "  return ids\n"
    "end\n"
    "if not handed_out or #orphans(1) == 0 then return 0 end\n"
    "local ids = orphans(ARGV[3])\n"
    "for _, id in ipairs(ids) do\n"
    "  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'IDLE', ARGV[4], 'FORCE', 'JUSTID')\n"
    "end\n"
    "return #ids\n";

/* An answer of XPENDING is as long as it is told to be: piece by piece, from the last id on. */
static const char give_back_script[] =
    "if redis.pcall('XPENDING', KEYS[1], ARGV[1]).err then return 0 end\n"
    "local count = 0\n"
    "local from = '-'\n"
    "local rows\n"
    "repeat\n"
    "  rows = redis.call('XPENDING', KEYS[1], ARGV[1], from, '+', 1000, ARGV[2])\n"
    "  for _, row in ipairs(rows) do\n"
    "    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, row[1], 'IDLE', ARGV[3], 'JUSTID')\n"
    "    from = '(' .. row[1]\n"
    "  end\n"
    "  count = count + #rows\n"
    "until #rows < 1000\n"
    "return count\n";

enum sk_code sk_audit_queue_open(struct sk_redis *redis, struct sk_error *error)
{
    const char *const args[] = {"EVAL", open_script, "1", SK_KEY_AUDIT, SK_KEY_AUDIT_GROUP};
    enum sk_code code = sk_redis_connect(redis, error);
    if (code) {
        return code;
    }
    redisReply *reply = NULL;
    sk_redis_queue_args(redis, sizeof args / sizeof args[0], args, NULL);
    sk_redis_intend(redis, SK_REDIS_AUDIT);
    code = sk_redis_collect(redis, 1, &reply, error);
    bool there =
        reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "BUSYGROUP", strlen("BUSYGROUP")) == 0;
    if (!code && !there) {
        code = sk_redis_check(reply, error);
    }
    freeReplyObject(reply);
    return code;
}

/* A script's reply, if it is a number, into *count. */
static enum sk_code run(struct sk_redis *redis, size_t words, const char *const *args, int64_t *count,
                        struct sk_error *error)
{
    sk_redis_intend(redis, SK_REDIS_AUDIT);
    redisReply *reply = sk_redis_command_args(redis, error, words, args, NULL);
    if (!reply) {
        return error->code;
    }
    *count = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
    freeReplyObject(reply);
    return SK_OK;
}

enum sk_code sk_audit_queue_tidy(struct sk_redis *redis, const char *consumer, struct sk_error *error)
{
    const char *args[] = {"EVAL", tidy_script, "1", SK_KEY_AUDIT, SK_KEY_AUDIT_GROUP, consumer, FORGET_AFTER_MS};
    int64_t count;
    return run(redis, sizeof args / sizeof args[0], args, &count, error);
}

enum sk_code sk_audit_queue_adopt(struct sk_redis *redis, const char *consumer, int64_t *count, struct sk_error *error)
{
    const char *args[] = {"EVAL",   adopt_script,    "1",         SK_KEY_AUDIT, SK_KEY_AUDIT_GROUP,
                          consumer, ADOPTED_AT_ONCE, LONG_IDLE_MS};
    return run(redis, sizeof args / sizeof args[0], args, count, error);
}

enum sk_code sk_audit_queue_give_back(struct sk_redis *redis, const char *consumer, int64_t *count,
                                      struct sk_error *error)
{
    const char *args[] = {"EVAL", give_back_script, "1", SK_KEY_AUDIT, SK_KEY_AUDIT_GROUP, consumer, LONG_IDLE_MS};
    return run(redis, sizeof args / sizeof args[0], args, count, error);
}
