/* Tests of common/utf8. */
#include "common/utf8.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <string.h>

static void recognises_characters(void)
{
    static const struct {
        const char *text;
        size_t bytes;
    } rows[] = {
        {"a", 1},
        {"\x7f", 1},
        {"\x80", 0},     /* continuation alone */
        {"\xc0\x80", 0}, /* overlong NUL */
        {"\xc1\xbf", 0}, /* overlong */
        {"\xc2\x80", 2}, /* U+0080 */
        {"\xdf\xbf", 2}, /* U+07FF */
        {"\xdf\x7f", 0},
        {"\xe0\x9f\xbf", 0},     /* overlong */
        {"\xe0\xa0\x80", 3},     /* U+0800 */
        {"\xed\x9f\xbf", 3},     /* U+D7FF */
        {"\xed\xa0\x80", 0},     /* surrogate */
        {"\xed\xbf\xbf", 0},     /* surrogate */
        {"\xee\x80\x80", 3},     /* U+E000 */
        {"\xef\xbf\xbf", 3},     /* U+FFFF */
        {"\xf0\x8f\xbf\xbf", 0}, /* overlong */
        {"\xf0\x90\x80\x80", 4}, /* U+10000 */
        {"\xf4\x8f\xbf\xbf", 4}, /* U+10FFFF */
        {"\xf4\x90\x80\x80", 0}, /* above it */
        {"\xf5\x80\x80\x80", 0},
        {"\xff", 0},
        {"\xe2\x82", 0}, /* cut short */
        {"\xf0\x9f\x95", 0},
        {"\xf0\x9f\x95g", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char what[32];
        (void)snprintf(what, sizeof what, "row %zu", i);
        CHECK_INT(what, (int64_t)sk_utf8_character(rows[i].text, strlen(rows[i].text)), (int64_t)rows[i].bytes);
    }
}

__attribute__((format(printf, 3, 4))) static void print(char *out, size_t bytes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sk_utf8_print(out, bytes, format, args);
    va_end(args);
}

static void cuts_between_characters(void)
{
    static const struct {
        const char *text;
        size_t bytes;
        const char *cut;
    } rows[] = {
        {"abc", 4, "abc"},
        {"abc", 3, "ab"},
        {"abc", 1, ""},
        {"a\xc3\xa9", 4, "a\xc3\xa9"},
        {"a\xc3\xa9", 3, "a"},
        {"a\xc3\xa9x", 4, "a\xc3\xa9"},
        {"\xe2\x82\xac\xe2\x82\xac", 7, "\xe2\x82\xac\xe2\x82\xac"},
        {"\xe2\x82\xac\xe2\x82\xac", 6, "\xe2\x82\xac"},
        {"\xe2\x82\xac\xe2\x82\xac", 5, "\xe2\x82\xac"},
        {"\xe2\x82\xac\xe2\x82\xac", 4, "\xe2\x82\xac"},
        {"\xe2\x82\xac\xe2\x82\xac", 3, ""},
        {"\xe2\x82\xac\xe2\x82\xac", 2, ""},
        {"\xf0\x9f\x95\x90!", 5, "\xf0\x9f\x95\x90"},
        {"\xf0\x9f\x95\x90!", 4, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[16];
        memset(out, '#', sizeof out);
        print(out, rows[i].bytes, "%s", rows[i].text);
        CHECK_TEXT(rows[i].text, out, rows[i].cut);
        CHECK("nothing written beyond", out[rows[i].bytes] == '#');
    }
}

static void quotes_no_broken_character(void)
{
    static const struct {
        const char *text;
        const char *shown;
    } rows[] = {
        {"near '\xd0'", "near '?'"},
        {"\xff\xfe", "??"},
        {"\xe2\x82", "??"},
        {"\x80ok\xc3\xa9\xc3", "?ok\xc3\xa9?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[32];
        print(out, sizeof out, "%s", rows[i].text);
        CHECK_TEXT(rows[i].text, out, rows[i].shown);
    }
}

void suite_utf8(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"recognises characters", recognises_characters},
        {"cuts between characters", cuts_between_characters},
        {"quotes no broken character", quotes_no_broken_character},
    };
    ADD_TESTS(suite, tests);
}
