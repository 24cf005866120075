/* Plain HTTP on the relay's port. */
#include "relay/page.h"

#include "common/metrics.h"
#include "common/scrape.h"
#include "relay/handshake.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <string.h>

#define END " HTTP/1.1\r\nHost: x\r\n\r\n"
#define ASKS "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
#define KEY "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: k\r\n"
#define WS_END " HTTP/1.1\r\n" ASKS KEY "\r\n"

static const struct sk_page_facts serving = {.redis = true};
static const struct sk_page_facts watched = {.redis = true, .metrics = true};
static const struct sk_page_facts alone = {.redis = false};
static const struct sk_page_facts leaving = {.draining = true, .turns_away = true, .redis = true};
static const struct sk_page_facts leaving_shared = {.draining = true, .redis = true};
static const struct sk_page_facts leaving_alone = {.draining = true, .turns_away = true};

static void every_request_has_its_answer(void)
{
    static const struct {
        const char *head;
        const struct sk_page_facts *facts;
        const char *status; /* NULL: it is an upgrade to be served */
        const char *holds;
    } rows[] = {
        {"GET /health" END, &serving, "200 OK", "{\"status\":\"ok\"}"},
        {"GET /health" END, &leaving_alone, "200 OK", "{\"status\":\"ok\"}"},
        {"GET /health?x=1" END, &serving, "200 OK", "{\"status\":\"ok\"}"},
        {"GET /ready" END, &serving, "200 OK", "{\"status\":\"ready\",\"checks\":{\"redis\":\"ok\"}}"},
        {"GET /ready" END, &alone, "503 ", "{\"status\":\"unavailable\",\"checks\":{\"redis\":\"unavailable\"}}"},
        {"GET /ready" END, &alone, "503 ", "\r\nRetry-After: 1\r\n"},
        {"GET /ready" END, &leaving, "503 ", "{\"status\":\"draining\",\"checks\":{\"redis\":\"ok\"}}"},
        {"GET /ready" END, &leaving_shared, "503 ", "{\"status\":\"draining\""},
        {"GET /ready" END, &leaving_alone, "503 ", "{\"status\":\"draining\",\"checks\":{\"redis\":\"unavailable\"}}"},
        {"GET /ws?sessionId=a" END, &serving, "426 ", "\r\nUpgrade: websocket\r\n"},
        {"GET /sessions/a" END, &serving, "426 ", "UPGRADE_REQUIRED"},
        {"GET /" END, &serving, "404 ", "NOT_FOUND"},
        {"GET /healthy" END, &serving, "404 ", "NOT_FOUND"},
        {"GET /metrics" END, &serving, "403 ", "METRICS_NETWORK"},
        {"GET /metrics HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n", &watched, "403 ", "FORBIDDEN"},
        {"GET /metrics HTTP/1.1\r\nForwarded: for=192.0.2.1\r\n\r\n", &watched, "403 ", "FORBIDDEN"},
        {"GET /metrics HTTP/1.1\r\nx-forwarded-for:\r\n\r\n", &watched, "403 ", "FORBIDDEN"},
        {"GET /metrics HTTP/1.1\r\nVia: 1.1 proxy\r\n\r\n", &watched, "403 ", "FORBIDDEN"},
        {"GET /metrics HTTP/1.1\r\nX-Forwarded-For : 192.0.2.1\r\n\r\n", &watched, "400 ", "BAD_REQUEST"},
        {"POST /metrics" END, &watched, "405 ", ""},
        {"POST /ready" END, &serving, "405 ", "\r\nAllow: GET, HEAD\r\n"},
        {"GET /ws?sessionId=a" WS_END, &serving, NULL, NULL},
        {"GET /anything" WS_END, &serving, NULL, NULL},
        {"GET /ws?sessionId=a" WS_END, &leaving_shared, NULL, NULL},
        {"GET /ws?sessionId=a" WS_END, &leaving, "503 ", "\r\nRetry-After: 1\r\n"},
        {"GET /ws?sessionId=a" WS_END, &leaving, "503 ", "RELAY_DRAINING"},
        {"GET /ws HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", &serving, "426 ", ""},
        {"GET /ws HTTP/1.1\r\nUpgrade: h2c\r\n" ASKS KEY "\r\n", &serving, "426 ", "UPGRADE_REQUIRED"},
        {"GET /ws HTTP/1.1\r\n" ASKS "\r\n", &serving, "426 ", "\r\nSec-WebSocket-Version: 13\r\n"},
        {"GET /ws HTTP/1.1\r\n" ASKS "Sec-WebSocket-Version: 13\r\n\r\n", &serving, "400 ", "Sec-WebSocket-Key"},
        {"GET /ws HTTP/1.1\r\n" ASKS KEY "Sec-WebSocket-Protocol: a, b\r\n\r\n", &serving, "400 ", "synckairos.v1"},
        {"GET /ws HTTP/1.1\r\n" ASKS KEY "Content-Length: 5\r\n\r\n", &serving, "400 ", "no body"},
        {"GET /ws HTTP/1.1\r\n" ASKS KEY "Content-Length: 0\r\nContent-Length: 5\r\n\r\n", &serving, "400 ", "body"},
        {"GET /ws HTTP/1.1\r\n" ASKS KEY "Transfer-Encoding: chunked\r\n\r\n", &serving, "400 ", "no body"},
        {"GET /ws HTTP/1.1\r\n" ASKS KEY "Content-Length: 0\r\n\r\n", &serving, NULL, NULL},
        {"GET /ws?sessionId=a%zz" WS_END, &serving, "400 ", "no code"},
        {"GET http://host:8081/health" END, &serving, "200 OK", "{\"status\":\"ok\"}"},
        {"GET HTTPS://host" END, &serving, "404 ", "NOT_FOUND"},
        {"\r\n\r\nGET /health" END, &serving, "200 OK", "{\"status\":\"ok\"}"},
        {"POST /ws" WS_END, &serving, "405 ", ""},
        {"GET /ws\r\n\r\n", &serving, "400 ", "BAD_REQUEST"},
        {"GET /ws SPDY/1.1\r\n\r\n", &serving, "400 ", ""},
        {"\r\n\r\n", &serving, "400 ", ""},
        {" / HTTP/1.1\r\n\r\n", &serving, "400 ", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_buffer out = {0};
        bool answered = sk_page_answer(rows[i].head, strlen(rows[i].head), rows[i].facts, &out);
        const char *text = sk_buffer_text(&out);
        CHECK_INT(rows[i].head, answered, rows[i].status != NULL);
        CHECK_INT(rows[i].head, out.length > 0, answered);
        if (answered && rows[i].status) {
            CHECK(rows[i].head, strncmp(text, "HTTP/1.1 ", 9) == 0);
            CHECK(rows[i].head, strncmp(text + 9, rows[i].status, strlen(rows[i].status)) == 0);
            CHECK(rows[i].head, strstr(text, rows[i].holds) != NULL);
            CHECK(rows[i].head, strstr(text, "\r\nCache-Control: no-store\r\n") != NULL);
            CHECK(rows[i].head, strstr(text, "\r\nX-Content-Type-Options: nosniff\r\n") != NULL);
            CHECK(rows[i].head, strstr(text, "\r\nContent-Type: application/json\r\n") != NULL);
        }
        sk_buffer_clear(&out);
    }
}

static void a_head_too_long_is_431(void)
{
    static char head[SK_HEAD_MAX + 1];
    struct sk_buffer out = {0};
    memset(head, 'a', sizeof head);
    CHECK("answered", sk_page_answer(head, sizeof head, &serving, &out));
    CHECK("431", strncmp(sk_buffer_text(&out), "HTTP/1.1 431 ", 13) == 0);
    sk_buffer_clear(&out);
}

static void whoever_may_reads_what_was_counted(void)
{
    static const char head[] = "GET /metrics" END;
    struct sk_buffer out = {.data = NULL};
    CHECK("answered", sk_page_answer(head, sizeof head - 1, &watched, &out));
    const char *text = sk_buffer_text(&out);
    CHECK("200", strncmp(text, "HTTP/1.1 200 OK\r\n", 17) == 0);
    CHECK("its type", strstr(text, "\r\nContent-Type: " SK_METRICS_TYPE "\r\n") != NULL);
    CHECK("the metrics", strstr(text, "\r\n\r\n# HELP synckairos_") != NULL);
    CHECK("without what Redis did not say", strstr(text, "synckairos_active_sessions") == NULL);
    sk_buffer_reset(&out);
    const struct sk_readings readings = {.sessions = {[SK_RUNNING] = 7}, .queue = {.waiting = 5}};
    const struct sk_page_facts well_read = {.redis = true, .metrics = true, .readings = &readings};
    CHECK("answered", sk_page_answer(head, sizeof head - 1, &well_read, &out));
    CHECK("sessions", strstr(sk_buffer_text(&out), "synckairos_active_sessions{status=\"running\"} 7\n") != NULL);
    CHECK("queue", strstr(sk_buffer_text(&out), "synckairos_db_write_queue_size{status=\"waiting\"} 5\n") != NULL);
    sk_buffer_clear(&out);
}

static void head_is_get_without_the_body(void)
{
    static const char get[] = "GET /ready" END;
    static const char head[] = "HEAD /ready" END;
    struct sk_buffer whole = {0};
    struct sk_buffer bare = {0};
    CHECK("GET", sk_page_answer(get, sizeof get - 1, &serving, &whole));
    CHECK("HEAD", sk_page_answer(head, sizeof head - 1, &serving, &bare));
    const char *body = strstr(sk_buffer_text(&whole), "\r\n\r\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    size_t head_bytes = (size_t)(body - sk_buffer_text(&whole)) + 4;
    CHECK_INT("length", (int64_t)bare.length, (int64_t)head_bytes);
    CHECK("the same head", strncmp(sk_buffer_text(&whole), sk_buffer_text(&bare), head_bytes) == 0);
    CHECK("with its length", strstr(sk_buffer_text(&bare), "\r\nContent-Length: 43\r\n") != NULL);
    sk_buffer_clear(&whole);
    sk_buffer_clear(&bare);
}

void suite_relay_page(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"every request has its answer", every_request_has_its_answer},
        {"a head too long is 431", a_head_too_long_is_431},
        {"whoever may reads what was counted", whoever_may_reads_what_was_counted},
        {"HEAD is GET without the body", head_is_get_without_the_body},
    };
    ADD_TESTS(suite, tests);
}
