/* Serving recoveries. Owns a store of its own, with its own connections to Redis and PostgreSQL, so that nothing of the
 * worker's own business waits behind a transaction here. Acknowledges no entry; answers by what it leaves in Redis. */
#include "audit/requests.h"

#include "common/frames.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/message.h"
#include "common/recovery.h"
#include "common/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVED_FOR_MS 10000 /* whoever asked waits for less than that */
#define CLOCK_AGE_MS 1000   /* how old a sample of Redis' clock may be here */

struct sk_requests {
    struct sk_store *store;
    struct sk_archive archive;
    struct sk_recovery recovery;
};

static const struct sk_origin origin = {.actor = "audit"};

struct sk_requests *sk_requests_new(const struct sk_config *config, const struct sk_redis_url *url)
{
    struct sk_requests *requests = calloc(1, sizeof *requests);
    if (requests == NULL) {
        return NULL;
    }
    sk_archive_open(&requests->archive, config->database_url, "synckairos-audit");
    requests->recovery =
        (struct sk_recovery){.archive = &requests->archive, .session_ttl_ms = config->session_ttl_s * 1000};
    requests->store = sk_store_new(&(struct sk_store_options){
        .url = *url,
        .timeout_ms = config->redis_timeout_ms,
        .session_ttl_s = config->session_ttl_s,
        .audit_max_backlog = config->audit_max_backlog,
        .find = sk_recovery_find,
        .find_context = &requests->recovery,
    });
    if (requests->store == NULL) {
        sk_requests_free(requests);
        return NULL;
    }
    return requests;
}

void sk_requests_free(struct sk_requests *requests)
{
    if (requests != NULL) {
        sk_store_free(requests->store);
        sk_archive_close(&requests->archive);
        free(requests);
    }
}

/* The id that is asked for, as a text of its own. False: it is none. */
static bool read_id(const struct sk_audit_value *wanted, char id[SK_ID_BYTES])
{
    if (wanted->text == NULL || !sk_id_valid(wanted->text, wanted->length)) {
        return false;
    }
    memcpy(id, wanted->text, wanted->length);
    id[wanted->length] = '\0';
    return true;
}

/* Whether somebody may still wait for the answer. An entry's id begins with the instant of its making, by Redis' clock
 * (Redis, "Streams", "Entry IDs"). */
static bool is_awaited(struct sk_requests *requests, const char *stream_id, const char *session_id)
{
    struct sk_error error = {.code = SK_OK};
    int64_t now_ms = 0;
    if (sk_store_time(requests->store, CLOCK_AGE_MS, &now_ms, &error)) {
        sk_log(SK_LOG_WARN, "a recovery cannot be served", SK_S("session_id", session_id), SK_S("error", error.text));
        return false;
    }
    return now_ms - strtoll(stream_id, NULL, 10) <= SERVED_FOR_MS;
}

static void write_sync(struct sk_buffer *message, const struct sk_result *result)
{
    const struct sk_session *session = result->session;
    sk_message_write_header(message, &(struct sk_message_header){.type = SK_MESSAGE_STATE_SYNC,
                                                                 .version = session->version,
                                                                 .updated_at_ms = session->updated_at_ms,
                                                                 .committed_at_ms = result->now_ms});
    sk_frame_state(message, "STATE_SYNC", session->id, result->now_ms, sk_buffer_text(&result->view),
                   result->view.length);
    message->failed = message->failed || result->view.failed;
}

/* Tells those who wait of a session that ended, unless the id was used again since it was looked up: its old end must
 * not come after a new beginning. */
static void tell_of_ended(struct sk_requests *requests, const struct sk_result *result)
{
    static const char script[] = "if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end "
                                 "redis.call('PUBLISH', KEYS[2], ARGV[1]) return 1";
    const char *session_id = result->session->id;
    struct sk_key key = sk_key_session(session_id);
    struct sk_key channel = sk_key_channel(session_id);
    struct sk_buffer message = {.data = NULL};
    struct sk_error error = {.code = SK_INTERNAL_ERROR, .text = "out of memory"};
    redisReply *reply = NULL;
    write_sync(&message, result);
    if (!message.failed) {
        const char *const args[] = {"EVAL", script, "2", key.text, channel.text, sk_buffer_text(&message)};
        const size_t lengths[] = {4, sizeof script - 1, 1, key.length, channel.length, message.length};
        reply =
            sk_redis_command_args(sk_store_redis(requests->store), &error, sizeof args / sizeof *args, args, lengths);
    }
    if (reply == NULL) {
        sk_log(SK_LOG_WARN, "an ended session could not be told of", SK_S("session_id", session_id),
               SK_S("error", error.text));
    }
    freeReplyObject(reply);
    sk_buffer_clear(&message);
}

static void answer(struct sk_requests *requests, const char *session_id)
{
    struct sk_result result = {.session = NULL};
    struct sk_error error = {.code = SK_OK};
    enum sk_code code = sk_store_read(requests->store, session_id, &origin, &result, &error);
    if (code == SK_SESSION_NOT_FOUND) {
        sk_log(SK_LOG_DEBUG, "a relay asked for a session that there is not", SK_S("session_id", session_id));
    } else if (code) {
        sk_log(SK_LOG_WARN, "a session that a relay asked for cannot be recovered now", SK_S("session_id", session_id),
               SK_S("code", sk_code_name(code)), SK_S("error", error.text));
    } else if (result.archived) {
        tell_of_ended(requests, &result);
    } else if (result.recovered) {
        sk_log(SK_LOG_INFO, "session recovered for a relay", SK_S("session_id", session_id),
               SK_I("version", result.session->version));
    }
    sk_result_clear(&result);
}

void sk_requests_serve(struct sk_requests *requests, const struct sk_audit_entry *entry)
{
    char session_id[SK_ID_BYTES];
    if (!read_id(&entry->wanted, session_id)) {
        sk_log(SK_LOG_WARN, "a recovery was asked for with what is no session id", SK_S("stream_id", entry->stream_id));
    } else if (is_awaited(requests, entry->stream_id, session_id)) {
        answer(requests, session_id);
    }
}
