/* Reads the parts of a token. Owns the parsed JSON; knows no key and checks no signature. */
#include "common/token_claims.h"

#include "common/session_reader.h"

#include <string.h>

#define LEEWAY_S 30
#define LATEST_S INT64_C(253402300799) /* the last second of the year 9999 */
#define UNNAMED "unnamed"              /* the subject of a token that names none */

/* --- the parts ---------------------------------------------------------------------------------------------------- */

static int sextet(char digit)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = digit ? strchr(digits, digit) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Decodes into out, which has room for length bytes. False for what no encoder writes: other characters, a length that
 * cannot be, bits set in the rest of the last character. */
static bool decode(const char *text, size_t length, char *out, size_t *decoded)
{
    unsigned bits = 0;
    unsigned held = 0;
    *decoded = 0;
    for (size_t i = 0; i < length; i++) {
        int value = sextet(text[i]);
        if (value < 0) {
            return false;
        }
        held = (held << 6 | (unsigned)value) & 0xFFFU;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[(*decoded)++] = (char)(unsigned char)(held >> bits & 0xFFU);
        }
    }
    return length > 0 && length % 4 != 1 && (held & ((1U << bits) - 1U)) == 0;
}

/* The next of the parts between dots; *rest moves behind it. Decoded into out. */
static bool next_part(const char **rest, const char *end, bool last, char *out, size_t *decoded)
{
    const char *start = *rest;
    const char *dot = memchr(start, '.', (size_t)(end - start));
    const char *stop = dot ? dot : end;
    *rest = dot ? dot + 1 : end;
    return last == (dot == NULL) && decode(start, (size_t)(stop - start), out, decoded);
}

static json_t *read_object(const char *text, size_t length)
{
    struct sk_error ignored;
    return length > 0 ? sk_body_parse(text, length, &ignored) : NULL;
}

static bool read_parts(struct sk_token_parts *parts, const char *text, size_t length)
{
    char decoded[SK_TOKEN_MAX];
    size_t bytes = 0;
    const char *rest = text;
    const char *end = text + length;
    if (!next_part(&rest, end, false, decoded, &bytes)) {
        return false;
    }
    parts->header = read_object(decoded, bytes);
    if (!parts->header || !next_part(&rest, end, false, decoded, &bytes)) {
        return false;
    }
    parts->claims = read_object(decoded, bytes);
    return parts->claims && next_part(&rest, end, true, decoded, &bytes);
}

enum sk_code sk_token_parts_read(struct sk_token_parts *parts, const char *text, size_t length, struct sk_error *error)
{
    *parts = (struct sk_token_parts){0};
    if (length > SK_TOKEN_MAX) {
        return sk_fail(error, SK_UNAUTHORIZED, "the token is longer than %zu bytes", SK_TOKEN_MAX);
    }
    if (!read_parts(parts, text, length)) {
        sk_token_parts_clear(parts);
        return sk_fail(error, SK_UNAUTHORIZED, "the token is malformed");
    }
    if (json_object_get(parts->header, "crit")) {
        sk_token_parts_clear(parts);
        return sk_fail(error, SK_UNAUTHORIZED, "the token needs an extension that is not known"); /* RFC 7515 §4.1.11 */
    }
    return SK_OK;
}

void sk_token_parts_clear(struct sk_token_parts *parts)
{
    json_decref(parts->header);
    json_decref(parts->claims);
    *parts = (struct sk_token_parts){0};
}

/* --- the claims --------------------------------------------------------------------------------------------------- */

/* A NumericDate, whole seconds of it; SK_NONE where there is none. False: it is none that could be. */
static bool read_instant(const json_t *claims, const char *name, int64_t *seconds)
{
    const json_t *value = json_object_get(claims, name);
    *seconds = SK_NONE;
    if (!value) {
        return true;
    }
    if (json_is_integer(value)) {
        *seconds = json_integer_value(value);
    } else if (json_is_real(value) && json_real_value(value) >= 0 && json_real_value(value) <= (double)LATEST_S) {
        *seconds = (int64_t)json_real_value(value);
    }
    return *seconds >= 0 && *seconds <= LATEST_S;
}

static bool is_text(const json_t *value, const char *text)
{
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

/* aud: a string, or a list that holds it (RFC 7519 §4.1.3). */
static bool is_meant_for(const json_t *aud, const char *audience)
{
    size_t i = 0;
    const json_t *entry = NULL;
    json_array_foreach(aud, i, entry)
    {
        if (is_text(entry, audience)) {
            return true;
        }
    }
    return is_text(aud, audience);
}

static enum sk_code refuse(struct sk_identity *identity, const char *fault, const char *why, struct sk_error *error)
{
    identity->fault = fault;
    return sk_fail(error, SK_UNAUTHORIZED, "%s", why);
}

static enum sk_code check_validity(const json_t *claims, const struct sk_token_terms *terms,
                                   struct sk_identity *identity, struct sk_error *error)
{
    int64_t not_before_s = SK_NONE;
    if (!read_instant(claims, "exp", &identity->expires_at_s) || !read_instant(claims, "nbf", &not_before_s)) {
        return refuse(identity, "malformed", "the token's exp or nbf is no time", error);
    }
    if (identity->expires_at_s != SK_NONE && terms->now_s >= identity->expires_at_s + LEEWAY_S) {
        return refuse(identity, "expired", "the token has expired", error);
    }
    if (not_before_s != SK_NONE && terms->now_s + LEEWAY_S < not_before_s) {
        return refuse(identity, "not_yet", "the token is not valid yet", error);
    }
    if (terms->issuer[0] && !is_text(json_object_get(claims, "iss"), terms->issuer)) {
        return refuse(identity, "issuer", "the token comes from another issuer", error);
    }
    if (terms->audience[0] && !is_meant_for(json_object_get(claims, "aud"), terms->audience)) {
        return refuse(identity, "audience", "the token is meant for another audience", error);
    }
    return SK_OK;
}

/* It ends up in logs, the trail and Redis keys: no control bytes, and not too long. */
static bool read_subject(const json_t *claims, char out[SK_SUBJECT_BYTES])
{
    const json_t *value = json_object_get(claims, "sub");
    const char *text = value ? json_string_value(value) : UNNAMED;
    size_t length = text ? strlen(text) : 0;
    if (length == 0 || length >= SK_SUBJECT_BYTES) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x20 || byte == 0x7F) {
            return false;
        }
    }
    memcpy(out, text, length + 1);
    return true;
}

/* A restriction that cannot be read is not left out: that would make the token good for more. */
static bool read_restriction(const json_t *claims, const char *name, char out[SK_ID_BYTES])
{
    const json_t *value = json_object_get(claims, name);
    if (!value) {
        return true;
    }
    const char *text = json_string_value(value);
    size_t length = text ? strlen(text) : 0;
    if (length == 0 || !sk_id_valid(text, length)) {
        return false;
    }
    memcpy(out, text, length + 1);
    return true;
}

enum sk_scope sk_scope_of(const char *name, size_t length)
{
    static const struct {
        const char *name;
        enum sk_scope scope;
    } scopes[] = {{"sessions:create", SK_SCOPE_CREATE},
                  {"sessions:read", SK_SCOPE_READ},
                  {"sessions:control", SK_SCOPE_CONTROL},
                  {"admin", SK_SCOPE_ADMIN}};
    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
        if (strlen(scopes[i].name) == length && memcmp(scopes[i].name, name, length) == 0) {
            return scopes[i].scope;
        }
    }
    return SK_SCOPE_NONE;
}

/* Names that are none of ours are other services' business. */
static bool read_scopes(const json_t *claims, unsigned *scopes)
{
    const json_t *value = json_object_get(claims, "scope");
    const char *text = value ? json_string_value(value) : "";
    if (!text) {
        return false;
    }
    while (*text) {
        size_t length = strcspn(text, " ");
        *scopes |= (unsigned)sk_scope_of(text, length);
        text += length;
        text += strspn(text, " ");
    }
    return true;
}

enum sk_code sk_token_claims_read(const json_t *claims, const struct sk_token_terms *terms,
                                  struct sk_identity *identity, struct sk_error *error)
{
    *identity = (struct sk_identity){.expires_at_s = SK_NONE};
    enum sk_code code = check_validity(claims, terms, identity, error);
    if (code != SK_OK) {
        return code;
    }
    if (!read_subject(claims, identity->subject)) {
        identity->fault = "malformed";
        return sk_fail(error, SK_UNAUTHORIZED, "the token's sub is not 1 to %d printable bytes", SK_SUBJECT_BYTES - 1);
    }
    if (!read_scopes(claims, &identity->scopes)) {
        return refuse(identity, "malformed", "the token's scope is not a string", error);
    }
    if (!read_restriction(claims, "session", identity->session_id) ||
        !read_restriction(claims, "participant", identity->participant_id)) {
        return refuse(identity, "malformed", "the token's session or participant is no id", error);
    }
    if (identity->participant_id[0] && !identity->session_id[0]) {
        return refuse(identity, "malformed", "the token names a participant, but not its session", error);
    }
    return SK_OK;
}
