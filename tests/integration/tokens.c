/* Signing, HS256. Owns the tests' secret; checks nothing. */
#include "tests/integration/tokens.h"

#include "tests/integration/check.h"
#include "tests/integration/http.h"
#include "tests/integration/keep.h"

#include <jwt.h>
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
