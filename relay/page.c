/* The pages, and which of them a request gets. Owns nothing. */
#include "relay/page.h"

#include "relay/handshake.h"
#include "relay/target.h"

#include <string.h>

#define PATH_BYTES 256
#define RETRY_S "1" /* a drain ends, or somebody else listens, within seconds */
#define ERROR_BODY(code, message) "{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}}\n"

struct page {
    const char *status;
    const char *fields; /* more header fields */
    const char *body;
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
static const struct page keyless = {"400 Bad Request", "",
                                    ERROR_BODY("BAD_REQUEST", "an upgrade has one Host and one Sec-WebSocket-Key")};
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

static const struct page *page_for(const struct sk_request_line *line, const struct sk_page_facts *facts)
{
    struct sk_target target;
    char path[PATH_BYTES];
    copy_path(line, path);
    bool reads = strcmp(line->method, "GET") == 0 || strcmp(line->method, "HEAD") == 0;
    bool is_health = strcmp(path, "/health") == 0;
    bool is_ready = strcmp(path, "/ready") == 0;
    sk_target_read_path(&target, path);
    if (!is_health && !is_ready && target.kind == SK_TARGET_UNKNOWN) {
        return &not_found;
    }
    if (!reads) {
        return &not_allowed;
    }
    if (is_health) {
        return &healthy;
    }
    return is_ready ? readiness(facts) : &upgrade;
}

static void print(const struct page *page, bool without_body, struct sk_buffer *out)
{
    sk_buffer_append_format(
        out,
        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%sConnection: close%s\r\n\r\n",
        page->status, strlen(page->body), page->fields, page == &upgrade || page == &version ? ", Upgrade" : "");
    if (!without_body) {
        sk_buffer_append_text(out, page->body);
    }
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
    case SK_HANDSHAKE_WEBSOCKET:
        return facts->turns_away ? &turned_away : NULL;
    }
    return page_for(line, facts);
}

bool sk_page_answer(const char *head, size_t length, const struct sk_page_facts *facts, struct sk_buffer *out)
{
    struct sk_request_line line;
    bool readable = sk_handshake_read_line(head, length, &line);
    const struct page *page = readable ? judge(head, length, &line, facts) : &malformed;
    if (page != NULL) {
        print(page, readable && strcmp(line.method, "HEAD") == 0, out);
    }
    return page != NULL;
}
