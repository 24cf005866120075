/* What the worker decides: how long it waits, and what counts as an error of the data. */
#include "audit/database.h"
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

static void only_the_data_is_to_blame_for_data_errors(void)
{
    static const struct {
        const char *sqlstate;
        bool is_data;
    } rows[] = {
        {"22P02", true},  /* text that is no value of the type */
        {"22P05", true},  /* \u0000 in jsonb */
        {"22021", true},  /* a NUL byte, or no UTF-8 */
        {"22008", true},  /* an instant out of range */
        {"23502", true},  /* null where there must be a value */
        {"54000", true},  /* an index entry too long */
        {"54001", true},  /* JSON nested too deep */
        {"08006", false}, /* connection failure */
        {"25006", false}, /* a standby */
        {"40P01", false}, /* deadlock */
        {"42P01", false}, /* no such table: not migrated yet */
        {"53100", false}, /* disk full */
        {"57014", false}, /* statement timeout */
        {"57P01", false}, /* server shut down */
        {"58030", false}, /* I/O error */
        {"XX001", false}, /* damaged data file */
        {"2", false},     {"", false}, {NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CU_ASSERT_EQUAL(sk_database_is_data_error(rows[i].sqlstate), rows[i].is_data);
    }
}

void suite_audit_worker(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"waits double up to a limit", waits_double_up_to_a_limit},
        {"only the data is to blame for data errors", only_the_data_is_to_blame_for_data_errors},
    };
    ADD_TESTS(suite, tests);
}
