/* The tests over real servers: integration BUILD [SUITE]. Starts the stack, runs the suites (or the one named), stops
 * the stack; exits with 1 if a test failed, a server ended uncleanly or a sanitizer spoke. */
#include "tests/integration/front.h"
#include "tests/integration/keep.h"
#include "tests/integration/prometheus.h"
#include "tests/integration/secrets.h"
#include "tests/integration/stack.h"
#include "tests/integration/suites.h"

#include <CUnit/Basic.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In this order: the suites that stop Redis come last. */
static CU_SuiteInfo suites[] = {
    {"game", NULL, NULL, NULL, keep_clear, game_tests},
    {"lifecycle", NULL, NULL, NULL, keep_clear, lifecycle_tests},
    {"errors", NULL, NULL, NULL, keep_clear, error_tests},
    {"validation", NULL, NULL, NULL, keep_clear, validation_tests},
    {"participants", NULL, NULL, NULL, keep_clear, participants_tests},
    {"listing", NULL, NULL, NULL, keep_clear, listing_tests},
    {"expiry", NULL, NULL, NULL, keep_clear, expiry_tests},
    {"warnings", NULL, NULL, NULL, keep_clear, warning_tests},
    {"commit", NULL, NULL, NULL, keep_clear, commit_tests},
    {"terms", NULL, NULL, NULL, keep_clear, terms_tests},
    {"contention", NULL, NULL, NULL, keep_clear, contention_tests},
    {"trail", NULL, NULL, NULL, keep_clear, trail_tests},
    {"lifetime", NULL, NULL, NULL, keep_clear, lifetime_tests},
    {"relay", NULL, NULL, NULL, keep_clear, relay_tests},
    {"pressure", NULL, NULL, NULL, keep_clear, pressure_tests},
    {"access", NULL, NULL, NULL, keep_clear, access_tests},
    {"host-clock", NULL, NULL, NULL, keep_clear, host_clock_tests},
    {"processes", NULL, NULL, NULL, keep_clear, process_tests},
    {"metrics", NULL, NULL, NULL, keep_clear, metrics_tests},
    {"counters", NULL, NULL, NULL, keep_clear, counters_tests},
    {"logs", NULL, NULL, NULL, keep_clear, log_tests},
    {"openapi", NULL, NULL, NULL, keep_clear, openapi_tests},
    {"front", NULL, NULL, NULL, keep_clear, front_tests},
    /* The same over other web servers. */
    {"nginx-lifecycle", front_open_nginx, front_close, NULL, keep_clear, lifecycle_tests},
    {"nginx-errors", front_open_nginx, front_close, NULL, keep_clear, error_tests},
    {"nginx-front", front_open_nginx, front_close, NULL, keep_clear, front_tests},
    {"nginx-api", front_open_nginx, front_close, NULL, keep_clear, front_api_tests},
    {"nginx-kept-game", front_open_nginx_kept, front_close, NULL, keep_clear, game_tests},
    {"nginx-kept-lifecycle", front_open_nginx_kept, front_close, NULL, keep_clear, lifecycle_tests},
    {"nginx-kept-errors", front_open_nginx_kept, front_close, NULL, keep_clear, error_tests},
    {"nginx-kept-front", front_open_nginx_kept, front_close, NULL, keep_clear, front_tests},
    {"nginx-kept-api", front_open_nginx_kept, front_close, NULL, keep_clear, front_api_tests},
    {"apache-game", front_open_apache, front_close, NULL, keep_clear, game_tests},
    {"apache-lifecycle", front_open_apache, front_close, NULL, keep_clear, lifecycle_tests},
    {"apache-errors", front_open_apache, front_close, NULL, keep_clear, error_tests},
    {"apache-front", front_open_apache, front_close, NULL, keep_clear, front_tests},
    {"apache-api", front_open_apache, front_close, NULL, keep_clear, front_api_tests},
    {"cgi", front_open_cgi, front_close, NULL, keep_clear, cgi_tests},
    {"history", NULL, NULL, NULL, keep_clear, history_tests},
    {"relay recovery", NULL, NULL, NULL, keep_clear, relay_recovery_tests},
    {"restore", NULL, NULL, NULL, keep_clear, restore_tests},
    {"prune", NULL, NULL, NULL, keep_clear, prune_tests},
    {"dead letters", NULL, NULL, NULL, keep_clear, dead_letter_tests},
    {"troubles", NULL, NULL, NULL, keep_clear, trouble_tests},
    {"queue", NULL, NULL, NULL, keep_clear, queue_tests},
    {"alerts", NULL, NULL, NULL, keep_clear, alert_tests},
    {"intake", NULL, NULL, NULL, keep_clear, intake_tests},
    {"drain", NULL, NULL, NULL, keep_clear, drain_tests},
    {"tls", NULL, NULL, NULL, keep_clear, tls_tests},
    {"crowd", NULL, NULL, NULL, keep_clear, crowd_tests},
    {"storm", NULL, NULL, NULL, keep_clear, storm_tests},
    {"door", NULL, NULL, NULL, keep_clear, door_tests},
    {"prometheus", prometheus_open, prometheus_close, NULL, keep_clear, prometheus_tests},
    {"outage", NULL, NULL, NULL, keep_clear, outage_tests},
    {"feed", NULL, NULL, NULL, keep_clear, feed_tests},
    {"recovery", NULL, NULL, NULL, keep_clear, recovery_tests},
    {"faults", NULL, NULL, NULL, keep_clear, fault_tests},
    {"verify", NULL, NULL, NULL, keep_clear, verify_tests}, /* also of what the others left behind */
    CU_SUITE_INFO_NULL,
};

/* Leaves out the suites that the list (separated by commas) names. */
static void leave_out(const char *list)
{
    char name[64];
    int length = 0;
    CU_set_fail_on_inactive(CU_FALSE);
    while (sscanf(list, "%63[^,]%n", name, &length) == 1) {
        CU_pSuite suite = CU_get_suite(name);
        if (!suite || CU_set_suite_active(suite, CU_FALSE) != CUE_SUCCESS) {
            fprintf(stderr, "SYNCKAIROS_SKIP: there is no suite %s\n", name);
            exit(2);
        }
        list += length + (list[length] == ',');
    }
}

static CU_ErrorCode run_suites(const char *name)
{
    const char *skip = getenv("SYNCKAIROS_SKIP");
    if (!name) {
        leave_out(skip ? skip : "");
        return CU_basic_run_tests();
    }
    CU_pSuite suite = CU_get_suite(name);
    if (!suite) {
        fprintf(stderr, "there is no suite %s\n", name);
        exit(2);
    }
    return CU_basic_run_suite(suite);
}

int main(int count, char **arguments)
{
    if (count < 2) {
        fprintf(stderr, "usage: integration BUILD [SUITE]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CU_ErrorCode registered = CU_initialize_registry();
    registered = registered == CUE_SUCCESS ? CU_register_suites(suites) : registered;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    const bool up = registered == CUE_SUCCESS && stack_up(arguments[1]);
    const bool ran =
        up && run_suites(count > 2 ? arguments[2] : NULL) == CUE_SUCCESS && CU_get_number_of_tests_run() > 0;
    const bool failed = !ran || CU_get_number_of_failures() > 0;
    CU_cleanup_registry();
    keep_clear();
    const bool clean = stack_down();
    const bool discreet = secrets_are_kept();
    if (failed || !clean || !discreet) {
        process_print_logs();
        printf("FAILED%s%s; logs are in %s/logs\n", clean ? "" : " (a server did not run cleanly)",
               discreet ? "" : " (a log shows a secret)", stack.folder);
        return 1;
    }
    stack_remove_folder();
    return 0;
}
