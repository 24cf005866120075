/* One scrape: asking Redis for what only Redis knows, and putting it behind what was counted. */
#include "common/scrape.h"

#include "common/keys.h"
#include "common/metrics.h"

#include <stdio.h>

#define LABEL_BYTES 32

/* What stands behind: the index's length, or the error that it was refused with. */
static enum sk_code read_length(const redisReply *reply, int64_t *length, struct sk_error *error)
{
    enum sk_code code = sk_redis_check(reply, error);
    if (!code && reply->type != REDIS_REPLY_INTEGER) {
        code = sk_fail(error, SK_INTERNAL_ERROR, "Redis answered with something else than a count");
    }
    *length = code ? 0 : reply->integer;
    return code;
}

static size_t queue_lengths(struct sk_redis *redis)
{
    size_t queued = 0;
    for (int status = 0; status < SK_STATUS_COUNT; status++) {
        struct sk_key index = sk_key_index((enum sk_status)status);
        if (index.length > 0) {
            sk_redis_queue(redis, "ZCARD %b", index.text, index.length);
            queued++;
        }
    }
    return queued;
}

static enum sk_code count_sessions(struct sk_redis *redis, int64_t sessions[SK_STATUS_COUNT], struct sk_error *error)
{
    redisReply *replies[SK_STATUS_COUNT] = {NULL};
    enum sk_code code = sk_redis_connect(redis, error);
    if (code) {
        return code;
    }
    size_t count = queue_lengths(redis);
    code = sk_redis_collect(redis, count, replies, error);
    for (size_t status = 0, next = 0; !code && status < SK_STATUS_COUNT; status++) {
        if (sk_key_index((enum sk_status)status).length > 0) {
            code = read_length(replies[next++], &sessions[status], error);
        }
    }
    sk_redis_replies_free(count, replies);
    return code;
}

enum sk_code sk_readings_take(struct sk_redis *redis, struct sk_readings *readings, struct sk_error *error)
{
    *readings = (struct sk_readings){0};
    enum sk_code code = count_sessions(redis, readings->sessions, error);
    return code ? code : sk_audit_queue_sizes(redis, &readings->queue, error);
}

static void write_sessions(struct sk_buffer *out, const int64_t sessions[SK_STATUS_COUNT])
{
    char labels[SK_STATUS_COUNT][LABEL_BYTES];
    struct sk_metric_reading list[SK_STATUS_COUNT];
    size_t count = 0;
    for (size_t status = 0; status < SK_STATUS_COUNT; status++) {
        if (sk_key_index((enum sk_status)status).length > 0) {
            (void)snprintf(labels[count], LABEL_BYTES, "status=\"%s\"", sk_status_name((enum sk_status)status));
            list[count] = (struct sk_metric_reading){labels[count], (double)sessions[status]};
            count++;
        }
    }
    sk_metrics_write_gauge(out, "synckairos_active_sessions", "Sessions that have not ended.", list, count);
}

static void write_queue(struct sk_buffer *out, const struct sk_audit_sizes *sizes)
{
    const struct sk_metric_reading counts[] = {{"status=\"waiting\"", (double)sizes->waiting},
                                               {"status=\"active\"", (double)sizes->active},
                                               {"status=\"completed\"", (double)sizes->completed},
                                               {"status=\"failed\"", (double)sizes->failed},
                                               {"status=\"delayed\"", (double)sizes->delayed}};
    const struct sk_metric_reading age = {"", (double)sizes->oldest_ms / 1e3};
    sk_metrics_write_gauge(out, "synckairos_db_write_queue_size", "Audit events on their way to PostgreSQL.", counts,
                           sizeof counts / sizeof counts[0]);
    sk_metrics_write_gauge(out, "synckairos_db_write_queue_age_seconds",
                           "Age of the oldest audit event that PostgreSQL does not have yet.", &age, 1);
}

void sk_scrape_write(struct sk_buffer *out, const struct sk_readings *readings)
{
    sk_metrics_write(out);
    if (readings) {
        write_sessions(out, readings->sessions);
        write_queue(out, &readings->queue);
    }
}
