/* Who is let in. A refusal is told after the upgrade, by its close code: a browser shows nothing else. */
#include "relay/admission.h"

#include "common/origin.h"

#include <string.h>

static const struct sk_refusal none = {SK_CLOSE_NONE, "", NULL};

static struct sk_refusal check_target(enum sk_target_kind kind)
{
    switch (kind) {
    case SK_TARGET_UNKNOWN:
        return (struct sk_refusal){SK_CLOSE_POLICY, "unknown path", NULL};
    case SK_TARGET_MISSING_ID:
        return (struct sk_refusal){SK_CLOSE_POLICY, "missing or malformed sessionId", NULL};
    case SK_TARGET_SESSION:
    case SK_TARGET_FEED:
        break;
    }
    return none;
}

/* A request without Origin comes from no web page, and nobody's cookies or network are borrowed by it. */
static struct sk_refusal check_origin(const struct sk_admission *admission)
{
    const char *origin = admission->visit->origin;
    if (admission->origins[0] && origin[0] && !sk_origin_allowed(admission->origins, origin)) {
        return (struct sk_refusal){SK_CLOSE_NOT_ALLOWED, "origin not allowed", "origin"};
    }
    return none;
}

/* The feed tells of every session, so a token that is bound to one is not for it. */
static struct sk_refusal check_scope(const struct sk_target *target, const struct sk_identity *identity)
{
    bool feed = target->kind == SK_TARGET_FEED;
    enum sk_scope scope = feed ? SK_SCOPE_ADMIN : SK_SCOPE_READ;
    if (!sk_identity_allows(identity, scope, feed ? NULL : target->session_id, false)) {
        return (struct sk_refusal){SK_CLOSE_NOT_ALLOWED, feed ? "not allowed" : "not allowed for this session",
                                   identity->session_id[0] ? "session" : "scope"};
    }
    return none;
}

static struct sk_refusal check_token(const struct sk_admission *admission, struct sk_identity *identity)
{
    struct sk_error error; /* its text says more than the close code; nobody is told */
    const char *token = admission->visit->token;
    if (!token && !sk_keyring_is_open(admission->keyring)) {
        return (struct sk_refusal){SK_CLOSE_NO_TOKEN, "no token", "missing"};
    }
    token = token ? token : "";
    if (sk_token_check(admission->keyring, token, strlen(token), admission->now_s, identity, &error) != SK_OK) {
        return (struct sk_refusal){SK_CLOSE_NO_TOKEN, "token not valid", identity->fault};
    }
    return check_scope(&admission->visit->target, identity);
}

static struct sk_refusal check_room(const struct sk_admission *admission)
{
    if (admission->connections >= admission->connections_max) {
        return (struct sk_refusal){SK_CLOSE_BUSY, "too many connections", NULL};
    }
    if (admission->neighbours_max > 0 && admission->neighbours >= admission->neighbours_max) {
        return (struct sk_refusal){SK_CLOSE_BUSY, "too many connections from this address", NULL};
    }
    if (admission->watchers_max > 0 && admission->watchers >= admission->watchers_max) {
        return (struct sk_refusal){SK_CLOSE_BUSY, "too many connections to this session", NULL};
    }
    return none;
}

struct sk_refusal sk_admission_decide(const struct sk_admission *admission, struct sk_identity *identity)
{
    if (admission->draining) {
        return (struct sk_refusal){SK_CLOSE_GOING_AWAY, "draining", NULL};
    }
    struct sk_refusal refusal = check_target(admission->visit->target.kind);
    if (refusal.code == SK_CLOSE_NONE) {
        refusal = check_origin(admission);
    }
    if (refusal.code == SK_CLOSE_NONE) {
        refusal = check_token(admission, identity);
    }
    if (refusal.code == SK_CLOSE_NONE) {
        refusal = check_room(admission);
    }
    return refusal;
}
