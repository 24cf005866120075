/* The keys, and checking a token with them. Owns the keys' bytes, which it shows nobody.
 *
 * libjwt 1.10 checks a signature by whatever algorithm the token's own header names, with the key it is given: an
 * HS256 token signed with the text of a public key would pass. So the algorithm is compared with the configured one
 * before and after, and everything else that a token says is read by our own strict reader (token_claims.h). */
#include "common/token.h"

#include "common/log.h"
#include "common/token_claims.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS_MAX 2
#define SECRET_BYTES_MIN 32
#define KEY_FILE_MAX ((size_t)64 * 1024)
#define RSA_BITS_MIN 2048

struct key {
    char id[SK_ID_BYTES]; /* "": none */
    unsigned char *bytes; /* owned: the secret, or a file's PEM text; NUL-terminated */
    size_t length;
};

struct sk_keyring {
    struct key keys[KEYS_MAX];
    size_t count; /* 0: open */
    bool unset;
    jwt_alg_t algorithm;
    const char *algorithm_name; /* borrowed, as the two below */
    const char *issuer;
    const char *audience;
};

/* One place for a key in the configuration. */
struct place {
    const char *secret;
    const char *file;
    const char *id;
    const char *secret_name;
    const char *file_name;
    const char *id_name;
};

/* --- keys --------------------------------------------------------------------------------------------------------- */

static enum sk_code keep(struct key *key, const void *bytes, size_t length, struct sk_error *error)
{
    key->bytes = calloc(1, length + 1);
    if (!key->bytes) {
        return sk_fail(error, SK_INTERNAL_ERROR, "no memory for a key");
    }
    memcpy(key->bytes, bytes, length);
    key->length = length;
    return SK_OK;
}

static enum sk_code take_secret(struct key *key, const struct place *place, struct sk_error *error)
{
    size_t length = strlen(place->secret);
    if (length < SECRET_BYTES_MIN) {
        return sk_fail(error, SK_VALIDATION_ERROR, "%s (value not shown) is not valid; allowed: at least %d bytes",
                       place->secret_name, SECRET_BYTES_MIN);
    }
    return keep(key, place->secret, length, error);
}

/* By its name: there are other curves of 256 bits. */
static bool is_p256(const EVP_PKEY *key)
{
    char name[64] = "";
    size_t length = 0;
    return EVP_PKEY_get_group_name(key, name, sizeof name, &length) == 1 && strcmp(name, "prime256v1") == 0;
}

/* Whether the text is a public key that the algorithm can use; anything else would refuse every token later on. */
static bool is_usable(const struct key *key, jwt_alg_t algorithm)
{
    BIO *bio = BIO_new_mem_buf(key->bytes, (int)key->length);
    EVP_PKEY *public_key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    bool usable = false;
    if (public_key && algorithm == JWT_ALG_RS256) {
        usable = EVP_PKEY_base_id(public_key) == EVP_PKEY_RSA && EVP_PKEY_bits(public_key) >= RSA_BITS_MIN;
    } else if (public_key) {
        usable = EVP_PKEY_base_id(public_key) == EVP_PKEY_EC && is_p256(public_key);
    }
    EVP_PKEY_free(public_key);
    BIO_free(bio);
    return usable;
}

static ssize_t read_file(const char *path, char *bytes, size_t limit)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold up the start */
    if (fd < 0) {
        return -1;
    }
    size_t length = 0;
    ssize_t got = 1;
    while (got > 0 && length < limit) {
        got = read(fd, bytes + length, limit - length);
        length += got > 0 ? (size_t)got : 0;
    }
    int why = errno;
    (void)close(fd);
    errno = why;
    return got < 0 ? -1 : (ssize_t)length;
}

static enum sk_code take_file(struct key *key, const struct place *place, jwt_alg_t algorithm, struct sk_error *error)
{
    char text[KEY_FILE_MAX];
    ssize_t length = read_file(place->file, text, sizeof text);
    if (length < 0) {
        return sk_fail(error, SK_VALIDATION_ERROR, "%s: cannot read %.60s: %s", place->file_name, place->file,
                       strerror(errno));
    }
    enum sk_code code = keep(key, text, (size_t)length, error);
    if (code == SK_OK && !is_usable(key, algorithm)) {
        return sk_fail(error, SK_VALIDATION_ERROR, "%s: %.60s holds no %s in PEM", place->file_name, place->file,
                       algorithm == JWT_ALG_RS256 ? "public RSA key of 2048 bits or more" : "public P-256 key");
    }
    return code;
}

/* Takes the key of a place, if it has one. */
static enum sk_code take_key(struct sk_keyring *keyring, const struct place *place, struct sk_error *error)
{
    bool symmetric = keyring->algorithm == JWT_ALG_HS256;
    if (symmetric ? place->file[0] : place->secret[0]) {
        return sk_fail(error, SK_VALIDATION_ERROR, "%s is set, but JWT_ALGORITHM is %s, which takes %s",
                       symmetric ? place->file_name : place->secret_name, keyring->algorithm_name,
                       symmetric ? place->secret_name : place->file_name);
    }
    if (symmetric ? !place->secret[0] : !place->file[0]) {
        return SK_OK;
    }
    struct key *key = &keyring->keys[keyring->count++];
    memcpy(key->id, place->id, strnlen(place->id, sizeof key->id - 1));
    return symmetric ? take_secret(key, place, error) : take_file(key, place, keyring->algorithm, error);
}

/* Two keys must be told apart. */
static enum sk_code check_ids(const struct sk_keyring *keyring, bool has_current, struct sk_error *error)
{
    if (keyring->count == 1 && !has_current) {
        return sk_fail(error, SK_VALIDATION_ERROR, "there is a previous key, but no current one");
    }
    const struct key *keys = keyring->keys;
    if (keyring->count == KEYS_MAX && (!keys[0].id[0] || !keys[1].id[0] || strcmp(keys[0].id, keys[1].id) == 0)) {
        return sk_fail(error, SK_VALIDATION_ERROR,
                       "with two keys, JWT_KEY_ID and JWT_KEY_ID_PREVIOUS must both be set, and differ");
    }
    return SK_OK;
}

static enum sk_code take_keys(struct sk_keyring *keyring, const struct sk_config *config, struct sk_error *error)
{
    const struct place places[KEYS_MAX] = {{config->jwt_secret, config->jwt_public_key_file, config->jwt_key_id,
                                            "JWT_SECRET", "JWT_PUBLIC_KEY_FILE", "JWT_KEY_ID"},
                                           {config->jwt_secret_previous, config->jwt_public_key_file_previous,
                                            config->jwt_key_id_previous, "JWT_SECRET_PREVIOUS",
                                            "JWT_PUBLIC_KEY_FILE_PREVIOUS", "JWT_KEY_ID_PREVIOUS"}};
    enum sk_code code = take_key(keyring, &places[0], error);
    bool has_current = keyring->count == 1;
    if (code == SK_OK) {
        code = take_key(keyring, &places[1], error);
    }
    return code == SK_OK ? check_ids(keyring, has_current, error) : code;
}

static bool is_loopback(const char *address)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, address, &four) == 1) {
        return ntohl(four.s_addr) >> 24 == 127;
    }
    return inet_pton(AF_INET6, address, &six) == 1 &&
           (IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127));
}

/* --- the keyring -------------------------------------------------------------------------------------------------- */

static enum sk_code fill(struct sk_keyring *keyring, const struct sk_config *config, struct sk_error *error)
{
    enum sk_code code = take_keys(keyring, config, error);
    if (code != SK_OK || keyring->count > 0) {
        return code;
    }
    if (keyring->algorithm != JWT_ALG_HS256) {
        return sk_fail(error, SK_VALIDATION_ERROR, "JWT_ALGORITHM is %s, but JWT_PUBLIC_KEY_FILE is not set",
                       keyring->algorithm_name);
    }
    if (!is_loopback(config->bind)) {
        return sk_fail(
            error, SK_VALIDATION_ERROR,
            "BIND is %.45s and there is no key for tokens: set JWT_SECRET or JWT_PUBLIC_KEY_FILE, or AUTH=off "
            "if something in front does it",
            config->bind);
    }
    keyring->unset = true;
    return SK_OK;
}

enum sk_code sk_keyring_open(struct sk_keyring **keyring, const struct sk_config *config, struct sk_error *error)
{
    *keyring = NULL;
    struct sk_keyring *made = calloc(1, sizeof *made);
    if (!made) {
        return sk_fail(error, SK_INTERNAL_ERROR, "no memory for keys");
    }
    made->algorithm_name = config->jwt_algorithm;
    made->algorithm = jwt_str_alg(config->jwt_algorithm);
    made->issuer = config->jwt_issuer;
    made->audience = config->jwt_audience;
    enum sk_code code = config->auth ? fill(made, config, error) : SK_OK;
    if (code != SK_OK) {
        sk_keyring_free(made);
        return code;
    }
    *keyring = made;
    return SK_OK;
}

void sk_keyring_free(struct sk_keyring *keyring)
{
    if (!keyring) {
        return;
    }
    for (size_t i = 0; i < KEYS_MAX; i++) {
        struct key *key = &keyring->keys[i];
        if (key->bytes) {
            explicit_bzero(key->bytes, key->length);
        }
        free(key->bytes);
    }
    free(keyring);
}

bool sk_keyring_is_open(const struct sk_keyring *keyring)
{
    return keyring->count == 0;
}

bool sk_keyring_is_unset(const struct sk_keyring *keyring)
{
    return keyring->unset;
}

void sk_keyring_announce(const struct sk_keyring *keyring)
{
    if (sk_keyring_is_unset(keyring)) {
        sk_log(SK_LOG_WARN, "open: there is no key for tokens, so whoever reaches this address may do everything",
               SK_S("hint", "set JWT_SECRET or JWT_PUBLIC_KEY_FILE"));
    } else if (sk_keyring_is_open(keyring)) {
        sk_log(SK_LOG_INFO, "AUTH=off: no tokens are asked for; something in front decides who may do what");
    }
}

/* --- checking ----------------------------------------------------------------------------------------------------- */

/* The key that a token means. One key without an id is good for any; of two, the token must name one. */
static const struct key *key_for(const struct sk_keyring *keyring, const json_t *header, struct sk_error *error)
{
    const json_t *kid = json_object_get(header, "kid");
    const char *id = json_string_value(kid);
    if (!kid && keyring->count > 1) {
        (void)sk_fail(error, SK_UNAUTHORIZED, "the token does not name its key (kid)");
        return NULL;
    }
    if (keyring->count == 1 && (!kid || !keyring->keys[0].id[0])) {
        return &keyring->keys[0];
    }
    for (size_t i = 0; id && i < keyring->count; i++) {
        if (strcmp(keyring->keys[i].id, id) == 0) {
            return &keyring->keys[i];
        }
    }
    (void)sk_fail(error, SK_UNAUTHORIZED, "the token's key (kid) is not known");
    return NULL;
}

/* Whether the signature is by that key and the configured algorithm. text: at most SK_TOKEN_MAX bytes. */
static bool is_signed(const struct sk_keyring *keyring, const struct key *key, const char *text, size_t length)
{
    char token[SK_TOKEN_MAX + 1];
    jwt_t *jwt = NULL;
    memcpy(token, text, length);
    token[length] = '\0';
    if (jwt_decode(&jwt, token, key->bytes, (int)key->length) != 0) {
        return false;
    }
    bool same = jwt_get_alg(jwt) == keyring->algorithm;
    jwt_free(jwt);
    return same;
}

static enum sk_code check_signature(const struct sk_keyring *keyring, const json_t *header, const char *text,
                                    size_t length, struct sk_error *error)
{
    const char *algorithm = json_string_value(json_object_get(header, "alg"));
    if (!algorithm || strcmp(algorithm, keyring->algorithm_name) != 0) {
        return sk_fail(error, SK_UNAUTHORIZED, "the token is not signed with %s", keyring->algorithm_name);
    }
    const struct key *key = key_for(keyring, header, error);
    if (!key) {
        return SK_UNAUTHORIZED;
    }
    if (!is_signed(keyring, key, text, length)) {
        return sk_fail(error, SK_UNAUTHORIZED, "the token's signature is not valid");
    }
    return SK_OK;
}

enum sk_code sk_token_check(const struct sk_keyring *keyring, const char *text, size_t length, int64_t now_s,
                            struct sk_identity *identity, struct sk_error *error)
{
    struct sk_token_parts parts;
    *identity = (struct sk_identity){.expires_at_s = SK_NONE, .open = sk_keyring_is_open(keyring)};
    if (identity->open) {
        return SK_OK;
    }
    enum sk_code code = sk_token_parts_read(&parts, text, length, error);
    if (code != SK_OK) {
        identity->fault = "malformed";
        return code;
    }
    code = check_signature(keyring, parts.header, text, length, error);
    identity->fault = code == SK_OK ? NULL : "signature";
    if (code == SK_OK) {
        const struct sk_token_terms terms = {.issuer = keyring->issuer, .audience = keyring->audience, .now_s = now_s};
        code = sk_token_claims_read(parts.claims, &terms, identity, error);
    }
    sk_token_parts_clear(&parts);
    if (code != SK_OK) {
        *identity = (struct sk_identity){.expires_at_s = SK_NONE, .fault = identity->fault};
    }
    return code;
}

const char *sk_token_bearer(const char *authorization)
{
    static const char scheme[] = "Bearer ";
    if (strncasecmp(authorization, scheme, sizeof scheme - 1) != 0) {
        return NULL;
    }
    const char *token = authorization + sizeof scheme - 1;
    return token + strspn(token, " ");
}

bool sk_identity_allows(const struct sk_identity *identity, enum sk_scope scope, const char *session_id, bool is_switch)
{
    if (identity->open || scope == SK_SCOPE_NONE) {
        return true;
    }
    bool elsewhere = identity->session_id[0] && (!session_id || strcmp(session_id, identity->session_id) != 0);
    if (elsewhere) {
        return false;
    }
    if (identity->participant_id[0]) {
        return scope == SK_SCOPE_READ || is_switch;
    }
    return (identity->scopes & ((unsigned)scope | (unsigned)SK_SCOPE_ADMIN)) != 0;
}
