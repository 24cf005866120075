/* Logs as an operator reads them: what a request leaves, how much is said, and what never is. */
#include "tests/integration/secrets.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/tokens.h"
#include "tests/integration/worker.h"

#include <signal.h>
#include <string.h>

#define LINE_BYTES 4097
#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define BODY(text) json_quoted(text)

static void forget(void *json)
{
    json_decref(json);
}

/* The line of a request by its id, kept; the test ends where there is none, or more than one. */
static json_t *line_of(const struct process *program, const char *request_id)
{
    char line[LINE_BYTES];
    const char *id = kept_text("\"request_id\":\"%s\"", request_id);
    EVENTUALLY(process_logged(program, id));
    EXPECT_INT((int64_t)process_log_count(program, id), 1);
    REQUIRE(process_line(program, id, line, sizeof(line)));
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    REQUIRE(json != NULL);
    return keep(json, forget);
}

static void a_request_leaves_one_line_that_tells_all(void)
{
    const char *const env[] = {TOKEN_KEY, NULL};
    struct api *api = api_start(env);
    const char *id = fresh_id("line");
    const char *token = signed_token("{'sub':'server-7','scope':'admin'}", 60);
    const char *url = kept_text("%s/v1/sessions", api->url);
    const char *body = kept_text("{'session_id':'%s'," CHESS "}", id);
    EXPECT_STATUS(http_call("POST", url, body, kept_text("Authorization: Bearer %s\nX-Request-Id: made-%s", token, id)),
                  201);
    json_t *made = line_of(api->program, kept_text("made-%s", id));
    EXPECT_TEXT(text_at(made, "route"), "/v1/sessions");
    EXPECT_TEXT(text_at(made, "session_id"), id);
    EXPECT(json_object_get(made, "trace_id") == NULL);
    url = kept_text("%s/%s/participants/black", url, id);
    EXPECT_STATUS(http_call("PATCH", url, "{'delta_ms':1000}",
                            kept_text("Authorization: Bearer %s\nX-Request-Id: more-%s\n"
                                      "traceparent: 00-" TRACE "-00f067aa0ba902b7-01",
                                      token, id)),
                  200);
    json_t *line = line_of(api->program, kept_text("more-%s", id));
    EXPECT_TEXT(text_at(line, "level"), "info");
    EXPECT_TEXT(text_at(line, "program"), "synckairos-api");
    EXPECT_TEXT(text_at(line, "msg"), "request");
    EXPECT_TEXT(text_at(line, "method"), "PATCH");
    EXPECT_TEXT(text_at(line, "route"), "/v1/sessions/{id}/participants/{pid}");
    EXPECT_TEXT(text_at(line, "session_id"), id);
    EXPECT_TEXT(text_at(line, "participant_id"), "black");
    EXPECT_TEXT(text_at(line, "actor"), "server-7");
    EXPECT_TEXT(text_at(line, "trace_id"), TRACE);
    EXPECT_INT(int_at(line, "pid"), process_pid(api->program));
    EXPECT_INT(int_at(line, "status"), 200);
    EXPECT_INT(int_at(line, "version"), 2);
    EXPECT_BETWEEN(int_at(line, "duration_ms"), 0, PATIENCE_MS);
}

static void a_refusal_is_no_error_but_a_store_that_is_away_is(void)
{
    const char *const env[] = {"REDIS_URL=redis://127.0.0.1:1/0", NULL};
    struct api *api = api_start(env);
    const char *url = kept_text("%s/v1/sessions/%s", api->url, fresh_id("level"));
    EXPECT_STATUS(http_call("GET", url, NULL, "X-Request-Id: level-503"), 503);
    EXPECT_TEXT(text_at(line_of(api->program, "level-503"), "level"), "error");
    EXPECT_STATUS(http_call("PUT", url, NULL, "X-Request-Id: level-405"), 405);
    json_t *refused = line_of(api->program, "level-405");
    EXPECT_TEXT(text_at(refused, "level"), "info");
    EXPECT_TEXT(text_at(refused, "code"), "METHOD_NOT_ALLOWED");
    EXPECT_TEXT(text_at(refused, "actor"), "anonymous");
}

static void signals_make_an_api_more_talkative_and_less(void)
{
    static const char health[] = "\"route\":\"/health\"";
    struct api *api = api_start(NULL);
    const char *id = fresh_id("unknown");
    look_at(api->url, id);
    EXPECT_INT((int64_t)process_log_count(api->program, health), 0); /* the front was waited for by it */
    process_signal(api->program, SIGUSR1);
    EVENTUALLY(call_at(api->url, "GET", "/health", NULL) && process_logged(api->program, health));
    EXPECT(process_logged(api->program, "\"log_level\":\"debug\""));
    process_signal(api->program, SIGUSR2);
    EVENTUALLY(look_at(api->url, id) && process_logged(api->program, "\"log_level\":\"info\""));
    const size_t said = process_log_count(api->program, health);
    call_at(api->url, "GET", "/health", NULL);
    look_at(api->url, id);
    EXPECT_INT((int64_t)process_log_count(api->program, health), (int64_t)said);
}

static void signals_break_no_request_off(void)
{
    struct api *api = api_start(NULL);
    const char *id = fresh_id("signalled");
    create_at(api->url, id, CHESS);
    EXPECT_STATUS(act_at(api->url, id, "start", NULL), 200);
    for (int i = 0; i < 300; i++) {
        process_signal(api->program, i % 2 == 0 ? SIGUSR1 : SIGUSR2);
        if (!EXPECT_STATUS(act_at(api->url, id, "switch", NULL), 200)) {
            break;
        }
    }
    EXPECT(process_alive(api->program));
}

/* Whether a program that was signalled has told so; something happens meanwhile that it has to do with. */
static bool tells_debug(const struct process *program)
{
    const char *id = fresh_id("told");
    create(id, "'sync_mode':'count_up','max_time_ms':1000,'warnings_ms':[500]");
    act(id, "start", NULL);
    await_status(id, "expired");
    return process_logged(program, "\"log_level\":\"debug\"");
}

static void signals_set_the_level_of_every_daemon(void)
{
    struct process *const daemons[] = {stack.timekeeper, stack.audit};
    for (size_t i = 0; i < 2; i++) {
        process_signal(daemons[i], SIGUSR1);
        EVENTUALLY(tells_debug(daemons[i]));
    }
    EVENTUALLY(tells_debug(stack.timekeeper) && process_logged(stack.timekeeper, "\"msg\":\"time expired\""));
    EVENTUALLY(process_logged(stack.audit, "\"msg\":\"events written\""));
    int port = 0;
    struct process *relay = relay_start(NULL, &port);
    process_signal(relay, SIGUSR1);
    EXPECT(watch(running("watched"), port) != NULL);
    process_signal(relay, SIGTERM);
    EXPECT_INT(process_wait(relay), 0);
    EXPECT(process_logged(relay, "\"log_level\":\"debug\""));
    for (size_t i = 0; i < 2; i++) {
        process_signal(daemons[i], SIGUSR2);
    }
}

/* Bodies of every kind of wrong, each with the mark in it. */
static void send_marked_bodies(const char *base, const char *id)
{
    static const char *const bodies[] = {
        "{'metadata':'" SECRET_MARK,
        "{'a':" SECRET_MARK "}",
        "{'" SECRET_MARK "':1,'" SECRET_MARK "':2}",
        "{'" SECRET_MARK "':1}",
        "{'sync_mode':'" SECRET_MARK "'}",
        "{} " SECRET_MARK,
        SECRET_MARK,
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        EXPECT_STATUS(call_at(base, "POST", "/v1/sessions", bodies[i]), 400);
        EXPECT_STATUS(act_at(base, id, "switch", bodies[i]), 400);
    }
    EXPECT_STATUS(call_at(base, "PATCH", kept_text("/v1/sessions/%s/participants/white", id),
                          "{'delta_ms':1,'reason':'" SECRET_MARK "'}"),
                  200);
}

static void send_marked_headers(const char *base, const char *id)
{
    static const char *const headers[] = {
        "Authorization: Bearer " SECRET_MARK, "Authorization: Basic " SECRET_MARK,
        "Idempotency-Key: " SECRET_MARK,      "If-Match: " SECRET_MARK,
        "traceparent: " SECRET_MARK,          "Cookie: session=" SECRET_MARK,
        "Content-Type: " SECRET_MARK,         "X-Request-Id: not an id " SECRET_MARK,
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
        const char *url = kept_text("%s/v1/sessions/%s/switch?token=" SECRET_MARK, base, id);
        EXPECT(http_call("POST", url, NULL, headers[i])->status != 0);
    }
}

static void send_marked_frames(const char *id)
{
    struct ws_client *client = watch(id, stack.relay_ports[0]);
    EXPECT(ws_send(client, SECRET_MARK) && ws_send(client, BODY("{'type':'" SECRET_MARK "'}")));
    EVENTUALLY(frames_of(client, "ERROR") == 2);
    ws_leave(client);
    (void)ws_open(stack.web_port, kept_text("/sessions/%s?token=" SECRET_MARK, id));
    (void)ws_open(stack.relay_ports[0], kept_text("/ws?sessionId=%s&token=" SECRET_MARK, id));
}

/* The whole run is searched for the mark when it is over (secrets.h). */
static void what_is_secret_is_shown_to_every_program(void)
{
    const char *const guarded[] = {TOKEN_KEY, "LOG_LEVEL=debug", NULL};
    const char *const talkative[] = {"LOG_LEVEL=debug", NULL};
    const char *const bases[] = {stack.url, api_start(talkative)->url};
    for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++) {
        const char *id = fresh_id("secret");
        create(id, CHESS ",'metadata':{'note':'" SECRET_MARK "'}");
        EXPECT_STATUS(act(id, "start", NULL), 200);
        send_marked_bodies(bases[i], id);
        send_marked_headers(bases[i], id);
        send_marked_frames(id);
    }
    send_marked_headers(api_start(guarded)->url, fresh_id("secret"));
}

static void what_a_store_refuses_does_not_show_its_password(void)
{
    const char *const urls[] = {
        kept_text("REDIS_URL=redis://:" SECRET_MARK "@127.0.0.1:%d/0", stack.redis_port),
        kept_text("REDIS_URL=redis://nobody:" SECRET_MARK "@127.0.0.1:%d/0", stack.redis_port),
        "REDIS_URL=redis://:" SECRET_MARK "@127.0.0.1:1/0",
        "DATABASE_URL=postgresql://synckairos:" SECRET_MARK "@127.0.0.1:1/postgres",
        "DATABASE_URL=postgresql://synckairos:" SECRET_MARK "@127.0.0.1:nonsense/postgres",
        "JWT_SECRET=" SECRET_MARK,
    };
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        const char *const env[] = {urls[i], "LOG_LEVEL=debug", NULL};
        process_kill(subcommand_start(env, WORDS("run")));
        process_kill(stack_program("timekeeper", env));
        const char *const argv[] = {kept_text("%s/synckairos-api", stack.build), NULL};
        const char *const cgi[] = {urls[i], "GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET",
                                   "REQUEST_URI=/v1/sessions/nobody", NULL};
        process_run(&(struct process_spec){.name = "api-cgi", .argv = argv, .env = cgi});
    }
}

CU_TestInfo log_tests[] = {
    {"a request leaves one line that tells all", a_request_leaves_one_line_that_tells_all},
    {"a refusal is no error, but a store that is away is", a_refusal_is_no_error_but_a_store_that_is_away_is},
    {"signals make an API more talkative, and less", signals_make_an_api_more_talkative_and_less},
    {"signals break no request off", signals_break_no_request_off},
    {"signals set the level of every daemon", signals_set_the_level_of_every_daemon},
    {"what is secret is shown to every program", what_is_secret_is_shown_to_every_program},
    {"what a store refuses does not show its password", what_a_store_refuses_does_not_show_its_password},
    CU_TEST_INFO_NULL,
};
