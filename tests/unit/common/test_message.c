/* Tests of common/message and frames: what is published, and what the relay makes of it. */
#include "common/frames.h"
#include "common/json_writer.h"
#include "common/message.h"
#include "common/view.h"
#include "tests/unit/check.h"
#include "tests/unit/common/sessions.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <string.h>

static void comes_apart_as_it_was_put_together(void)
{
    static const char *const ids[] = {"", "r-1", "-"};
    for (int type = 0; type < SK_MESSAGE_TYPE_COUNT; type++) {
        for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
            struct sk_message_header header = {(enum sk_message_type)type, 17, T0, T0 + 1, ""};
            struct sk_message_header back;
            struct sk_buffer out = {0};
            const char *text;
            size_t length;
            memcpy(header.request_id, ids[i], strlen(ids[i]) + 1);
            sk_message_write_header(&out, &header);
            sk_buffer_append_text(&out, "{\"a\":\"\n\"}");
            if (CHECK("read", sk_message_read(out.data, out.length, &back, &text, &length))) {
                CHECK_INT("type", back.type, type);
                CHECK_INT("version", back.version, 17);
                CHECK_INT("updated", back.updated_at_ms, T0);
                CHECK_INT("committed", back.committed_at_ms, T0 + 1);
                CHECK_TEXT("request", back.request_id, ids[i][0] != '\0' ? ids[i] : "-");
                CHECK_INT("length", (int64_t)length, 9);
                CHECK("text", memcmp(text, "{\"a\":\"\n\"}", 9) == 0);
            }
            sk_buffer_clear(&out);
        }
    }
}

static void refuses_rubbish(void)
{
    static const char *const rows[] = {
        "",
        "\n",
        "STATE_UPDATE 1 2 3 r",
        "STATE_UPDATE 1 2 3\n{}",
        "STATE_UPDATE 1 2 3 \n{}",
        "STATE_UPDATE -1 2 3 r\n{}",
        "STATE_UPDATE x 2 3 r\n{}",
        "STATE_UPDATE 99999999999999999999 2 3 r\n{}",
        "STATE 1 2 3 r\n{}",
        "STATE_UPDATE\n{}",
    };
    char giant[1024];
    struct sk_message_header header;
    const char *text;
    size_t length;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK(rows[i], !sk_message_read(rows[i], strlen(rows[i]), &header, &text, &length));
    }
    memset(giant, 'r', sizeof(giant));
    int used = snprintf(giant, sizeof(giant), "STATE_UPDATE 1 2 3 ");
    giant[used] = 'r';
    giant[sizeof(giant) - 1] = '\n';
    CHECK("an endless request id", !sk_message_read(giant, sizeof(giant), &header, &text, &length));
}

static json_t *loaded(struct sk_buffer *out)
{
    json_t *frame = json_loadb(sk_buffer_text(out), out->length, JSON_REJECT_DUPLICATES, NULL);
    CHECK(sk_buffer_text(out), json_is_object(frame));
    sk_buffer_clear(out);
    return frame;
}

static void says_what_expired(void)
{
    struct sk_buffer out = {0};
    struct sk_expiry expiry = {.participant_id = "a", .group_id = "", .at_ms = T0, .action_applied = NULL};
    expiry.action_applied = json_pack("{s:s}", "type", "notify");
    sk_frame_expired(&out, "s1", T0 + 5, &expiry, 40);
    json_t *frame = loaded(&out);
    const json_t *payload = json_object_get(frame, "payload");
    CHECK_TEXT("type", json_string_value(json_object_get(frame, "type")), "TIME_EXPIRED");
    CHECK_TEXT("session", json_string_value(json_object_get(frame, "sessionId")), "s1");
    CHECK_INT("timestamp", json_integer_value(json_object_get(frame, "timestamp")), T0 + 5);
    CHECK_TEXT("who", json_string_value(json_object_get(payload, "expired_participant_id")), "a");
    CHECK("group", json_is_null(json_object_get(payload, "expired_group_id")));
    CHECK_INT("when", json_integer_value(json_object_get(payload, "expired_at_ms")), T0);
    CHECK_INT("count", json_integer_value(json_object_get(payload, "count")), 40);
    json_decref(expiry.action_applied);
    json_decref(frame);
}

static void the_smallest_threshold_is_critical(void)
{
    struct sk_buffer out = {0};
    struct sk_session *session = session_of("{'sync_mode':'global','total_time_ms':60000,'warnings_ms':[1000,5000]}");
    (void)operate(session, "start", "{}", T0);
    sk_frame_warning(&out, session, T0 + 55003, 5000);
    json_t *low = loaded(&out);
    sk_frame_warning(&out, session, T0 + 59000, 1000);
    json_t *critical = loaded(&out);
    CHECK_TEXT("5 s", json_string_value(json_object_get(json_object_get(low, "payload"), "level")), "low");
    CHECK_INT("5 s", json_integer_value(json_object_get(json_object_get(low, "payload"), "time_remaining_ms")), 4997);
    CHECK_TEXT("1 s", json_string_value(json_object_get(json_object_get(critical, "payload"), "level")), "critical");
    json_decref(low);
    json_decref(critical);
    sk_session_free(session);
}

static void wraps_a_view(void)
{
    struct sk_buffer view = {0};
    struct sk_buffer out = {0};
    struct sk_json_writer writer = {.out = &view};
    struct sk_session *session = session_of("{'sync_mode':'count_up','participants':[{'participant_id':'a'}]}");
    (void)operate(session, "start", "{}", T0);
    sk_view_write(&writer, NULL, session, T0 + 250);
    sk_frame_state(&out, "STATE_SYNC", "s1", T0 + 250, view.data, view.length);
    json_t *frame = loaded(&out);
    const json_t *payload = json_object_get(frame, "payload");
    const json_t *clock = json_object_get(payload, "clock");
    CHECK_INT("elapsed", json_integer_value(json_object_get(clock, "time_elapsed_ms")), 250);
    CHECK("no limit", json_is_null(json_object_get(clock, "time_remaining_ms")));
    CHECK("no limit set", json_is_null(json_object_get(payload, "max_time_ms")));
    CHECK("no groups", json_object_get(payload, "groups") == NULL);
    CHECK_TEXT("started", json_string_value(json_object_get(payload, "session_started_at")),
               "2026-09-21T14:13:20.000Z");
    sk_frame_plain(&out, "CONNECTED", "s1", T0);
    CHECK_TEXT("plain", sk_buffer_text(&out),
               "{\"type\":\"CONNECTED\",\"sessionId\":\"s1\",\"timestamp\":1790000000000}");
    sk_buffer_clear(&out);
    sk_buffer_clear(&view);
    json_decref(frame);
    sk_session_free(session);
}

void suite_message(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"comes apart as it was put together", comes_apart_as_it_was_put_together},
        {"refuses rubbish", refuses_rubbish},
        {"says what expired", says_what_expired},
        {"the smallest threshold is critical", the_smallest_threshold_is_critical},
        {"wraps a view", wraps_a_view},
    };
    ADD_TESTS(suite, tests);
}
