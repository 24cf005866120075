/* A request out of memory: CGI variables in a table, a body in a string. */
#ifndef SK_TESTS_UNIT_FCGI_MEMORY_SOURCE_H
#define SK_TESTS_UNIT_FCGI_MEMORY_SOURCE_H

#include "fcgi/request.h"

#define MEMORY_VARIABLES 8

struct memory_variable {
    const char *name; /* NULL: the list ends */
    const char *value;
};

/* Everything borrowed. */
struct memory_source {
    struct memory_variable variables[MEMORY_VARIABLES];
    const char *body;
    size_t body_length;
    size_t position; /* how much of the body was read */
    bool breaks;     /* the body breaks off where it should end */
    struct request_source source;
};

/* Points source->source at the rest; returns it. */
const struct request_source *memory_source_ready(struct memory_source *source);

#endif
