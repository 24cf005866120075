/* Runs the unit tests: all suites, or the one named by the argument. Exits 1 if anything failed. Needs no server; run
 * it from the top of the source tree. */
#include "tests/unit/suites.h"

#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    void (*fill)(CU_pSuite suite);
} suites[] = {
    {"audit_event", suite_audit_event},
    {"audit_worker", suite_audit_worker},
    {"buffer", suite_buffer},
    {"change", suite_change},
    {"config", suite_config},
    {"engine", suite_engine},
    {"codec", suite_codec},
    {"session_reader", suite_session_reader},
    {"message", suite_message},
    {"error", suite_error},
    {"event_writer", suite_event_writer},
    {"database_url", suite_database_url},
    {"printable", suite_printable},
    {"iso_time", suite_iso_time},
    {"json_writer", suite_json_writer},
    {"keys", suite_keys},
    {"log", suite_log},
    {"metrics", suite_metrics},
    {"metrics_process", suite_metrics_process},
    {"migrations", suite_migrations},
    {"problems", suite_problems},
    {"redis_url", suite_redis_url},
    {"replay", suite_replay},
    {"server_clock", suite_server_clock},
    {"store_lost", suite_store_lost},
    {"network", suite_network},
    {"terms", suite_terms},
    {"token", suite_token},
    {"trace", suite_trace},
    {"utf8", suite_utf8},
    {"uuid", suite_uuid},
    {"fcgi_api", suite_fcgi_api},
    {"fcgi_documents", suite_fcgi_documents},
    {"fcgi_listener", suite_fcgi_listener},
    {"fcgi_query", suite_fcgi_query},
    {"fcgi_reply", suite_fcgi_reply},
    {"fcgi_request", suite_fcgi_request},
    {"fcgi_router", suite_fcgi_router},
    {"fcgi_status", suite_fcgi_status},
    {"relay_admission", suite_relay_admission},
    {"relay_appeal", suite_relay_appeal},
    {"relay_guard", suite_relay_guard},
    {"relay_handshake", suite_relay_handshake},
    {"relay_hold", suite_relay_hold},
    {"relay_lws_log", suite_relay_lws_log},
    {"relay_outbox", suite_relay_outbox},
    {"relay_spread", suite_relay_spread},
    {"relay_pace", suite_relay_pace},
    {"relay_page", suite_relay_page},
    {"relay_tally", suite_relay_tally},
    {"relay_protocol", suite_relay_protocol},
    {"relay_snapshot", suite_relay_snapshot},
    {"relay_target", suite_relay_target},
};

static void give_up(const char *what)
{
    (void)fprintf(stderr, "%s: %s\n", what, CU_get_error_msg());
    exit(1);
}

void add_tests(CU_pSuite suite, const struct unit_test *tests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!CU_add_test(suite, tests[i].name, tests[i].run)) {
            give_up(tests[i].name);
        }
    }
}

/* Registers the suites; false if none has that name (NULL: all). */
static bool register_suites(const char *only)
{
    bool found = false;
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        if (only && strcmp(only, suites[i].name) != 0) {
            continue;
        }
        CU_pSuite suite = CU_add_suite(suites[i].name, NULL, NULL);
        if (!suite) {
            give_up(suites[i].name);
        }
        suites[i].fill(suite);
        found = true;
    }
    return found;
}

int main(int argc, char **argv)
{
    if (CU_initialize_registry() != CUE_SUCCESS) {
        give_up("CUnit");
    }
    if (!register_suites(argc > 1 ? argv[1] : NULL)) {
        (void)fprintf(stderr, "no suite is called '%s'\n", argv[1]);
        CU_cleanup_registry();
        return 1;
    }
    (void)setvbuf(stdout, NULL, _IONBF, 0); /* nothing left over for forked children to print again */
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_ErrorCode ran = CU_basic_run_tests();
    bool passed = ran == CUE_SUCCESS && CU_get_number_of_failures() == 0 && CU_get_number_of_tests_run() > 0;
    CU_cleanup_registry();
    return passed ? 0 : 1;
}
