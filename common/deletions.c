/* The marks' form, and the script that takes them away. Decides nothing about recovery (recovery.c). */
#include "common/deletions.h"

#include "common/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Only the mark of that very event: a later life may have been deleted since. */
static const char written_script[] = "#!lua flags=allow-oom\n"
                                     "local mark = redis.call('HGET', KEYS[1], ARGV[1])\n"
                                     "if mark and string.sub(mark, 1, #ARGV[2]) == ARGV[2] then\n"
                                     "  return redis.call('HDEL', KEYS[1], ARGV[1])\n"
                                     "end\n"
                                     "return 0\n";

void sk_deletion_mark(const char *event_id, int64_t created_at_ms, char out[SK_DELETION_BYTES])
{
    (void)snprintf(out, SK_DELETION_BYTES, "%s %" PRId64, event_id, created_at_ms);
}

/* What cannot be read is taken for a deletion: better no answer than a session that is gone. */
bool sk_deletion_covers(const redisReply *mark, int64_t created_at_ms)
{
    if (mark->type != REDIS_REPLY_STRING) {
        return false;
    }
    const char *instant = strchr(mark->str, ' ');
    return !instant || created_at_ms <= strtoll(instant, NULL, 10);
}

static bool is_deletion(const struct sk_audit_entry *entry)
{
    static const char type[] = "session_deleted";
    const struct sk_audit_value *given = &entry->event.field[SK_AUDIT_TYPE];
    return given->text && given->length == sizeof type - 1 && memcmp(given->text, type, given->length) == 0 &&
           entry->event.field[SK_AUDIT_SESSION_ID].text && entry->event.field[SK_AUDIT_EVENT_ID].text;
}

static void queue_removal(struct sk_redis *redis, const struct sk_audit_event *event)
{
    const struct sk_audit_value *session = &event->field[SK_AUDIT_SESSION_ID];
    const struct sk_audit_value *id = &event->field[SK_AUDIT_EVENT_ID];
    const char *const args[] = {"EVAL", written_script, "1", SK_KEY_AUDIT_DELETED, session->text, id->text};
    const size_t lengths[] = {
        strlen("EVAL"), sizeof written_script - 1, 1, strlen(SK_KEY_AUDIT_DELETED), session->length, id->length};
    sk_redis_queue_args(redis, sizeof args / sizeof args[0], args, lengths);
}

enum sk_code sk_deletions_written(struct sk_redis *redis, const struct sk_audit_batch *batch, struct sk_error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        count += is_deletion(&batch->entries[i]);
    }
    if (count == 0) {
        return SK_OK;
    }
    redisReply **replies = calloc(count, sizeof(redisReply *));
    if (!replies) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    enum sk_code code = sk_redis_connect(redis, error);
    for (size_t i = 0; !code && i < batch->count; i++) {
        if (is_deletion(&batch->entries[i])) {
            queue_removal(redis, &batch->entries[i].event);
        }
    }
    sk_redis_intend(redis, SK_REDIS_AUDIT);
    code = code ? code : sk_redis_collect(redis, count, replies, error);
    for (size_t i = 0; !code && i < count; i++) {
        code = sk_redis_check(replies[i], error);
    }
    sk_redis_replies_free(count, replies);
    free(replies);
    return code;
}
