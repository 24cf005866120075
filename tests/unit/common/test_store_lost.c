/* Tests of what the store makes of a session that Redis lost, without a Redis: what would be committed, and what is
 * answered. */
#include "common/codec.h"
#include "common/iso_time.h"
#include "common/store_parts.h"
#include "tests/unit/check.h"
#include "tests/unit/common/sessions.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAST_EVENT "01a0f3e2-6a2f-7b70-8d11-0c2b4a6f8e9d"
#define GAME                                                                                                           \
    "{'sync_mode':'per_participant','total_time_ms':60000,'action_on_timeout':{'type':'end_session'},"                 \
    "'participants':[{'participant_id':'a'},{'participant_id':'b'}]}"

/* A change of a game that began at T0 + 1000 and stands in for a lost one, read at now. */
static void open_change(struct sk_change *change, const struct sk_origin *origin, int64_t now_ms)
{
    *change = (struct sk_change){.session_id = "s1", .origin = origin};
    sk_change_forget(change);
    change->session = session_of(GAME);
    CHECK_INT("start", operate(change->session, "start", "{}", T0 + 1000), SK_OK);
    memcpy(change->session->last_event_id, LAST_EVENT, sizeof LAST_EVENT);
    change->now_ms = now_ms;
    change->session_ttl_ms = 3600000;
    change->stands_in = true;
    change->transaction.indexed_from = change->session->status;
    change->transaction.indexed_anew = true;
}

static const struct sk_origin nobody = {.actor = "unit", .request_id = NULL};

static enum sk_message_type type_of(const struct sk_buffer *message)
{
    struct sk_message_header header = {.type = SK_MESSAGE_TYPE_COUNT};
    const char *text = NULL;
    size_t length = 0;
    CHECK("a message", sk_message_read(message->data, message->length, &header, &text, &length));
    return header.type;
}

static void a_recovery_is_one_event_and_one_sync(void)
{
    struct sk_error error = {SK_OK, ""};
    struct sk_change change;
    char at[SK_ISO_TIME_BYTES];
    int64_t now_ms = T0 + 21000;
    open_change(&change, &nobody, now_ms);
    CHECK_INT("code", sk_store_prepare_restoration(&change, SK_OK, &error), SK_OK);
    const struct sk_transaction *transaction = &change.transaction;
    const json_t *metadata = change.session->metadata;
    CHECK_INT("events", (int64_t)transaction->event_count, 1);
    CHECK_TEXT("type", transaction->events[0].type, "session_recovered");
    CHECK_TEXT("before it", transaction->events[0].prev_event_id, LAST_EVENT);
    CHECK_TEXT("now the last", change.session->last_event_id, transaction->events[0].event_id);
    CHECK_INT("event's version", transaction->events[0].version, 3);
    CHECK_INT("version", change.session->version, 3);
    CHECK_INT("operated_at", change.session->operated_at_ms, T0 + 1000);
    CHECK_INT("deadline", sk_engine_deadline(change.session), T0 + 61000);
    CHECK("recovered", json_is_true(json_object_get(metadata, "recovered")));
    CHECK_TEXT("when", json_string_value(json_object_get(metadata, "recovered_at")), sk_iso_time(now_ms, at));
    CHECK_TEXT("arguments", sk_buffer_text(&transaction->events[0].metadata), "{}");
    CHECK_INT("messages", (int64_t)transaction->message_count, 1);
    CHECK_INT("a sync", type_of(&transaction->messages[0].text), SK_MESSAGE_STATE_SYNC);
    CHECK_INT("timer", transaction->next_timer_ms, T0 + 51000);
    CHECK("whatever timer there is", !transaction->keeps_due_timer);
    CHECK_INT("index", transaction->indexed_to, SK_RUNNING);
    CHECK_TEXT("built on nothing", transaction->base_event_id, "");
    sk_change_forget(&change);
}

static void what_ran_out_meanwhile_is_in_the_same_commit(void)
{
    struct sk_error error = {SK_OK, ""};
    struct sk_change change;
    open_change(&change, &nobody, T0 + 99000);
    CHECK_INT("code", sk_store_prepare_restoration(&change, SK_OK, &error), SK_OK);
    const struct sk_transaction *transaction = &change.transaction;
    CHECK_INT("events", (int64_t)transaction->event_count, 2);
    CHECK_TEXT("first", transaction->events[0].type, "session_recovered");
    CHECK_TEXT("then", transaction->events[1].type, "time_expired");
    CHECK_TEXT("a chain", transaction->events[1].prev_event_id, transaction->events[0].event_id);
    CHECK_INT("version", change.session->version, 4);
    CHECK_INT("at its deadline", change.session->session_completed_at_ms, T0 + 61000);
    CHECK_INT("messages", (int64_t)transaction->message_count, 3);
    CHECK_INT("expired", type_of(&transaction->messages[0].text), SK_MESSAGE_TIME_EXPIRED);
    CHECK_INT("a sync", type_of(&transaction->messages[1].text), SK_MESSAGE_STATE_SYNC);
    CHECK_INT("to the feed", type_of(&transaction->messages[2].text), SK_MESSAGE_SESSION_ENDED);
    CHECK_INT("kept as an ended one", transaction->ttl_ms, 3600000);
    CHECK_INT("no timer", transaction->next_timer_ms, SK_NONE);
    sk_change_forget(&change);
}

static void somebody_faster_is_left_alone(void)
{
    struct sk_error error = {SK_OK, ""};
    struct sk_change change;
    open_change(&change, &nobody, T0 + 2000);
    change.stands_in = false;
    CHECK_INT("code", sk_store_prepare_restoration(&change, SK_OK, &error), SK_OK);
    CHECK_INT("events", (int64_t)change.transaction.event_count, 0);
    CHECK_INT("version", change.session->version, 2);
    CHECK("a view all the same", change.view.length > 0);
    sk_change_forget(&change);
}

/* Each recovery replaces the mark of the one before, and the marks may go beyond what a client is allowed. */
static void the_mark_is_replaced_and_can_be_read(void)
{
    struct sk_error error = {SK_OK, ""};
    struct sk_buffer stored = {0};
    struct sk_session *read = NULL;
    struct sk_change change;
    open_change(&change, &nobody, T0 + 2000);
    char *filler = calloc(1, 8193 - strlen("{\"filler\":\"\"}"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(filler);
    memset(filler, 'x', 8192 - strlen("{\"filler\":\"\"}"));
    json_t *full = json_pack("{s:s}", "filler", filler);
    json_t *before = json_deep_copy(full);
    sk_json_replace(&change.session->metadata, full);
    CHECK_INT("first", sk_store_prepare_restoration(&change, SK_OK, &error), SK_OK);
    CHECK("what others hold is not changed", json_equal(full, before));
    sk_transaction_clear(&change.transaction);
    change.now_ms = T0 + 3000;
    CHECK_INT("second", sk_store_prepare_restoration(&change, SK_OK, &error), SK_OK);
    CHECK_INT("members", (int64_t)json_object_size(change.session->metadata), 3);
    sk_codec_write(&stored, change.session);
    CHECK_INT("read", sk_codec_read(stored.data, stored.length, &read, &error), SK_OK);
    CHECK("the same", read && json_equal(read->metadata, change.session->metadata));
    sk_session_free(read);
    sk_buffer_clear(&stored);
    sk_change_forget(&change);
    json_decref(full);
    json_decref(before);
    free(filler);
}

static void a_deletion_follows_the_last_event_that_is_known(void)
{
    struct sk_error error = {SK_OK, ""};
    struct sk_change change;
    open_change(&change, &nobody, T0 + 2000);
    CHECK_INT("code", sk_store_prepare_deletion(&change, SK_OK, &error), SK_OK);
    CHECK_INT("events", (int64_t)change.transaction.event_count, 1);
    CHECK_TEXT("type", change.transaction.events[0].type, "session_deleted");
    CHECK_TEXT("before it", change.transaction.events[0].prev_event_id, LAST_EVENT);
    CHECK_INT("version", change.transaction.events[0].version, 3);
    CHECK("a tombstone", change.transaction.tombstone.length > 0);
    CHECK_INT("out of the index", change.transaction.indexed_to, SK_STATUS_COUNT);
    sk_change_forget(&change);
}

static void a_refused_deletion_brings_nothing_back(void)
{
    struct sk_error error = {SK_OK, ""};
    struct sk_terms terms;
    struct sk_change change;
    const struct sk_origin origin = {.actor = "unit", .terms = &terms};
    sk_terms_open(&terms);
    terms.if_match = 2;
    open_change(&change, &origin, T0 + 99000); /* its clock has run out, so that it is at 3 */
    CHECK_INT("code", sk_store_prepare_deletion(&change, SK_OK, &error), SK_PRECONDITION_FAILED);
    CHECK_INT("events", (int64_t)change.transaction.event_count, 0);
    sk_change_forget(&change);
}

static void an_archived_session_refuses_what_changes_it(void)
{
    static const struct {
        const char *name;
        enum sk_op op;
        int64_t expected_version;
        int64_t if_match;
        bool replayed;
        enum sk_code code;
        const char *text;
    } rows[] = {
        {"switch", SK_OP_SWITCH, SK_NONE, SK_NONE, false, SK_INVALID_STATE_TRANSITION,
         "not running (current status: expired)"},
        {"complete", SK_OP_COMPLETE, SK_NONE, SK_NONE, false, SK_INVALID_STATE_TRANSITION,
         "cannot be completed (current status: expired)"},
        {"a version that it has", SK_OP_COMPLETE, 3, 3, false, SK_INVALID_STATE_TRANSITION,
         "cannot be completed (current status: expired)"},
        {"another version", SK_OP_PAUSE, 2, SK_NONE, false, SK_CONFLICT,
         "expected version 2, but the session is at version 3"},
        {"another tag", SK_OP_PAUSE, 2, 2, false, SK_PRECONDITION_FAILED,
         "If-Match does not name the session's version (3)"},
        {"a repeat", SK_OP_COMPLETE, 2, 2, true, SK_OK, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_error error = {SK_OK, ""};
        struct sk_settlement settlement;
        struct sk_terms terms;
        struct sk_change change;
        struct sk_operation operation = {.op = rows[i].op,
                                         .expected_version = rows[i].expected_version,
                                         .current_cycle_number = SK_NONE,
                                         .index = SK_NONE};
        const struct sk_origin origin = {.actor = "unit", .terms = &terms};
        sk_terms_open(&terms);
        terms.if_match = rows[i].if_match;
        terms.replayed = rows[i].replayed;
        open_change(&change, &origin, T0 + 99000);
        CHECK_INT(rows[i].name, sk_engine_settle(change.session, change.now_ms, &settlement, &error), SK_OK);
        sk_settlement_clear(&settlement);
        change.operation = &operation;
        CHECK_INT(rows[i].name, sk_store_answer_archived(&change, &error), rows[i].code);
        CHECK_TEXT(rows[i].name, error.text, rows[i].text);
        CHECK_INT(rows[i].name, change.session->version, 3);
        sk_change_forget(&change);
    }
}

void suite_store_lost(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"a recovery is one event and one sync", a_recovery_is_one_event_and_one_sync},
        {"what ran out meanwhile is in the same commit", what_ran_out_meanwhile_is_in_the_same_commit},
        {"somebody faster is left alone", somebody_faster_is_left_alone},
        {"the mark is replaced and can be read", the_mark_is_replaced_and_can_be_read},
        {"a deletion follows the last event that is known", a_deletion_follows_the_last_event_that_is_known},
        {"a refused deletion brings nothing back", a_refused_deletion_brings_nothing_back},
        {"an archived session refuses what changes it", an_archived_session_refuses_what_changes_it},
    };
    ADD_TESTS(suite, tests);
}
