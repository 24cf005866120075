/* Stopping in order, and saying how far one is. Owns nothing: a signal that has come stays pending with the process. */
#include "audit/task.h"

#include "common/server_clock.h"

#include <signal.h>
#include <unistd.h>

#define TERMINAL_US INT64_C(1000000)
#define ELSEWHERE_US INT64_C(5000000)
#define LAST_WAIT_MS 2000

bool sk_task_begin(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return sigprocmask(SIG_BLOCK, &signals, NULL) == 0;
}

bool sk_task_stopping(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1);
}

bool sk_task_patience(void *unused, int64_t waited_ms)
{
    (void)unused;
    return waited_ms < LAST_WAIT_MS || !sk_task_stopping();
}

bool sk_task_tells(struct sk_task_progress *progress, int64_t done)
{
    int64_t now_us = sk_monotonic_us();
    bool terminal = isatty(STDOUT_FILENO) == 1;
    int64_t tenths = progress->total > 0 ? done * 10 / progress->total : 0;
    if (progress->told_us == 0) { /* the first interval begins now */
        progress->told_us = now_us;
    }
    bool due = now_us - progress->told_us >= (terminal ? TERMINAL_US : ELSEWHERE_US);
    if (!due && (terminal || tenths <= progress->tenths)) {
        return false;
    }
    progress->told_us = now_us;
    progress->tenths = tenths;
    return true;
}
