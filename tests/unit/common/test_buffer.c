/* Tests of common/buffer. */
#include "common/buffer.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <string.h>

static void appends(void)
{
    struct sk_buffer buffer = {0};
    CHECK_TEXT("empty", sk_buffer_text(&buffer), "");
    sk_buffer_append_text(&buffer, "");
    sk_buffer_append(&buffer, NULL, 0);
    CHECK_TEXT("nothing appended", sk_buffer_text(&buffer), "");
    sk_buffer_append(&buffer, "abcdef", 3);
    sk_buffer_append_char(&buffer, '-');
    sk_buffer_append_format(&buffer, "%s=%d", "x", 7);
    sk_buffer_append_format(&buffer, "%s", "");
    CHECK_TEXT("pieces", sk_buffer_text(&buffer), "abc-x=7");
    CHECK_INT("length", (int64_t)buffer.length, 7);
    CHECK("no failure", !buffer.failed);
    sk_buffer_clear(&buffer);
    CHECK("cleared", !buffer.data && buffer.length == 0 && buffer.capacity == 0);
}

static void keeps_bytes_that_are_nul(void)
{
    struct sk_buffer buffer = {0};
    sk_buffer_append(&buffer, "a\0b", 3);
    CHECK_INT("length", (int64_t)buffer.length, 3);
    CHECK("bytes", memcmp(buffer.data, "a\0b", 4) == 0);
    sk_buffer_clear(&buffer);
}

static void prints_integers(void)
{
    static const struct {
        int64_t number;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-1, "-1"},
        {9, "9"},
        {10, "10"},
        {1768473296789, "1768473296789"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_buffer buffer = {0};
        sk_buffer_append_int(&buffer, rows[i].number);
        CHECK_TEXT(rows[i].text, sk_buffer_text(&buffer), rows[i].text);
        sk_buffer_clear(&buffer);
    }
}

/* Every length around the steps in which the memory grows, by each way of appending. */
static void grows(void)
{
    static char text[5000];
    memset(text, 'x', sizeof text - 1);
    for (size_t length = 1; length < sizeof text; length += length < 1100 ? 1 : 97) {
        struct sk_buffer once = {0};
        struct sk_buffer formatted = {0};
        sk_buffer_append(&once, text, 1); /* the rest then has to fit into what there is, or not */
        sk_buffer_append(&once, text, length - 1);
        sk_buffer_append_format(&formatted, "%s", "x");
        sk_buffer_append_format(&formatted, "%.*s", (int)length - 1, text);
        bool right = once.length == length && strlen(once.data) == length && once.capacity > length &&
                     formatted.capacity > length && formatted.length == length && strlen(formatted.data) == length;
        sk_buffer_clear(&once);
        sk_buffer_clear(&formatted);
        if (!CHECK("grows", right)) {
            return;
        }
    }
    struct sk_buffer bytewise = {0};
    for (size_t i = 0; i < 100000; i++) {
        sk_buffer_append_char(&bytewise, (char)('a' + i % 26));
    }
    CHECK_INT("bytewise", (int64_t)bytewise.length, 100000);
    CHECK("last byte", bytewise.data[99999] == (char)('a' + 99999 % 26) && bytewise.data[100000] == '\0');
    sk_buffer_clear(&bytewise);
}

static void error_sticks(void)
{
    struct sk_buffer buffer = {0};
    sk_buffer_append_text(&buffer, "kept");
    sk_buffer_append(&buffer, "x", SIZE_MAX - 2); /* more than there can be: nothing is read */
    CHECK("failed", buffer.failed);
    sk_buffer_append_text(&buffer, "more");
    sk_buffer_append_int(&buffer, 1);
    sk_buffer_append_char(&buffer, 'c');
    sk_buffer_append_format(&buffer, "%d", 1);
    CHECK_TEXT("unchanged", sk_buffer_text(&buffer), "kept");
    sk_buffer_reset(&buffer);
    CHECK("reset", !buffer.failed && buffer.capacity > 0);
    CHECK_TEXT("empty again", sk_buffer_text(&buffer), "");
    sk_buffer_append_text(&buffer, "new");
    CHECK_TEXT("usable again", sk_buffer_text(&buffer), "new");
    sk_buffer_clear(&buffer);
    sk_buffer_reset(&buffer);
    sk_buffer_clear(&buffer);
}

void suite_buffer(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"appends", appends},
        {"keeps bytes that are NUL", keeps_bytes_that_are_nul},
        {"prints integers", prints_integers},
        {"grows", grows},
        {"error sticks", error_sticks},
    };
    ADD_TESTS(suite, tests);
}
