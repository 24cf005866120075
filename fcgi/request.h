/* A request as the handlers see it: method, path, the headers that count, the body.
 * It is made from a source of CGI variables (RFC 3875 §4.1) and body bytes: FastCGI in the program, memory in tests. */
#ifndef SK_FCGI_REQUEST_H
#define SK_FCGI_REQUEST_H

#include "common/buffer.h"
#include "common/error.h"
#include "common/message.h"
#include "common/session.h"
#include "common/token.h"
#include "common/trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_BODY_MAX ((size_t)1024 * 1024)

/* Where a request comes from. */
struct request_source {
    void *context;
    const char *(*variable)(void *context, const char *name); /* NULL if there is none; borrowed as long as context */
    ptrdiff_t (*read)(void *context, char *bytes, size_t limit); /* fewer than limit: the end; -1: it broke off */
};

/* Texts are borrowed from the source, "" where they are missing. */
struct request {
    const struct request_source *source; /* borrowed */
    const char *method;
    const char *path; /* as it was sent, percent-encoded; not terminated: a query may follow */
    size_t path_length;
    const char *query;
    const char *content_type;
    const char *if_none_match;
    const char *if_match;
    const char *idempotency_key;
    const char *peer;      /* the address of whoever is connected to the web server */
    const char *forwarded; /* X-Forwarded-For */
    const char *origin;
    const char *host;
    const char *authorization;            /* never logged */
    const char *preflight_method;         /* Access-Control-Request-Method */
    char request_id[SK_REQUEST_ID_BYTES]; /* the client's, or one of ours */
    char trace_id[SK_TRACE_ID_BYTES];     /* of traceparent; "" without a valid one */
    char session_id[SK_ID_BYTES];         /* from the path; "" where it has none */
    char participant_id[SK_ID_BYTES];     /* likewise */
    struct sk_identity identity;          /* who asks */
    struct sk_buffer body;                /* owned; filled by sk_request_read_body */
    int64_t received_us;                  /* monotonic */
    bool drained;                         /* the source's body was read to its end */
};

/* Reads everything but the body. */
void sk_request_open(struct request *request, const struct request_source *source);
void sk_request_close(struct request *request);

/* Reads the body; none at all is an empty one. Blocks as the source does.
 * SK_PAYLOAD_TOO_LARGE: more than SK_BODY_MAX, or more than Content-Length said. SK_INVALID_JSON: it ended early, or
 * Content-Length is no number. SK_UNSUPPORTED_MEDIA_TYPE: a body that says it is not JSON; one that says nothing is
 * taken for JSON. SK_INTERNAL_ERROR: no memory. */
enum sk_code sk_request_read_body(struct request *request, struct sk_error *error) __attribute__((warn_unused_result));

/* Reads what is left of the body and throws it away: a web server that is still sending would otherwise find the
 * connection closed, and not look for the answer. Gives up after limit bytes; drained says whether it came to the end.
 */
void sk_request_drain(struct request *request, size_t limit);

#endif
