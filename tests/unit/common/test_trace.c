/* Tests of common/trace: which traceparent fields are taken. The good ones are those of the recommendation. */
#include "common/trace.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define NO_TRACE "00000000000000000000000000000000"
#define PARENT "b7ad6b7169203331"

static void only_what_is_valid_is_taken(void)
{
    static const struct {
        const char *traceparent;
        bool good;
    } rows[] = {
        {"00-" TRACE "-" PARENT "-01", true},
        {"00-" TRACE "-" PARENT "-00", true},
        {"00-" TRACE "-" PARENT "-ff", true},
        {"01-" TRACE "-" PARENT "-01", true},
        {"cc-" TRACE "-" PARENT "-01-what-the-future-will-be-like", true},
        {"fe-" TRACE "-" PARENT "-01-", true},
        {"", false},
        {"00", false},
        {"00-" TRACE "-" PARENT, false},
        {"00-" TRACE "-" PARENT "-1", false},
        {"00-" TRACE "-" PARENT "-01-", false},
        {"00-" TRACE "-" PARENT "-01-more", false},
        {"00-" TRACE "-" PARENT "-01 ", false},
        {" 00-" TRACE "-" PARENT "-01", false},
        {"00-" TRACE "-" PARENT "-01, 00-" TRACE "-" PARENT "-01", false},
        {"01-" TRACE "-" PARENT "-01.more", false},
        {"cc-" TRACE "-" PARENT "-010", false},
        {"ff-" TRACE "-" PARENT "-01", false},
        {"0-" TRACE "-" PARENT "-01", false},
        {"FE-" TRACE "-" PARENT "-01", false},
        {"0g-" TRACE "-" PARENT "-01", false},
        {"00-" NO_TRACE "-" PARENT "-01", false},
        {"00-" TRACE "-0000000000000000-01", false},
        {"00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01", false},
        {"00-0af7651916cd43dd8448eb211c80319-" PARENT "-01", false},
        {"00-0af7651916cd43dd8448eb211c80319cc-" PARENT "-01", false},
        {"00-0af7651916cd43dd8448eb211c80319g-" PARENT "-01", false},
        {"00-" TRACE "-B7AD6B7169203331-01", false},
        {"00-" TRACE "-" PARENT "-0G", false},
        {"00_" TRACE "_" PARENT "_01", false},
        {"00-" TRACE "-b7ad6b716920333\xc3-01", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char trace_id[SK_TRACE_ID_BYTES] = "before";
        CHECK_INT(rows[i].traceparent, sk_trace_read(rows[i].traceparent, trace_id), rows[i].good);
        CHECK_TEXT(rows[i].traceparent, trace_id, rows[i].good ? TRACE : "");
    }
}

static void no_beginning_of_one_is_one(void)
{
    static const char whole[] = "00-" TRACE "-" PARENT "-01";
    char text[sizeof whole];
    char trace_id[SK_TRACE_ID_BYTES];
    for (size_t length = 0; length < sizeof whole - 1; length++) {
        for (size_t i = 0; i < length; i++) {
            text[i] = whole[i];
        }
        text[length] = '\0';
        CHECK(text, !sk_trace_read(text, trace_id));
    }
}

void suite_trace(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"only what is valid is taken", only_what_is_valid_is_taken},
        {"no beginning of one is one", no_beginning_of_one_is_one},
    };
    ADD_TESTS(suite, tests);
}
