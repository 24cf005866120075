/* Queries taken apart, numbers in them, and the cursor of the listing. */
#include "fcgi/listing.h"
#include "fcgi/query.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

/* The fields of all problems, separated by blanks. */
static const char *fields_of(const struct sk_problems *problems, char *out, size_t bytes)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sk_problems_kept(problems) && used < bytes; i++) {
        const char *field = problems->list[i].field[0] ? problems->list[i].field : "-";
        used += (size_t)snprintf(out + used, bytes - used, "%s%s", i ? " " : "", field);
    }
    return out;
}

static void pairs_become_values_or_problems(void)
{
    static const struct {
        const char *query;
        const char *status; /* NULL: not given */
        const char *cursor;
        const char *problems;
    } rows[] = {
        {"", NULL, NULL, ""},
        {"status=running", "running", NULL, ""},
        {"status=running&cursor=1.0.a", "running", "1.0.a", ""},
        {"&&status=running&", "running", NULL, ""},
        {"status", "", NULL, ""},
        {"status=", "", NULL, ""},
        {"status==", "=", NULL, ""},
        {"status=a=b", "a=b", NULL, ""},
        {"status=a+b%2Bc", "a b+c", NULL, ""},
        {"st%61tus=%72unning", "running", NULL, ""},
        {"status=%C3%A4", "\xc3\xa4", NULL, ""},
        {"status=a?b", "a?b", NULL, ""},
        {"status=a&status=b", "a", NULL, "status"},
        {"status=a&status=a", "a", NULL, "status"},
        {"Status=a", NULL, NULL, "Status"},
        {"other=1&status=a&more", "a", NULL, "other more"},
        {"status=%", "", NULL, "status"},
        {"status=%4", "", NULL, "status"},
        {"status=%zz", "", NULL, "status"},
        {"status=%00", "", NULL, "status"},
        {"status=running%00", "", NULL, "status"},
        {"status=%0a", "", NULL, "status"},
        {"status=%ff", "", NULL, "status"},
        {"status=%c3", "", NULL, "status"},
        {"status=\xc3", "", NULL, "status"},
        {"%ff=1", NULL, NULL, "-"},
        {"%00=1", NULL, NULL, "-"},
        {"=1", NULL, NULL, "-"},
        {"a0123456789012345678901234567890123456789012345678901234567890123=1", NULL, NULL, "-"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char found[256];
        struct sk_problems problems = {0};
        struct query_value values[] = {{.name = "status"}, {.name = "cursor"}};
        sk_query_read(rows[i].query, values, 2, &problems);
        CHECK_INT(rows[i].query, values[0].given, rows[i].status != NULL);
        CHECK_TEXT(rows[i].query, values[0].text, rows[i].status ? rows[i].status : "");
        CHECK_TEXT(rows[i].query, values[1].text, rows[i].cursor ? rows[i].cursor : "");
        CHECK_TEXT(rows[i].query, fields_of(&problems, found, sizeof found), rows[i].problems);
        sk_problems_clear(&problems);
    }
}

static void a_value_is_as_long_as_it_may_be(void)
{
    char query[600] = "status=";
    size_t start = strlen(query);
    for (size_t length = SK_QUERY_VALUE_BYTES - 2; length <= SK_QUERY_VALUE_BYTES + 200; length++) {
        struct sk_problems problems = {0};
        struct query_value values[] = {{.name = "status"}};
        memset(query + start, 'x', length);
        query[start + length] = '\0';
        sk_query_read(query, values, 1, &problems);
        bool fits = length < SK_QUERY_VALUE_BYTES;
        CHECK_INT("problems", (int64_t)problems.count, fits ? 0 : 1);
        CHECK_INT("length", (int64_t)strlen(values[0].text), fits ? (int64_t)length : 0);
        sk_problems_clear(&problems);
    }
}

static void thousands_of_parameters_are_counted_and_not_kept(void)
{
    static char query[40001];
    struct sk_problems problems = {0};
    for (size_t i = 0; i < 20000; i++) {
        query[2 * i] = 'a';
        query[2 * i + 1] = '&';
    }
    sk_query_read(query, NULL, 0, &problems);
    CHECK_INT("problems", (int64_t)problems.count, 20000);
    CHECK_INT("kept", (int64_t)sk_problems_kept(&problems), SK_PROBLEMS_MAX);
    sk_problems_clear(&problems);
}

static void a_number_is_digits_within_its_limits(void)
{
    static const struct {
        const char *text;
        int64_t number; /* -1: refused */
    } rows[] = {
        {"1", 1},          {"200", 200}, {"007", 7},  {"0", -1},    {"201", -1},
        {"", -1},          {" 5", -1},   {"5 ", -1},  {"+5", -1},   {"-5", -1},
        {"5.0", -1},       {"5e1", -1},  {"0x5", -1}, {"five", -1}, {"18446744073709551621", -1},
        {"5\xd9\xa1", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_problems problems = {0};
        struct query_value value = {.name = "limit", .given = true};
        int64_t number = -1;
        (void)snprintf(value.text, sizeof value.text, "%s", rows[i].text);
        sk_query_int(&value, 1, 200, &number, &problems);
        CHECK_INT(rows[i].text, number, rows[i].number);
        CHECK_INT(rows[i].text, (int64_t)problems.count, rows[i].number < 0);
        sk_problems_clear(&problems);
    }
}

static void a_cursor_comes_back_as_it_was(void)
{
    static const struct sk_catalogue_place places[] = {
        {0, "a"},
        {1790000000123, "game-42"},
        {1790000000123, "a.b.c:d_e-f"},
        {281474976710655, "1234567890123456789012345678901234567890123456789012345678901234"},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char text[SK_CURSOR_BYTES];
        struct sk_catalogue_place read;
        sk_cursor_write(&places[i], text);
        CHECK(text, sk_cursor_read(text, &read));
        CHECK_INT(text, read.created_at_ms, places[i].created_at_ms);
        CHECK_TEXT(text, read.session_id, places[i].session_id);
    }
}

static void what_is_no_cursor_is_refused(void)
{
    static const char *const texts[] = {
        "",
        "1",
        "1.",
        "1..a",
        "1.0",
        "1.0.",
        "2.0.a",
        "1.-1.a",
        "1.0x1.a",
        "1.A.a",
        "1.1000000000000.a",
        "1.0.a b",
        "1.0.a/b",
        "1.0.12345678901234567890123456789012345678901234567890123456789012345",
        "null",
        "1.0.\xc3\xa4",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sk_catalogue_place read;
        CHECK(texts[i], !sk_cursor_read(texts[i], &read));
    }
}

void suite_fcgi_query(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"pairs become values, or problems", pairs_become_values_or_problems},
        {"a value is as long as it may be", a_value_is_as_long_as_it_may_be},
        {"thousands of parameters are counted and not kept", thousands_of_parameters_are_counted_and_not_kept},
        {"a number is digits within its limits", a_number_is_digits_within_its_limits},
        {"a cursor comes back as it was", a_cursor_comes_back_as_it_was},
        {"what is no cursor is refused", what_is_no_cursor_is_refused},
    };
    ADD_TESTS(suite, tests);
}
