/* The list of what the running test has opened. Owns the list, knows nothing of what is in it. */
#include "tests/integration/keep.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct kept {
    void *object;
    void (*release)(void *object);
    struct kept *below;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept *top;

void *keep(void *object, void (*release)(void *object))
{
    struct kept *kept = malloc(sizeof(*kept));
    if (!kept || !object) {
        abort();
    }
    *kept = (struct kept){.object = object, .release = release};
    pthread_mutex_lock(&lock);
    kept->below = top;
    top = kept;
    pthread_mutex_unlock(&lock);
    return object;
}

void keep_clear(void)
{
    while (top) {
        struct kept *kept = top;
        top = kept->below;
        kept->release(kept->object);
        free(kept);
    }
}

char *kept_text(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        abort();
    }
    return keep(text, free);
}
