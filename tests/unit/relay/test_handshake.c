/* Tokens among the subprotocols. */
#include "relay/handshake.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <string.h>

#define GET "GET /ws HTTP/1.1\r\n"
#define END "\r\n"

static void tokens_move_to_authorization(void)
{
    static const struct {
        const char *head;
        const char *wanted; /* NULL: the same */
    } rows[] = {
        {GET "Host: x\r\n" END, NULL},
        {GET "Sec-WebSocket-Protocol: synckairos.v1\r\n" END, NULL},
        {GET "Sec-WebSocket-Protocol: synckairos.v1, bearer.a.b.c\r\nHost: x\r\n" END,
         GET "Sec-WebSocket-Protocol: synckairos.v1\r\nHost: x\r\nAuthorization: Bearer a.b.c\r\n" END},
        {GET "sec-websocket-protocol:bearer.t ,x,synckairos.v1\r\n" END,
         GET "Sec-WebSocket-Protocol: x, synckairos.v1\r\nAuthorization: Bearer t\r\n" END},
        {GET "Sec-WebSocket-Protocol: bearer.t\r\n" END, GET "Authorization: Bearer t\r\n" END},
        {GET "Authorization: Basic eA==\r\nSec-WebSocket-Protocol: p, bearer.t\r\n" END,
         GET "Sec-WebSocket-Protocol: p\r\nAuthorization: Bearer t\r\n" END},
        {GET "Authorization: Bearer first\r\nSec-WebSocket-Protocol: p, bearer.t\r\n" END,
         GET "Authorization: Bearer first\r\nSec-WebSocket-Protocol: p\r\n" END},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_buffer out = {0};
        size_t length = strlen(rows[i].head);
        CHECK_INT(rows[i].head, (int64_t)sk_handshake_length(rows[i].head, length), (int64_t)length);
        CHECK_INT(rows[i].head, (int64_t)sk_handshake_length(rows[i].head, length - 1), 0);
        sk_handshake_rewrite(rows[i].head, length, &out);
        CHECK_TEXT(rows[i].head, sk_buffer_text(&out), rows[i].wanted ? rows[i].wanted : rows[i].head);
        sk_buffer_clear(&out);
    }
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
        {"tokens move to Authorization", tokens_move_to_authorization},
        {"fields are found", fields_are_found},
    };
    ADD_TESTS(suite, tests);
}
