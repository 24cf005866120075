/* Dead letters: events on their way between the audit stream and audit:failed. Counts for each session how many of its
 * events are there, which recovery asks for. Never decides which. */
#include "common/audit_queue.h"
#include "common/keys.h"

/* Where the entry is gone already, there is nothing to keep. An XADD that fails ends the script before the XACK. What
 * has more fields than Lua can hand to one command is none of our events, and is cut. */
static const char fail_script[] = "local found = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])\n"
                                  "if found[1] then\n"
                                  "  local fields = {}\n"
                                  "  for i = 1, math.min(#found[1][2], 4000) do fields[i] = found[1][2][i] end\n"
                                  "  for _, more in ipairs({'failed_stream_id', ARGV[2], 'failed_error', ARGV[3]}) do\n"
                                  "    fields[#fields + 1] = more\n"
                                  "  end\n"
                                  "  redis.call('XADD', KEYS[2], '*', unpack(fields))\n"
                                  "  for i = 1, #fields - 1, 2 do\n"
                                  "    if fields[i] == 'session_id' then\n"
                                  "      redis.call('HINCRBY', KEYS[3], fields[i + 1], 1)\n"
                                  "      break\n"
                                  "    end\n"
                                  "  end\n"
                                  "end\n"
                                  "redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])\n"
                                  "return redis.call('XDEL', KEYS[1], ARGV[2])\n";

/* In one script the entry stands in one of the two streams, whatever breaks. Nothing but our own two fields would be an
 * entry without fields, which no stream takes. */
static const char retry_script[] = "local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])\n"
                                   "if not found[1] then return 0 end\n"
                                   "local fields, session = {}, nil\n"
                                   "for i = 1, #found[1][2], 2 do\n"
                                   "  local name = found[1][2][i]\n"
                                   "  if name ~= 'failed_stream_id' and name ~= 'failed_error' then\n"
                                   "    fields[#fields + 1] = name\n"
                                   "    fields[#fields + 1] = found[1][2][i + 1]\n"
                                   "  end\n"
                                   "  if name == 'session_id' and not session then session = found[1][2][i + 1] end\n"
                                   "end\n"
                                   "if #fields > 0 then redis.call('XADD', KEYS[2], '*', unpack(fields)) end\n"
                                   "if session and redis.call('HINCRBY', KEYS[3], session, -1) <= 0 then\n"
                                   "  redis.call('HDEL', KEYS[3], session)\n"
                                   "end\n"
                                   "return redis.call('XDEL', KEYS[1], ARGV[1])\n";

enum sk_code sk_audit_queue_fail(struct sk_redis *redis, const struct sk_audit_entry *entry, const char *why,
                                 struct sk_error *error)
{
    const char *args[] = {"EVAL",
                          fail_script,
                          "3",
                          SK_KEY_AUDIT,
                          SK_KEY_AUDIT_FAILED,
                          SK_KEY_AUDIT_FAILED_SESSIONS,
                          SK_KEY_AUDIT_GROUP,
                          entry->stream_id,
                          why};
    sk_redis_intend(redis, SK_REDIS_AUDIT);
    redisReply *reply = sk_redis_command_args(redis, error, sizeof args / sizeof args[0], args, NULL);
    if (!reply) {
        return error->code;
    }
    freeReplyObject(reply);
    return SK_OK;
}

enum sk_code sk_audit_queue_retry(struct sk_redis *redis, const char *failed_id, bool *found, struct sk_error *error)
{
    const char *args[] = {"EVAL",   retry_script, "3", SK_KEY_AUDIT_FAILED, SK_KEY_AUDIT, SK_KEY_AUDIT_FAILED_SESSIONS,
                          failed_id};
    sk_redis_intend(redis, SK_REDIS_AUDIT);
    redisReply *reply = sk_redis_command_args(redis, error, sizeof args / sizeof args[0], args, NULL);
    if (!reply) {
        return error->code;
    }
    *found = reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
    freeReplyObject(reply);
    return SK_OK;
}
