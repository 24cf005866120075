/* The unit tests' suites: one prototype a suite, and one row in main.c. A suite's function adds its tests:
 *
 *     void suite_uuid(CU_pSuite suite) {
 *         static const struct unit_test tests[] = {{"is random", is_random}};
 *         ADD_TESTS(suite, tests);
 *     } */
#ifndef SK_TESTS_UNIT_SUITES_H
#define SK_TESTS_UNIT_SUITES_H

#include <CUnit/CUnit.h>
#include <stddef.h>

struct unit_test {
    const char *name;
    CU_TestFunc run;
};

void add_tests(CU_pSuite suite, const struct unit_test *tests, size_t count);
#define ADD_TESTS(suite, tests) add_tests((suite), (tests), sizeof(tests) / sizeof((tests)[0]))

void suite_audit_event(CU_pSuite suite);
void suite_audit_worker(CU_pSuite suite);
void suite_buffer(CU_pSuite suite);
void suite_change(CU_pSuite suite);
void suite_config(CU_pSuite suite);
void suite_engine(CU_pSuite suite);
void suite_codec(CU_pSuite suite);
void suite_session_reader(CU_pSuite suite);
void suite_message(CU_pSuite suite);
void suite_error(CU_pSuite suite);
void suite_event_writer(CU_pSuite suite);
void suite_database_url(CU_pSuite suite);
void suite_printable(CU_pSuite suite);
void suite_iso_time(CU_pSuite suite);
void suite_json_writer(CU_pSuite suite);
void suite_keys(CU_pSuite suite);
void suite_log(CU_pSuite suite);
void suite_metrics(CU_pSuite suite);
void suite_metrics_process(CU_pSuite suite);
void suite_migrations(CU_pSuite suite);
void suite_problems(CU_pSuite suite);
void suite_redis_url(CU_pSuite suite);
void suite_replay(CU_pSuite suite);
void suite_server_clock(CU_pSuite suite);
void suite_store_lost(CU_pSuite suite);
void suite_network(CU_pSuite suite);
void suite_terms(CU_pSuite suite);
void suite_token(CU_pSuite suite);
void suite_trace(CU_pSuite suite);
void suite_utf8(CU_pSuite suite);
void suite_uuid(CU_pSuite suite);
void suite_fcgi_api(CU_pSuite suite);
void suite_fcgi_documents(CU_pSuite suite);
void suite_fcgi_listener(CU_pSuite suite);
void suite_fcgi_query(CU_pSuite suite);
void suite_fcgi_reply(CU_pSuite suite);
void suite_fcgi_request(CU_pSuite suite);
void suite_fcgi_router(CU_pSuite suite);
void suite_fcgi_status(CU_pSuite suite);
void suite_relay_admission(CU_pSuite suite);
void suite_relay_appeal(CU_pSuite suite);
void suite_relay_guard(CU_pSuite suite);
void suite_relay_handshake(CU_pSuite suite);
void suite_relay_hold(CU_pSuite suite);
void suite_relay_lws_log(CU_pSuite suite);
void suite_relay_outbox(CU_pSuite suite);
void suite_relay_spread(CU_pSuite suite);
void suite_relay_pace(CU_pSuite suite);
void suite_relay_page(CU_pSuite suite);
void suite_relay_tally(CU_pSuite suite);
void suite_relay_protocol(CU_pSuite suite);
void suite_relay_snapshot(CU_pSuite suite);
void suite_relay_target(CU_pSuite suite);

#endif
