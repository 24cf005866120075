/* Tests of common/error. */
#include "common/error.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <stddef.h>
#include <string.h>

static void every_code_has_its_own_name(void)
{
    for (int code = 0; code < SK_CODE_COUNT; code++) {
        const char *name = sk_code_name((enum sk_code)code);
        CHECK(name, name[0] != '\0' && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == strlen(name));
        for (int other = 0; other < code; other++) {
            CHECK(name, strcmp(name, sk_code_name((enum sk_code)other)) != 0);
        }
    }
    CHECK_TEXT("one", sk_code_name(SK_SESSION_NOT_FOUND), "SESSION_NOT_FOUND");
    CHECK_TEXT("last", sk_code_name(SK_ARCHIVE_UNAVAILABLE), "ARCHIVE_UNAVAILABLE");
}

static void a_code_that_is_none_is_an_internal_error(void)
{
    CHECK_TEXT("one too many", sk_code_name(SK_CODE_COUNT), "INTERNAL_ERROR");
    CHECK_TEXT("far off", sk_code_name((enum sk_code) - 1), "INTERNAL_ERROR");
}

static void fails(void)
{
    struct sk_error error;
    CHECK_INT("code", sk_fail(&error, SK_CONFLICT, "version %d", 7), SK_CONFLICT);
    CHECK_INT("code kept", error.code, SK_CONFLICT);
    CHECK_TEXT("text", error.text, "version 7");
    CHECK_INT("nobody to tell", sk_fail(NULL, SK_NOT_FOUND, "%s", "x"), SK_NOT_FOUND);
}

static void cuts_a_long_text(void)
{
    char text[400];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text + 157, "\xe2\x82\xac", 3); /* its last byte would not fit */
    struct sk_error error;
    (void)sk_fail(&error, SK_INTERNAL_ERROR, "%s", text);
    CHECK_INT("length", (int64_t)strlen(error.text), 157);
}

void suite_error(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"every code has its own name", every_code_has_its_own_name},
        {"a code that is none is an internal error", a_code_that_is_none_is_an_internal_error},
        {"fails", fails},
        {"cuts a long text", cuts_a_long_text},
    };
    ADD_TESTS(suite, tests);
}
