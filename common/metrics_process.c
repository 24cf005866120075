/* Slots of processes: taking one, telling whether its process lives, and what each tells of itself.
 *
 * Two bytes of the file stand for a slot. Who wants it locks the first, which keeps others that want it away, empties
 * the slot, and then locks the second, by which everybody knows that somebody lives there. So nobody reads as the
 * newcomer's what a dead process left. */
#include "common/metrics_process.h"

#include "common/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum lock_byte { CLAIM, LIFE };

/* Where this process is: 0: nowhere yet; else its slot's number + 1, or one of these. */
static _Atomic uint32_t own_place;
#define BEING_CLAIMED UINT32_MAX
#define NOWHERE (UINT32_MAX - 1)

static _Atomic int64_t refreshed_s; /* monotonic */
static char own_program[SK_METRICS_PROGRAM_BYTES];

/* The locks stay with the parent. */
static void forget_place(void)
{
    atomic_store(&own_place, 0);
    atomic_store(&refreshed_s, 0);
}

static void heed_forks(void)
{
    (void)pthread_atfork(NULL, NULL, forget_place);
}

void sk_metrics_process_begin(const char *program)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, heed_forks);
    (void)snprintf(own_program, sizeof own_program, "%s", program);
    forget_place();
}

static struct flock lock_on(size_t slot, enum lock_byte byte)
{
    size_t start = offsetof(struct sk_metrics_segment, processes) + slot * sizeof(struct sk_process_slot) + byte;
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)start, .l_len = 1};
}

/* True also where there is no file, and so nobody else. */
static bool take_lock(size_t slot, enum lock_byte byte)
{
    struct flock lock = lock_on(slot, byte);
    int fd = sk_metrics_segment_file();
    return fd < 0 || fcntl(fd, F_SETLK, &lock) == 0;
}

static void give_lock(size_t slot, enum lock_byte byte)
{
    struct flock lock = lock_on(slot, byte);
    lock.l_type = F_UNLCK;
    (void)fcntl(sk_metrics_segment_file(), F_SETLK, &lock);
}

/* A process' own locks are never in its way, so it does not see them. */
bool sk_metrics_process_lives(size_t slot)
{
    struct flock lock = lock_on(slot, LIFE);
    int fd = sk_metrics_segment_file();
    return atomic_load(&own_place) == slot + 1 || (fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK);
}

static int64_t wall_clock_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Under the claim's lock. */
static void move_in(struct sk_process_slot *slot)
{
    atomic_store(&slot->used, 0);
    memcpy(slot->program, own_program, sizeof slot->program);
    atomic_store(&slot->started_ms, wall_clock_ms());
    atomic_store(&slot->resident_bytes, 0);
    for (size_t i = 0; i < SK_METRIC_COUNT; i++) {
        atomic_store(&slot->gauges[i], 0);
    }
    atomic_store(&slot->used, 1);
}

static bool claim(size_t number)
{
    if (!take_lock(number, CLAIM)) {
        return false;
    }
    move_in(&sk_metrics_segment()->processes[number]);
    if (!take_lock(number, LIFE)) {
        give_lock(number, CLAIM);
        return false;
    }
    return true;
}

static bool was_ours(const struct sk_process_slot *slot)
{
    return atomic_load(&slot->used) && strncmp(slot->program, own_program, sizeof slot->program) == 0;
}

static bool was_nobodys(const struct sk_process_slot *slot)
{
    return !atomic_load(&slot->used);
}

static bool was_anybodys(const struct sk_process_slot *slot)
{
    (void)slot;
    return true;
}

/* A dead process' slot tells that a program of that name was here: it is taken by one of the same name, if possible. */
static uint32_t find_place(void)
{
    static bool (*const wishes[])(const struct sk_process_slot *) = {was_ours, was_nobodys, was_anybodys};
    struct sk_metrics_segment *segment = sk_metrics_segment();
    for (size_t wish = 0; wish < sizeof wishes / sizeof wishes[0]; wish++) {
        for (uint32_t i = 0; i < SK_PROCESSES_MAX; i++) {
            if (wishes[wish](&segment->processes[i]) && claim(i)) {
                return i + 1;
            }
        }
    }
    return NOWHERE;
}

/* Also of a process that finds no slot. */
static void count_start(void)
{
    char labels[sizeof own_program + sizeof "program=\"\""];
    (void)snprintf(labels, sizeof labels, "program=\"%s\"", own_program);
    sk_metrics_add(SK_METRIC_PROCESS_STARTS, labels, 1);
}

struct sk_process_slot *sk_metrics_process_own(void)
{
    uint32_t place = atomic_load(&own_place);
    while (place == 0 || place == BEING_CLAIMED) {
        if (place == BEING_CLAIMED) {
            (void)sched_yield();
            place = atomic_load(&own_place);
        } else if (atomic_compare_exchange_strong(&own_place, &place, BEING_CLAIMED)) {
            place = find_place();
            count_start();
            atomic_store(&own_place, place);
            if (place == NOWHERE) {
                sk_log(SK_LOG_WARN, "the metrics file has no slot left: this process' gauges are not shown",
                       SK_I("slots", SK_PROCESSES_MAX));
            }
        }
    }
    return place == NOWHERE ? NULL : &sk_metrics_segment()->processes[place - 1];
}

/* --- what a process tells of itself ----------------------------------------------------------------------------- */

/* The second number of /proc/self/statm (proc(5)); 0 where it cannot be had. */
static int64_t resident_bytes(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    text[length > 0 ? length : 0] = '\0';
    const char *second = strchr(text, ' ');
    return second ? (int64_t)strtoll(second, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

void sk_metrics_refresh(void)
{
    struct timespec now = {0};
    if (!sk_metrics_segment() || clock_gettime(CLOCK_MONOTONIC_COARSE, &now) != 0) {
        return;
    }
    int64_t last_s = atomic_load_explicit(&refreshed_s, memory_order_relaxed);
    if (last_s == now.tv_sec + 1 || !atomic_compare_exchange_strong(&refreshed_s, &last_s, now.tv_sec + 1)) {
        return;
    }
    struct sk_process_slot *own = sk_metrics_process_own();
    if (own) {
        atomic_store_explicit(&own->resident_bytes, resident_bytes(), memory_order_relaxed);
    }
}
