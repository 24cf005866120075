/* The checks of the integration tests' harness, for a bench: the first that does not hold ends the run with status 1,
 * and with it everything that was started. Owns nothing. */
#include "tests/integration/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool check_true(bool holds, const char *what, const char *file, int line, bool fatal)
{
    (void)fatal;
    if (!holds) {
        fprintf(stderr, "bench: %s:%d: %s does not hold\n", file, line, what);
        exit(EXIT_FAILURE);
    }
    return holds;
}

bool check_int(int64_t actual, int64_t expected, const char *what, const char *file, int line)
{
    return check_between(actual, expected, expected, what, file, line);
}

bool check_text(const char *actual, const char *expected, const char *what, const char *file, int line)
{
    if (!actual || strcmp(actual, expected) != 0) {
        fprintf(stderr, "bench: %s is \"%s\", not \"%s\"\n", what, actual ? actual : "(nothing)", expected);
        return check_true(false, what, file, line, true);
    }
    return true;
}

bool check_between(int64_t actual, int64_t low, int64_t high, const char *what, const char *file, int line)
{
    if (actual < low || actual > high) {
        fprintf(stderr, "bench: %s is %" PRId64 "\n", what, actual);
        return check_true(false, what, file, line, true);
    }
    return true;
}
