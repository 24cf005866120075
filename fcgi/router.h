/* The table of routes, and finding the one that a request means. */
#ifndef SK_FCGI_ROUTER_H
#define SK_FCGI_ROUTER_H

#include "common/session.h"
#include "common/token.h"

#include <stdbool.h>
#include <stddef.h>

struct api;
struct request;
struct reply;

enum route_flag {
    ROUTE_BODY = 1,   /* its body is read; elsewhere a body is ignored */
    ROUTE_SWITCH = 4, /* counted against the session's own allowance, too */
    ROUTE_QUIET = 2,  /* asked by machines all day long: logged at debug level */
};

struct route {
    const char *method;
    const char *template; /* "/v1/sessions/{id}/start" */
    void (*handle)(struct api *api, const struct request *request, struct reply *reply);
    unsigned flags;
    enum sk_scope scope; /* what a token must allow */
};

/* What stands in the path in place of a template's {…}, percent-decoded; any bytes. */
struct route_capture {
    bool present;
    char text[SK_ID_BYTES]; /* cut, where it is longer than any id */
    size_t length;          /* of the whole; beyond the text where that was cut */
};

struct route_match {
    const struct route *route;           /* NULL: no route with this path, or not with this method */
    const char *template;                /* the path's, whatever the method; NULL: no route has this path */
    struct route_capture session_id;     /* {id} */
    struct route_capture participant_id; /* {pid} */
};

/* Looks up a percent-encoded path. */
void sk_router_find(const char *method, const char *path, size_t path_length, struct route_match *match);

/* Writes the value of Allow for the path that was matched: "GET, HEAD, DELETE, OPTIONS". */
void sk_router_allow(const struct route_match *match, char *out, size_t bytes);

/* The table's rows in order, NULL past the end. */
const struct route *sk_router_route(size_t number);

#endif
