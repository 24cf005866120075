/* The query of a request (RFC 3986 §3.4), read strictly as name=value pairs (application/x-www-form-urlencoded: &
 * between them, + for a space, percent-encoding). What a value means is its reader's business. */
#ifndef SK_FCGI_QUERY_H
#define SK_FCGI_QUERY_H

#include "common/problems.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_QUERY_VALUE_BYTES 128

/* A parameter that a route takes: the caller gives its name, the reader the rest. */
struct query_value {
    const char *name; /* borrowed */
    bool given;
    char text[SK_QUERY_VALUE_BYTES]; /* decoded; "" where it is not given */
};

/* Reads a query into the parameters that the route takes. A problem for each name that is none of them, that stands
 * twice, and for each value that is too long or no text. */
void sk_query_read(const char *query, struct query_value *values, size_t count, struct sk_problems *problems);

/* The value as a number from min to max, in decimal digits and nothing else. *out is untouched where it is not given;
 * a problem, where it is wrong. */
void sk_query_int(const struct query_value *value, int64_t min, int64_t max, int64_t *out,
                  struct sk_problems *problems);

#endif
