/* Requests read from CGI variables and a body. */
#include "tests/unit/check.h"
#include "tests/unit/fcgi/memory_source.h"
#include "tests/unit/suites.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void the_target_gives_path_and_query(void)
{
    static const struct {
        const char *target; /* NULL: the variable is missing */
        const char *path;
        const char *query;
    } rows[] = {
        {"/v1/time", "/v1/time", ""},
        {"/v1/time?", "/v1/time", ""},
        {"/v1/sessions?status=running&limit=2", "/v1/sessions", "status=running&limit=2"},
        {"/v1/sessions/a%2Fb?x=?", "/v1/sessions/a%2Fb", "x=?"},
        {"http://example.org:8080/v1/time?q", "/v1/time", "q"},
        {"http://example.org", "", ""},
        {"/redirect?to=http://example.org/", "/redirect", "to=http://example.org/"},
        {"*", "*", ""},
        {"", "", ""},
        {NULL, "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct memory_source memory = {.variables = {{"REQUEST_METHOD", "GET"}, {"REQUEST_URI", rows[i].target}}};
        struct request request;
        sk_request_open(&request, memory_source_ready(&memory));
        CHECK_TEXT(rows[i].target, request.method, "GET");
        CHECK(rows[i].target, request.path_length == strlen(rows[i].path) &&
                                  memcmp(request.path, rows[i].path, request.path_length) == 0);
        CHECK_TEXT(rows[i].target, request.query, rows[i].query);
        sk_request_close(&request);
    }
}

static void a_usable_request_id_is_kept(void)
{
    char longest[SK_REQUEST_ID_BYTES];
    char too_long[SK_REQUEST_ID_BYTES + 1];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    const struct {
        const char *given;
        bool kept;
    } rows[] = {{"game-42.move_7", true},
                {"x", true},
                {longest, true},
                {too_long, false},
                {"", false},
                {"a b", false},
                {"a\r\nb", false},
                {"gr\xc3\xbc\xc3\x9f", false},
                {"a/b", false},
                {NULL, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct memory_source memory = {.variables = {{"HTTP_X_REQUEST_ID", rows[i].given}}};
        struct request request;
        sk_request_open(&request, memory_source_ready(&memory));
        if (rows[i].kept) {
            CHECK_TEXT("kept", request.request_id, rows[i].given);
        } else {
            CHECK_INT(rows[i].given, (int64_t)strlen(request.request_id), 36);
        }
        sk_request_close(&request);
    }
}

static void a_trace_is_read_from_its_field(void)
{
    static const struct {
        const char *given;
        const char *trace_id;
    } rows[] = {
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", ""},
        {NULL, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct memory_source memory = {.variables = {{"HTTP_TRACEPARENT", rows[i].given}}};
        struct request request;
        sk_request_open(&request, memory_source_ready(&memory));
        CHECK_TEXT(rows[i].given, request.trace_id, rows[i].trace_id);
        sk_request_close(&request);
    }
}

/* Reads a body that arrives as given and is announced as said. */
static enum sk_code read_as(const char *body, size_t length, const char *said, const char *type, size_t *got)
{
    struct memory_source memory = {
        .variables = {{"CONTENT_LENGTH", said}, {"CONTENT_TYPE", type}}, .body = body, .body_length = length};
    struct request request;
    struct sk_error error;
    sk_request_open(&request, memory_source_ready(&memory));
    enum sk_code code = sk_request_read_body(&request, &error);
    *got = request.body.length;
    sk_request_drain(&request, SIZE_MAX / 2);
    CU_ASSERT(request.drained);
    CU_ASSERT_EQUAL(memory.position, length);
    sk_request_close(&request);
    return code;
}

static void bodies_are_read_whole_or_refused(void)
{
    static const struct {
        const char *body;
        const char *said;
        const char *type;
        enum sk_code code;
    } rows[] = {
        {"{}", "2", "application/json", SK_OK},
        {"{}", "2", "Application/JSON; charset=utf-8", SK_OK},
        {"{}", "2", "application/json;charset=utf-8", SK_OK},
        {"{}", "2", NULL, SK_OK},
        {"{}", "", "application/json", SK_OK},
        {"{}", NULL, NULL, SK_OK},
        {"", "0", "application/x-www-form-urlencoded", SK_OK},
        {"", NULL, NULL, SK_OK},
        {"{}", "2", "application/x-www-form-urlencoded", SK_UNSUPPORTED_MEDIA_TYPE},
        {"{}", "2", "application/jsonx", SK_UNSUPPORTED_MEDIA_TYPE},
        {"{}", "2", "text/plain", SK_UNSUPPORTED_MEDIA_TYPE},
        {"{", "2", "application/json", SK_INVALID_JSON},
        {"", "2", "application/json", SK_INVALID_JSON},
        {"{}", "-2", "application/json", SK_INVALID_JSON},
        {"{}", "2x", "application/json", SK_INVALID_JSON},
        {"{}{}", "2", "application/json", SK_PAYLOAD_TOO_LARGE},
        {"{}", "1048577", "application/json", SK_PAYLOAD_TOO_LARGE},
        {"{}", "99999999999999999999999999", "application/json", SK_PAYLOAD_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t got = 0;
        enum sk_code code = read_as(rows[i].body, strlen(rows[i].body), rows[i].said, rows[i].type, &got);
        CHECK_TEXT(rows[i].type, sk_code_name(code), sk_code_name(rows[i].code));
        if (code == SK_OK) {
            CHECK_INT(rows[i].body, (int64_t)got, (int64_t)strlen(rows[i].body));
        }
    }
}

static void the_largest_body_is_taken_and_one_byte_more_is_not(void)
{
    size_t got = 0;
    char *bytes = malloc(SK_BODY_MAX + 1);
    if (!bytes) {
        CU_FAIL("no memory");
        return;
    }
    memset(bytes, ' ', SK_BODY_MAX + 1);
    CU_ASSERT_EQUAL(read_as(bytes, SK_BODY_MAX, "1048576", NULL, &got), SK_OK);
    CU_ASSERT_EQUAL(got, SK_BODY_MAX);
    CU_ASSERT_EQUAL(read_as(bytes, SK_BODY_MAX, NULL, NULL, &got), SK_OK);
    CU_ASSERT_EQUAL(read_as(bytes, SK_BODY_MAX + 1, NULL, NULL, &got), SK_PAYLOAD_TOO_LARGE);
    CU_ASSERT_EQUAL(read_as(bytes, SK_BODY_MAX + 1, "1048576", NULL, &got), SK_PAYLOAD_TOO_LARGE);
    free(bytes);
}

static void a_body_that_breaks_off_is_not_taken_for_a_short_one(void)
{
    struct memory_source memory = {.body = "{}", .body_length = 2, .breaks = true};
    struct request request;
    struct sk_error error;
    sk_request_open(&request, memory_source_ready(&memory));
    CU_ASSERT_EQUAL(sk_request_read_body(&request, &error), SK_INVALID_JSON);
    sk_request_drain(&request, 50000);
    CU_ASSERT_FALSE(request.drained);
    sk_request_close(&request);
}

static void draining_gives_up_at_its_limit(void)
{
    static char bytes[200000];
    struct memory_source memory = {.body = bytes, .body_length = sizeof bytes};
    struct request request;
    sk_request_open(&request, memory_source_ready(&memory));
    sk_request_drain(&request, 50000);
    CU_ASSERT_FALSE(request.drained);
    CU_ASSERT(memory.position >= 50000 && memory.position < 100000);
    sk_request_close(&request);
}

void suite_fcgi_request(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"the target gives path and query", the_target_gives_path_and_query},
        {"a usable request id is kept", a_usable_request_id_is_kept},
        {"a trace is read from its field", a_trace_is_read_from_its_field},
        {"bodies are read whole or refused", bodies_are_read_whole_or_refused},
        {"the largest body is taken and one byte more is not", the_largest_body_is_taken_and_one_byte_more_is_not},
        {"a body that breaks off is not taken for a short one", a_body_that_breaks_off_is_not_taken_for_a_short_one},
        {"draining gives up at its limit", draining_gives_up_at_its_limit},
    };
    ADD_TESTS(suite, tests);
}
