/* The terms of a request: If-Match, Idempotency-Key, and the rate limits with their headers. */
#include "tests/integration/redis_proxy.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct answer *keyed_at(const char *base, const char *id, const char *action, const char *body, const char *key)
{
    const char *url = kept_text("%s/v1/sessions%s%s%s", base, id ? "/" : "", id ? id : "", action);
    return http_call("POST", url, body, kept_text("Idempotency-Key: %s", key));
}

static struct answer *keyed(const char *id, const char *action, const char *body, const char *key)
{
    return keyed_at(stack.url, id, action, body, key);
}

static struct answer *matching(const char *method, const char *id, const char *action, const char *etag)
{
    return http_call(method, kept_text("%s/v1/sessions/%s%s", stack.url, id, action),
                     strcmp(method, "POST") == 0 ? "{}" : NULL, kept_text("If-Match: %s", etag));
}

static void if_match_refuses_another_version(void)
{
    const char *id = fresh_id("match");
    create(id, CHESS);
    struct answer *refused = matching("POST", id, "/start", "\"2\"");
    EXPECT_ERROR(refused, 412, "PRECONDITION_FAILED");
    EXPECT_STATUS(matching("POST", id, "/start", "\"1\""), 200);
    EXPECT_ERROR(matching("POST", id, "/switch", "\"1\""), 412, "PRECONDITION_FAILED");
    EXPECT_ERROR(matching("POST", id, "/switch", "W/\"2\""), 412, "PRECONDITION_FAILED"); /* compared strongly */
    EXPECT_ERROR(matching("POST", id, "/switch", "rubbish"), 412, "PRECONDITION_FAILED");
    EXPECT_ERROR(matching("POST", id, "/switch", "\" +2\""), 412, "PRECONDITION_FAILED");
    EXPECT_ERROR(matching("POST", id, "/start", "\"1\""), 412, "PRECONDITION_FAILED"); /* ahead of the status */
    EXPECT_STATUS(matching("POST", id, "/switch", "*"), 200);
    EXPECT_STATUS(matching("POST", id, "/switch", "\"3\""), 200);
    EXPECT_ERROR(matching("DELETE", id, "", "\"3\""), 412, "PRECONDITION_FAILED");
    EXPECT_STATUS(look(id), 200);
    EXPECT_STATUS(matching("DELETE", id, "", "\"4\""), 204);
    EXPECT_ERROR(look(id), 404, "SESSION_NOT_FOUND");
}

/* What ran out meanwhile is settled first, and stays settled though the request is refused. */
static void if_match_is_compared_after_settling(void)
{
    const char *id = fresh_id("match");
    process_signal(stack.timekeeper, SIGSTOP);
    create_running(id, "'sync_mode':'global','time_per_cycle_ms':1000");
    const int64_t started = redis_now_ms();
    EVENTUALLY(redis_now_ms() > started + 1100);
    EXPECT_ERROR(matching("POST", id, "/pause", "\"2\""), 412, "PRECONDITION_FAILED");
    process_signal(stack.timekeeper, SIGCONT);
    EXPECT_INT(int_at(look(id)->body, "data.version"), 3);
    EXPECT_STATUS(matching("POST", id, "/pause", "\"3\""), 200);
}

static void a_repeated_key_applies_nothing(void)
{
    const char *id = fresh_id("key");
    create_running(id, CHESS);
    struct answer *first = keyed(id, "/switch", "{'current_participant_id':'white'}", "press-1");
    EXPECT_STATUS(first, 200);
    EXPECT(answer_header(first, "Idempotency-Replayed") == NULL);
    /* The same, written otherwise, also once the turn has passed on. */
    struct answer *again = keyed(id, "/switch", "{ 'current_participant_id' : 'white' }", "press-1");
    EXPECT_STATUS(again, 200);
    EXPECT_TEXT(answer_header(again, "Idempotency-Replayed"), "true");
    EXPECT_INT(int_at(again->body, "data.version"), 3);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EXPECT_INT(int_at(keyed(id, "/switch", "{'current_participant_id':'white'}", "press-1")->body, "data.version"), 4);
    EXPECT_BETWEEN(
        redis_int("EVAL %s 0 idempotency:%s:*", "return redis.call('PTTL', redis.call('KEYS', ARGV[1])[1])", id),
        86000000, 86400000);

    EXPECT_ERROR(keyed(id, "/switch", "{'current_participant_id':'black'}", "press-1"), 422, "IDEMPOTENCY_KEY_REUSED");
    EXPECT_ERROR(keyed(id, "/pause", "{}", "press-1"), 422, "IDEMPOTENCY_KEY_REUSED");
    EXPECT_INT(int_at(look(id)->body, "data.version"), 4);
    EXPECT_STATUS(keyed(id, "/pause", "{}", "press-2"), 200);
    /* A refused request leaves its key free. */
    EXPECT_ERROR(keyed(id, "/pause", "{}", "press-3"), 400, "INVALID_STATE_TRANSITION");
    EXPECT_STATUS(keyed(id, "/resume", "{}", "press-3"), 200);
}

static void a_key_that_can_be_none_is_refused(void)
{
    const char *id = fresh_id("key");
    create(id, CHESS);
    EXPECT_ERROR(keyed(id, "/start", "{}", "two words"), 400, "VALIDATION_ERROR");
    char *giant = json_quoted("................................................................"
                              "................................................................"
                              "x");
    EXPECT_ERROR(keyed(id, "/start", "{}", giant), 400, "VALIDATION_ERROR");
    EXPECT(complains_about(keyed(id, "/start", "{}", giant), "Idempotency-Key"));
    giant[128] = '\0';
    EXPECT_STATUS(keyed(id, "/start", "{}", giant), 200);
}

static void creating_twice_with_a_key_makes_one_session(void)
{
    const char *key = fresh_id("create");
    const char *body = kept_text("{%s}", CHESS);
    struct answer *first = keyed(NULL, "", body, key);
    struct answer *again = keyed(NULL, "", body, key);
    EXPECT_STATUS(first, 201);
    EXPECT_STATUS(again, 201);
    EXPECT_TEXT(text_at(again->body, "data.session_id"), text_at(first->body, "data.session_id"));
    EXPECT_TEXT(answer_header(again, "Idempotency-Replayed"), "true");
    EXPECT_TEXT(answer_header(again, "Location"), answer_header(first, "Location"));
    EXPECT_ERROR(keyed(NULL, "", "{'sync_mode':'count_up'}", key), 422, "IDEMPOTENCY_KEY_REUSED");
    EXPECT(strcmp(text_at(keyed(NULL, "", body, fresh_id("create"))->body, "data.session_id"),
                  text_at(first->body, "data.session_id")) != 0);
    /* Without a key every one is another. */
    EXPECT(strcmp(text_at(call("POST", "/v1/sessions", body)->body, "data.session_id"),
                  text_at(call("POST", "/v1/sessions", body)->body, "data.session_id")) != 0);
}

static void the_same_key_a_hundred_times_at_once_changes_the_session_once(void)
{
    enum { TIMES = 100 };
    struct answer answers[TIMES];
    const char *id = fresh_id("burst");
    create_running(id, CHESS);
    const struct request request = {.method = "POST",
                                    .url = kept_text("%s/v1/sessions/%s/switch", stack.url, id),
                                    .body = "{}",
                                    .body_bytes = 2,
                                    .headers = "Idempotency-Key: the-one"};
    http_burst(&request, answers, TIMES);
    int replayed = 0;
    for (int i = 0; i < TIMES; i++) {
        EXPECT_INT(answers[i].status, 200);
        replayed += answer_header(&answers[i], "Idempotency-Replayed") != NULL;
        answer_clear(&answers[i]);
    }
    EXPECT_INT(replayed, TIMES - 1);
    EXPECT_INT(int_at(look(id)->body, "data.version"), 3);
    await_trail(id, 3);
}

/* The answer got lost, and the client asks again with its key. */
static void a_lost_answer_is_asked_for_again(void)
{
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    const char *const env[] = {"API_THREADS=1", kept_text("REDIS_URL=redis://127.0.0.1:%d/0", proxy_port(proxy)), NULL};
    struct api *api = api_start(env);
    const char *id = fresh_id("lost-key");
    create_running(id, CHESS);
    EXPECT_STATUS(look_at(api->url, id), 200);
    proxy_arm(proxy, PROXY_CUT_AFTER_EXEC_AND_SHUT);
    EXPECT_ERROR(keyed_at(api->url, id, "/switch", "{}", "again"), 503, "OUTCOME_UNKNOWN");
    proxy_release(proxy);
    struct answer *again = keyed_at(api->url, id, "/switch", "{}", "again");
    EXPECT_STATUS(again, 200);
    EXPECT_TEXT(answer_header(again, "Idempotency-Replayed"), "true");
    EXPECT_INT(int_at(again->body, "data.version"), 3);
}

static int64_t limit_header(const struct answer *answer, const char *name)
{
    const char *value = answer_header(answer, name);
    return value ? strtoll(value, NULL, 10) : NO_ROW;
}

static void an_address_has_so_many_requests_a_minute(void)
{
    const char *const env[] = {"RATE_LIMIT_GENERAL=5", "RATE_LIMIT_SWITCH=0", NULL};
    const char *id = fresh_id("limited");
    create(id, CHESS);
    redis_peek("DEL ratelimit:ip:127.0.0.1");
    struct api *one = api_start(env);
    struct api *other = api_start(env);
    for (int i = 0; i < 5; i++) {
        struct answer *answer = look_at(i % 2 ? one->url : other->url, id); /* all instances count together */
        EXPECT_STATUS(answer, 200);
        EXPECT_INT(limit_header(answer, "RateLimit-Limit"), 5);
        EXPECT_INT(limit_header(answer, "RateLimit-Remaining"), 4 - i);
        EXPECT_BETWEEN(limit_header(answer, "RateLimit-Reset"), 1, 60);
    }
    struct answer *refused = act_at(one->url, id, "start", NULL);
    EXPECT_ERROR(refused, 429, "RATE_LIMIT_EXCEEDED");
    EXPECT_BETWEEN(limit_header(refused, "Retry-After"), 1, 60);
    EXPECT_INT(limit_header(refused, "RateLimit-Remaining"), 0);
    EXPECT_INT(int_at(look(id)->body, "data.version"), 1);
    /* What never reaches the store counts as well, and these are never limited. */
    EXPECT_ERROR(call_at(one->url, "POST", "/v1/sessions", "{"), 429, "RATE_LIMIT_EXCEEDED");
    EXPECT_STATUS(call_at(one->url, "GET", "/health", NULL), 200);
    EXPECT_STATUS(call_at(one->url, "GET", "/ready", NULL), 200);
    EXPECT_STATUS(call_at(one->url, "GET", "/v1/time", NULL), 200);
    EXPECT_STATUS(call_at(one->url, "GET", "/metrics", NULL), 200);
    EXPECT(answer_header(call_at(one->url, "GET", "/health", NULL), "RateLimit-Limit") == NULL);
    /* Whom nobody trusts cannot speak for another address. */
    const char *url = kept_text("%s/v1/sessions/%s", one->url, id);
    EXPECT_ERROR(http_call("GET", url, NULL, "X-Forwarded-For: 203.0.113.7"), 429, "RATE_LIMIT_EXCEEDED");
    redis_peek("DEL ratelimit:ip:127.0.0.1");
    EXPECT_STATUS(look_at(one->url, id), 200);
    redis_peek("DEL ratelimit:ip:127.0.0.1");
}

static void a_session_has_so_many_switches_a_second(void)
{
    const char *const env[] = {"RATE_LIMIT_SWITCH=3", "RATE_LIMIT_GENERAL=0", NULL};
    const char *id = fresh_id("fast");
    const char *calm = fresh_id("calm");
    create_running(id, CHESS);
    create_running(calm, CHESS);
    struct api *api = api_start(env);
    int passed = 0;
    int refused = 0;
    for (int i = 0; i < 40 && refused == 0; i++) {
        struct answer *answer = act_at(api->url, id, "switch", NULL);
        passed += answer->status == 200;
        refused += answer->status == 429;
    }
    EXPECT_INT(refused, 1);
    EXPECT(passed >= 3);
    EXPECT_STATUS(act_at(api->url, id, "pause", NULL), 200); /* only switches are counted */
    EXPECT_STATUS(act_at(api->url, calm, "switch", NULL), 200);
    EXPECT_STATUS(act_at(api->url, id, "resume", NULL), 200);
    struct answer *later = NULL;
    EVENTUALLY((later = act_at(api->url, id, "switch", NULL))->status == 200);
    EXPECT_INT(limit_header(later, "RateLimit-Limit"), 3);
    EXPECT_INT(int_at(look(id)->body, "data.version"), passed + 5);
}

/* Where nobody needs a token, any page could have a visitor's browser press a clock: not without being named. */
static void pages_of_other_origins_change_nothing(void)
{
    const char *id = fresh_id("cross-site");
    create(id, CHESS);
    const char *url = kept_text("%s/v1/sessions/%s/start", stack.url, id);
    EXPECT_ERROR(http_call("POST", url, NULL, "Origin: https://evil.example"), 403, "FORBIDDEN");
    EXPECT_ERROR(http_call("POST", url, NULL, "Origin: null"), 403, "FORBIDDEN");
    EXPECT_INT(int_at(look(id)->body, "data.version"), 1);
    EXPECT_STATUS(http_call("POST", url, NULL, kept_text("Origin: %s", stack.url)), 200); /* its own page */
}

static void what_was_created_with_a_key_and_deleted_is_not_created_again(void)
{
    const char *key = fresh_id("gone");
    const char *body = kept_text("{%s}", CHESS);
    const char *id = text_at(keyed(NULL, "", body, key)->body, "data.session_id");
    EXPECT_STATUS(delete_session(id), 204);
    EXPECT_ERROR(keyed(NULL, "", body, key), 409, "CONFLICT");
    EXPECT_ERROR(look(id), 404, "SESSION_NOT_FOUND");
}

/* Pages of another origin: only of those that the operator names, and only what they are told. */
static void pages_of_other_origins_are_let_in_by_name(void)
{
    const char *const env[] = {"CORS_ORIGIN=https://game.example https://other.example:8443", NULL};
    const char *id = fresh_id("cors");
    create(id, CHESS);
    struct api *api = api_start(env);
    const char *url = kept_text("%s/v1/sessions/%s", api->url, id);
    struct answer *known = http_call("GET", url, NULL, "Origin: https://game.example");
    EXPECT_TEXT(answer_header(known, "Access-Control-Allow-Origin"), "https://game.example");
    EXPECT(strstr(answer_header(known, "Access-Control-Expose-Headers"), "Idempotency-Replayed") != NULL);
    EXPECT_TEXT(answer_header(known, "Vary"), "Origin");
    struct answer *stranger = http_call("GET", url, NULL, "Origin: https://evil.example");
    EXPECT_STATUS(stranger, 200);
    EXPECT(answer_header(stranger, "Access-Control-Allow-Origin") == NULL);
    EXPECT_TEXT(answer_header(stranger, "Vary"), "Origin");
    EXPECT(answer_header(
               http_call("GET", kept_text("%s/v1/sessions/%s", stack.url, id), NULL, "Origin: https://game.example"),
               "Access-Control-Allow-Origin") == NULL);
    struct answer *preflight = http_call("OPTIONS", kept_text("%s/switch", url), NULL,
                                         "Origin: https://other.example:8443\nAccess-Control-Request-Method: POST\n"
                                         "Access-Control-Request-Headers: authorization,idempotency-key");
    EXPECT_INT(preflight->status, 204);
    EXPECT_TEXT(answer_header(preflight, "Access-Control-Allow-Origin"), "https://other.example:8443");
    EXPECT(strstr(answer_header(preflight, "Access-Control-Allow-Methods"), "POST") != NULL);
    EXPECT(strstr(answer_header(preflight, "Access-Control-Allow-Headers"), "Authorization") != NULL);
    /* Also a refusal can be read, else a page would not know why. */
    EXPECT_TEXT(answer_header(http_call("GET", kept_text("%s/v1/sessions/%s", api->url, fresh_id("nobody")), NULL,
                                        "Origin: https://game.example"),
                              "Access-Control-Allow-Origin"),
                "https://game.example");
}

CU_TestInfo terms_tests[] = {
    {"pages of other origins change nothing", pages_of_other_origins_change_nothing},
    {"what was created with a key and deleted is not created again",
     what_was_created_with_a_key_and_deleted_is_not_created_again},
    {"pages of other origins are let in by name", pages_of_other_origins_are_let_in_by_name},
    {"If-Match refuses another version", if_match_refuses_another_version},
    {"If-Match is compared after settling", if_match_is_compared_after_settling},
    {"a repeated key applies nothing", a_repeated_key_applies_nothing},
    {"a key that can be none is refused", a_key_that_can_be_none_is_refused},
    {"creating twice with a key makes one session", creating_twice_with_a_key_makes_one_session},
    {"the same key a hundred times at once changes the session once",
     the_same_key_a_hundred_times_at_once_changes_the_session_once},
    {"a lost answer is asked for again", a_lost_answer_is_asked_for_again},
    {"an address has so many requests a minute", an_address_has_so_many_requests_a_minute},
    {"a session has so many switches a second", a_session_has_so_many_switches_a_second},
    CU_TEST_INFO_NULL,
};
