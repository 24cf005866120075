/* Tests of common/uuid. */
#include "common/uuid.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool has_form(const char *text, char version)
{
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !text[i] || !strchr("0123456789abcdef", text[i])) {
            return false;
        }
    }
    return text[36] == '\0' && text[14] == version && strchr("89ab", text[19]);
}

static int by_text(const void *one, const void *other)
{
    return strcmp(one, other);
}

static void random_ones_differ(void)
{
    enum { COUNT = 2000 };
    static char all[COUNT][SK_UUID_BYTES];
    unsigned seen[36] = {0}; /* which digits have stood at each place */
    for (size_t i = 0; i < COUNT; i++) {
        sk_uuid_random(all[i]);
        if (!CHECK(all[i], has_form(all[i], '4'))) {
            return;
        }
        for (size_t at = 0; at < 36; at++) {
            seen[at] |= 1U << (all[i][at] >= 'a' ? all[i][at] - 'a' + 10 : (all[i][at] - '0') & 15);
        }
    }
    for (size_t at = 0; at < 36; at++) {
        bool fixed = strchr("-4", all[0][at]) && (at == 14 || all[0][at] == '-');
        CHECK("every digit comes up everywhere", fixed || seen[at] == (at == 19 ? 0x0f00U : 0xffffU));
    }
    qsort(all, COUNT, sizeof all[0], by_text);
    for (size_t i = 1; i < COUNT; i++) {
        CHECK(all[i], strcmp(all[i - 1], all[i]) != 0);
    }
}

static void instants_stand_in_front(void)
{
    static const struct {
        int64_t ms;
        const char *front;
    } rows[] = {
        {0, "00000000-0000-7"},
        {1, "00000000-0001-7"},
        {0x017f22e279b0, "017f22e2-79b0-7"}, /* RFC 9562 A.6 */
        {(INT64_C(1) << 48) - 1, "ffffffff-ffff-7"},
        {-1, "00000000-0000-7"},
        {INT64_MIN, "00000000-0000-7"},
        {INT64_MAX, "ffffffff-ffff-7"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[SK_UUID_BYTES];
        sk_uuid_at(rows[i].ms, text);
        CHECK(text, has_form(text, '7'));
        text[15] = '\0';
        CHECK_TEXT("front", text, rows[i].front);
    }
}

static void later_sorts_later(void)
{
    char before[SK_UUID_BYTES];
    char after[SK_UUID_BYTES];
    sk_uuid_at(1767225600000, before);
    for (int64_t ms = 1767225600001; ms < 1767225600500; ms++) {
        sk_uuid_at(ms, after);
        CHECK(after, strcmp(before, after) < 0);
        memcpy(before, after, sizeof before);
    }
}

/* Randomness kept in stock would be handed out twice. */
static void a_forked_child_makes_others(void)
{
    int pipe_ends[2];
    char own[SK_UUID_BYTES];
    char childs[SK_UUID_BYTES] = "";
    sk_uuid_random(own);
    CU_ASSERT_EQUAL_FATAL(pipe(pipe_ends), 0);
    pid_t child = fork();
    if (child == 0) {
        sk_uuid_random(childs);
        _exit(write(pipe_ends[1], childs, sizeof childs) == sizeof childs ? 0 : 1);
    }
    sk_uuid_random(own);
    CHECK("read", read(pipe_ends[0], childs, sizeof childs) == sizeof childs);
    CHECK("differ", strcmp(own, childs) != 0);
    CHECK("reaped", waitpid(child, NULL, 0) == child);
    (void)close(pipe_ends[0]);
    (void)close(pipe_ends[1]);
}

void suite_uuid(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"random ones differ", random_ones_differ},
        {"instants stand in front", instants_stand_in_front},
        {"later sorts later", later_sorts_later},
        {"a forked child makes others", a_forked_child_makes_others},
    };
    ADD_TESTS(suite, tests);
}
