/* Time, health, readiness, metrics. Owns nothing; touches no session. */
#include "fcgi/service.h"

#include "common/json_writer.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/scrape.h"
#include "common/version.h"
#include "fcgi/api.h"

void sk_service_time(struct api *api, const struct request *request, struct reply *reply)
{
    (void)request;
    struct sk_error error;
    int64_t now_ms = 0;
    if (sk_store_time(api->store, SK_TIME_MAX_AGE_MS, &now_ms, &error) != SK_OK) {
        sk_reply_error(reply, &error);
        return;
    }
    struct sk_json_writer writer = {.out = sk_reply_body(reply, 200, SK_TYPE_JSON)};
    sk_json_object(&writer, NULL);
    sk_json_int(&writer, "timestamp_ms", now_ms);
    sk_json_iso(&writer, "server_time", now_ms);
    sk_json_string(&writer, "server_version", SK_VERSION);
    sk_json_int(&writer, "drift_tolerance_ms", SK_DRIFT_TOLERANCE_MS);
    sk_json_object_end(&writer);
}

void sk_service_health(struct api *api, const struct request *request, struct reply *reply)
{
    (void)api;
    (void)request;
    struct sk_json_writer writer = {.out = sk_reply_body(reply, 200, SK_TYPE_JSON)};
    sk_json_object(&writer, NULL);
    sk_json_string(&writer, "status", "ok");
    sk_json_object_end(&writer);
}

/* Redis decides. Without PostgreSQL the service works on, and its events wait in Redis. */
void sk_service_ready(struct api *api, const struct request *request, struct reply *reply)
{
    (void)request;
    struct sk_error error;
    bool redis = sk_store_ping(api->store, &error) == SK_OK;
    bool postgres = sk_archive_reachable(&api->archive);
    struct sk_json_writer writer = {.out = sk_reply_body(reply, redis ? 200 : 503, SK_TYPE_JSON)};
    reply->retry_after_s = redis ? 0 : 1;
    if (!redis) {
        reply->error = error;
    }
    sk_json_object(&writer, NULL);
    sk_json_string(&writer, "status", redis ? "ready" : "unavailable");
    sk_json_object(&writer, "checks");
    sk_json_string(&writer, "redis", redis ? "ok" : "unavailable");
    sk_json_string(&writer, "postgres", postgres ? "ok" : "degraded");
    sk_json_object_end(&writer);
    sk_json_object_end(&writer);
}

/* What is in Redis is asked at the scrape; the counters are told without Redis too. */
void sk_service_metrics(struct api *api, const struct request *request, struct reply *reply)
{
    struct sk_error error;
    struct sk_readings readings;
    bool measured = sk_readings_take(sk_store_redis(api->store), &readings, &error) == SK_OK;
    if (!measured) {
        sk_log(SK_LOG_DEBUG, "Redis not measured", SK_S("request_id", request->request_id), SK_S("error", error.text));
    }
    sk_scrape_write(sk_reply_body(reply, 200, SK_METRICS_TYPE), measured ? &readings : NULL);
}
