/* Tests of common/metrics_process: whose gauges count, who lives, and what processes tell of themselves; with children
 * that are killed, forked, and in pid namespaces of their own. */
#include "common/metrics_process.h"
#include "tests/unit/check.h"
#include "tests/unit/common/metrics_place.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A child that does something, says so, and then waits to be killed. */
struct child {
    pid_t pid;
    int said; /* the end of a pipe */
};

static void end_by_saying(int fd, char byte)
{
    (void)!write(fd, &byte, 1);
    (void)pause();
    _exit(0);
}

/* What it said: '!' where all went well; 0: nothing at all. */
static char hear(const struct child *child)
{
    char byte = 0;
    (void)!read(child->said, &byte, 1);
    return byte;
}

static struct child beget(void (*act)(void))
{
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    struct child child = {.pid = fork(), .said = ends[0]};
    if (child.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        act();
        end_by_saying(ends[1], '!');
    }
    (void)close(ends[1]);
    return child;
}

static void slay(const struct child *child)
{
    CHECK("killed", kill(child->pid, SIGKILL) == 0 && waitpid(child->pid, NULL, 0) == child->pid);
    (void)close(child->said);
}

static void lock_bytes(size_t start, size_t length)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)start, .l_len = (off_t)length};
    if (fcntl(sk_metrics_segment_file(), F_SETLK, &lock) != 0) {
        _exit(1);
    }
}

#define SLOTS_START offsetof(struct sk_metrics_segment, processes)

static void fill_all_slots(const char *program)
{
    for (size_t i = 0; i < SK_PROCESSES_MAX; i++) {
        struct sk_process_slot *slot = &sk_metrics_segment()->processes[i];
        (void)snprintf(slot->program, sizeof slot->program, "%s", program);
        atomic_store(&slot->resident_bytes, 1000);
        atomic_store(&slot->gauges[CONNECTIONS], 99);
        atomic_store(&slot->used, 1);
    }
}

static void gauges_of_processes_long_dead(void)
{
    struct place place;
    open_new(&place);
    fill_all_slots("other");
    CHECK_SHOWN("synckairos_websocket_connections", 0);
    CHECK_SHOWN("synckairos_processes{program=\"other\"}", 0);
    CHECK("no memory", isnan(shown("synckairos_process_resident_memory_bytes{program=\"other\"}")));
    sk_metrics_refresh();
    CHECK_SHOWN("synckairos_websocket_connections", 0);
    sk_metrics_set(CONNECTIONS, 3);
    CHECK_SHOWN("synckairos_websocket_connections", 3);
    sk_metrics_set(CONNECTIONS, -4);
    CHECK_SHOWN("synckairos_websocket_connections", -4);
    CHECK_SHOWN("synckairos_processes{program=\"test\"}", 1);
    CHECK_INT("one taken over", (int64_t)used_slots(), SK_PROCESSES_MAX);
    remove_place(&place);
}

static void live_everywhere(void)
{
    lock_bytes(SLOTS_START, sizeof sk_metrics_segment()->processes);
}

static int log_before;

/* The reading end of a pipe that the log goes into from now on. */
static int divert_log(void)
{
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    log_before = dup(STDERR_FILENO);
    CU_ASSERT_TRUE_FATAL(log_before >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
    (void)close(ends[1]);
    return ends[0];
}

static void restore_log(int end, char *said, size_t room)
{
    const ssize_t length = read(end, said, room - 1);
    said[length > 0 ? length : 0] = '\0';
    (void)dup2(log_before, STDERR_FILENO);
    (void)close(log_before);
    (void)close(end);
}

/* All slots are some living process': the gauge is left out, its process says so, nothing else suffers. */
static void no_room_for_a_gauge(void)
{
    struct place place;
    open_new(&place);
    const struct child child = beget(live_everywhere);
    CHECK("it has all", hear(&child) == '!');
    const int heard = divert_log();
    sk_metrics_set(CONNECTIONS, 5);
    sk_metrics_set(CONNECTIONS, 6);
    sk_metrics_refresh();
    char said[1024];
    restore_log(heard, said, sizeof said);
    const char *warning = strstr(said, "no slot left");
    CHECK("said", warning && strstr(said, "\"level\":\"warn\""));
    CHECK("once", warning && !strstr(warning + 1, "no slot left"));
    sk_metrics_add(SK_METRIC_STATE_CONFLICTS, "", 1);
    CHECK_SHOWN("synckairos_websocket_connections", 0);
    CHECK_SHOWN("synckairos_state_conflicts_total", 1);
    CHECK_SHOWN("synckairos_process_starts_total{program=\"test\"}", 1);
    slay(&child);
    remove_place(&place);
}

static void claim_the_first(void)
{
    lock_bytes(SLOTS_START, 1);
}

/* Who wants a slot has not emptied it yet: what a dead process left there is nobody's, and nobody else takes it. */
static void a_slot_that_is_being_claimed(void)
{
    struct place place;
    open_new(&place);
    fill_all_slots("test");
    const struct child child = beget(claim_the_first);
    CHECK("claimed", hear(&child) == '!');
    CHECK_SHOWN("synckairos_websocket_connections", 0);
    sk_metrics_set(CONNECTIONS, 3);
    CHECK_SHOWN("synckairos_websocket_connections", 3);
    CHECK_INT("left alone", atomic_load(&sk_metrics_segment()->processes[0].gauges[CONNECTIONS]), 99);
    slay(&child);
    remove_place(&place);
}

static void set_four(void)
{
    sk_metrics_set(CONNECTIONS, 4);
}

/* After fork() the child has a slot of its own, and takes nothing from its parent. */
static void forked_children_have_their_own_gauges(void)
{
    struct place place;
    open_new(&place);
    sk_metrics_set(CONNECTIONS, 3);
    const struct child child = beget(set_four);
    CHECK("set", hear(&child) == '!');
    CHECK_SHOWN("synckairos_websocket_connections", 7);
    CHECK_SHOWN("synckairos_processes{program=\"test\"}", 2);
    sk_metrics_set(CONNECTIONS, 1);
    CHECK_SHOWN("synckairos_websocket_connections", 5);
    CHECK("killed", kill(child.pid, SIGKILL) == 0);
    siginfo_t info;
    CHECK("dead, not reaped", waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT) == 0);
    CHECK_SHOWN("synckairos_websocket_connections", 1);
    CHECK("reaped", waitpid(child.pid, NULL, 0) == child.pid);
    (void)close(child.said);
    CHECK_INT("two places", (int64_t)used_slots(), 2);
    const struct child next = beget(set_four);
    CHECK("set", hear(&next) == '!');
    CHECK_INT("the dead one's used again", (int64_t)used_slots(), 2);
    CHECK_SHOWN("synckairos_websocket_connections", 5);
    slay(&next);
    remove_place(&place);
}

/* A child that never had a slot, and one that runs another program, take none of the parent's locks with them. */
static void the_end_of_a_child_changes_nothing(void)
{
    struct place place;
    open_new(&place);
    sk_metrics_set(CONNECTIONS, 3);
    pid_t child = fork();
    if (child == 0) {
        (void)close(sk_metrics_segment_file());
        (void)execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    CHECK("ended", waitpid(child, NULL, 0) == child);
    const struct child other = beget(set_four); /* would take the slot, were it free */
    CHECK("set", hear(&other) == '!');
    CHECK_SHOWN("synckairos_websocket_connections", 7);
    slay(&other);
    remove_place(&place);
}

/* What the newcomer in its namespace does: it has pid 1 there, and sees its parent's gauge. */
static void live_alone(void)
{
    sk_metrics_set(CONNECTIONS, 5);
    sk_metrics_refresh();
    if (getpid() != 1 || shown("synckairos_websocket_connections") < 5 + 3) {
        _exit(1);
    }
}

/* The next child of this process begins a namespace. */
static bool next_child_is_alone(void)
{
    const bool possible = unshare(CLONE_NEWPID) == 0;
    if (!possible) {
        printf("(not tested: %s) ", strerror(errno));
    }
    return possible;
}

/* Two processes that are both pid 1, each in its own namespace, as in containers. Each has a parent of its own, since
 * a process can begin only one. */
static void processes_of_other_pid_namespaces(void)
{
    struct place place;
    int ends[2];
    pid_t parents[2];
    open_new(&place);
    sk_metrics_set(CONNECTIONS, 3);
    sk_metrics_refresh();
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    for (size_t i = 0; i < 2; i++) {
        parents[i] = fork();
        if (parents[i] == 0) {
            const bool possible = next_child_is_alone();
            const struct child child = possible ? beget(live_alone) : (struct child){.pid = -1};
            char said = '?';
            if (possible) {
                said = hear(&child);
            }
            pid_t pid = child.pid;
            (void)!write(ends[1], &said, 1);
            (void)!write(ends[1], &pid, sizeof pid);
            (void)pause();
            _exit(0);
        }
        char said = 0;
        pid_t pid = -1;
        CHECK("told", read(ends[0], &said, 1) == 1 && read(ends[0], &pid, sizeof pid) == sizeof pid);
        if (said == '?') {
            continue;
        }
        CHECK("it sees us", said == '!');
        CHECK_SHOWN("synckairos_websocket_connections", 8 + 5 * i);
        CHECK_SHOWN("synckairos_processes{program=\"test\"}", 2 + i);
        if (i == 1) {
            CHECK("killed", kill(pid, SIGKILL) == 0);
            double left = 13;
            for (int tries = 0; tries < 10000 && left > 8; tries++) {
                (void)usleep(1000);
                left = shown("synckairos_websocket_connections");
            }
            CHECK("its gauge is gone, the other's is not", left == 8);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        CHECK("ended", kill(parents[i], SIGKILL) == 0 && waitpid(parents[i], NULL, 0) == parents[i]);
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
    remove_place(&place);
}

static void live_as_relay(void)
{
    struct sk_error error;
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", sk_metrics_segment_file());
    char file[64];
    ssize_t length = readlink(path, file, sizeof file - 1);
    file[length > 0 ? length : 0] = '\0';
    if (sk_metrics_open(file, "relay", &error) != SK_OK) {
        _exit(1);
    }
    sk_metrics_refresh();
}

static void what_processes_tell_of_themselves(void)
{
    struct place place;
    open_new(&place);
    CHECK("nobody yet", isnan(shown("synckairos_processes{program=\"test\"}")));
    sk_metrics_add(SK_METRIC_STATE_CONFLICTS, "", 1);
    CHECK("no start of a program that only counts", isnan(shown("synckairos_process_starts_total{program=\"test\"}")));
    sk_metrics_refresh();
    const char *resident = "synckairos_process_resident_memory_bytes{program=\"test\"}";
    double alone = shown(resident);
    CHECK("memory", alone > 1e6 && alone < 1e12);
    double age = (double)time(NULL) - shown("synckairos_process_start_time_seconds{program=\"test\"}");
    CHECK("started", age > -2 && age < 60);
    const struct child children[] = {beget(live_as_relay), beget(live_as_relay), beget(sk_metrics_refresh)};
    for (size_t i = 0; i < 3; i++) {
        CHECK("lives", hear(&children[i]) == '!');
    }
    CHECK_SHOWN("synckairos_processes{program=\"relay\"}", 2);
    CHECK_SHOWN("synckairos_processes{program=\"test\"}", 2);
    CHECK("the sum", shown(resident) > alone * 1.2);
    slay(&children[0]);
    CHECK_SHOWN("synckairos_processes{program=\"relay\"}", 1);
    slay(&children[1]);
    CHECK_SHOWN("synckairos_processes{program=\"relay\"}", 0);
    CHECK_SHOWN("synckairos_process_starts_total{program=\"relay\"}", 2);
    CHECK_SHOWN("synckairos_process_starts_total{program=\"test\"}", 2);
    CHECK("no start", isnan(shown("synckairos_process_start_time_seconds{program=\"relay\"}")));
    slay(&children[2]);
    CHECK_INT("memory", (int64_t)shown(resident), (int64_t)alone);
    remove_place(&place);
}

/* Slots that were another program's stay its own while others are free, so that its death can be seen. */
static void a_dead_program_is_remembered(void)
{
    struct place place;
    open_new(&place);
    const struct child relay = beget(live_as_relay);
    CHECK("lives", hear(&relay) == '!');
    slay(&relay);
    sk_metrics_refresh();
    CHECK_SHOWN("synckairos_processes{program=\"relay\"}", 0);
    CHECK_SHOWN("synckairos_processes{program=\"test\"}", 1);
    remove_place(&place);
}

void suite_metrics_process(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"gauges of processes long dead", gauges_of_processes_long_dead},
        {"no room for a gauge", no_room_for_a_gauge},
        {"a slot that is being claimed", a_slot_that_is_being_claimed},
        {"forked children have their own gauges", forked_children_have_their_own_gauges},
        {"the end of a child changes nothing", the_end_of_a_child_changes_nothing},
        {"processes of other pid namespaces", processes_of_other_pid_namespaces},
        {"what processes tell of themselves", what_processes_tell_of_themselves},
        {"a dead program is remembered", a_dead_program_is_remembered},
    };
    ADD_TESTS(suite, tests);
}
