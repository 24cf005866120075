/* Tests of relay/protocol: what a client may say, and the relay's own frames. */
#include "common/session.h"
#include "relay/protocol.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <string.h>

static void reads_messages(void)
{
    static const struct {
        const char *text;
        enum sk_request_type type;
        int64_t version;
        int64_t updated_at_ms;
    } rows[] = {
        {"{\"type\":\"PING\"}", SK_REQUEST_PING, 0, SK_NONE},
        {" {\"type\":\"PING\",\"timestamp\":1,\"more\":true}\n", SK_REQUEST_PING, 0, SK_NONE},
        {"{\"type\":\"RECONNECT\",\"last_known_version\":7}", SK_REQUEST_RECONNECT, 7, SK_NONE},
        {"{\"type\":\"RECONNECT\",\"last_known_version\":0,\"updated_at_ms\":null}", SK_REQUEST_RECONNECT, 0, SK_NONE},
        {"{\"type\":\"RECONNECT\",\"last_known_version\":7,\"updated_at_ms\":1790000000123}", SK_REQUEST_RECONNECT, 7,
         1790000000123},
        {"{\"type\":\"RECONNECT\"}", SK_REQUEST_INVALID, 0, SK_NONE},
        {"{\"type\":\"RECONNECT\",\"last_known_version\":-1}", SK_REQUEST_INVALID, 0, SK_NONE},
        {"{\"type\":\"RECONNECT\",\"last_known_version\":1.0}", SK_REQUEST_INVALID, 0, SK_NONE},
        {"{\"type\":\"RECONNECT\",\"last_known_version\":\"1\"}", SK_REQUEST_INVALID, 0, SK_NONE},
        {"{\"type\":\"RECONNECT\",\"last_known_version\":1,\"updated_at_ms\":\"x\"}", SK_REQUEST_INVALID, 1, SK_NONE},
        {"{\"type\":\"ping\"}", SK_REQUEST_UNKNOWN, 0, SK_NONE},
        {"{\"type\":\"STATE_UPDATE\"}", SK_REQUEST_UNKNOWN, 0, SK_NONE},
        {"{\"type\":1}", SK_REQUEST_INVALID, 0, SK_NONE},
        {"{\"type\":null}", SK_REQUEST_INVALID, 0, SK_NONE},
        {"{}", SK_REQUEST_INVALID, 0, SK_NONE},
        {"", SK_REQUEST_INVALID, 0, SK_NONE},
        {"PING", SK_REQUEST_INVALID, 0, SK_NONE},
        {"[\"PING\"]", SK_REQUEST_INVALID, 0, SK_NONE},
        {"{\"type\":\"PING\"", SK_REQUEST_INVALID, 0, SK_NONE},
        {"{\"type\":\"PING\"}}", SK_REQUEST_INVALID, 0, SK_NONE},
        {"{\"type\":\"PING\",\"type\":\"PING\"}", SK_REQUEST_INVALID, 0, SK_NONE},
        {"{\"type\":\"PING\",\"timestamp\":NaN}", SK_REQUEST_INVALID, 0, SK_NONE},
        {"{\"type\":\"\xff\"}", SK_REQUEST_INVALID, 0, SK_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sk_request request;
        sk_protocol_read(rows[i].text, strlen(rows[i].text), &request);
        CHECK_INT(rows[i].text, request.type, rows[i].type);
        CHECK_INT(rows[i].text, request.last_known_version, rows[i].version);
        CHECK_INT(rows[i].text, request.updated_at_ms, rows[i].updated_at_ms);
        bool refused = request.type == SK_REQUEST_INVALID || request.type == SK_REQUEST_UNKNOWN;
        CHECK(rows[i].text, (request.problem[0] != '\0') == refused);
        sk_request_clear(&request);
    }
}

static void bounds_the_depth(void)
{
    char text[SK_CLIENT_MESSAGE_BYTES_MAX];
    struct sk_request request;
    memset(text, '[', sizeof text);
    sk_protocol_read(text, sizeof text, &request);
    CHECK_INT("brackets", request.type, SK_REQUEST_INVALID);
    sk_request_clear(&request);
}

/* The parser's complaint quotes the text up to where it gave up, which was within a character. */
static void a_refusal_quoted_half_a_character(void)
{
    static const char text[] = "{\"type\":\"PING\",\"timestamp\":[[{\"a\":\"\\u0\xd0\x9a\xc6\xa3\"}]]}";
    struct sk_request request;
    struct sk_buffer frame = {0};
    sk_protocol_read(text, strlen(text), &request);
    CHECK_INT("type", request.type, SK_REQUEST_INVALID);
    sk_protocol_error(&frame, "g1", 1, "INVALID_MESSAGE", request.problem);
    json_t *read = json_loadb(sk_buffer_text(&frame), frame.length, 0, NULL);
    CHECK("the frame is JSON, and so UTF-8", json_is_object(read));
    json_decref(read);
    sk_buffer_clear(&frame);
    sk_request_clear(&request);
}

static void echoes_any_short_value(void)
{
    static const char *const values[] = {
        "1790000000123", "-1", "1.5", "\"2026\"", "true", "null", "[1,2]", "{\"a\":{\"b\":[]}}", "\"\\u0001\\\"\"",
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct sk_buffer message = {0};
        struct sk_buffer pong = {0};
        struct sk_buffer expected = {0};
        struct sk_request request;
        sk_buffer_append_format(&message, "{\"type\":\"PING\",\"timestamp\":%s}", values[i]);
        sk_protocol_read(message.data, message.length, &request);
        sk_protocol_pong(&pong, "g1", 1790000000456, request.timestamp);
        sk_buffer_append_format(&expected,
                                "{\"type\":\"PONG\",\"sessionId\":\"g1\",\"timestamp\":1790000000456,"
                                "\"client_timestamp\":%s,\"server_timestamp\":1790000000456}",
                                values[i]);
        CHECK_TEXT(values[i], sk_buffer_text(&pong), sk_buffer_text(&expected));
        sk_request_clear(&request);
        sk_buffer_clear(&message);
        sk_buffer_clear(&pong);
        sk_buffer_clear(&expected);
    }
}

/* Written anew a value may be many times longer than it came. */
static void a_long_timestamp_is_not_sent_back(void)
{
    struct sk_request request;
    struct sk_buffer message = {0};
    sk_buffer_append_text(&message, "{\"type\":\"PING\",\"timestamp\":[0.1");
    for (int i = 1; i < 13; i++) { /* each has 20 bytes then, with what separates them */
        sk_buffer_append_text(&message, ",0.1");
    }
    sk_buffer_append_text(&message, "]}");
    sk_protocol_read(message.data, message.length, &request);
    CHECK_INT("261 bytes", request.type, SK_REQUEST_INVALID);
    CHECK("nothing is kept of it", request.timestamp == NULL);
    sk_request_clear(&request);
    sk_buffer_reset(&message);
    sk_buffer_append_format(&message, "{\"type\":\"PING\",\"timestamp\":\"%0*d\"}", SK_ECHO_BYTES_MAX - 2, 7);
    sk_protocol_read(message.data, message.length, &request);
    CHECK_INT("256 bytes", request.type, SK_REQUEST_PING);
    sk_request_clear(&request);
    sk_buffer_clear(&message);
}

static void writes_the_relays_frames(void)
{
    struct sk_buffer out = {0};
    sk_protocol_pong(&out, "g1", 5, NULL);
    CHECK_TEXT("pong", sk_buffer_text(&out),
               "{\"type\":\"PONG\",\"sessionId\":\"g1\",\"timestamp\":5,\"client_timestamp\":null,"
               "\"server_timestamp\":5}");
    sk_buffer_reset(&out);
    sk_protocol_reconnect_ack(&out, "g1", 5, 17, true);
    CHECK_TEXT("ack", sk_buffer_text(&out),
               "{\"type\":\"RECONNECT_ACK\",\"sessionId\":\"g1\",\"timestamp\":5,\"payload\":{\"version\":17,"
               "\"up_to_date\":true}}");
    sk_buffer_reset(&out);
    sk_protocol_error(&out, "g1", 5, "INVALID_MESSAGE", "a \"quote\"");
    CHECK_TEXT("error", sk_buffer_text(&out),
               "{\"type\":\"ERROR\",\"sessionId\":\"g1\",\"timestamp\":5,\"code\":\"INVALID_MESSAGE\","
               "\"message\":\"a \\\"quote\\\"\"}");
    sk_buffer_reset(&out);
    sk_protocol_pong(&out, NULL, 5, NULL);
    CHECK_TEXT("of no session", sk_buffer_text(&out),
               "{\"type\":\"PONG\",\"timestamp\":5,\"client_timestamp\":null,\"server_timestamp\":5}");
    sk_buffer_clear(&out);
}

void suite_relay_protocol(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"reads messages", reads_messages},
        {"bounds the depth", bounds_the_depth},
        {"a refusal quoted half a character", a_refusal_quoted_half_a_character},
        {"echoes any short value", echoes_any_short_value},
        {"a long timestamp is not sent back", a_long_timestamp_is_not_sent_back},
        {"writes the relay's frames", writes_the_relays_frames},
    };
    ADD_TESTS(suite, tests);
}
