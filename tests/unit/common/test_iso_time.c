/* Tests of common/iso_time. */
#include "common/iso_time.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void known_instants(void)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {951868799999, "2000-02-29T23:59:59.999Z"},
        {4107542399999, "2100-02-28T23:59:59.999Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"},
        {1769850300250, "2026-01-31T09:05:00.250Z"},
        {INT64_C(-62167219200000), "0000-01-01T00:00:00.000Z"},
        {INT64_C(-62135596800000), "0001-01-01T00:00:00.000Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {INT64_C(253402300800000), "9999-12-31T23:59:59.999Z"},
        {INT64_C(-62167219200001), "0000-01-01T00:00:00.000Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_MIN, "0000-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[SK_ISO_TIME_BYTES];
        CHECK("returns out", sk_iso_time(rows[i].ms, text) == text);
        CHECK_TEXT(rows[i].text, text, rows[i].text);
    }
}

/* Against the C library, every day of ten thousand years, at another millisecond each time. */
static void every_day(void)
{
    const int64_t day_ms = 86400000;
    int64_t offset = 0;
    for (int64_t day = -719528; day <= 2932896; day++) {
        offset = (offset + 31556952) % day_ms;
        int64_t ms = day * day_ms + offset;
        time_t seconds = (time_t)(day * 86400 + offset / 1000);
        struct tm tm;
        char expected[64];
        (void)gmtime_r(&seconds, &tm);
        (void)snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
                       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(offset % 1000));
        char text[SK_ISO_TIME_BYTES];
        if (strcmp(sk_iso_time(ms, text), expected) != 0) {
            CHECK_TEXT("day", text, expected);
            return;
        }
    }
}

void suite_iso_time(CU_pSuite suite)
{
    static const struct unit_test tests[] = {{"known instants", known_instants}, {"every day", every_day}};
    ADD_TESTS(suite, tests);
}
