/* Answers as they go out: header fields and envelopes. */
#include "fcgi/reply.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <CUnit/CUnit.h>
#include <jansson.h>
#include <string.h>

/* Renders reply and clears it; owned. */
static struct sk_buffer render(struct reply *reply, bool without_body)
{
    struct sk_buffer out = {0};
    sk_reply_write(reply, "request-1", without_body, &out);
    sk_reply_clear(reply);
    return out;
}

static bool has(const struct sk_buffer *out, const char *text)
{
    return strstr(sk_buffer_text(out), text) != NULL;
}

/* The body as JSON, owned; NULL if it is none. */
static json_t *body_of(const struct sk_buffer *out)
{
    const char *gap = strstr(sk_buffer_text(out), "\r\n\r\n");
    return gap ? json_loads(gap + 4, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

static const char *text_at(const json_t *body, const char *member)
{
    const char *text = json_string_value(json_object_get(json_object_get(body, "error"), member));
    return text ? text : "";
}

static void every_answer_bears_the_common_fields(void)
{
    struct reply reply;
    sk_reply_open(&reply);
    sk_buffer_append_text(sk_reply_body(&reply, 200, SK_TYPE_JSON), "{}");
    struct sk_buffer out = render(&reply, false);
    CU_ASSERT(has(&out, "Status: 200 OK\r\n"));
    CU_ASSERT(has(&out, "X-Request-Id: request-1\r\n"));
    CU_ASSERT(has(&out, "Cache-Control: no-store\r\n"));
    CU_ASSERT(has(&out, "X-Content-Type-Options: nosniff\r\n"));
    CU_ASSERT(has(&out, "Content-Type: application/json; charset=utf-8\r\n"));
    CU_ASSERT(has(&out, "Content-Length: 2\r\n"));
    CU_ASSERT(has(&out, "\r\n\r\n{}"));
    CU_ASSERT_FALSE(has(&out, "ETag"));
    CU_ASSERT_FALSE(has(&out, "Retry-After"));
    sk_buffer_clear(&out);
}

static void head_has_the_length_without_the_body(void)
{
    struct reply reply;
    sk_reply_open(&reply);
    sk_buffer_append_text(sk_reply_body(&reply, 200, SK_TYPE_JSON), "{\"a\":1}");
    struct sk_buffer out = render(&reply, true);
    CU_ASSERT(has(&out, "Content-Length: 7\r\n"));
    CU_ASSERT_FALSE(has(&out, "{"));
    sk_buffer_clear(&out);
}

static void no_content_says_nothing_about_a_body(void)
{
    struct reply reply;
    sk_reply_open(&reply);
    sk_reply_empty(&reply, 204);
    struct sk_buffer out = render(&reply, false);
    CU_ASSERT(has(&out, "Status: 204 No Content\r\n"));
    CU_ASSERT_FALSE(has(&out, "Content-"
                              "Length"));
    CU_ASSERT_FALSE(has(&out, "Content-Type:"));
    sk_buffer_clear(&out);
}

static void a_session_bears_its_version_and_the_time(void)
{
    struct reply reply;
    struct sk_result result = {.session = sk_session_new(), .now_ms = 1790000000123};
    if (!result.session) {
        CU_FAIL("no memory");
        return;
    }
    result.session->version = 17;
    sk_buffer_append_text(&result.view, "{\"session_id\":\"s\"}");
    sk_reply_open(&reply);
    sk_reply_session(&reply, 201, &result);
    struct sk_buffer out = render(&reply, false);
    CU_ASSERT(has(&out, "Status: 201 Created\r\n"));
    CU_ASSERT(has(&out, "ETag: \"17\"\r\n"));
    CU_ASSERT(has(&out, "\r\n\r\n{\"data\":{\"session_id\":\"s\"},\"server_time_ms\":1790000000123}"));
    sk_buffer_clear(&out);
    sk_buffer_clear(&result.view);
    sk_session_free(result.session);
}

static void an_error_has_code_and_message(void)
{
    struct reply reply;
    struct sk_error error;
    (void)sk_fail(&error, SK_INVALID_STATE_TRANSITION, "cannot be \"paused\"");
    sk_reply_open(&reply);
    sk_reply_error(&reply, &error);
    struct sk_buffer out = render(&reply, false);
    json_t *body = body_of(&out);
    CU_ASSERT(has(&out, "Status: 400 Bad Request\r\n"));
    CU_ASSERT_STRING_EQUAL(text_at(body, "code"), "INVALID_STATE_TRANSITION");
    CU_ASSERT_STRING_EQUAL(text_at(body, "message"), "cannot be \"paused\"");
    CU_ASSERT_PTR_NULL(json_object_get(json_object_get(body, "error"), "details"));
    json_decref(body);
    sk_buffer_clear(&out);
}

static void an_unavailable_store_says_when_to_come_back_and_not_where_it_is(void)
{
    struct reply reply;
    struct sk_error error;
    (void)sk_fail(&error, SK_STATE_STORE_UNAVAILABLE, "connect to 10.0.0.7:6379: refused");
    sk_reply_open(&reply);
    sk_reply_error(&reply, &error);
    CU_ASSERT_STRING_EQUAL(reply.error.text, "connect to 10.0.0.7:6379: refused");
    struct sk_buffer out = render(&reply, false);
    CU_ASSERT(has(&out, "Status: 503 Service Unavailable\r\n"));
    CU_ASSERT(has(&out, "Retry-After: 1\r\n"));
    CU_ASSERT_FALSE(has(&out, "10.0.0.7"));
    sk_buffer_clear(&out);
}

static void problems_are_all_listed(void)
{
    struct reply reply;
    struct sk_problems problems = {0};
    sk_problems_add(&problems, "participants[3].total_time_ms", "must be at least 1000");
    sk_problems_add(&problems, "a\"b", "is not known");
    sk_reply_open(&reply);
    sk_reply_problems(&reply, &problems);
    struct sk_buffer out = render(&reply, false);
    json_t *body = body_of(&out);
    const json_t *details = json_object_get(json_object_get(body, "error"), "details");
    CU_ASSERT_STRING_EQUAL(text_at(body, "code"), "VALIDATION_ERROR");
    CU_ASSERT_EQUAL(json_array_size(details), 2);
    const char *field = json_string_value(json_object_get(json_array_get(details, 1), "field"));
    CHECK_TEXT("field", field, "a\"b");
    json_decref(body);
    sk_buffer_clear(&out);
    sk_problems_clear(&problems);
}

static void a_version_conflict_tells_both(void)
{
    struct reply reply;
    struct sk_error error;
    (void)sk_fail(&error, SK_CONFLICT, "version differs");
    sk_reply_open(&reply);
    sk_reply_conflict(&reply, &error, 3, 5);
    struct sk_buffer out = render(&reply, false);
    CU_ASSERT(has(&out, "Status: 409 Conflict\r\n"));
    CU_ASSERT(has(&out, "\"details\":{\"expected_version\":3,\"actual_version\":5}"));
    sk_buffer_clear(&out);
}

static void an_answer_without_memory_is_an_internal_error(void)
{
    struct reply reply;
    sk_reply_open(&reply);
    sk_buffer_append_text(sk_reply_body(&reply, 201, SK_TYPE_JSON), "{\"half\":");
    reply.etag = 3;
    reply.body.failed = true;
    struct sk_buffer out = render(&reply, false);
    json_t *body = body_of(&out);
    CU_ASSERT(has(&out, "Status: 500 Internal Server Error\r\n"));
    CU_ASSERT_FALSE(has(&out, "ETag"));
    CU_ASSERT_STRING_EQUAL(text_at(body, "code"), "INTERNAL_ERROR");
    json_decref(body);
    sk_buffer_clear(&out);
}

void suite_fcgi_reply(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"every answer bears the common fields", every_answer_bears_the_common_fields},
        {"head has the length without the body", head_has_the_length_without_the_body},
        {"no content says nothing about a body", no_content_says_nothing_about_a_body},
        {"a session bears its version and the time", a_session_bears_its_version_and_the_time},
        {"an error has code and message", an_error_has_code_and_message},
        {"an unavailable store says when to come back and not where it is",
         an_unavailable_store_says_when_to_come_back_and_not_where_it_is},
        {"problems are all listed", problems_are_all_listed},
        {"a version conflict tells both", a_version_conflict_tells_both},
        {"an answer without memory is an internal error", an_answer_without_memory_is_an_internal_error},
    };
    ADD_TESTS(suite, tests);
}
