/* Error codes in HTTP. */
#include "fcgi/status.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <CUnit/CUnit.h>

static void every_code_has_a_status_with_a_reason(void)
{
    for (int code = SK_OK; code < SK_CODE_COUNT; code++) {
        int status = sk_http_status((enum sk_code)code);
        CHECK(sk_code_name((enum sk_code)code), status == 200 || (status >= 400 && status < 600));
        CHECK(sk_code_name((enum sk_code)code), sk_http_reason(status)[0] != '\0');
    }
}

static void codes_stand_in_their_class(void)
{
    static const struct {
        enum sk_code code;
        int status;
    } rows[] = {
        {SK_INVALID_JSON, 400},
        {SK_INVALID_STATE_TRANSITION, 400},
        {SK_SESSION_NOT_FOUND, 404},
        {SK_METHOD_NOT_ALLOWED, 405},
        {SK_CONFLICT, 409},
        {SK_SESSION_EXISTS, 409},
        {SK_PAYLOAD_TOO_LARGE, 413},
        {SK_UNSUPPORTED_MEDIA_TYPE, 415},
        {SK_INTERNAL_ERROR, 500},
        {SK_OUTCOME_UNKNOWN, 503},
        {SK_STATE_STORE_UNAVAILABLE, 503},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_INT(sk_code_name(rows[i].code), sk_http_status(rows[i].code), rows[i].status);
    }
}

static void what_is_meant_for_the_log_stays_there(void)
{
    static const char secret[] = "connection to 10.0.0.7:6379 refused";
    static const enum sk_code hidden[] = {SK_INTERNAL_ERROR, SK_STATE_STORE_UNAVAILABLE, SK_ARCHIVE_UNAVAILABLE};
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        CU_ASSERT_STRING_NOT_EQUAL(sk_http_message(hidden[i], secret), secret);
    }
    CU_ASSERT_STRING_EQUAL(sk_http_message(SK_CONFLICT, "versions differ"), "versions differ");
}

static void a_code_that_is_none_is_a_fault_of_ours(void)
{
    CU_ASSERT_EQUAL(sk_http_status(SK_CODE_COUNT), 500);
    CU_ASSERT_EQUAL(sk_http_status((enum sk_code)1000), 500);
}

static void only_faults_are_logged_louder(void)
{
    CU_ASSERT_EQUAL(sk_http_log_level(SK_OK, SK_LOG_DEBUG), SK_LOG_DEBUG);
    CU_ASSERT_EQUAL(sk_http_log_level(SK_CONFLICT, SK_LOG_INFO), SK_LOG_INFO);
    CU_ASSERT_EQUAL(sk_http_log_level(SK_STATE_STORE_UNAVAILABLE, SK_LOG_DEBUG), SK_LOG_ERROR);
    CU_ASSERT_EQUAL(sk_http_log_level(SK_ARCHIVE_UNAVAILABLE, SK_LOG_INFO), SK_LOG_ERROR);
    CU_ASSERT_EQUAL(sk_http_log_level(SK_OUTCOME_UNKNOWN, SK_LOG_INFO), SK_LOG_ERROR);
    CU_ASSERT_EQUAL(sk_http_log_level(SK_INTERNAL_ERROR, SK_LOG_INFO), SK_LOG_ERROR);
}

void suite_fcgi_status(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"every code has a status with a reason", every_code_has_a_status_with_a_reason},
        {"codes stand in their class", codes_stand_in_their_class},
        {"what is meant for the log stays there", what_is_meant_for_the_log_stays_there},
        {"a code that is none is a fault of ours", a_code_that_is_none_is_a_fault_of_ours},
        {"only faults are logged louder", only_faults_are_logged_louder},
    };
    ADD_TESTS(suite, tests);
}
