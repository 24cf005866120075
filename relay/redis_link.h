/* One connection to Redis that is always wanted: it opens itself, says who it is, and comes back by itself after a
 * loss, with a growing pause between attempts. Asynchronous; never blocks (names are resolved off the loop).
 *
 *            start                resolved             connected            greeted
 *   CLOSED ────────► RESOLVING ────────────► CONNECTING ───────► GREETING ─────────► READY
 *      ▲                 ▲          any failure, a timeout, a loss, _disconnect          │
 *      │ close           └──────── pause ──────── DOWN ◄────────────────────────────────┘
 *
 * hiredis frees a connection itself when it breaks; when it is we who give up on one, it is only detached, and freed
 * by sk_redis_link_reap at the end of the tick, never inside one of its callbacks. */
#ifndef SK_RELAY_REDIS_LINK_H
#define SK_RELAY_REDIS_LINK_H

#include "common/redis_url.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct sk_redis_link;

struct sk_redis_link_options {
    const char *name; /* for the log; static storage */
    const struct sk_redis_url *url;
    int64_t timeout_ms; /* from the first packet to READY */
    void (*on_up)(void *owner);
    void (*on_down)(void *owner); /* was READY and is not any more */
    void *owner;
};

/* Remembers what to do, connects nowhere yet. Everything in options is borrowed for the link's life. Owned; NULL when
 * out of memory. */
struct sk_redis_link *sk_redis_link_new(uv_loop_t *loop, const struct sk_redis_link_options *options);

void sk_redis_link_start(struct sk_redis_link *link);
bool sk_redis_link_ready(const struct sk_redis_link *link);

/* Gives the connection up, for the reason given in the log, and opens another after a pause. */
void sk_redis_link_disconnect(struct sk_redis_link *link, const char *why);

/* The reply to a command, borrowed for the call. NULL: the connection went before it came (perhaps while on_down is
 * still to come, perhaps just after it). */
typedef void sk_redis_reply_handler(void *context, const redisReply *reply);

/* Sends a command; handler is called exactly once, later. False: nothing was sent and handler is not called. */
bool sk_redis_link_command(struct sk_redis_link *link, sk_redis_reply_handler *handler, void *context, int count,
                           const char *const *args, const size_t *lengths) __attribute__((warn_unused_result));

/* Sends SUBSCRIBE or UNSUBSCRIBE for one channel. handler gets every push of this channel from now on, its
 * confirmations included, and NULL when the connection goes. It is the same function and context for all channels. */
bool sk_redis_link_subscribe(struct sk_redis_link *link, const char *channel, sk_redis_reply_handler *handler,
                             void *context) __attribute__((warn_unused_result));
bool sk_redis_link_unsubscribe(struct sk_redis_link *link, const char *channel) __attribute__((warn_unused_result));

/* Frees connections that were given up. Outside of any callback of hiredis. */
void sk_redis_link_reap(struct sk_redis_link *link);

/* Ends it for good; the loop must turn until its handles are closed before _free. */
void sk_redis_link_close(struct sk_redis_link *link);
void sk_redis_link_free(struct sk_redis_link *link);

#endif
