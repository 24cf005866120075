/* A Redis subscription in a thread of its own. Owns the connection and all that was heard. */
#include "tests/integration/listener.h"

#include "tests/integration/check.h"
#include "tests/integration/keep.h"
#include "tests/integration/stack.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define HEARD_MAX 20000

struct listener {
    redisContext *context;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    bool subscribed;
    size_t count;
    struct heard heard[HEARD_MAX];
};

static int64_t wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* message: a header line that begins with the type, a newline, the frame. */
static void take(struct listener *listener, const char *channel, const char *message, int64_t at_us)
{
    struct heard heard = {.at_us = at_us};
    const char *frame = strchr(message, '\n');
    (void)snprintf(heard.session_id, sizeof(heard.session_id), "%s", channel + strlen("ws:"));
    (void)snprintf(heard.type, sizeof(heard.type), "%.*s", (int)strcspn(message, " \n"), message);
    heard.json = frame ? json_loads(frame + 1, 0, NULL) : NULL;
    pthread_mutex_lock(&listener->lock);
    if (listener->count == HEARD_MAX) {
        abort();
    }
    listener->heard[listener->count++] = heard;
    pthread_mutex_unlock(&listener->lock);
}

static void *hear(void *argument)
{
    struct listener *listener = argument;
    redisReply *reply = NULL;
    while (redisGetReply(listener->context, (void **)&reply) == REDIS_OK && reply) {
        const int64_t at_us = wall_us();
        if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 4) {
            take(listener, reply->element[2]->str, reply->element[3]->str, at_us);
        } else {
            pthread_mutex_lock(&listener->lock);
            listener->subscribed = true;
            pthread_mutex_unlock(&listener->lock);
        }
        freeReplyObject(reply);
    }
    return NULL;
}

static void release(void *object)
{
    struct listener *listener = object;
    shutdown(listener->context->fd, SHUT_RDWR);
    pthread_join(listener->thread, NULL);
    redisFree(listener->context);
    for (size_t i = 0; i < listener->count; i++) {
        json_decref(listener->heard[i].json);
    }
    free(listener);
}

static bool is_subscribed(struct listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    const bool subscribed = listener->subscribed;
    pthread_mutex_unlock(&listener->lock);
    return subscribed;
}

struct listener *listen_to(const char *prefix)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    redisContext *context = redisConnect("127.0.0.1", stack.redis_port);
    if (!listener || !context || redisAppendCommand(context, "PSUBSCRIBE ws:%s*", prefix) != REDIS_OK) {
        abort();
    }
    listener->context = context;
    pthread_mutex_init(&listener->lock, NULL);
    if (pthread_create(&listener->thread, NULL, hear, listener)) {
        abort();
    }
    keep(listener, release);
    EVENTUALLY(is_subscribed(listener));
    return listener;
}

size_t heard_count(struct listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    const size_t count = listener->count;
    pthread_mutex_unlock(&listener->lock);
    return count;
}

const struct heard *heard_at(struct listener *listener, size_t number)
{
    return number < heard_count(listener) ? &listener->heard[number] : NULL;
}

size_t heard_of(struct listener *listener, const char *type)
{
    size_t number = 0;
    const size_t count = heard_count(listener);
    for (size_t i = 0; i < count; i++) {
        number += strcmp(listener->heard[i].type, type) == 0;
    }
    return number;
}

size_t heard_about(struct listener *listener, const char *session_id, const char *type, const struct heard **last)
{
    size_t number = 0;
    const size_t count = heard_count(listener);
    *last = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct heard *heard = &listener->heard[i];
        if (strcmp(heard->session_id, session_id) == 0 && strcmp(heard->type, type) == 0) {
            *last = heard;
            number++;
        }
    }
    return number;
}
