/* Tests of who is told what by a change: the clients of the session, and the feed, without a Redis. */
#include "common/message.h"
#include "common/store_parts.h"
#include "tests/unit/check.h"
#include "tests/unit/common/sessions.h"
#include "tests/unit/suites.h"

#include <stdlib.h>
#include <string.h>

#define GAME                                                                                                           \
    "{'sync_mode':'per_participant','total_time_ms':60000,'action_on_timeout':{'type':'end_session'},"                 \
    "'metadata':{'table':7},'participants':[{'participant_id':'a'},{'participant_id':'b'}]}"
#define ROUNDS                                                                                                         \
    "{'sync_mode':'per_cycle','time_per_cycle_ms':1000,'auto_advance':true,"                                           \
    "'participants':[{'participant_id':'a'},{'participant_id':'b'}]}"

static const struct sk_origin somebody = {.actor = "server-7", .request_id = "r-1"};

/* A change of the session, which it takes, read at now; as a load leaves it. */
static void open_change(struct sk_change *change, struct sk_session *session, int64_t now_ms)
{
    *change = (struct sk_change){.session_id = "s1", .origin = &somebody, .session_ttl_ms = 3600000};
    sk_change_forget(change);
    change->session = session;
    change->now_ms = now_ms;
    change->transaction.indexed_from = session ? session->status : SK_STATUS_COUNT;
}

/* The types of what the audience is told, with a comma behind each. */
static const char *told(const struct sk_transaction *transaction, unsigned audience, struct sk_buffer *out)
{
    sk_buffer_reset(out);
    for (size_t i = 0; i < transaction->message_count; i++) {
        const struct sk_transaction_message *message = &transaction->messages[i];
        struct sk_message_header header;
        const char *text = NULL;
        size_t length = 0;
        if ((message->audience & audience) != 0 &&
            CHECK("a message", sk_message_read(message->text.data, message->text.length, &header, &text, &length))) {
            sk_buffer_append_text(out, sk_message_type_name(header.type));
            sk_buffer_append_char(out, ',');
        }
    }
    return sk_buffer_text(out);
}

static void check_told(const char *name, const struct sk_change *change, const char *clients, const char *feed)
{
    struct sk_buffer out = {0};
    CHECK_TEXT(name, told(&change->transaction, SK_TO_CLIENTS, &out), clients);
    CHECK_TEXT(name, told(&change->transaction, SK_TO_FEED, &out), feed);
    sk_buffer_clear(&out);
}

static void each_operation_tells_what_it_is(void)
{
    static const struct {
        const char *name;
        const char *config;
        const char *before[3]; /* operations at T0 + 1000 */
        enum sk_op op;
        int64_t at_ms;
        const char *clients;
        const char *feed;
    } rows[] = {
        {"start", GAME, {NULL}, SK_OP_START, 0, "STATE_UPDATE,", "SESSION_STARTED,"},
        {"a plain switch", GAME, {"start"}, SK_OP_SWITCH, 2000, "STATE_UPDATE,", ""},
        {"pause", GAME, {"start"}, SK_OP_PAUSE, 2000, "STATE_UPDATE,", "SESSION_PAUSED,"},
        {"resume", GAME, {"start", "pause"}, SK_OP_RESUME, 2000, "STATE_UPDATE,", "SESSION_RESUMED,"},
        {"complete", GAME, {"start"}, SK_OP_COMPLETE, 2000, "STATE_UPDATE,", "SESSION_ENDED,"},
        {"cancel", GAME, {NULL}, SK_OP_CANCEL, 2000, "STATE_UPDATE,", "SESSION_ENDED,"},
        {"too late to pause",
         GAME,
         {"start"},
         SK_OP_PAUSE,
         99000,
         "TIME_EXPIRED,STATE_UPDATE,",
         "TIME_EXPIRED,SESSION_ENDED,"},
        {"pause after a cycle ran out",
         ROUNDS,
         {"start"},
         SK_OP_PAUSE,
         2500,
         "TIME_EXPIRED,STATE_UPDATE,",
         "TIME_EXPIRED,SESSION_PAUSED,"},
        {"cancel after a cycle ran out",
         ROUNDS,
         {"start"},
         SK_OP_CANCEL,
         2500,
         "TIME_EXPIRED,STATE_UPDATE,",
         "TIME_EXPIRED,SESSION_ENDED,"},
        {"switch after a cycle ran out",
         ROUNDS,
         {"start"},
         SK_OP_SWITCH,
         2500,
         "TIME_EXPIRED,STATE_UPDATE,",
         "TIME_EXPIRED,"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sk_error error = {SK_OK, ""};
        struct sk_change change;
        struct sk_session *session = session_of(rows[i].config);
        for (size_t k = 0; k < 3 && rows[i].before[k]; k++) {
            CHECK_INT(rows[i].name, operate(session, rows[i].before[k], "{}", T0 + 1000), SK_OK);
        }
        struct sk_operation operation = {
            .op = rows[i].op, .expected_version = SK_NONE, .current_cycle_number = SK_NONE, .index = SK_NONE};
        open_change(&change, session, T0 + rows[i].at_ms);
        change.operation = &operation;
        (void)sk_store_prepare_operation(&change, SK_OK, &error);
        check_told(rows[i].name, &change, rows[i].clients, rows[i].feed);
        sk_change_forget(&change);
    }
}

static void a_session_ends_once(void)
{
    struct sk_error error = {SK_OK, ""};
    struct sk_change change;
    struct sk_session *session = session_of(GAME);
    struct sk_operation complete = {
        .op = SK_OP_COMPLETE, .expected_version = SK_NONE, .current_cycle_number = SK_NONE, .index = SK_NONE};
    CHECK_INT("start", operate(session, "start", "{}", T0), SK_OK);
    session->status = SK_EXPIRED;
    open_change(&change, session, T0 + 99000);
    change.operation = &complete;
    (void)sk_store_prepare_operation(&change, SK_OK, &error);
    struct sk_buffer out = {0};
    CHECK_TEXT("completed after it expired", told(&change.transaction, SK_TO_FEED, &out), "");
    sk_buffer_clear(&out);
    sk_change_forget(&change);
}

static void a_life_begins_and_is_deleted(void)
{
    struct sk_error error = {SK_OK, ""};
    struct sk_change change;
    struct sk_session *wanted = session_of(GAME);
    open_change(&change, NULL, T0 + 5);
    change.wanted = wanted;
    CHECK_INT("create", sk_store_prepare_creation(&change, SK_SESSION_NOT_FOUND, &error), SK_OK);
    check_told("created", &change, "STATE_UPDATE,", "SESSION_CREATED,");
    sk_change_forget(&change);

    CHECK_INT("start", operate(wanted, "start", "{}", T0), SK_OK);
    struct sk_session *running = sk_session_copy(wanted);
    open_change(&change, running, T0 + 2000);
    CHECK_INT("delete", sk_store_prepare_deletion(&change, SK_OK, &error), SK_OK);
    check_told("deleted as it ran", &change, "SESSION_DELETED,", "SESSION_DELETED,");
    sk_change_forget(&change);

    open_change(&change, wanted, T0 + 99000);
    CHECK_INT("delete", sk_store_prepare_deletion(&change, SK_OK, &error), SK_OK);
    check_told("deleted after its end", &change, "TIME_EXPIRED,SESSION_DELETED,",
               "TIME_EXPIRED,SESSION_ENDED,SESSION_DELETED,");
    sk_change_forget(&change);
}

/* More than a message can hold, in one settle: each is told twice, and there must be room. */
static void as_many_expiries_as_are_kept_fit(void)
{
    struct sk_error error = {SK_OK, ""};
    struct sk_change change;
    struct sk_session *session = session_of(ROUNDS);
    CHECK_INT("start", operate(session, "start", "{}", T0), SK_OK);
    struct sk_operation cancel = {
        .op = SK_OP_CANCEL, .expected_version = SK_NONE, .current_cycle_number = SK_NONE, .index = SK_NONE};
    open_change(&change, session, T0 + 60500);
    change.operation = &cancel;
    CHECK_INT("cancel", sk_store_prepare_operation(&change, SK_OK, &error), SK_OK);
    CHECK_INT("expiries", change.settlement.count, 60);
    CHECK_INT("messages", (int64_t)change.transaction.message_count, SK_EXPIRIES_KEPT + 2);
    sk_change_forget(&change);
}

static void the_feed_says_whose_doing_it_was(void)
{
    struct sk_error error = {SK_OK, ""};
    struct sk_change change;
    struct sk_message_header header;
    const char *text = NULL;
    size_t length = 0;
    struct sk_session *wanted = session_of(GAME);
    open_change(&change, NULL, T0);
    change.wanted = wanted;
    CHECK_INT("create", sk_store_prepare_creation(&change, SK_SESSION_NOT_FOUND, &error), SK_OK);
    const struct sk_buffer *message = &change.transaction.messages[1].text;
    CHECK("a message", sk_message_read(message->data, message->length, &header, &text, &length));
    CHECK_TEXT("request", header.request_id, "r-1");
    CHECK_INT("version", header.version, 1);
    char *frame = strndup(text, length);
    CHECK_TEXT("text", frame,
               "{\"type\":\"SESSION_CREATED\",\"sessionId\":\"s1\",\"timestamp\":1790000000000,\"payload\":{"
               "\"session_id\":\"s1\",\"sync_mode\":\"per_participant\",\"status\":\"pending\",\"version\":1,"
               "\"actor\":\"server-7\",\"created_at\":\"2026-09-21T14:13:20.000Z\",\"session_started_at\":null,"
               "\"session_completed_at\":null,\"updated_at_ms\":1790000000000,\"metadata\":{\"table\":7}}}");
    free(frame);
    sk_change_forget(&change);
    sk_session_free(wanted);
}

void suite_change(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"each operation tells what it is", each_operation_tells_what_it_is},
        {"a session ends once", a_session_ends_once},
        {"a life begins and is deleted", a_life_begins_and_is_deleted},
        {"as many expiries as are kept fit", as_many_expiries_as_are_kept_fit},
        {"the feed says whose doing it was", the_feed_says_whose_doing_it_was},
    };
    ADD_TESTS(suite, tests);
}
