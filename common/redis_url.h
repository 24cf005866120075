/* Where Redis is: the parsed REDIS_URL. */
#ifndef SK_COMMON_REDIS_URL_H
#define SK_COMMON_REDIS_URL_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

struct sk_redis_url {
    char host[256]; /* "" with a unix socket */
    int port;
    char path[108]; /* unix socket; "" with TCP */
    char user[128];
    char password[256];
    int db;
};

/* Parses redis://[[user]:password@]host[:port][/db] (host may be [::1]; user and password percent-encoded) or
 * unix:///path[?db=n]. SK_VALIDATION_ERROR otherwise; error never shows the password. */
enum sk_code sk_redis_url_parse(const char *text, struct sk_redis_url *url, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Appends nothing secret: "host:port/db" or "path/db" for logs. Returns out. */
const char *sk_redis_url_shown(const struct sk_redis_url *url, char *out, size_t bytes);

#endif
