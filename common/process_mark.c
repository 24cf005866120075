/* Marks of processes, out of /proc/<pid>/stat (proc(5)). Keeps nothing. */
#include "common/process_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PID_BITS 22 /* the kernel's PID_MAX_LIMIT */
#define PID_MASK ((UINT64_C(1) << PID_BITS) - 1)
#define START_MASK ((UINT64_C(1) << (SK_PROCESS_MARK_BITS - PID_BITS)) - 1)

struct stat_line {
    char state;
    uint64_t start_ticks; /* since boot */
};

/* Reads the two fields; false where they cannot be had, with errno ENOENT or ESRCH if there is no such process. */
static bool read_stat(const char *path, struct stat_line *stat)
{
    char text[1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t length = read(fd, text, sizeof text - 1);
    int error = errno;
    (void)close(fd);
    errno = length < 0 ? error : EIO;
    if (length <= 0) {
        return false;
    }
    text[length] = '\0';
    const char *at = strrchr(text, ')'); /* the program's name may hold anything, this too */
    if (!at || at[1] != ' ' || !at[2]) {
        return false;
    }
    stat->state = at[2];
    at += 2;
    for (int field = 3; field < 22 && at; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    stat->start_ticks = at ? strtoull(at, NULL, 10) : 0;
    return at != NULL;
}

static uint64_t mark_of(uint64_t pid, const struct stat_line *stat)
{
    return (stat->start_ticks & START_MASK) << PID_BITS | (pid & PID_MASK);
}

uint64_t sk_process_mark(void)
{
    struct stat_line stat = {.start_ticks = 0};
    (void)read_stat("/proc/self/stat", &stat);
    return mark_of((uint64_t)getpid(), &stat);
}

bool sk_process_mark_lives(uint64_t mark)
{
    uint64_t pid = mark & PID_MASK;
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/%u/stat", (unsigned)pid);
    struct stat_line stat = {.start_ticks = 0};
    if (pid == 0) {
        return false;
    }
    if (!read_stat(path, &stat)) {
        return errno != ENOENT && errno != ESRCH;
    }
    return stat.state != 'Z' && stat.state != 'X' && mark_of(pid, &stat) == mark;
}
