/* What a test expects: checks that print what was and what should have been, and waiting for a condition.
 * Only the test's own thread may call these (CUnit keeps no locks). */
#ifndef SK_TESTS_CHECK_H
#define SK_TESTS_CHECK_H

#include "tests/integration/clocks.h"

#include <stdbool.h>
#include <stdint.h>

#define PATIENCE_MS 30000 /* how long anything may take before the test gives up; far more than it ever should */

#define EXPECT(condition) check_true((condition), #condition, __FILE__, __LINE__, false)
#define EXPECT_INT(actual, expected) check_int((actual), (expected), #actual, __FILE__, __LINE__)
#define EXPECT_TEXT(actual, expected) check_text((actual), (expected), #actual, __FILE__, __LINE__)
#define EXPECT_BETWEEN(actual, low, high) check_between((actual), (low), (high), #actual, __FILE__, __LINE__)

/* The same, and the test ends here if it does not hold. */
#define REQUIRE(condition) check_true((condition), #condition, __FILE__, __LINE__, true)

/* Looks every few milliseconds until the condition holds; a failed check when patience runs out. */
#define EVENTUALLY(condition)                                                                                          \
    do {                                                                                                               \
        const int64_t give_up_us_ = now_us() + INT64_C(1000) * PATIENCE_MS;                                            \
        bool held_ = (condition);                                                                                      \
        while (!held_ && now_us() < give_up_us_) {                                                                     \
            nap();                                                                                                     \
            held_ = (condition);                                                                                       \
        }                                                                                                              \
        check_true(held_, "eventually: " #condition, __FILE__, __LINE__, false);                                       \
    } while (0)

bool check_true(bool holds, const char *what, const char *file, int line, bool fatal);
bool check_int(int64_t actual, int64_t expected, const char *what, const char *file, int line);
bool check_text(const char *actual, const char *expected, const char *what, const char *file, int line);
bool check_between(int64_t actual, int64_t low, int64_t high, const char *what, const char *file, int line);

#endif
