/* Tests of common/engine, expiry and face: what a reader of the worked cases would still ask. */
#include "common/engine.h"
#include "common/mode.h"
#include "tests/unit/check.h"
#include "tests/unit/common/sessions.h"
#include "tests/unit/suites.h"

#include <string.h>

#define CHESS                                                                                                          \
    "{'sync_mode':'per_participant','participants':[{'participant_id':'a','total_time_ms':60000},"                     \
    "{'participant_id':'b','total_time_ms':60000}]}"

static void names_every_mode_and_operation(void)
{
    for (size_t i = 0; sk_mode_at(i); i++) {
        CHECK("mode", sk_mode_of(sk_mode_at(i)->name) == sk_mode_at(i));
    }
    CHECK("unknown mode", sk_mode_of("chess") == NULL);
    for (int i = 0; i < SK_OP_COUNT; i++) {
        CHECK_INT("operation", sk_op_of(sk_op_name((enum sk_op)i)), i);
    }
    CHECK_INT("unknown operation", sk_op_of("explode"), SK_OP_COUNT);
}

static void refuses_from_each_wrong_status(void)
{
    static const struct {
        const char *after; /* operations that lead to the status, each a letter */
        const char *op;
        enum sk_code code;
    } rows[] = {
        {"", "switch", SK_INVALID_STATE_TRANSITION},
        {"", "pause", SK_INVALID_STATE_TRANSITION},
        {"", "resume", SK_INVALID_STATE_TRANSITION},
        {"", "complete", SK_OK},
        {"", "cancel", SK_OK},
        {"s", "start", SK_INVALID_STATE_TRANSITION},
        {"s", "resume", SK_INVALID_STATE_TRANSITION},
        {"sp", "pause", SK_INVALID_STATE_TRANSITION},
        {"sp", "switch", SK_INVALID_STATE_TRANSITION},
        {"sp", "start", SK_INVALID_STATE_TRANSITION},
        {"sc", "complete", SK_OK},
        {"sc", "cancel", SK_INVALID_STATE_TRANSITION},
        {"sc", "start", SK_INVALID_STATE_TRANSITION},
        {"sx", "cancel", SK_OK},
        {"sx", "complete", SK_INVALID_STATE_TRANSITION},
        {"sx", "resume", SK_INVALID_STATE_TRANSITION},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sk_session *session = session_of(CHESS);
        for (const char *c = rows[i].after; *c != '\0'; c++) {
            const char *op = *c == 's' ? "start" : *c == 'p' ? "pause" : *c == 'c' ? "complete" : "cancel";
            CHECK_INT(op, operate(session, op, "{}", T0 + 1000), SK_OK);
        }
        CHECK_INT(rows[i].op, operate(session, rows[i].op, "{}", T0 + 2000), rows[i].code);
        sk_session_free(session);
    }
}

static void says_the_operation_and_the_status(void)
{
    struct sk_session *session = session_of(CHESS);
    struct sk_settlement settlement = {.count = 0};
    struct sk_operation operation = {.op = SK_OP_PAUSE, .expected_version = SK_NONE, .current_cycle_number = SK_NONE};
    struct sk_error error;
    CHECK_INT("pause", sk_engine_apply(session, &operation, T0, &settlement, &error), SK_INVALID_STATE_TRANSITION);
    CHECK_TEXT("pause", error.text, "cannot be paused (current status: pending)");
    operation.op = SK_OP_SWITCH;
    CHECK_INT("switch", sk_engine_apply(session, &operation, T0, &settlement, &error), SK_INVALID_STATE_TRANSITION);
    CHECK_TEXT("switch", error.text, "not running (current status: pending)");
    sk_session_free(session);
}

static void compares_the_expected_version_before_the_status(void)
{
    struct sk_session *session = session_of(CHESS);
    CHECK_INT("wrong status too", operate(session, "pause", "{'expected_version':7}", T0), SK_CONFLICT);
    CHECK_INT("start", operate(session, "start", "{'expected_version':1}", T0), SK_OK);
    CHECK_INT("old", operate(session, "switch", "{'expected_version':1}", T0 + 1), SK_CONFLICT);
    CHECK_INT("settled first", operate(session, "complete", "{'expected_version':2}", T0 + 60001), SK_CONFLICT);
    CHECK_INT("version", session->version, 3);
    CHECK("overtime", session->overtime);
    sk_session_free(session);
}

static void an_error_leaves_the_settled_session(void)
{
    struct sk_session *session = session_of(CHESS);
    CHECK_INT("start", operate(session, "start", "{}", T0), SK_OK);
    struct sk_session *before = sk_session_copy(session);
    CHECK_INT("stranger", operate(session, "switch", "{'current_participant_id':'b'}", T0 + 5),
              SK_NOT_ACTIVE_PARTICIPANT);
    CHECK_INT("cycle", operate(session, "switch", "{'current_cycle_number':9}", T0 + 5), SK_CONFLICT);
    CHECK_INT("next", operate(session, "switch", "{'next_participant_id':'z'}", T0 + 5), SK_VALIDATION_ERROR);
    CHECK_INT("remove", operate(session, "remove", "{'participant_id':'a'}", T0 + 5), SK_PARTICIPANT_ACTIVE);
    CHECK_INT("adjust", operate(session, "adjust", "{'participant_id':'z','delta_ms':1}", T0 + 5),
              SK_PARTICIPANT_NOT_FOUND);
    CHECK_INT("add", operate(session, "add", "{'participant_id':'c'}", T0 + 5), SK_VALIDATION_ERROR);
    CHECK_INT("version", session->version, before->version);
    CHECK_INT("participants", (int64_t)session->participant_count, 2);
    CHECK_INT("started", session->cycle_started_at_ms, before->cycle_started_at_ms);
    CHECK_INT("bank", session->participants[0].bank.total_time_ms, 60000);
    sk_session_free(before);
    sk_session_free(session);
}

static void holds_a_thousand_participants_and_no_more(void)
{
    struct sk_session *session = session_of("{'sync_mode':'count_up'}");
    char arguments[64];
    for (int i = 0; i < SK_PARTICIPANTS_MAX; i++) {
        (void)snprintf(arguments, sizeof(arguments), "{'participant_id':'p%d'}", i);
        CHECK_INT(arguments, operate(session, "add", arguments, T0), SK_OK);
    }
    CHECK_INT("one more", operate(session, "add", "{'participant_id':'q'}", T0), SK_VALIDATION_ERROR);
    CHECK_INT("last index", session->participants[SK_PARTICIPANTS_MAX - 1].index, SK_PARTICIPANTS_MAX - 1);
    sk_session_free(session);
}

static void the_active_one_stays_active_when_others_come_and_go(void)
{
    struct sk_session *session =
        session_of("{'sync_mode':'per_cycle','time_per_cycle_ms':5000,'participants':["
                   "{'participant_id':'b','participant_index':5},{'participant_id':'c','participant_index':9}]}");
    CHECK_INT("start", operate(session, "start", "{}", T0), SK_OK);
    CHECK_INT("add", operate(session, "add", "{'participant_id':'a','participant_index':1}", T0), SK_OK);
    CHECK_TEXT("active", session->participants[session->active].id, "b");
    CHECK_INT("switch", operate(session, "switch", "{}", T0 + 1), SK_OK);
    CHECK_INT("remove", operate(session, "remove", "{'participant_id':'a'}", T0 + 1), SK_OK);
    CHECK_TEXT("active", session->participants[session->active].id, "c");
    sk_session_free(session);
}

static void warns_with_the_smallest_threshold_passed(void)
{
    struct sk_session *session =
        session_of("{'sync_mode':'global','time_per_cycle_ms':10000,'warnings_ms':[10000,8000,3000,1000]}");
    static const struct {
        int64_t at_ms, warning_ms, next_ms;
    } rows[] = {
        {0, SK_NONE, 2000}, {1999, SK_NONE, 2000}, {2000, 8000, 7000},
        {6999, 8000, 7000}, {7000, 3000, 9000},    {9500, 1000, 10000},
    };
    CHECK_INT("pending", sk_engine_next_timer(session, T0), SK_NONE);
    CHECK_INT("start", operate(session, "start", "{}", T0), SK_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_INT("warning", sk_engine_warning(session, T0 + rows[i].at_ms), rows[i].warning_ms);
        CHECK_INT("next timer", sk_engine_next_timer(session, T0 + rows[i].at_ms), T0 + rows[i].next_ms);
    }
    sk_session_free(session);
}

static void a_day_of_short_cycles_settles_at_once(void)
{
    struct sk_session *session = session_of("{'sync_mode':'per_cycle','time_per_cycle_ms':1000,'auto_advance':true,"
                                            "'participants':[{'participant_id':'a'},{'participant_id':'b'}]}");
    struct sk_settlement settlement;
    CHECK_INT("start", operate(session, "start", "{}", T0), SK_OK);
    CHECK_INT("settle", sk_engine_settle(session, T0 + INT64_C(30) * 86400000, &settlement, NULL), SK_OK);
    CHECK_INT("count", settlement.count, 86401);
    CHECK_INT("kept", (int64_t)settlement.kept, SK_EXPIRIES_KEPT);
    CHECK_INT("status", session->status, SK_EXPIRED);
    CHECK_INT("end", session->session_completed_at_ms, T0 + 86401000);
    CHECK_TEXT("reason", json_string_value(json_object_get(session->action_applied, "reason")), "unattended");
    sk_settlement_clear(&settlement);
    sk_session_free(session);
}

/* The cycle's limit no longer counts in overtime, and the session has none: the clock still stands at 0. */
static void a_question_in_overtime_shows_nothing_left(void)
{
    struct sk_session *session = session_of("{'sync_mode':'global','time_per_cycle_ms':1000}");
    struct sk_clock_face face;
    CHECK_INT("start", operate(session, "start", "{}", T0), SK_OK);
    CHECK_INT("view", operate(session, "view", "{}", T0 + 1500), SK_OK);
    sk_engine_clock(session, T0 + 1500, &face);
    CHECK("overtime", face.overtime);
    CHECK_INT("left", face.time_remaining_ms, 0);
    CHECK_INT("elapsed", face.time_elapsed_ms, 1500);
    CHECK_INT("deadline", face.deadline_at_ms, SK_NONE);
    sk_session_free(session);
}

static void a_newcomer_cannot_bring_nothing(void)
{
    struct sk_session *session = session_of("{'sync_mode':'per_participant','total_time_ms':5000,"
                                            "'participants':[{'participant_id':'a'}]}");
    CHECK_INT("0", operate(session, "add", "{'participant_id':'b','total_time_ms':0}", T0), SK_VALIDATION_ERROR);
    CHECK_INT("nobody joined", (int64_t)session->participant_count, 1);
    CHECK_INT("not given", operate(session, "add", "{'participant_id':'b'}", T0), SK_OK);
    CHECK_INT("the session's", session->participants[1].bank.total_time_ms, 5000);
    sk_session_free(session);
}

void suite_engine(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"names every mode and operation", names_every_mode_and_operation},
        {"refuses from each wrong status", refuses_from_each_wrong_status},
        {"says the operation and the status", says_the_operation_and_the_status},
        {"compares the expected version before the status", compares_the_expected_version_before_the_status},
        {"an error leaves the settled session", an_error_leaves_the_settled_session},
        {"holds a thousand participants and no more", holds_a_thousand_participants_and_no_more},
        {"the active one stays active when others come and go", the_active_one_stays_active_when_others_come_and_go},
        {"warns with the smallest threshold passed", warns_with_the_smallest_threshold_passed},
        {"a question in overtime shows nothing left", a_question_in_overtime_shows_nothing_left},
        {"a newcomer cannot bring nothing", a_newcomer_cannot_bring_nothing},
        {"a day of short cycles settles at once", a_day_of_short_cycles_settles_at_once},
    };
    ADD_TESTS(suite, tests);
}
