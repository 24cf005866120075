/* The tests' WebSocket client: handshake, frames both ways, one reader thread. Owns its socket and all it received. */
#include "tests/integration/ws_client.h"

#include "tests/integration/check.h"
#include "tests/integration/keep.h"
#include "tests/integration/port.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_BYTES_MAX (4 << 20)

struct ws_client {
    int fd;
    pthread_t reader;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t changed;
    pthread_mutex_t write_lock;
    struct ws_message **messages;
    size_t count;
    size_t room;
    size_t taken;
    int close_code;
    int pings;
    bool mute;
    bool deaf;
    bool ending;
    const char *answer; /* to the upgrade, whole */
};

/* --- sending -------------------------------------------------------------------------------------------------- */

bool ws_send_raw(struct ws_client *client, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        const ssize_t sent = send(client->fd, at, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        at += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* RFC 6455 §5.2; a client masks, and a mask of zeros is a mask. */
bool ws_send_frame(struct ws_client *client, enum ws_opcode opcode, const char *payload, size_t length)
{
    unsigned char head[14] = {(unsigned char)(0x80U | (unsigned)opcode)};
    size_t used = 2;
    if (length < 126) {
        head[1] = (unsigned char)(0x80U | length);
    } else if (length < 65536) {
        head[1] = 0x80U | 126U;
        head[2] = (unsigned char)(length >> 8);
        head[3] = (unsigned char)length;
        used = 4;
    } else {
        head[1] = 0x80U | 127U;
        for (unsigned i = 0; i < 8; i++) {
            head[2 + i] = (unsigned char)(length >> (56 - 8 * i));
        }
        used = 10;
    }
    used += 4;
    pthread_mutex_lock(&client->write_lock);
    const bool sent = ws_send_raw(client, head, used) && ws_send_raw(client, payload, length);
    pthread_mutex_unlock(&client->write_lock);
    return sent;
}

bool ws_send(struct ws_client *client, const char *text)
{
    return ws_send_frame(client, WS_TEXT, text, strlen(text));
}

/* --- receiving, in the reader's thread ------------------------------------------------------------------------ */

static bool read_exactly(struct ws_client *client, void *into, size_t length)
{
    char *at = into;
    while (length > 0) {
        const ssize_t got = recv(client->fd, at, length, 0);
        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            return false;
        }
        at += got > 0 ? got : 0;
        length -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* A whole frame; the payload is owned, NUL-terminated. NULL: the connection is gone, or the frame is not one. */
static char *read_frame(struct ws_client *client, unsigned char *first, size_t *length)
{
    unsigned char head[2];
    unsigned char more[8];
    if (!read_exactly(client, head, 2) || (head[1] & 0x80U)) {
        return NULL;
    }
    *first = head[0];
    *length = head[1];
    const size_t extra = *length == 127 ? 8 : *length == 126 ? 2 : 0;
    if (extra && !read_exactly(client, more, extra)) {
        return NULL;
    }
    for (size_t i = 0; i < extra; i++) {
        *length = (i == 0 ? 0 : *length << 8) | more[i];
    }
    char *payload = *length <= FRAME_BYTES_MAX ? calloc(1, *length + 1) : NULL;
    if (payload && !read_exactly(client, payload, *length)) {
        free(payload);
        payload = NULL;
    }
    return payload;
}

static void set_closed(struct ws_client *client, int code)
{
    pthread_mutex_lock(&client->lock);
    client->close_code = client->close_code ? client->close_code : code;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
}

static void take_text(struct ws_client *client, char *text, size_t length)
{
    struct ws_message *message = calloc(1, sizeof(*message));
    if (!message) {
        abort();
    }
    *message = (struct ws_message){.text = text,
                                   .length = length,
                                   .json = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL),
                                   .at_ms = wall_ms()};
    pthread_mutex_lock(&client->lock);
    if (client->count == client->room) {
        client->room = client->room ? 2 * client->room : 64;
        client->messages = realloc(client->messages, client->room * sizeof(struct ws_message *));
    }
    if (!client->messages) {
        abort();
    }
    client->messages[client->count++] = message;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
}

/* Takes payload. The server fragments nothing: a frame without FIN counts as a broken connection. */
static bool take_frame(struct ws_client *client, unsigned char first, char *payload, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)payload;
    bool open = (first & 0xf0U) == 0x80U;
    if (open && (first & 0x0fU) == WS_TEXT) {
        take_text(client, payload, length);
        return true;
    }
    if (open && (first & 0x0fU) == WS_PING) {
        pthread_mutex_lock(&client->lock);
        client->pings++;
        const bool mute = client->mute;
        pthread_mutex_unlock(&client->lock);
        open = mute || ws_send_frame(client, WS_PONG, payload, length);
    } else if (open && (first & 0x0fU) == WS_CLOSE) {
        set_closed(client, length >= 2 ? bytes[0] << 8 | bytes[1] : WS_NO_CODE);
        (void)ws_send_frame(client, WS_CLOSE, payload, length >= 2 ? 2 : 0);
        open = false;
    }
    free(payload);
    return open;
}

static bool may_read(struct ws_client *client)
{
    pthread_mutex_lock(&client->lock);
    while (client->deaf && !client->ending) {
        pthread_cond_wait(&client->changed, &client->lock);
    }
    const bool ending = client->ending;
    pthread_mutex_unlock(&client->lock);
    return !ending;
}

static void *read_all(void *argument)
{
    struct ws_client *client = argument;
    unsigned char first = 0;
    size_t length = 0;
    while (may_read(client)) {
        struct pollfd readable = {.fd = client->fd, .events = POLLIN};
        if (poll(&readable, 1, 50) == 0) {
            continue;
        }
        char *payload = read_frame(client, &first, &length);
        if (!payload || !take_frame(client, first, payload, length)) {
            break;
        }
    }
    set_closed(client, WS_DROPPED);
    shutdown(client->fd, SHUT_RDWR);
    return NULL;
}

/* --- opening and closing -------------------------------------------------------------------------------------- */

static void release(void *object)
{
    struct ws_client *client = object;
    pthread_mutex_lock(&client->lock);
    client->ending = true;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
    shutdown(client->fd, SHUT_RDWR);
    pthread_join(client->reader, NULL);
    close(client->fd);
    for (size_t i = 0; i < client->count; i++) {
        json_decref(client->messages[i]->json);
        free(client->messages[i]->text);
        free(client->messages[i]);
    }
    free(client->messages);
    free(client);
}

/* The key is the example of RFC 6455 §1.3, and so is the answer it must get. */
static bool upgrade(struct ws_client *client, int port, const char *path, const char *headers)
{
    char text[24 * 1024];
    const int length = snprintf(text, sizeof(text),
                                "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                                path, port, headers);
    size_t got = 0;
    if (!ws_send_raw(client, text, (size_t)length)) {
        return false;
    }
    while (got < sizeof(text) - 1 && read_exactly(client, text + got, 1)) {
        text[++got] = '\0';
        if (got >= 4 && strcmp(text + got - 4, "\r\n\r\n") == 0) {
            client->answer = kept_text("%s", text);
            return strncmp(text, "HTTP/1.1 101 ", 13) == 0 && strstr(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        }
    }
    return false;
}

static struct ws_client *open_client(int port, const char *path, int receive_bytes, const char *headers)
{
    struct ws_client *client = calloc(1, sizeof(*client));
    if (!client) {
        abort();
    }
    pthread_mutex_init(&client->lock, NULL);
    pthread_mutex_init(&client->write_lock, NULL);
    pthread_cond_init(&client->changed, NULL);
    client->fd = port_connect(port, receive_bytes);
    if (client->fd < 0 || !upgrade(client, port, path, headers) ||
        pthread_create(&client->reader, NULL, read_all, client)) {
        if (client->fd >= 0) {
            close(client->fd);
        }
        free(client);
        return NULL;
    }
    return keep(client, release);
}

struct ws_client *ws_open_small(int port, const char *path, int receive_bytes)
{
    return open_client(port, path, receive_bytes, "");
}

struct ws_client *ws_open(int port, const char *path)
{
    return open_client(port, path, 0, "");
}

struct ws_client *ws_open_with(int port, const char *path, const char *headers)
{
    return open_client(port, path, 0, headers);
}

const char *ws_answer(const struct ws_client *client)
{
    return client->answer;
}

void ws_leave(struct ws_client *client)
{
    const char normal[2] = {0x03, (char)0xe8};
    (void)ws_send_frame(client, WS_CLOSE, normal, sizeof(normal));
    (void)ws_close_code(client);
}

/* --- what has come ---------------------------------------------------------------------------------------------- */

const struct ws_message *ws_next(struct ws_client *client)
{
    const int64_t give_up_us = now_us() + INT64_C(1000) * PATIENCE_MS;
    while (ws_count(client) <= client->taken && ws_code_now(client) == WS_STILL_OPEN && now_us() < give_up_us) {
        nap();
    }
    const struct ws_message *message = ws_message_at(client, client->taken);
    client->taken += message != NULL;
    return message;
}

size_t ws_count(struct ws_client *client)
{
    pthread_mutex_lock(&client->lock);
    const size_t count = client->count;
    pthread_mutex_unlock(&client->lock);
    return count;
}

const struct ws_message *ws_message_at(struct ws_client *client, size_t number)
{
    pthread_mutex_lock(&client->lock);
    const struct ws_message *message = number < client->count ? client->messages[number] : NULL;
    pthread_mutex_unlock(&client->lock);
    return message;
}

int ws_code_now(struct ws_client *client)
{
    pthread_mutex_lock(&client->lock);
    const int code = client->close_code;
    pthread_mutex_unlock(&client->lock);
    return code;
}

int ws_close_code(struct ws_client *client)
{
    const int64_t give_up_us = now_us() + INT64_C(1000) * PATIENCE_MS;
    while (ws_code_now(client) == WS_STILL_OPEN && now_us() < give_up_us) {
        nap();
    }
    return ws_code_now(client);
}

int ws_pings(struct ws_client *client)
{
    pthread_mutex_lock(&client->lock);
    const int pings = client->pings;
    pthread_mutex_unlock(&client->lock);
    return pings;
}

static void set_flag(struct ws_client *client, bool *flag, bool value)
{
    pthread_mutex_lock(&client->lock);
    *flag = value;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
}

void ws_answer_no_pings(struct ws_client *client)
{
    set_flag(client, &client->mute, true);
}

void ws_stop_reading(struct ws_client *client)
{
    set_flag(client, &client->deaf, true);
}

void ws_go_on_reading(struct ws_client *client)
{
    set_flag(client, &client->deaf, false);
}
