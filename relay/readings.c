/* Asking, and keeping the answer. Owns nothing else. */
#include "relay/readings.h"

#include "common/log.h"

static void on_answer(void *context, const redisReply *reply)
{
    struct sk_relay_readings *readings = context;
    struct sk_error error = {SK_OK, "the connection is gone"};
    readings->asked = false;
    readings->known = reply != NULL && sk_readings_read(reply, &readings->last, &error) == SK_OK;
    if (!readings->known) {
        sk_log(SK_LOG_DEBUG, "queue and sessions not measured", SK_S("error", error.text));
    }
}

void sk_relay_readings_tick(struct sk_relay_readings *readings, struct sk_redis_link *link, int64_t now_us)
{
    if (!sk_redis_link_ready(link)) {
        readings->known = false;
        return;
    }
    if (readings->asked || now_us < readings->due_us) {
        return;
    }
    struct sk_readings_query query;
    sk_readings_ask(&query);
    readings->due_us = now_us + INT64_C(1000) * SK_RELAY_READINGS_MS;
    readings->asked = sk_redis_link_command(link, on_answer, readings, (int)query.count, query.args, query.lengths);
}

const struct sk_readings *sk_relay_readings_last(const struct sk_relay_readings *readings)
{
    return readings->known ? &readings->last : NULL;
}
