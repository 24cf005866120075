/* The checks, on top of CUnit's, which shows the text given here for each one that failed. */
#include "tests/unit/check.h"

#include <CUnit/CUnit.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_BYTES 600

static bool report(bool holds, const char *text, const char *file, unsigned line)
{
    (void)CU_assertImplementation(holds, line, text, file, "", CU_FALSE);
    return holds;
}

bool check_true(const char *what, bool holds, const char *condition, const char *file, unsigned line)
{
    char text[SHOWN_BYTES] = "";
    if (!holds) {
        (void)snprintf(text, sizeof text, "%s: %s", what, condition);
    }
    return report(holds, text, file, line);
}

bool check_int(const char *what, int64_t actual, int64_t expected, const char *file, unsigned line)
{
    char text[SHOWN_BYTES] = "";
    if (actual != expected) {
        (void)snprintf(text, sizeof text, "%s: %" PRId64 ", expected %" PRId64, what, actual, expected);
    }
    return report(actual == expected, text, file, line);
}

bool check_text(const char *what, const char *actual, const char *expected, const char *file, unsigned line)
{
    bool holds = actual && expected ? strcmp(actual, expected) == 0 : actual == expected;
    char text[SHOWN_BYTES] = "";
    if (!holds) {
        (void)snprintf(text, sizeof text, "%s: \"%s\", expected \"%s\"", what, actual ? actual : "(null)",
                       expected ? expected : "(null)");
    }
    return report(holds, text, file, line);
}
