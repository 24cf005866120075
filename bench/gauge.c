/* Reads /proc. */
#include "bench/gauge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A whole small file of a process; empty where there is none. */
static void read_file(pid_t pid, const char *name, char *text, size_t bytes)
{
    char path[64];
    text[0] = '\0';
    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "re");
    if (file) {
        text[fread(text, 1, bytes - 1, file)] = '\0';
        (void)fclose(file);
    }
}

/* The n-th word from there on, counted from 0, as a number. */
static int64_t number_at(const char *text, int n)
{
    for (; text && n > 0; n--) {
        text = strchr(text, ' ');
        text = text ? text + 1 : NULL;
    }
    return text && text[0] ? strtoll(text, NULL, 10) : GAUGE_GONE;
}

int64_t gauge_resident(pid_t pid)
{
    char text[256];
    read_file(pid, "statm", text, sizeof(text));
    const int64_t pages = number_at(text, 1);
    return pages < 0 ? GAUGE_GONE : pages * sysconf(_SC_PAGESIZE);
}

int64_t gauge_processor_us(pid_t pid)
{
    char text[1024];
    read_file(pid, "stat", text, sizeof(text));
    const char *name_end = strrchr(text, ')'); /* the name may hold blanks; proc(5) counts it as field 2 */
    const int64_t user = number_at(name_end, 12);
    const int64_t kernel = number_at(name_end, 13);
    return user < 0 || kernel < 0 ? GAUGE_GONE : (user + kernel) * 1000000 / sysconf(_SC_CLK_TCK);
}
