/* The terms that a request brings along: its allowances, If-Match, and the key that makes it safe to repeat.
 * The counting and checking is the store's (common/terms.h). */
#ifndef SK_FCGI_LIMITS_H
#define SK_FCGI_LIMITS_H

#include "fcgi/api.h"
#include "fcgi/router.h"

/* Counts the request for whoever it is from: a token, or without a good one an address. Also what is refused counts. */
void sk_limits_count(struct api *api, const struct request *request, const struct route *route);

/* Fills the rest of api->terms from the request's headers; on failure (a key that cannot be one) the answer is given.
 */
bool sk_limits_open(struct api *api, const struct request *request, const struct route *route, struct reply *reply);

/* Takes the fingerprint of a request that bears a key; its body has been read. */
void sk_limits_fingerprint(struct api *api, const struct request *request);

/* After the answer: draws on the allowances if nothing on the way did (a request refused before it reached the store
 * counts, too), replaces the answer where one is used up, and writes what is left into the headers. */
void sk_limits_close(struct api *api, struct reply *reply);

#endif
