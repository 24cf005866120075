/* One scrape tells of all programs of the host, whoever answers it: the API, or the ports of METRICS_PORT. */
#include "common/version.h"
#include "tests/integration/reading.h"
#include "tests/integration/record.h"
#include "tests/integration/redis_proxy.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/worker.h"

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

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

/* --- the programs that have no port of their own ---------------------------------------------------------------- */

/* One of them, more beside the stack's, on a port of its own. */
struct watched {
    struct process *program;
    int port;
    const char *url;
};

static struct watched watched_start(const char *name, const char *more)
{
    struct watched watched = {.port = free_port()};
    const char *const env[] = {kept_text("METRICS_PORT=%d", watched.port), more, NULL};
    watched.url = kept_text("http://127.0.0.1:%d", watched.port);
    record_leave_out(watched.port);
    watched.program = stop_after_test(stack_program(name, env));
    REQUIRE(process_alive(watched.program));
    return watched;
}

static const char *const portless[] = {"timekeeper", "audit"};

static void programs_without_a_port_answer_on_metrics_port(void)
{
    for (size_t i = 0; i < 2; i++) {
        const struct watched watched = watched_start(portless[i], NULL);
        struct answer *answer = call_at(watched.url, "GET", "/health", NULL);
        EXPECT_STATUS(answer, 200);
        EXPECT_TEXT(text_at(answer->body, "status"), "ok");
        answer = call_at(watched.url, "GET", "/ready?really", NULL);
        EXPECT_STATUS(answer, 200);
        EXPECT_TEXT(text_at(answer->body, "status"), "ready");
        EXPECT_TEXT(text_at(answer->body, "checks.redis"), "ok");
        EXPECT_TEXT(text_at(answer->body, "checks.postgres"), i == 1 ? "ok" : "(nothing)");
        answer = call_at(watched.url, "GET", "/metrics", NULL);
        EXPECT_STATUS(answer, 200);
        EXPECT_TEXT(answer_header(answer, "Content-Type"), answer_header(scrape(), "Content-Type"));
        EXPECT_TEXT(answer_header(answer, "Cache-Control"), "no-store");
        EXPECT_INT(reading(answer, "synckairos_processes", kept_text("program=\"%s\"", portless[i]), ""), 2);
        answer = call_at(watched.url, "HEAD", "/metrics", NULL);
        EXPECT_STATUS(answer, 200);
        EXPECT_INT((int64_t)answer->text_bytes, 0);
        answer = call_at(watched.url, "POST", "/ready", "{'a':1}");
        EXPECT_STATUS(answer, 405);
        EXPECT_TEXT(answer_header(answer, "Allow"), "GET, HEAD");
        EXPECT_TEXT(text_at(answer->body, "error.code"), "METHOD_NOT_ALLOWED");
        answer = call_at(watched.url, "GET", "/v1/time", NULL);
        EXPECT_STATUS(answer, 404);
        EXPECT_TEXT(text_at(answer->body, "error.code"), "NOT_FOUND");
        EXPECT_STATUS(call_at(watched.url, "GET", "/health%00x", NULL), 404);
    }
}

static void a_port_that_is_taken_refuses_the_start(void)
{
    for (size_t i = 0; i < 2; i++) {
        int port;
        const int taken = port_listen(&port);
        const char *const env[] = {kept_text("METRICS_PORT=%d", port), NULL};
        struct process *program = stack_program(portless[i], env);
        EXPECT_INT(process_wait(program), 1);
        EXPECT(process_logged(program, kept_text("METRICS_PORT %d on 127.0.0.1: Address already in use", port)));
        close(taken);
    }
}

/* Of Redis nothing can be told; what was counted can. */
static void without_redis_a_program_is_healthy_but_not_ready(void)
{
    const struct watched watched =
        watched_start("timekeeper", kept_text("REDIS_URL=redis://127.0.0.1:%d/0", free_port()));
    EXPECT_STATUS(call_at(watched.url, "GET", "/health", NULL), 200);
    struct answer *answer = call_at(watched.url, "GET", "/ready", NULL);
    EXPECT_STATUS(answer, 503);
    EXPECT_TEXT(answer_header(answer, "Retry-After"), "1");
    EXPECT_TEXT(text_at(answer->body, "status"), "unavailable");
    EXPECT_TEXT(text_at(answer->body, "checks.redis"), "unavailable");
    answer = call_at(watched.url, "GET", "/metrics", NULL);
    EXPECT_STATUS(answer, 200);
    EXPECT(strstr(answer->text, "\nsynckairos_state_conflicts_total ") != NULL);
    EXPECT(strstr(answer->text, "\nsynckairos_build_info{") != NULL);
    EXPECT(strstr(answer->text, "synckairos_active_sessions") == NULL);
}

static void a_worker_without_postgres_is_not_ready(void)
{
    const struct watched watched =
        watched_start("audit", kept_text("DATABASE_URL=postgresql://synckairos@127.0.0.1:%d/postgres", free_port()));
    struct answer *answer = call_at(watched.url, "GET", "/ready", NULL);
    EXPECT_STATUS(answer, 503);
    EXPECT_TEXT(text_at(answer->body, "checks.redis"), "ok");
    EXPECT_TEXT(text_at(answer->body, "checks.postgres"), "unavailable");
}

#define SILENCE_MS 20000 /* for so long the program waits for a Redis that says nothing */

static void health_does_not_wait_for_redis(void)
{
    static const char request[] = "GET /ready HTTP/1.1\r\nHost: here\r\n\r\n";
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    const char *url = kept_text("REDIS_URL=redis://127.0.0.1:%d/0", proxy_port(proxy));
    setenv("REDIS_TIMEOUT_MS", kept_text("%d", SILENCE_MS), 1);
    const struct watched watched = watched_start("timekeeper", url);
    unsetenv("REDIS_TIMEOUT_MS");
    EXPECT_STATUS(call_at(watched.url, "GET", "/ready", NULL), 200);
    proxy_stall(proxy, true, true);
    const int waiting = port_connect(watched.port, 0);
    EXPECT_INT(send(waiting, request, strlen(request), MSG_NOSIGNAL), (int64_t)strlen(request));
    const int64_t since_us = now_us();
    for (int i = 0; i < 5; i++) {
        EXPECT_STATUS(call_at(watched.url, "GET", "/health", NULL), 200);
        pause_ms(20);
    }
    EXPECT_BETWEEN((now_us() - since_us) / 1000, 0, SILENCE_MS / 4);
    proxy_stall(proxy, false, false);
    char answer[64] = "";
    EXPECT(recv(waiting, answer, sizeof(answer) - 1, 0) > 0);
    EXPECT(strncmp(answer, "HTTP/1.1 200 ", strlen("HTTP/1.1 200 ")) == 0);
    close(waiting);
}

/* --- a Redis of the test's own, which may come late, stop and go ------------------------------------------------- */

static void kill_redis(void *process)
{
    process_kill(process);
}

static struct process *redis_start(int port)
{
    const char *const argv[] = {"redis-server",        "--bind", "127.0.0.1", "--port",
                                kept_text("%d", port), "--save", "",          NULL};
    struct process *redis = process_start(&(struct process_spec){.name = "redis", .argv = argv});
    keep(redis, kill_redis);
    EVENTUALLY(port_answers(port));
    return redis;
}

static void a_timekeeper_says_that_redis_is_away_from_the_start(void)
{
    static const char away[] = "\"redis cannot be used\"";
    char line[1024];
    const int port = free_port();
    const struct watched watched = watched_start("timekeeper", kept_text("REDIS_URL=redis://127.0.0.1:%d/0", port));
    EVENTUALLY(process_logged(watched.program, away));
    EXPECT(process_line(watched.program, away, line, sizeof(line)) && strstr(line, "\"level\":\"error\""));
    struct process *redis = redis_start(port);
    EVENTUALLY(process_logged(watched.program, "\"redis can be used\""));
    EXPECT_INT((int64_t)process_log_count(watched.program, away), 1);
    process_kill(redis);
    EVENTUALLY(process_log_count(watched.program, away) == 2);
}

enum { ASKERS = 12 };

static void ask_together(const struct watched *watched, struct later *askers[ASKERS])
{
    for (size_t i = 0; i < ASKERS; i++) {
        askers[i] = call_later(watched->url, "GET", "/ready", NULL);
    }
}

static int64_t threads_of(const struct process *process)
{
    glob_t found = {0};
    const int failed = glob(kept_text("/proc/%d/task/*", (int)process_pid(process)), 0, NULL, &found);
    const int64_t count = failed ? 0 : (int64_t)found.gl_pathc;
    globfree(&found);
    return count;
}

/* One after the other, the askers would wait for Redis for 24 s. */
static void a_redis_that_stands_still_holds_up_neither_a_scrape_nor_the_end(void)
{
    struct later *askers[ASKERS];
    const int port = free_port();
    struct process *redis = redis_start(port);
    const struct watched watched = watched_start("timekeeper", kept_text("REDIS_URL=redis://127.0.0.1:%d/0", port));
    EXPECT_STATUS(call_at(watched.url, "GET", "/ready", NULL), 200);
    process_signal(redis, SIGSTOP);
    ask_together(&watched, askers);
    const int64_t asked_us = now_us();
    struct answer *scraped = call_at(watched.url, "GET", "/metrics", NULL);
    EXPECT_STATUS(scraped, 200);
    EXPECT(strstr(scraped->text, "synckairos_active_sessions") == NULL);
    size_t unknown = 0;
    for (size_t i = 0; i < ASKERS; i++) {
        struct answer *answer = later_answer(askers[i]);
        EXPECT_STATUS(answer, 503);
        unknown += strcmp(text_at(answer->body, "checks.redis"), "unknown") == 0;
    }
    EXPECT_BETWEEN((now_us() - asked_us) / 1000, 0, 10000);
    EXPECT_BETWEEN((int64_t)unknown, 1, ASKERS); /* all, where the scrape had the first turn */
    EVENTUALLY(process_logged(watched.program, "no answer within 2000 ms"));
    ask_together(&watched, askers);
    EVENTUALLY(threads_of(watched.program) >= ASKERS);
    const int64_t told_us = now_us();
    process_stop(watched.program);
    EXPECT_BETWEEN((now_us() - told_us) / 1000, 0, 10000);
}

/* --- crowds ----------------------------------------------------------------------------------------------------- */

static void drip(const int *crowd, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)send(crowd[i], "a", 1, MSG_NOSIGNAL);
    }
}

static void who_never_comes_to_an_end_gives_way(void)
{
    enum { CROWD = 16 };
    static const char head[] = "GET /health HTTP/1.1\r\nX: ";
    int crowd[CROWD];
    const struct watched watched = watched_start("timekeeper", NULL);
    const char *url = kept_text("%s/health", watched.url);
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = port_connect(watched.port, 0);
        EXPECT_INT(send(crowd[i], head, strlen(head), MSG_NOSIGNAL), (int64_t)strlen(head));
    }
    EVENTUALLY(threads_of(watched.program) >= CROWD);
    EXPECT(!url_answers(url, 200)); /* they have not had their time */
    EVENTUALLY((drip(crowd, CROWD), url_answers(url, 200)));
    for (size_t i = 0; i < CROWD; i++) {
        close(crowd[i]);
    }
}

static void a_crowd_that_says_nothing_is_bounded(void)
{
    enum { CROWD = 100, THREADS_MAX = 16 + 4 };
    int crowd[CROWD];
    const struct watched watched = watched_start("timekeeper", NULL);
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = port_connect(watched.port, 0);
    }
    EVENTUALLY(threads_of(watched.program) >= 16);
    EXPECT_BETWEEN(threads_of(watched.program), 16, THREADS_MAX);
    for (size_t i = 0; i < CROWD; i++) {
        close(crowd[i]);
    }
    EVENTUALLY(url_answers(kept_text("%s/health", watched.url), 200));
}

/* --- what a scrape is made of ----------------------------------------------------------------------------------- */

static void redis_is_measured_at_the_scrape(void)
{
    const char *sessions = "synckairos_active_sessions";
    struct answer *before = scrape();
    const char *id = fresh_id("measured");
    create(id, CHESS);
    EXPECT_INT(growth(before, sessions, "status=\"pending\"", ""), 1);
    act(id, "start", NULL);
    EXPECT_INT(growth(before, sessions, "status=\"running\"", ""), 1);
    EXPECT_INT(growth(before, sessions, "status=\"pending\"", ""), 0);
    act(id, "complete", NULL);
    EXPECT_INT(growth(before, sessions, "status=\"running\"", ""), 0);
    EVENTUALLY(growth(before, "synckairos_db_write_queue_size", "status=\"completed\"", "") >= 3);
    EVENTUALLY(growth(before, "synckairos_audit_write_duration_seconds_count", "", "") >= 1);
    without_worker();
    act(fresh_id("nobody"), "start", NULL);
    create(fresh_id("waits"), CHESS);
    EVENTUALLY(reading(scrape(), "synckairos_db_write_queue_age_seconds", "", "") >= 1);
    EXPECT_INT(reading(scrape(), "synckairos_db_write_queue_size", "status=\"waiting\"", ""), 1);
    EXPECT_INT(reading(scrape(), "synckairos_processes", "program=\"audit\"", ""), 0);
}

static void every_program_tells_of_its_processes(void)
{
    struct answer *now = scrape();
    static const struct {
        const char *label;
        int64_t processes;
    } rows[] = {
        {"program=\"api\"", 2}, {"program=\"relay\"", RELAYS}, {"program=\"timekeeper\"", 1}, {"program=\"audit\"", 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        EXPECT_INT(reading(now, "synckairos_processes", rows[i].label, ""), rows[i].processes);
        EXPECT(reading(now, "synckairos_process_resident_memory_bytes", rows[i].label, "") >
               rows[i].processes * 1000000);
        EXPECT(reading(now, "synckairos_process_starts_total", rows[i].label, "") >= rows[i].processes);
        EXPECT_BETWEEN(reading(now, "synckairos_process_start_time_seconds", rows[i].label, ""), time(NULL) - 3600,
                       time(NULL) + 1);
    }
    EXPECT_INT(reading(now, "synckairos_build_info", "version=\"" SK_VERSION "\"", ""), 1);
}

static void an_api_without_a_file_counts_nothing(void)
{
    const char *const env[] = {"METRICS_FILE=", NULL};
    const struct api *api = api_start(env);
    struct answer *before = scrape();
    const char *id = fresh_id("uncounted");
    create_at(api->url, id, CHESS);
    act_at(api->url, id, "start", NULL);
    EXPECT_STATUS(act_at(api->url, id, "switch", NULL), 200);
    EXPECT_INT(growth(before, "synckairos_cycle_switches_total", "", ""), 0);
    struct answer *answer = call_at(api->url, "GET", "/metrics", NULL);
    EXPECT(strstr(answer->text, "\nsynckairos_build_info{") != NULL);
    EXPECT(strstr(answer->text, "\nsynckairos_active_sessions{") != NULL);
    EXPECT(strstr(answer->text, "synckairos_http_requests_total") == NULL);
}

/* promtool's own opinion of names, and only that, differs from ours for this one, which is counted in milliseconds. */
#define REMARK "synckairos_cycle_switch_duration_ms metric names should not contain abbreviated units"

static void expect_promtool_to_accept(const struct answer *exposition)
{
    const char *path = kept_text("%s/exposition", stack.folder);
    FILE *file = fopen(path, "we");
    REQUIRE(file != NULL);
    EXPECT_INT((int64_t)fwrite(exposition->text, 1, exposition->text_bytes, file), (int64_t)exposition->text_bytes);
    REQUIRE(fclose(file) == 0);
    /* It says nothing of what it accepts. */
    const char *command = kept_text("! promtool check metrics <'%s' 2>&1 | grep -vxF '%s'", path, REMARK);
    const char *const argv[] = {"sh", "-c", command, NULL};
    EXPECT_INT(process_run(&(struct process_spec){.name = "promtool", .argv = argv}), 0);
}

static void promtool_accepts_every_exposition(void)
{
    const struct watched timekeeper = watched_start("timekeeper", NULL);
    const struct watched audit = watched_start("audit", NULL);
    const char *const urls[] = {stack.url, kept_text("http://127.0.0.1:%d", stack.relay_ports[0]), timekeeper.url,
                                audit.url};
    const char *const env[] = {"METRICS_FILE=", NULL};
    create_running(fresh_id("some"), CHESS);
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        struct answer *answer = call_at(urls[i], "GET", "/metrics", NULL);
        EXPECT_STATUS(answer, 200);
        expect_promtool_to_accept(answer);
    }
    expect_promtool_to_accept(call_at(api_start(env)->url, "GET", "/metrics", NULL));
}

CU_TestInfo metrics_tests[] = {
    {"counters tell what was done", counters_tell_what_was_done},
    {"one scrape tells of every program", one_scrape_tells_of_every_program},
    {"a relay that was killed holds no connections", a_relay_that_was_killed_holds_no_connections},
    {"health and readiness are told apart", health_and_readiness_are_told_apart},
    {"programs without a port answer on METRICS_PORT", programs_without_a_port_answer_on_metrics_port},
    {"a port that is taken refuses the start", a_port_that_is_taken_refuses_the_start},
    {"without Redis a program is healthy but not ready", without_redis_a_program_is_healthy_but_not_ready},
    {"a worker without PostgreSQL is not ready", a_worker_without_postgres_is_not_ready},
    {"health does not wait for Redis", health_does_not_wait_for_redis},
    {"a timekeeper says that Redis is away from the start", a_timekeeper_says_that_redis_is_away_from_the_start},
    {"a Redis that stands still holds up neither a scrape nor the end",
     a_redis_that_stands_still_holds_up_neither_a_scrape_nor_the_end},
    {"who never comes to an end gives way", who_never_comes_to_an_end_gives_way},
    {"a crowd that says nothing is bounded", a_crowd_that_says_nothing_is_bounded},
    {"Redis is measured at the scrape", redis_is_measured_at_the_scrape},
    {"every program tells of its processes", every_program_tells_of_its_processes},
    {"an API without a file counts nothing", an_api_without_a_file_counts_nothing},
    {"promtool accepts every exposition", promtool_accepts_every_exposition},
    CU_TEST_INFO_NULL,
};
