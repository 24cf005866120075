/* Routes: which handler answers what, and what stands in the path. */
#include "fcgi/router.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <CUnit/CUnit.h>
#include <string.h>

static struct route_match find(const char *method, const char *path)
{
    struct route_match match;
    sk_router_find(method, path, strlen(path), &match);
    return match;
}

static void paths_find_their_template(void)
{
    static const struct {
        const char *method;
        const char *path;
        const char *template; /* NULL: no such route */
        const char *id;       /* NULL: none in the path */
    } rows[] = {
        {"POST", "/v1/sessions", "/v1/sessions", NULL},
        {"GET", "/v1/sessions/abc", "/v1/sessions/{id}", "abc"},
        {"DELETE", "/v1/sessions/a:b.c-d_e", "/v1/sessions/{id}", "a:b.c-d_e"},
        {"POST", "/v1/sessions/abc/start", "/v1/sessions/{id}/start", "abc"},
        {"POST", "/v1/sessions/abc/switch", "/v1/sessions/{id}/switch", "abc"},
        {"GET", "/v1/time", "/v1/time", NULL},
        {"GET", "/health", "/health", NULL},
        {"POST", "/v1/s%65ssions", "/v1/sessions", NULL},
        {"GET", "/v1/sessions/a%3Ab", "/v1/sessions/{id}", "a:b"},
        {"GET", "/v1/sessions/a%2fb", "/v1/sessions/{id}", "a/b"},
        {"GET", "/v1/sessions/a%zz", "/v1/sessions/{id}", "a%zz"},
        {"GET", "/v1/sessions/a%4", "/v1/sessions/{id}", "a%4"},
        {"GET", "/v1/sessions/switch", "/v1/sessions/{id}", "switch"},
        {"POST", "/v1/sessions/", NULL, NULL},
        {"GET", "/v1/sessions/", NULL, NULL},
        {"POST", "/v1/sessions//start", NULL, NULL},
        {"POST", "/v1/sessions/abc/start/", NULL, NULL},
        {"POST", "/v1/sessions/abc/explode", NULL, NULL},
        {"GET", "/v1/sessionsx", NULL, NULL},
        {"GET", "/v1/time%00", NULL, NULL},
        {"GET", "//v1/time", NULL, NULL},
        {"GET", "v1/time", NULL, NULL},
        {"GET", "/", NULL, NULL},
        {"GET", "", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct route_match match = find(rows[i].method, rows[i].path);
        if (!rows[i].template) {
            CHECK(rows[i].path, !match.template && !match.route);
            continue;
        }
        CHECK(rows[i].path, match.route != NULL);
        CHECK_TEXT(rows[i].path, match.template, rows[i].template);
        CHECK_INT(rows[i].path, match.session_id.present, rows[i].id != NULL);
        if (rows[i].id) {
            match.session_id.text[match.session_id.length] = '\0';
            CHECK_TEXT(rows[i].path, match.session_id.text, rows[i].id);
        }
    }
}

static void an_id_that_is_too_long_tells_its_length(void)
{
    char path[400] = "/v1/sessions/";
    size_t start = strlen(path);
    memset(path + start, 'a', 300);
    path[start + 300] = '\0';
    struct route_match match = find("GET", path);
    CU_ASSERT_PTR_NOT_NULL(match.route);
    CU_ASSERT_EQUAL(match.session_id.length, 300);
}

static void another_method_is_told_from_no_route(void)
{
    struct route_match match = find("PATCH", "/v1/sessions/abc");
    CU_ASSERT_PTR_NULL(match.route);
    CHECK_TEXT("template", match.template, "/v1/sessions/{id}");
}

static void allow_lists_what_a_path_takes(void)
{
    static const struct {
        const char *path;
        const char *allow;
    } rows[] = {
        {"/v1/sessions", "POST, GET, HEAD, OPTIONS"},
        {"/v1/sessions/abc", "GET, HEAD, DELETE, OPTIONS"},
        {"/v1/sessions/abc/pause", "POST, OPTIONS"},
        {"/v1/sessions/abc/participants", "POST, OPTIONS"},
        {"/v1/sessions/abc/participants/p", "PATCH, DELETE, OPTIONS"},
        {"/v1/sessions/abc/events", "GET, HEAD, OPTIONS"},
        {"/metrics", "GET, HEAD, OPTIONS"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct route_match match = find("BREW", rows[i].path);
        char allow[64];
        CU_ASSERT_PTR_NOT_NULL_FATAL(match.template);
        sk_router_allow(&match, allow, sizeof allow);
        CHECK_TEXT(rows[i].path, allow, rows[i].allow);
    }
}

static void every_row_finds_itself(void)
{
    const struct route *route;
    for (size_t i = 0; (route = sk_router_route(i)) != NULL; i++) {
        CU_ASSERT_PTR_EQUAL(find(route->method, route->template).route, route);
        CU_ASSERT_PTR_NOT_NULL(route->handle);
    }
}

void suite_fcgi_router(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"paths find their template", paths_find_their_template},
        {"an id that is too long tells its length", an_id_that_is_too_long_tells_its_length},
        {"another method is told from no route", another_method_is_told_from_no_route},
        {"allow lists what a path takes", allow_lists_what_a_path_takes},
        {"every row finds itself", every_row_finds_itself},
    };
    ADD_TESTS(suite, tests);
}
