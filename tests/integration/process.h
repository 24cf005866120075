/* Child processes of a test run: started with a log file each, stopped with their exit status checked, killed with
 * the run however it ends. */
#ifndef SK_TESTS_PROCESS_H
#define SK_TESTS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process;

struct process_spec {
    const char *name;        /* of the log file */
    const char *const *argv; /* NULL-terminated; argv[0] is looked for in PATH */
    const char *const *env;  /* NULL-terminated "NAME=value", in front of the environment; NULL: none */
    int input;               /* standard input, borrowed; 0: none */
    uid_t uid;               /* 0: stays who we are */
    gid_t gid;
    int stop_signal;  /* what makes it end in order; 0: SIGTERM */
    int death_signal; /* what it gets when this program dies; 0: SIGKILL */
};

/* Once: where logs go. Any exit of this program, also by a signal, kills what still runs. */
void process_open(const char *log_folder);

/* Starts it in a process group of its own, standard output and error in its log. Lives until process_end_all. */
struct process *process_start(const struct process_spec *spec);

/* Starts it and waits until it has ended; its exit status, or -1. */
int process_run(const struct process_spec *spec);

pid_t process_pid(const struct process *process);
bool process_alive(struct process *process);

/* Whether the process's log contains text. */
bool process_logged(const struct process *process, const char *text);

/* … and how often. */
size_t process_log_count(const struct process *process, const char *text);

/* The last line of the log that contains text, without its end; cut where it is longer. False: there is none. */
bool process_line(const struct process *process, const char *text, char *line, size_t room);

/* Sends the signal and does not wait. */
void process_signal(struct process *process, int number);

/* Waits for its end: exit status, or minus the signal that killed it; past all patience it is killed. */
int process_wait(struct process *process);

/* Asks it to end, and waits: a check fails unless it exits with 0. Nothing happens to one that has been waited for. */
void process_stop(struct process *process);

/* SIGKILL and wait: a death that the test wants. */
void process_kill(struct process *process);

/* The living children of a process that are called so (NULL: all), up to room of them; how many that are. */
size_t process_children(const struct process *process, const char *name, pid_t *pids, size_t room);

/* SIGKILL for the process and its children at once, and wait for all: what a machine's death does to a server. */
void process_kill_family(struct process *process);

/* Stops what still runs, latest first. False if any died unasked, ended uncleanly or logged a sanitizer's report. */
bool process_end_all(void);

/* Calls look for each log that is not empty, also those that a server keeps itself; false if any call was. */
bool process_each_log(bool (*look)(const char *name, const char *bytes, size_t length));

/* Prints the ends of all logs. */
void process_print_logs(void);

#endif
