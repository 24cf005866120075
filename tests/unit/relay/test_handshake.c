/* Which heads ask for a WebSocket, and what libwebsockets gets to read in their place. */
#include "relay/handshake.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <string.h>

#define GET "GET /ws HTTP/1.1\r\n"
#define END "\r\n"
#define ASKS "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define UPGRADE "Host: x\r\n" ASKS "Sec-WebSocket-Key: k\r\n"

/* Of what head asks, and the one written in its place. */
static enum sk_handshake written(const char *head, struct sk_buffer *out)
{
    struct sk_request_line line;
    size_t length = strlen(head);
    CHECK_INT(head, (int64_t)sk_handshake_length(head, length), (int64_t)length);
    CHECK_INT(head, (int64_t)sk_handshake_length(head, length - 1), 0);
    CU_ASSERT_FATAL(sk_handshake_read_line(head, length, &line));
    enum sk_handshake asks = sk_handshake_asks(head, length, &line);
    if (asks == SK_HANDSHAKE_WEBSOCKET) {
        sk_handshake_rewrite(head, length, &line, out);
    }
    return asks;
}

static void what_is_handed_on_is_written_anew(void)
{
    static const struct {
        const char *head;
        const char *wanted;
    } rows[] = {
        {GET UPGRADE END, GET UPGRADE END},
        {"\r\n\r\n" GET UPGRADE END, GET UPGRADE END},
        {GET "upgrade:WebSocket\r\nHOST:x \r\nConnection: keep-alive\r\nconnection: , UPGRADE\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: k\r\nX: y\r\nSec-WebSocket-Extensions: e\r\n"
             "HTTP2-Settings: AAMA\r\nContent-Length: 0\r\n" END,
         GET UPGRADE END},
        {"GET http://h:80/sessions/a?b=c HTTP/1.1\r\n" UPGRADE END, "GET /sessions/a?b=c HTTP/1.1\r\n" UPGRADE END},
        {GET UPGRADE "Origin: https://a\r\n" END, GET UPGRADE "Origin: https://a\r\n" END},
        {GET UPGRADE "Origin: https://a\r\nOrigin: https://b\r\n" END,
         GET UPGRADE "Origin: https://a, https://b\r\n" END},
        {GET UPGRADE "Sec-WebSocket-Protocol: synckairos.v1\r\n" END,
         GET UPGRADE "Sec-WebSocket-Protocol: synckairos.v1\r\n" END},
        {GET UPGRADE "Sec-WebSocket-Protocol: synckairos.v1, bearer.a.b.c\r\n" END,
         GET UPGRADE "Sec-WebSocket-Protocol: synckairos.v1\r\nAuthorization: Bearer a.b.c\r\n" END},
        {GET UPGRADE "sec-websocket-protocol:bearer.t ,x\r\nSec-WebSocket-Protocol: synckairos.v1\r\n" END,
         GET UPGRADE "Sec-WebSocket-Protocol: synckairos.v1\r\nAuthorization: Bearer t\r\n" END},
        {GET UPGRADE "Sec-WebSocket-Protocol: bearer.t\r\n" END, GET UPGRADE "Authorization: Bearer t\r\n" END},
        {GET UPGRADE "Authorization: Basic eA==\r\nSec-WebSocket-Protocol: bearer.t\r\n" END,
         GET UPGRADE "Authorization: Bearer t\r\n" END},
        {GET UPGRADE "Authorization: Bearer first\r\nSec-WebSocket-Protocol: bearer.t\r\n" END,
         GET UPGRADE "Authorization: Bearer first\r\n" END},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_buffer out = {0};
        CHECK_INT(rows[i].head, written(rows[i].head, &out), SK_HANDSHAKE_WEBSOCKET);
        CHECK_TEXT(rows[i].head, sk_buffer_text(&out), rows[i].wanted);
        sk_buffer_clear(&out);
    }
}

static void only_a_websocket_is_taken_for_one(void)
{
    static const struct {
        const char *head;
        enum sk_handshake asks;
    } rows[] = {
        {GET "Host: x\r\n" END, SK_HANDSHAKE_NONE},
        {GET "Upgrade: h2c\r\n" UPGRADE END, SK_HANDSHAKE_NONE},
        {GET UPGRADE "Upgrade: h2c\r\n" END, SK_HANDSHAKE_NONE},
        {GET UPGRADE "Upgrade: websocket\r\n" END, SK_HANDSHAKE_NONE},
        {GET "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n" END, SK_HANDSHAKE_NONE},
        {GET "Host: x\r\nConnection: Upgrade\r\nUpgrade: websockets\r\n" END, SK_HANDSHAKE_NONE},
        {GET "Host: x\r\nConnection: Upgraded\r\nUpgrade: websocket\r\n" END, SK_HANDSHAKE_NONE},
        {GET "Host: x\r\nUpgrade: websocket\r\n" END, SK_HANDSHAKE_NONE},
        {"POST /ws HTTP/1.1\r\n" UPGRADE END, SK_HANDSHAKE_NONE},
        {"GET /ws HTTP/1.0\r\n" UPGRADE END, SK_HANDSHAKE_NONE},
        {"GET * HTTP/1.1\r\n" UPGRADE END, SK_HANDSHAKE_NONE},
        {GET "Connection: Upgrade\r\nUpgrade: websocket\r\n" END, SK_HANDSHAKE_VERSION},
        {GET "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n" END, SK_HANDSHAKE_VERSION},
        {GET "Host: x\r\n" ASKS END, SK_HANDSHAKE_MALFORMED},
        {GET ASKS "Sec-WebSocket-Key: k\r\n" END, SK_HANDSHAKE_MALFORMED},
        {GET UPGRADE "Host: y\r\n" END, SK_HANDSHAKE_MALFORMED},
        {GET UPGRADE "Sec-WebSocket-Key: k\r\n" END, SK_HANDSHAKE_MALFORMED},
        {GET UPGRADE "Sec-WebSocket-Protocol: chat, bearer.t\r\n" END, SK_HANDSHAKE_SUBPROTOCOL},
        {GET UPGRADE "Sec-WebSocket-Protocol: SyncKairos.v1\r\n" END, SK_HANDSHAKE_SUBPROTOCOL},
        {GET UPGRADE "Sec-WebSocket-Protocol: ,\r\n" END, SK_HANDSHAKE_WEBSOCKET},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_buffer out = {0};
        CHECK_INT(rows[i].head, written(rows[i].head, &out), rows[i].asks);
        sk_buffer_clear(&out);
    }
}

static void what_readers_see_differently_is_refused(void)
{
    static const char *const rows[] = {
        GET "A: b\r\n c\r\n" END,
        GET "A: b\rc\r\n" END,
        GET "A: \x01\r\n" END,
        GET "A: \x7f\r\n" END,
        "GET /a b HTTP/1.1\r\n" END,
        "GET /a\tb HTTP/1.1\r\n" END,
        "GET /a HTTP/2.0\r\n" END,
        "GET /a\r\n" END,
        "GET  HTTP/1.1\r\n" END,
        " /a HTTP/1.1\r\n" END,
        "ALONGMETHODOFMINE /a HTTP/1.1\r\n" END,
    };
    struct sk_request_line line;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK(rows[i], !sk_handshake_read_line(rows[i], strlen(rows[i]), &line));
    }
    CHECK("NUL", !sk_handshake_read_line(GET "A: \0\r\n" END, sizeof(GET "A: \0\r\n" END) - 1, &line));
    CHECK("beyond ASCII",
          sk_handshake_read_line(GET "A: \xc3\xa4\t\r\n" END, strlen(GET "A: \xc3\xa4\t\r\n" END), &line));
}

static void fields_are_found(void)
{
    static const struct {
        const char *head, *name, *value;
    } rows[] = {
        {GET "Host: x\r\nX-Forwarded-For: 1.2.3.4\r\n" END, "X-Forwarded-For", "1.2.3.4"},
        {GET "x-forwarded-for:  1.2.3.4, 5.6.7.8 \r\nHost: x\r\nX-FORWARDED-FOR: ::1\r\n" END, "X-Forwarded-For",
         "1.2.3.4, 5.6.7.8, ::1"},
        {GET "X-Forwarded-For-Not: 1.2.3.4\r\n" END, "X-Forwarded-For", ""},
        {GET "X-Forwarded-For:\r\n" END, "X-Forwarded-For", ""},
        {GET END, "X-Forwarded-For", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_buffer out = {0};
        sk_handshake_field(rows[i].head, strlen(rows[i].head), rows[i].name, &out);
        CHECK_TEXT(rows[i].head, sk_buffer_text(&out), rows[i].value);
        sk_buffer_clear(&out);
    }
}

void suite_relay_handshake(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"what is handed on is written anew", what_is_handed_on_is_written_anew},
        {"only a WebSocket is taken for one", only_a_websocket_is_taken_for_one},
        {"what readers see differently is refused", what_readers_see_differently_is_refused},
        {"fields are found", fields_are_found},
    };
    ADD_TESTS(suite, tests);
}
