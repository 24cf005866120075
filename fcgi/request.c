/* Reads a request from its source. Owns the body's bytes; knows no route, judges no content but its size and type. */
#include "fcgi/request.h"

#include "common/server_clock.h"
#include "common/uuid.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PIECE_BYTES ((size_t)16 * 1024)

static const char *variable(const struct request_source *source, const char *name)
{
    const char *value = source->variable(source->context, name);
    return value ? value : "";
}

/* An id that is safe in a header, a log and a published message. */
static bool id_usable(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t length = strlen(text);
    return length >= 1 && length < SK_REQUEST_ID_BYTES && strspn(text, allowed) == length;
}

static void take_id(struct request *request)
{
    const char *given = variable(request->source, "HTTP_X_REQUEST_ID");
    if (id_usable(given)) {
        memcpy(request->request_id, given, strlen(given) + 1);
        return;
    }
    char uuid[SK_UUID_BYTES];
    sk_uuid_random(uuid);
    memcpy(request->request_id, uuid, sizeof uuid);
}

/* The path of REQUEST_URI, which alone is as the client sent it: SCRIPT_NAME and PATH_INFO are decoded, and split where
 * the web server's configuration says. An absolute form (RFC 9112 §3.2.2) loses its scheme and host. */
static void take_path(struct request *request)
{
    const char *target = variable(request->source, "REQUEST_URI");
    const char *scheme_end = target[0] == '/' ? NULL : strstr(target, "://");
    if (scheme_end) {
        target = scheme_end + 3;
        target += strcspn(target, "/?");
    }
    request->path = target;
    request->path_length = strcspn(target, "?");
    request->query = target[request->path_length] == '?' ? target + request->path_length + 1 : "";
}

void sk_request_open(struct request *request, const struct request_source *source)
{
    *request = (struct request){.source = source, .received_us = sk_monotonic_us()};
    request->method = variable(source, "REQUEST_METHOD");
    request->content_type = variable(source, "CONTENT_TYPE");
    request->if_none_match = variable(source, "HTTP_IF_NONE_MATCH");
    request->if_match = variable(source, "HTTP_IF_MATCH");
    request->idempotency_key = variable(source, "HTTP_IDEMPOTENCY_KEY");
    request->peer = variable(source, "REMOTE_ADDR");
    request->forwarded = variable(source, "HTTP_X_FORWARDED_FOR");
    request->authorization = variable(source, "HTTP_AUTHORIZATION");
    request->origin = variable(source, "HTTP_ORIGIN");
    request->host = variable(source, "HTTP_HOST");
    request->preflight_method = variable(source, "HTTP_ACCESS_CONTROL_REQUEST_METHOD");
    take_path(request);
    take_id(request);
    (void)sk_trace_read(variable(source, "HTTP_TRACEPARENT"), request->trace_id);
}

void sk_request_close(struct request *request)
{
    sk_buffer_clear(&request->body);
}

/* The announced length; -1 where none is, -2 where it is no number. A number beyond all bounds is SK_BODY_MAX + 1. */
static int64_t announced(const struct request *request)
{
    const char *text = variable(request->source, "CONTENT_LENGTH");
    if (!text[0]) {
        return -1;
    }
    int64_t length = 0;
    for (; *text; text++) {
        if (!isdigit((unsigned char)*text)) {
            return -2;
        }
        length = length * 10 + (*text - '0');
        if (length > (int64_t)SK_BODY_MAX) {
            length = (int64_t)SK_BODY_MAX + 1;
        }
    }
    return length;
}

static bool is_json(const char *content_type)
{
    static const char json[] = "application/json";
    size_t length = strcspn(content_type, "; \t");
    return length == sizeof json - 1 && strncasecmp(content_type, json, length) == 0;
}

/* Reads until the end or limit bytes, one more than there may be. False: the source broke off. */
static bool read_pieces(struct request *request, size_t limit)
{
    char piece[PIECE_BYTES];
    while (!request->drained && request->body.length < limit) {
        size_t wanted = limit - request->body.length;
        wanted = wanted < sizeof piece ? wanted : sizeof piece;
        ptrdiff_t got = request->source->read(request->source->context, piece, wanted);
        if (got < 0) {
            return false;
        }
        sk_buffer_append(&request->body, piece, (size_t)got);
        request->drained = (size_t)got < wanted;
    }
    return true;
}

/* Whether what was read is what was said. */
static enum sk_code check_length(const struct request *request, int64_t said, struct sk_error *error)
{
    if (request->body.failed) {
        return sk_fail(error, SK_INTERNAL_ERROR, "no memory for the body");
    }
    if (request->body.length > SK_BODY_MAX) {
        return sk_fail(error, SK_PAYLOAD_TOO_LARGE, "a body has at most %zu bytes", SK_BODY_MAX);
    }
    if (said >= 0 && request->body.length > (size_t)said) {
        return sk_fail(error, SK_PAYLOAD_TOO_LARGE, "the body is longer than Content-Length says");
    }
    if (said >= 0 && request->body.length < (size_t)said) {
        return sk_fail(error, SK_INVALID_JSON, "the body ends before Content-Length bytes");
    }
    return SK_OK;
}

enum sk_code sk_request_read_body(struct request *request, struct sk_error *error)
{
    int64_t said = announced(request);
    if (said == -2) {
        return sk_fail(error, SK_INVALID_JSON, "Content-Length is not a number");
    }
    if (said > (int64_t)SK_BODY_MAX) {
        return sk_fail(error, SK_PAYLOAD_TOO_LARGE, "a body has at most %zu bytes", SK_BODY_MAX);
    }
    if (!read_pieces(request, (said >= 0 ? (size_t)said : SK_BODY_MAX) + 1)) {
        return sk_fail(error, SK_INVALID_JSON, "the body broke off");
    }
    enum sk_code code = check_length(request, said, error);
    if (code != SK_OK) {
        return code;
    }
    if (request->body.length > 0 && request->content_type[0] && !is_json(request->content_type)) {
        return sk_fail(error, SK_UNSUPPORTED_MEDIA_TYPE, "a body must be application/json");
    }
    return SK_OK;
}

void sk_request_drain(struct request *request, size_t limit)
{
    char piece[PIECE_BYTES];
    for (size_t read = 0; !request->drained && read < limit; read += sizeof piece) {
        ptrdiff_t got = request->source->read(request->source->context, piece, sizeof piece);
        if (got < 0) {
            break;
        }
        request->drained = (size_t)got < sizeof piece;
    }
}
