/* Reading a session. Owns each read from its sending to its second reply. */
#include "relay/snapshot.h"

#include "common/codec.h"
#include "common/engine.h"
#include "common/frames.h"
#include "common/keys.h"
#include "common/redis.h"
#include "common/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct read {
    struct sk_server_clock *clock;
    sk_snapshot_handler *handler;
    void *context;
    int64_t sent_us;
    int pending;             /* replies still to come */
    bool failed;             /* one of them will not */
    bool absent;             /* there is no session */
    bool unknown;            /* … and the mark that says that there is none */
    struct sk_buffer stored; /* the session */
};

/* Settles in place: the session is our own copy, made of the stored form. Its clocks show now, its version and instant
 * stay what was committed, for that is what the next published state is compared with. */
static bool settle(struct sk_session *session, int64_t now_ms, struct sk_error *error)
{
    int64_t version = session->version;
    int64_t updated_at_ms = session->updated_at_ms;
    struct sk_settlement settlement = {.count = 0};
    bool settled = sk_engine_settle(session, now_ms, &settlement, error) == SK_OK;
    sk_settlement_clear(&settlement);
    session->version = version;
    session->updated_at_ms = updated_at_ms;
    return settled;
}

static struct sk_frame_buffer *render(const struct sk_session *session, int64_t now_ms)
{
    struct sk_buffer view = {.data = NULL};
    struct sk_buffer text = {.data = NULL};
    struct sk_json_writer writer = {.out = &view};
    sk_view_write(&writer, NULL, session, now_ms);
    text.failed = view.failed;
    sk_frame_state(&text, "STATE_SYNC", session->id, now_ms, sk_buffer_text(&view), view.length);
    sk_buffer_clear(&view);
    return sk_frame_buffer_take(SK_FRAME_STATE_SYNC, &text);
}

void sk_snapshot_make(struct sk_snapshot *snapshot, const char *stored, size_t length, int64_t now_ms)
{
    struct sk_session *session = NULL;
    struct sk_error error = {.code = SK_OK};
    *snapshot = (struct sk_snapshot){.outcome = SK_SNAPSHOT_UNAVAILABLE};
    enum sk_code code = sk_codec_read(stored, length, &session, &error);
    if (code == SK_SESSION_NOT_FOUND) {
        snapshot->outcome = SK_SNAPSHOT_DELETED;
        return;
    }
    if (code == SK_OK && settle(session, now_ms, &error)) {
        snapshot->mark = (struct sk_mark){session->updated_at_ms, session->version};
        snapshot->sync = render(session, now_ms);
        snapshot->outcome = snapshot->sync != NULL ? SK_SNAPSHOT_FOUND : SK_SNAPSHOT_UNAVAILABLE;
    } else {
        snapshot->outcome = SK_SNAPSHOT_UNREADABLE;
        (void)snprintf(snapshot->why, sizeof snapshot->why, "%s", error.text);
    }
    sk_session_free(session);
}

void sk_snapshot_published(struct sk_snapshot *snapshot, const struct sk_message_header *header,
                           struct sk_frame_buffer *sync)
{
    *snapshot = (struct sk_snapshot){
        .outcome = SK_SNAPSHOT_FOUND, .mark = {header->updated_at_ms, header->version}, .sync = sync};
}

static void finish(struct read *read, int64_t now_ms)
{
    struct sk_snapshot snapshot = {.outcome = SK_SNAPSHOT_UNAVAILABLE};
    if (!read->failed && read->absent) {
        snapshot.outcome = read->unknown ? SK_SNAPSHOT_UNKNOWN : SK_SNAPSHOT_LOST;
    } else if (!read->failed && !read->stored.failed) {
        sk_snapshot_make(&snapshot, sk_buffer_text(&read->stored), read->stored.length, now_ms);
    }
    read->handler(read->context, &snapshot);
    sk_frame_buffer_release(snapshot.sync);
    sk_buffer_clear(&read->stored);
    free(read);
}

static void on_stored(void *context, const redisReply *reply)
{
    struct read *read = context;
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
        read->failed = true;
    } else if (reply->element[0]->type == REDIS_REPLY_STRING) {
        sk_buffer_append(&read->stored, reply->element[0]->str, reply->element[0]->len);
    } else {
        read->absent = true;
        read->unknown = reply->element[1]->type == REDIS_REPLY_STRING;
    }
    if (--read->pending == 0) {
        finish(read, 0);
    }
}

static void on_time(void *context, const redisReply *reply)
{
    struct read *read = context;
    int64_t redis_us = reply == NULL ? -1 : sk_redis_time_us(reply);
    if (redis_us < 0) {
        read->failed = true;
    } else {
        sk_server_clock_sample(read->clock, read->sent_us, sk_monotonic_us(), redis_us);
    }
    read->pending--;
    finish(read, redis_us / 1000);
}

bool sk_snapshot_read(struct sk_redis_link *link, struct sk_server_clock *clock, const char *session_id,
                      sk_snapshot_handler *handler, void *context)
{
    struct sk_key session = sk_key_session(session_id);
    struct sk_key unknown = sk_key_unknown(session_id);
    struct read *read = calloc(1, sizeof *read);
    if (read == NULL) {
        return false;
    }
    read->clock = clock;
    read->handler = handler;
    read->context = context;
    read->sent_us = sk_monotonic_us();
    if (!sk_redis_link_command(link, on_stored, read, 3, (const char *const[]){"MGET", session.text, unknown.text},
                               (const size_t[]){4, session.length, unknown.length})) {
        free(read);
        return false;
    }
    read->pending = 2;
    if (!sk_redis_link_command(link, on_time, read, 1, (const char *const[]){"TIME"}, (const size_t[]){4})) {
        read->pending = 1; /* the reply to MGET ends it */
        read->failed = true;
    }
    return true;
}
