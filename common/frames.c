/* WebSocket texts: written once, forwarded byte for byte. */
#include "common/frames.h"

#include "common/json_writer.h"
#include "common/mode.h"

static void begin(struct sk_json_writer *writer, const char *type, const char *session_id, int64_t now_ms)
{
    sk_json_object(writer, NULL);
    sk_json_string(writer, "type", type);
    if (session_id) {
        sk_json_string(writer, "sessionId", session_id);
    }
    sk_json_int(writer, "timestamp", now_ms);
}

void sk_frame_plain(struct sk_buffer *out, const char *type, const char *session_id, int64_t now_ms)
{
    struct sk_json_writer writer = {.out = out};
    begin(&writer, type, session_id, now_ms);
    sk_json_object_end(&writer);
}

void sk_frame_state(struct sk_buffer *out, const char *type, const char *session_id, int64_t now_ms, const char *view,
                    size_t view_length)
{
    struct sk_json_writer writer = {.out = out};
    begin(&writer, type, session_id, now_ms);
    sk_json_raw(&writer, "payload", view, view_length);
    sk_json_object_end(&writer);
}

void sk_frame_life(struct sk_buffer *out, const char *type, const struct sk_session *session, int64_t now_ms,
                   const char *actor)
{
    struct sk_json_writer writer = {.out = out};
    begin(&writer, type, session->id, now_ms);
    sk_json_object(&writer, "payload");
    sk_json_string(&writer, "session_id", session->id);
    sk_json_string(&writer, "sync_mode", session->config.mode->name);
    sk_json_string(&writer, "status", sk_status_name(session->status));
    sk_json_int(&writer, "version", session->version);
    sk_json_string(&writer, "actor", actor);
    sk_json_iso(&writer, "created_at", session->created_at_ms);
    sk_json_iso(&writer, "session_started_at", session->session_started_at_ms);
    sk_json_iso(&writer, "session_completed_at", session->session_completed_at_ms);
    sk_json_int(&writer, "updated_at_ms", session->updated_at_ms);
    sk_json_value(&writer, "metadata", session->metadata);
    sk_json_object_end(&writer);
    sk_json_object_end(&writer);
}

void sk_frame_expired(struct sk_buffer *out, const char *session_id, int64_t now_ms, const struct sk_expiry *expiry,
                      int64_t count)
{
    struct sk_json_writer writer = {.out = out};
    begin(&writer, "TIME_EXPIRED", session_id, now_ms);
    sk_json_object(&writer, "payload");
    sk_json_string(&writer, "session_id", session_id);
    sk_json_id(&writer, "expired_participant_id", expiry->participant_id);
    sk_json_id(&writer, "expired_group_id", expiry->group_id);
    sk_json_int(&writer, "expired_at_ms", expiry->at_ms);
    sk_json_value(&writer, "action_applied", expiry->action_applied);
    sk_json_int(&writer, "count", count);
    sk_json_object_end(&writer);
    sk_json_object_end(&writer);
}

static bool is_smallest(const struct sk_session *session, int64_t threshold_ms)
{
    for (size_t i = 0; i < session->config.warning_count; i++) {
        if (session->config.warnings_ms[i] < threshold_ms) {
            return false;
        }
    }
    return true;
}

void sk_frame_warning(struct sk_buffer *out, const struct sk_session *session, int64_t now_ms, int64_t threshold_ms)
{
    const struct sk_participant *active = session->active == SK_NOBODY ? NULL : &session->participants[session->active];
    bool in_group = active && active->group != SK_NOBODY;
    int64_t left = sk_engine_deadline(session) - now_ms;
    struct sk_json_writer writer = {.out = out};
    begin(&writer, "TIME_WARNING", session->id, now_ms);
    sk_json_object(&writer, "payload");
    sk_json_string(&writer, "session_id", session->id);
    sk_json_id(&writer, "participant_id", active ? active->id : "");
    sk_json_id(&writer, "group_id", in_group ? active->group_id : "");
    sk_json_int(&writer, "time_remaining_ms", left > 0 ? left : 0);
    sk_json_int(&writer, "threshold_ms", threshold_ms);
    sk_json_string(&writer, "level", is_smallest(session, threshold_ms) ? "critical" : "low");
    sk_json_object_end(&writer);
    sk_json_object_end(&writer);
}
