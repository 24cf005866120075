/* Text for a terminal: no byte of it gets through that a terminal would obey. */
#include "audit/printable.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <string.h>

#define LOST "\xef\xbf\xbd"

static void what_a_terminal_obeys_is_replaced(void)
{
    static const struct {
        const char *text;
        const char *line;
        const char *whole; /* NULL: the same */
    } rows[] = {
        {"plain \xc3\xa9 \xe2\x82\xac", "plain \xc3\xa9 \xe2\x82\xac", NULL},
        {"a\x1b[2J\tb\n\x7f", "a" LOST "[2J" LOST "b" LOST LOST, "a\x1b[2J\tb\n\x7f"},
        {"\xc2\x9b"
         "2J\xc2\x80\xc2\xa0",
         LOST "2J" LOST "\xc2\xa0",
         "\xc2\x9b"
         "2J\xc2\x80\xc2\xa0"},
        {"\x9b"
         "2J",
         LOST "2J", LOST "2J"},
        {"\xe2\x82", LOST LOST, LOST LOST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_buffer out = {0};
        sk_printable_append(&out, rows[i].text, strlen(rows[i].text), true);
        CHECK_TEXT("line", sk_buffer_text(&out), rows[i].line);
        sk_buffer_reset(&out);
        sk_printable_append(&out, rows[i].text, strlen(rows[i].text), false);
        CHECK_TEXT("whole", sk_buffer_text(&out), rows[i].whole ? rows[i].whole : rows[i].line);
        sk_buffer_clear(&out);
    }
}

void suite_printable(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"what a terminal obeys is replaced", what_a_terminal_obeys_is_replaced},
    };
    ADD_TESTS(suite, tests);
}
