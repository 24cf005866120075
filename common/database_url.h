/* DATABASE_URL, looked at before anybody connects: libpq quotes what it does not understand, and what it does not
 * understand may be a part of a password. */
#ifndef SK_COMMON_DATABASE_URL_H
#define SK_COMMON_DATABASE_URL_H

#include "common/error.h"

/* SK_VALIDATION_ERROR: libpq cannot read it, or would take a piece of a password for a host, a port or a database. The
 * error's text holds nothing of it. Connects nowhere. */
enum sk_code sk_database_url_check(const char *url, struct sk_error *error) __attribute__((warn_unused_result));

#endif
