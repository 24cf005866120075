/* The list of live sessions, page by page, while sessions come and go. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define PAGES_MAX 2000

static struct answer *list(const char *query)
{
    struct answer *page = call("GET", kept_text("/v1/sessions%s", query), NULL);
    EXPECT_STATUS(page, 200);
    return page;
}

static const char *next_query(const struct answer *page, const char *others)
{
    return kept_text("?%s&cursor=%s", others, text_at(page->body, "next_cursor"));
}

/* How often the list of a status shows the id; all pages are read, and their order is checked. */
static int64_t times_listed(const char *others, const char *id)
{
    int64_t times = 0;
    int64_t before = 0;
    struct answer *page = list(kept_text("?%s", others));
    for (int pages = 0; pages < PAGES_MAX; pages++) {
        const json_t *data = json_at(page->body, "data");
        for (size_t i = 0; i < json_array_size(data); i++) {
            json_t *session = json_array_get(data, i);
            const int64_t created = instant_at(session, "created_at");
            EXPECT(created >= before);
            before = created;
            times += strcmp(text_at(session, "session_id"), id) == 0;
        }
        if (is_null_at(page->body, "next_cursor")) {
            return times;
        }
        page = list(next_query(page, others));
    }
    EXPECT(false);
    return NOWHERE;
}

static void a_session_is_listed_under_its_status(void)
{
    static const char *const statuses[] = {"pending", "running", "paused"};
    static const char *const actions[] = {NULL, "start", "pause"};
    const char *id = fresh_id("listed");
    create(id, CHESS);
    for (size_t is = 0; is < 3; is++) {
        if (actions[is]) {
            EXPECT_STATUS(act(id, actions[is], NULL), 200);
        }
        for (size_t asked = 0; asked < 3; asked++) {
            EXPECT_INT(times_listed(kept_text("status=%s&limit=200", statuses[asked]), id), asked == is);
        }
        EXPECT_INT(times_listed("limit=200", id), 1);
    }
    act(id, "cancel", NULL);
    EXPECT_INT(times_listed("limit=200", id), 0);
    const char *deleted = fresh_id("listed");
    create(deleted, CHESS);
    delete_session(deleted);
    EXPECT_INT(times_listed("limit=200", deleted), 0);
}

static void every_page_shows_whole_sessions(void)
{
    const char *id = fresh_id("whole");
    create_running(id, CHESS);
    const int64_t before = redis_now_ms();
    struct answer *page = list("?status=running&limit=200");
    while (!is_null_at(page->body, "next_cursor")) {
        page = list(next_query(page, "status=running&limit=200"));
    }
    EXPECT_BETWEEN(int_at(page->body, "server_time_ms"), before, redis_now_ms());
    const json_t *data = json_at(page->body, "data");
    REQUIRE(json_array_size(data) > 0);
    json_t *session = json_array_get(data, json_array_size(data) - 1);
    EXPECT_TEXT(text_at(session, "session_id"), id);
    json_t *shown = json_deep_copy(json_at(look(id)->body, "data"));
    json_t *listed = json_deep_copy(session);
    static const char *const calculated[] = {"clock", "participants"};
    for (size_t i = 0; i < 2; i++) {
        json_object_del(shown, calculated[i]);
        json_object_del(listed, calculated[i]);
    }
    EXPECT(json_equal(shown, listed));
    json_decref(shown);
    json_decref(listed);
}

/* Two are there all the time; between pages others come, change their status, end and vanish, the cursor's own too. */
static void paging_goes_on_while_sessions_come_and_go(void)
{
    const char *ids[12];
    for (int i = 0; i < 12; i++) {
        ids[i] = fresh_id("paged");
        create(ids[i], CHESS);
    }
    int seen[12] = {0};
    struct answer *page = list("?limit=2");
    for (int pages = 0; pages < PAGES_MAX; pages++) {
        const json_t *data = json_at(page->body, "data");
        EXPECT(json_array_size(data) <= 2);
        for (size_t i = 0; i < json_array_size(data); i++) {
            const char *id = text_at(json_array_get(data, i), "session_id");
            for (int known = 0; known < 12; known++) {
                seen[known] += strcmp(id, ids[known]) == 0;
            }
            if (strcmp(id, ids[3]) == 0 || strcmp(id, ids[6]) == 0) {
                delete_session(id); /* where the cursor stands */
                EXPECT_STATUS(act(ids[9], seen[6] ? "pause" : "start", NULL), 200);
                create(fresh_id("paged"), CHESS);
                EXPECT_STATUS(act(ids[8], seen[6] ? "cancel" : "start", NULL), 200);
            }
        }
        if (is_null_at(page->body, "next_cursor")) {
            break;
        }
        page = list(next_query(page, "limit=2"));
    }
    for (int i = 0; i < 12; i++) {
        EXPECT_BETWEEN(seen[i], i == 8 ? 0 : 1, 1);
    }
}

/* More of one millisecond than a page holds: written into the index, since no client is so fast. */
static void sessions_of_one_millisecond_are_all_listed(void)
{
    const char *const ids[] = {fresh_id("tie"), fresh_id("tie"), fresh_id("tie")};
    for (size_t i = 0; i < 3; i++) {
        create(ids[i], CHESS);
    }
    const int64_t created = (int64_t)strtoll(redis_peek("ZSCORE sessions:pending %s", ids[0])->str, NULL, 10);
    for (int i = 0; i < 300; i++) {
        (void)redis_peek("ZADD sessions:%s %lld %s", i % 2 ? "running" : "pending", (long long)created,
                         kept_text("A-tie-%d", i));
        (void)redis_peek("ZADD sessions:paused %lld %s", (long long)created, kept_text("z-tie-%d", i));
    }
    for (size_t i = 0; i < 3; i++) {
        (void)redis_peek("ZADD sessions:pending XX %lld %s", (long long)created, ids[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        EXPECT_INT(times_listed("limit=3", ids[i]), 1);
        EXPECT_INT(times_listed("limit=1&status=pending", ids[i]), 1);
    }
    for (int i = 0; i < 300; i++) {
        (void)redis_peek("ZREM sessions:%s A-tie-%d", i % 2 ? "running" : "pending", i);
        (void)redis_peek("ZREM sessions:paused z-tie-%d", i);
    }
}

/* What is settled for the list is settled for the list alone. */
static void a_clock_that_has_run_out_is_not_listed_and_not_committed(void)
{
    const char *id = fresh_id("unnoticed");
    process_signal(stack.timekeeper, SIGSTOP);
    create_running(id, "'sync_mode':'count_up','max_time_ms':1000");
    EXPECT_INT(times_listed("status=running&limit=200", id), 1);
    const int64_t deadline = int_at(look(id)->body, "data.clock.deadline_at_ms");
    EVENTUALLY(wall_ms() > deadline);
    EXPECT_INT(times_listed("status=running&limit=200", id), 0);
    EXPECT_INT(times_listed("limit=200", id), 0);
    EXPECT(strstr(redis_peek("GET session:%s", id)->str, "\"version\":2") != NULL);
    process_signal(stack.timekeeper, SIGCONT);
    await_status(id, "expired");
}

static void a_listed_session_that_is_gone_or_damaged_is_left_out(void)
{
    const char *gone = fresh_id("gone");
    const char *damaged = fresh_id("gone");
    const char *good = fresh_id("gone");
    create(gone, CHESS);
    create(damaged, CHESS);
    create(good, CHESS);
    (void)redis_peek("DEL session:%s", gone);
    (void)redis_peek("SET session:%s {", damaged);
    EXPECT_INT(times_listed("limit=1", gone), 0);
    EXPECT_INT(times_listed("limit=1", damaged), 0);
    EXPECT_INT(times_listed("limit=1", good), 1);
    (void)redis_peek("DEL session:%s", damaged);
    (void)redis_peek("ZREM sessions:pending %s %s", gone, damaged);
}

static void expect_problem(const char *query, const char *field)
{
    struct answer *refused = call("GET", kept_text("/v1/sessions%s", query), NULL);
    EXPECT_ERROR(refused, 400, "VALIDATION_ERROR");
    if (!complains_about(refused, field)) {
        EXPECT_TEXT(refused->text, field);
    }
}

static void a_query_is_read_strictly(void)
{
    expect_problem("?status=expired", "status");
    expect_problem("?status=", "status");
    expect_problem("?status=running&status=running", "status");
    expect_problem("?limit=0", "limit");
    expect_problem("?limit=201", "limit");
    expect_problem("?limit=+5", "limit");
    expect_problem("?limit=5x", "limit");
    expect_problem("?limit=", "limit");
    expect_problem("?limit=99999999999999999999", "limit");
    expect_problem("?cursor=", "cursor");
    expect_problem("?cursor=1.zz.a", "cursor");
    expect_problem("?cursor=%C3%A4", "cursor");
    expect_problem("?page=2", "page");
    expect_problem("?limit=0&page=2&status=no", "page");
    expect_problem("?limit=0&page=2&status=no", "status");
    EXPECT_STATUS(call("GET", "/v1/sessions?", NULL), 200);
    EXPECT_STATUS(call("GET", "/v1/sessions?l%69mit=%31", NULL), 200);
    struct answer *far = call("GET", "/v1/sessions?cursor=1.ffffffffffff.z", NULL);
    EXPECT_STATUS(far, 200);
    EXPECT_INT((int64_t)json_array_size(json_at(far->body, "data")), 0);
    EXPECT(is_null_at(far->body, "next_cursor"));
    EXPECT_BETWEEN(int_at(far->body, "server_time_ms"), redis_now_ms() - 5000, redis_now_ms());
}

CU_TestInfo listing_tests[] = {
    {"a session is listed under its status", a_session_is_listed_under_its_status},
    {"every page shows whole sessions", every_page_shows_whole_sessions},
    {"paging goes on while sessions come and go", paging_goes_on_while_sessions_come_and_go},
    {"sessions of one millisecond are all listed", sessions_of_one_millisecond_are_all_listed},
    {"a clock that has run out is not listed, and not committed",
     a_clock_that_has_run_out_is_not_listed_and_not_committed},
    {"a listed session that is gone or damaged is left out", a_listed_session_that_is_gone_or_damaged_is_left_out},
    {"a query is read strictly", a_query_is_read_strictly},
    CU_TEST_INFO_NULL,
};
