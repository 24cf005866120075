/* The hooks between hiredis and libuv. Owns one poll handle a connection. */
#include "relay/redis_poll.h"

#include <stdlib.h>

struct poll {
    uv_poll_t handle;
    redisAsyncContext *context; /* NULL once hiredis has let go */
    int events;
};

static void on_ready(uv_poll_t *handle, int status, int events)
{
    struct poll *poll = handle->data;
    if (status < 0) {
        events = UV_READABLE | UV_WRITABLE; /* libuv has stopped watching: whatever is done next fails, and tells why */
    }
    if (poll->context != NULL && (events & UV_READABLE) != 0) {
        redisAsyncHandleRead(poll->context);
    }
    if (poll->context != NULL && (events & UV_WRITABLE) != 0) {
        redisAsyncHandleWrite(poll->context);
    }
}

static void watch(struct poll *poll, int events)
{
    poll->events = events;
    if (events == 0) {
        (void)uv_poll_stop(&poll->handle);
    } else {
        (void)uv_poll_start(&poll->handle, events, on_ready);
    }
}

static void add_read(void *data)
{
    struct poll *poll = data;
    watch(poll, poll->events | UV_READABLE);
}

static void remove_read(void *data)
{
    struct poll *poll = data;
    watch(poll, poll->events & ~UV_READABLE);
}

static void add_write(void *data)
{
    struct poll *poll = data;
    watch(poll, poll->events | UV_WRITABLE);
}

static void remove_write(void *data)
{
    struct poll *poll = data;
    watch(poll, poll->events & ~UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void clean_up(void *data)
{
    struct poll *poll = data;
    poll->context = NULL;
    uv_close((uv_handle_t *)&poll->handle, on_closed);
}

bool sk_redis_poll_attach(redisAsyncContext *context, uv_loop_t *loop)
{
    struct poll *poll = calloc(1, sizeof *poll);
    if (poll == NULL || uv_poll_init(loop, &poll->handle, context->c.fd) != 0) {
        free(poll);
        return false;
    }
    poll->handle.data = poll;
    poll->context = context;
    context->ev.data = poll;
    context->ev.addRead = add_read;
    context->ev.delRead = remove_read;
    context->ev.addWrite = add_write;
    context->ev.delWrite = remove_write;
    context->ev.cleanup = clean_up;
    return true;
}
