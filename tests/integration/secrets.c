/* The list of what is secret in a test run. Owns nothing. */
#include "tests/integration/secrets.h"

#include "tests/integration/process.h"
#include "tests/integration/tokens.h"

#include <stdio.h>
#include <string.h>

/* Tokens ({" in base64url), and how the relay is given them; keys; passwords of a DATABASE_URL; the mark. */
static const char *const secrets[] = {"eyJ",        "token=",  "bearer.", "PRIVATE KEY",
                                      TOKEN_SECRET, "sec%ret", "sec/ret", SECRET_MARK};

static bool is_kept(const char *name, const char *bytes, size_t length, const char *secret)
{
    const char *found = memmem(bytes, length, secret, strlen(secret));
    if (!found) {
        return true;
    }
    const char *line = memrchr(bytes, '\n', (size_t)(found - bytes));
    size_t number = 1;
    line = line ? line + 1 : bytes;
    for (const char *at = bytes; at < line; at++) {
        number += *at == '\n';
    }
    const char *end = memchr(found, '\n', (size_t)(bytes + length - found));
    printf("    \"%s\" in %s:%zu: %.*s\n", secret, name, number, (int)((end ? end : bytes + length) - line), line);
    return false;
}

static bool keeps_secrets(const char *name, const char *bytes, size_t length)
{
    bool kept = true;
    for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
        kept = is_kept(name, bytes, length, secrets[i]) && kept;
    }
    return kept;
}

bool secrets_are_kept(void)
{
    return process_each_log(keeps_secrets);
}
