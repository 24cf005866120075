/* What only Redis knows of sessions and of the audit trail (scrape.h), asked for every few seconds, so that a scrape of
 * the relay tells what one of the API does and waits for nothing. */
#ifndef SK_RELAY_READINGS_H
#define SK_RELAY_READINGS_H

#include "common/scrape.h"
#include "relay/redis_link.h"

#include <stdbool.h>
#include <stdint.h>

#define SK_RELAY_READINGS_MS 5000

struct sk_relay_readings {
    struct sk_readings last;
    bool known;     /* last is what Redis answered, and it still answers */
    bool asked;     /* an answer is awaited */
    int64_t due_us; /* when to ask again */
};

/* Asks where it is time to; some times a second. link is borrowed until the answer has come. */
void sk_relay_readings_tick(struct sk_relay_readings *readings, struct sk_redis_link *link, int64_t now_us);

/* NULL: Redis does not answer. */
const struct sk_readings *sk_relay_readings_last(const struct sk_relay_readings *readings);

#endif
