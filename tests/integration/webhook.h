/* A receiver of alerts: a little HTTP server on a free port of the loopback, in a thread of the test. */
#ifndef SK_TESTS_WEBHOOK_H
#define SK_TESTS_WEBHOOK_H

#include <jansson.h>
#include <stddef.h>

enum webhook_manner {
    WEBHOOK_TAKES,     /* answers 204 */
    WEBHOOK_REFUSES,   /* answers 500 */
    WEBHOOK_REDIRECTS, /* answers 302, to itself */
    WEBHOOK_GOES_ON,   /* answers 200, with a body that never ends */
    WEBHOOK_IS_MUTE    /* reads, and never answers */
};

struct webhook;

/* Ends with the test. */
struct webhook *webhook_start(enum webhook_manner manner);

/* Where it listens, with a secret in the path; kept until the test is over. */
const char *webhook_url(const struct webhook *webhook);

/* How many requests have come, and the body of one of them in order of arrival; NULL where that is no JSON of a POST,
 * borrowed until the test is over. */
size_t webhook_count(struct webhook *webhook);
json_t *webhook_body(struct webhook *webhook, size_t number);

/* How many of them told of that kind; *last (may be NULL) is the last of those, NULL if there is none. */
size_t webhook_told(struct webhook *webhook, const char *kind, json_t **last);

#endif
