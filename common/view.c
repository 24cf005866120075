/* The view of a session: its configuration, its state, and what is calculated from both at an instant. */
#include "common/view.h"

#include "common/engine.h"
#include "common/mode.h"

static void write_participant(struct sk_json_writer *writer, const struct sk_session *session, size_t position,
                              int64_t now_ms)
{
    const struct sk_participant *participant = &session->participants[position];
    struct sk_bank bank = sk_engine_shown_bank(session, position);
    sk_json_object(writer, NULL);
    sk_json_string(writer, "participant_id", participant->id);
    sk_json_int(writer, "participant_index", participant->index);
    sk_json_id(writer, "group_id", participant->group_id);
    sk_json_int(writer, "total_time_ms", bank.total_time_ms);
    sk_json_int(writer, "time_used_ms", bank.time_used_ms);
    sk_json_ms(writer, "time_remaining_ms", sk_engine_remaining(session, position, now_ms));
    sk_json_int(writer, "cycle_count", participant->cycle_count);
    sk_json_bool(writer, "is_active", session->active == position);
    sk_json_bool(writer, "has_expired", bank.has_expired);
    sk_json_object_end(writer);
}

static void write_group(struct sk_json_writer *writer, const struct sk_session *session, size_t position,
                        int64_t now_ms)
{
    const struct sk_group *group = &session->groups[position];
    bool is_active = session->active != SK_NOBODY && session->participants[session->active].group == position;
    sk_json_object(writer, NULL);
    sk_json_string(writer, "group_id", group->id);
    sk_json_int(writer, "total_time_ms", group->bank.total_time_ms);
    sk_json_int(writer, "time_used_ms", group->bank.time_used_ms);
    sk_json_int(writer, "time_remaining_ms", sk_engine_group_remaining(session, position, now_ms));
    sk_json_bool(writer, "is_active", is_active);
    sk_json_bool(writer, "has_expired", group->bank.has_expired);
    sk_json_object_end(writer);
}

static void write_clock(struct sk_json_writer *writer, const struct sk_session *session, int64_t now_ms)
{
    struct sk_clock_face face;
    sk_engine_clock(session, now_ms, &face);
    sk_json_object(writer, "clock");
    sk_json_bool(writer, "running", face.running);
    sk_json_ms(writer, "started_at_ms", face.started_at_ms);
    sk_json_ms(writer, "deadline_at_ms", face.deadline_at_ms);
    sk_json_ms(writer, "time_remaining_ms", face.time_remaining_ms);
    sk_json_int(writer, "time_elapsed_ms", face.time_elapsed_ms);
    sk_json_bool(writer, "overtime", face.overtime);
    sk_json_ms(writer, "session_deadline_at_ms", face.session_deadline_at_ms);
    sk_json_object_end(writer);
}

static void write_limit(struct sk_json_writer *writer, const char *key, int64_t ms)
{
    sk_json_ms(writer, key, ms == 0 ? SK_NONE : ms);
}

static void write_config(struct sk_json_writer *writer, const struct sk_session_config *config)
{
    sk_json_string(writer, "sync_mode", config->mode->name);
    sk_json_int(writer, "total_time_ms", config->total_time_ms);
    write_limit(writer, "time_per_cycle_ms", config->time_per_cycle_ms);
    write_limit(writer, "max_time_ms", config->max_time_ms);
    sk_json_int(writer, "increment_ms", config->increment_ms);
    sk_json_bool(writer, "auto_advance", config->auto_advance);
    sk_json_value(writer, "action_on_timeout", config->action_on_timeout);
    sk_json_array(writer, "warnings_ms");
    for (size_t i = 0; i < config->warning_count; i++) {
        sk_json_int(writer, NULL, config->warnings_ms[i]);
    }
    sk_json_array_end(writer);
}

static void write_state(struct sk_json_writer *writer, const struct sk_session *session)
{
    const struct sk_participant *active = session->active == SK_NOBODY ? NULL : &session->participants[session->active];
    bool in_group = active && session->config.mode->has_groups;
    sk_json_string(writer, "status", sk_status_name(session->status));
    sk_json_int(writer, "version", session->version);
    sk_json_id(writer, "active_participant_id", active ? active->id : "");
    sk_json_id(writer, "active_group_id", in_group ? active->group_id : "");
    sk_json_int(writer, "cycle_number", session->cycle_number);
    sk_json_int(writer, "time_used_ms", session->time_used_ms);
    sk_json_int(writer, "cycle_time_used_ms", session->cycle_time_used_ms);
    sk_json_id(writer, "expired_participant_id", session->expired_participant_id);
    sk_json_value(writer, "action_applied", session->action_applied);
    sk_json_iso(writer, "cycle_started_at", session->cycle_started_at_ms);
    sk_json_iso(writer, "session_started_at", session->session_started_at_ms);
    sk_json_iso(writer, "session_completed_at", session->session_completed_at_ms);
    sk_json_iso(writer, "created_at", session->created_at_ms);
    sk_json_iso(writer, "updated_at", session->updated_at_ms);
    sk_json_int(writer, "updated_at_ms", session->updated_at_ms);
}

void sk_view_write(struct sk_json_writer *writer, const char *key, const struct sk_session *session, int64_t now_ms)
{
    sk_json_object(writer, key);
    sk_json_string(writer, "session_id", session->id);
    write_state(writer, session);
    write_clock(writer, session, now_ms);
    sk_json_array(writer, "participants");
    for (size_t i = 0; i < session->participant_count; i++) {
        write_participant(writer, session, i, now_ms);
    }
    sk_json_array_end(writer);
    if (session->config.mode->has_groups) {
        sk_json_array(writer, "groups");
        for (size_t i = 0; i < session->group_count; i++) {
            write_group(writer, session, i, now_ms);
        }
        sk_json_array_end(writer);
    }
    write_config(writer, &session->config);
    sk_json_value(writer, "metadata", session->metadata);
    sk_json_object_end(writer);
}
