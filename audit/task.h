/* What the subcommands that take their time share: hearing that they are to stop, and when to say how far they are. */
#ifndef SK_AUDIT_TASK_H
#define SK_AUDIT_TASK_H

#include <stdbool.h>
#include <stdint.h>

/* From now on SIGINT and SIGTERM end nothing by themselves, in no thread that is started later either: whoever works
 * looks at sk_task_stopping. False: the signals cannot be held back. */
bool sk_task_begin(void) __attribute__((warn_unused_result));

/* Whether one of the two has come. Any thread may ask. */
bool sk_task_stopping(void);

/* For sk_database_ask_while_waiting: endless, but once the task is to stop PostgreSQL gets two seconds more. */
bool sk_task_patience(void *unused, int64_t waited_ms);

struct sk_task_progress {
    int64_t total;   /* 0: nobody knows */
    int64_t told_us; /* monotonic; 0: nothing was said yet */
    int64_t tenths;  /* of the total, that were done then */
};

/* Whether it is time to say something on standard output: each second on a terminal; elsewhere every 5 s and at each
 * tenth of the total. Takes note that it is said. */
bool sk_task_tells(struct sk_task_progress *progress, int64_t done);

#endif
