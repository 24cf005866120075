/* The suites: each a file, each a table of named tests that ends with CU_TEST_INFO_NULL. */
#ifndef SK_TESTS_SUITES_H
#define SK_TESTS_SUITES_H

#include <CUnit/CUnit.h>

extern CU_TestInfo game_tests[];
extern CU_TestInfo lifecycle_tests[];
extern CU_TestInfo error_tests[];
extern CU_TestInfo validation_tests[];
extern CU_TestInfo participants_tests[];
extern CU_TestInfo listing_tests[];
extern CU_TestInfo history_tests[];
extern CU_TestInfo restore_tests[];
extern CU_TestInfo prune_tests[];
extern CU_TestInfo expiry_tests[];
extern CU_TestInfo warning_tests[];
extern CU_TestInfo commit_tests[];
extern CU_TestInfo terms_tests[];
extern CU_TestInfo contention_tests[];
extern CU_TestInfo trail_tests[];
extern CU_TestInfo dead_letter_tests[];
extern CU_TestInfo trouble_tests[];
extern CU_TestInfo queue_tests[];
extern CU_TestInfo alert_tests[];
extern CU_TestInfo intake_tests[];
extern CU_TestInfo lifetime_tests[];
extern CU_TestInfo relay_tests[];
extern CU_TestInfo pressure_tests[];
extern CU_TestInfo relay_recovery_tests[];
extern CU_TestInfo access_tests[];
extern CU_TestInfo feed_tests[];
extern CU_TestInfo host_clock_tests[];
extern CU_TestInfo process_tests[];
extern CU_TestInfo metrics_tests[];
extern CU_TestInfo counters_tests[];
extern CU_TestInfo log_tests[];
extern CU_TestInfo openapi_tests[];
extern CU_TestInfo front_tests[];
extern CU_TestInfo front_api_tests[];
extern CU_TestInfo cgi_tests[];
extern CU_TestInfo prometheus_tests[];
extern CU_TestInfo outage_tests[];
extern CU_TestInfo storm_tests[];
extern CU_TestInfo door_tests[];
extern CU_TestInfo crowd_tests[];
extern CU_TestInfo drain_tests[];
extern CU_TestInfo tls_tests[];
extern CU_TestInfo verify_tests[];
extern CU_TestInfo recovery_tests[];
extern CU_TestInfo fault_tests[];

#endif
