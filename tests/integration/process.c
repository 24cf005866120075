/* The table of child processes. Owns their pids and logs; knows nothing of what they do. */
#include "tests/integration/process.h"

#include "tests/integration/check.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 600
#define FAMILY_MAX 200
#define TAIL_BYTES 4000

struct process {
    char name[64];
    char log[512];
    pid_t pid; /* also its group */
    int stop_signal;
    bool ended;
    bool judged; /* the test has seen how it ended */
    int status;
};

static struct process table[PROCESSES_MAX];
static size_t count;
static char logs[256];

static void kill_all(void)
{
    for (size_t i = count; i-- > 0;) {
        if (!table[i].ended && table[i].pid > 0) {
            kill(-table[i].pid, SIGKILL);
        }
    }
}

static void die(int number)
{
    kill_all();
    _exit(128 + number);
}

void process_open(const char *log_folder)
{
    (void)snprintf(logs, sizeof(logs), "%s", log_folder);
    atexit(kill_all);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const int deadly[] = {SIGINT, SIGTERM, SIGHUP, SIGABRT, SIGSEGV};
    for (size_t i = 0; i < sizeof(deadly) / sizeof(*deadly); i++) {
        signal(deadly[i], die);
    }
    signal(SIGPIPE, SIG_IGN);
}

/* In the child. The death signal is set last: a change of user clears it. */
static void become(const struct process_spec *spec, const char *log, pid_t parent)
{
    const int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const int in = spec->input > 0 ? spec->input : open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);
    if (out < 0 || in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) {
        _exit(126);
    }
    if (spec->uid && (setgroups(0, NULL) || setgid(spec->gid) || setuid(spec->uid))) {
        _exit(126);
    }
    for (size_t i = 0; spec->env && spec->env[i]; i++) {
        putenv(strdup(spec->env[i]));
    }
    (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, spec->death_signal ? spec->death_signal : SIGKILL);
    if (getppid() == parent) {
        char *const *argv = NULL; /* execvp changes nothing of what its type would let it change */
        memcpy(&argv, &spec->argv, sizeof(argv));
        execvp(argv[0], argv);
        dprintf(2, "cannot start %s: %s\n", spec->argv[0], strerror(errno));
    }
    _exit(127);
}

struct process *process_start(const struct process_spec *spec)
{
    if (count == PROCESSES_MAX) {
        abort();
    }
    struct process *process = &table[count];
    *process = (struct process){.stop_signal = spec->stop_signal ? spec->stop_signal : SIGTERM};
    (void)snprintf(process->name, sizeof(process->name), "%s", spec->name);
    (void)snprintf(process->log, sizeof(process->log), "%s/%03zu-%s.log", logs, count, spec->name);
    fflush(NULL);
    const pid_t parent = getpid();
    process->pid = fork();
    if (process->pid == 0) {
        become(spec, process->log, parent);
    }
    if (process->pid < 0) {
        abort();
    }
    setpgid(process->pid, process->pid);
    count++;
    return process;
}

int process_run(const struct process_spec *spec)
{
    struct process *process = process_start(spec);
    return process_wait(process);
}

pid_t process_pid(const struct process *process)
{
    return process->pid;
}

bool process_alive(struct process *process)
{
    int status = 0;
    if (!process->ended && waitpid(process->pid, &status, WNOHANG) == process->pid) {
        process->ended = true;
        process->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    return !process->ended;
}

/* The whole log, mapped; NULL if it is empty. */
static char *map_log(const char *path, size_t *length)
{
    struct stat about;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    void *bytes = MAP_FAILED;
    if (file >= 0 && fstat(file, &about) == 0 && about.st_size > 0) {
        *length = (size_t)about.st_size;
        bytes = mmap(NULL, *length, PROT_READ, MAP_PRIVATE, file, 0);
    }
    if (file >= 0) {
        close(file);
    }
    return bytes == MAP_FAILED ? NULL : bytes;
}

size_t process_log_count(const struct process *process, const char *text)
{
    size_t length = 0;
    size_t found = 0;
    char *log = map_log(process->log, &length);
    if (log) {
        const char *end = log + length;
        const char *at = log;
        while ((at = memmem(at, (size_t)(end - at), text, strlen(text))) != NULL) {
            found++;
            at += strlen(text);
        }
        munmap(log, length);
    }
    return found;
}

bool process_line(const struct process *process, const char *text, char *line, size_t room)
{
    size_t length = 0;
    char *log = map_log(process->log, &length);
    bool found = false;
    for (const char *at = log; at && at < log + length;) {
        const char *end = memchr(at, '\n', (size_t)(log + length - at));
        end = end ? end : log + length;
        if (memmem(at, (size_t)(end - at), text, strlen(text))) {
            (void)snprintf(line, room, "%.*s", (int)(end - at), at);
            found = true;
        }
        at = end + 1;
    }
    if (log) {
        munmap(log, length);
    }
    return found;
}

bool process_logged(const struct process *process, const char *text)
{
    return process_log_count(process, text) > 0;
}

void process_signal(struct process *process, int number)
{
    if (process_alive(process)) {
        kill(process->pid, number);
    }
}

int process_wait(struct process *process)
{
    process->judged = true;
    const int64_t give_up_us = now_us() + INT64_C(1000) * PATIENCE_MS;
    while (process_alive(process) && now_us() < give_up_us) {
        nap();
    }
    if (process_alive(process)) {
        printf("\n    %s (pid %d) does not end; killed", process->name, (int)process->pid);
        kill(-process->pid, SIGKILL);
        while (process_alive(process)) {
            nap();
        }
    }
    return process->status;
}

void process_stop(struct process *process)
{
    if (process->ended) {
        return;
    }
    process_signal(process, process->stop_signal);
    const int status = process_wait(process);
    if (status != 0) {
        printf("\n    %s ended with %d", process->name, status);
    }
    EXPECT(status == 0);
}

void process_kill(struct process *process)
{
    process_signal(process, SIGKILL);
    (void)process_wait(process);
}

/* /proc/PID/stat is "PID (name) state parent …", and the name may hold anything. */
static bool is_child(const char *stat_file, pid_t parent, const char *name)
{
    char text[512] = "";
    FILE *file = fopen(stat_file, "re");
    const size_t length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file) {
        fclose(file);
    }
    text[length] = '\0';
    char *begin = strchr(text, '(');
    char *end = strrchr(text, ')');
    if (!begin || !end || strlen(end) < 5 || end[2] == 'Z' || strtol(end + 4, NULL, 10) != parent) {
        return false;
    }
    *end = '\0';
    return !name || strcmp(begin + 1, name) == 0;
}

size_t process_children(const struct process *process, const char *name, pid_t *pids, size_t room)
{
    glob_t found;
    size_t children = 0;
    if (glob("/proc/[0-9]*/stat", GLOB_NOSORT, NULL, &found) != 0) {
        return 0;
    }
    for (size_t i = 0; i < found.gl_pathc && children < room; i++) {
        if (is_child(found.gl_pathv[i], process->pid, name)) {
            pids[children++] = (pid_t)strtol(found.gl_pathv[i] + strlen("/proc/"), NULL, 10);
        }
    }
    globfree(&found);
    return children;
}

/* Stopped first, so that it has no more children than were seen; those come to us when it is dead. */
void process_kill_family(struct process *process)
{
    pid_t pids[FAMILY_MAX];
    process_signal(process, SIGSTOP);
    const size_t children = process_children(process, NULL, pids, FAMILY_MAX);
    for (size_t i = 0; i < children; i++) {
        kill(pids[i], SIGKILL);
    }
    process_kill(process);
    for (size_t i = 0; i < children; i++) {
        while (waitpid(pids[i], NULL, 0) < 0 && errno == EINTR) {
        }
    }
}

bool process_each_log(bool (*look)(const char *name, const char *bytes, size_t length))
{
    glob_t found;
    char pattern[300];
    bool all = true;
    (void)snprintf(pattern, sizeof(pattern), "%s/*.log", logs);
    if (glob(pattern, 0, NULL, &found) != 0) {
        return true;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        size_t length = 0;
        char *log = map_log(found.gl_pathv[i], &length);
        if (log) {
            all = look(found.gl_pathv[i], log, length) && all;
            munmap(log, length);
        }
    }
    globfree(&found);
    return all;
}

static bool without_sanitizer(const char *name, const char *bytes, size_t length)
{
    static const char *const marks[] = {"ERROR: AddressSanitizer", "runtime error:", "LeakSanitizer",
                                        "ERROR: ThreadSanitizer"};
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
        if (memmem(bytes, length, marks[i], strlen(marks[i]))) {
            printf("    \"%s\" in %s\n", marks[i], name);
            return false;
        }
    }
    return true;
}

static bool print_end(const char *name, const char *bytes, size_t length)
{
    const size_t shown = length < TAIL_BYTES ? length : TAIL_BYTES;
    printf("--- the end of %s\n%.*s\n", name, (int)shown, bytes + length - shown);
    return true;
}

static bool end_one(struct process *process)
{
    if (process->judged) {
        return true;
    }
    if (!process_alive(process)) {
        printf("    %s died in the middle of the run (%d)\n", process->name, process->status);
        return false;
    }
    process_signal(process, process->stop_signal);
    const int status = process_wait(process);
    if (status != 0) {
        printf("    %s ended with %d\n", process->name, status);
    }
    return status == 0;
}

/* Grandchildren whose parent is gone come to us: a web server's programs, which it does not wait for. */
static bool end_orphans(void)
{
    const int64_t give_up_us = now_us() + INT64_C(1000) * PATIENCE_MS;
    bool clean = true;
    for (;;) {
        int status = 0;
        const pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid > 0 && status != 0) {
            printf("    a program of the web server's ended with %d\n", status);
            clean = false;
        }
        if (pid < 0 || (pid == 0 && now_us() > give_up_us)) {
            return clean && pid < 0;
        }
        if (pid == 0) {
            nap();
        }
    }
}

bool process_end_all(void)
{
    bool clean = true;
    for (size_t i = count; i-- > 0;) {
        clean = end_one(&table[i]) && clean;
    }
    clean = end_orphans() && clean;
    return process_each_log(without_sanitizer) && clean;
}

void process_print_logs(void)
{
    (void)process_each_log(print_end);
}
