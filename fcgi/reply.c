/* Renders answers: the envelope around data and errors, and the header fields. Owns the body's bytes; decides nothing
 * about the request. */
#include "fcgi/reply.h"

#include "common/json_writer.h"
#include "fcgi/status.h"

#include <inttypes.h>
#include <string.h>

void sk_reply_open(struct reply *reply)
{
    *reply = (struct reply){.status = 500, .etag = SK_NONE, .rate_limit = SK_NONE};
}

void sk_reply_clear(struct reply *reply)
{
    sk_buffer_clear(&reply->body);
}

void sk_reply_empty(struct reply *reply, int status)
{
    reply->status = status;
    reply->content_type = NULL;
    sk_buffer_reset(&reply->body);
}

struct sk_buffer *sk_reply_body(struct reply *reply, int status, const char *content_type)
{
    reply->status = status;
    reply->content_type = content_type;
    sk_buffer_reset(&reply->body);
    return &reply->body;
}

static void show_which(struct reply *reply, const struct sk_session *session)
{
    reply->etag = session->version;
    memcpy(reply->session_id, session->id, sizeof reply->session_id);
}

void sk_reply_unchanged(struct reply *reply, const struct sk_result *result)
{
    sk_reply_empty(reply, 304);
    show_which(reply, result->session);
}

void sk_reply_session(struct reply *reply, int status, const struct sk_result *result)
{
    struct sk_json_writer writer = {.out = sk_reply_body(reply, status, SK_TYPE_JSON)};
    show_which(reply, result->session);
    reply->body.failed = result->view.failed;
    sk_json_object(&writer, NULL);
    sk_json_raw(&writer, "data", result->view.data, result->view.length);
    sk_json_int(&writer, "server_time_ms", result->now_ms);
    sk_json_object_end(&writer);
}

/* Begins an error's answer; the caller may add details and must end it. */
static struct sk_json_writer begin_error(struct reply *reply, const struct sk_error *error)
{
    reply->error = *error;
    reply->retry_after_s = sk_http_retry_after_s(error->code);
    struct sk_json_writer writer = {.out = sk_reply_body(reply, sk_http_status(error->code), SK_TYPE_JSON)};
    sk_json_object(&writer, NULL);
    sk_json_object(&writer, "error");
    sk_json_string(&writer, "code", sk_code_name(error->code));
    sk_json_string(&writer, "message", sk_http_message(error->code, error->text));
    return writer;
}

static void end_error(struct sk_json_writer *writer)
{
    sk_json_object_end(writer);
    sk_json_object_end(writer);
}

void sk_reply_error(struct reply *reply, const struct sk_error *error)
{
    struct sk_json_writer writer = begin_error(reply, error);
    end_error(&writer);
}

void sk_reply_problems(struct reply *reply, const struct sk_problems *problems)
{
    struct sk_error error;
    (void)sk_fail(&error, SK_VALIDATION_ERROR,
                  problems->count == 1 ? "%zu problem in the request" : "%zu problems in the request", problems->count);
    struct sk_json_writer writer = begin_error(reply, &error);
    size_t kept = sk_problems_kept(problems);
    sk_json_array(&writer, "details");
    for (size_t i = 0; i < kept; i++) {
        sk_json_object(&writer, NULL);
        sk_json_string(&writer, "field", problems->list[i].field);
        sk_json_string(&writer, "message", problems->list[i].message);
        sk_json_object_end(&writer);
    }
    sk_json_array_end(&writer);
    end_error(&writer);
}

void sk_reply_conflict(struct reply *reply, const struct sk_error *error, int64_t expected_version,
                       int64_t actual_version)
{
    struct sk_json_writer writer = begin_error(reply, error);
    sk_json_object(&writer, "details");
    sk_json_int(&writer, "expected_version", expected_version);
    sk_json_int(&writer, "actual_version", actual_version);
    sk_json_object_end(&writer);
    end_error(&writer);
}

/* The answer when there was no memory for one. */
static void replace_body(struct reply *reply)
{
    static const char body[] = "{\"error\":{\"code\":\"INTERNAL_ERROR\",\"message\":\"out of memory\"}}";
    sk_buffer_clear(&reply->body);
    sk_reply_open(reply);
    (void)sk_fail(&reply->error, SK_INTERNAL_ERROR, "no memory for the answer");
    reply->content_type = SK_TYPE_JSON;
    sk_buffer_append(&reply->body, body, sizeof body - 1);
}

/* A 204 has no body and says nothing about one (RFC 9110 §15.3.5). */
static void write_body_fields(const struct reply *reply, struct sk_buffer *out)
{
    if (reply->content_type) {
        sk_buffer_append_format(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", reply->content_type,
                                reply->body.length);
    }
}

static void write_own_fields(const struct reply *reply, struct sk_buffer *out)
{
    if (reply->etag != SK_NONE) {
        sk_buffer_append_format(out, "ETag: \"%" PRId64 "\"\r\n", reply->etag);
    }
    if (reply->location[0]) {
        sk_buffer_append_format(out, "Location: %s\r\n", reply->location);
    }
    if (reply->allow[0]) {
        sk_buffer_append_format(out, "Allow: %s\r\n", reply->allow);
    }
    if (reply->challenge) {
        sk_buffer_append_format(out, "WWW-Authenticate: %s\r\n", reply->challenge);
    }
    if (reply->retry_after_s) {
        sk_buffer_append_format(out, "Retry-After: %d\r\n", reply->retry_after_s);
    }
    if (reply->replayed) {
        sk_buffer_append_text(out, "Idempotency-Replayed: true\r\n");
    }
    if (reply->rate_limit != SK_NONE) {
        sk_buffer_append_format(
            out, "RateLimit-Limit: %" PRId64 "\r\nRateLimit-Remaining: %" PRId64 "\r\nRateLimit-Reset: %" PRId64 "\r\n",
            reply->rate_limit, reply->rate_remaining, reply->rate_reset_s);
    }
}

/* What a page of another origin may read and ask (the Fetch standard, CORS protocol). */
static void write_cors_fields(const struct reply *reply, struct sk_buffer *out)
{
    sk_buffer_append_text(out, "Vary: Origin\r\n");
    if (!reply->cors_origin) {
        return;
    }
    sk_buffer_append_format(out, "Access-Control-Allow-Origin: %s\r\n", reply->cors_origin);
    if (reply->preflight) {
        sk_buffer_append_format(out,
                                "Access-Control-Allow-Methods: %s\r\n"
                                "Access-Control-Allow-Headers: Authorization, Content-Type, Idempotency-Key, If-Match, "
                                "If-None-Match, traceparent, X-Request-Id\r\n"
                                "Access-Control-Max-Age: 600\r\n",
                                reply->allow);
    } else {
        sk_buffer_append_text(out, "Access-Control-Expose-Headers: ETag, Idempotency-Replayed, Location, "
                                   "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, "
                                   "X-Request-Id\r\n");
    }
}

void sk_reply_write(struct reply *reply, const char *request_id, bool without_body, struct sk_buffer *out)
{
    if (reply->body.failed) {
        replace_body(reply);
    }
    sk_buffer_append_format(out, "Status: %d %s\r\n", reply->status, sk_http_reason(reply->status));
    write_body_fields(reply, out);
    write_own_fields(reply, out);
    write_cors_fields(reply, out);
    sk_buffer_append_format(
        out, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: %s\r\n\r\n", request_id);
    if (reply->content_type && !without_body) {
        sk_buffer_append(out, sk_buffer_text(&reply->body), reply->body.length);
    }
}
