/* The session routes. Owns nothing beyond a request; what an operation means is the engine's, how it is committed the
 * store's. */
#include "fcgi/sessions.h"

#include "common/digest.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/mode.h"
#include "common/server_clock.h"
#include "common/session_reader.h"
#include "common/uuid.h"
#include "fcgi/access.h"
#include "fcgi/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct sk_origin origin_of(struct api *api, const struct request *request)
{
    return (struct sk_origin){.actor = sk_access_actor(request),
                              .request_id = request->request_id,
                              .trace_id = request->trace_id,
                              .terms = &api->terms};
}

/* The body's object, owned; NULL: the answer is given. */
static json_t *parse(const struct request *request, struct reply *reply)
{
    struct sk_error error;
    json_t *body = sk_body_parse(sk_buffer_text(&request->body), request->body.length, &error);
    if (!body) {
        sk_reply_error(reply, &error);
    }
    return body;
}

/* An id for a session without one: with a key it follows from who asks and the key, so that a repeat finds it. */
static void name(const struct api *api, const struct request *request, char id[SK_ID_BYTES])
{
    char uuid[SK_UUID_BYTES];
    const char *const texts[] = {"session", request->identity.subject, api->terms.idempotency_key};
    if (!api->terms.idempotency_key[0] || !sk_digest_uuid(texts, 3, uuid)) {
        sk_uuid_random(uuid);
    }
    memcpy(id, uuid, sizeof uuid);
}

/* Commits a session whose configuration was checked; takes it. */
static void commit_new(struct api *api, const struct request *request, struct sk_session *session, struct reply *reply)
{
    struct sk_error error;
    struct sk_result result = {0};
    struct sk_origin origin = origin_of(api, request);
    if (!session->id[0]) {
        name(api, request, session->id);
    }
    if (sk_store_create(api->store, session, &origin, &result, &error) == SK_OK) {
        sk_reply_session(reply, 201, &result);
        (void)snprintf(reply->location, sizeof reply->location, "/v1/sessions/%s", result.session->id);
    } else {
        sk_reply_error(reply, &error);
    }
    sk_result_clear(&result);
}

void sk_sessions_create(struct api *api, const struct request *request, struct reply *reply)
{
    struct sk_error error;
    struct sk_problems problems = {0};
    json_t *body = parse(request, reply);
    if (!body) {
        return;
    }
    struct sk_session *session = sk_session_new();
    if (!session) {
        (void)sk_fail(&error, SK_INTERNAL_ERROR, "no memory for a session");
        sk_reply_error(reply, &error);
        goto out;
    }
    sk_session_read(body, session, &problems);
    if (problems.count > 0) {
        sk_reply_problems(reply, &problems);
        goto out;
    }
    if (sk_access_may_create(request, session->id, reply)) {
        commit_new(api, request, session, reply);
        session = NULL; /* the store took it */
    }
out:
    sk_session_free(session);
    sk_problems_clear(&problems);
    json_decref(body);
}

/* Whether one of the entity tags in If-None-Match, or its *, is that version (RFC 9110 §13.1.2; compared weakly). */
static bool has_version(const char *if_none_match, int64_t version)
{
    char tag[32];
    (void)snprintf(tag, sizeof tag, "\"%" PRId64 "\"", version);
    return strcmp(if_none_match, "*") == 0 || strstr(if_none_match, tag) != NULL;
}

void sk_sessions_get(struct api *api, const struct request *request, struct reply *reply)
{
    struct sk_error error;
    struct sk_result result = {0};
    struct sk_origin origin = origin_of(api, request);
    if (sk_store_read(api->store, request->session_id, &origin, &result, &error) == SK_OK) {
        if (has_version(request->if_none_match, result.session->version)) {
            sk_reply_unchanged(reply, &result);
        } else {
            sk_reply_session(reply, 200, &result);
        }
    } else {
        sk_reply_error(reply, &error);
    }
    sk_result_clear(&result);
}

void sk_sessions_delete(struct api *api, const struct request *request, struct reply *reply)
{
    struct sk_error error;
    struct sk_origin origin = origin_of(api, request);
    if (sk_store_delete(api->store, request->session_id, &origin, &error) == SK_OK) {
        sk_reply_empty(reply, 204);
    } else {
        sk_reply_error(reply, &error);
    }
}

/* The field of a newcomer that the session has no room for; session is one that refused it. */
static const char *wrong_field_of_newcomer(const struct sk_operation *operation, const struct sk_session *session)
{
    size_t count = session->participant_count;
    if (session->config.mode->has_groups && !operation->group_id[0]) {
        return "group_id";
    }
    if (count >= SK_PARTICIPANTS_MAX) {
        return "participants";
    }
    bool at_the_end = operation->index == SK_NONE && count > 0;
    return at_the_end && session->participants[count - 1].index == SK_INDEX_MAX ? "participant_index" : "total_time_ms";
}

/* The field of an argument that only the session itself shows to be wrong. */
static const char *wrong_field(const struct sk_operation *operation, const struct sk_session *session)
{
    if (operation->op == SK_OP_ADD && session) {
        return wrong_field_of_newcomer(operation, session);
    }
    return operation->op == SK_OP_SWITCH ? "next_participant_id" : "participant_id";
}

static void refuse_argument(const struct sk_operation *operation, const struct sk_result *result,
                            const struct sk_error *error, struct reply *reply)
{
    struct sk_problems problems = {0};
    sk_problems_add(&problems, wrong_field(operation, result->session), "%s", error->text);
    sk_reply_problems(reply, &problems);
    sk_problems_clear(&problems);
}

/* The answer to a refused operation. A version that was expected and is not there is told with the one that is. */
static void refuse(const struct sk_operation *operation, const struct sk_result *result, const struct sk_error *error,
                   struct reply *reply)
{
    bool version_differs = error->code == SK_CONFLICT && operation->expected_version != SK_NONE && result->session &&
                           result->session->version != operation->expected_version;
    if (error->code == SK_VALIDATION_ERROR) {
        refuse_argument(operation, result, error, reply);
    } else if (version_differs) {
        sk_reply_conflict(reply, error, operation->expected_version, result->session->version);
    } else {
        sk_reply_error(reply, error);
    }
}

/* Reads the operation's arguments; on failure the answer is given. */
static bool read_operation(const struct request *request, const json_t *body, enum sk_op op,
                           struct sk_operation *operation, struct reply *reply)
{
    struct sk_problems problems = {0};
    sk_operation_read(body, op, operation, &problems);
    if (request->participant_id[0]) {
        memcpy(operation->participant_id, request->participant_id, sizeof operation->participant_id);
    }
    bool good = problems.count == 0;
    if (!good) {
        sk_reply_problems(reply, &problems);
    }
    sk_problems_clear(&problems);
    return good;
}

/* Counts a switch that stands; a repeat is none. */
static void count_switch(const struct sk_session *session, int64_t began_us)
{
    char labels[64];
    (void)snprintf(labels, sizeof labels, "mode=\"%s\"", session->config.mode->name);
    sk_metrics_add(SK_METRIC_CYCLE_SWITCHES, labels, 1);
    sk_metrics_observe(SK_METRIC_CYCLE_SWITCH_DURATION, "", (double)(sk_monotonic_us() - began_us) / 1e3);
}

/* Commits an operation and shows what came of it. */
static void commit(struct api *api, const struct request *request, const struct sk_operation *operation,
                   const char *reason, int status, struct reply *reply)
{
    struct sk_error error;
    struct sk_result result = {0};
    struct sk_origin origin = origin_of(api, request);
    int64_t began_us = sk_monotonic_us();
    if (sk_store_change(api->store, request->session_id, operation, &origin, reason, &result, &error) == SK_OK) {
        sk_reply_session(reply, status, &result);
        if (operation->op == SK_OP_SWITCH && !api->terms.replayed) {
            count_switch(result.session, began_us);
        }
    } else {
        refuse(operation, &result, &error, reply);
    }
    sk_result_clear(&result);
}

void sk_sessions_operate(struct api *api, const struct request *request, enum sk_op op, int status, struct reply *reply)
{
    struct sk_operation operation;
    json_t *body = parse(request, reply);
    if (body && read_operation(request, body, op, &operation, reply) && sk_access_guard(request, &operation, reply)) {
        const char *reason = json_string_value(json_object_get(body, "reason")); /* where the operation takes one */
        commit(api, request, &operation, reason, status, reply);
    }
    json_decref(body);
}

static void operate(struct api *api, const struct request *request, enum sk_op op, struct reply *reply)
{
    sk_sessions_operate(api, request, op, 200, reply);
}

void sk_sessions_start(struct api *api, const struct request *request, struct reply *reply)
{
    operate(api, request, SK_OP_START, reply);
}

void sk_sessions_switch(struct api *api, const struct request *request, struct reply *reply)
{
    operate(api, request, SK_OP_SWITCH, reply);
}

void sk_sessions_pause(struct api *api, const struct request *request, struct reply *reply)
{
    operate(api, request, SK_OP_PAUSE, reply);
}

void sk_sessions_resume(struct api *api, const struct request *request, struct reply *reply)
{
    operate(api, request, SK_OP_RESUME, reply);
}

void sk_sessions_complete(struct api *api, const struct request *request, struct reply *reply)
{
    operate(api, request, SK_OP_COMPLETE, reply);
}

void sk_sessions_cancel(struct api *api, const struct request *request, struct reply *reply)
{
    operate(api, request, SK_OP_CANCEL, reply);
}
