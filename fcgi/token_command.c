/* Makes tokens. Owns nothing; the service itself only ever checks them (common/token.c). */
#include "fcgi/token_command.h"

#include "common/token_claims.h"

#include <errno.h>
#include <fcntl.h>
#include <jwt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define TTL_STANDARD_S 3600
#define TTL_MAX_S (366L * 24 * 3600)
#define KEY_FILE_MAX 65536

struct wish {
    const char *sub;
    const char *scope;
    const char *session;
    const char *participant;
    const char *ttl;
    const char *aud;
    const char *key;
};

static const struct {
    const char *name;
    size_t offset;
} options[] = {
    {"--sub", offsetof(struct wish, sub)},         {"--scope", offsetof(struct wish, scope)},
    {"--session", offsetof(struct wish, session)}, {"--participant", offsetof(struct wish, participant)},
    {"--ttl", offsetof(struct wish, ttl)},         {"--aud", offsetof(struct wish, aud)},
    {"--key", offsetof(struct wish, key)},
};

void sk_token_command_usage(FILE *out)
{
    (void)fputs("usage: synckairos-api token --sub NAME [--scope \"SCOPE …\"] [--session ID [--participant ID]]\n"
                "                            [--ttl SECONDS] [--aud AUDIENCE] [--key FILE]\n"
                "\n"
                "Prints a token for trying out, signed as JWT_ALGORITHM says: with JWT_SECRET, or with the private\n"
                "key in FILE (PEM). It bears JWT_ISSUER, JWT_AUDIENCE and JWT_KEY_ID where they are set, and is good\n"
                "for an hour unless --ttl says otherwise. Scopes: sessions:create, sessions:read, sessions:control,\n"
                "admin. With --participant it is good for reading the session and switching away from them.\n",
                out);
}

static int complain(const char *why, const char *what)
{
    (void)fprintf(stderr, "synckairos-api token: %s%s\n", why, what);
    return EXIT_USAGE;
}

/* Reads name and value in turn. */
static int read_arguments(int count, char **arguments, struct wish *wish)
{
    for (int i = 0; i < count; i += 2) {
        const char **place = NULL;
        for (size_t j = 0; j < sizeof options / sizeof options[0]; j++) {
            if (strcmp(arguments[i], options[j].name) == 0) {
                place = (const char **)((char *)wish + options[j].offset);
            }
        }
        if (!place) {
            return complain("there is no option ", arguments[i]);
        }
        if (i + 1 >= count) {
            return complain("a value is missing for ", arguments[i]);
        }
        *place = arguments[i + 1];
    }
    return 0;
}

static bool scopes_known(const char *text)
{
    while (*text) {
        size_t length = strcspn(text, " ");
        if (length > 0 && sk_scope_of(text, length) == SK_SCOPE_NONE) {
            return false;
        }
        text += length;
        text += strspn(text, " ");
    }
    return true;
}

static bool is_id(const char *text)
{
    return !text || sk_id_valid(text, strlen(text));
}

static int check(const struct wish *wish, long *ttl_s)
{
    char *end = NULL;
    errno = 0;
    *ttl_s = wish->ttl ? strtol(wish->ttl, &end, 10) : TTL_STANDARD_S;
    if ((wish->ttl && (errno != 0 || end == wish->ttl || *end)) || *ttl_s < 1 || *ttl_s > TTL_MAX_S) {
        return complain("--ttl takes 1 to 31622400 seconds", "");
    }
    if (!wish->sub || !wish->sub[0] || strlen(wish->sub) >= SK_SUBJECT_BYTES) {
        return complain("--sub is needed: 1 to 128 bytes", "");
    }
    if (wish->scope && !scopes_known(wish->scope)) {
        return complain("--scope takes sessions:create, sessions:read, sessions:control, admin; not ", wish->scope);
    }
    if (!is_id(wish->session) || !is_id(wish->participant)) {
        return complain("--session and --participant take ids: 1 to 64 of A-Z, a-z, 0-9, _ . : -", "");
    }
    if (wish->participant && !wish->session) {
        return complain("--participant needs --session", "");
    }
    if (!wish->scope && !wish->participant) {
        return complain("--scope is needed, or --participant", "");
    }
    return 0;
}

static bool add_text(jwt_t *jwt, const char *name, const char *value)
{
    return !value || !value[0] || jwt_add_grant(jwt, name, value) == 0;
}

static bool fill(jwt_t *jwt, const struct wish *wish, const struct sk_config *config, long ttl_s)
{
    long now_s = (long)time(NULL);
    const char *aud = wish->aud ? wish->aud : config->jwt_audience;
    bool named = !config->jwt_key_id[0] || jwt_add_header(jwt, "kid", config->jwt_key_id) == 0;
    return named && add_text(jwt, "sub", wish->sub) && add_text(jwt, "scope", wish->scope) &&
           add_text(jwt, "session", wish->session) && add_text(jwt, "participant", wish->participant) &&
           add_text(jwt, "aud", aud) && add_text(jwt, "iss", config->jwt_issuer) &&
           jwt_add_grant_int(jwt, "iat", now_s) == 0 && jwt_add_grant_int(jwt, "exp", now_s + ttl_s) == 0;
}

/* Reads the signing key; its length, or 0. key has KEY_FILE_MAX bytes and is NUL-terminated. */
static size_t read_key(const struct wish *wish, const struct sk_config *config, char *key)
{
    if (!wish->key) {
        int length = snprintf(key, KEY_FILE_MAX, "%s", config->jwt_secret);
        return length > 0 && length < KEY_FILE_MAX ? (size_t)length : 0;
    }
    int fd = open(wish->key, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, key, KEY_FILE_MAX - 1) : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    length = length > 0 ? length : 0;
    key[length] = '\0';
    return (size_t)length;
}

static bool print(jwt_t *jwt, const struct wish *wish, const struct sk_config *config, long ttl_s)
{
    char key[KEY_FILE_MAX];
    size_t length = read_key(wish, config, key);
    bool good = length > 0 && fill(jwt, wish, config, ttl_s) &&
                jwt_set_alg(jwt, jwt_str_alg(config->jwt_algorithm), (const unsigned char *)key, (int)length) == 0;
    char *text = good ? jwt_encode_str(jwt) : NULL;
    explicit_bzero(key, sizeof key);
    if (text) {
        (void)puts(text);
    }
    good = text != NULL;
    free(text);
    return good;
}

int sk_token_command(int count, char **arguments)
{
    struct sk_config config;
    struct sk_error error;
    struct wish wish = {0};
    long ttl_s = 0;
    jwt_t *jwt = NULL;
    if (read_arguments(count, arguments, &wish) != 0 || check(&wish, &ttl_s) != 0) {
        return EXIT_USAGE;
    }
    if (sk_config_load(&config, SK_PROGRAM_API, &error) != SK_OK) {
        (void)complain("", error.text);
        return EXIT_FAILURE;
    }
    bool symmetric = strcmp(config.jwt_algorithm, "HS256") == 0;
    if (symmetric ? wish.key || !config.jwt_secret[0] : !wish.key) {
        (void)complain(symmetric ? "for HS256, set JWT_SECRET, and give no --key"
                                 : "for RS256 and ES256, give the private key with --key",
                       "");
        return EXIT_FAILURE;
    }
    bool printed = jwt_new(&jwt) == 0 && print(jwt, &wish, &config, ttl_s);
    jwt_free(jwt);
    if (!printed) {
        (void)complain("the key cannot be read, or cannot sign with ", config.jwt_algorithm);
    }
    return printed ? EXIT_SUCCESS : EXIT_FAILURE;
}
