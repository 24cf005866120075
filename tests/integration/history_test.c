/* The history of a session: the trail as the API shows it, page by page, and PostgreSQL going away and coming back. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_EVENT "01890000-0000-7000-8000-000000000000"

static struct answer *history_at(const char *base, const char *id, const char *query)
{
    return call_at(base, "GET", kept_text("/v1/sessions/%s/events%s", id, query), NULL);
}

static struct answer *history(const char *id, const char *query)
{
    return history_at(stack.url, id, query);
}

static void a_game_can_be_read_again(void)
{
    const char *id = fresh_id("history");
    create(id, kept_text("%s,'increment_ms':2000,'metadata':{'round':3,'half':1.5}", CHESS));
    struct answer *shown[6];
    http_call("POST", kept_text("%s/v1/sessions/%s/start", stack.url, id), NULL, "X-Request-Id: move.42");
    shown[0] = look(id);
    shown[1] = act(id, "switch", "{'current_participant_id':'white'}");
    shown[2] = call("PATCH", kept_text("/v1/sessions/%s/participants/white", id),
                    "{'delta_ms':60000,'reason':'the \\\\hall\\n'}");
    shown[3] = act(id, "pause", NULL);
    shown[4] = act(id, "complete", NULL);
    EXPECT_STATUS(delete_session(id), 204);
    await_trail(id, 7);

    struct answer *all = history(id, "");
    EXPECT_STATUS(all, 200);
    EXPECT_INT((int64_t)json_array_size(json_at(all->body, "data")), 7);
    EXPECT(is_null_at(all->body, "next_after"));
    EXPECT_BETWEEN(int_at(all->body, "server_time_ms"), redis_now_ms() - 5000, redis_now_ms() + 5);
    static const char *const types[] = {"session_created", "session_started",   "cycle_switched", "time_adjusted",
                                        "session_paused",  "session_completed", "session_deleted"};
    const char *before = NULL;
    for (int i = 0; i < 7; i++) {
        json_t *event = json_at(all->body, kept_text("data.%d", i));
        EXPECT_TEXT(text_at(event, "type"), types[i]);
        EXPECT_INT(int_at(event, "version"), i + 1);
        EXPECT_INT((int64_t)json_object_size(event), 16);
        EXPECT_INT(instant_at(event, "at"), int_at(event, "at_ms"));
        EXPECT_TEXT(text_at(event, "session_created_at"), text_at(event, "state.created_at"));
        EXPECT_INT(int_at(event, "state.version"), i + 1);
        EXPECT(before ? strcmp(text_at(event, "prev_event_id"), before) == 0 : is_null_at(event, "prev_event_id"));
        before = text_at(event, "event_id");
    }
    for (int i = 0; i < 5; i++) { /* the first two of these were read, the others are the operation's own answer */
        json_t *state = json_at(all->body, kept_text("data.%d.state", i + 1));
        json_t *seen = json_at(shown[i]->body, "data");
        if (i > 0) {
            EXPECT(json_equal(state, seen));
        }
        EXPECT_TEXT(text_at(state, "status"), text_at(seen, "status"));
    }
    EXPECT_TEXT(text_at(all->body, "data.1.request_id"), "move.42");
    EXPECT_TEXT(text_at(all->body, "data.2.participant_id"), "white");
    EXPECT_TEXT(text_at(all->body, "data.3.metadata.reason"), "the \\hall\n");
    EXPECT_INT(int_at(all->body, "data.3.metadata.delta_ms"), 60000);
    EXPECT(json_real_value(json_at(all->body, "data.0.state.metadata.half")) == 1.5);
}

static void pages_follow_each_other(void)
{
    const char *id = fresh_id("pages");
    create_running(id, CHESS);
    for (int i = 0; i < 9; i++) {
        act(id, "switch", NULL);
    }
    await_trail(id, 11);
    for (int limit = 1; limit <= 12; limit++) {
        const char *query = kept_text("?limit=%d", limit);
        int64_t version = 0;
        for (bool more = true; more;) {
            struct answer *page = history(id, query);
            EXPECT_STATUS(page, 200);
            const size_t count = json_array_size(json_at(page->body, "data"));
            for (size_t i = 0; i < count; i++) {
                EXPECT_INT(int_at(page->body, kept_text("data.%zu.version", i)), ++version);
            }
            more = !is_null_at(page->body, "next_after");
            EXPECT(!more || count == (size_t)limit);
            query = kept_text("?limit=%d&after=%s", limit, text_at(page->body, "next_after"));
        }
        EXPECT_INT(version, 11);
    }
    const char *last = text_at(history(id, "")->body, "data.10.event_id");
    struct answer *nothing_yet = history(id, kept_text("?after=%s", last));
    EXPECT_STATUS(nothing_yet, 200);
    EXPECT_INT((int64_t)json_array_size(json_at(nothing_yet->body, "data")), 0);
    EXPECT(is_null_at(nothing_yet->body, "next_after"));
    act(id, "switch", NULL);
    await_trail(id, 12);
    EXPECT_INT(int_at(history(id, kept_text("?after=%s", last))->body, "data.0.version"), 12);
}

static void an_expiry_tells_who_and_when(void)
{
    const char *id = fresh_id("expiry");
    create_running(id, "'sync_mode':'per_participant','action_on_timeout':{'type':'end_session'},'participants':[{'"
                       "participant_id':'a','total_time_ms':1000},"
                       "{'participant_id':'b','total_time_ms':1000}]");
    const int64_t deadline = int_at(look(id)->body, "data.clock.deadline_at_ms");
    await_status(id, "expired");
    await_trail(id, 3);
    struct answer *all = history(id, "");
    EXPECT_TEXT(text_at(all->body, "data.2.type"), "time_expired");
    EXPECT_INT(int_at(all->body, "data.2.expiry_count"), 1);
    EXPECT_INT(int_at(all->body, "data.2.expiries.0.at_ms"), deadline);
    EXPECT_TEXT(text_at(all->body, "data.2.expiries.0.participant_id"), "a");
    EXPECT_TEXT(text_at(all->body, "data.2.state.action_applied.winner"), "b");
    EXPECT_INT((int64_t)json_array_size(json_at(all->body, "data.1.expiries")), 0);
}

static void an_id_used_again_has_all_its_lives(void)
{
    const char *id = fresh_id("lives");
    create(id, CHESS);
    delete_session(id);
    create_running(id, CHESS);
    EVENTUALLY(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id) == 4);
    struct answer *all = history(id, "?limit=3");
    EXPECT_TEXT(text_at(all->body, "data.0.type"), "session_created");
    EXPECT_TEXT(text_at(all->body, "data.1.type"), "session_deleted");
    EXPECT_TEXT(text_at(all->body, "data.2.type"), "session_created");
    EXPECT_TEXT(text_at(all->body, "data.0.session_created_at"), text_at(all->body, "data.1.session_created_at"));
    EXPECT(strcmp(text_at(all->body, "data.1.session_created_at"), text_at(all->body, "data.2.session_created_at")) <
           0);
    struct answer *rest = history(id, kept_text("?after=%s", text_at(all->body, "next_after")));
    EXPECT_INT((int64_t)json_array_size(json_at(rest->body, "data")), 1);
    EXPECT_TEXT(text_at(rest->body, "data.0.type"), "session_started");
}

static void what_is_known_nowhere_is_not_found(void)
{
    EXPECT_ERROR(history(fresh_id("unknown"), ""), 404, "SESSION_NOT_FOUND");
    EXPECT_ERROR(history(fresh_id("unknown"), "?after=" NO_EVENT), 404, "SESSION_NOT_FOUND");
    EXPECT_ERROR(history("no%20id", ""), 400, "VALIDATION_ERROR");
    process_signal(stack.audit, SIGSTOP);
    const char *id = fresh_id("on-its-way");
    create(id, CHESS);
    struct answer *none_yet = history(id, "");
    EXPECT_STATUS(none_yet, 200);
    EXPECT_INT((int64_t)json_array_size(json_at(none_yet->body, "data")), 0);
    delete_session(id);
    EXPECT_STATUS(history(id, ""), 200);
    process_signal(stack.audit, SIGCONT);
    await_trail(id, 2);
    (void)redis_peek("DEL session:%s", id);
    EXPECT_INT((int64_t)json_array_size(json_at(history(id, "")->body, "data")), 2);
}

static void expect_problem(const char *id, const char *query, const char *field)
{
    struct answer *refused = history(id, query);
    EXPECT_ERROR(refused, 400, "VALIDATION_ERROR");
    if (!complains_about(refused, field)) {
        EXPECT_TEXT(refused->text, field);
    }
}

static void a_query_is_read_strictly(void)
{
    const char *id = fresh_id("strict");
    const char *other = fresh_id("strict");
    create(id, CHESS);
    create(other, CHESS);
    await_trail(id, 1);
    await_trail(other, 1);
    expect_problem(id, "?limit=0", "limit");
    expect_problem(id, "?limit=501", "limit");
    expect_problem(id, "?limit=1&limit=1", "limit");
    expect_problem(id, "?at=5", "at");
    expect_problem(id, "?after=", "after");
    expect_problem(id, "?after=x", "after");
    expect_problem(id, "?after=" NO_EVENT, "after");
    expect_problem(id, "?after=" NO_EVENT "0", "after");
    expect_problem(id, "?after=0189000000007000800000000000000000000", "after");
    expect_problem(id, "?after=%27%3Bdrop+table+sync_events%3B--", "after");
    const char *foreign = text_at(history(other, "")->body, "data.0.event_id");
    expect_problem(id, kept_text("?after=%s", foreign), "after");
    EXPECT_STATUS(history(other, kept_text("?after=%s", foreign)), 200);
}

/* Pages of a session with a thousand participants stay within bounds, and still all of them are read. */
static void large_sessions_make_short_pages(void)
{
    const char *id = fresh_id("large");
    char *body = kept_text("%*s", 60000, "");
    size_t used = (size_t)snprintf(body, 60000, "'sync_mode':'count_up','participants':[");
    for (int i = 0; i < 1000; i++) {
        used += (size_t)snprintf(body + used, 60000 - used, "%s{'participant_id':'%08x-%08x'}", i ? "," : "",
                                 (unsigned)i * 2654435761U, (unsigned)i * 40503U + 77U);
    }
    (void)snprintf(body + used, 60000 - used, "]");
    create_running(id, body);
    for (int i = 0; i < 58; i++) {
        EXPECT_STATUS(act(id, "switch", NULL), 200);
    }
    await_trail(id, 60);
    const char *query = "?limit=500";
    int64_t version = 0;
    size_t largest = 0;
    for (int pages = 0; pages < 60 && query; pages++) {
        struct answer *page = history(id, query);
        EXPECT_STATUS(page, 200);
        largest = page->text_bytes > largest ? page->text_bytes : largest;
        for (size_t i = 0; i < json_array_size(json_at(page->body, "data")); i++) {
            EXPECT_INT(int_at(page->body, kept_text("data.%zu.version", i)), ++version);
        }
        const bool more = !is_null_at(page->body, "next_after");
        query = more ? kept_text("?limit=500&after=%s", text_at(page->body, "next_after")) : NULL;
    }
    EXPECT_INT(version, 60);
    EXPECT(largest < (size_t)24 * 1024 * 1024);
    printf("(largest page %zu KiB) ", largest / 1024);
}

/* Stops, or lets go on, what serves the API's connections in PostgreSQL. */
static int signal_backends(const char *pids, int number)
{
    int count = 0;
    for (const char *at = pids; *at >= '0' && *at <= '9'; at += strcspn(at, ",") + (strchr(at, ',') ? 1 : 0)) {
        count += kill((pid_t)strtol(at, NULL, 10), number) == 0;
    }
    return count;
}

static void postgres_that_hangs_is_503_in_bounded_time(void)
{
    struct api *api = api_start((const char *const[]){"API_THREADS=1", NULL});
    const char *id = fresh_id("hangs");
    create(id, CHESS);
    await_trail(id, 1);
    EXPECT_STATUS(history_at(api->url, id, ""), 200);
    const char *pids = sql_text("SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE application_name = "
                                "'synckairos-api'");
    EXPECT(signal_backends(pids, SIGSTOP) > 0);
    const int64_t before = now_us();
    struct answer *refused = history_at(api->url, id, "");
    const int64_t took_ms = (now_us() - before) / 1000;
    (void)signal_backends(pids, SIGCONT);
    EXPECT_ERROR(refused, 503, "ARCHIVE_UNAVAILABLE");
    EXPECT_BETWEEN(took_ms, 1000, 8000);
    EVENTUALLY(history_at(api->url, id, "")->status == 200); /* that it was away counts for a second */
}

static void postgres_away_is_503_and_then_it_is_back(void)
{
    const char *id = fresh_id("away");
    create(id, CHESS);
    await_trail(id, 1);
    struct api *nowhere = api_start(
        (const char *const[]){kept_text("DATABASE_URL=postgresql://nobody@127.0.0.1:%d/none", free_port()), NULL});
    struct answer *refused = history_at(nowhere->url, id, "");
    EXPECT_ERROR(refused, 503, "ARCHIVE_UNAVAILABLE");
    EXPECT(answer_header(refused, "Retry-After") != NULL);
    EXPECT(strstr(refused->text, "127.0.0.1") == NULL);
    EXPECT_STATUS(look_at(nowhere->url, id), 200);
    for (int i = 0; i < 8; i++) {
        EXPECT_STATUS(history(id, ""), 200); /* every thread has its connection, or soon */
    }
    without_postgres();
    EXPECT_ERROR(history(id, ""), 503, "ARCHIVE_UNAVAILABLE");
    EXPECT_STATUS(act(id, "start", NULL), 200);
    stack_start_postgres();
    EVENTUALLY(history(id, "")->status == 200);
    await_trail(id, 2);
    EVENTUALLY(json_array_size(json_at(history(id, "")->body, "data")) == 2);
}

CU_TestInfo history_tests[] = {
    {"a game can be read again", a_game_can_be_read_again},
    {"pages follow each other", pages_follow_each_other},
    {"an expiry tells who and when", an_expiry_tells_who_and_when},
    {"an id used again has all its lives", an_id_used_again_has_all_its_lives},
    {"what is known nowhere is not found", what_is_known_nowhere_is_not_found},
    {"a query is read strictly", a_query_is_read_strictly},
    {"large sessions make short pages", large_sessions_make_short_pages},
    {"PostgreSQL that hangs is 503 in bounded time", postgres_that_hangs_is_503_in_bounded_time},
    {"PostgreSQL away is 503, and then it is back", postgres_away_is_503_and_then_it_is_back},
    CU_TEST_INFO_NULL,
};
