/* A WebSocket client (RFC 6455) over a plain socket, which can also misbehave: broken frames, no answer to a ping,
 * no reading at all. A thread of its own reads, so that frames bear the instant at which they arrived. */
#ifndef SK_TESTS_WS_CLIENT_H
#define SK_TESTS_WS_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

#define WS_STILL_OPEN 0
#define WS_NO_CODE 1005 /* closed properly, without a code */
#define WS_DROPPED 1006 /* the connection ended without a close frame */

struct ws_client;

struct ws_message {
    char *text; /* NUL-terminated */
    size_t length;
    json_t *json;  /* NULL: not JSON */
    int64_t at_ms; /* wall clock at arrival */
};

/* Connects to loopback and upgrades; NULL if the server does not answer 101 with the right accept key. The client
 * is closed when the test is over. receive_bytes: the socket's receive buffer, 0: as the system likes. */
struct ws_client *ws_open(int port, const char *path);
struct ws_client *ws_open_small(int port, const char *path, int receive_bytes);

/* The same with more header fields, each ended by CR LF; and the head of the answer to the upgrade. */
struct ws_client *ws_open_with(int port, const char *path, const char *headers);
const char *ws_answer(const struct ws_client *client);

/* The next text message, in order of arrival; NULL when closed or not there in time. Borrowed until the end of
 * the test. */
const struct ws_message *ws_next(struct ws_client *client);

/* How many text messages have come so far, and one of them by number. */
size_t ws_count(struct ws_client *client);
const struct ws_message *ws_message_at(struct ws_client *client, size_t number);

/* Sends one masked frame as it should be. False: the connection is gone. */
bool ws_send(struct ws_client *client, const char *text);
bool ws_send_frame(struct ws_client *client, enum ws_opcode opcode, const char *payload, size_t length);

/* Sends bytes as they are. */
bool ws_send_raw(struct ws_client *client, const void *bytes, size_t length);

/* Waits until the server has closed, and says with which code; WS_STILL_OPEN when it did not. */
int ws_close_code(struct ws_client *client);

/* What it is right now. */
int ws_code_now(struct ws_client *client);

int ws_pings(struct ws_client *client);
void ws_answer_no_pings(struct ws_client *client);
void ws_stop_reading(struct ws_client *client);
void ws_go_on_reading(struct ws_client *client);

/* Says goodbye (1000) and closes. */
void ws_leave(struct ws_client *client);

#endif
