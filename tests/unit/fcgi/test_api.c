/* Whole requests through the API, without a web server and with a Redis that is not there. */
#include "common/metrics.h"
#include "fcgi/api.h"
#include "tests/unit/check.h"
#include "tests/unit/common/keyrings.h"
#include "tests/unit/fcgi/memory_source.h"
#include "tests/unit/suites.h"

#include <CUnit/CUnit.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define NOWHERE "unix:///nonexistent/redis.sock"

struct asked {
    const char *method;
    const char *target;
    const char *body; /* NULL: none */
    int status;
    const char *says; /* somewhere in the body */
};

/* Opens an API whose stores cannot be reached. */
static void open_api(struct api *api, struct sk_config *config)
{
    struct sk_error error;
    struct sk_redis_url redis;
    sk_log_open("unit", SK_LOG_LEVEL_COUNT); /* nothing: failures are what is wanted here */
    *config = (struct sk_config){
        .redis_timeout_ms = 200, .session_ttl_s = 3600, .database_url = "host=/nonexistent dbname=x"};
    CU_ASSERT_EQUAL_FATAL(sk_redis_url_parse(NOWHERE, &redis, &error), SK_OK);
    CU_ASSERT_EQUAL_FATAL(sk_api_open(api, config, &redis, &error), SK_OK);
}

static void ask(struct api *api, const struct asked *row, struct reply *reply)
{
    struct memory_source memory = {.variables = {{"REQUEST_METHOD", row->method},
                                                 {"REQUEST_URI", row->target},
                                                 {"CONTENT_TYPE", row->body ? "application/json" : NULL}},
                                   .body = row->body,
                                   .body_length = row->body ? strlen(row->body) : 0};
    struct request request;
    sk_request_open(&request, memory_source_ready(&memory));
    sk_reply_open(reply);
    sk_api_handle(api, &request, reply);
    sk_request_close(&request);
}

/* Strictly: valid UTF-8, nothing behind the end. */
static bool is_json(const struct reply *reply)
{
    json_t *body = json_loadb(sk_buffer_text(&reply->body), reply->body.length, JSON_REJECT_DUPLICATES, NULL);
    json_decref(body);
    return body != NULL;
}

static void check_rows(const struct asked *rows, size_t count)
{
    struct api api;
    struct sk_config config;
    open_api(&api, &config);
    for (size_t i = 0; i < count; i++) {
        struct reply reply;
        ask(&api, &rows[i], &reply);
        const char *body = sk_buffer_text(&reply.body);
        CHECK_INT(rows[i].target, reply.status, rows[i].status);
        CHECK(body, strstr(body, rows[i].says));
        CHECK(body, is_json(&reply) || strcmp(rows[i].target, "/metrics") == 0);
        sk_reply_clear(&reply);
    }
    sk_api_close(&api);
}

static void requests_that_make_no_sense_are_refused(void)
{
    static const struct asked rows[] = {
        {"GET", "/", NULL, 404, "NOT_FOUND"},
        {"GET", "/v2/time", NULL, 404, "NOT_FOUND"},
        {"OPTIONS", "/nowhere", NULL, 404, "NOT_FOUND"},
        {"PUT", "/v1/time", NULL, 405, "METHOD_NOT_ALLOWED"},
        {"GET", "/v1/sessions/a/start", NULL, 405, "METHOD_NOT_ALLOWED"},
        {"", "", NULL, 404, "NOT_FOUND"},
        {"GET", "/v1/sessions/a%20b", NULL, 400, "\"field\":\"session_id\""},
        {"GET", "/v1/sessions/a%00b", NULL, 400, "\"field\":\"session_id\""},
        {"DELETE", "/v1/sessions/a%2Fb", NULL, 400, "\"field\":\"session_id\""},
        {"POST", "/v1/sessions/%E2%82%AC/start", NULL, 400, "\"field\":\"session_id\""},
        {"GET", "/v1/sessions/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, 400,
         "session_id"},
        {"POST", "/v1/sessions", "{", 400, "INVALID_JSON"},
        {"POST", "/v1/sessions", "[]", 400, "INVALID_JSON"},
        {"POST", "/v1/sessions", "{\"a\":\"\xff\"}", 400, "INVALID_JSON"},
        {"POST", "/v1/sessions", "{\"a\":\xe2\x82", 400, "INVALID_JSON"},
        {"POST", "/v1/sessions", "{\"\xe2\x82\xac\":\x01\"}", 400, "INVALID_JSON"},
        {"POST", "/v1/sessions", "{\"a\":1,\"a\":2}", 400, "INVALID_JSON"},
        {"POST", "/v1/sessions", "{\"sync_mode\":\"sundial\"}", 400, "VALIDATION_ERROR"},
        {"POST", "/v1/sessions/a/switch", "{\"current_cycle_number\":\"1\"}", 400, "current_cycle_number"},
        {"POST", "/v1/sessions/a/pause", "{\"why\":1}", 400, "why"},
        {"POST", "/v1/sessions/a/participants", NULL, 400, "\"field\":\"participant_id\""},
        {"PATCH", "/v1/sessions/a/participants/b", "{}", 400, "\"field\":\"total_time_ms\""},
        {"PATCH", "/v1/sessions/a/participants/b%20", "{\"delta_ms\":1}", 400, "\"field\":\"participant_id\""},
        {"GET", "/v1/sessions?limit=0", NULL, 400, "\"field\":\"limit\""},
        {"GET", "/v1/sessions?%ff=0", NULL, 400, "VALIDATION_ERROR"},
        {"GET", "/v1/sessions/a/events?after=1", NULL, 400, "\"field\":\"after\""},
    };
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void all_problems_are_reported_at_once(void)
{
    static const struct asked rows[] = {
        {"POST", "/v1/sessions", "{\"sync_mode\":\"sundial\",\"colour\":1}", 400, "\"field\":\"sync_mode\""},
        {"POST", "/v1/sessions", "{\"sync_mode\":\"sundial\",\"colour\":1}", 400, "\"field\":\"colour\""},
    };
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void without_redis_the_code_says_so(void)
{
    static const char chess[] = "{\"sync_mode\":\"per_participant\",\"total_time_ms\":60000,\"participants\":["
                                "{\"participant_id\":\"w\",\"participant_index\":0},"
                                "{\"participant_id\":\"b\",\"participant_index\":1}]}";
    static const struct asked rows[] = {
        {"POST", "/v1/sessions", chess, 503, "STATE_STORE_UNAVAILABLE"},
        {"GET", "/v1/sessions/a", NULL, 503, "STATE_STORE_UNAVAILABLE"},
        {"HEAD", "/v1/sessions/a", NULL, 503, "STATE_STORE_UNAVAILABLE"},
        {"DELETE", "/v1/sessions/a", NULL, 503, "STATE_STORE_UNAVAILABLE"},
        {"POST", "/v1/sessions/a/start", NULL, 503, "STATE_STORE_UNAVAILABLE"},
        {"POST", "/v1/sessions/a/switch", "{}", 503, "STATE_STORE_UNAVAILABLE"},
        {"POST", "/v1/sessions/a/pause", NULL, 503, "STATE_STORE_UNAVAILABLE"},
        {"POST", "/v1/sessions/a/resume", NULL, 503, "STATE_STORE_UNAVAILABLE"},
        {"POST", "/v1/sessions/a/complete", NULL, 503, "STATE_STORE_UNAVAILABLE"},
        {"POST", "/v1/sessions/a/cancel", NULL, 503, "STATE_STORE_UNAVAILABLE"},
        {"POST", "/v1/sessions/a/participants", "{\"participant_id\":\"b\"}", 503, "STATE_STORE_UNAVAILABLE"},
        {"PATCH", "/v1/sessions/a/participants/b", "{\"delta_ms\":1}", 503, "STATE_STORE_UNAVAILABLE"},
        {"DELETE", "/v1/sessions/a/participants/b", NULL, 503, "STATE_STORE_UNAVAILABLE"},
        {"GET", "/v1/sessions", NULL, 503, "STATE_STORE_UNAVAILABLE"},
        {"GET", "/v1/sessions/a/events", NULL, 503, "STATE_STORE_UNAVAILABLE"},
        {"GET", "/v1/time", NULL, 503, "STATE_STORE_UNAVAILABLE"},
        {"GET", "/ready", NULL, 503, "\"checks\":{\"redis\":\"unavailable\",\"postgres\":\"degraded\"}"},
        {"GET", "/health", NULL, 200, "{\"status\":\"ok\"}"},
        {"GET", "/metrics", NULL, 200, "synckairos_http_requests_total"},
    };
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void a_refusal_bears_what_helps_to_go_on(void)
{
    struct api api;
    struct sk_config config;
    struct reply reply;
    open_api(&api, &config);
    ask(&api, &(struct asked){.method = "PUT", .target = "/v1/sessions/a"}, &reply);
    CU_ASSERT_STRING_EQUAL(reply.allow, "GET, HEAD, DELETE, OPTIONS");
    sk_reply_clear(&reply);
    ask(&api, &(struct asked){.method = "OPTIONS", .target = "/v1/time"}, &reply);
    CU_ASSERT_EQUAL(reply.status, 204);
    CU_ASSERT_STRING_EQUAL(reply.allow, "GET, HEAD, OPTIONS");
    CU_ASSERT_PTR_NULL(reply.content_type);
    sk_reply_clear(&reply);
    ask(&api, &(struct asked){.method = "GET", .target = "/v1/time"}, &reply);
    CU_ASSERT_EQUAL(reply.retry_after_s, 1);
    sk_reply_clear(&reply);
    sk_api_close(&api);
}

/* How often a series was counted; 0 where there is none. */
static int64_t counted(const char *series)
{
    struct sk_buffer out = {0};
    sk_metrics_write(&out);
    const char *at = strstr(sk_buffer_text(&out), series);
    int64_t count = at ? strtoll(at + strlen(series), NULL, 10) : 0;
    sk_buffer_clear(&out);
    return count;
}

static void refused_tokens_are_counted_by_reason(void)
{
    static const struct {
        const char *authorization;
        const char *series;
    } rows[] = {
        {NULL, "synckairos_auth_failures_total{reason=\"missing\"} "},
        {"Basic YTpi", "synckairos_auth_failures_total{reason=\"missing\"} "},
        {"Bearer nonsense", "synckairos_auth_failures_total{reason=\"malformed\"} "},
        {"Bearer eyJhbGciOiJub25lIn0.e30.AAAA", "synckairos_auth_failures_total{reason=\"signature\"} "},
    };
    struct api api;
    struct sk_error error;
    struct sk_redis_url redis;
    struct sk_config config = keyring_config("a unit test's own secret of 32 bytes or more");
    CU_ASSERT_EQUAL_FATAL(sk_redis_url_parse(NOWHERE, &redis, &error), SK_OK);
    CU_ASSERT_EQUAL_FATAL(sk_api_open(&api, &config, &redis, &error), SK_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct memory_source memory = {.variables = {{"REQUEST_METHOD", "GET"},
                                                     {"REQUEST_URI", "/v1/sessions/a"},
                                                     {"HTTP_AUTHORIZATION", rows[i].authorization}}};
        struct request request;
        struct reply reply;
        int64_t before = counted(rows[i].series);
        sk_request_open(&request, memory_source_ready(&memory));
        sk_reply_open(&reply);
        sk_api_handle(&api, &request, &reply);
        CHECK_INT(rows[i].series, reply.status, 401);
        CHECK_INT(rows[i].series, counted(rows[i].series) - before, 1);
        sk_reply_clear(&reply);
        sk_request_close(&request);
    }
    sk_api_close(&api);
}

static void requests_are_counted_by_template(void)
{
    struct api api;
    struct sk_config config;
    struct reply reply;
    open_api(&api, &config);
    ask(&api, &(struct asked){.method = "BREW", .target = "/v1/sessions/tea"}, &reply);
    sk_reply_clear(&reply);
    ask(&api, &(struct asked){.method = "GET", .target = "/tea"}, &reply);
    sk_reply_clear(&reply);
    ask(&api, &(struct asked){.method = "GET", .target = "/metrics"}, &reply);
    const char *text = sk_buffer_text(&reply.body);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "{method=\"other\",route=\"/v1/sessions/{id}\",status=\"405\"}"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "{method=\"GET\",route=\"other\",status=\"404\"}"));
    CU_ASSERT_PTR_NULL(strstr(text, "tea"));
    CU_ASSERT_PTR_NULL(strstr(text, "synckairos_db_write_queue_size"));
    CU_ASSERT_STRING_EQUAL(reply.content_type, SK_METRICS_TYPE);
    sk_reply_clear(&reply);
    sk_api_close(&api);
}

void suite_fcgi_api(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"requests that make no sense are refused", requests_that_make_no_sense_are_refused},
        {"all problems are reported at once", all_problems_are_reported_at_once},
        {"without redis the code says so", without_redis_the_code_says_so},
        {"a refusal bears what helps to go on", a_refusal_bears_what_helps_to_go_on},
        {"refused tokens are counted by reason", refused_tokens_are_counted_by_reason},
        {"requests are counted by template", requests_are_counted_by_template},
    };
    ADD_TESTS(suite, tests);
}
