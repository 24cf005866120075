/* What a web server owes the service: pages, paths and headers untouched, WebSockets passed on, errors in JSON, no
 * token in any log. Runs in front of lighttpd, nginx and Apache; a part of it over plain CGI. */
#include "tests/integration/front.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY "0123456789abcdef0123456789abcdef"

/* {"sub":"game","scope":"admin"}, signed with that key by HS256, good until 2100. */
#define TOKEN                                                                                                          \
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJnYW1lIiwic2NvcGUiOiJhZG1pbiIsImV4cCI6NDEwMjQ0NDgwMH0."            \
    "N9n2S7T6xxzIhDhb1OpJEwQw2tEuw9j575QWwb1VOlo"

static const char *header(const struct answer *answer, const char *name)
{
    const char *value = answer_header(answer, name);
    return value ? value : "(no header)";
}

static void the_pages_are_there(void)
{
    struct answer *page = call("GET", "/", NULL);
    EXPECT_STATUS(page, 200);
    EXPECT(strstr(header(page, "Content-Type"), "text/html") != NULL);
    EXPECT_TEXT(header(page, "X-Content-Type-Options"), "nosniff");
    EXPECT_ERROR(call("GET", "/nothing-here.html", NULL), 404, "NOT_FOUND");
}

static void a_path_arrives_as_it_was_sent(void)
{
    const char *id = fresh_id("a:b");
    create(id, CHESS);
    const char *encoded = kept_text("/v1/sessions/%%61%%3A%s", id + 2);
    EXPECT_TEXT(text_at(call("GET", encoded, NULL)->body, "data.session_id"), id);
    EXPECT_ERROR(call("GET", "/v1/sessions/a%2Fb", NULL), 400, "VALIDATION_ERROR");
    EXPECT_ERROR(call("GET", "/v1/sessions//start", NULL), 404, "NOT_FOUND");
    EXPECT_ERROR(call("GET", "/v1/sessions?status=no%20status", NULL), 400, "VALIDATION_ERROR");
}

static void a_body_of_unknown_length_arrives(void)
{
    const char *url = kept_text("%s/v1/sessions", stack.url);
    struct answer *created = http_call("POST", url, kept_text("{%s}", CHESS), "Transfer-Encoding: chunked");
    EXPECT_STATUS(created, 201);
}

static void what_is_too_large_for_the_web_server_is_told_in_json(void)
{
    const int bytes = 2 << 20;
    const struct request request = {.method = "POST",
                                    .url = kept_text("%s/v1/sessions", stack.url),
                                    .body = kept_text("%*s", bytes, "{}"),
                                    .body_bytes = (size_t)bytes};
    struct answer answer;
    http_exchange(&request, &answer);
    EXPECT_INT(answer.status, 413);
    EXPECT_TEXT(text_at(answer.body, "error.code"), "PAYLOAD_TOO_LARGE");
    answer_clear(&answer);
}

static void a_head_has_headers_alone(void)
{
    struct answer *head = call("HEAD", "/v1/time", NULL);
    EXPECT_STATUS(head, 200);
    EXPECT_INT((int64_t)head->text_bytes, 0);
    EXPECT_TEXT(header(head, "Cache-Control"), "no-store");
}

static void a_websocket_goes_through(void)
{
    const char *id = fresh_id("through");
    create_running(id, CHESS);
    struct ws_client *client = watch(id, stack.web_port);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EXPECT_UPDATE(client, 3);
    ws_send(client, "{\"type\":\"PING\",\"timestamp\":1}");
    EXPECT_FRAME(client, "PONG");
    delete_session(id);
    EXPECT_FRAME(client, "SESSION_DELETED");
    EXPECT_INT(ws_close_code(client), 1000);
}

static void the_feed_goes_through(void)
{
    const char *id = fresh_id("told");
    struct ws_client *feed = ws_open(stack.web_port, "/feed?x=1");
    REQUIRE(feed != NULL);
    EXPECT_FRAME(feed, "CONNECTED");
    create(id, CHESS);
    const struct ws_message *message = ws_next(feed);
    while (message && strcmp(text_at(message->json, "sessionId"), id) != 0) {
        message = ws_next(feed); /* of other tests' sessions */
    }
    EXPECT_TEXT(message ? text_at(message->json, "type") : "nothing", "SESSION_CREATED");
}

static void this_host_may_read_the_metrics(void)
{
    struct answer *metrics = call("GET", "/metrics", NULL);
    EXPECT_STATUS(metrics, 200);
    EXPECT(strstr(metrics->text, "synckairos_http_requests_total") != NULL);
}

static bool file_contains(const char *path, const char *text)
{
    char *line = NULL;
    size_t bytes = 0;
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file && !found && getline(&line, &bytes, file) > 0) {
        found = strstr(line, text) != NULL;
    }
    free(line);
    if (file) {
        (void)fclose(file);
    }
    return found;
}

/* How many logs of the run contain the text. */
static size_t logs_with(const char *text)
{
    glob_t logs;
    size_t number = 0;
    if (glob(kept_text("%s/logs/*", stack.folder), 0, NULL, &logs) == 0) {
        for (size_t i = 0; i < logs.gl_pathc; i++) {
            number += file_contains(logs.gl_pathv[i], text);
        }
        globfree(&logs);
    }
    return number;
}

static void no_log_shows_a_query(void)
{
    const char *id = fresh_id("logged");
    create_running(id, CHESS);
    const char *secret = kept_text("secret-of-%s", id);
    EXPECT_STATUS(call("GET", kept_text("/v1/sessions/%s?token=%s", id, secret), NULL), 200);
    struct ws_client *client = ws_open(stack.web_port, kept_text("/sessions/%s?token=%s", id, secret));
    REQUIRE(client != NULL);
    EXPECT_FRAME(client, "CONNECTED");
    ws_leave(client);
    (void)call("GET", kept_text("/nothing-here?token=%s", secret), NULL);
    EVENTUALLY(logs_with(kept_text("GET /v1/sessions/%s HTTP", id)) > 0);
    EVENTUALLY(logs_with(kept_text("GET /sessions/%s HTTP", id)) > 0);
    EXPECT_INT((int64_t)logs_with(secret), 0);
}

static void an_api_that_is_gone_is_told_in_json(void)
{
    EXPECT_STATUS(call("GET", "/health", NULL), 200);
    process_stop(front_api());
    struct answer *refused = call("GET", "/v1/time", NULL);
    EXPECT_BETWEEN(refused->status, 502, 504);
    EXPECT(json_is_string(json_at(refused->body, "error.code")));
    front_restart_api(NULL);
    EVENTUALLY(url_answers(kept_text("%s/health", stack.url), 200));
}

static void a_token_reaches_the_api(void)
{
    const char *const env[] = {"JWT_SECRET=" KEY, NULL};
    front_restart_api(env);
    EVENTUALLY(url_answers(kept_text("%s/health", stack.url), 200));
    const char *url = kept_text("%s/v1/sessions/%s", stack.url, fresh_id("unknown"));
    EXPECT_ERROR(http_call("GET", url, NULL, NULL), 401, "UNAUTHORIZED");
    EXPECT_ERROR(http_call("GET", url, NULL, "Authorization: Bearer " TOKEN), 404, "SESSION_NOT_FOUND");
    front_restart_api(NULL);
    EVENTUALLY(url_answers(kept_text("%s/health", stack.url), 200));
}

static void one_process_a_request_is_enough_for_a_game(void)
{
    const char *id = fresh_id("cgi");
    create_running(id, CHESS);
    EXPECT_INT(int_at(act(id, "switch", "{'current_participant_id':'white'}")->body, "data.version"), 3);
    EXPECT_ERROR(act(id, "switch", "{'current_participant_id':'white'}"), 409, "NOT_ACTIVE_PARTICIPANT");
    EXPECT_TEXT(header(look(id), "ETag"), "\"3\"");
    EXPECT_ERROR(call("POST", "/v1/sessions", "{"), 400, "INVALID_JSON");
    EXPECT_ERROR(call("PUT", "/v1/time", "{}"), 405, "METHOD_NOT_ALLOWED");
    EXPECT_STATUS(delete_session(id), 204);
    EXPECT_ERROR(look(id), 404, "SESSION_NOT_FOUND");
    char *large = kept_text("%*s", (1 << 20) + 1, "{}");
    EXPECT_ERROR(call("POST", "/v1/sessions", large), 413, "PAYLOAD_TOO_LARGE");
}

static void a_cgi_program_ends_in_order(void)
{
    const char *const argv[] = {kept_text("%s/synckairos-api", stack.build), NULL};
    const char *const env[] = {"GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET", "REQUEST_URI=/v1/time", NULL};
    struct process *program = process_start(&(struct process_spec){.name = "one-cgi", .argv = argv, .env = env});
    EXPECT_INT(process_wait(program), 0);
    EXPECT(process_logged(program, "Status: 200 OK"));
    EXPECT(process_logged(program, "timestamp_ms"));
}

CU_TestInfo front_tests[] = {
    {"the pages are there", the_pages_are_there},
    {"a path arrives as it was sent", a_path_arrives_as_it_was_sent},
    {"a body of unknown length arrives", a_body_of_unknown_length_arrives},
    {"what is too large for the web server is told in JSON", what_is_too_large_for_the_web_server_is_told_in_json},
    {"a HEAD has headers alone", a_head_has_headers_alone},
    {"a WebSocket goes through", a_websocket_goes_through},
    {"the feed goes through", the_feed_goes_through},
    {"this host may read the metrics", this_host_may_read_the_metrics},
    {"no log shows a query", no_log_shows_a_query},
    CU_TEST_INFO_NULL,
};

/* Where the API is a process of its own. */
CU_TestInfo front_api_tests[] = {
    {"an API that is gone is told in JSON", an_api_that_is_gone_is_told_in_json},
    {"a token reaches the API", a_token_reaches_the_api},
    CU_TEST_INFO_NULL,
};

CU_TestInfo cgi_tests[] = {
    {"one process a request is enough for a game", one_process_a_request_is_enough_for_a_game},
    {"a CGI program ends in order", a_cgi_program_ends_in_order},
    {"a path arrives as it was sent", a_path_arrives_as_it_was_sent},
    {"a body of unknown length arrives", a_body_of_unknown_length_arrives},
    {"a HEAD has headers alone", a_head_has_headers_alone},
    CU_TEST_INFO_NULL,
};
