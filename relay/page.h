/* Plain HTTP on the relay's port: the answers to requests that are no upgrade, and to upgrades while nobody is let in.
 * Pure: the head of a request and how the relay is go in, a whole answer comes out. */
#ifndef SK_RELAY_PAGE_H
#define SK_RELAY_PAGE_H

#include "common/buffer.h"

#include <stdbool.h>
#include <stddef.h>

struct sk_readings;

struct sk_page_facts {
    bool draining;
    bool turns_away;                    /* upgrades are answered with 503 */
    bool redis;                         /* both connections to Redis stand */
    bool metrics;                       /* who asks may read /metrics, unless it is on somebody else's behalf */
    const struct sk_readings *readings; /* for /metrics; NULL: Redis does not answer */
};

/* Appends the answer to the request with that head (to its empty line). It is the last one on its connection.
 * False: the request is an upgrade to be served, and nothing was appended. */
bool sk_page_answer(const char *head, size_t length, const struct sk_page_facts *facts, struct sk_buffer *out)
    __attribute__((warn_unused_result));

#endif
