/* Terms of a request: from its headers in, into its answer's headers out. */
#include "fcgi/limits.h"

#include "common/caller.h"
#include "common/digest.h"
#include "common/keys.h"
#include "common/metrics.h"
#include "common/network.h"
#include "common/session_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS 60000
#define SECOND_MS 1000

/* name: in the metrics; kind: in the Redis key. */
static void allow(struct sk_terms *terms, const char *name, const char *kind, const char *whose, int64_t limit,
                  int64_t window_ms)
{
    if (limit == 0) {
        return; /* 0: no limit */
    }
    struct sk_allowance *allowance = &terms->allowances[terms->allowance_count++];
    *allowance = (struct sk_allowance){.name = name, .limit = limit, .window_ms = window_ms};
    sk_key_allowance(kind, whose, allowance->key, sizeof allowance->key);
}

/* A game server's token has an allowance of its own; whoever else asks is counted by token or by address. */
static void allow_general(struct api *api, const struct request *request)
{
    const struct sk_identity *who = &request->identity;
    const struct sk_config *config = api->config;
    char address[SK_ADDRESS_BYTES];
    char digest[SK_DIGEST_BYTES];
    const char *const bound[] = {who->subject, who->session_id, who->participant_id};
    if (who->subject[0] && !who->session_id[0]) {
        allow(&api->terms, "server", "subject", who->subject, config->rate_limit_server, MINUTE_MS);
    } else if (who->session_id[0] && sk_digest(bound, 3, digest)) {
        allow(&api->terms, "token", "token", digest, config->rate_limit_general, MINUTE_MS);
    } else {
        const char *trusted = api->ignores_forwarded ? "" : config->trusted_proxies;
        sk_caller_address(request->peer, request->forwarded, trusted, address);
        char owner[SK_ADDRESS_BYTES];
        sk_network_owner(address, owner, sizeof owner);
        allow(&api->terms, "address", "ip", owner, config->rate_limit_general, MINUTE_MS);
    }
}

/* One entity tag, strong: "17". Anything else matches no version (RFC 9110 §13.1.1). */
static int64_t read_match(const char *text)
{
    if (!text[0] || strcmp(text, "*") == 0) {
        return SK_NONE;
    }
    char *end = NULL;
    bool is_number = text[0] == '"' && text[1] >= '1' && text[1] <= '9';
    long long version = is_number ? strtoll(text + 1, &end, 10) : 0;
    return end && version > 0 && strcmp(end, "\"") == 0 ? version : 0;
}

static bool read_key(const char *text, char out[SK_IDEMPOTENCY_KEY_BYTES])
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    if (length >= SK_IDEMPOTENCY_KEY_BYTES) {
        return false;
    }
    memcpy(out, text, length + 1);
    return true;
}

static bool is_read(const struct request *request)
{
    return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

void sk_limits_count(struct api *api, const struct request *request, const struct route *route)
{
    if (route->scope != SK_SCOPE_NONE) {
        allow_general(api, request);
    }
}

/* A session's switches a second; a token bound to a participant has its own, so that nobody can use up the others'. */
static void allow_switch(struct api *api, const struct request *request)
{
    char whose[2 * SK_ID_BYTES];
    const char *participant_id = request->identity.participant_id;
    (void)snprintf(whose, sizeof whose, "%s%s%s", request->session_id, participant_id[0] ? "/" : "", participant_id);
    allow(&api->terms, "session", "switch", whose, api->config->rate_limit_switch, SECOND_MS);
}

/* A key is good for whoever uses it: what is kept is a digest of both, so that nobody meets another's keys. */
static bool bind_key(struct api *api, const struct request *request)
{
    const struct sk_identity *who = &request->identity;
    char *key = api->terms.idempotency_key;
    const char *const texts[] = {who->subject, who->session_id, who->participant_id, key};
    char digest[SK_DIGEST_BYTES];
    if (!key[0]) {
        return true;
    }
    bool good = sk_digest(texts, 4, digest);
    memcpy(key, digest, sizeof digest);
    return good;
}

bool sk_limits_open(struct api *api, const struct request *request, const struct route *route, struct reply *reply)
{
    if (route->flags & ROUTE_SWITCH) {
        allow_switch(api, request);
    }
    if (route->scope == SK_SCOPE_NONE || is_read(request)) {
        return true;
    }
    api->terms.if_match = read_match(request->if_match);
    if (read_key(request->idempotency_key, api->terms.idempotency_key) && bind_key(api, request)) {
        return true;
    }
    struct sk_problems problems = {0};
    sk_problems_add(&problems, "Idempotency-Key", "must be 1 to 128 printable ASCII characters without a space");
    sk_reply_problems(reply, &problems);
    sk_problems_clear(&problems);
    return false;
}

/* The body in a form that does not depend on spaces and the order of members; as it came where it is no JSON, which
 * will be refused anyway. Owned; NULL when out of memory. */
static char *canonical(const struct sk_buffer *body)
{
    json_t *value = sk_body_parse(sk_buffer_text(body), body->length, NULL);
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : strdup("");
    json_decref(value);
    return text;
}

void sk_limits_fingerprint(struct api *api, const struct request *request)
{
    if (!api->terms.idempotency_key[0]) {
        return;
    }
    char *body = canonical(&request->body);
    char *path = strndup(request->path, request->path_length);
    const char *const texts[] = {request->method, path, body};
    if (!body || !path || !sk_digest(texts, 3, api->terms.fingerprint)) {
        api->terms.idempotency_key[0] = '\0'; /* out of memory: better not kept than kept wrongly */
    }
    free(path);
    free(body);
}

/* A store that cannot be asked limits nobody. */
static void draw(struct api *api, struct reply *reply)
{
    struct sk_error error;
    if (sk_store_draw(api->store, &api->terms, &error) == SK_RATE_LIMIT_EXCEEDED) {
        sk_reply_clear(reply);
        sk_reply_open(reply);
        sk_reply_error(reply, &error);
    }
}

static void count_refusal(const struct sk_terms *terms)
{
    char labels[32];
    const struct sk_allowance *exceeded = sk_terms_exceeded(terms);
    (void)snprintf(labels, sizeof labels, "limit=\"%s\"", exceeded ? exceeded->name : "other");
    sk_metrics_add(SK_METRIC_RATE_LIMITED, labels, 1);
}

void sk_limits_close(struct api *api, struct reply *reply)
{
    const struct sk_terms *terms = &api->terms;
    if (terms->allowance_count > 0 && !terms->counted) {
        draw(api, reply);
    }
    const struct sk_allowance *tightest = sk_terms_tightest(terms);
    if (tightest) {
        int64_t left = tightest->limit - tightest->used;
        reply->rate_limit = tightest->limit;
        reply->rate_remaining = left > 0 ? left : 0;
        reply->rate_reset_s = (tightest->reset_in_ms + 999) / 1000;
    }
    if (reply->error.code == SK_RATE_LIMIT_EXCEEDED) {
        count_refusal(terms);
        reply->retry_after_s = (int)reply->rate_reset_s;
    }
    reply->replayed = terms->replayed && reply->status < 400;
}
