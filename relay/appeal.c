/* Appeals: their intervals, their entry in the stream, the answer that is kept. */
#include "relay/appeal.h"

#include "common/audit_queue.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/server_clock.h"
#include "common/session.h"

#include <jansson.h>
#include <string.h>

#define US_PER_MS INT64_C(1000)
#define US_PER_S INT64_C(1000000)

bool sk_appeal_counts(const struct sk_appeal *appeal, int64_t now_us)
{
    return appeal->sent_at_us != 0 && now_us - appeal->sent_at_us < SK_APPEAL_MS * US_PER_MS;
}

/* Whether it is for others to ask: a session that is watched, and could not be asked for a moment ago, tries again
 * soon. */
static bool stands_back(const struct sk_appeal_quota *quota, int64_t now_us)
{
    return !quota->favoured && quota->turned_away_at_us != 0 && now_us - quota->turned_away_at_us < US_PER_S;
}

bool sk_appeal_begin(struct sk_appeal *appeal, struct sk_appeal_quota *quota, int64_t now_us)
{
    if (appeal->pending || sk_appeal_counts(appeal, now_us)) {
        return false;
    }
    if (now_us - quota->since_us >= US_PER_S) {
        quota->since_us = now_us;
        quota->count = 0;
    }
    if (quota->count >= SK_APPEALS_A_SECOND || stands_back(quota, now_us)) {
        quota->turned_away_at_us = quota->favoured ? now_us : quota->turned_away_at_us;
        return false;
    }
    quota->count++;
    appeal->sent_at_us = now_us;
    sk_appeal_forget_answer(appeal);
    return true;
}

/* Where the connection went, the entry may stand all the same; there is one such for each loss of the connection. */
static void on_added(void *context, const redisReply *reply)
{
    struct sk_appeal *appeal = context;
    appeal->pending = false;
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        appeal->sent_at_us = 0;
        sk_log(SK_LOG_DEBUG, "a lost session cannot be asked for", SK_S("why", reply == NULL ? "" : reply->str));
    }
}

void sk_appeal_send(struct sk_appeal *appeal, struct sk_appeal_quota *quota, struct sk_redis_link *link,
                    const char *session_id, int64_t now_us)
{
    const char *const args[] = {"XADD", SK_KEY_AUDIT, "*", SK_AUDIT_RECOVERY_FIELD, session_id};
    size_t lengths[sizeof args / sizeof *args];
    if (!sk_appeal_begin(appeal, quota, now_us)) {
        return;
    }
    for (size_t i = 0; i < sizeof args / sizeof *args; i++) {
        lengths[i] = strlen(args[i]);
    }
    appeal->pending = sk_redis_link_command(link, on_added, appeal, sizeof args / sizeof *args, args, lengths);
    if (!appeal->pending) {
        appeal->sent_at_us = 0;
    }
}

/* Whether a STATE_SYNC shows a session that has ended. A live one stands in Redis by now; an ended one does not. */
static bool shows_ended(struct sk_frame_buffer *frame)
{
    json_t *sync = json_loadb((const char *)sk_frame_buffer_text(frame), frame->length, 0, NULL);
    const char *name = json_string_value(json_object_get(json_object_get(sync, "payload"), "status"));
    enum sk_status status = name == NULL ? SK_STATUS_COUNT : sk_status_of(name);
    json_decref(sync);
    return status == SK_EXPIRED || status == SK_COMPLETED || status == SK_CANCELLED;
}

void sk_appeal_heard(struct sk_appeal *appeal, const struct sk_message_header *header, struct sk_frame_buffer *frame,
                     int64_t now_us)
{
    sk_appeal_forget_answer(appeal);
    if (header->type != SK_MESSAGE_STATE_SYNC || !sk_appeal_counts(appeal, now_us)) {
        return;
    }
    if (shows_ended(frame)) {
        appeal->answer = sk_frame_buffer_share(frame);
        appeal->mark = (struct sk_mark){header->updated_at_ms, header->version};
    } else {
        sk_appeal_close(appeal);
    }
}

bool sk_appeal_answer(const struct sk_appeal *appeal, int64_t now_us, struct sk_snapshot *snapshot)
{
    if (appeal->answer == NULL || !sk_appeal_counts(appeal, now_us)) {
        return false;
    }
    *snapshot = (struct sk_snapshot){.outcome = SK_SNAPSHOT_FOUND, .mark = appeal->mark, .sync = appeal->answer};
    return true;
}

void sk_appeal_forget_answer(struct sk_appeal *appeal)
{
    sk_frame_buffer_release(appeal->answer);
    appeal->answer = NULL;
}

void sk_appeal_close(struct sk_appeal *appeal)
{
    sk_appeal_forget_answer(appeal);
    appeal->sent_at_us = 0;
}
