/* One scrape tells of all programs of the host. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The sum of all lines of the metric whose labels contain all of the (up to two) given ones; 0 where there is none. */
static int64_t reading(const struct answer *scrape, const char *name, const char *one, const char *two)
{
    int64_t sum = 0;
    const size_t length = strlen(name);
    for (const char *line = scrape->text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        char text[600];
        (void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\n"), line);
        const char *value = strrchr(text, ' ');
        const bool named = strncmp(text, name, length) == 0 && (text[length] == '{' || text[length] == ' ');
        if (named && value && strstr(text, one) && strstr(text, two)) {
            sum += (int64_t)strtod(value, NULL);
        }
    }
    return sum;
}

static struct answer *scrape(void)
{
    struct answer *answer = call("GET", "/metrics", NULL);
    EXPECT_STATUS(answer, 200);
    return answer;
}

/* How much a reading has grown since the earlier scrape. */
static int64_t growth(const struct answer *before, const char *name, const char *one, const char *two)
{
    return reading(scrape(), name, one, two) - reading(before, name, one, two);
}

static void counters_tell_what_was_done(void)
{
    struct answer *before = scrape();
    EXPECT(strstr(answer_header(before, "Content-Type"), "text/plain; version=0.0.4") != NULL);
    const char *id = fresh_id("counted");
    create_running(id, CHESS);
    for (int i = 0; i < 7; i++) {
        EXPECT_STATUS(act(id, "switch", NULL), 200);
    }
    EXPECT_STATUS(act(id, "switch", "{'current_cycle_number':1}"), 409);
    for (int i = 0; i < 3; i++) {
        look(id);
    }
    look(fresh_id("unknown"));
    const char *requests = "synckairos_http_requests_total";
    EXPECT_INT(growth(before, requests, "/switch\"", "status=\"200\""), 7);
    EXPECT_INT(growth(before, requests, "/switch\"", "status=\"409\""), 1);
    EXPECT_INT(growth(before, requests, "method=\"POST\"", "status=\"201\""), 1);
    EXPECT_INT(growth(before, requests, "method=\"GET\"", "status=\"404\""), 1);
    EXPECT_INT(growth(before, requests, "method=\"GET\"", "route=\"/v1/sessions/{id}\""), 4);
    EXPECT_INT(growth(before, "synckairos_cycle_switches_total", "mode=\"per_participant\"", ""), 7);
    EXPECT_INT(growth(before, "synckairos_cycle_switch_duration_ms_count", "", ""), 7);
    EXPECT(strstr(scrape()->text, id) == NULL); /* an id is never a label */
}

static void one_scrape_tells_of_every_program(void)
{
    const char *connections = "synckairos_websocket_connections";
    struct answer *before = scrape();
    const char *id = fresh_id("gauge");
    create(id, "'sync_mode':'count_up','max_time_ms':1000,'warnings_ms':[500]");
    struct ws_client *clients[5];
    for (int i = 0; i < 5; i++) {
        clients[i] = watch(id, stack.relay_ports[i % RELAYS]);
    }
    EVENTUALLY(growth(before, connections, "", "") == 5);
    act(id, "start", NULL);
    await_status(id, "expired");
    EVENTUALLY(growth(before, "synckairos_expiries_total", "mode=\"count_up\"", "") == 1);
    EVENTUALLY(growth(before, "synckairos_websocket_messages_total", "TIME_EXPIRED", "") == 5);
    EVENTUALLY(growth(before, "synckairos_audit_events_written_total", "", "") >= 3);
    for (int i = 0; i < 5; i++) {
        ws_leave(clients[i]);
    }
    EVENTUALLY(growth(before, connections, "", "") == 0);
    EVENTUALLY(growth(before, "synckairos_websocket_closes_total", "1000", "") >= 5);
    EXPECT(strstr(scrape()->text, "\nsynckairos_db_write_queue_size{") != NULL);
}

static void a_relay_that_was_killed_holds_no_connections(void)
{
    const char *connections = "synckairos_websocket_connections";
    struct answer *before = scrape();
    const int port = free_port();
    const char *const env[] = {kept_text("RELAY_PORT=%d", port), NULL};
    struct process *relay = stack_program("relay", env);
    EVENTUALLY(port_answers(port));
    const char *id = fresh_id("killed");
    create(id, CHESS);
    watch(id, port);
    EVENTUALLY(growth(before, connections, "", "") == 1);
    process_kill(relay);
    EVENTUALLY(growth(before, connections, "", "") == 0);
}

static void health_and_readiness_are_told_apart(void)
{
    EXPECT_TEXT(text_at(call("GET", "/health", NULL)->body, "status"), "ok");
    struct answer *ready = call("GET", "/ready", NULL);
    EXPECT_STATUS(ready, 200);
    EXPECT_TEXT(text_at(ready->body, "status"), "ready");
    EXPECT(json_at(ready->body, "checks.redis") != NULL);
    EXPECT(json_at(ready->body, "checks.postgres") != NULL);
}

CU_TestInfo metrics_tests[] = {
    {"counters tell what was done", counters_tell_what_was_done},
    {"one scrape tells of every program", one_scrape_tells_of_every_program},
    {"a relay that was killed holds no connections", a_relay_that_was_killed_holds_no_connections},
    {"health and readiness are told apart", health_and_readiness_are_told_apart},
    CU_TEST_INFO_NULL,
};
