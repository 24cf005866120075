/* A REST client over libcurl: one request, one answer. Safe in threads: each has a connection of its own. */
#ifndef SK_TESTS_HTTP_H
#define SK_TESTS_HTTP_H

#include <jansson.h>
#include <stddef.h>

struct request {
    const char *method;
    const char *url;
    const char *body; /* sent as application/json unless headers say otherwise; NULL: none */
    size_t body_bytes;
    const char *headers; /* "Name: value\nName: value"; NULL: none */
};

struct answer {
    long status;   /* 0: no answer at all */
    json_t *body;  /* owned; NULL where the text is no JSON */
    char *text;    /* owned, NUL-terminated */
    char *headers; /* owned, as received */
    size_t text_bytes;
    size_t headers_bytes;
};

/* Sends and waits for the answer, up to the test's patience. The answer is the caller's: answer_clear. */
void http_exchange(const struct request *request, struct answer *answer);
void answer_clear(struct answer *answer);

/* Frees the calling thread's connection. */
void http_thread_end(void);

/* Sends the same request count times at once, on as many connections. */
void http_burst(const struct request *request, struct answer *answers, size_t count);

/* The answer of one request, kept until the test is over. quoted: a body written with ' for ", NULL for none. */
struct answer *http_call(const char *method, const char *url, const char *quoted, const char *headers);

/* POST of a body as it is, of whatever bytes, to url; kept until the test is over. headers: as in a request. */
struct answer *http_post_bytes(const char *url, const char *body, size_t length, const char *headers);

/* A header's value, kept until the test is over; NULL where there is none. */
const char *answer_header(const struct answer *answer, const char *name);

/* A copy of text with " for every ', kept until the test is over. */
char *json_quoted(const char *text);

#endif
