/* Checks over CUnit that say what was found. Owns no state. */
#include "tests/integration/check.h"

#include <CUnit/CUnit.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void record(bool holds, const char *what, const char *file, int line, bool fatal)
{
    (void)CU_assertImplementation(holds ? CU_TRUE : CU_FALSE, (unsigned int)line, what, file, "",
                                  fatal ? CU_TRUE : CU_FALSE);
}

bool check_true(bool holds, const char *what, const char *file, int line, bool fatal)
{
    if (!holds) {
        printf("\n    %s:%d: %s", file, line, what);
        fflush(stdout);
    }
    record(holds, what, file, line, fatal);
    return holds;
}

bool check_int(int64_t actual, int64_t expected, const char *what, const char *file, int line)
{
    if (actual != expected) {
        printf("\n    %s:%d: %s is %" PRId64 ", not %" PRId64, file, line, what, actual, expected);
        fflush(stdout);
    }
    record(actual == expected, what, file, line, false);
    return actual == expected;
}

bool check_text(const char *actual, const char *expected, const char *what, const char *file, int line)
{
    const bool same = actual && strcmp(actual, expected) == 0;
    if (!same) {
        printf("\n    %s:%d: %s is \"%s\", not \"%s\"", file, line, what, actual ? actual : "(nothing)", expected);
        fflush(stdout);
    }
    record(same, what, file, line, false);
    return same;
}

bool check_between(int64_t actual, int64_t low, int64_t high, const char *what, const char *file, int line)
{
    const bool inside = actual >= low && actual <= high;
    if (!inside) {
        printf("\n    %s:%d: %s is %" PRId64 ", not from %" PRId64 " to %" PRId64, file, line, what, actual, low, high);
        fflush(stdout);
    }
    record(inside, what, file, line, false);
    return inside;
}
