/* Instants as text. Pure: no clock, no time zone, no lock (gmtime_r takes one in glibc). */
#include "common/iso_time.h"

#include <stddef.h>

#define FIRST_MS INT64_C(-62167219200000) /* 0000-01-01T00:00:00.000Z */
#define LAST_MS INT64_C(253402300799999)  /* 9999-12-31T23:59:59.999Z */
#define DAY_MS INT64_C(86400000)

/* In 400 years the Gregorian calendar repeats itself. */
#define ERA_YEARS 400
#define ERA_DAYS INT64_C(146097)

struct date {
    int64_t year;
    int64_t month;
    int64_t day;
};

static int64_t is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* The date of a day counted from 1 January of year 0 (not negative). */
static struct date date_of(int64_t day)
{
    int64_t year = day / ERA_DAYS * ERA_YEARS;
    day %= ERA_DAYS;
    /* A guess that is never too late and at most one year early: no year has more than 366 days. */
    int64_t guess = day / 366;
    int64_t leap_days = guess == 0 ? 0 : (guess + 3) / 4 - (guess + 99) / 100 + (guess + 399) / 400;
    day -= guess * 365 + leap_days;
    year += guess;
    while (day >= 365 + is_leap(year)) {
        day -= 365 + is_leap(year);
        year++;
    }
    static const int64_t month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t month = 0;
    while (day >= month_days[month] + (month == 1 ? is_leap(year) : 0)) {
        day -= month_days[month] + (month == 1 ? is_leap(year) : 0);
        month++;
    }
    return (struct date){.year = year, .month = month + 1, .day = day + 1};
}

static char *digits(char *at, int64_t number, size_t count, char after)
{
    for (size_t i = count; i > 0; i--) {
        at[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    at[count] = after;
    return at + count + 1;
}

const char *sk_iso_time(int64_t epoch_ms, char out[SK_ISO_TIME_BYTES])
{
    int64_t ms = epoch_ms < FIRST_MS ? FIRST_MS : epoch_ms > LAST_MS ? LAST_MS : epoch_ms;
    ms -= FIRST_MS;
    struct date date = date_of(ms / DAY_MS);
    ms %= DAY_MS;
    char *at = digits(out, date.year, 4, '-');
    at = digits(at, date.month, 2, '-');
    at = digits(at, date.day, 2, 'T');
    at = digits(at, ms / 3600000, 2, ':');
    at = digits(at, ms / 60000 % 60, 2, ':');
    at = digits(at, ms / 1000 % 60, 2, '.');
    at = digits(at, ms % 1000, 3, 'Z');
    *at = '\0';
    return out;
}
