/* The pages, and which of them a request gets. Owns nothing. */
#include "relay/page.h"

#include "relay/handshake.h"
#include "relay/target.h"

#include <string.h>
#include <strings.h>

#define PATH_BYTES 256
#define METHOD_BYTES 16
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
static const struct page not_found = {"404 Not Found", "", ERROR_BODY("NOT_FOUND", "no such route")};
static const struct page not_allowed = {"405 Method Not Allowed", "Allow: GET, HEAD\r\n",
                                        ERROR_BODY("METHOD_NOT_ALLOWED", "this can only be read")};
static const struct page malformed = {"400 Bad Request", "", ERROR_BODY("BAD_REQUEST", "this is no HTTP request")};

/* What the first line says. */
struct line {
    char method[METHOD_BYTES];
    char path[PATH_BYTES]; /* without its query; "" where it is longer than any of ours */
};

/* RFC 9112 §3: method SP target SP version. */
static bool read_line(const char *head, size_t length, struct line *line)
{
    const char *end = memchr(head, '\r', length);
    size_t line_bytes = end ? (size_t)(end - head) : 0;
    const char *first = line_bytes > 0 ? memchr(head, ' ', line_bytes) : NULL;
    const char *last = line_bytes > 0 ? memrchr(head, ' ', line_bytes) : NULL;
    *line = (struct line){.method = ""};
    if (first == NULL || last == first || first == head || (size_t)(end - last) != strlen(" HTTP/1.x") ||
        strncmp(last, " HTTP/1.", strlen(" HTTP/1.")) != 0 || (size_t)(first - head) >= sizeof line->method) {
        return false;
    }
    const char *path = first + 1;
    size_t path_bytes = (size_t)(last - path);
    const char *query = memchr(path, '?', path_bytes);
    path_bytes = query ? (size_t)(query - path) : path_bytes;
    memcpy(line->method, head, (size_t)(first - head));
    if (path_bytes < sizeof line->path) {
        memcpy(line->path, path, path_bytes);
    }
    return true;
}

/* Whether the request asks for a WebSocket (RFC 6455 §4.2.1); whether rightly is libwebsockets' business. */
static bool is_upgrade(const char *head, size_t length, const struct line *line)
{
    struct sk_buffer value = {0};
    sk_handshake_field(head, length, "Upgrade", &value);
    bool asked = strcasestr(sk_buffer_text(&value), "websocket") != NULL && strcmp(line->method, "GET") == 0;
    sk_buffer_clear(&value);
    return asked;
}

static const struct page *readiness(const struct sk_page_facts *facts)
{
    if (facts->draining) {
        return facts->redis ? &draining : &draining_alone;
    }
    return facts->redis ? &ready : &unavailable;
}

static const struct page *page_for(const struct line *line, const struct sk_page_facts *facts)
{
    struct sk_target target;
    bool reads = strcmp(line->method, "GET") == 0 || strcmp(line->method, "HEAD") == 0;
    bool is_health = strcmp(line->path, "/health") == 0;
    bool is_ready = strcmp(line->path, "/ready") == 0;
    sk_target_read_path(&target, line->path);
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
        page->status, strlen(page->body), page->fields, page == &upgrade ? ", Upgrade" : "");
    if (!without_body) {
        sk_buffer_append_text(out, page->body);
    }
}

bool sk_page_answer(const char *head, size_t length, const struct sk_page_facts *facts, struct sk_buffer *out)
{
    struct line line;
    if (!read_line(head, length, &line)) {
        print(&malformed, false, out);
        return true;
    }
    if (!is_upgrade(head, length, &line)) {
        print(page_for(&line, facts), strcmp(line.method, "HEAD") == 0, out);
        return true;
    }
    if (facts->turns_away) {
        print(&turned_away, false, out);
        return true;
    }
    return false;
}
