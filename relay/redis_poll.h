/* Puts a connection of hiredis' asynchronous API on a libuv loop. hiredis' own adapter ignores the error that libuv
 * reports for a refused or reset connection, and would never notice it; this one lets hiredis find out. */
#ifndef SK_RELAY_REDIS_POLL_H
#define SK_RELAY_REDIS_POLL_H

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <uv.h>

/* Before the first command. False: out of memory, or the descriptor cannot be watched; the caller frees the context.
 * What it allocates goes with the context, once the loop has turned. */
bool sk_redis_poll_attach(redisAsyncContext *context, uv_loop_t *loop) __attribute__((warn_unused_result));

#endif
