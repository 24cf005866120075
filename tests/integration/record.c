/* Writes exchanges down. Owns the file; knows nothing of what is in them. */
#include "tests/integration/record.h"

#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int file = -1;

/* Relative to where the tests are started. */
static void open_file(void)
{
    const char *path = getenv("SYNCKAIROS_EXCHANGES");
    if (!path || !path[0]) {
        return;
    }
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0) {
        perror(path);
        exit(2);
    }
}

static atomic_bool is_left_out[65536];

void record_leave_out(int port)
{
    is_left_out[port & 65535] = true;
}

static bool is_of_interest(const char *url)
{
    const char *host = strstr(url, "://");
    const char *port = host ? strchr(host + 3, ':') : NULL;
    return !port || !is_left_out[strtol(port + 1, NULL, 10) & 65535];
}

/* Path and query: the part of a URL behind scheme and host. */
static const char *target_of(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    return path ? path : "/";
}

/* Bytes that are no text become null. */
static json_t *text_or_null(const char *text, size_t length)
{
    json_t *string = text ? json_stringn(text, length) : NULL;
    return string ? string : json_null();
}

/* One line "Name: value", its name in lower case. A name that stands twice is a list (RFC 9110 §5.3). */
static void add_header(json_t *headers, const char *line, size_t length)
{
    char name[64];
    char value[4096];
    const char *colon = memchr(line, ':', length);
    const size_t name_length = colon ? (size_t)(colon - line) : 0;
    if (name_length == 0 || name_length >= sizeof(name)) {
        return;
    }
    for (size_t i = 0; i < name_length; i++) {
        name[i] = (char)tolower((unsigned char)line[i]);
    }
    name[name_length] = '\0';
    const char *begin = colon + 1 + strspn(colon + 1, " ");
    const char *before = json_string_value(json_object_get(headers, name));
    (void)snprintf(value, sizeof(value), "%s%s%.*s", before ? before : "", before ? ", " : "",
                   (int)(line + length - begin), begin);
    json_object_set_new(headers, name, text_or_null(value, strlen(value)));
}

/* An interim answer (100) stands in front of the final one, which begins with a status line of its own. */
static json_t *headers_of(const struct answer *answer)
{
    json_t *headers = json_object();
    for (const char *line = answer->headers; line && *line;) {
        const size_t length = strcspn(line, "\r\n");
        if (strncmp(line, "HTTP/", 5) == 0) {
            json_object_clear(headers);
        } else {
            add_header(headers, line, length);
        }
        line += length + strspn(line + length, "\r\n");
    }
    return headers;
}

void record_exchange(const struct request *request, const struct answer *answer)
{
    pthread_once(&once, open_file);
    if (file < 0 || answer->status == 0 || !is_of_interest(request->url)) {
        return;
    }
    json_t *line = json_pack("{s:s, s:o, s:o, s:i, s:o, s:o}", "method", request->method, "url",
                             text_or_null(target_of(request->url), strlen(target_of(request->url))), "request",
                             text_or_null(request->body, request->body_bytes), "status", (int)answer->status, "headers",
                             headers_of(answer), "body",
                             answer->text ? text_or_null(answer->text, answer->text_bytes) : json_string(""));
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    json_decref(line);
    if (!text) {
        abort();
    }
    const size_t length = strlen(text);
    text[length] = '\n'; /* in place of the terminator: one write, so that threads do not mix */
    if (write(file, text, length + 1) != (ssize_t)length + 1) {
        perror("exchanges");
        exit(2);
    }
    free(text);
}
