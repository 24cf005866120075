/* Which slot of the segment is whose: one for each living process. A slot is held by record locks on bytes of the
 * segment's file (fcntl(2), F_SETLK), which the kernel gives back at the process' death however it dies, and shows to
 * every process that has the file, whatever pids it can see. */
#ifndef SK_COMMON_METRICS_PROCESS_H
#define SK_COMMON_METRICS_PROCESS_H

#include "common/metrics_segment.h"

#include <stdbool.h>
#include <stddef.h>

/* After a segment was opened: this process has no slot there yet. Called before threads start. */
void sk_metrics_process_begin(const char *program);

/* This process' slot, taken now if it has none yet, which counts as its start; after fork() the child takes one of its
 * own. One thread takes it, others wait for that. NULL: there are too many processes, which is logged once. The segment
 * must be open. */
struct sk_process_slot *sk_metrics_process_own(void);

/* Whether the process that has the slot of that number lives. The segment must be open. */
bool sk_metrics_process_lives(size_t slot);

#endif
