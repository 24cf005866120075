/* Tokens as a game server would sign them, for the services that a test starts with the key. */
#ifndef SK_TESTS_TOKENS_H
#define SK_TESTS_TOKENS_H

/* The key as an environment variable, and alone. */
#define TOKEN_KEY "JWT_SECRET=an integration test's own secret, 32 bytes or more"
#define TOKEN_SECRET (&TOKEN_KEY[sizeof "JWT_SECRET"])

/* A signed token of those claims (' for "), good for ttl_s; kept. */
const char *signed_token(const char *claims, long ttl_s);

#endif
