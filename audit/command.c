/* Complaints and arguments of the subcommands. Owns nothing. */
#include "audit/command.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum sk_exit sk_command_complain(const char *text)
{
    (void)fprintf(stderr, "synckairos-audit: %s\n", text);
    return SK_EXIT_FAILED;
}

enum sk_exit sk_command_misused(const char *argument)
{
    (void)fprintf(stderr, "synckairos-audit: what is '%s'? See synckairos-audit --help\n", argument);
    return SK_EXIT_USAGE;
}

/* .250Z or Z at the end of an instant, as milliseconds; -1: something else. */
static int64_t read_fraction(const char *text)
{
    int64_t ms = 0;
    if (strcmp(text, "Z") == 0) {
        return 0;
    }
    if (text[0] != '.' || strspn(text + 1, "0123456789") != 3 || strcmp(text + 4, "Z") != 0) {
        return -1;
    }
    for (const char *digit = text + 1; digit < text + 4; digit++) {
        ms = ms * 10 + (*digit - '0');
    }
    return ms;
}

/* Whether the calendar has that day: timegm would carry the 31st of April into May. */
static bool exists(const struct tm *given, time_t seconds)
{
    struct tm back;
    return gmtime_r(&seconds, &back) && back.tm_mon == given->tm_mon && back.tm_mday == given->tm_mday;
}

bool sk_command_instant(const char *text, int64_t *epoch_ms)
{
    struct tm day = {.tm_sec = 0};
    const char *rest = strptime(text, "%Y-%m-%d", &day);
    int64_t ms = 0;
    if (rest && *rest != '\0') {
        rest = strptime(rest, "T%H:%M:%S", &day);
        ms = rest ? read_fraction(rest) : -1;
    }
    struct tm carried = day; /* timegm writes into it what it made of a day that is none */
    time_t seconds = rest ? timegm(&carried) : -1;
    if (!rest || ms < 0 || seconds < 0 || !exists(&day, seconds)) {
        return false;
    }
    *epoch_ms = (int64_t)seconds * 1000 + ms;
    return true;
}
