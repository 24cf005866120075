/* The stored form of a session: written straight into text, read with Jansson and distrust. */
#include "common/codec.h"

#include "common/engine.h"
#include "common/json_writer.h"
#include "common/mode.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX (INT64_C(1) << 53)
#define CYCLE_MIN_MS 1000 /* a shorter one would make a clock that advances by itself expire without end */

static void write_config(struct sk_json_writer *writer, const struct sk_session_config *config)
{
    sk_json_object(writer, "config");
    sk_json_string(writer, "sync_mode", config->mode->name);
    sk_json_int(writer, "total_time_ms", config->total_time_ms);
    sk_json_bool(writer, "total_time_given", config->total_time_given);
    sk_json_int(writer, "time_per_cycle_ms", config->time_per_cycle_ms);
    sk_json_int(writer, "max_time_ms", config->max_time_ms);
    sk_json_int(writer, "increment_ms", config->increment_ms);
    sk_json_bool(writer, "auto_advance", config->auto_advance);
    sk_json_value(writer, "action_on_timeout", config->action_on_timeout);
    sk_json_array(writer, "warnings_ms");
    for (size_t i = 0; i < config->warning_count; i++) {
        sk_json_int(writer, NULL, config->warnings_ms[i]);
    }
    sk_json_array_end(writer);
    sk_json_id(writer, "active_participant_id", config->first_participant_id);
    sk_json_object_end(writer);
}

static void write_bank(struct sk_json_writer *writer, const struct sk_bank *bank)
{
    sk_json_int(writer, "total_time_ms", bank->total_time_ms);
    sk_json_int(writer, "time_used_ms", bank->time_used_ms);
    sk_json_bool(writer, "has_expired", bank->has_expired);
}

static void write_participants(struct sk_json_writer *writer, const struct sk_session *session)
{
    sk_json_array(writer, "participants");
    for (size_t i = 0; i < session->participant_count; i++) {
        const struct sk_participant *participant = &session->participants[i];
        sk_json_object(writer, NULL);
        sk_json_string(writer, "participant_id", participant->id);
        sk_json_int(writer, "participant_index", participant->index);
        sk_json_id(writer, "group_id", participant->group_id);
        write_bank(writer, &participant->bank);
        sk_json_int(writer, "cycle_count", participant->cycle_count);
        sk_json_object_end(writer);
    }
    sk_json_array_end(writer);
    sk_json_array(writer, "groups");
    for (size_t i = 0; i < session->group_count; i++) {
        sk_json_object(writer, NULL);
        sk_json_string(writer, "group_id", session->groups[i].id);
        write_bank(writer, &session->groups[i].bank);
        sk_json_object_end(writer);
    }
    sk_json_array_end(writer);
}

static void write_state(struct sk_json_writer *writer, const struct sk_session *session)
{
    bool nobody = session->active == SK_NOBODY;
    sk_json_string(writer, "status", sk_status_name(session->status));
    sk_json_int(writer, "version", session->version);
    sk_json_id(writer, "active_participant_id", nobody ? "" : session->participants[session->active].id);
    sk_json_int(writer, "cycle_number", session->cycle_number);
    sk_json_ms(writer, "cycle_started_at_ms", session->cycle_started_at_ms);
    sk_json_ms(writer, "session_started_at_ms", session->session_started_at_ms);
    sk_json_ms(writer, "session_completed_at_ms", session->session_completed_at_ms);
    sk_json_int(writer, "time_used_ms", session->time_used_ms);
    sk_json_int(writer, "cycle_time_used_ms", session->cycle_time_used_ms);
    sk_json_bool(writer, "overtime", session->overtime);
    sk_json_bool(writer, "ran_out", session->ran_out);
    sk_json_id(writer, "expired_participant_id", session->expired_participant_id);
    sk_json_value(writer, "action_applied", session->action_applied);
    sk_json_ms(writer, "operated_at_ms", session->operated_at_ms);
    sk_json_int(writer, "unattended_cycles", session->unattended_cycles);
}

void sk_codec_write(struct sk_buffer *out, const struct sk_session *session)
{
    struct sk_json_writer writer = {.out = out};
    sk_json_object(&writer, NULL);
    sk_json_int(&writer, "format", SK_CODEC_FORMAT);
    sk_json_string(&writer, "session_id", session->id);
    sk_json_string(&writer, "last_event_id", session->last_event_id);
    sk_json_int(&writer, "created_at_ms", session->created_at_ms);
    sk_json_int(&writer, "updated_at_ms", session->updated_at_ms);
    write_state(&writer, session);
    write_config(&writer, &session->config);
    write_participants(&writer, session);
    sk_json_value(&writer, "metadata", session->metadata);
    sk_json_object_end(&writer);
}

void sk_codec_write_tombstone(struct sk_buffer *out, const char *session_id, const char *event_id,
                              int64_t deleted_at_ms)
{
    struct sk_json_writer writer = {.out = out};
    sk_json_object(&writer, NULL);
    sk_json_int(&writer, "format", SK_CODEC_FORMAT);
    sk_json_string(&writer, "session_id", session_id);
    sk_json_string(&writer, "last_event_id", event_id);
    sk_json_int(&writer, "deleted_at_ms", deleted_at_ms);
    sk_json_object_end(&writer);
}

/* Reads members of one object; the first one that is missing or of another type makes all of it bad. */
struct members {
    const json_t *object;
    const char *bad; /* the name of the first bad member, NULL so far */
};

static const json_t *take(struct members *members, const char *key, json_type type)
{
    const json_t *value = json_object_get(members->object, key);
    if (value && json_typeof(value) == type) {
        return value;
    }
    if (!members->bad) {
        members->bad = key;
    }
    return NULL;
}

/* Whether a number can be what is stored: nothing that is stored is below 0, and sums of what is below this bound stay
 * far from overflowing. */
static bool is_sane(json_int_t number)
{
    return number >= 0 && number <= NUMBER_MAX;
}

static int64_t take_int(struct members *members, const char *key)
{
    json_int_t number = json_integer_value(take(members, key, JSON_INTEGER));
    if (!is_sane(number) && !members->bad) {
        members->bad = key;
    }
    return number;
}

/* An instant or duration that may be null. */
static int64_t take_ms(struct members *members, const char *key)
{
    return json_is_null(json_object_get(members->object, key)) ? SK_NONE : take_int(members, key);
}

static bool take_bool(struct members *members, const char *key)
{
    const json_t *value = json_object_get(members->object, key);
    if (!json_is_boolean(value) && !members->bad) {
        members->bad = key;
    }
    return json_is_true(value);
}

/* Text that fits into out with its NUL; null leaves out empty. */
static void take_text(struct members *members, const char *key, char *out, size_t bytes)
{
    out[0] = '\0';
    if (json_is_null(json_object_get(members->object, key))) {
        return;
    }
    const json_t *value = take(members, key, JSON_STRING);
    size_t length = json_string_length(value);
    if (value && length < bytes) {
        memcpy(out, json_string_value(value), length + 1);
    } else if (!members->bad) {
        members->bad = key;
    }
}

/* An object that may be null; a new reference. */
static json_t *take_object(struct members *members, const char *key)
{
    json_t *value = json_object_get(members->object, key);
    if (json_is_object(value)) {
        return json_incref(value);
    }
    if (!json_is_null(value) && !members->bad) {
        members->bad = key;
    }
    return NULL;
}

static void read_config(struct members *parent, struct sk_session_config *config)
{
    struct members members = {take(parent, "config", JSON_OBJECT), NULL};
    const json_t *mode = take(&members, "sync_mode", JSON_STRING);
    config->mode = mode ? sk_mode_of(json_string_value(mode)) : NULL;
    config->total_time_ms = take_int(&members, "total_time_ms");
    config->total_time_given = take_bool(&members, "total_time_given");
    config->time_per_cycle_ms = take_int(&members, "time_per_cycle_ms");
    config->max_time_ms = take_int(&members, "max_time_ms");
    config->increment_ms = take_int(&members, "increment_ms");
    config->auto_advance = take_bool(&members, "auto_advance");
    config->action_on_timeout = take_object(&members, "action_on_timeout");
    take_text(&members, "active_participant_id", config->first_participant_id, SK_ID_BYTES);
    const json_t *warnings = take(&members, "warnings_ms", JSON_ARRAY);
    config->warning_count = json_array_size(warnings);
    if (config->warning_count > SK_WARNINGS_MAX) {
        config->warning_count = 0;
        members.bad = "warnings_ms";
    }
    for (size_t i = 0; i < config->warning_count; i++) {
        config->warnings_ms[i] = json_integer_value(json_array_get(warnings, i));
        members.bad = is_sane(config->warnings_ms[i]) ? members.bad : "warnings_ms";
    }
    if (config->time_per_cycle_ms > 0 && config->time_per_cycle_ms < CYCLE_MIN_MS) {
        members.bad = "time_per_cycle_ms";
    }
    if (!parent->bad) {
        parent->bad = config->mode ? members.bad : "sync_mode";
    }
}

static void read_bank(struct members *members, struct sk_bank *bank)
{
    bank->total_time_ms = take_int(members, "total_time_ms");
    bank->time_used_ms = take_int(members, "time_used_ms");
    bank->has_expired = take_bool(members, "has_expired");
}

static void read_groups(struct members *parent, struct sk_session *session)
{
    const json_t *list = take(parent, "groups", JSON_ARRAY);
    size_t count = json_array_size(list);
    session->groups = count > 0 ? calloc(count, sizeof(*session->groups)) : NULL;
    session->group_count = session->groups ? count : 0;
    for (size_t i = 0; i < session->group_count; i++) {
        struct members members = {json_array_get(list, i), NULL};
        take_text(&members, "group_id", session->groups[i].id, SK_ID_BYTES);
        read_bank(&members, &session->groups[i].bank);
        parent->bad = parent->bad ? parent->bad : members.bad;
    }
    if (session->group_count != count) {
        parent->bad = "groups";
    }
}

static void read_participant(struct members *parent, const struct sk_session *session, const json_t *object,
                             struct sk_participant *participant)
{
    struct members members = {object, NULL};
    take_text(&members, "participant_id", participant->id, SK_ID_BYTES);
    take_text(&members, "group_id", participant->group_id, SK_ID_BYTES);
    participant->index = take_int(&members, "participant_index");
    participant->cycle_count = take_int(&members, "cycle_count");
    read_bank(&members, &participant->bank);
    participant->group = SK_NOBODY;
    if (session->config.mode && session->config.mode->has_groups) {
        participant->group = sk_session_find_group(session, participant->group_id);
        members.bad = participant->group == SK_NOBODY ? "group_id" : members.bad;
    }
    parent->bad = parent->bad ? parent->bad : members.bad;
}

/* Groups come before: a participant's is found by its name. */
static void read_participants(struct members *parent, struct sk_session *session)
{
    const json_t *list = take(parent, "participants", JSON_ARRAY);
    size_t count = json_array_size(list);
    session->participants = count > 0 ? calloc(count, sizeof(*session->participants)) : NULL;
    session->participant_count = session->participants ? count : 0;
    for (size_t i = 0; i < session->participant_count; i++) {
        read_participant(parent, session, json_array_get(list, i), &session->participants[i]);
    }
    if (session->participant_count != count) {
        parent->bad = "participants";
    }
}

static void read_state(struct members *members, struct sk_session *session)
{
    char active[SK_ID_BYTES];
    const json_t *status = take(members, "status", JSON_STRING);
    session->status = status ? sk_status_of(json_string_value(status)) : SK_STATUS_COUNT;
    session->version = take_int(members, "version");
    take_text(members, "active_participant_id", active, sizeof(active));
    session->cycle_number = take_int(members, "cycle_number");
    session->cycle_started_at_ms = take_ms(members, "cycle_started_at_ms");
    session->session_started_at_ms = take_ms(members, "session_started_at_ms");
    session->session_completed_at_ms = take_ms(members, "session_completed_at_ms");
    session->time_used_ms = take_int(members, "time_used_ms");
    session->cycle_time_used_ms = take_int(members, "cycle_time_used_ms");
    session->overtime = take_bool(members, "overtime");
    session->ran_out = take_bool(members, "ran_out");
    take_text(members, "expired_participant_id", session->expired_participant_id, SK_ID_BYTES);
    session->action_applied = take_object(members, "action_applied");
    session->operated_at_ms = take_ms(members, "operated_at_ms");
    session->unattended_cycles = take_int(members, "unattended_cycles");
    session->active = active[0] == '\0' ? SK_NOBODY : sk_session_find(session, active);
    if (active[0] != '\0' && session->active == SK_NOBODY) {
        members->bad = "active_participant_id";
    }
}

/* What every rule of the clock relies on, however the text came to be. */
static const char *inconsistency(const struct sk_session *session)
{
    bool running = session->status == SK_RUNNING;
    if (!session->config.mode) {
        return "sync_mode";
    }
    bool needs_active = session->config.mode->needs_participants && (running || session->status == SK_PAUSED);
    if (session->status == SK_STATUS_COUNT) {
        return "status";
    }
    if (running != (session->cycle_started_at_ms != SK_NONE)) {
        return "cycle_started_at_ms";
    }
    if (needs_active && session->active == SK_NOBODY) {
        return "active_participant_id";
    }
    if (session->config.mode->needs_participants && session->participant_count == 0) {
        return "participants";
    }
    /* Every operation settles first, so no clock ran out before it. One that did would advance through all the time
     * since then, cycle by cycle: the limit of cycles that nobody attends counts from the operation. */
    int64_t deadline_ms = running ? sk_engine_deadline(session) : SK_NONE;
    if (deadline_ms != SK_NONE && deadline_ms < session->operated_at_ms) {
        return "cycle_started_at_ms";
    }
    return NULL;
}

static enum sk_code read_whole(const json_t *object, struct sk_session *session, struct sk_error *error)
{
    struct members members = {object, NULL};
    if (json_object_get(object, "deleted_at_ms")) {
        return sk_fail(error, SK_SESSION_NOT_FOUND, "the session was deleted");
    }
    if (take_int(&members, "format") != SK_CODEC_FORMAT) {
        return sk_fail(error, SK_INTERNAL_ERROR, "stored session has an unknown format");
    }
    take_text(&members, "session_id", session->id, SK_ID_BYTES);
    take_text(&members, "last_event_id", session->last_event_id, SK_UUID_BYTES);
    session->created_at_ms = take_int(&members, "created_at_ms");
    session->updated_at_ms = take_int(&members, "updated_at_ms");
    read_config(&members, &session->config);
    read_groups(&members, session);
    read_participants(&members, session);
    read_state(&members, session);
    session->metadata = take_object(&members, "metadata");
    const char *bad = members.bad ? members.bad : inconsistency(session);
    return bad ? sk_fail(error, SK_INTERNAL_ERROR, "stored session is damaged at %s", bad) : SK_OK;
}

/* How long the number is that text begins with; 0: none begins there. *is_wide: an integer beyond 64 bits. */
static size_t measure_number(const char *text, size_t length, bool *is_wide)
{
    static const char max[] = "9223372036854775807";
    size_t digits_max = sizeof(max) - 1;
    size_t sign = length > 0 && text[0] == '-' ? 1 : 0;
    size_t end = sign;
    size_t digits = 0;
    for (; end < length && text[end] != '\0' && strchr("0123456789.eE+-", text[end]); end++) {
        digits += text[end] >= '0' && text[end] <= '9';
    }
    bool is_integer = digits == end - sign;
    *is_wide = is_integer && (digits > digits_max || (digits == digits_max && memcmp(text + sign, max, digits) > 0));
    return digits > 0 ? end : 0;
}

/* The same text with ".0" behind each integer beyond 64 bits. */
static void mark_reals(struct sk_buffer *out, const char *text, size_t length)
{
    bool in_string = false;
    for (size_t i = 0; i < length;) {
        bool is_wide = false;
        size_t taken = in_string ? 0 : measure_number(text + i, length - i, &is_wide);
        if (in_string && text[i] == '\\' && i + 1 < length) {
            taken = 2;
        } else if (text[i] == '"') {
            in_string = !in_string;
        }
        taken = taken > 0 ? taken : 1;
        sk_buffer_append(out, text + i, taken);
        sk_buffer_append_text(out, is_wide ? ".0" : "");
        i += taken;
    }
}

json_t *sk_codec_parse(const char *text, size_t length, json_error_t *fault)
{
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, fault);
    if (value || json_error_code(fault) != json_error_numeric_overflow) {
        return value;
    }
    struct sk_buffer marked = {0};
    mark_reals(&marked, text, length);
    value = marked.failed ? NULL : json_loadb(marked.data, marked.length, JSON_REJECT_DUPLICATES, fault);
    sk_buffer_clear(&marked);
    return value;
}

enum sk_code sk_codec_read(const char *text, size_t length, struct sk_session **session, struct sk_error *error)
{
    json_error_t fault;
    *session = NULL;
    json_t *object = sk_codec_parse(text, length, &fault);
    struct sk_session *read = sk_session_new();
    enum sk_code code;
    if (!object || !read) {
        code =
            sk_fail(error, SK_INTERNAL_ERROR, "stored session cannot be read: %s", object ? "no memory" : fault.text);
    } else {
        code = read_whole(object, read, error);
    }
    json_decref(object);
    if (code) {
        sk_session_free(read);
        return code;
    }
    *session = read;
    return SK_OK;
}

void sk_codec_last_event(const char *text, size_t length, char out[SK_UUID_BYTES])
{
    json_t *object = json_loadb(text, length, 0, NULL);
    struct members members = {object, NULL};
    out[0] = '\0';
    if (json_is_object(object)) {
        take_text(&members, "last_event_id", out, SK_UUID_BYTES);
    }
    json_decref(object);
}

int64_t sk_codec_deleted_at(const char *text, size_t length)
{
    json_t *object = json_loadb(text, length, 0, NULL);
    const json_t *deleted_at = json_object_get(object, "deleted_at_ms");
    int64_t at_ms = json_is_integer(deleted_at) ? json_integer_value(deleted_at) : SK_NONE;
    json_decref(object);
    return at_ms;
}
