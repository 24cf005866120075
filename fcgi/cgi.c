/* Between the CGI environment and the API. Owns nothing but the place in the body that is read; knows no route. */
#include "fcgi/cgi.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As much of a body that nobody wanted as a web server lets through. */
#define DRAIN_BYTES ((size_t)16 * 1024 * 1024)

/* How much of standard input is the request's: it need not end there (RFC 3875 §4.2). */
struct body {
    size_t left;
};

bool sk_cgi_invoked(void)
{
    const char *interface = getenv("GATEWAY_INTERFACE");
    return interface && strncmp(interface, "CGI/", 4) == 0;
}

static const char *variable(void *context, const char *name)
{
    (void)context;
    return getenv(name);
}

static ptrdiff_t read_body(void *context, char *bytes, size_t limit)
{
    struct body *body = context;
    size_t wanted = limit < body->left ? limit : body->left;
    size_t got = 0;
    while (got < wanted) {
        ssize_t more = read(STDIN_FILENO, bytes + got, wanted - got);
        if (more == 0) {
            break;
        }
        if (more < 0 && errno != EINTR) {
            return -1;
        }
        got += more > 0 ? (size_t)more : 0;
    }
    body->left -= got;
    return (ptrdiff_t)got;
}

/* Without CONTENT_LENGTH there is no body, unless the web server passes on a chunked one until its end. What is no
 * number reads as 0; the API refuses it. */
static size_t body_bytes(void)
{
    const char *length = getenv("CONTENT_LENGTH");
    if (length && length[0]) {
        return length[0] >= '0' && length[0] <= '9' ? (size_t)strtoull(length, NULL, 10) : 0;
    }
    return getenv("HTTP_TRANSFER_ENCODING") ? SIZE_MAX : 0;
}

static bool write_all(const struct sk_buffer *out)
{
    size_t sent = 0;
    while (sent < out->length) {
        ssize_t more = write(STDOUT_FILENO, out->data + sent, out->length - sent);
        if (more < 0 && errno != EINTR) {
            return false;
        }
        sent += more > 0 ? (size_t)more : 0;
    }
    return !out->failed;
}

bool sk_cgi_serve(struct api *api)
{
    struct body body = {.left = body_bytes()};
    struct request request;
    struct reply reply;
    struct sk_buffer out = {0};
    const struct request_source source = {.context = &body, .variable = variable, .read = read_body};
    (void)signal(SIGPIPE, SIG_IGN);
    sk_request_open(&request, &source);
    sk_reply_open(&reply);
    sk_api_handle(api, &request, &reply);
    sk_request_drain(&request, DRAIN_BYTES);
    sk_reply_write(&reply, request.request_id, strcmp(request.method, "HEAD") == 0, &out);
    bool written = write_all(&out);
    sk_buffer_clear(&out);
    sk_reply_clear(&reply);
    sk_request_close(&request);
    return written;
}
