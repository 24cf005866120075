/* Tokens: who may do what. JSON Web Tokens (RFC 7519) signed with the algorithm that the configuration fixes, checked
 * by the same code in the API and in the relay. Knows neither HTTP nor WebSocket. */
#ifndef SK_COMMON_TOKEN_H
#define SK_COMMON_TOKEN_H

#include "common/config.h"
#include "common/error.h"
#include "common/session.h"

#define SK_SUBJECT_BYTES 129
#define SK_TOKEN_MAX ((size_t)8 * 1024) /* a longer one is not looked at */

/* What a token may allow; SK_SCOPE_ADMIN includes the others. */
enum sk_scope {
    SK_SCOPE_NONE = 0, /* of a route: open to everybody */
    SK_SCOPE_CREATE = 1,
    SK_SCOPE_READ = 2,
    SK_SCOPE_CONTROL = 4,
    SK_SCOPE_ADMIN = 8
};

/* Who asks, as far as a token says. Plain data. */
struct sk_identity {
    char subject[SK_SUBJECT_BYTES];   /* "" without a token */
    unsigned scopes;                  /* of enum sk_scope */
    char session_id[SK_ID_BYTES];     /* the only session it is good for; "": any */
    char participant_id[SK_ID_BYTES]; /* may read, and switch away from this participant, nothing else; "": no limit */
    int64_t expires_at_s;             /* Unix time; SK_NONE: never */
    bool open;                        /* no tokens are asked for at all: AUTH=off, or no key on loopback */
    const char *fault;                /* of a token that was refused: a word for the metrics; NULL: none. Static */
};

struct sk_keyring; /* the keys that tokens are checked with; shared between threads, never changed */

/* Reads the keys that the configuration names; its strings must live as long. Without any: SK_VALIDATION_ERROR unless
 * AUTH=off or BIND is loopback; then the keyring is an open one. *keyring is owned. */
enum sk_code sk_keyring_open(struct sk_keyring **keyring, const struct sk_config *config, struct sk_error *error)
    __attribute__((warn_unused_result));
void sk_keyring_free(struct sk_keyring *keyring);

/* Whether nobody is asked for a token, and whether that is so only because BIND is loopback (then forwarded addresses
 * are ignored too). */
bool sk_keyring_is_open(const struct sk_keyring *keyring);
bool sk_keyring_is_unset(const struct sk_keyring *keyring);

/* Logs, once at start, if no tokens are asked for. */
void sk_keyring_announce(const struct sk_keyring *keyring);

/* Checks a token: signature, algorithm, exp, nbf, iss, aud, with 30 s of leeway, and reads what it allows.
 * SK_UNAUTHORIZED: error says in a few words what is wrong, fit for a client; identity->fault is one of malformed,
 * signature, expired, not_yet, issuer, audience, and the rest of identity is nobody's. now_s: Unix time. */
enum sk_code sk_token_check(const struct sk_keyring *keyring, const char *text, size_t length, int64_t now_s,
                            struct sk_identity *identity, struct sk_error *error) __attribute__((warn_unused_result));

/* The token of an Authorization field ("Bearer …", RFC 6750 §2.1), borrowed from it; NULL where it holds none. */
const char *sk_token_bearer(const char *authorization);

/* Whether the identity may do what needs `scope` to that session (NULL: to no session in particular).
 * A token bound to a participant may read its session and switch away from that participant: is_switch. */
bool sk_identity_allows(const struct sk_identity *identity, enum sk_scope scope, const char *session_id,
                        bool is_switch);

#endif
