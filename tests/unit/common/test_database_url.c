/* DATABASE_URL: what libpq takes, and that nothing of what it does not take is told. */
#include "common/database_url.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <string.h>

static void what_libpq_takes_is_taken(void)
{
    static const char *const urls[] = {
        "postgresql:///synckairos",
        "postgres://u:p@h:5432/db?sslmode=require",
        "postgresql://u:sec%25ret%2F%40@h1:1,h2:2/db",
        "postgresql:///db?host=/run/postgresql",
        "postgresql://u@%2Frun%2Fpostgresql/db",
        "postgresql://u:a?b@h/db",
        "postgresql://[::1]:5433/db?application_name=a@b",
        "host=/run/postgresql dbname=x",
        "host=a,b port=1,2 password='two words' user=u@h",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct sk_error error = {0};
        CHECK_INT(urls[i], sk_database_url_check(urls[i], &error), SK_OK);
    }
}

static void no_part_of_a_password_is_told(void)
{
    static const char *const urls[] = {
        "postgresql://u:sec%ret@h/db",  "postgresql://u:sec/ret@h/db",
        "postgresql://u:12/sec@h/ret",  "postgresql://u:se@cret@h/db",
        "postgresql://u:se?c@ret@h/db", "password=a secret",
        "password=a secret=b",          "password='secret",
        "host=h port=secret",           "postgresql://u:sec%00@h/ret",
        "postgresql://h/db?secret=ret",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct sk_error error = {0};
        CHECK_INT(urls[i], sk_database_url_check(urls[i], &error), SK_VALIDATION_ERROR);
        CU_ASSERT(!strstr(error.text, "sec") && !strstr(error.text, "ret"));
        CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "value not shown"));
    }
}

void suite_database_url(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"what libpq takes is taken", what_libpq_takes_is_taken},
        {"no part of a password is told", no_part_of_a_password_is_told},
    };
    ADD_TESTS(suite, tests);
}
