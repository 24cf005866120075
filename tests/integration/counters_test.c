/* Counters to the last request: what the metrics tell is what was done, with several API processes on one socket, and
 * with one of them killed. */
#include "tests/integration/load.h"
#include "tests/integration/reading.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/tokens.h"

#define PROCESSES 4
#define THREADS 4
#define HANDS 16
#define SESSIONS 24
#define MOVES 1500

#define REQUESTS "synckairos_http_requests_total"
#define DURATIONS "synckairos_http_request_duration_seconds_count"
#define SWITCHES "synckairos_cycle_switches_total"
#define SWITCH_DURATIONS "synckairos_cycle_switch_duration_ms_count"
#define CONFLICTS "synckairos_state_conflicts_total"
#define ROUND_TRIPS "synckairos_redis_duration_seconds_count"
#define FAILURES "synckairos_auth_failures_total"
#define LIMITED "synckairos_rate_limited_total"
#define LAGS "synckairos_broadcast_lag_seconds_count"
#define UPDATES "synckairos_websocket_messages_total", "type=\"STATE_UPDATE\""
#define REPLACED "synckairos_websocket_replaced_updates_total"

/* Whether each counter of requests has its histogram: routes agree one by one. */
static void expect_durations_to_match(const struct answer *before, int64_t tolerance)
{
    static const char *const routes[] = {"route=\"/v1/sessions\"",
                                         "route=\"/v1/sessions/{id}\"",
                                         "route=\"/v1/sessions/{id}/start\"",
                                         "route=\"/v1/sessions/{id}/switch\"",
                                         "route=\"/v1/time\"",
                                         "route=\"other\""};
    for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
        const int64_t requests = growth(before, REQUESTS, routes[i], "");
        EXPECT_BETWEEN(growth(before, DURATIONS, routes[i], ""), requests - tolerance, requests);
    }
    const int64_t switches = growth(before, SWITCHES, "", "");
    EXPECT_BETWEEN(growth(before, SWITCH_DURATIONS, "", ""), switches - tolerance, switches);
}

/* The same bare switch from many hands at once: who came first, and who lost the race. */
static void race(const char *base, const char *id, int64_t *won, int64_t *lost)
{
    struct answer answers[HANDS];
    const struct request request = {.method = "POST", .url = kept_text("%s/v1/sessions/%s/switch", base, id)};
    http_burst(&request, answers, HANDS);
    for (size_t i = 0; i < HANDS; i++) {
        *won += answers[i].status == 200;
        *lost += answers[i].status == 409;
        answer_clear(&answers[i]);
    }
}

static void several_processes_count_together(void)
{
    const char *const env[] = {kept_text("API_THREADS=%d", THREADS), NULL};
    struct process *programs[PROCESSES];
    struct api *api = api_start_many(PROCESSES, env, programs);
    struct answer *before = scrape();
    int64_t won = 0;
    int64_t lost = 0;
    const char *id = fresh_id("race");
    create_at(api->url, id, CHESS);
    EXPECT_STATUS(act_at(api->url, id, "start", NULL), 200);
    for (int i = 0; i < 30; i++) {
        race(api->url, id, &won, &lost);
        look_at(api->url, id);
        call_at(api->url, "GET", "/v1/time", NULL);
        call_at(api->url, "GET", "/nowhere", NULL);
    }
    EXPECT_INT(won + lost, (int64_t)30 * HANDS);
    EXPECT(lost > 0);
    EXPECT_INT(growth(before, REQUESTS, "/switch\"", "status=\"200\""), won);
    EXPECT_INT(growth(before, REQUESTS, "/switch\"", "status=\"409\""), lost);
    EXPECT_INT(growth(before, REQUESTS, "method=\"GET\",route=\"/v1/sessions/{id}\"", "status=\"200\""), 30);
    EXPECT_INT(growth(before, REQUESTS, "method=\"GET\",route=\"/v1/time\"", "status=\"200\""), 30);
    EXPECT_INT(growth(before, REQUESTS, "method=\"GET\",route=\"other\"", "status=\"404\""), 30);
    EXPECT_INT(growth(before, SWITCHES, "mode=\"per_participant\"", ""), won);
    EXPECT_INT(growth(before, CONFLICTS, "", ""), lost);
    EXPECT_INT(growth(before, ROUND_TRIPS, "operation=\"commit\"", ""), 2 + won + lost);
    EXPECT_INT(growth(before, ROUND_TRIPS, "operation=\"load\"", ""), 2 + won + lost + 30);
    expect_durations_to_match(before, 0);
}

static void a_killed_process_takes_no_count_with_it(void)
{
    const char *const env[] = {kept_text("API_THREADS=%d", THREADS), NULL};
    struct process *programs[PROCESSES];
    struct api *api = api_start_many(PROCESSES, env, programs);
    struct answer *before = scrape();
    struct load *load = load_start(&(struct load_spec){
        .base = api->url, .story = "counted", .members = CHESS, .sessions = SESSIONS, .threads = 8, .rate = 1500});
    struct load_counts counts;
    EXPECT(load_await_moves(load, MOVES));
    process_kill(programs[1]);
    EXPECT(load_await_moves(load, MOVES));
    load_stop(load);
    load_count(load, &counts);
    const int64_t broken = counts.broken + counts.unavailable; /* each may have been counted, or not */
    printf("\n    %ld moves, %ld refused, %ld without an answer: ", counts.moves, counts.refused, (long)broken);
    EXPECT(broken <= THREADS);
    EXPECT_INT(growth(before, REQUESTS, "method=\"POST\",route=\"/v1/sessions\"", "status=\"201\""), SESSIONS);
    EXPECT_INT(growth(before, REQUESTS, "/start\"", "status=\"200\""), SESSIONS);
    EXPECT_BETWEEN(growth(before, REQUESTS, "/switch\"", "status=\"200\""), counts.moves, counts.moves + broken);
    EXPECT_BETWEEN(growth(before, SWITCHES, "mode=\"per_participant\"", ""), counts.moves, counts.moves + broken);
    EXPECT_BETWEEN(growth(before, REQUESTS, "/switch\"", "status=\"4"), counts.refused, counts.refused + broken);
    expect_durations_to_match(before, broken);
}

static void a_repeat_is_no_switch(void)
{
    struct answer *before = scrape();
    const char *id = fresh_id("repeat");
    create_running(id, CHESS);
    const char *url = kept_text("%s/v1/sessions/%s/switch", stack.url, id);
    for (int i = 0; i < 5; i++) {
        struct answer *answer = http_call("POST", url, NULL, "Idempotency-Key: once");
        EXPECT_STATUS(answer, 200);
        EXPECT((answer_header(answer, "Idempotency-Replayed") != NULL) == (i > 0));
    }
    EXPECT_STATUS(act(id, "switch", "{'current_cycle_number':77}"), 409);
    EXPECT_INT(growth(before, REQUESTS, "/switch\"", "status=\"200\""), 5);
    EXPECT_INT(growth(before, SWITCHES, "", ""), 1);
    EXPECT_INT(growth(before, SWITCH_DURATIONS, "", ""), 1);
    EXPECT_INT(growth(before, CONFLICTS, "", ""), 0); /* it met nobody: it was late */
}

static void refused_tokens_are_counted_by_reason(void)
{
    static const struct {
        const char *claims; /* NULL: no token */
        long ttl_s;
        const char *path;
        long status;
        const char *reason;
    } rows[] = {
        {NULL, 0, "/v1/sessions/x", 401, "missing"},
        {"{'scope':'admin'}", -100, "/v1/sessions/x", 401, "expired"},
        {"{'scope':'admin','nbf':33333333333}", 60, "/v1/sessions/x", 401, "not_yet"},
        {"{'scope':'admin','aud':'others'}", 60, "/v1/sessions/x", 401, "audience"},
        {"{'scope':['admin'],'aud':'us'}", 60, "/v1/sessions/x", 401, "malformed"},
        {"{'scope':'sessions:read','aud':'us'}", 60, "/v1/sessions", 403, "scope"},
        {"{'scope':'admin','aud':'us','session':'y'}", 60, "/v1/sessions/x", 403, "session"},
    };
    const char *const env[] = {TOKEN_KEY, "JWT_AUDIENCE=us", NULL};
    struct process *programs[PROCESSES];
    struct api *api = api_start_many(PROCESSES, env, programs);
    struct answer *before = scrape();
    for (int64_t i = 0; i < (int64_t)(sizeof(rows) / sizeof(*rows)); i++) {
        const char *token = rows[i].claims ? signed_token(rows[i].claims, rows[i].ttl_s) : NULL;
        const char *url = kept_text("%s%s", api->url, rows[i].path);
        const char *header = token ? kept_text("Authorization: Bearer %s", token) : NULL;
        for (int64_t times = 0; times <= i; times++) {
            EXPECT_STATUS(http_call("GET", url, NULL, header), rows[i].status);
        }
        EXPECT_INT(growth(before, FAILURES, kept_text("reason=\"%s\"", rows[i].reason), ""), i + 1);
    }
    EXPECT_INT(growth(before, FAILURES, "", ""),
               growth(before, REQUESTS, "status=\"401\"", "") + growth(before, REQUESTS, "status=\"403\"", ""));
}

static void what_is_too_much_is_counted_by_whose_limit(void)
{
    const char *const env[] = {
        TOKEN_KEY, "RATE_LIMIT_GENERAL=3", "RATE_LIMIT_SERVER=20", "RATE_LIMIT_SWITCH=2", "TRUSTED_PROXIES=127.0.0.1",
        NULL};
    struct process *programs[PROCESSES];
    struct api *api = api_start_many(PROCESSES, env, programs);
    struct answer *before = scrape();
    const char *id = fresh_id("limited");
    create_running(id, CHESS);
    const char *server =
        kept_text("Authorization: Bearer %s", signed_token(kept_text("{'sub':'%s','scope':'admin'}", id), 60));
    const char *player =
        kept_text("Authorization: Bearer %s",
                  signed_token(kept_text("{'sub':'%s','scope':'sessions:read','session':'%s'}", id, id), 60));
    const char *url = kept_text("%s/v1/sessions/%s", api->url, id);
    int64_t refused[4] = {0};
    for (int i = 0; i < 10; i++) {
        refused[0] += http_call("GET", url, NULL, "X-Forwarded-For: 198.51.100.77")->status == 429;
        refused[1] += http_call("GET", url, NULL, player)->status == 429;
        refused[2] += http_call("POST", kept_text("%s/switch", url), NULL, server)->status == 429;
    }
    for (int i = 0; i < 15; i++) {
        refused[3] += http_call("GET", url, NULL, server)->status == 429;
    }
    EXPECT_INT(refused[0], 7);
    EXPECT_INT(refused[1], 7);
    EXPECT_BETWEEN(refused[2], 1, 8); /* a second may end in between */
    EXPECT_INT(refused[3], 5);
    EXPECT_INT(growth(before, LIMITED, "limit=\"address\"", ""), refused[0]);
    EXPECT_INT(growth(before, LIMITED, "limit=\"token\"", ""), refused[1]);
    EXPECT_INT(growth(before, LIMITED, "limit=\"session\"", ""), refused[2]);
    EXPECT_INT(growth(before, LIMITED, "limit=\"server\"", ""), refused[3]);
    EXPECT_INT(growth(before, REQUESTS, "status=\"429\"", ""), growth(before, LIMITED, "", ""));
}

/* Every state that is published goes out to each client, with its lag, or gives way to a newer one. */
static void a_relay_counts_what_it_sends(void)
{
    enum { WATCHERS = 20, SWITCHES_MADE = 30 };
    const char *id = fresh_id("watched");
    create_running(id, CHESS);
    struct ws_client *watchers[WATCHERS];
    for (size_t i = 0; i < WATCHERS; i++) {
        watchers[i] = watch(id, stack.relay_ports[0]);
    }
    struct answer *before = scrape();
    for (int i = 0; i < SWITCHES_MADE; i++) {
        EXPECT_STATUS(act(id, "switch", NULL), 200);
    }
    for (size_t i = 0; i < WATCHERS; i++) {
        EVENTUALLY(version_seen(watchers[i]) == SWITCHES_MADE + 2);
    }
    EVENTUALLY(growth(before, UPDATES, "") + growth(before, REPLACED, "", "") == (int64_t)WATCHERS * SWITCHES_MADE);
    EXPECT_INT(growth(before, LAGS, "", ""), growth(before, UPDATES, ""));
    for (size_t i = 0; i < WATCHERS; i++) {
        ws_leave(watchers[i]);
    }
}

/* What only Redis knows, the relay asks for every few seconds. */
static bool redis_gauges_agree(const char *url)
{
    const struct answer *relay = http_call("GET", url, NULL, NULL);
    const struct answer *api = scrape();
    return strstr(relay->text, "synckairos_db_write_queue_age_seconds ") != NULL &&
           reading(api, "synckairos_active_sessions", "status=\"running\"", "") > 0 &&
           reading(relay, "synckairos_active_sessions", "", "") == reading(api, "synckairos_active_sessions", "", "") &&
           reading(relay, "synckairos_db_write_queue_size", "status=\"completed\"", "") ==
               reading(api, "synckairos_db_write_queue_size", "status=\"completed\"", "");
}

/* The counters of all programs, to whoever is near; what a proxy passes on comes from anywhere. */
static void a_relay_tells_what_all_have_counted(void)
{
    const char *url = kept_text("http://127.0.0.1:%d/metrics", stack.relay_ports[0]);
    struct answer *answer = http_call("GET", url, NULL, NULL);
    EXPECT_STATUS(answer, 200);
    EXPECT_TEXT(answer_header(answer, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    EXPECT(reading(answer, REQUESTS, "", "") > 0);
    EXPECT(reading(answer, "synckairos_processes", "program=\"relay\"", "") > 0);
    EXPECT(reading(answer, "synckairos_processes", "program=\"api\"", "") > 0);
    EVENTUALLY(redis_gauges_agree(url));
    EXPECT_STATUS(http_call("GET", url, NULL, "X-Forwarded-For: 127.0.0.1"), 403);
    EXPECT_STATUS(http_call("POST", url, "{}", NULL), 405);
}

CU_TestInfo counters_tests[] = {
    {"several processes count together", several_processes_count_together},
    {"a killed process takes no count with it", a_killed_process_takes_no_count_with_it},
    {"a repeat is no switch", a_repeat_is_no_switch},
    {"refused tokens are counted by reason", refused_tokens_are_counted_by_reason},
    {"a relay counts what it sends", a_relay_counts_what_it_sends},
    {"a relay tells what all have counted", a_relay_tells_what_all_have_counted},
    {"what is too much is counted by whose limit", what_is_too_much_is_counted_by_whose_limit},
    CU_TEST_INFO_NULL,
};
