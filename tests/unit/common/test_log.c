/* Tests of common/log: what arrives at standard error. */
#include "common/log.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Standard error, caught in a file while a test logs. */
struct catch
{
    int saved;
    int file;
    char *text; /* what came, once stopped; owned */
};

static void start(struct catch *catch)
{
    char path[] = "/tmp/synckairos-test-XXXXXX";
    (void)fflush(stderr);
    catch->text = NULL;
    catch->saved = dup(STDERR_FILENO);
    catch->file = mkostemp(path, O_APPEND | O_CLOEXEC);
    (void)unlink(path);
    CU_ASSERT_TRUE_FATAL(catch->saved >= 0 && catch->file >= 0);
    (void)dup2(catch->file, STDERR_FILENO);
}

static void stop(struct catch *catch)
{
    (void)dup2(catch->saved, STDERR_FILENO);
    off_t length = lseek(catch->file, 0, SEEK_END);
    catch->text = calloc(1, (size_t)length + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(catch->text);
    CHECK("read back", pread(catch->file, catch->text, (size_t)length, 0) == length);
    (void)close(catch->saved);
    (void)close(catch->file);
}

/* The one line that was logged, parsed: a new reference, or NULL. Frees the text. */
static json_t *only_line(struct catch *catch)
{
    size_t length = strlen(catch->text);
    CHECK("one line", length > 0 && strchr(catch->text, '\n') == catch->text + length - 1);
    CHECK("bounded", length <= 4096);
    json_error_t error;
    json_t *line = json_loads(catch->text, JSON_REJECT_DUPLICATES, &error);
    CHECK(catch->text, line != NULL);
    free(catch->text);
    return line;
}

static const char *text_of(const json_t *line, const char *key)
{
    return json_string_value(json_object_get(line, key));
}

static void a_line(void)
{
    struct catch catch;
    sk_log_open("synckairos-test", SK_LOG_INFO);
    start(&catch);
    errno = EDOM;
    sk_log(SK_LOG_WARN, "something \"odd\"", SK_S("session_id", "s1"), SK_I("version", INT64_MIN), SK_S("none", NULL),
           SK_S("empty", ""));
    CHECK_INT("errno is left alone", errno, EDOM);
    stop(&catch);
    json_t *line = only_line(&catch);
    CHECK_TEXT("level", text_of(line, "level"), "warn");
    CHECK_TEXT("program", text_of(line, "program"), "synckairos-test");
    CHECK_TEXT("msg", text_of(line, "msg"), "something \"odd\"");
    CHECK_TEXT("field", text_of(line, "session_id"), "s1");
    CHECK_INT("number", json_integer_value(json_object_get(line, "version")), INT64_MIN);
    CHECK_INT("pid", json_integer_value(json_object_get(line, "pid")), getpid());
    CHECK_INT("nothing else", (int64_t)json_object_size(line), 7);
    const char *time = text_of(line, "time");
    CHECK("time", time && strlen(time) == 24 && time[10] == 'T' && time[23] == 'Z' && strncmp(time, "2", 1) == 0);
    json_decref(line);
}

static void a_line_without_fields(void)
{
    struct catch catch;
    start(&catch);
    sk_log(SK_LOG_ERROR, "");
    stop(&catch);
    json_t *line = only_line(&catch);
    CHECK_TEXT("level", text_of(line, "level"), "error");
    CHECK_TEXT("msg", text_of(line, "msg"), "");
    CHECK_INT("nothing else", (int64_t)json_object_size(line), 5);
    json_decref(line);
}

static void the_level_decides(void)
{
    for (int threshold = 0; threshold < SK_LOG_LEVEL_COUNT; threshold++) {
        sk_log_open("synckairos-test", (enum sk_log_level)threshold);
        for (int level = 0; level < SK_LOG_LEVEL_COUNT; level++) {
            struct catch catch;
            start(&catch);
            sk_log((enum sk_log_level)level, "x");
            stop(&catch);
            CHECK_INT("logged", catch.text[0] != '\0', level >= threshold);
            CHECK_INT("enabled", sk_log_enabled((enum sk_log_level)level), level >= threshold);
            free(catch.text);
        }
    }
    CHECK("no such level", !sk_log_enabled(SK_LOG_LEVEL_COUNT));
    sk_log_open("synckairos-test", SK_LOG_INFO);
}

static void levels_by_name(void)
{
    CHECK_INT("debug", sk_log_level_of("debug"), SK_LOG_DEBUG);
    CHECK_INT("info", sk_log_level_of("info"), SK_LOG_INFO);
    CHECK_INT("warn", sk_log_level_of("warn"), SK_LOG_WARN);
    CHECK_INT("error", sk_log_level_of("error"), SK_LOG_ERROR);
    CHECK_INT("none", sk_log_level_of("INFO"), SK_LOG_LEVEL_COUNT);
    CHECK_INT("none", sk_log_level_of(""), SK_LOG_LEVEL_COUNT);
}

/* The levels that the lines of a text tell of, as "debug warn ". */
static void told_levels(const char *text, char *out, size_t bytes)
{
    static const char key[] = "\"log_level\":\"";
    size_t used = 0;
    out[0] = '\0';
    for (const char *at = strstr(text, key); at && used < bytes; at = strstr(at, key)) {
        at += sizeof key - 1;
        int printed = snprintf(out + used, bytes - used, "%.*s ", (int)strcspn(at, "\""), at);
        used += printed > 0 ? (size_t)printed : 0;
    }
}

static void signals_set_the_level(void)
{
    static const struct {
        enum sk_log_level from;
        const char *signals; /* +: SIGUSR1, -: SIGUSR2 */
        enum sk_log_level to;
        const char *told;
    } rows[] = {
        {SK_LOG_INFO, "+", SK_LOG_DEBUG, "debug "},   {SK_LOG_INFO, "-", SK_LOG_WARN, "warn "},
        {SK_LOG_INFO, "--", SK_LOG_ERROR, "error "},  {SK_LOG_INFO, "-----", SK_LOG_ERROR, "error "},
        {SK_LOG_INFO, "++++-", SK_LOG_INFO, "info "}, {SK_LOG_ERROR, "+++++", SK_LOG_DEBUG, "debug "},
        {SK_LOG_ERROR, "-", SK_LOG_ERROR, ""},        {SK_LOG_DEBUG, "+", SK_LOG_DEBUG, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct catch catch;
        char told[40];
        sk_log_open("synckairos-test", rows[i].from);
        start(&catch);
        for (const char *at = rows[i].signals; *at; at++) {
            CHECK_INT("raise", raise(*at == '+' ? SIGUSR1 : SIGUSR2), 0);
        }
        CHECK("enabled", sk_log_enabled(rows[i].to) && (rows[i].to == 0 || !sk_log_enabled(rows[i].to - 1)));
        sk_log(SK_LOG_ERROR, "once");
        sk_log(SK_LOG_ERROR, "twice");
        stop(&catch);
        told_levels(catch.text, told, sizeof told);
        CHECK_TEXT(rows[i].signals, told, rows[i].told);
        free(catch.text);
    }
    sk_log_open("synckairos-test", SK_LOG_INFO);
}

/* What a client could smuggle in: control bytes, terminal escapes, broken UTF-8. */
static void nothing_harmful_comes_out(void)
{
    static const struct {
        const char *text, *read;
    } rows[] = {
        {"a\nb\r\t\x01", "a\nb\r\t\x01"},
        {"\x1b[2J\x7f", "\x1b[2J\x7f"},
        {"\xc2\x9b"
         "2J",
         "\xc2\x9b"
         "2J"}, /* U+009B, a control sequence by itself */
        {"\xc2\xa0\xc3\xa9\xf0\x9f\x95\x90", "\xc2\xa0\xc3\xa9\xf0\x9f\x95\x90"},
        {"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"a\xed\xa0\x80z", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"},
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\",\"level\":\"debug", "\",\"level\":\"debug"},
        {"\\", "\\"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct catch catch;
        start(&catch);
        sk_log(SK_LOG_INFO, "x", SK_S("field", rows[i].text));
        stop(&catch);
        size_t length = strlen(catch.text);
        for (size_t at = 0; at + 1 < length; at++) {
            unsigned char byte = (unsigned char)catch.text[at];
            CHECK("no control byte", byte >= 0x20 && byte != 0x7f);
        }
        CHECK("no C1 control", !strstr(catch.text, "\xc2\x9b"));
        json_t *line = only_line(&catch);
        CHECK_TEXT("field", text_of(line, "field"), rows[i].read);
        json_decref(line);
    }
}

/* Texts of every length around the line's, in the message, in a field and in many, and of what grows when escaped. */
static void a_long_line_is_cut_and_stays_json(void)
{
    static const char *const pieces[] = {"x", "\"", "\x01", "\xc3\xa9", "\xf0\x9f\x95\x90", "\xff"};
    static char text[6000];
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        size_t piece = strlen(pieces[i]);
        for (size_t length = 600; length + piece < sizeof text; length += length < 5000 ? 67 : 501) {
            for (size_t at = 0; at + piece <= length; at += piece) {
                memcpy(text + at, pieces[i], piece);
            }
            text[length / piece * piece] = '\0';
            struct catch catch;
            start(&catch);
            sk_log(SK_LOG_INFO, length % 2 ? text : "short", SK_S("one", text), SK_I("number", -7), SK_S("two", text),
                   SK_S("three", text), SK_I("last", 7));
            stop(&catch);
            json_t *line = only_line(&catch);
            CHECK("the front is there", json_object_get(line, "pid") && json_object_get(line, "msg"));
            CHECK("said, or whole", json_is_true(json_object_get(line, "cut")) || json_object_get(line, "last"));
            json_decref(line);
        }
    }
}

/* Every position at which a line can end up full. */
static void every_length(void)
{
    static char text[4200];
    for (size_t length = 3800; length < 4150; length++) {
        memset(text, 'x', length);
        text[length] = '\0';
        struct catch catch;
        start(&catch);
        sk_log(SK_LOG_INFO, "m", SK_S("f", text), SK_I("n", INT64_MIN), SK_S("g", "\x01"));
        stop(&catch);
        json_decref(only_line(&catch));
    }
}

static void *log_much(void *unused)
{
    (void)unused;
    for (int i = 0; i < 300; i++) {
        sk_log(SK_LOG_INFO, "from a thread", SK_I("i", i));
    }
    return NULL;
}

static void lines_of_threads_do_not_mix(void)
{
    struct catch catch;
    pthread_t threads[4];
    start(&catch);
    for (size_t i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, log_much, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    stop(&catch);
    int lines = 0;
    char *rest = catch.text;
    for (char *text = strsep(&rest, "\n"); text && text[0]; text = strsep(&rest, "\n")) {
        json_t *line = json_loads(text, 0, NULL);
        CHECK(text, line != NULL);
        json_decref(line);
        lines++;
    }
    CHECK_INT("lines", lines, 1200);
    free(catch.text);
}

/* A log that nobody reads must not stop the service. */
static void a_full_pipe_is_given_up(void)
{
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    int saved = dup(STDERR_FILENO);
    (void)dup2(ends[1], STDERR_FILENO);
    for (int i = 0; i < 2000; i++) {
        sk_log(SK_LOG_INFO, "into a pipe that nobody reads");
    }
    (void)dup2(saved, STDERR_FILENO);
    char byte = 0;
    CHECK("something came", read(ends[0], &byte, 1) == 1 && byte == '{');
    (void)close(saved);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

void suite_log(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"a line", a_line},
        {"a line without fields", a_line_without_fields},
        {"the level decides", the_level_decides},
        {"levels by name", levels_by_name},
        {"signals set the level", signals_set_the_level},
        {"nothing harmful comes out", nothing_harmful_comes_out},
        {"a long line is cut and stays JSON", a_long_line_is_cut_and_stays_json},
        {"every length", every_length},
        {"lines of threads do not mix", lines_of_threads_do_not_mix},
        {"a full pipe is given up", a_full_pipe_is_given_up},
    };
    ADD_TESTS(suite, tests);
}
