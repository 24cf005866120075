/* What the worker decides: how long it waits, what counts as an error of the data, and when a threshold is worth a
 * word. */
#include "audit/database.h"
#include "audit/watch.h"
#include "audit/worker.h"
#include "tests/unit/suites.h"

static void waits_double_up_to_a_limit(void)
{
    static const int64_t waits[] = {2000, 4000, 8000, 16000, 32000, 32000, 32000};
    for (unsigned i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        CU_ASSERT_EQUAL(sk_worker_backoff_ms(i + 1), waits[i]);
    }
    CU_ASSERT_EQUAL(sk_worker_backoff_ms(0), 2000);
    CU_ASSERT_EQUAL(sk_worker_backoff_ms(4000000000U), 32000);
}

static void errors_are_sorted_by_whom_they_are_to_blame_on(void)
{
    static const struct {
        const char *sqlstate;
        enum sk_database_fault fault;
    } rows[] = {
        {"22P02", SK_DATABASE_REFUSED}, /* text that is no value of the type */
        {"22P05", SK_DATABASE_REFUSED}, /* \u0000 in jsonb */
        {"22021", SK_DATABASE_REFUSED}, /* a NUL byte, or no UTF-8 */
        {"22008", SK_DATABASE_REFUSED}, /* an instant out of range */
        {"23502", SK_DATABASE_REFUSED}, /* null where there must be a value */
        {"54000", SK_DATABASE_REFUSED}, /* an index entry too long */
        {"54001", SK_DATABASE_REFUSED}, /* JSON nested too deep */
        {"08006", SK_DATABASE_LOST},    /* connection failure */
        {"25006", SK_DATABASE_LOST},    /* a standby */
        {"28P01", SK_DATABASE_LOST},    /* a wrong password */
        {"40001", SK_DATABASE_CLASH},   /* serialization failure */
        {"40P01", SK_DATABASE_CLASH},   /* deadlock */
        {"42P01", SK_DATABASE_LOST},    /* no such table: not migrated yet */
        {"42501", SK_DATABASE_LOST},    /* no right to it */
        {"53100", SK_DATABASE_LOST},    /* disk full */
        {"57014", SK_DATABASE_SLOW},    /* statement timeout */
        {"57P01", SK_DATABASE_LOST},    /* server shut down */
        {"58030", SK_DATABASE_LOST},    /* I/O error */
        {"XX000", SK_DATABASE_UNCLEAR}, /* invalid memory alloc request size */
        {"XX001", SK_DATABASE_LOST},    /* damaged data file */
        {"0A000", SK_DATABASE_UNCLEAR}, /* infinity as a number */
        {"P0001", SK_DATABASE_UNCLEAR}, /* somebody's trigger */
        {"2", SK_DATABASE_LOST},        {"", SK_DATABASE_LOST}, {NULL, SK_DATABASE_LOST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CU_ASSERT_EQUAL(sk_database_fault_of(rows[i].sqlstate), rows[i].fault);
    }
}

static void a_threshold_speaks_once_and_again_each_minute(void)
{
    static const struct {
        int64_t now_ms;
        int64_t value;
        enum sk_verdict verdict;
    } rows[] = {
        {1000, 999, SK_VERDICT_QUIET},     {2000, 1000, SK_VERDICT_QUIET},  {3000, 1001, SK_VERDICT_RAISED},
        {4000, 5000, SK_VERDICT_QUIET},    {5000, 1000, SK_VERDICT_QUIET},  {6000, 1001, SK_VERDICT_QUIET},
        {62999, 1001, SK_VERDICT_QUIET},   {63000, 800, SK_VERDICT_QUIET},  {64000, 2000, SK_VERDICT_REMINDED},
        {64001, 2000, SK_VERDICT_QUIET},   {124000, 801, SK_VERDICT_QUIET}, {124001, 2000, SK_VERDICT_REMINDED},
        {125000, 799, SK_VERDICT_CLEARED}, {126000, 799, SK_VERDICT_QUIET}, {127000, 1000, SK_VERDICT_QUIET},
        {128000, 1001, SK_VERDICT_RAISED}, {129000, 0, SK_VERDICT_CLEARED},
    };
    struct sk_threshold threshold = {.over = false};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CU_ASSERT_EQUAL(sk_threshold_judge(&threshold, rows[i].value, 1000, rows[i].now_ms), rows[i].verdict);
    }
}

static void a_threshold_of_zero_is_silent_and_one_of_one_can_be_cleared(void)
{
    struct sk_threshold threshold = {.over = false};
    CU_ASSERT_EQUAL(sk_threshold_judge(&threshold, INT64_MAX, 0, 1), SK_VERDICT_QUIET);
    CU_ASSERT_EQUAL(sk_threshold_judge(&threshold, 2, 1, 1), SK_VERDICT_RAISED);
    CU_ASSERT_EQUAL(sk_threshold_judge(&threshold, 0, 1, 2), SK_VERDICT_CLEARED);
}

/* Nobody to tell is no fault, and costs nothing. */
static void without_an_address_there_is_no_alert(void)
{
    struct sk_error error = {0};
    struct sk_alert *alert;
    CU_ASSERT_EQUAL(sk_alert_open("", &alert, &error), SK_OK);
    CU_ASSERT_PTR_NULL(alert);
    sk_alert_send(alert, SK_ALERT_BACKLOG, "nobody hears", SK_I("waiting", 1));
    sk_alert_close(alert);
}

void suite_audit_worker(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"waits double up to a limit", waits_double_up_to_a_limit},
        {"a threshold speaks once, and again each minute", a_threshold_speaks_once_and_again_each_minute},
        {"a threshold of zero is silent, and one of one can be cleared",
         a_threshold_of_zero_is_silent_and_one_of_one_can_be_cleared},
        {"without an address there is no alert", without_an_address_there_is_no_alert},
        {"errors are sorted by whom they are to blame on", errors_are_sorted_by_whom_they_are_to_blame_on},
    };
    ADD_TESTS(suite, tests);
}
