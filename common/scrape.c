/* One scrape: asking Redis for what only Redis knows, and putting it behind what was counted. */
#include "common/scrape.h"

#include "common/keys.h"
#include "common/metrics.h"

#include <stdio.h>
#include <string.h>

#define LABEL_BYTES 32

enum { KEY_COUNT = 2, FIRST_KEY = 3 }; /* EVAL script key_count key … */

static void put(struct sk_readings_query *query, const char *arg)
{
    query->args[query->count] = arg;
    query->lengths[query->count] = strlen(arg);
    query->count++;
}

void sk_readings_ask(struct sk_readings_query *query)
{
    query->count = 0;
    put(query, "EVAL");
    put(query, sk_audit_sizes_script);
    put(query, query->key_count);
    for (size_t i = 0; i < SK_AUDIT_SIZES_KEYS; i++) {
        put(query, sk_audit_sizes_keys[i]);
    }
    for (int status = 0; status < SK_STATUS_COUNT; status++) {
        query->indexes[status] = sk_key_index((enum sk_status)status);
        if (query->indexes[status].length > 0) {
            put(query, query->indexes[status].text);
        }
    }
    (void)snprintf(query->key_count, sizeof query->key_count, "%zu", query->count - FIRST_KEY);
    query->lengths[KEY_COUNT] = strlen(query->key_count);
}

/* The lengths of the indexes, in the order in which they were asked for. */
static enum sk_code read_sessions(const redisReply *reply, int64_t sessions[SK_STATUS_COUNT], struct sk_error *error)
{
    size_t next = SK_AUDIT_SIZES_REPLIES;
    for (int status = 0; status < SK_STATUS_COUNT; status++) {
        sessions[status] = 0;
        if (sk_key_index((enum sk_status)status).length == 0) {
            continue;
        }
        if (next >= reply->elements || reply->element[next]->type != REDIS_REPLY_INTEGER) {
            return sk_fail(error, SK_INTERNAL_ERROR, "Redis answered with something else than a count");
        }
        sessions[status] = reply->element[next++]->integer;
    }
    return SK_OK;
}

enum sk_code sk_readings_read(const redisReply *reply, struct sk_readings *readings, struct sk_error *error)
{
    enum sk_code code = sk_audit_sizes_read(reply, &readings->queue, error);
    return code ? code : read_sessions(reply, readings->sessions, error);
}

enum sk_code sk_readings_take(struct sk_redis *redis, struct sk_readings *readings, struct sk_error *error)
{
    struct sk_readings_query query;
    sk_readings_ask(&query);
    sk_redis_intend(redis, SK_REDIS_AUDIT);
    redisReply *reply = sk_redis_command_args(redis, error, query.count, query.args, query.lengths);
    enum sk_code code = reply ? sk_readings_read(reply, readings, error) : error->code;
    freeReplyObject(reply);
    return code;
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
