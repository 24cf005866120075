/* Tests of relay/appeal: how often a lost session is asked for, and what is kept of the answer. */
#include "relay/appeal.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <string.h>

#define NOW INT64_C(1000000000)
#define SECOND INT64_C(1000000)

static void asks_once_while_it_counts(void)
{
    struct sk_appeal appeal = {0};
    struct sk_appeal_quota quota = {0};
    CHECK("nothing counts at first", !sk_appeal_counts(&appeal, NOW));
    CHECK("the first", sk_appeal_begin(&appeal, &quota, NOW));
    CHECK("counts", sk_appeal_counts(&appeal, NOW));
    CHECK("not at once again", !sk_appeal_begin(&appeal, &quota, NOW + 1));
    CHECK("not a moment before its end", !sk_appeal_begin(&appeal, &quota, NOW + 5 * SECOND - 1));
    CHECK("again after it", sk_appeal_begin(&appeal, &quota, NOW + 5 * SECOND));
    sk_appeal_close(&appeal);
    CHECK("again once the matter was closed", sk_appeal_begin(&appeal, &quota, NOW + 5 * SECOND + 1));
    sk_appeal_close(&appeal);
    appeal.pending = true;
    CHECK("not while one is on its way", !sk_appeal_begin(&appeal, &quota, NOW + 20 * SECOND));
}

static void shares_a_quota(void)
{
    struct sk_appeal_quota quota = {0};
    struct sk_appeal one_more = {0};
    for (int i = 0; i < SK_APPEALS_A_SECOND; i++) {
        struct sk_appeal appeal = {0};
        CHECK("within it", sk_appeal_begin(&appeal, &quota, NOW + i));
    }
    CHECK("not beyond it", !sk_appeal_begin(&one_more, &quota, NOW + SECOND - 1));
    CHECK("nothing is noted then", !sk_appeal_counts(&one_more, NOW + SECOND - 1));
    CHECK("in the next second", sk_appeal_begin(&one_more, &quota, NOW + SECOND));
}

static void asks_first_for_what_is_watched(void)
{
    struct sk_appeal_quota quota = {.since_us = NOW, .count = SK_APPEALS_A_SECOND, .favoured = true};
    struct sk_appeal watched = {0};
    struct sk_appeal fresh = {0};
    CHECK("used up", !sk_appeal_begin(&watched, &quota, NOW + 900000));
    quota.favoured = false;
    CHECK("a newcomer stands back", !sk_appeal_begin(&fresh, &quota, NOW + SECOND));
    quota.favoured = true;
    CHECK("who was turned away goes first", sk_appeal_begin(&watched, &quota, NOW + SECOND + 1));
    quota.favoured = false;
    CHECK("still", !sk_appeal_begin(&fresh, &quota, NOW + 1900000 - 1));
    CHECK("then the newcomer", sk_appeal_begin(&fresh, &quota, NOW + 1900000));
}

static void hear(struct sk_appeal *appeal, enum sk_message_type type, const char *text, int64_t now_us)
{
    struct sk_message_header header = {.type = type, .version = 9, .updated_at_ms = 1234};
    struct sk_frame_buffer *frame = sk_frame_buffer_new(SK_FRAME_STATE_SYNC, text, strlen(text));
    sk_appeal_heard(appeal, &header, frame, now_us);
    sk_frame_buffer_release(frame);
}

/* An appeal of NOW that has heard the end of its session. */
static struct sk_appeal answered(void)
{
    struct sk_appeal appeal = {.sent_at_us = NOW};
    hear(&appeal, SK_MESSAGE_STATE_SYNC, "{\"payload\":{\"status\":\"completed\"}}", NOW + SECOND);
    return appeal;
}

static void keeps_what_was_said_of_an_ended_session(void)
{
    struct sk_appeal appeal = answered();
    struct sk_snapshot snapshot = {.outcome = SK_SNAPSHOT_LOST};
    if (CHECK("kept", sk_appeal_answer(&appeal, NOW + 2 * SECOND, &snapshot))) {
        CHECK_INT("outcome", snapshot.outcome, SK_SNAPSHOT_FOUND);
        CHECK_INT("version", snapshot.mark.version, 9);
        CHECK_INT("instant", snapshot.mark.updated_at_ms, 1234);
        CHECK("frame", snapshot.sync == appeal.answer);
    }
    CHECK("not for longer than the asking counts", !sk_appeal_answer(&appeal, NOW + 5 * SECOND, &snapshot));
    CHECK("the asking counts on", sk_appeal_counts(&appeal, NOW + 2 * SECOND));
    sk_appeal_forget_answer(&appeal);
    CHECK("forgotten", !sk_appeal_answer(&appeal, NOW + 2 * SECOND, &snapshot));
}

static void drops_an_answer_that_something_followed(void)
{
    static const enum sk_message_type rows[] = {SK_MESSAGE_STATE_UPDATE, SK_MESSAGE_SESSION_DELETED,
                                                SK_MESSAGE_TIME_EXPIRED};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sk_appeal appeal = answered();
        struct sk_snapshot snapshot;
        hear(&appeal, rows[i], "{}", NOW + SECOND);
        CHECK(sk_message_type_name(rows[i]), !sk_appeal_answer(&appeal, NOW + SECOND, &snapshot));
    }
}

static void keeps_nothing_of_a_live_session(void)
{
    static const char *const rows[] = {
        "{\"payload\":{\"status\":\"running\"}}", "{\"payload\":{\"status\":7}}", "{\"payload\":[]}", "[]", "{", ""};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sk_appeal appeal = {.sent_at_us = NOW};
        struct sk_snapshot snapshot;
        hear(&appeal, SK_MESSAGE_STATE_SYNC, rows[i], NOW + SECOND);
        CHECK(rows[i], !sk_appeal_answer(&appeal, NOW + SECOND, &snapshot));
        CHECK(rows[i], !sk_appeal_counts(&appeal, NOW + SECOND));
    }
}

static void keeps_nothing_that_it_did_not_ask_for(void)
{
    struct sk_appeal appeal = {0};
    hear(&appeal, SK_MESSAGE_STATE_SYNC, "{\"payload\":{\"status\":\"completed\"}}", NOW);
    CHECK("nothing", appeal.answer == NULL);
}

void suite_relay_appeal(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"asks once while it counts", asks_once_while_it_counts},
        {"shares a quota", shares_a_quota},
        {"asks first for what is watched", asks_first_for_what_is_watched},
        {"keeps what was said of an ended session", keeps_what_was_said_of_an_ended_session},
        {"drops an answer that something followed", drops_an_answer_that_something_followed},
        {"keeps nothing of a live session", keeps_nothing_of_a_live_session},
        {"keeps nothing that it did not ask for", keeps_nothing_that_it_did_not_ask_for},
    };
    ADD_TESTS(suite, tests);
}
