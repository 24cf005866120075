/* Tests of common/json_writer. */
#include "common/json_writer.h"
#include "common/session.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <string.h>

static void puts_commas(void)
{
    struct sk_buffer out = {0};
    struct sk_json_writer writer = {.out = &out};
    sk_json_object(&writer, NULL);
    sk_json_object(&writer, "empty");
    sk_json_object_end(&writer);
    sk_json_array(&writer, "list");
    sk_json_int(&writer, NULL, -5);
    sk_json_array(&writer, NULL);
    sk_json_array_end(&writer);
    sk_json_object(&writer, NULL);
    sk_json_bool(&writer, "yes", true);
    sk_json_bool(&writer, "no", false);
    sk_json_object_end(&writer);
    sk_json_null(&writer, NULL);
    sk_json_array_end(&writer);
    sk_json_raw(&writer, "raw", "{\"a\":1}garbage", 7);
    sk_json_string(&writer, "text", "x");
    sk_json_object_end(&writer);
    CHECK_TEXT("text", sk_buffer_text(&out),
               "{\"empty\":{},\"list\":[-5,[],{\"yes\":true,\"no\":false},null],\"raw\":{\"a\":1},\"text\":\"x\"}");
    sk_buffer_clear(&out);
}

static void writes_what_is_absent_as_null(void)
{
    struct sk_buffer out = {0};
    struct sk_json_writer writer = {.out = &out};
    sk_json_array(&writer, NULL);
    sk_json_string(&writer, NULL, NULL);
    sk_json_string(&writer, NULL, "");
    sk_json_id(&writer, NULL, "");
    sk_json_id(&writer, NULL, "p1");
    sk_json_ms(&writer, NULL, SK_NONE);
    sk_json_ms(&writer, NULL, 0);
    sk_json_ms(&writer, NULL, INT64_MAX);
    sk_json_iso(&writer, NULL, SK_NONE);
    sk_json_iso(&writer, NULL, 0);
    sk_json_value(&writer, NULL, NULL);
    sk_json_array_end(&writer);
    CHECK_TEXT("text", sk_buffer_text(&out),
               "[null,\"\",null,\"p1\",null,0,9223372036854775807,null,\"1970-01-01T00:00:00.000Z\",null]");
    sk_buffer_clear(&out);
}

static void escapes(void)
{
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"\"", "\"\\\"\""},
        {"\\", "\"\\\\\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\""},
        {"\x01", "\"\\u0001\""},
        {"\x0b\x1f!", "\"\\u000b\\u001f!\""},
        {"/", "\"/\""},
        {"\x7f", "\"\x7f\""},
        {"\xc3\xa9 \xf0\x9f\x95\x90", "\"\xc3\xa9 \xf0\x9f\x95\x90\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_buffer out = {0};
        struct sk_json_writer writer = {.out = &out};
        sk_json_string(&writer, NULL, rows[i].text);
        CHECK_TEXT(rows[i].json, sk_buffer_text(&out), rows[i].json);
        sk_buffer_clear(&out);
    }
}

/* Each single byte of ASCII, and what a parser makes of it. */
static void parses_back(void)
{
    for (int byte = 1; byte < 128; byte++) {
        char text[] = {'<', (char)byte, '>', '\0'};
        struct sk_buffer out = {0};
        struct sk_json_writer writer = {.out = &out};
        sk_json_string(&writer, NULL, text);
        json_t *value = json_loads(sk_buffer_text(&out), JSON_DECODE_ANY, NULL);
        CHECK_TEXT(sk_buffer_text(&out), json_string_value(value), text);
        json_decref(value);
        sk_buffer_clear(&out);
    }
}

static void dumps_values(void)
{
    static const char *const rows[] = {"{\"b\":[1,2.5,null,true],\"a\":{\"x\":\"\\u0001\xc3\xa9\"}}", "[]", "\"text\"",
                                       "17", "null"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *value = json_loads(rows[i], JSON_DECODE_ANY, NULL);
        struct sk_buffer out = {0};
        struct sk_json_writer writer = {.out = &out};
        sk_json_value(&writer, NULL, value);
        CHECK_TEXT(rows[i], sk_buffer_text(&out), rows[i]);
        CHECK("no failure", !out.failed);
        sk_buffer_clear(&out);
        json_decref(value);
    }
}

static void a_value_that_cannot_be_dumped_is_a_failure(void)
{
    json_t *circle = json_array();
    json_t *inner = json_array();
    CHECK_INT("made", json_array_append(circle, inner) + json_array_append(inner, circle), 0);
    struct sk_buffer out = {0};
    struct sk_json_writer writer = {.out = &out};
    sk_json_value(&writer, NULL, circle);
    CHECK("failed", out.failed);
    sk_buffer_clear(&out);
    (void)json_array_clear(inner);
    json_decref(inner);
    json_decref(circle);
}

void suite_json_writer(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"puts commas", puts_commas},
        {"writes what is absent as null", writes_what_is_absent_as_null},
        {"escapes", escapes},
        {"parses back", parses_back},
        {"dumps values", dumps_values},
        {"a value that cannot be dumped is a failure", a_value_that_cannot_be_dumped_is_a_failure},
    };
    ADD_TESTS(suite, tests);
}
