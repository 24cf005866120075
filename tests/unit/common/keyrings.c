/* Configurations without surprises. Owns nothing. */
#include "tests/unit/common/keyrings.h"

struct sk_config keyring_config(const char *secret)
{
    return (struct sk_config){.auth = true,
                              .bind = "127.0.0.1",
                              .jwt_algorithm = "HS256",
                              .jwt_secret = secret,
                              .jwt_secret_previous = "",
                              .jwt_public_key_file = "",
                              .jwt_public_key_file_previous = "",
                              .jwt_key_id = "",
                              .jwt_key_id_previous = "",
                              .jwt_issuer = "",
                              .jwt_audience = ""};
}
