/* The text of a token (RFC 7519), taken apart strictly: nothing here is believed before the signature was checked. */
#ifndef SK_COMMON_TOKEN_CLAIMS_H
#define SK_COMMON_TOKEN_CLAIMS_H

#include "common/token.h"

/* Header and claims of a token: objects without duplicate keys. Owned; sk_token_parts_clear. */
struct sk_token_parts {
    json_t *header;
    json_t *claims;
};

/* What the claims must agree with. Borrowed; "": not asked for. */
struct sk_token_terms {
    const char *issuer;
    const char *audience;
    int64_t now_s;
};

/* Three parts of canonical base64url (RFC 4648 §5, without padding) and at most SK_TOKEN_MAX bytes; the first two are
 * JSON objects; the header names no extension that must be understood. SK_UNAUTHORIZED otherwise. */
enum sk_code sk_token_parts_read(struct sk_token_parts *parts, const char *text, size_t length, struct sk_error *error)
    __attribute__((warn_unused_result));
void sk_token_parts_clear(struct sk_token_parts *parts);

/* Checks exp, nbf, iss and aud, and reads what the token allows. SK_UNAUTHORIZED: identity->fault is set, too. */
enum sk_code sk_token_claims_read(const json_t *claims, const struct sk_token_terms *terms,
                                  struct sk_identity *identity, struct sk_error *error)
    __attribute__((warn_unused_result));

/* The scope of that name; SK_SCOPE_NONE for a name that is none of ours. */
enum sk_scope sk_scope_of(const char *name, size_t length);

#endif
