/* Refuses who may not. Owns nothing; what a token says is read in common/token.c, which no error text quotes. */
#include "fcgi/access.h"

#include "common/metrics.h"
#include "common/origin.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Every 401 and 403 comes through here. fault: a word for the metrics. */
static bool refuse(struct reply *reply, const struct sk_error *error, const char *challenge, const char *fault)
{
    char labels[48];
    (void)snprintf(labels, sizeof labels, "reason=\"%s\"", fault);
    sk_metrics_add(SK_METRIC_AUTH_FAILURES, labels, 1);
    sk_reply_error(reply, error);
    reply->challenge = challenge;
    return false;
}

static bool forbid(struct reply *reply, const char *fault, const char *why)
{
    struct sk_error error;
    (void)sk_fail(&error, SK_FORBIDDEN, "%s", why);
    return refuse(reply, &error, NULL, fault);
}

bool sk_access_authenticate(const struct api *api, struct request *request, const struct route *route,
                            struct reply *reply)
{
    struct sk_error error;
    request->identity = (struct sk_identity){.expires_at_s = SK_NONE, .open = sk_keyring_is_open(api->keyring)};
    if (request->identity.open || route->scope == SK_SCOPE_NONE) {
        return true;
    }
    const char *token = sk_token_bearer(request->authorization);
    if (!token) {
        (void)sk_fail(&error, SK_UNAUTHORIZED, "this takes a token: Authorization: Bearer …");
        return refuse(reply, &error, "Bearer", "missing");
    }
    if (sk_token_check(api->keyring, token, strlen(token), (int64_t)time(NULL), &request->identity, &error) != SK_OK) {
        return refuse(reply, &error, "Bearer error=\"invalid_token\"", request->identity.fault);
    }
    return true;
}

/* Says why the identity may not, without a word about what it may. */
static bool forbid_identity(const struct sk_identity *identity, const char *session_id, struct reply *reply)
{
    if (identity->session_id[0] && (!session_id || strcmp(session_id, identity->session_id) != 0)) {
        return forbid(reply, "session", "the token is good for another session only");
    }
    if (identity->participant_id[0]) {
        return forbid(reply, "participant",
                      "the token allows a participant to read the session, and to switch away from themselves");
    }
    return forbid(reply, "scope", "the token's scope does not allow this");
}

static bool is_safe(const struct request *request)
{
    return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

/* Whether an origin is that of the host the request was sent to. */
static bool is_own(const char *origin, const char *host)
{
    const char *behind = strstr(origin, "://");
    return behind && host[0] && strcasecmp(behind + 3, host) == 0;
}

bool sk_access_same_site(const struct api *api, const struct request *request, struct reply *reply)
{
    if (!request->identity.open || is_safe(request) || !request->origin[0] || is_own(request->origin, request->host) ||
        sk_origin_allowed(api->config->cors_origin, request->origin)) {
        return true;
    }
    return forbid(reply, "origin", "pages of this origin may change nothing here");
}

bool sk_access_authorize(const struct request *request, const struct route *route, struct reply *reply)
{
    const struct sk_identity *identity = &request->identity;
    const char *session_id = request->session_id[0] ? request->session_id : NULL;
    if (!session_id && route->scope == SK_SCOPE_CREATE) {
        session_id = identity->session_id; /* the body will name it: sk_access_may_create */
    }
    bool is_switch = (route->flags & ROUTE_SWITCH) != 0;
    return sk_identity_allows(identity, route->scope, session_id, is_switch) ||
           forbid_identity(identity, session_id, reply);
}

bool sk_access_may_create(const struct request *request, const char *session_id, struct reply *reply)
{
    const struct sk_identity *identity = &request->identity;
    return sk_identity_allows(identity, SK_SCOPE_CREATE, session_id, false) ||
           forbid_identity(identity, session_id, reply);
}

bool sk_access_guard(const struct request *request, struct sk_operation *operation, struct reply *reply)
{
    const char *bound = request->identity.participant_id;
    if (operation->op != SK_OP_SWITCH || !bound[0]) {
        return true;
    }
    if (operation->current_participant_id[0] && strcmp(operation->current_participant_id, bound) != 0) {
        return forbid(reply, "participant", "the token is good for another participant only");
    }
    memcpy(operation->current_participant_id, bound, sizeof operation->current_participant_id);
    return true;
}

const char *sk_access_actor(const struct request *request)
{
    return request->identity.subject[0] ? request->identity.subject : "anonymous";
}
