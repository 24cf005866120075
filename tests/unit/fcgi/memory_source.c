/* Requests out of memory, for the tests of the API. */
#include "tests/unit/fcgi/memory_source.h"

#include <string.h>

static const char *variable(void *context, const char *name)
{
    const struct memory_source *source = context;
    for (size_t i = 0; i < MEMORY_VARIABLES && source->variables[i].name; i++) {
        if (strcmp(source->variables[i].name, name) == 0) {
            return source->variables[i].value;
        }
    }
    return NULL;
}

static ptrdiff_t read_body(void *context, char *bytes, size_t limit)
{
    struct memory_source *source = context;
    size_t rest = source->body_length - source->position;
    size_t taken = rest < limit ? rest : limit;
    if (taken > 0) {
        memcpy(bytes, source->body + source->position, taken);
    }
    source->position += taken;
    return source->breaks && taken < limit ? -1 : (ptrdiff_t)taken;
}

const struct request_source *memory_source_ready(struct memory_source *source)
{
    source->source = (struct request_source){.context = source, .variable = variable, .read = read_body};
    return &source->source;
}
