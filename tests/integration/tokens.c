/* Signing, HS256, and showing what was signed. Owns the tests' secret. */
#include "tests/integration/tokens.h"

#include "tests/integration/check.h"
#include "tests/integration/http.h"
#include "tests/integration/keep.h"
#include "tests/integration/ws_client.h"

#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *signed_token(const char *claims, long ttl_s)
{
    jwt_t *jwt = NULL;
    const char *json = json_quoted(claims);
    REQUIRE(jwt_new(&jwt) == 0 && jwt_add_grants_json(jwt, json) == 0 &&
            jwt_add_grant_int(jwt, "exp", (long)time(NULL) + ttl_s) == 0 &&
            jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)TOKEN_SECRET, (int)strlen(TOKEN_SECRET)) == 0);
    char *text = jwt_encode_str(jwt);
    jwt_free(jwt);
    return keep(text, free);
}

void expect_refusals(int port, const char *path, const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *token = signed_token(refusals[i].claims, refusals[i].ttl_s);
        struct ws_client *client = ws_open(port, kept_text("%s%s", path, token));
        REQUIRE(client != NULL);
        if (!EXPECT_INT(ws_close_code(client), refusals[i].code)) {
            printf(" (%s)", refusals[i].claims);
        }
        EXPECT_INT((int64_t)ws_count(client), 0);
    }
}
