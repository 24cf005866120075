/* Who may do what: every route with every kind of token, and every way to hand one to the relay. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/tokens.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINE "/v1/sessions/access-a"
#define THEIRS "/v1/sessions/access-b"

static const char *const keyed[] = {
    TOKEN_KEY, "JWT_AUDIENCE=game", "RATE_LIMIT_GENERAL=0", "RATE_LIMIT_SWITCH=0", "RATE_LIMIT_SERVER=0", NULL};

static struct api *api;

static struct answer *ask(const char *method, const char *path, const char *bearer, const char *body)
{
    const char *header = bearer ? kept_text("Authorization: Bearer %s", bearer) : NULL;
    return http_call(method, kept_text("%s%s", api->url, path), body, header);
}

enum kind { NOBODY, EXPIRED, FOREIGN, RUBBISH, READER, CREATOR, CONTROLLER, ADMIN, OF_A, OF_B, WHITE, KINDS };

static const char *const names[KINDS] = {"nobody",  "expired", "foreign",      "rubbish",      "reader",     "creator",
                                         "control", "admin",   "of session a", "of session b", "participant"};

static void make_tokens(const char *tokens[KINDS])
{
    tokens[NOBODY] = NULL;
    tokens[EXPIRED] = signed_token("{'sub':'x','aud':'game','scope':'admin'}", -40);
    tokens[FOREIGN] = signed_token("{'sub':'x','aud':'other','scope':'admin'}", 600);
    tokens[RUBBISH] = "rub.bi.sh";
    tokens[READER] = signed_token("{'sub':'x','aud':'game','scope':'sessions:read'}", 600);
    tokens[CREATOR] = signed_token("{'sub':'x','aud':'game','scope':'sessions:create'}", 600);
    tokens[CONTROLLER] = signed_token("{'sub':'x','aud':'game','scope':'sessions:control'}", 600);
    tokens[ADMIN] = signed_token("{'sub':'server','aud':['b','game'],'scope':'admin'}", 600);
    tokens[OF_A] = signed_token("{'sub':'x','aud':'game','scope':'admin','session':'access-a'}", 600);
    tokens[OF_B] = signed_token("{'sub':'x','aud':'game','scope':'admin','session':'access-b'}", 600);
    tokens[WHITE] = signed_token("{'sub':'w','aud':'game','scope':'sessions:read sessions:control',"
                                 "'session':'access-a','participant':'white'}",
                                 600);
}

#define BIT(kind) (1U << (kind))
#define READERS (BIT(READER) | BIT(ADMIN) | BIT(OF_A) | BIT(WHITE))
#define CONTROLLERS (BIT(CONTROLLER) | BIT(ADMIN) | BIT(OF_A))
#define EVERYBODY (BIT(KINDS) - 1U)

static const struct {
    const char *method;
    const char *path;
    unsigned may; /* bits of kinds; the others get 401 or 403 */
} routes[] = {
    /* A body that is no session is refused before it is asked which one it names; the next test has one that is. */
    {"POST", "/v1/sessions", BIT(CREATOR) | BIT(ADMIN) | BIT(OF_A) | BIT(OF_B)},
    {"GET", "/v1/sessions", BIT(ADMIN)},
    {"GET", MINE, READERS},
    {"HEAD", MINE, READERS},
    {"GET", THEIRS, BIT(READER) | BIT(ADMIN) | BIT(OF_B)},
    {"GET", MINE "/events", READERS},
    {"POST", MINE "/switch", CONTROLLERS | BIT(WHITE)},
    {"POST", THEIRS "/switch", BIT(CONTROLLER) | BIT(ADMIN) | BIT(OF_B)},
    {"POST", MINE "/start", CONTROLLERS},
    {"POST", MINE "/pause", CONTROLLERS},
    {"POST", MINE "/resume", CONTROLLERS},
    {"POST", MINE "/participants", CONTROLLERS},
    {"PATCH", MINE "/participants/white", CONTROLLERS},
    {"DELETE", MINE "/participants/nobody", CONTROLLERS},
    {"POST", MINE "/complete", CONTROLLERS},
    {"POST", MINE "/cancel", CONTROLLERS},
    {"DELETE", MINE, CONTROLLERS},
    {"GET", "/v1/time", EVERYBODY},
    {"GET", "/health", EVERYBODY},
    {"GET", "/ready", EVERYBODY},
    {"GET", "/metrics", EVERYBODY},
    {"OPTIONS", MINE, EVERYBODY},
};

static void check_one(size_t row, int kind, const char *bearer)
{
    struct answer *answer = ask(routes[row].method, routes[row].path, bearer, NULL);
    bool refused = answer->status == 401 || answer->status == 403;
    bool may = (routes[row].may & BIT((unsigned)kind)) != 0;
    if (!EXPECT(answer->status > 0 && refused == !may)) {
        printf(" (%s %s by %s: %ld)", routes[row].method, routes[row].path, names[kind], answer->status);
    }
    if (!may) {
        const char *challenge = answer_header(answer, "WWW-Authenticate");
        EXPECT_INT(answer->status, kind <= RUBBISH ? 401 : 403);
        EXPECT_TEXT(challenge ? challenge : "", kind == NOBODY    ? "Bearer"
                                                : kind <= RUBBISH ? "Bearer error=\"invalid_token\""
                                                                  : "");
    }
}

static void each_route_asks_for_its_scope(void)
{
    const char *tokens[KINDS];
    api = api_start(keyed);
    make_tokens(tokens);
    for (size_t row = 0; row < sizeof(routes) / sizeof(*routes); row++) {
        for (int kind = 0; kind < KINDS; kind++) {
            check_one(row, kind, tokens[kind]);
        }
    }
}

#define GAME(id) "{'session_id':'" id "'," CHESS "}"

static void a_bound_token_is_good_for_its_own(void)
{
    const char *tokens[KINDS];
    api = api_start(keyed);
    make_tokens(tokens);
    ask("DELETE", MINE, tokens[ADMIN], NULL);
    ask("DELETE", THEIRS, tokens[ADMIN], NULL);
    EXPECT_ERROR(ask("POST", "/v1/sessions", tokens[OF_A], GAME("access-b")), 403, "FORBIDDEN");
    EXPECT_ERROR(ask("POST", "/v1/sessions", tokens[OF_A], "{" CHESS "}"), 403, "FORBIDDEN");
    EXPECT_INT(ask("GET", THEIRS, tokens[ADMIN], NULL)->status, 404);
    EXPECT_STATUS(ask("POST", "/v1/sessions", tokens[OF_A], GAME("access-a")), 201);
    EXPECT_STATUS(ask("POST", MINE "/start", tokens[ADMIN], NULL), 200);

    EXPECT_ERROR(ask("POST", MINE "/switch", tokens[WHITE], "{'current_participant_id':'black'}"), 403, "FORBIDDEN");
    EXPECT_STATUS(ask("POST", MINE "/switch", tokens[WHITE], NULL), 200);
    EXPECT_ERROR(ask("POST", MINE "/switch", tokens[WHITE], NULL), 409, "NOT_ACTIVE_PARTICIPANT");
    EXPECT_ERROR(ask("POST", MINE "/switch", tokens[WHITE], "{'current_cycle_number':2}"), 409,
                 "NOT_ACTIVE_PARTICIPANT");
    EXPECT_TEXT(text_at(ask("GET", MINE, tokens[WHITE], NULL)->body, "data.active_participant_id"), "black");
}

static struct answer *press(const char *bearer, const char *key)
{
    return http_call("POST", kept_text("%s%s/switch", api->url, MINE), NULL,
                     kept_text("Authorization: Bearer %s\nIdempotency-Key: %s", bearer, key));
}

/* Both players' clients number their presses from 1: the second player's first press is no repeat of the first's. */
static void keys_belong_to_whoever_uses_them(void)
{
    const char *tokens[KINDS];
    api = api_start(keyed);
    make_tokens(tokens);
    const char *black = signed_token("{'sub':'b','aud':'game','session':'access-a','participant':'black'}", 600);
    ask("DELETE", MINE, tokens[ADMIN], NULL);
    EXPECT_STATUS(ask("POST", "/v1/sessions", tokens[ADMIN], GAME("access-a")), 201);
    EXPECT_STATUS(ask("POST", MINE "/start", tokens[ADMIN], NULL), 200);
    EXPECT_INT(int_at(press(tokens[WHITE], "1")->body, "data.version"), 3);
    struct answer *second = press(black, "1");
    EXPECT_STATUS(second, 200);
    EXPECT(answer_header(second, "Idempotency-Replayed") == NULL);
    EXPECT_INT(int_at(second->body, "data.version"), 4);
    EXPECT_TEXT(answer_header(press(black, "1"), "Idempotency-Replayed"), "true");
}

/* --- the relay ---------------------------------------------------------------------------------------------------- */

static int close_code(int port, const char *path, const char *headers)
{
    struct ws_client *client = ws_open_with(port, path, headers);
    return EXPECT(client != NULL) ? ws_close_code(client) : 0;
}

static void the_relay_takes_a_token_in_three_ways(void)
{
    const char *id = fresh_id("token");
    const char *path = kept_text("/ws?sessionId=%s", id);
    int port = 0;
    relay_start(keyed, &port);
    create(id, CHESS);
    const char *good =
        signed_token(kept_text("{'sub':'x','aud':'game','session':'%s','participant':'white'}", id), 600);
    const char *longer =
        signed_token(kept_text("{'sub':'x','aud':'game','scope':'sessions:read','more':'%05000d'}", 0), 600);
    EXPECT_OPENING(ws_open(port, kept_text("%s&token=%s", path, good)));
    EXPECT_OPENING(ws_open(port, kept_text("/sessions/%s?token=%s", id, good)));
    EXPECT_OPENING(ws_open_with(port, path, kept_text("Authorization: Bearer %s\r\n", good)));
    EXPECT_OPENING(ws_open_with(port, path, kept_text("Authorization: bearer %s\r\n", longer)));
    for (size_t i = 0; i < 4; i++) {
        const char *list = i % 2 ? kept_text("bearer.%s,synckairos.v1", i < 2 ? good : longer)
                                 : kept_text("synckairos.v1, bearer.%s", i < 2 ? good : longer);
        struct ws_client *client = ws_open_with(port, path, kept_text("Sec-WebSocket-Protocol: %s\r\n", list));
        EXPECT_OPENING(client);
        EXPECT(strcasestr(ws_answer(client), "sec-websocket-protocol: synckairos.v1\r\n") != NULL);
        EXPECT(strstr(ws_answer(client), "bearer") == NULL);
    }
}

static void the_relay_refuses_by_close_code(void)
{
    const char *id = fresh_id("refused");
    const char *path = kept_text("/ws?sessionId=%s", id);
    int port = 0;
    relay_start(keyed, &port);
    create(id, CHESS);
    EXPECT_INT(close_code(port, path, ""), 4001);
    EXPECT_INT(close_code(port, kept_text("%s&token=", path), ""), 4001);
    EXPECT_INT(close_code(port, kept_text("%s&token=rub.bi.sh", path), ""), 4001);
    EXPECT_INT(close_code(port, path, "Authorization: Basic eDp5\r\n"), 4001);
    EXPECT_INT(close_code(port, path, "Sec-WebSocket-Protocol: synckairos.v1, bearer.e30.e30.AAAA\r\n"), 4001);
    static const struct refusal refusals[] = {
        {"{'aud':'game','scope':'admin'}", -40, 4001},
        {"{'aud':'other','scope':'admin'}", 600, 4001},
        {"{'aud':'game','scope':'sessions:control'}", 600, 4003},
        {"{'aud':'game','scope':'admin','session':'another'}", 600, 4003},
        {"{'aud':'game','session':'another','participant':'white'}", 600, 4003},
    };
    expect_refusals(port, kept_text("%s&token=", path), refusals, sizeof(refusals) / sizeof(*refusals));
}

static void a_connection_ends_with_its_token(void)
{
    const char *id = fresh_id("ending");
    int port = 0;
    relay_start(keyed, &port);
    create(id, CHESS);
    const char *brief = signed_token("{'aud':'game','scope':'sessions:read'}", 3);
    struct ws_client *client = ws_open(port, kept_text("/ws?sessionId=%s&token=%s", id, brief));
    EXPECT_OPENING(client);
    EXPECT_INT(ws_close_code(client), 4009);
}

static void pages_of_other_origins_are_refused(void)
{
    const char *const env[] = {"CORS_ORIGIN=https://game.example, http://b.example:81", "LOG_LEVEL=debug", NULL};
    const char *id = fresh_id("origin");
    const char *path = kept_text("/ws?sessionId=%s", id);
    int port = 0;
    struct process *relay = relay_start(env, &port);
    create(id, CHESS);
    EXPECT_OPENING(ws_open(port, path)); /* no browser */
    EXPECT_OPENING(ws_open_with(port, path, "Origin: https://game.example\r\n"));
    EXPECT_OPENING(ws_open_with(port, path, "Origin: http://b.example:81\r\n"));
    EXPECT_INT(close_code(port, path, "Origin: https://evil.example\r\n"), 4003);
    EXPECT_INT(close_code(port, path, "Origin: null\r\n"), 4003);
    EXPECT(process_logged(relay, "\"msg\":\"refused\",\"code\":4003,\"why\":\"origin not allowed\""));
}

/* --- starting ----------------------------------------------------------------------------------------------------- */

static void without_a_key_only_loopback_is_served(void)
{
    static const char *const programs[] = {"api", "relay"};
    for (size_t i = 0; i < 2; i++) {
        const char *const argv[] = {kept_text("%s/synckairos-%s", stack.build, programs[i]), i == 0 ? "--listen" : NULL,
                                    kept_text("%s/open.sock", stack.folder), NULL};
        const char *const env[] = {"BIND=0.0.0.0", kept_text("RELAY_PORT=%d", free_port()), NULL};
        struct process *process = process_start(&(struct process_spec){.name = programs[i], .argv = argv, .env = env});
        EXPECT_INT(process_wait(process), 1);
        EXPECT(process_logged(process, "BIND is 0.0.0.0 and there is no key"));
        const char *const off[] = {"AUTH=off", NULL};
        struct process *open = i == 0 ? api_start(off)->program : NULL;
        EXPECT(!open || process_logged(open, "AUTH=off: no tokens are asked for"));
    }
    EXPECT(process_logged(stack.relays[0], "open: there is no key for tokens"));
}

/* Whether a file of the logs holds what begins every token of ours, or a secret. */
static bool leaks(const char *path)
{
    char line[8192];
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof(line), file)) {
        found = strstr(line, "eyJ") || strstr(line, "rub.bi.sh") || strstr(line, TOKEN_SECRET);
    }
    if (file) {
        fclose(file);
    }
    return found;
}

static void no_log_shows_a_token(void)
{
    const char *folder = kept_text("%s/logs", stack.folder);
    DIR *logs = opendir(folder);
    size_t files = 0;
    for (struct dirent *entry = logs ? readdir(logs) : NULL; entry; entry = readdir(logs)) {
        const char *path = kept_text("%s/%s", folder, entry->d_name);
        files += entry->d_name[0] != '.';
        if (!EXPECT(entry->d_name[0] == '.' || !leaks(path))) {
            printf(" (%s)", path);
        }
    }
    if (logs) {
        closedir(logs);
    }
    EXPECT(files > 5);
}

CU_TestInfo access_tests[] = {
    {"keys belong to whoever uses them", keys_belong_to_whoever_uses_them},
    {"each route asks for its scope", each_route_asks_for_its_scope},
    {"a bound token is good for its own", a_bound_token_is_good_for_its_own},
    {"the relay takes a token in three ways", the_relay_takes_a_token_in_three_ways},
    {"the relay refuses by close code", the_relay_refuses_by_close_code},
    {"a connection ends with its token", a_connection_ends_with_its_token},
    {"pages of other origins are refused", pages_of_other_origins_are_refused},
    {"without a key only loopback is served", without_a_key_only_loopback_is_served},
    {"no log shows a token", no_log_shows_a_token},
    CU_TEST_INFO_NULL,
};
