/* A blocking connection to Redis that opens itself when it is needed: pipelines of commands and their replies.
 * Knows no key. Not shared between threads. (The relay's connection is asynchronous: relay/redis_link.h.) */
#ifndef SK_COMMON_REDIS_H
#define SK_COMMON_REDIS_H

#include "common/error.h"
#include "common/redis_url.h"
#include "common/server_clock.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

struct sk_redis;

/* What a round trip is for, as the metrics tell it apart. */
enum sk_redis_purpose {
    SK_REDIS_OTHER,
    SK_REDIS_CONNECT,
    SK_REDIS_LOAD,
    SK_REDIS_COMMIT,
    SK_REDIS_LIST,
    SK_REDIS_LIMIT,
    SK_REDIS_TIMERS,
    SK_REDIS_AUDIT,
    SK_REDIS_TIME,
    SK_REDIS_WAIT, /* Redis answers when there is something: not measured, for it says nothing of Redis */
    SK_REDIS_PURPOSE_COUNT
};

/* Remembers where to connect, connects nowhere yet. Owned; NULL when out of memory. */
struct sk_redis *sk_redis_new(const struct sk_redis_url *url, int64_t timeout_ms);
void sk_redis_free(struct sk_redis *redis);

/* Connects unless connected. SK_STATE_STORE_UNAVAILABLE: not to be had. Blocks up to the timeout. */
enum sk_code sk_redis_connect(struct sk_redis *redis, struct sk_error *error) __attribute__((warn_unused_result));
bool sk_redis_connected(const struct sk_redis *redis);

/* Whether the last failure was that the server had closed the connection, as one finds out at the next use, and not
 * that it was silent for too long or cannot be reached. */
bool sk_redis_was_closed(const struct sk_redis *redis);

/* Closes the connection; the next call opens a new one. */
void sk_redis_disconnect(struct sk_redis *redis);

/* After a connection broke with a command under way: connects anew and makes sure that the server executes nothing
 * more of what the broken one had sent. SK_STATE_STORE_UNAVAILABLE: that could not be made sure of. */
enum sk_code sk_redis_reconnect_exclusive(struct sk_redis *redis, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Queues one command: hiredis' format, or arguments with lengths. Sends nothing yet; a failure (no memory, not
 * connected) shows in sk_redis_collect. */
void sk_redis_queue(struct sk_redis *redis, const char *format, ...);
void sk_redis_queue_args(struct sk_redis *redis, size_t count, const char *const *args, const size_t *lengths);

/* Says what the next round trip is for; the one after it is SK_REDIS_OTHER again. */
void sk_redis_intend(struct sk_redis *redis, enum sk_redis_purpose purpose);

/* Sends what was queued and reads a reply for each of count commands into replies (owned; free with
 * sk_redis_replies_free). An error reply of a command is a reply like any other.
 * SK_STATE_STORE_UNAVAILABLE: the connection broke or timed out, and is closed; replies are NULL. Blocks. */
enum sk_code sk_redis_collect(struct sk_redis *redis, size_t count, redisReply **replies, struct sk_error *error)
    __attribute__((warn_unused_result));
void sk_redis_replies_free(size_t count, redisReply **replies);

/* One command, its reply checked: NULL for a broken connection or an error reply (error says which). Owned. */
redisReply *sk_redis_command(struct sk_redis *redis, struct sk_error *error, const char *format, ...);
redisReply *sk_redis_command_args(struct sk_redis *redis, struct sk_error *error, size_t count, const char *const *args,
                                  const size_t *lengths);

/* Turns an error reply into a code and a text: SK_STATE_STORE_UNAVAILABLE where nothing was executed because of the
 * server's state (LOADING, READONLY, OOM, MISCONF, …), SK_INTERNAL_ERROR otherwise; SK_OK if it is no error. */
enum sk_code sk_redis_check(const redisReply *reply, struct sk_error *error);

/* Epoch microseconds out of the reply to TIME; -1 if it is none. */
int64_t sk_redis_time_us(const redisReply *reply);

#endif
