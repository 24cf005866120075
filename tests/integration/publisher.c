/* A connection that publishes at a pace. Owns the connection, the padding and the thread. */
#include "tests/integration/publisher.h"

#include "tests/integration/check.h"
#include "tests/integration/keep.h"
#include "tests/integration/stack.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VERSION_FROM 1000000 /* above whatever the session has */
#define HEAD_BYTES 400

struct publisher {
    redisContext *redis;
    const char *channel;
    char *text; /* room for the head, and the padding */
    size_t bytes;
    int64_t version;
    int64_t last_us;
    int rate;
    bool running;
    atomic_bool stop;
    pthread_t thread;
};

static void release(void *object)
{
    struct publisher *publisher = object;
    if (publisher->running) {
        (void)publisher_stop(publisher);
    }
    redisFree(publisher->redis);
    free(publisher->text);
    free(publisher);
}

struct publisher *publisher_open(const char *id, size_t bytes)
{
    struct publisher *publisher = calloc(1, sizeof(*publisher));
    if (!publisher || !(publisher->text = malloc(HEAD_BYTES + bytes))) {
        abort();
    }
    *publisher = (struct publisher){.redis = redisConnect("127.0.0.1", stack.redis_port),
                                    .channel = kept_text("ws:%s", id),
                                    .text = publisher->text,
                                    .bytes = bytes,
                                    .version = VERSION_FROM};
    if (!publisher->redis || publisher->redis->err) {
        abort();
    }
    return keep(publisher, release);
}

/* Appends one message to what will be sent. */
static void append(struct publisher *publisher, const char *type)
{
    const int64_t at_us = now_us();
    publisher->last_us = at_us > publisher->last_us ? at_us : publisher->last_us + 1;
    const int head =
        snprintf(publisher->text, HEAD_BYTES, "%s %lld %lld %lld -\n{\"type\":\"%s\",\"stamp\":%lld,\"p\":\"", type,
                 (long long)publisher->version++, (long long)wall_ms(), (long long)wall_ms(), type,
                 (long long)publisher->last_us);
    memset(publisher->text + head, 'x', publisher->bytes);
    memcpy(publisher->text + (size_t)head + publisher->bytes, "\"}", 2);
    (void)redisAppendCommand(publisher->redis, "PUBLISH %s %b", publisher->channel, publisher->text,
                             (size_t)head + publisher->bytes + 2);
}

int64_t publish(struct publisher *publisher, const char *type, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        append(publisher, type);
    }
    for (size_t i = 0; i < count; i++) {
        void *reply = NULL;
        if (redisGetReply(publisher->redis, &reply) == REDIS_OK) {
            freeReplyObject(reply);
        }
    }
    return publisher->last_us;
}

static void sleep_until(int64_t at_us)
{
    const struct timespec at = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

int64_t publish_for(struct publisher *publisher, int rate, int64_t for_ms)
{
    const int64_t began_us = now_us();
    for (int64_t i = 0; i < rate * for_ms / 1000; i++) {
        sleep_until(began_us + i * 1000000 / rate);
        publish(publisher, "STATE_UPDATE", 1);
    }
    return publisher->last_us;
}

static void *run(void *argument)
{
    struct publisher *publisher = argument;
    while (!atomic_load(&publisher->stop)) {
        (void)publish_for(publisher, publisher->rate, 100);
    }
    return NULL;
}

void publisher_start(struct publisher *publisher, int rate)
{
    publisher->rate = rate;
    atomic_store(&publisher->stop, false);
    publisher->running = true;
    if (pthread_create(&publisher->thread, NULL, run, publisher)) {
        abort();
    }
}

int64_t publisher_stop(struct publisher *publisher)
{
    atomic_store(&publisher->stop, true);
    pthread_join(publisher->thread, NULL);
    publisher->running = false;
    return publisher->last_us;
}
