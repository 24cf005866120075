/* Tokens, good and bad, and the configurations that make a keyring. */
#include "common/log.h"
#include "common/origin.h"
#include "common/token.h"
#include "tests/unit/check.h"
#include "tests/unit/common/keyrings.h"
#include "tests/unit/suites.h"

#include <CUnit/CUnit.h>
#include <jwt.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECRET "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"
#define NOW INT64_C(1800000000)

struct pair {
    char secret[4096]; /* PEM */
    char open[4096];
    char file[64]; /* with the public key */
};

static struct sk_keyring *open_keys(const struct sk_config *config)
{
    struct sk_error error = {.text = ""};
    struct sk_keyring *keyring = NULL;
    enum sk_code code = sk_keyring_open(&keyring, config, &error);
    CHECK_INT(error.text, code, SK_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(keyring);
    return keyring;
}

/* A token of those claims; owned. */
static char *sign(jwt_alg_t algorithm, const char *key, const char *kid, const char *claims)
{
    jwt_t *jwt = NULL;
    CU_ASSERT_EQUAL_FATAL(jwt_new(&jwt), 0);
    CU_ASSERT_EQUAL_FATAL(jwt_add_grants_json(jwt, claims), 0);
    CU_ASSERT_FALSE_FATAL(kid && jwt_add_header(jwt, "kid", kid) != 0);
    CU_ASSERT_EQUAL_FATAL(jwt_set_alg(jwt, algorithm, (const unsigned char *)key, key ? (int)strlen(key) : 0), 0);
    char *text = jwt_encode_str(jwt);
    jwt_free(jwt);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    return text;
}

static enum sk_code check(const struct sk_keyring *keyring, const char *text, struct sk_identity *identity,
                          struct sk_error *error)
{
    *error = (struct sk_error){.text = ""};
    return sk_token_check(keyring, text, strlen(text), NOW, identity, error);
}

static void write_pair(EVP_PKEY *key, struct pair *pair)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    pair->secret[BIO_read(bio, pair->secret, sizeof pair->secret - 1)] = '\0';
    PEM_write_bio_PUBKEY(bio, key);
    pair->open[BIO_read(bio, pair->open, sizeof pair->open - 1)] = '\0';
    BIO_free(bio);
    EVP_PKEY_free(key);
    (void)snprintf(pair->file, sizeof pair->file, "/tmp/synckairos-key-XXXXXX");
    int fd = mkstemp(pair->file);
    CU_ASSERT_TRUE_FATAL(fd >= 0 && write(fd, pair->open, strlen(pair->open)) > 0);
    (void)close(fd);
}

static void claims_decide(void)
{
    static const struct {
        const char *claims;
        const char *why; /* NULL: it is good */
        const char *fault;
    } rows[] = {
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1800000060}", NULL, NULL},
        {"{\"iss\":\"i\",\"aud\":[\"b\",\"a\"],\"nbf\":1800000029,\"exp\":1799999971}", NULL, NULL},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1800000060.5}", NULL, NULL},
        {"{\"iss\":\"i\",\"aud\":\"a\"}", NULL, NULL},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1799999970}", "expired", "expired"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":\"1800000060\"}", "no time", "malformed"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":-5}", "no time", "malformed"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1e300}", "no time", "malformed"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":null}", "no time", "malformed"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"nbf\":1800000031}", "not valid yet", "not_yet"},
        {"{\"iss\":\"x\",\"aud\":\"a\"}", "issuer", "issuer"},
        {"{\"aud\":\"a\"}", "issuer", "issuer"},
        {"{\"iss\":[\"i\"],\"aud\":\"a\"}", "issuer", "issuer"},
        {"{\"iss\":\"i\",\"aud\":\"b\"}", "audience", "audience"},
        {"{\"iss\":\"i\",\"aud\":[\"b\",[\"a\"]]}", "audience", "audience"},
        {"{\"iss\":\"i\"}", "audience", "audience"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"sub\":7}", "sub", "malformed"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"\"}", "sub", "malformed"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"a\\nb\"}", "sub", "malformed"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"scope\":[\"admin\"]}", "scope", "malformed"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"session\":7}", "session", "malformed"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"session\":\"\"}", "session", "malformed"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"session\":null}", "session", "malformed"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"session\":\"a b\"}", "session", "malformed"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"session\":\"a\",\"participant\":[]}", "participant", "malformed"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"participant\":\"p\"}", "not its session", "malformed"},
    };
    struct sk_config config = keyring_config(SECRET);
    config.jwt_issuer = "i";
    config.jwt_audience = "a";
    struct sk_keyring *keyring = open_keys(&config);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_identity identity;
        struct sk_error error;
        char *text = sign(JWT_ALG_HS256, SECRET, NULL, rows[i].claims);
        CHECK_INT(rows[i].claims, check(keyring, text, &identity, &error), rows[i].why ? SK_UNAUTHORIZED : SK_OK);
        CHECK(rows[i].claims, !rows[i].why || strstr(error.text, rows[i].why));
        CHECK_TEXT(rows[i].claims, identity.fault, rows[i].fault);
        free(text);
    }
    sk_keyring_free(keyring);
}

static void what_a_token_says_is_read(void)
{
    struct sk_config config = keyring_config(SECRET);
    struct sk_keyring *keyring = open_keys(&config);
    struct sk_identity identity;
    struct sk_error error;
    char *text = sign(JWT_ALG_HS256, SECRET, "any",
                      "{\"sub\":\"s\",\"scope\":\"sessions:read  other sessions:create\",\"session\":\"a\","
                      "\"participant\":\"p\",\"exp\":1800000005}");
    CHECK_INT("code", check(keyring, text, &identity, &error), SK_OK);
    CHECK_TEXT("subject", identity.subject, "s");
    CHECK_TEXT("session", identity.session_id, "a");
    CHECK_TEXT("participant", identity.participant_id, "p");
    CHECK_INT("scopes", identity.scopes, SK_SCOPE_READ | SK_SCOPE_CREATE);
    CHECK_INT("expires", identity.expires_at_s, 1800000005);
    CHECK("not open", !identity.open);
    free(text);
    sk_keyring_free(keyring);
}

static void rubbish_is_refused(void)
{
    static char giant[SK_TOKEN_MAX + 2];
    static const char *const rows[] = {"",
                                       ".",
                                       "..",
                                       "...",
                                       "a.b.c",
                                       "e30.e30.",
                                       "e30.e30",
                                       "e30.e30.e30.e30",
                                       "bnVsbA.e30.AAAA",
                                       "e30=.e30.AAAA",
                                       "eyJhbGciOiJub25lIn0.e30.",
                                       "eyJhbGciOiJub25lIn0.e30.AAAA",
                                       "eyJhbGciOiJIUzI1NiIsImFsZyI6Im5vbmUifQ.e30.AAAA",
                                       "eyJhbGciOiJIUzI1NiIsImNyaXQiOltdfQ.e30.AAAA",
                                       "\x01\xff.e30.e30"};
    struct sk_config config = keyring_config(SECRET);
    struct sk_keyring *keyring = open_keys(&config);
    struct sk_identity identity;
    struct sk_error error;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_INT(rows[i], check(keyring, rows[i], &identity, &error), SK_UNAUTHORIZED);
    }
    memset(giant, 'e', sizeof giant - 1);
    CHECK_INT("giant", check(keyring, giant, &identity, &error), SK_UNAUTHORIZED);
    CHECK("says so", strstr(error.text, "longer"));
    CHECK_TEXT("giant", identity.fault, "malformed");
    sk_keyring_free(keyring);
}

static void every_bit_counts(void)
{
    struct sk_config config = keyring_config(SECRET);
    struct sk_keyring *keyring = open_keys(&config);
    struct sk_identity identity;
    struct sk_error error;
    char *text = sign(JWT_ALG_HS256, SECRET, NULL, "{\"sub\":\"s\"}");
    CHECK_INT("whole", check(keyring, text, &identity, &error), SK_OK);
    size_t length = strlen(text);
    for (size_t i = 0; i < length * 8; i++) {
        text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
        CHECK_INT(text, sk_token_check(keyring, text, length, NOW, &identity, &error), SK_UNAUTHORIZED);
        CHECK(text, identity.fault != NULL);
        text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
    }
    for (size_t cut = 0; cut < length; cut++) {
        CHECK_INT("cut", sk_token_check(keyring, text, cut, NOW, &identity, &error), SK_UNAUTHORIZED);
    }
    free(text);
    sk_keyring_free(keyring);
}

static void public_keys_check_and_do_not_sign(void)
{
    struct pair rsa;
    struct pair ec;
    write_pair(EVP_RSA_gen(2048), &rsa);
    write_pair(EVP_EC_gen("P-256"), &ec);
    const struct {
        const char *what;
        const char *configured;
        const char *file;
        jwt_alg_t algorithm;
        const char *key;
        enum sk_code code;
    } rows[] = {
        {"RS256", "RS256", rsa.file, JWT_ALG_RS256, rsa.secret, SK_OK},
        {"ES256", "ES256", ec.file, JWT_ALG_ES256, ec.secret, SK_OK},
        {"HS256 signed with the public key", "RS256", rsa.file, JWT_ALG_HS256, rsa.open, SK_UNAUTHORIZED},
        {"HS256 signed with the other public key", "ES256", ec.file, JWT_ALG_HS256, ec.open, SK_UNAUTHORIZED},
        {"RS512", "RS256", rsa.file, JWT_ALG_RS512, rsa.secret, SK_UNAUTHORIZED},
        {"none", "RS256", rsa.file, JWT_ALG_NONE, NULL, SK_UNAUTHORIZED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_identity identity;
        struct sk_error error;
        struct sk_config config = keyring_config("");
        config.jwt_algorithm = rows[i].configured;
        config.jwt_public_key_file = rows[i].file;
        struct sk_keyring *keyring = open_keys(&config);
        char *text = sign(rows[i].algorithm, rows[i].key, NULL, "{\"sub\":\"s\"}");
        CHECK_INT(rows[i].what, check(keyring, text, &identity, &error), rows[i].code);
        free(text);
        sk_keyring_free(keyring);
    }
    struct sk_config config = keyring_config("");
    struct sk_keyring *keyring = NULL;
    struct sk_error error;
    config.jwt_algorithm = "RS256";
    config.jwt_public_key_file = ec.file;
    CHECK_INT("a key of the wrong kind", sk_keyring_open(&keyring, &config, &error), SK_VALIDATION_ERROR);
    (void)unlink(rsa.file);
    (void)unlink(ec.file);
    CHECK_INT("no file", sk_keyring_open(&keyring, &config, &error), SK_VALIDATION_ERROR);
}

static void of_two_keys_one_is_named(void)
{
    static const struct {
        const char *key;
        const char *kid;
        enum sk_code code;
    } rows[] = {{SECRET, "new", SK_OK},          {OTHER, "old", SK_OK},           {SECRET, "old", SK_UNAUTHORIZED},
                {OTHER, "new", SK_UNAUTHORIZED}, {SECRET, NULL, SK_UNAUTHORIZED}, {SECRET, "x", SK_UNAUTHORIZED}};
    struct sk_config config = keyring_config(SECRET);
    config.jwt_secret_previous = OTHER;
    config.jwt_key_id = "new";
    config.jwt_key_id_previous = "old";
    struct sk_keyring *keyring = open_keys(&config);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_identity identity;
        struct sk_error error;
        char *text = sign(JWT_ALG_HS256, rows[i].key, rows[i].kid, "{\"sub\":\"s\"}");
        CHECK_INT(rows[i].kid ? rows[i].kid : "no kid", check(keyring, text, &identity, &error), rows[i].code);
        free(text);
    }
    sk_keyring_free(keyring);
}

static void configurations_that_make_no_keyring(void)
{
    static const struct {
        const char *algorithm, *secret, *previous, *id, *id_previous, *bind;
        bool auth, good, open, unset;
    } rows[] = {
        {"HS256", "", "", "", "", "127.0.0.1", true, true, true, true},
        {"HS256", "", "", "", "", "::1", true, true, true, true},
        {"HS256", "", "", "", "", "0.0.0.0", true, false, false, false},
        {"HS256", "", "", "", "", "::", true, false, false, false},
        {"HS256", "", "", "", "", "128.0.0.1", true, false, false, false},
        {"HS256", "", "", "", "", "0.0.0.0", false, true, true, false},
        {"HS256", SECRET, "", "", "", "0.0.0.0", true, true, false, false},
        {"HS256", "too short", "", "", "", "127.0.0.1", true, false, false, false},
        {"HS256", SECRET, OTHER, "", "", "127.0.0.1", true, false, false, false},
        {"HS256", SECRET, OTHER, "a", "a", "127.0.0.1", true, false, false, false},
        {"HS256", SECRET, OTHER, "a", "b", "127.0.0.1", true, true, false, false},
        {"HS256", "", OTHER, "a", "b", "127.0.0.1", true, false, false, false},
        {"RS256", SECRET, "", "", "", "127.0.0.1", true, false, false, false},
        {"RS256", "", "", "", "", "127.0.0.1", true, false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_keyring *keyring = NULL;
        struct sk_error error = {.text = ""};
        struct sk_config config = keyring_config(rows[i].secret);
        config.jwt_algorithm = rows[i].algorithm;
        config.jwt_secret_previous = rows[i].previous;
        config.jwt_key_id = rows[i].id;
        config.jwt_key_id_previous = rows[i].id_previous;
        config.bind = rows[i].bind;
        config.auth = rows[i].auth;
        enum sk_code code = sk_keyring_open(&keyring, &config, &error);
        CHECK_INT(error.text, code, rows[i].good ? SK_OK : SK_VALIDATION_ERROR);
        CHECK("no secret in an error", !strstr(error.text, "0123") && !strstr(error.text, "too short"));
        if (keyring) {
            CHECK_INT("open", sk_keyring_is_open(keyring), rows[i].open);
            CHECK_INT("unset", sk_keyring_is_unset(keyring), rows[i].unset);
        }
        sk_keyring_free(keyring);
    }
}

static void identities_are_allowed_what_they_say(void)
{
    static const struct {
        unsigned scopes;
        const char *session, *participant;
        enum sk_scope wanted;
        const char *asked; /* NULL: no session */
        bool is_switch, allowed;
    } rows[] = {
        {0, "", "", SK_SCOPE_NONE, NULL, false, true},
        {0, "", "", SK_SCOPE_READ, "a", false, false},
        {SK_SCOPE_READ, "", "", SK_SCOPE_READ, "a", false, true},
        {SK_SCOPE_READ, "", "", SK_SCOPE_CONTROL, "a", true, false},
        {SK_SCOPE_CONTROL, "", "", SK_SCOPE_CONTROL, "a", true, true},
        {SK_SCOPE_CONTROL, "", "", SK_SCOPE_READ, "a", false, false},
        {SK_SCOPE_ADMIN, "", "", SK_SCOPE_CREATE, NULL, false, true},
        {SK_SCOPE_ADMIN, "a", "", SK_SCOPE_ADMIN, NULL, false, false},
        {SK_SCOPE_ADMIN, "a", "", SK_SCOPE_CONTROL, "b", false, false},
        {SK_SCOPE_ADMIN, "a", "", SK_SCOPE_CONTROL, "a", false, true},
        {SK_SCOPE_ADMIN, "a", "p", SK_SCOPE_CONTROL, "a", false, false},
        {SK_SCOPE_ADMIN, "a", "p", SK_SCOPE_CREATE, "a", false, false},
        {0, "a", "p", SK_SCOPE_CONTROL, "a", true, true},
        {0, "a", "p", SK_SCOPE_CONTROL, "b", true, false},
        {0, "a", "p", SK_SCOPE_READ, "a", false, true},
        {0, "a", "p", SK_SCOPE_READ, "b", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_identity identity = {.scopes = rows[i].scopes};
        char row[32];
        (void)snprintf(row, sizeof row, "row %zu", i);
        (void)snprintf(identity.session_id, sizeof identity.session_id, "%s", rows[i].session);
        (void)snprintf(identity.participant_id, sizeof identity.participant_id, "%s", rows[i].participant);
        CHECK_INT(row, sk_identity_allows(&identity, rows[i].wanted, rows[i].asked, rows[i].is_switch),
                  rows[i].allowed);
    }
}

static void origins_are_found_in_lists(void)
{
    static const char list[] = "https://a.example, http://b.example:8080";
    CHECK("first", sk_origin_allowed(list, "https://a.example"));
    CHECK("second, any case", sk_origin_allowed(list, "HTTP://B.example:8080"));
    CHECK("longer", !sk_origin_allowed(list, "https://a.example.evil"));
    CHECK("shorter", !sk_origin_allowed(list, "https://a"));
    CHECK("null", !sk_origin_allowed(list, "null"));
    CHECK("nothing", !sk_origin_allowed(list, "") && !sk_origin_allowed("", "https://a.example"));
    CHECK("all", sk_origin_allowed("*", "https://a.example"));
    CHECK("lists", sk_origin_list_valid(list) && sk_origin_list_valid("") && sk_origin_list_valid("*"));
    CHECK("no lists", !sk_origin_list_valid("a.example") && !sk_origin_list_valid("https://a/") &&
                          !sk_origin_list_valid("https://"));
}

void suite_token(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"claims decide", claims_decide},
        {"what a token says is read", what_a_token_says_is_read},
        {"rubbish is refused", rubbish_is_refused},
        {"every bit counts", every_bit_counts},
        {"public keys check and do not sign", public_keys_check_and_do_not_sign},
        {"of two keys one is named", of_two_keys_one_is_named},
        {"configurations that make no keyring", configurations_that_make_no_keyring},
        {"identities are allowed what they say", identities_are_allowed_what_they_say},
        {"origins are found in lists", origins_are_found_in_lists},
    };
    ADD_TESTS(suite, tests);
}
