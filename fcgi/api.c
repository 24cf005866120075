/* The steps of a request, in order. Owns a thread's store; what a route does is its handler's (sessions.c, service.c).
 */
#include "fcgi/api.h"

#include "common/log.h"
#include "common/metrics.h"
#include "common/origin.h"
#include "common/server_clock.h"
#include "fcgi/access.h"
#include "fcgi/limits.h"
#include "fcgi/router.h"
#include "fcgi/status.h"

#include <stdio.h>
#include <string.h>

enum sk_code sk_api_open(struct api *api, const struct sk_config *config, const struct sk_redis_url *redis,
                         struct sk_error *error)
{
    struct sk_store_options options = {.url = *redis,
                                       .timeout_ms = config->redis_timeout_ms,
                                       .session_ttl_s = config->session_ttl_s,
                                       .audit_max_backlog = config->audit_max_backlog,
                                       .find = sk_recovery_find,
                                       .find_context = &api->recovery};
    *api = (struct api){.config = config};
    api->recovery = (struct sk_recovery){.archive = &api->archive, .session_ttl_ms = config->session_ttl_s * 1000};
    enum sk_code code = sk_keyring_open(&api->keyring, config, error);
    if (code != SK_OK) {
        return code;
    }
    api->store = sk_store_new(&options);
    if (!api->store) {
        sk_keyring_free(api->keyring);
        return sk_fail(error, SK_INTERNAL_ERROR, "no memory for a store");
    }
    api->ignores_forwarded = sk_keyring_is_unset(api->keyring);
    sk_archive_open(&api->archive, config->database_url, "synckairos-api");
    return SK_OK;
}

void sk_api_close(struct api *api)
{
    sk_archive_close(&api->archive);
    sk_store_free(api->store);
    sk_keyring_free(api->keyring);
    api->store = NULL;
    api->keyring = NULL;
}

static bool is_method(const struct request *request, const char *method)
{
    return strcmp(request->method, method) == 0;
}

/* Finds the route; on failure the answer is given. */
static bool find_route(const struct request *request, struct route_match *match, struct reply *reply)
{
    struct sk_error error;
    sk_router_find(is_method(request, "HEAD") ? "GET" : request->method, request->path, request->path_length, match);
    if (match->route) {
        return true;
    }
    if (!match->template) {
        (void)sk_fail(&error, SK_NOT_FOUND, "there is no such route");
        sk_reply_error(reply, &error);
        return false;
    }
    sk_router_allow(match, reply->allow, sizeof reply->allow);
    if (is_method(request, "OPTIONS")) {
        sk_reply_empty(reply, 204);
        return false;
    }
    (void)sk_fail(&error, SK_METHOD_NOT_ALLOWED, "this route takes %s", reply->allow);
    sk_reply_error(reply, &error);
    return false;
}

static void take_id(const struct route_capture *capture, const char *field, char out[SK_ID_BYTES],
                    struct sk_problems *problems)
{
    if (!capture->present) {
        return;
    }
    if (sk_id_valid(capture->text, capture->length)) {
        memcpy(out, capture->text, capture->length);
        out[capture->length] = '\0';
    } else {
        sk_problems_add(problems, field, "must be 1 to 64 characters of A-Z, a-z, 0-9, _ . : -");
    }
}

/* Takes the ids out of the path; on failure the answer is given. */
static bool take_ids(struct request *request, const struct route_match *match, struct reply *reply)
{
    struct sk_problems problems = {0};
    take_id(&match->session_id, "session_id", request->session_id, &problems);
    take_id(&match->participant_id, "participant_id", request->participant_id, &problems);
    bool good = problems.count == 0;
    if (!good) {
        sk_reply_problems(reply, &problems);
    }
    sk_problems_clear(&problems);
    return good;
}

/* Reads the body where the route takes one; on failure the answer is given. */
static bool take_body(struct request *request, const struct route *route, struct reply *reply)
{
    struct sk_error error;
    if (!(route->flags & ROUTE_BODY) || sk_request_read_body(request, &error) == SK_OK) {
        return true;
    }
    sk_reply_error(reply, &error);
    return false;
}

static const char *method_label(const char *method)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i], method) == 0) {
            return known[i];
        }
    }
    return "other";
}

static void count(const struct request *request, const struct reply *reply, const char *route, int64_t took_us)
{
    char labels[111];
    (void)snprintf(labels, sizeof labels, "method=\"%s\",route=\"%s\",status=\"%d\"", method_label(request->method),
                   route, reply->status);
    sk_metrics_add(SK_METRIC_HTTP_REQUESTS, labels, 1);
    (void)snprintf(labels, sizeof labels, "route=\"%s\"", route);
    sk_metrics_observe(SK_METRIC_HTTP_DURATION, labels, (double)took_us / 1e6);
}

/* Whom the request is about, else whom its token is bound to. */
static const char *participant_of(const struct request *request)
{
    return request->participant_id[0] ? request->participant_id : request->identity.participant_id;
}

static void log_line(const struct request *request, const struct reply *reply, const char *route,
                     enum sk_log_level level, int64_t took_us)
{
    if (!sk_log_enabled(level)) {
        return;
    }
    const struct sk_log_field fields[] = {
        {0},
        SK_S("method", method_label(request->method)),
        SK_S("route", route),
        SK_I("status", reply->status),
        SK_I("duration_ms", (took_us + 500) / 1000),
        SK_S("request_id", request->request_id),
        SK_S("trace_id", request->trace_id),
        SK_S("session_id", request->session_id[0] ? request->session_id : reply->session_id),
        SK_S("participant_id", participant_of(request)),
        SK_S("actor", sk_access_actor(request)),
        SK_S("code", reply->error.code ? sk_code_name(reply->error.code) : ""),
        SK_S("error", reply->error.code ? reply->error.text : ""),
        SK_I("version", reply->etag),
    };
    size_t fields_used = sizeof fields / sizeof fields[0];
    sk_log_write(level, "request", fields, reply->etag == SK_NONE ? fields_used - 1 : fields_used);
}

static void account(const struct request *request, const struct reply *reply, const struct route_match *match)
{
    const char *route = match->template ? match->template : "other";
    bool quiet = match->route && (match->route->flags & ROUTE_QUIET);
    int64_t took_us = sk_monotonic_us() - request->received_us;
    count(request, reply, route, took_us);
    log_line(request, reply, route, sk_http_log_level(reply->error.code, quiet ? SK_LOG_DEBUG : SK_LOG_INFO), took_us);
}

/* Who asks, and whether they may. They are counted whatever comes of it. */
static bool admit(struct api *api, struct request *request, const struct route_match *match, struct reply *reply)
{
    bool known = sk_access_authenticate(api, request, match->route, reply);
    sk_limits_count(api, request, match->route);
    return known && sk_access_same_site(api, request, reply) && take_ids(request, match, reply) &&
           sk_access_authorize(request, match->route, reply);
}

/* The body, and with it all that is known of what is asked. */
static bool take_rest(struct api *api, struct request *request, const struct route *route, struct reply *reply)
{
    if (!take_body(request, route, reply)) {
        return false;
    }
    sk_limits_fingerprint(api, request);
    return true;
}

/* Lets a page of an allowed origin read the answer, or says what it may ask (the Fetch standard, CORS protocol). */
static void share(const struct api *api, const struct request *request, struct reply *reply)
{
    bool is_origin = request->origin[0] && strcmp(request->origin, "*") != 0 && sk_origin_list_valid(request->origin);
    if (is_origin && sk_origin_allowed(api->config->cors_origin, request->origin)) {
        reply->cors_origin = request->origin;
        reply->preflight = is_method(request, "OPTIONS") && request->preflight_method[0];
    }
}

void sk_api_handle(struct api *api, struct request *request, struct reply *reply)
{
    struct route_match match;
    sk_terms_open(&api->terms);
    if (find_route(request, &match, reply) && admit(api, request, &match, reply) &&
        sk_limits_open(api, request, match.route, reply) && take_rest(api, request, match.route, reply)) {
        match.route->handle(api, request, reply);
    }
    sk_limits_close(api, reply);
    share(api, request, reply);
    account(request, reply, &match);
}
