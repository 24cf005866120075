/* Client messages in, the relay's own frames out. Owns the words of the protocol; knows no connection. */
#include "relay/protocol.h"

#include "common/json_writer.h"
#include "common/session.h"
#include "common/session_reader.h"

#include <stdio.h>
#include <string.h>

static void invalid(struct sk_request *request, const char *problem)
{
    request->type = SK_REQUEST_INVALID;
    (void)snprintf(request->problem, sizeof request->problem, "%s", problem);
}

/* A number from 0 on. */
static bool read_count(const json_t *value, int64_t *number)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *number = json_integer_value(value);
    return true;
}

/* Whether it can be sent back. Written anew, a value may be many times longer than it came: 0.1 has 19 digits then. */
static bool is_short(const json_t *value)
{
    return value == NULL || json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) <= SK_ECHO_BYTES_MAX;
}

static void read_ping(json_t *body, struct sk_request *request)
{
    json_t *timestamp = json_object_get(body, "timestamp");
    if (!is_short(timestamp)) {
        invalid(request, "timestamp is too long to be sent back");
        return;
    }
    request->type = SK_REQUEST_PING;
    request->timestamp = json_incref(timestamp);
}

static void read_reconnect(json_t *body, struct sk_request *request)
{
    request->type = SK_REQUEST_RECONNECT;
    if (!read_count(json_object_get(body, "last_known_version"), &request->last_known_version)) {
        invalid(request, "last_known_version must be an integer, 0 or more");
        return;
    }
    const json_t *updated_at = json_object_get(body, "updated_at_ms");
    if (updated_at != NULL && !json_is_null(updated_at) && !read_count(updated_at, &request->updated_at_ms)) {
        invalid(request, "updated_at_ms must be an integer, 0 or more");
    }
}

static const struct {
    const char *type;
    void (*read)(json_t *body, struct sk_request *request);
} readers[] = {
    {"PING", read_ping},
    {"RECONNECT", read_reconnect},
};

static void read_object(json_t *body, struct sk_request *request)
{
    const char *type = json_string_value(json_object_get(body, "type"));
    if (type == NULL) {
        invalid(request, "type must be a string");
        return;
    }
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        if (strcmp(type, readers[i].type) == 0) {
            readers[i].read(body, request);
            return;
        }
    }
    request->type = SK_REQUEST_UNKNOWN;
    (void)snprintf(request->problem, sizeof request->problem, "the types are PING and RECONNECT");
}

void sk_protocol_read(const char *text, size_t length, struct sk_request *request)
{
    *request = (struct sk_request){.type = SK_REQUEST_INVALID, .updated_at_ms = SK_NONE};
    struct sk_error error = {.code = SK_OK};
    json_t *body = sk_body_parse(text, length, &error);
    if (body == NULL) {
        invalid(request, error.code == SK_INVALID_JSON ? error.text : "the message cannot be read");
        return;
    }
    read_object(body, request);
    json_decref(body);
}

void sk_request_clear(struct sk_request *request)
{
    json_decref(request->timestamp);
    request->timestamp = NULL;
}

/* The members that every frame begins with. */
static struct sk_json_writer begin(struct sk_buffer *out, const char *type, const char *session_id, int64_t now_ms)
{
    struct sk_json_writer writer = {.out = out};
    sk_json_object(&writer, NULL);
    sk_json_string(&writer, "type", type);
    if (session_id != NULL) {
        sk_json_string(&writer, "sessionId", session_id);
    }
    sk_json_int(&writer, "timestamp", now_ms);
    return writer;
}

void sk_protocol_pong(struct sk_buffer *out, const char *session_id, int64_t now_ms, const json_t *client_timestamp)
{
    struct sk_json_writer writer = begin(out, "PONG", session_id, now_ms);
    sk_json_value(&writer, "client_timestamp", client_timestamp);
    sk_json_int(&writer, "server_timestamp", now_ms);
    sk_json_object_end(&writer);
}

void sk_protocol_reconnect_ack(struct sk_buffer *out, const char *session_id, int64_t now_ms, int64_t version,
                               bool up_to_date)
{
    struct sk_json_writer writer = begin(out, "RECONNECT_ACK", session_id, now_ms);
    sk_json_object(&writer, "payload");
    sk_json_int(&writer, "version", version);
    sk_json_bool(&writer, "up_to_date", up_to_date);
    sk_json_object_end(&writer);
    sk_json_object_end(&writer);
}

void sk_protocol_error(struct sk_buffer *out, const char *session_id, int64_t now_ms, const char *code,
                       const char *message)
{
    struct sk_json_writer writer = begin(out, "ERROR", session_id, now_ms);
    sk_json_string(&writer, "code", code);
    sk_json_string(&writer, "message", message);
    sk_json_object_end(&writer);
}
