/* The pages, and which of them a request gets. Owns nothing. */
#include "relay/page.h"

#include "common/metrics.h"
#include "common/scrape.h"
#include "relay/handshake.h"
#include "relay/target.h"

#include <string.h>

#define PATH_BYTES 256
#define RETRY_S "1" /* a drain ends, or somebody else listens, within seconds */
#define ERROR_BODY(code, message) "{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}}\n"

struct page {
    const char *status;
    const char *fields; /* more header fields */
    const char *body;   /* NULL: what has been counted */
};

static const struct page healthy = {"200 OK", "", "{\"status\":\"ok\"}\n"};
static const struct page ready = {"200 OK", "", "{\"status\":\"ready\",\"checks\":{\"redis\":\"ok\"}}\n"};
static const struct page draining = {"503 Service Unavailable", "Retry-After: " RETRY_S "\r\n",
                                     "{\"status\":\"draining\",\"checks\":{\"redis\":\"ok\"}}\n"};
static const struct page draining_alone = {"503 Service Unavailable", "Retry-After: " RETRY_S "\r\n",
                                           "{\"status\":\"draining\",\"checks\":{\"redis\":\"unavailable\"}}\n"};
static const struct page unavailable = {"503 Service Unavailable", "Retry-After: " RETRY_S "\r\n",
                                        "{\"status\":\"unavailable\",\"checks\":{\"redis\":\"unavailable\"}}\n"};
static const struct page turned_away = {"503 Service Unavailable", "Retry-After: " RETRY_S "\r\n",
                                        ERROR_BODY("RELAY_DRAINING", "this relay is stopping")};
static const struct page upgrade = {"426 Upgrade Required", "Upgrade: websocket\r\n",
                                    ERROR_BODY("UPGRADE_REQUIRED", "this is a WebSocket")};
static const struct page version = {"426 Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
                                    ERROR_BODY("UPGRADE_REQUIRED", "this is a WebSocket of version 13")};
static const struct page subprotocol = {
    "400 Bad Request", "", ERROR_BODY("BAD_REQUEST", "the only subprotocol spoken here is " SK_SUBPROTOCOL)};
static const struct page with_body = {"400 Bad Request", "", ERROR_BODY("BAD_REQUEST", "an upgrade has no body")};
static const struct page unsound = {
    "400 Bad Request", "",
    ERROR_BODY("BAD_REQUEST", "the request target has a % that is no code, or too many arguments")};
static const struct page too_long = {"431 Request Header Fields Too Large", "",
                                     ERROR_BODY("HEAD_TOO_LARGE", "a request's head has 16 KiB at most")};
static const struct page keyless = {"400 Bad Request", "",
                                    ERROR_BODY("BAD_REQUEST", "an upgrade has one Host and one Sec-WebSocket-Key")};
static const struct page measured = {"200 OK", "", NULL};
static const struct page closed = {"403 Forbidden", "",
                                   ERROR_BODY("FORBIDDEN", "METRICS_NETWORK says who may read this")};
static const struct page not_found = {"404 Not Found", "", ERROR_BODY("NOT_FOUND", "no such route")};
static const struct page not_allowed = {"405 Method Not Allowed", "Allow: GET, HEAD\r\n",
                                        ERROR_BODY("METHOD_NOT_ALLOWED", "this can only be read")};
static const struct page malformed = {"400 Bad Request", "", ERROR_BODY("BAD_REQUEST", "this is no HTTP request")};

/* The target without its query; "" where it is longer than any of ours. */
static void copy_path(const struct sk_request_line *line, char path[PATH_BYTES])
{
    const char *query = memchr(line->target, '?', line->target_bytes);
    size_t bytes = query ? (size_t)(query - line->target) : line->target_bytes;
    bytes = bytes < PATH_BYTES ? bytes : 0;
    memcpy(path, line->target, bytes);
    path[bytes] = '\0';
}

static const struct page *readiness(const struct sk_page_facts *facts)
{
    if (facts->draining) {
        return facts->redis ? &draining : &draining_alone;
    }
    return facts->redis ? &ready : &unavailable;
}

/* Whoever asks for somebody else, as a proxy does that passes on every path, does so for the world. */
static const struct page *measurements(const char *head, size_t length, const struct sk_page_facts *facts)
{
    static const char *const marks[] = {"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"};
    bool own = true;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        own = own && !sk_handshake_has(head, length, marks[i]);
    }
    return facts->metrics && own ? &measured : &closed;
}

static const struct page *page_for(const char *head, size_t length, const struct sk_request_line *line,
                                   const struct sk_page_facts *facts)
{
    struct sk_target target;
    char path[PATH_BYTES];
    copy_path(line, path);
    bool reads = strcmp(line->method, "GET") == 0 || strcmp(line->method, "HEAD") == 0;
    bool is_health = strcmp(path, "/health") == 0;
    bool is_ready = strcmp(path, "/ready") == 0;
    bool is_metrics = strcmp(path, "/metrics") == 0;
    sk_target_read_path(&target, path);
    if (!is_health && !is_ready && !is_metrics && target.kind == SK_TARGET_UNKNOWN) {
        return &not_found;
    }
    if (!reads) {
        return &not_allowed;
    }
    if (is_health) {
        return &healthy;
    }
    if (is_metrics) {
        return measurements(head, length, facts);
    }
    return is_ready ? readiness(facts) : &upgrade;
}

static void print(const struct page *page, const struct sk_page_facts *facts, bool without_body, struct sk_buffer *out)
{
    struct sk_buffer body = {.data = NULL};
    if (page->body != NULL) {
        sk_buffer_append_text(&body, page->body);
    } else {
        sk_scrape_write(&body, facts->readings);
    }
    sk_buffer_append_format(
        out,
        "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%sConnection: close%s\r\n\r\n",
        page->status, page->body != NULL ? "application/json" : SK_METRICS_TYPE, body.length, page->fields,
        page == &upgrade || page == &version ? ", Upgrade" : "");
    if (!without_body) {
        sk_buffer_append(out, sk_buffer_text(&body), body.length);
    }
    out->failed = out->failed || body.failed;
    sk_buffer_clear(&body);
}

/* NULL: the request is an upgrade to be served. */
static const struct page *judge(const char *head, size_t length, const struct sk_request_line *line,
                                const struct sk_page_facts *facts)
{
    switch (sk_handshake_asks(head, length, line)) {
    case SK_HANDSHAKE_NONE:
        break;
    case SK_HANDSHAKE_VERSION:
        return &version;
    case SK_HANDSHAKE_MALFORMED:
        return &keyless;
    case SK_HANDSHAKE_SUBPROTOCOL:
        return &subprotocol;
    case SK_HANDSHAKE_BODY:
        return &with_body;
    case SK_HANDSHAKE_WEBSOCKET:
        if (!sk_target_is_sound(line->target, line->target_bytes)) {
            return &unsound;
        }
        return facts->turns_away ? &turned_away : NULL;
    }
    return page_for(head, length, line, facts);
}

bool sk_page_answer(const char *head, size_t length, const struct sk_page_facts *facts, struct sk_buffer *out)
{
    struct sk_request_line line;
    bool readable = length <= SK_HEAD_MAX && sk_handshake_read_line(head, length, &line);
    const struct page *unreadable = length <= SK_HEAD_MAX ? &malformed : &too_long;
    const struct page *page = readable ? judge(head, length, &line, facts) : unreadable;
    if (page != NULL) {
        print(page, facts, readable && strcmp(line.method, "HEAD") == 0, out);
    }
    return page != NULL;
}
