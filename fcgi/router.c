/* Which handler answers which method and path. Owns the table and nothing else; reads no header, writes no answer. */
#include "fcgi/router.h"

#include "common/percent.h"
#include "fcgi/documents.h"
#include "fcgi/history.h"
#include "fcgi/listing.h"
#include "fcgi/participants.h"
#include "fcgi/service.h"
#include "fcgi/sessions.h"

#include <stdio.h>
#include <string.h>

static const struct route routes[] = {
    {"POST", "/v1/sessions", sk_sessions_create, ROUTE_BODY, SK_SCOPE_CREATE},
    {"GET", "/v1/sessions", sk_listing_get, 0, SK_SCOPE_ADMIN},
    {"GET", "/v1/sessions/{id}", sk_sessions_get, 0, SK_SCOPE_READ},
    {"DELETE", "/v1/sessions/{id}", sk_sessions_delete, 0, SK_SCOPE_CONTROL},
    {"POST", "/v1/sessions/{id}/start", sk_sessions_start, ROUTE_BODY, SK_SCOPE_CONTROL},
    {"POST", "/v1/sessions/{id}/switch", sk_sessions_switch, ROUTE_BODY | ROUTE_SWITCH, SK_SCOPE_CONTROL},
    {"POST", "/v1/sessions/{id}/pause", sk_sessions_pause, ROUTE_BODY, SK_SCOPE_CONTROL},
    {"POST", "/v1/sessions/{id}/resume", sk_sessions_resume, ROUTE_BODY, SK_SCOPE_CONTROL},
    {"POST", "/v1/sessions/{id}/complete", sk_sessions_complete, ROUTE_BODY, SK_SCOPE_CONTROL},
    {"POST", "/v1/sessions/{id}/cancel", sk_sessions_cancel, ROUTE_BODY, SK_SCOPE_CONTROL},
    {"POST", "/v1/sessions/{id}/participants", sk_participants_add, ROUTE_BODY, SK_SCOPE_CONTROL},
    {"PATCH", "/v1/sessions/{id}/participants/{pid}", sk_participants_adjust, ROUTE_BODY, SK_SCOPE_CONTROL},
    {"DELETE", "/v1/sessions/{id}/participants/{pid}", sk_participants_remove, ROUTE_BODY, SK_SCOPE_CONTROL},
    {"GET", "/v1/sessions/{id}/events", sk_history_get, 0, SK_SCOPE_READ},
    {"GET", "/v1/time", sk_service_time, 0, SK_SCOPE_NONE},
    {"GET", "/health", sk_service_health, ROUTE_QUIET, SK_SCOPE_NONE},
    {"GET", "/ready", sk_service_ready, ROUTE_QUIET, SK_SCOPE_NONE},
    {"GET", "/metrics", sk_service_metrics, ROUTE_QUIET, SK_SCOPE_NONE},
    {"GET", "/openapi.json", sk_documents_openapi, 0, SK_SCOPE_NONE},
    {"GET", "/docs", sk_documents_page, 0, SK_SCOPE_NONE},
};
#define ROUTE_COUNT (sizeof routes / sizeof routes[0])

const struct route *sk_router_route(size_t number)
{
    return number < ROUTE_COUNT ? &routes[number] : NULL;
}

/* Decodes one segment (RFC 3986 §2.1). A percent sign without two digits behind it stays: no id has one. */
static void decode(const char *segment, size_t length, struct route_capture *capture)
{
    *capture = (struct route_capture){.present = true};
    for (size_t i = 0; i < length; i++) {
        char byte = segment[i];
        int decoded = sk_percent_byte(segment + i, length - i);
        if (decoded >= 0) {
            byte = (char)(unsigned char)decoded;
            i += 2;
        }
        if (capture->length < sizeof capture->text) {
            capture->text[capture->length] = byte;
        }
        capture->length++;
    }
}

static size_t segment_length(const char *text, size_t length)
{
    const char *slash = memchr(text, '/', length);
    return slash ? (size_t)(slash - text) : length;
}

/* One segment against one of the template: a {…} takes anything but nothing. */
static bool segment_fits(const char *pattern, size_t pattern_length, const char *segment, size_t length,
                         struct route_match *match)
{
    struct route_capture decoded;
    decode(segment, length, &decoded);
    if (pattern_length > 0 && pattern[0] == '{') {
        bool is_participant = strncmp(pattern, "{pid}", pattern_length) == 0;
        *(is_participant ? &match->participant_id : &match->session_id) = decoded;
        return length > 0;
    }
    return decoded.length == pattern_length && memcmp(decoded.text, pattern, pattern_length) == 0;
}

/* Both go segment by segment, so that an encoded slash inside an id separates nothing. */
static bool path_fits(const char *template, const char *path, size_t length, struct route_match *match)
{
    size_t template_length = strlen(template);
    match->session_id.present = false;
    match->participant_id.present = false;
    for (;;) {
        if (template_length == 0 || length == 0) {
            return template_length == 0 && length == 0;
        }
        if (template[0] != '/' || path[0] != '/') {
            return false;
        }
        size_t wanted = segment_length(template + 1, template_length - 1);
        size_t got = segment_length(path + 1, length - 1);
        if (!segment_fits(template + 1, wanted, path + 1, got, match)) {
            return false;
        }
        template += wanted + 1;
        template_length -= wanted + 1;
        path += got + 1;
        length -= got + 1;
    }
}

void sk_router_find(const char *method, const char *path, size_t path_length, struct route_match *match)
{
    *match = (struct route_match){0};
    for (size_t i = 0; i < ROUTE_COUNT && !match->route; i++) {
        const struct route *route = &routes[i];
        struct route_match fitting = {.template = route->template};
        if (!path_fits(route->template, path, path_length, &fitting)) {
            continue;
        }
        *match = fitting;
        match->route = strcmp(route->method, method) == 0 ? route : NULL;
    }
}

void sk_router_allow(const struct route_match *match, char *out, size_t bytes)
{
    size_t length = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (strcmp(routes[i].template, match->template) != 0) {
            continue;
        }
        bool get = strcmp(routes[i].method, "GET") == 0;
        int printed = snprintf(out + length, bytes - length, "%s%s, ", routes[i].method, get ? ", HEAD" : "");
        if (printed < 0 || (size_t)printed >= bytes - length) {
            break;
        }
        length += (size_t)printed;
    }
    (void)snprintf(out + length, bytes - length, "OPTIONS");
}
