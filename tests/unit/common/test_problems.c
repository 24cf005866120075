/* Tests of common/problems. */
#include "common/problems.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <string.h>

static void keeps_what_it_is_told(void)
{
    struct sk_problems problems = {0};
    CHECK_INT("none", (int64_t)sk_problems_kept(&problems), 0);
    sk_problems_add(&problems, "participants[3].total_time_ms", "must be %d to %d", 1000, 5000);
    sk_problems_add(&problems, "", "is 100%% wrong");
    CHECK_INT("kept", (int64_t)sk_problems_kept(&problems), 2);
    CHECK_TEXT("field", problems.list[0].field, "participants[3].total_time_ms");
    CHECK_TEXT("message", problems.list[0].message, "must be 1000 to 5000");
    CHECK_TEXT("field", problems.list[1].field, "");
    CHECK_TEXT("message", problems.list[1].message, "is 100% wrong");
    sk_problems_clear(&problems);
    CHECK("cleared", problems.count == 0 && !problems.list);
    sk_problems_clear(&problems);
}

static void a_field_is_no_format(void)
{
    struct sk_problems problems = {0};
    sk_problems_add(&problems, "%s%n%d", "unknown field");
    CHECK_TEXT("field", problems.list[0].field, "%s%n%d");
    sk_problems_clear(&problems);
}

static void counts_on_when_full(void)
{
    struct sk_problems problems = {0};
    for (int i = 0; i < SK_PROBLEMS_MAX + 50; i++) {
        char field[16];
        (void)snprintf(field, sizeof field, "f%d", i);
        sk_problems_add(&problems, field, "wrong");
    }
    CHECK_INT("count", (int64_t)problems.count, SK_PROBLEMS_MAX + 50);
    CHECK_INT("kept", (int64_t)sk_problems_kept(&problems), SK_PROBLEMS_MAX);
    CHECK_TEXT("last", problems.list[SK_PROBLEMS_MAX - 1].field, "f99");
    sk_problems_clear(&problems);
}

static void cuts_between_characters(void)
{
    char field[400];
    for (size_t i = 0; i + 2 < sizeof field; i += 2) {
        memcpy(field + i, "\xc3\xa9", 3);
    }
    struct sk_problems problems = {0};
    sk_problems_add(&problems, field, "%s", field);
    CHECK_INT("field", (int64_t)strlen(problems.list[0].field), (int64_t)sizeof problems.list[0].field - 2);
    CHECK_INT("message", (int64_t)strlen(problems.list[0].message), (int64_t)sizeof problems.list[0].message - 2);
    sk_problems_clear(&problems);
}

/* What a list without memory looks like: the count alone. */
static void without_memory_a_bad_request_stays_bad(void)
{
    struct sk_problems problems = {.list = NULL, .count = 1};
    sk_problems_add(&problems, "x", "wrong");
    CHECK_INT("count", (int64_t)problems.count, 2);
    CHECK_INT("kept", (int64_t)sk_problems_kept(&problems), 0);
    sk_problems_clear(&problems);
}

void suite_problems(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"keeps what it is told", keeps_what_it_is_told},
        {"a field is no format", a_field_is_no_format},
        {"counts on when full", counts_on_when_full},
        {"cuts between characters", cuts_between_characters},
        {"without memory a bad request stays bad", without_memory_a_bad_request_stays_bad},
    };
    ADD_TESTS(suite, tests);
}
