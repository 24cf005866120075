/* What one scrape of /metrics tells, whoever answers it: what all processes of the host have counted, and what is only
 * in Redis, measured at the scrape: how many sessions there are, and how much of the audit trail waits. */
#ifndef SK_COMMON_SCRAPE_H
#define SK_COMMON_SCRAPE_H

#include "common/audit_queue.h"
#include "common/buffer.h"
#include "common/error.h"
#include "common/keys.h"
#include "common/redis.h"
#include "common/session.h"

#include <stdint.h>

struct sk_readings {
    int64_t sessions[SK_STATUS_COUNT]; /* kept in Redis, by status */
    struct sk_audit_sizes queue;
};

/* The command whose reply they are, for who asks Redis by other means than sk_redis: EVAL, its script and keys. Points
 * into itself: not to be copied. */
struct sk_readings_query {
    const char *args[3 + SK_AUDIT_SIZES_KEYS + SK_STATUS_COUNT];
    size_t lengths[3 + SK_AUDIT_SIZES_KEYS + SK_STATUS_COUNT];
    size_t count;
    char key_count[8];
    struct sk_key indexes[SK_STATUS_COUNT];
};
void sk_readings_ask(struct sk_readings_query *query);

/* Reads that reply. On an error readings is unusable. */
enum sk_code sk_readings_read(const redisReply *reply, struct sk_readings *readings, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Asks Redis; blocks for its timeout at most. On an error readings is unusable. */
enum sk_code sk_readings_take(struct sk_redis *redis, struct sk_readings *readings, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Appends the whole exposition, in Prometheus text format 0.0.4. readings: NULL where Redis did not answer; its gauges
 * are left out then. */
void sk_scrape_write(struct sk_buffer *out, const struct sk_readings *readings);

#endif
