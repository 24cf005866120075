/* Tests of relay/snapshot: what a stored session looks like to whoever connects. */
#include "common/codec.h"
#include "relay/snapshot.h"
#include "tests/unit/check.h"
#include "tests/unit/common/sessions.h"
#include "tests/unit/suites.h"

#include <string.h>

#define CHESS                                                                                                          \
    "{'sync_mode': 'per_participant', 'participants': [{'participant_id': 'w', 'participant_index': 0, "               \
    "'total_time_ms': 60000}, {'participant_id': 'b', 'participant_index': 1, 'total_time_ms': 60000}], "              \
    "'action_on_timeout': {'type': 'end_session'}}"

/* The payload of the snapshot's STATE_SYNC; owned. */
static json_t *payload_of(const struct sk_snapshot *snapshot, const char *type)
{
    json_t *frame = json_loadb((const char *)sk_frame_buffer_text(snapshot->sync), snapshot->sync->length, 0, NULL);
    json_t *payload = json_incref(json_object_get(frame, "payload"));
    CHECK_TEXT("type", json_string_value(json_object_get(frame, "type")), type);
    CHECK_INT("timestamp", json_integer_value(json_object_get(frame, "timestamp")), T0 + 100000);
    json_decref(frame);
    return payload;
}

static void settles_the_view_but_not_the_version(void)
{
    struct sk_session *session = session_of(CHESS);
    struct sk_buffer stored = {0};
    struct sk_snapshot snapshot;
    CHECK_INT("started", operate(session, "start", "{}", T0 + 1000), SK_OK);
    sk_codec_write(&stored, session);
    sk_snapshot_make(&snapshot, stored.data, stored.length, T0 + 100000);
    if (CHECK_INT("outcome", snapshot.outcome, SK_SNAPSHOT_FOUND)) {
        json_t *payload = payload_of(&snapshot, "STATE_SYNC");
        CHECK_TEXT("the flag has fallen", json_string_value(json_object_get(payload, "status")), "expired");
        CHECK_INT("the version is the committed one", json_integer_value(json_object_get(payload, "version")),
                  session->version);
        CHECK_INT("the mark's version", snapshot.mark.version, session->version);
        CHECK_INT("the mark's instant", snapshot.mark.updated_at_ms, session->updated_at_ms);
        json_decref(payload);
    }
    sk_frame_buffer_release(snapshot.sync);
    sk_buffer_clear(&stored);
    sk_session_free(session);
}

static void knows_a_tombstone(void)
{
    struct sk_buffer stored = {0};
    struct sk_snapshot snapshot;
    sk_codec_write_tombstone(&stored, "s1", "", T0);
    sk_snapshot_make(&snapshot, stored.data, stored.length, T0 + 1);
    CHECK_INT("outcome", snapshot.outcome, SK_SNAPSHOT_DELETED);
    CHECK("no frame", snapshot.sync == NULL);
    sk_buffer_clear(&stored);
}

static void does_not_show_what_it_cannot_read(void)
{
    static const char *const rows[] = {"", "{", "null", "{\"format\":999}"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sk_snapshot snapshot;
        sk_snapshot_make(&snapshot, rows[i], strlen(rows[i]), T0);
        CHECK_INT(rows[i], snapshot.outcome, SK_SNAPSHOT_UNREADABLE);
        CHECK(rows[i], snapshot.sync == NULL);
        CHECK(rows[i], snapshot.why[0] != '\0');
    }
}

static void takes_a_published_sync_as_it_is(void)
{
    struct sk_message_header header = {.type = SK_MESSAGE_STATE_SYNC, .version = 7, .updated_at_ms = T0};
    struct sk_frame_buffer *frame = sk_frame_buffer_new(SK_FRAME_STATE_SYNC, "{}", 2);
    struct sk_snapshot snapshot;
    sk_snapshot_published(&snapshot, &header, frame);
    CHECK_INT("outcome", snapshot.outcome, SK_SNAPSHOT_FOUND);
    CHECK_INT("version", snapshot.mark.version, 7);
    CHECK_INT("instant", snapshot.mark.updated_at_ms, T0);
    CHECK("the very frame", snapshot.sync == frame);
    CHECK_INT("borrowed", frame->references, 1);
    sk_frame_buffer_release(frame);
}

void suite_relay_snapshot(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"settles the view but not the version", settles_the_view_but_not_the_version},
        {"knows a tombstone", knows_a_tombstone},
        {"does not show what it cannot read", does_not_show_what_it_cannot_read},
        {"takes a published STATE_SYNC as it is", takes_a_published_sync_as_it_is},
    };
    ADD_TESTS(suite, tests);
}
