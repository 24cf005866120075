/* Checks for tests with rows in tables: a failure names the row and shows both values. Each gives whether it held. */
#ifndef SK_TESTS_UNIT_CHECK_H
#define SK_TESTS_UNIT_CHECK_H

#include <stdbool.h>
#include <stdint.h>

/* what: the row's name, or what is compared. A NULL text equals only NULL. */
#define CHECK(what, condition) check_true((what), (condition), #condition, __FILE__, __LINE__)
#define CHECK_INT(what, actual, expected) check_int((what), (actual), (expected), __FILE__, __LINE__)
#define CHECK_TEXT(what, actual, expected) check_text((what), (actual), (expected), __FILE__, __LINE__)

bool check_true(const char *what, bool holds, const char *condition, const char *file, unsigned line);
bool check_int(const char *what, int64_t actual, int64_t expected, const char *file, unsigned line);
bool check_text(const char *what, const char *actual, const char *expected, const char *file, unsigned line);

#endif
