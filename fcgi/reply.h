/* An answer: status, body, and the headers that depend on the request. A handler fills it, sk_reply_write renders it
 * with the headers that every answer bears. */
#ifndef SK_FCGI_REPLY_H
#define SK_FCGI_REPLY_H

#include "common/buffer.h"
#include "common/error.h"
#include "common/problems.h"
#include "common/store.h"

#define SK_TYPE_JSON "application/json; charset=utf-8"

struct reply {
    int status;
    const char *content_type;     /* NULL: no body. Static */
    struct sk_buffer body;        /* owned */
    int64_t etag;                 /* a session's version; SK_NONE: no ETag */
    char session_id[SK_ID_BYTES]; /* of the session it shows, for the log; "": none */
    char location[96];            /* "": none */
    char allow[64];               /* "": none */
    int retry_after_s;            /* 0: none */
    const char *challenge;        /* WWW-Authenticate; NULL: none. Static */
    int64_t rate_limit;           /* SK_NONE: nothing is limited here */
    int64_t rate_remaining;
    int64_t rate_reset_s;
    bool replayed;           /* the key was used before for the same: nothing was applied */
    const char *cors_origin; /* borrowed from the request: a page of this origin may read the answer; NULL: none */
    bool preflight;          /* the answer to a preflight request: it says what such a page may ask */
    struct sk_error error;   /* what went wrong, for the log; SK_OK if nothing */
};

void sk_reply_open(struct reply *reply);
void sk_reply_clear(struct reply *reply);

/* No body. */
void sk_reply_empty(struct reply *reply, int status);

/* A body of that type, for the caller to write into reply->body. Returns it. */
struct sk_buffer *sk_reply_body(struct reply *reply, int status, const char *content_type);

/* {"data": the session's view, "server_time_ms"} and its ETag; result is one that the store gave with SK_OK. */
void sk_reply_session(struct reply *reply, int status, const struct sk_result *result);

/* 304: the client has this version already. */
void sk_reply_unchanged(struct reply *reply, const struct sk_result *result);

/* {"error": {"code", "message"}}, with the status and Retry-After that belong to the code. */
void sk_reply_error(struct reply *reply, const struct sk_error *error);

/* The same with details. problems: VALIDATION_ERROR, all of them. */
void sk_reply_problems(struct reply *reply, const struct sk_problems *problems);
void sk_reply_conflict(struct reply *reply, const struct sk_error *error, int64_t expected_version,
                       int64_t actual_version);

/* Appends the whole CGI response (RFC 3875 §6): header fields, an empty line, the body. without_body: the request was
 * HEAD; the headers are those of the body that is left out (RFC 9110 §9.3.2). A body that found no memory is replaced
 * by the fixed text of an internal error. */
void sk_reply_write(struct reply *reply, const char *request_id, bool without_body, struct sk_buffer *out);

#endif
