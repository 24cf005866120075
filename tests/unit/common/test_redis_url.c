/* Tests of common/redis_url. */
#include "common/redis_url.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <string.h>

static void parses(void)
{
    static const struct {
        const char *text;
        struct sk_redis_url url;
        const char *shown;
    } rows[] = {
        {"redis://localhost", {.host = "localhost", .port = 6379}, "localhost:6379/0"},
        {"redis://127.0.0.1:6380/3", {.host = "127.0.0.1", .port = 6380, .db = 3}, "127.0.0.1:6380/3"},
        {"redis://redis_1.example-net.org/", {.host = "redis_1.example-net.org", .port = 6379}, NULL},
        {"redis://h:1/65535", {.host = "h", .port = 1, .db = 65535}, "h:1/65535"},
        {"redis://h:65535", {.host = "h", .port = 65535}, "h:65535/0"},
        {"redis://[::1]", {.host = "::1", .port = 6379}, "[::1]:6379/0"},
        {"redis://[fe80::1:2]:7000/1", {.host = "fe80::1:2", .port = 7000, .db = 1}, "[fe80::1:2]:7000/1"},
        {"redis://:secret@h", {.host = "h", .port = 6379, .password = "secret"}, "h:6379/0"},
        {"redis://me:secret@[::1]:1", {.host = "::1", .port = 1, .user = "me", .password = "secret"}, "[::1]:1/0"},
        {"redis://a%40b:p%3a%2F%25%c3%a9@h/2",
         {.host = "h", .port = 6379, .user = "a@b", .password = "p:/%\xc3\xa9", .db = 2},
         "h:6379/2"},
        {"redis://u:a:b@h", {.host = "h", .port = 6379, .user = "u", .password = "a:b"}, "h:6379/0"},
        {"unix:///run/redis.sock", {.path = "/run/redis.sock"}, "/run/redis.sock/0"},
        {"unix:///run/a%20b.sock?db=12", {.path = "/run/a b.sock", .db = 12}, "/run/a b.sock/12"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_redis_url url;
        struct sk_error error = {.text = ""};
        CHECK_INT(rows[i].text, sk_redis_url_parse(rows[i].text, &url, &error), SK_OK);
        CHECK_TEXT("no error", error.text, "");
        CHECK_TEXT(rows[i].text, url.host, rows[i].url.host);
        CHECK_TEXT(rows[i].text, url.path, rows[i].url.path);
        CHECK_TEXT(rows[i].text, url.user, rows[i].url.user);
        CHECK_TEXT(rows[i].text, url.password, rows[i].url.password);
        CHECK_INT(rows[i].text, url.port, rows[i].url.port);
        CHECK_INT(rows[i].text, url.db, rows[i].url.db);
        char shown[400];
        if (rows[i].shown) {
            CHECK_TEXT(rows[i].text, sk_redis_url_shown(&url, shown, sizeof shown), rows[i].shown);
        }
    }
}

static void refuses(void)
{
    static const char *const rows[] = {
        "",
        "localhost",
        "localhost:6379",
        "http://h",
        "rediss://h",
        "REDIS://h",
        "redis:/h",
        "redis://",
        "redis:///1",
        "redis://:6379",
        "redis://h:",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:6379x",
        "redis://h:+1",
        "redis://h:99999999999999999999",
        "redis://h/-1",
        "redis://h/x",
        "redis://h/1/",
        "redis://h/65536",
        "redis://h/0?db=1",
        "redis://h/99999999999",
        "redis://h h",
        "redis://h\n",
        "redis://h\x7f",
        "redis://h\xc3\xa9",
        "redis://a,b",
        "redis://secret@h",
        "redis://user:@h",
        "redis://:secret@",
        "redis://:secret@@h",
        "redis://:secret%@h",
        "redis://:secret%4@h",
        "redis://:secret%4g@h",
        "redis://:secret%00@h",
        "redis://:secret/x@h",
        "redis://:secret@h:no",
        "redis://:secret@h/no",
        "redis://::1",
        "redis://[::1",
        "redis://[]",
        "redis://[secret]",
        "redis://[127.0.0.1]",
        "redis://[::1]x",
        "redis://[::1]6379",
        "redis://[::1%25eth0]",
        "unix://",
        "unix:///",
        "unix://run/redis.sock",
        "unix:///s?",
        "unix:///s?db",
        "unix:///s?db=",
        "unix:///s?db=-1",
        "unix:///s?db=1&db=2",
        "unix:///s?db=1?db=2",
        "unix:///s?DB=1",
        "unix:///s%",
        "unix:///s%00",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_redis_url url;
        struct sk_error error = {.text = ""};
        CHECK_INT(rows[i], sk_redis_url_parse(rows[i], &url, &error), SK_VALIDATION_ERROR);
        CHECK_INT(rows[i], error.code, SK_VALIDATION_ERROR);
        CHECK(rows[i], error.text[0] != '\0' && !strstr(error.text, "secret"));
        CHECK(rows[i], !url.host[0] && !url.path[0] && !url.user[0] && !url.password[0]);
    }
}

/* The longest that fits, and one more. */
static void lengths(void)
{
    static const struct {
        const char *before, *after;
        size_t most;
    } rows[] = {
        {"redis://", "", 255},
        {"redis://", ":p@h", 127},
        {"redis://:", "@h", 255},
        {"unix:///", "", 106},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char filler[300];
        char text[400];
        struct sk_redis_url url;
        memset(filler, 'a', sizeof filler);
        (void)snprintf(text, sizeof text, "%s%.*s%s", rows[i].before, (int)rows[i].most, filler, rows[i].after);
        CHECK_INT(rows[i].after, sk_redis_url_parse(text, &url, NULL), SK_OK);
        (void)snprintf(text, sizeof text, "%s%.*s%s", rows[i].before, (int)rows[i].most + 1, filler, rows[i].after);
        CHECK_INT(rows[i].after, sk_redis_url_parse(text, &url, NULL), SK_VALIDATION_ERROR);
    }
}

static void shows_what_fits(void)
{
    struct sk_redis_url url;
    char shown[8] = "#######";
    CHECK_INT("parsed", sk_redis_url_parse("redis://:secret@some.host", &url, NULL), SK_OK);
    CHECK_TEXT("cut", sk_redis_url_shown(&url, shown, sizeof shown), "some.ho");
    CHECK_TEXT("no room", sk_redis_url_shown(&url, shown, 0), "");
}

void suite_redis_url(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"parses", parses},
        {"refuses", refuses},
        {"lengths", lengths},
        {"shows what fits", shows_what_fits},
    };
    ADD_TESTS(suite, tests);
}
