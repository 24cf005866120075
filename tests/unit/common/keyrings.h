/* The configurations that unit tests make keyrings of. */
#ifndef SK_TESTS_UNIT_COMMON_KEYRINGS_H
#define SK_TESTS_UNIT_COMMON_KEYRINGS_H

#include "common/config.h"

/* Tokens are asked for, signed with the secret (HS256); nothing else is set. secret: borrowed. */
struct sk_config keyring_config(const char *secret);

#endif
