/* Tokens as a game server would sign them, for the services that a test starts with the key, and who is refused for
 * what stands in them. */
#ifndef SK_TESTS_TOKENS_H
#define SK_TESTS_TOKENS_H

#include <stddef.h>

/* The key as an environment variable, and alone. */
#define TOKEN_KEY "JWT_SECRET=an integration test's own secret, 32 bytes or more"
#define TOKEN_SECRET (&TOKEN_KEY[sizeof "JWT_SECRET"])

/* A signed token of those claims (' for "), good for ttl_s; kept. */
const char *signed_token(const char *claims, long ttl_s);

/* A token, as above, for which a relay closes a connection with the code. */
struct refusal {
    const char *claims;
    long ttl_s;
    int code;
};

/* A relay on port closes each connection so, and says nothing before. path: what the token comes behind. */
void expect_refusals(int port, const char *path, const struct refusal *refusals, size_t count);

#endif
