/* Web origins (RFC 6454): whose pages may talk to the service. */
#ifndef SK_COMMON_ORIGIN_H
#define SK_COMMON_ORIGIN_H

#include <stdbool.h>

/* Whether list, of origins separated by blanks or commas, holds origin ("https://game.example"), or a "*" for all.
 * An empty list holds none. Scheme and host are compared without regard to case. */
bool sk_origin_allowed(const char *list, const char *origin);

/* Whether list can be one: each entry is "*" or scheme://host[:port], nothing behind it. An empty list can. */
bool sk_origin_list_valid(const char *list);

#endif
