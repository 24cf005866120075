/* The blocking connection: opens itself, closes itself on any doubt, and never leaves a half-read pipeline behind. */
#include "common/redis.h"

#include "common/log.h"
#include "common/metrics.h"
#include "common/server_clock.h"
#include "common/uuid.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sk_redis {
    struct sk_redis_url url;
    struct timeval timeout;
    redisContext *context; /* NULL while not connected */
    bool queue_failed;
    bool was_closed;               /* by the server; the last failure */
    enum sk_redis_purpose purpose; /* of the next round trip */

    /* What the server knows the connection by: the present one's, or the last one's after it broke. */
    int64_t client_id; /* 0: never connected */
    char client_name[64];
};

struct sk_redis *sk_redis_new(const struct sk_redis_url *url, int64_t timeout_ms)
{
    struct sk_redis *redis = calloc(1, sizeof(*redis));
    if (!redis) {
        return NULL;
    }
    redis->url = *url;
    redis->timeout.tv_sec = (time_t)(timeout_ms / 1000);
    redis->timeout.tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000);
    return redis;
}

void sk_redis_free(struct sk_redis *redis)
{
    if (!redis) {
        return;
    }
    sk_redis_disconnect(redis);
    free(redis);
}

bool sk_redis_connected(const struct sk_redis *redis)
{
    return redis->context != NULL;
}

bool sk_redis_was_closed(const struct sk_redis *redis)
{
    return redis->was_closed;
}

void sk_redis_disconnect(struct sk_redis *redis)
{
    if (redis->context) {
        redisFree(redis->context);
        redis->context = NULL;
    }
    redis->queue_failed = false;
    redis->purpose = SK_REDIS_OTHER;
}

static enum sk_code broken(struct sk_redis *redis, struct sk_error *error)
{
    char place[320];
    char why[128] = "out of memory";
    redis->was_closed = false;
    if (redis->context && redis->context->err) {
        bool reset = redis->context->err == REDIS_ERR_IO && (errno == ECONNRESET || errno == EPIPE);
        bool silent = redis->context->err == REDIS_ERR_IO && errno == EAGAIN;
        redis->was_closed = redis->context->err == REDIS_ERR_EOF || reset;
        if (silent) {
            long long waited_ms = (long long)redis->timeout.tv_sec * 1000 + redis->timeout.tv_usec / 1000;
            (void)snprintf(why, sizeof(why), "no answer within %lld ms", waited_ms);
        } else {
            (void)snprintf(why, sizeof(why), "%s", redis->context->errstr);
        }
    }
    sk_redis_disconnect(redis);
    sk_metrics_add(SK_METRIC_REDIS_ERRORS, "", 1);
    return sk_fail(error, SK_STATE_STORE_UNAVAILABLE, "redis at %s: %s",
                   sk_redis_url_shown(&redis->url, place, sizeof(place)), why);
}

void sk_redis_intend(struct sk_redis *redis, enum sk_redis_purpose purpose)
{
    redis->purpose = purpose;
}

/* Also of a round trip that came to nothing: how long it took to find out is what its caller waited. */
static void observe(enum sk_redis_purpose purpose, int64_t sent_us)
{
    static const char *const labels[] = {
        [SK_REDIS_OTHER] = "operation=\"other\"",   [SK_REDIS_CONNECT] = "operation=\"connect\"",
        [SK_REDIS_LOAD] = "operation=\"load\"",     [SK_REDIS_COMMIT] = "operation=\"commit\"",
        [SK_REDIS_LIST] = "operation=\"list\"",     [SK_REDIS_LIMIT] = "operation=\"limit\"",
        [SK_REDIS_TIMERS] = "operation=\"timers\"", [SK_REDIS_AUDIT] = "operation=\"audit\"",
        [SK_REDIS_TIME] = "operation=\"time\"",     [SK_REDIS_WAIT] = NULL,
    };
    _Static_assert(sizeof(labels) / sizeof(labels[0]) == SK_REDIS_PURPOSE_COUNT, "a label for each purpose");
    int error = errno; /* which says why the connection broke */
    if (labels[purpose]) {
        sk_metrics_observe(SK_METRIC_REDIS_DURATION, labels[purpose], (double)(sk_monotonic_us() - sent_us) / 1e6);
    }
    errno = error;
}

static redisContext *dial(const struct sk_redis *redis)
{
    const struct sk_redis_url *url = &redis->url;
    return url->path[0] != '\0' ? redisConnectUnixWithTimeout(url->path, redis->timeout)
                                : redisConnectWithTimeout(url->host, url->port, redis->timeout);
}

/* The first words on a new connection: who we are, which database, and what the server calls us. */
static enum sk_code introduce(struct sk_redis *redis, struct sk_error *error)
{
    const struct sk_redis_url *url = &redis->url;
    char id[SK_UUID_BYTES];
    char name[sizeof(redis->client_name)];
    redisReply *replies[6] = {NULL};
    size_t count = 0;
    sk_uuid_random(id);
    (void)snprintf(name, sizeof(name), "synckairos:%s", id);
    if (url->password[0] != '\0' && url->user[0] != '\0') {
        sk_redis_queue(redis, "AUTH %s %s", url->user, url->password);
        count++;
    } else if (url->password[0] != '\0') {
        sk_redis_queue(redis, "AUTH %s", url->password);
        count++;
    }
    sk_redis_queue(redis, "SELECT %d", url->db);
    sk_redis_queue(redis, "CLIENT SETNAME %s", name);
    sk_redis_queue(redis, "MULTI"); /* where it is refused, a change would be executed piece by piece */
    sk_redis_queue(redis, "DISCARD");
    sk_redis_queue(redis, "CLIENT ID");
    count += 5;
    enum sk_redis_purpose purpose = redis->purpose; /* of what the connection is wanted for */
    redis->purpose = SK_REDIS_CONNECT;
    enum sk_code code = sk_redis_collect(redis, count, replies, error);
    redis->purpose = purpose;
    for (size_t i = 0; i < count && !code; i++) {
        code = sk_redis_check(replies[i], error);
    }
    if (code) { /* whatever it says: such a server is of no use */
        code = SK_STATE_STORE_UNAVAILABLE;
        if (error) {
            error->code = code;
        }
    } else {
        redis->client_id = replies[count - 1]->integer;
        memcpy(redis->client_name, name, sizeof(name));
    }
    sk_redis_replies_free(count, replies);
    return code;
}

enum sk_code sk_redis_connect(struct sk_redis *redis, struct sk_error *error)
{
    if (redis->context) {
        return SK_OK;
    }
    redis->context = dial(redis);
    if (!redis->context || redis->context->err || redisSetTimeout(redis->context, redis->timeout) != REDIS_OK) {
        return broken(redis, error);
    }
    (void)redisEnableKeepAlive(redis->context); /* refused on a unix socket, where nothing needs it */
    if (redis->context->err) {
        redis->context->err = 0;
        redis->context->errstr[0] = '\0';
    }
    enum sk_code code = introduce(redis, error);
    if (code) {
        sk_redis_disconnect(redis);
    }
    return code;
}

/* Whether the server still holds the connection of that id and name. */
static enum sk_code still_there(struct sk_redis *redis, int64_t id, const char *name, bool *there,
                                struct sk_error *error)
{
    redisReply *reply = sk_redis_command(redis, error, "CLIENT LIST ID %lld", (long long)id);
    if (!reply) {
        return SK_STATE_STORE_UNAVAILABLE;
    }
    *there = reply->str && strstr(reply->str, name) != NULL;
    freeReplyObject(reply);
    return SK_OK;
}

enum sk_code sk_redis_reconnect_exclusive(struct sk_redis *redis, struct sk_error *error)
{
    int64_t old_id = redis->client_id;
    char old_name[sizeof(redis->client_name)];
    memcpy(old_name, redis->client_name, sizeof(old_name));
    sk_redis_disconnect(redis);
    enum sk_code code = sk_redis_connect(redis, error);
    bool there = false;
    if (!code) {
        code = still_there(redis, old_id, old_name, &there, error);
    }
    if (!code && there) {
        redisReply *reply = sk_redis_command(redis, error, "CLIENT KILL ID %lld", (long long)old_id);
        code = reply ? SK_OK : SK_STATE_STORE_UNAVAILABLE;
        freeReplyObject(reply);
    }
    return code;
}

static void queue(struct sk_redis *redis, const char *format, va_list args)
{
    if (!redis->context || redisvAppendCommand(redis->context, format, args) != REDIS_OK) {
        redis->queue_failed = true;
    }
}

void sk_redis_queue(struct sk_redis *redis, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    queue(redis, format, args);
    va_end(args);
}

void sk_redis_queue_args(struct sk_redis *redis, size_t count, const char *const *args, const size_t *lengths)
{
    if (!redis->context ||
        redisAppendCommandArgv(redis->context, (int)count, (const char **)args, lengths) != REDIS_OK) {
        redis->queue_failed = true;
    }
}

/* The round trip itself. */
static bool travel(struct sk_redis *redis, size_t count, redisReply **replies)
{
    int64_t sent_us = sk_monotonic_us();
    bool failed = false;
    for (size_t i = 0; i < count && !failed; i++) {
        void *reply = NULL;
        failed = redisGetReply(redis->context, &reply) != REDIS_OK;
        replies[i] = reply;
    }
    observe(redis->purpose, sent_us);
    return !failed;
}

enum sk_code sk_redis_collect(struct sk_redis *redis, size_t count, redisReply **replies, struct sk_error *error)
{
    for (size_t i = 0; i < count; i++) {
        replies[i] = NULL;
    }
    bool failed = redis->queue_failed || !redis->context || !travel(redis, count, replies);
    redis->purpose = SK_REDIS_OTHER;
    if (!failed) {
        return SK_OK;
    }
    sk_redis_replies_free(count, replies);
    return broken(redis, error);
}

void sk_redis_replies_free(size_t count, redisReply **replies)
{
    for (size_t i = 0; i < count; i++) {
        if (replies[i]) {
            freeReplyObject(replies[i]);
            replies[i] = NULL;
        }
    }
}

/* The reply to the one command that was queued. */
static redisReply *only_reply(struct sk_redis *redis, struct sk_error *error)
{
    redisReply *reply = NULL;
    if (sk_redis_collect(redis, 1, &reply, error)) {
        return NULL;
    }
    if (sk_redis_check(reply, error)) {
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

redisReply *sk_redis_command(struct sk_redis *redis, struct sk_error *error, const char *format, ...)
{
    va_list args;
    if (sk_redis_connect(redis, error)) {
        return NULL;
    }
    va_start(args, format);
    queue(redis, format, args);
    va_end(args);
    return only_reply(redis, error);
}

redisReply *sk_redis_command_args(struct sk_redis *redis, struct sk_error *error, size_t count, const char *const *args,
                                  const size_t *lengths)
{
    if (sk_redis_connect(redis, error)) {
        return NULL;
    }
    sk_redis_queue_args(redis, count, args, lengths);
    return only_reply(redis, error);
}

/* The first word of an error reply says what kind it is; these mean that nothing was executed. */
static bool refused_by_state(const char *text)
{
    static const char *const kinds[] = {"LOADING",   "READONLY", "OOM",  "MISCONF",  "MASTERDOWN", "NOREPLICAS",
                                        "EXECABORT", "NOAUTH",   "BUSY", "TRYAGAIN", "CLUSTERDOWN"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t length = strlen(kinds[i]);
        if (strncmp(text, kinds[i], length) == 0 && (text[length] == ' ' || text[length] == '\0')) {
            return true;
        }
    }
    return false;
}

enum sk_code sk_redis_check(const redisReply *reply, struct sk_error *error)
{
    if (!reply) {
        return sk_fail(error, SK_INTERNAL_ERROR, "redis: no reply");
    }
    if (reply->type != REDIS_REPLY_ERROR) {
        return SK_OK;
    }
    return sk_fail(error, refused_by_state(reply->str) ? SK_STATE_STORE_UNAVAILABLE : SK_INTERNAL_ERROR, "redis: %s",
                   reply->str);
}

int64_t sk_redis_time_us(const redisReply *reply)
{
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !reply->element[0]->str ||
        !reply->element[1]->str) {
        return -1;
    }
    return strtoll(reply->element[0]->str, NULL, 10) * 1000000 + strtoll(reply->element[1]->str, NULL, 10);
}
