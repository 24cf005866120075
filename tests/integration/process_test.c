/* Processes as an operator handles them: how they start, and how they stop. */
#include "tests/integration/redis_proxy.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <signal.h>
#include <string.h>

#define THREADS 4

static void an_api_told_to_stop_answers_what_it_has_in_hand(void)
{
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    const char *const env[] = {kept_text("API_THREADS=%d", THREADS),
                               kept_text("REDIS_URL=redis://127.0.0.1:%d/0", proxy_port(proxy)),
                               "REDIS_TIMEOUT_MS=20000", NULL};
    struct api *api = api_start(env);
    const char *ids[THREADS];
    struct later *moves[THREADS];
    for (int i = 0; i < THREADS; i++) {
        ids[i] = fresh_id("hand");
        create_running(ids[i], CHESS);
    }
    proxy_arm(proxy, PROXY_HOLD_EXEC);
    for (int i = 0; i < THREADS; i++) {
        moves[i] = call_later(api->url, "POST", kept_text("/v1/sessions/%s/switch", ids[i]), NULL);
    }
    EVENTUALLY(proxy_caught(proxy) == THREADS);
    process_signal(api->program, SIGTERM);
    EXPECT(process_alive(api->program));
    proxy_release(proxy);
    for (int i = 0; i < THREADS; i++) {
        EXPECT_STATUS(later_answer(moves[i]), 200);
        EXPECT_INT(int_at(later_answer(moves[i])->body, "data.version"), 3);
    }
    EXPECT_INT(process_wait(api->program), 0);
}

static void an_idle_api_stops_at_once(void)
{
    struct api *api = api_start(NULL);
    EXPECT_STATUS(call_at(api->url, "GET", "/health", NULL), 200);
    process_signal(api->program, SIGTERM);
    EXPECT_INT(process_wait(api->program), 0);
    struct api *never_asked = api_start(NULL);
    process_signal(never_asked->program, SIGINT);
    EXPECT_INT(process_wait(never_asked->program), 0);
}

static void spawn_fcgi_starts_an_api(void)
{
    const char *socket = kept_text("%s/spawned.sock", stack.folder);
    const char *program = kept_text("%s/synckairos-api", stack.build);
    const char *const argv[] = {"spawn-fcgi", "-n", "-s", socket, "--", program, NULL};
    struct api *api = api_start_by(argv, NULL, socket);
    const char *id = fresh_id("spawned");
    create_at(api->url, id, CHESS);
    EXPECT_STATUS(act_at(api->url, id, "start", NULL), 200);
    EXPECT_STATUS(look(id), 200);
}

static void an_api_listens_on_an_address_too(void)
{
    const int port = free_port();
    const char *address = kept_text("127.0.0.1:%d", port);
    const char *const argv[] = {kept_text("%s/synckairos-api", stack.build), "--listen", address, NULL};
    struct process *api = stop_after_test(process_start(&(struct process_spec){.name = "api-tcp", .argv = argv}));
    EVENTUALLY(port_answers(port) || !process_alive(api));
    EXPECT(process_alive(api));
}

static void a_wrong_setting_refuses_to_start(void)
{
    static const struct {
        const char *name;
        const char *first;
        const char *second;
    } rows[] = {
        {"api", "--listen", "127.0.0.1:1"}, {"relay", NULL, NULL}, {"timekeeper", NULL, NULL}, {"audit", NULL, NULL}};
    const char *const env[] = {"REDIS_URL=http://nonsense", NULL};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *const argv[] = {kept_text("%s/synckairos-%s", stack.build, rows[i].name), rows[i].first,
                                    rows[i].second, NULL};
        struct process *process = process_start(&(struct process_spec){.name = rows[i].name, .argv = argv, .env = env});
        EXPECT(process_wait(process) > 0);
        EXPECT(process_logged(process, "\"msg\":\"cannot start\",\"error\":\"REDIS_URL is 'http://nonsense'"));
    }
}

static void the_daemons_stop_cleanly(void)
{
    process_stop(stack.timekeeper);
    process_stop(stack.audit);
    stack.timekeeper = stack_program("timekeeper", NULL);
    stack.audit = stack_program("audit", NULL);
    int port = 0;
    struct process *relay = relay_start(NULL, &port);
    process_signal(relay, SIGINT);
    EXPECT_INT(process_wait(relay), 0);
}

CU_TestInfo process_tests[] = {
    {"an API told to stop answers what it has in hand", an_api_told_to_stop_answers_what_it_has_in_hand},
    {"an idle API stops at once", an_idle_api_stops_at_once},
    {"spawn-fcgi starts an API", spawn_fcgi_starts_an_api},
    {"an API listens on an address, too", an_api_listens_on_an_address_too},
    {"a wrong setting refuses to start", a_wrong_setting_refuses_to_start},
    {"the daemons stop cleanly", the_daemons_stop_cleanly},
    CU_TEST_INFO_NULL,
};
