/* Every error code and every header that an answer bears. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <ctype.h>
#include <string.h>

static const char *header(const struct answer *answer, const char *name)
{
    const char *value = answer_header(answer, name);
    return value ? value : "(no header)";
}

static void what_is_no_json_is_refused(void)
{
    static const char *const bodies[] = {
        "{",
        "[]",
        "'text'",
        "{} {}",
        "{'sync_mode':'global','sync_mode':'global','total_time_ms':60000}",
        "{'sync_mode':NaN}",
        "{'metadata':'\xff'}",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        EXPECT_ERROR(call("POST", "/v1/sessions", bodies[i]), 400, "INVALID_JSON");
    }
    char deep[200] = "{'metadata':";
    memset(deep + strlen(deep), '[', 60);
    EXPECT_ERROR(call("POST", "/v1/sessions", deep), 400, "INVALID_JSON");
}

static void every_problem_of_a_body_is_named(void)
{
    struct answer *refused =
        call("POST", "/v1/sessions",
             "{'session_id':'no spaces','sync_mode':'per_participant','increment_ms':-1,'colour':1,"
             "'warnings_ms':[5],'participants':[{'participant_id':'a','participant_index':0,"
             "'total_time_ms':1.5},{'participant_id':'a','participant_index':0,"
             "'total_time_ms':60000}]}");
    EXPECT_ERROR(refused, 400, "VALIDATION_ERROR");
    EXPECT(complains_about(refused, "session_id"));
    EXPECT(complains_about(refused, "increment_ms"));
    EXPECT(complains_about(refused, "colour"));
    EXPECT(complains_about(refused, "warnings_ms[0]"));
    EXPECT(complains_about(refused, "participants[0].total_time_ms"));
    EXPECT(complains_about(refused, "participants[1].participant_id"));

    const char *id = fresh_id("fields");
    create_running(id, CHESS);
    struct answer *twice = act(id, "switch", "{'current_cycle_number':'one','next_participant_id':7,'extra':null}");
    EXPECT_ERROR(twice, 400, "VALIDATION_ERROR");
    EXPECT(complains_about(twice, "current_cycle_number"));
    EXPECT(complains_about(twice, "next_participant_id"));
    EXPECT(complains_about(twice, "extra"));
    EXPECT_ERROR(act(id, "switch", "{'next_participant_id':'nobody'}"), 400, "VALIDATION_ERROR");
    EXPECT_INT(int_at(look(id)->body, "data.version"), 2);
}

static void expect_transition(const char *id, const char *action, const char *message)
{
    struct answer *refused = act(id, action, NULL);
    EXPECT_ERROR(refused, 400, "INVALID_STATE_TRANSITION");
    if (!strstr(text_at(refused->body, "error.message"), message)) {
        EXPECT_TEXT(text_at(refused->body, "error.message"), message);
    }
}

static void a_refused_transition_names_the_status(void)
{
    const char *id = fresh_id("transition");
    create(id, CHESS);
    expect_transition(id, "pause", "cannot be paused (current status: pending)");
    expect_transition(id, "resume", "cannot be resumed (current status: pending)");
    expect_transition(id, "switch", "not running (current status: pending)");
    act(id, "start", NULL);
    expect_transition(id, "start", "cannot be started (current status: running)");
    expect_transition(id, "resume", "cannot be resumed (current status: running)");
    act(id, "pause", NULL);
    expect_transition(id, "pause", "cannot be paused (current status: paused)");
    expect_transition(id, "switch", "not running (current status: paused)");
    act(id, "cancel", NULL);
    expect_transition(id, "start", "cannot be started (current status: cancelled)");
    expect_transition(id, "complete", "cannot be completed (current status: cancelled)");
    const char *other = fresh_id("transition");
    create_running(other, CHESS);
    act(other, "complete", NULL);
    expect_transition(other, "cancel", "cannot be cancelled (current status: completed)");
}

static void what_is_not_there_is_not_found(void)
{
    EXPECT_ERROR(call("GET", "/v1/nothing", NULL), 404, "NOT_FOUND");
    EXPECT_ERROR(call("POST", "/v1/sessions/x/explode", "{}"), 404, "NOT_FOUND");
    EXPECT_ERROR(look(fresh_id("unknown")), 404, "SESSION_NOT_FOUND");
    EXPECT_ERROR(act(fresh_id("unknown"), "start", NULL), 404, "SESSION_NOT_FOUND");
    EXPECT_ERROR(act(fresh_id("unknown"), "switch", "{'current_cycle_number':1}"), 404, "SESSION_NOT_FOUND");
}

static void a_wrong_method_is_told_the_right_ones(void)
{
    struct answer *refused = call("PUT", "/v1/sessions/x", "{}");
    EXPECT_ERROR(refused, 405, "METHOD_NOT_ALLOWED");
    EXPECT(strstr(header(refused, "Allow"), "GET") != NULL);
    EXPECT(strstr(header(refused, "Allow"), "DELETE") != NULL);
    refused = call("GET", "/v1/sessions/x/start", NULL);
    EXPECT_ERROR(refused, 405, "METHOD_NOT_ALLOWED");
    EXPECT(strstr(header(refused, "Allow"), "POST") != NULL);
    EXPECT_ERROR(call("DELETE", "/v1/time", NULL), 405, "METHOD_NOT_ALLOWED");
}

static void an_id_in_use_is_a_conflict(void)
{
    const char *id = fresh_id("twice");
    create(id, CHESS);
    struct answer *refused = call("POST", "/v1/sessions", kept_text("{'session_id':'%s',%s}", id, CHESS));
    EXPECT_ERROR(refused, 409, "SESSION_EXISTS");
    act(id, "cancel", NULL);
    refused = call("POST", "/v1/sessions", kept_text("{'session_id':'%s',%s}", id, CHESS));
    EXPECT_ERROR(refused, 409, "SESSION_EXISTS");
}

static void guards_that_do_not_hold_are_conflicts(void)
{
    const char *id = fresh_id("guards");
    create_running(id, CHESS);
    EXPECT_ERROR(act(id, "switch", "{'current_participant_id':'black'}"), 409, "NOT_ACTIVE_PARTICIPANT");
    EXPECT_ERROR(act(id, "switch", "{'current_cycle_number':2}"), 409, "CONFLICT");
    struct answer *refused = act(id, "switch", "{'expected_version':7}");
    EXPECT_ERROR(refused, 409, "CONFLICT");
    EXPECT_INT(int_at(refused->body, "error.details.expected_version"), 7);
    EXPECT_INT(int_at(refused->body, "error.details.actual_version"), 2);
    EXPECT_ERROR(act(id, "pause", "{'expected_version':1}"), 409, "CONFLICT");
    EXPECT_INT(int_at(look(id)->body, "data.version"), 2);
    EXPECT_STATUS(act(id, "switch", "{'expected_version':2,'current_participant_id':'white','current_cycle_number':1}"),
                  200);
}

static void a_body_of_another_kind_or_size_is_refused(void)
{
    const char *url = kept_text("%s/v1/sessions", stack.url);
    EXPECT_ERROR(http_post_bytes(url, "a=b", 3, "Content-Type: application/x-www-form-urlencoded"), 415,
                 "UNSUPPORTED_MEDIA_TYPE");
    EXPECT_ERROR(http_post_bytes(url, "<a/>", 4, "Content-Type: text/xml"), 415, "UNSUPPORTED_MEDIA_TYPE");
    EXPECT_ERROR(http_post_bytes(url, "{}", 2, "Content-Type: application/json; charset=utf-8"), 400,
                 "VALIDATION_ERROR");
    const size_t limit = 1 << 20;
    char *large = kept_text("%*s", (int)(limit + 1), "{}");
    EXPECT_ERROR(http_post_bytes(url, large, limit + 1, NULL), 413, "PAYLOAD_TOO_LARGE");
    EXPECT_ERROR(http_post_bytes(url, large + 1, limit, NULL), 400, "VALIDATION_ERROR");
    char *huge = kept_text("%*s", (int)(2 * limit), "{}");
    struct answer *refused = http_post_bytes(url, huge, 2 * limit, NULL); /* past the web server's own limit */
    EXPECT_INT(refused->status, 413);
}

static void expect_common_headers(const struct answer *answer)
{
    EXPECT_TEXT(header(answer, "Cache-Control"), "no-store");
    EXPECT_TEXT(header(answer, "X-Content-Type-Options"), "nosniff");
    EXPECT(strlen(header(answer, "X-Request-Id")) >= 8);
    EXPECT(answer->status == 204 || strstr(header(answer, "Content-Type"), "application/json") != NULL);
}

static void every_answer_bears_its_headers(void)
{
    const char *id = fresh_id("headers");
    struct answer *created = create(id, CHESS);
    expect_common_headers(created);
    EXPECT_TEXT(header(created, "Location"), kept_text("/v1/sessions/%s", id));
    EXPECT_TEXT(header(created, "ETag"), "\"1\"");
    struct answer *started = act(id, "start", NULL);
    expect_common_headers(started);
    EXPECT_TEXT(header(started, "ETag"), "\"2\"");
    EXPECT_TEXT(header(look(id), "ETag"), "\"2\"");
    const char *url = kept_text("%s/v1/sessions/%s", stack.url, id);
    struct answer *known = http_call("GET", url, NULL, "If-None-Match: W/\"1\", \"2\"");
    EXPECT_INT(known->status, 304);
    EXPECT_INT((int64_t)known->text_bytes, 0);
    EXPECT_TEXT(header(known, "ETag"), "\"2\"");
    EXPECT_STATUS(http_call("GET", url, NULL, "If-None-Match: \"1\", \"22\""), 200);
    expect_common_headers(look(id));
    expect_common_headers(look(fresh_id("unknown")));
    expect_common_headers(call("PUT", "/v1/sessions", "{}"));
    expect_common_headers(call("GET", "/v1/nothing", NULL));
    expect_common_headers(call("POST", "/v1/sessions", "{"));
    expect_common_headers(call("GET", "/health", NULL));
    expect_common_headers(call("GET", "/ready", NULL));
    expect_common_headers(call("GET", "/v1/time", NULL));
    expect_common_headers(delete_session(id));
}

static void a_request_id_is_echoed_if_it_is_one(void)
{
    const char *url = kept_text("%s/v1/time", stack.url);
    EXPECT_TEXT(header(http_call("GET", url, NULL, "X-Request-Id: move.42_a-b"), "X-Request-Id"), "move.42_a-b");
    char longest[129];
    memset(longest, 'r', 128);
    longest[128] = '\0';
    EXPECT_TEXT(header(http_call("GET", url, NULL, kept_text("X-Request-Id: %s", longest)), "X-Request-Id"), longest);
    const char *const bad[] = {"two words", "a/b", "\xc3\xa4"};
    for (size_t i = 0; i < 3; i++) {
        struct answer *answer = http_call("GET", url, NULL, kept_text("X-Request-Id: %s", bad[i]));
        EXPECT(strcmp(header(answer, "X-Request-Id"), bad[i]) != 0);
        EXPECT(strlen(header(answer, "X-Request-Id")) >= 8);
    }
    struct answer *answer = http_call("GET", url, NULL, kept_text("X-Request-Id: %sr", longest));
    EXPECT(strlen(header(answer, "X-Request-Id")) < 128);
    const char *one = header(call("GET", "/health", NULL), "X-Request-Id");
    EXPECT(strcmp(one, header(call("GET", "/health", NULL), "X-Request-Id")) != 0);
}

static void an_id_is_made_where_none_is_given(void)
{
    struct answer *created = call("POST", "/v1/sessions", kept_text("{%s}", CHESS));
    EXPECT_STATUS(created, 201);
    const char *id = text_at(created->body, "data.session_id");
    EXPECT_INT((int64_t)strlen(id), 36);
    EXPECT_STATUS(look(id), 200);
    EXPECT_TEXT(header(created, "Location"), kept_text("/v1/sessions/%s", id));
}

static void time_is_flat_and_redis_time(void)
{
    const int64_t before = redis_now_ms();
    struct answer *time = call("GET", "/v1/time", NULL);
    const int64_t after = redis_now_ms();
    EXPECT_STATUS(time, 200);
    EXPECT_BETWEEN(int_at(time->body, "timestamp_ms"), before - 5, after + 5);
    EXPECT_INT(int_at(time->body, "drift_tolerance_ms"), 50);
    EXPECT(json_is_string(json_at(time->body, "server_time")));
    EXPECT(json_is_string(json_at(time->body, "server_version")));
    EXPECT_INT((int64_t)json_object_size(time->body), 4);
}

CU_TestInfo error_tests[] = {
    {"what is no JSON is refused", what_is_no_json_is_refused},
    {"every problem of a body is named", every_problem_of_a_body_is_named},
    {"a refused transition names the status", a_refused_transition_names_the_status},
    {"what is not there is not found", what_is_not_there_is_not_found},
    {"a wrong method is told the right ones", a_wrong_method_is_told_the_right_ones},
    {"an id in use is a conflict", an_id_in_use_is_a_conflict},
    {"guards that do not hold are conflicts", guards_that_do_not_hold_are_conflicts},
    {"a body of another kind or size is refused", a_body_of_another_kind_or_size_is_refused},
    {"every answer bears its headers", every_answer_bears_its_headers},
    {"a request id is echoed if it is one", a_request_id_is_echoed_if_it_is_one},
    {"an id is made where none is given", an_id_is_made_where_none_is_given},
    {"time is flat, and Redis' time", time_is_flat_and_redis_time},
    CU_TEST_INFO_NULL,
};
