/* Opening the counters' file. Owns the rules of whose file is taken and whose is refused; counts nothing. */
#include "common/metrics_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES 3000 /* 30 s: on a busy disk the creator may well take 5 s to give the file its room */
#define LOCK_PAUSE_NS 10000000

static const char magic[8] = "SKmetric";
static const char unused[sizeof magic];

static struct sk_metrics_segment in_process;
static struct sk_metrics_segment *current = &in_process;
static int current_fd = -1;

static enum sk_code refuse(struct sk_error *error, const char *path, const char *why)
{
    return sk_fail(error, SK_VALIDATION_ERROR, "metrics file '%.60s': %s", path, why);
}

/* A file of somebody else could be shortened or falsified under us, and is not ours to write to. */
static enum sk_code check_file(int fd, const char *path, struct sk_error *error)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0) {
        return refuse(error, path, strerrordesc_np(errno));
    }
    if (!S_ISREG(stat.st_mode)) {
        return refuse(error, path, "not a regular file");
    }
    if (stat.st_uid != geteuid()) {
        return refuse(error, path, "belongs to another user");
    }
    if (stat.st_mode & (S_IWGRP | S_IWOTH)) {
        return refuse(error, path, "others may write to it");
    }
    return SK_OK;
}

/* Not simply waiting: a process stopped with the lock held must not stop all the others for good. */
static enum sk_code lock(int fd, const char *path, struct sk_error *error)
{
    for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; tries++) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || tries == LOCK_TRIES) {
            return refuse(error, path, tries == LOCK_TRIES ? "locked by another process" : strerrordesc_np(errno));
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NS}, NULL);
    }
    return SK_OK;
}

/* Gives an empty file its size, with memory behind every page: writing to a page that the file system has no room for
 * would kill the process. */
static enum sk_code size_up(int fd, const char *path, struct sk_error *error)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0) {
        return refuse(error, path, strerrordesc_np(errno));
    }
    if (stat.st_size == (off_t)sizeof(struct sk_metrics_segment)) {
        return SK_OK;
    }
    if (stat.st_size != 0) {
        return refuse(error, path, "not a metrics file of this version; stop all programs and remove it");
    }
    int failure = posix_fallocate(fd, 0, (off_t)sizeof(struct sk_metrics_segment));
    if (failure != 0) {
        int ignored = ftruncate(fd, 0);
        (void)ignored;
        return refuse(error, path, strerrordesc_np(failure));
    }
    return SK_OK;
}

static struct sk_metrics_segment *map(int fd, const char *path, struct sk_error *error)
{
    void *memory = mmap(NULL, sizeof(struct sk_metrics_segment), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        (void)refuse(error, path, strerrordesc_np(errno));
        return NULL;
    }
    return memory;
}

/* Under the lock: signs a new segment, the magic last, so that one half signed counts as new; checks an old one. */
static bool sign_or_check(struct sk_metrics_segment *segment, uint64_t layout)
{
    if (memcmp(segment->magic, unused, sizeof unused) == 0) {
        segment->layout = layout;
        atomic_thread_fence(memory_order_release);
        memcpy(segment->magic, magic, sizeof magic);
    }
    return memcmp(segment->magic, magic, sizeof magic) == 0 && segment->layout == layout;
}

static struct sk_metrics_segment *map_locked(int fd, const char *path, uint64_t layout, struct sk_error *error)
{
    if (check_file(fd, path, error) != SK_OK || lock(fd, path, error) != SK_OK || size_up(fd, path, error) != SK_OK) {
        return NULL;
    }
    struct sk_metrics_segment *segment = map(fd, path, error);
    if (segment && !sign_or_check(segment, layout)) {
        (void)munmap(segment, sizeof *segment);
        (void)refuse(error, path, "not a metrics file of this version; stop all programs and remove it");
        return NULL;
    }
    return segment;
}

struct sk_metrics_segment *sk_metrics_segment(void)
{
    return current;
}

int sk_metrics_segment_file(void)
{
    return current_fd;
}

void sk_metrics_segment_close(void)
{
    if (current_fd >= 0) {
        (void)munmap(current, sizeof *current);
        (void)close(current_fd);
    }
    current = NULL;
    current_fd = -1;
}

enum sk_code sk_metrics_segment_open(const char *path, uint64_t layout, struct sk_error *error)
{
    /* O_NONBLOCK: a pipe of that name must not hang us before we can refuse it. */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return refuse(error, path, errno == ELOOP ? "is a symbolic link" : strerrordesc_np(errno));
    }
    struct sk_metrics_segment *segment = map_locked(fd, path, layout, error);
    (void)flock(fd, LOCK_UN); /* close() alone would not: the mapping keeps the open file alive */
    if (!segment) {
        (void)close(fd);
        return SK_VALIDATION_ERROR;
    }
    sk_metrics_segment_close();
    current = segment;
    current_fd = fd;
    return SK_OK;
}
