/* What the audit worker tells a webhook of, how often, and that nothing waits for whoever receives it. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/webhook.h"
#include "tests/integration/worker.h"

#include <string.h>

static void add_nonsense(int count)
{
    for (int i = 0; i < count; i++) {
        redis_peek("XADD audit * nothing useful-%d", i);
    }
}

static void an_event_set_aside_is_told_of_at_once_and_the_rest_later(void)
{
    struct webhook *webhook = webhook_start(WEBHOOK_TAKES);
    const char *const env[] = {kept_text("ALERT_WEBHOOK_URL=%s", webhook_url(webhook)), "AUDIT_ERROR_FAILED=2", NULL};
    json_t *told;
    without_worker();
    worker_start(env);
    add_nonsense(1);
    EVENTUALLY(webhook_told(webhook, "audit_event_failed", &told) == 1);
    EXPECT_TEXT(text_at(told, "service"), "synckairos");
    EXPECT_TEXT(text_at(told, "details.error"), "the field event_id is missing");
    EXPECT(strcmp(text_at(told, "details.stream_id"), "(nothing)") != 0);
    EXPECT(strcmp(text_at(told, "host"), "(nothing)") != 0 && strcmp(text_at(told, "text"), "(nothing)") != 0);
    EXPECT_BETWEEN(instant_at(told, "time"), wall_ms() - PATIENCE_MS, wall_ms());
    EXPECT_INT(int_at(told, "details.left_out"), NOWHERE);
    add_nonsense(4);
    EVENTUALLY(redis_int("XLEN audit:failed") == 5);
    EVENTUALLY(webhook_told(webhook, "audit_failed_many", &told) == 1);
    EXPECT_INT(int_at(told, "details.failed"), 5);
    EXPECT_INT(int_at(told, "details.limit"), 2);
    EXPECT(process_logged(stack.audit, "many audit events were set aside"));
    EXPECT_INT((int64_t)webhook_told(webhook, "audit_event_failed", NULL), 1);
    process_stop(stack.audit);
    EXPECT_INT((int64_t)webhook_told(webhook, "audit_event_failed", &told), 2);
    EXPECT_INT(int_at(told, "details.left_out"), 3);
    EXPECT(!process_logged(stack.audit, "secret-path"));
}

static void a_backlog_is_warned_of_once(void)
{
    struct webhook *webhook = webhook_start(WEBHOOK_TAKES);
    const char *const env[] = {kept_text("ALERT_WEBHOOK_URL=%s", webhook_url(webhook)), "AUDIT_BATCH=1",
                               "AUDIT_WARN_WAITING=5", "AUDIT_MAX_BACKLOG=8", NULL};
    const char *id = fresh_id("backlog");
    json_t *told;
    without_worker();
    without_postgres();
    create_running(id, CHESS);
    play_on(id, 10);
    worker_start(env);
    EVENTUALLY(webhook_told(webhook, "audit_backlog", &told) == 1);
    EXPECT_BETWEEN(int_at(told, "details.waiting"), 11, 12);
    EVENTUALLY(webhook_told(webhook, "audit_dropping", NULL) == 1);
    EXPECT(process_logged(stack.audit, "many audit events wait for PostgreSQL"));
    EXPECT(process_logged(stack.audit, "the oldest audit events are being lost"));
    stack_start_postgres();
    await_trail(id, 12);
    EVENTUALLY(process_logged(stack.audit, "the audit queue is short again"));
    EXPECT_INT((int64_t)process_log_count(stack.audit, "many audit events wait for PostgreSQL"), 1);
}

/* Neither its silence nor its refusals are the drain's business; its address is nobody's. */
static void a_receiver_that_never_answers_holds_up_nothing(void)
{
    static const enum webhook_manner manners[] = {WEBHOOK_IS_MUTE, WEBHOOK_REFUSES, WEBHOOK_REDIRECTS};
    without_worker();
    for (size_t i = 0; i < sizeof(manners) / sizeof(*manners); i++) {
        struct webhook *webhook = webhook_start(manners[i]);
        const char *const env[] = {kept_text("ALERT_WEBHOOK_URL=%s", webhook_url(webhook)), NULL};
        const char *id = fresh_id("mute");
        worker_start(env);
        add_nonsense(3);
        create_running(id, CHESS);
        EVENTUALLY(webhook_count(webhook) > 0);
        const int64_t since_us = now_us();
        act(id, "switch", NULL);
        await_trail(id, 3);
        EXPECT(now_us() - since_us < 1500000);
        if (manners[i] != WEBHOOK_IS_MUTE) {
            EVENTUALLY(webhook_count(webhook) >= 3);
            EVENTUALLY(process_logged(stack.audit, "an alert could not be sent"));
        }
        const int64_t stop_us = now_us();
        process_stop(stack.audit);
        EXPECT(now_us() - stop_us < 3000000);
        EXPECT(process_logged(stack.audit, "an alert could not be sent"));
        EXPECT(!process_logged(stack.audit, "secret-path"));
    }
}

/* The status has said all that there is to know. */
static void a_receiver_whose_answer_never_ends_has_taken_the_alert(void)
{
    struct webhook *webhook = webhook_start(WEBHOOK_GOES_ON);
    const char *const env[] = {kept_text("ALERT_WEBHOOK_URL=%s", webhook_url(webhook)), "LOG_LEVEL=debug", NULL};
    without_worker();
    worker_start(env);
    add_nonsense(1);
    EVENTUALLY(process_logged(stack.audit, "an alert was sent"));
    process_stop(stack.audit);
    EXPECT_INT((int64_t)webhook_count(webhook), 1);
    EXPECT(!process_logged(stack.audit, "an alert could not be sent"));
}

CU_TestInfo alert_tests[] = {
    {"an event set aside is told of at once, and the rest later",
     an_event_set_aside_is_told_of_at_once_and_the_rest_later},
    {"a backlog is warned of once", a_backlog_is_warned_of_once},
    {"a receiver that never answers holds up nothing", a_receiver_that_never_answers_holds_up_nothing},
    {"a receiver whose answer never ends has taken the alert", a_receiver_whose_answer_never_ends_has_taken_the_alert},
    CU_TEST_INFO_NULL,
};
