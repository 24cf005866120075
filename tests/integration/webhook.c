/* The receiver of alerts. Owns its thread, its connections and what it was told. */
#include "tests/integration/webhook.h"

#include "tests/integration/check.h"
#include "tests/integration/keep.h"
#include "tests/integration/port.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUESTS_MAX 64
#define REQUEST_BYTES 16384
#define READ_MS 5000

struct webhook {
    enum webhook_manner manner;
    int listener;
    int port;
    int stop[2]; /* a pipe: its end wakes the thread */
    pthread_t thread;
    int mute[REQUESTS_MAX]; /* connections that get no answer, or no end of it; the thread's alone */
    size_t mute_count;
    pthread_mutex_t lock; /* of what follows */
    size_t count;
    json_t *bodies[REQUESTS_MAX];
};

/* Reads a request as far as its body goes; the body's beginning, NULL: it was none. */
static const char *read_request(int fd, char *text, size_t bytes)
{
    size_t length = 0;
    const char *body = NULL;
    while (length < bytes - 1) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        ssize_t got = poll(&ready, 1, READ_MS) > 0 ? recv(fd, text + length, bytes - 1 - length, 0) : -1;
        if (got <= 0) {
            return NULL;
        }
        length += (size_t)got;
        text[length] = '\0';
        body = strstr(text, "\r\n\r\n");
        const char *announced = body ? strcasestr(text, "\r\nContent-Length:") : NULL;
        if (announced && length >= (size_t)(body + 4 - text) + strtoul(announced + 17, NULL, 10)) {
            return body + 4;
        }
    }
    return NULL;
}

static void answer(struct webhook *webhook, int fd)
{
    char text[200];
    const char *status = webhook->manner == WEBHOOK_TAKES     ? "204 No Content"
                         : webhook->manner == WEBHOOK_REFUSES ? "500 Oops"
                                                              : "302 Found";
    const int length = snprintf(text, sizeof(text),
                                "HTTP/1.1 %s\r\nLocation: http://127.0.0.1:%d/elsewhere\r\n"
                                "Connection: close\r\nContent-Length: 0\r\n\r\n",
                                status, webhook->port);
    (void)!send(fd, text, (size_t)length, MSG_NOSIGNAL);
    close(fd);
}

static void take_request(struct webhook *webhook, int fd)
{
    static __thread char text[REQUEST_BYTES];
    const char *body = read_request(fd, text, sizeof(text));
    json_t *json = body && strncmp(text, "POST /secret-path ", 18) == 0 ? json_loads(body, 0, NULL) : NULL;
    pthread_mutex_lock(&webhook->lock);
    if (webhook->count == REQUESTS_MAX) {
        abort();
    }
    webhook->bodies[webhook->count++] = json;
    pthread_mutex_unlock(&webhook->lock);
    if (webhook->manner == WEBHOOK_GOES_ON) {
        static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nand so on";
        (void)!send(fd, head, sizeof(head) - 1, MSG_NOSIGNAL);
    }
    if (webhook->manner == WEBHOOK_IS_MUTE || webhook->manner == WEBHOOK_GOES_ON) {
        webhook->mute[webhook->mute_count++] = fd;
    } else {
        answer(webhook, fd);
    }
}

static void *serve(void *argument)
{
    struct webhook *webhook = argument;
    for (;;) {
        struct pollfd ready[] = {{.fd = webhook->listener, .events = POLLIN},
                                 {.fd = webhook->stop[0], .events = POLLIN}};
        if (poll(ready, 2, -1) > 0 && ready[1].revents) {
            return NULL;
        }
        const int fd = accept4(webhook->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            take_request(webhook, fd);
        }
    }
}

static void release(void *object)
{
    struct webhook *webhook = object;
    close(webhook->stop[1]);
    pthread_join(webhook->thread, NULL);
    close(webhook->stop[0]);
    close(webhook->listener);
    for (size_t i = 0; i < webhook->mute_count; i++) {
        close(webhook->mute[i]);
    }
    for (size_t i = 0; i < webhook->count; i++) {
        json_decref(webhook->bodies[i]);
    }
    pthread_mutex_destroy(&webhook->lock);
    free(webhook);
}

struct webhook *webhook_start(enum webhook_manner manner)
{
    struct webhook *webhook = calloc(1, sizeof(*webhook));
    if (!webhook || pipe2(webhook->stop, O_CLOEXEC)) {
        abort();
    }
    webhook->manner = manner;
    webhook->listener = port_listen(&webhook->port);
    pthread_mutex_init(&webhook->lock, NULL);
    if (pthread_create(&webhook->thread, NULL, serve, webhook)) {
        abort();
    }
    return keep(webhook, release);
}

const char *webhook_url(const struct webhook *webhook)
{
    return kept_text("http://127.0.0.1:%d/secret-path", webhook->port);
}

size_t webhook_count(struct webhook *webhook)
{
    pthread_mutex_lock(&webhook->lock);
    const size_t count = webhook->count;
    pthread_mutex_unlock(&webhook->lock);
    return count;
}

json_t *webhook_body(struct webhook *webhook, size_t number)
{
    return number < webhook_count(webhook) ? webhook->bodies[number] : NULL;
}

size_t webhook_told(struct webhook *webhook, const char *kind, json_t **last)
{
    const size_t count = webhook_count(webhook);
    size_t told = 0;
    json_t *found = NULL;
    for (size_t i = 0; i < count; i++) {
        const char *its = json_string_value(json_object_get(webhook_body(webhook, i), "kind"));
        if (its && strcmp(its, kind) == 0) {
            found = webhook_body(webhook, i);
            told++;
        }
    }
    if (last) {
        *last = found;
    }
    return told;
}
