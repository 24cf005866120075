/* Runs a file of worked cases against the session clock alone, prints each difference, and ends with the line
 * "N passed, N failed". Exits 1 if a case failed, 2 if the file cannot be used. */
#include "common/engine.h"
#include "common/mode.h"
#include "common/session_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *ms_or_null(int64_t ms)
{
    return ms == SK_NONE ? json_null() : json_integer(ms);
}

static json_t *id_or_null(const char *id)
{
    return id[0] == '\0' ? json_null() : json_string(id);
}

static json_t *value_or_null(json_t *value)
{
    return value ? json_incref(value) : json_null();
}

static json_t *show_participant(const struct sk_session *session, size_t position, int64_t now_ms)
{
    const struct sk_participant *participant = &session->participants[position];
    struct sk_bank bank = sk_engine_shown_bank(session, position);
    return json_pack("{s:s, s:I, s:o, s:I, s:I, s:o, s:I, s:b, s:b}", "participant_id", participant->id,
                     "participant_index", (json_int_t)participant->index, "group_id", id_or_null(participant->group_id),
                     "total_time_ms", (json_int_t)bank.total_time_ms, "time_used_ms", (json_int_t)bank.time_used_ms,
                     "time_remaining_ms", ms_or_null(sk_engine_remaining(session, position, now_ms)), "cycle_count",
                     (json_int_t)participant->cycle_count, "is_active", session->active == position, "has_expired",
                     bank.has_expired);
}

static json_t *show_group(const struct sk_session *session, size_t position, int64_t now_ms, const json_t *like)
{
    const struct sk_group *group = &session->groups[position];
    bool active = session->active != SK_NOBODY && session->participants[session->active].group == position;
    json_t *shown =
        json_pack("{s:s, s:I, s:I, s:b, s:b}", "group_id", group->id, "total_time_ms",
                  (json_int_t)group->bank.total_time_ms, "time_used_ms", (json_int_t)group->bank.time_used_ms,
                  "is_active", active, "has_expired", group->bank.has_expired);
    if (json_object_get(like, "time_remaining_ms")) {
        json_object_set_new(shown, "time_remaining_ms",
                            json_integer(sk_engine_group_remaining(session, position, now_ms)));
    }
    return shown;
}

static json_t *show_clock(const struct sk_session *session, int64_t now_ms)
{
    struct sk_clock_face face;
    sk_engine_clock(session, now_ms, &face);
    return json_pack("{s:b, s:o, s:o, s:o, s:I, s:b, s:o}", "running", face.running, "started_at_ms",
                     ms_or_null(face.started_at_ms), "deadline_at_ms", ms_or_null(face.deadline_at_ms),
                     "time_remaining_ms", ms_or_null(face.time_remaining_ms), "time_elapsed_ms",
                     (json_int_t)face.time_elapsed_ms, "overtime", face.overtime, "session_deadline_at_ms",
                     ms_or_null(face.session_deadline_at_ms));
}

static json_t *show_lists(const struct sk_session *session, int64_t now_ms, json_t *view, const json_t *like)
{
    json_t *participants = json_array();
    for (size_t i = 0; i < session->participant_count; i++) {
        json_array_append_new(participants, show_participant(session, i, now_ms));
    }
    json_object_set_new(view, "participants", participants);
    if (session->config.mode->has_groups) {
        const json_t *group_like = json_array_get(json_object_get(like, "groups"), 0);
        json_t *groups = json_array();
        for (size_t i = 0; i < session->group_count; i++) {
            json_array_append_new(groups, show_group(session, i, now_ms, group_like));
        }
        json_object_set_new(view, "groups", groups);
    }
    return view;
}

static json_t *show(const struct sk_session *session, int64_t now_ms, const json_t *like)
{
    bool nobody = session->active == SK_NOBODY;
    bool in_group = !nobody && session->config.mode->has_groups;
    json_t *view = json_pack(
        "{s:s, s:I, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "status",
        sk_status_name(session->status), "version", (json_int_t)session->version, "active_participant_id",
        nobody ? json_null() : json_string(session->participants[session->active].id), "active_group_id",
        in_group ? json_string(session->participants[session->active].group_id) : json_null(), "cycle_number",
        (json_int_t)session->cycle_number, "time_used_ms", (json_int_t)session->time_used_ms, "cycle_time_used_ms",
        (json_int_t)session->cycle_time_used_ms, "cycle_started_at_ms", ms_or_null(session->cycle_started_at_ms),
        "session_started_at_ms", ms_or_null(session->session_started_at_ms), "session_completed_at_ms",
        ms_or_null(session->session_completed_at_ms), "expired_participant_id",
        id_or_null(session->expired_participant_id), "action_applied", value_or_null(session->action_applied), "clock",
        show_clock(session, now_ms), "next_timer_ms", ms_or_null(sk_engine_next_timer(session, now_ms)));
    return show_lists(session, now_ms, view, like);
}

static json_t *show_expiries(const struct sk_settlement *settlement)
{
    json_t *list = json_array();
    for (size_t i = 0; i < settlement->kept; i++) {
        const struct sk_expiry *expiry = &settlement->expiries[i];
        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:I, s:o}", "participant_id", id_or_null(expiry->participant_id),
                                        "group_id", id_or_null(expiry->group_id), "at_ms", (json_int_t)expiry->at_ms,
                                        "action_applied", value_or_null(expiry->action_applied)));
    }
    return list;
}

/* Prints what differs below a path; returns how many places. */
static int differ(const char *place, const json_t *expected, const json_t *got)
{
    if (json_is_object(expected) && json_is_object(got)) {
        int count = 0;
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)expected, key, value)
        {
            char inner[256];
            (void)snprintf(inner, sizeof(inner), "%s.%s", place, key);
            count += differ(inner, value, json_object_get(got, key));
        }
        return count;
    }
    if (json_equal(expected, got)) {
        return 0;
    }
    char *want = json_dumps(expected, JSON_COMPACT | JSON_ENCODE_ANY);
    char *have = got ? json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    printf("  %s: expected %s, got %s\n", place, want, have ? have : "nothing");
    free(want);
    free(have);
    return 1;
}

/* An operation's arguments as the API would take them: whom it is about comes from the path there. */
static bool read_step(const json_t *step, struct sk_operation *operation)
{
    enum sk_op op = sk_op_of(json_string_value(json_object_get(step, "op")));
    json_t *args = json_copy(json_object_get(step, "args"));
    const char *whom = json_string_value(json_object_get(args, "participant_id"));
    char id[SK_ID_BYTES] = "";
    if (whom && (op == SK_OP_ADJUST || op == SK_OP_REMOVE)) {
        (void)snprintf(id, sizeof(id), "%s", whom);
        json_object_del(args, "participant_id");
    }
    struct sk_problems problems = {0};
    sk_operation_read(args, op, operation, &problems);
    if (id[0] != '\0') {
        memcpy(operation->participant_id, id, sizeof(id));
    }
    bool read = problems.count == 0;
    if (!read) {
        printf("  %s: %s\n", problems.list[0].field, problems.list[0].message);
    }
    sk_problems_clear(&problems);
    json_decref(args);
    return read;
}

static int run_step(struct sk_session *session, const json_t *step, size_t number)
{
    int64_t now_ms = json_integer_value(json_object_get(step, "at_ms"));
    const json_t *expect = json_object_get(step, "expect");
    struct sk_operation operation;
    struct sk_settlement settlement;
    struct sk_error error = {SK_OK, ""};
    if (!read_step(step, &operation)) {
        return 1;
    }
    enum sk_code code = sk_engine_settle(session, now_ms, &settlement, &error);
    if (!code) {
        code = sk_engine_apply(session, &operation, now_ms, &settlement, &error);
    }
    json_t *got = json_pack("{s:I, s:o, s:o, s:o}", "settled", (json_int_t)settlement.count, "expiries",
                            show_expiries(&settlement), "error", code ? json_string(sk_code_name(code)) : json_null(),
                            "view", show(session, now_ms, json_object_get(expect, "view")));
    char place[64];
    (void)snprintf(place, sizeof(place), "step %zu (%s)", number, sk_op_name(operation.op));
    int count = differ(place, expect, got);
    json_decref(got);
    sk_settlement_clear(&settlement);
    return count;
}

static int run_case(const json_t *worked)
{
    struct sk_session *session = sk_session_new();
    struct sk_problems problems = {0};
    int count = 0;
    sk_session_read(json_object_get(worked, "config"), session, &problems);
    for (size_t i = 0; i < sk_problems_kept(&problems); i++) {
        printf("  %s: %s\n", problems.list[i].field, problems.list[i].message);
        count++;
    }
    if (count == 0) {
        sk_engine_create(session, json_integer_value(json_object_get(worked, "created_at_ms")));
        const json_t *steps = json_object_get(worked, "steps");
        for (size_t i = 0; i < json_array_size(steps); i++) {
            count += run_step(session, json_array_get(steps, i), i + 1);
        }
    }
    if (count > 0) {
        printf("%s: %d differences\n", json_string_value(json_object_get(worked, "name")), count);
    }
    sk_problems_clear(&problems);
    sk_session_free(session);
    return count;
}

int main(int argc, char **argv)
{
    json_error_t fault;
    json_t *cases = argc == 2 ? json_load_file(argv[1], 0, &fault) : NULL;
    if (!json_is_array(cases)) {
        (void)fprintf(stderr, "usage: clock-vectors FILE (a JSON list of cases)%s%s\n", argc == 2 ? ": " : "",
                      argc == 2 ? fault.text : "");
        json_decref(cases);
        return 2;
    }
    int passed = 0;
    int failed = 0;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        if (run_case(json_array_get(cases, i)) == 0) {
            passed++;
        } else {
            failed++;
        }
    }
    json_decref(cases);
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
