/* What a process takes of the machine, by its pid, as /proc tells it. Owns nothing. */
#ifndef SK_BENCH_GAUGE_H
#define SK_BENCH_GAUGE_H

#include <stdint.h>
#include <sys/types.h>

#define GAUGE_GONE (-1)

/* Resident memory in bytes; GAUGE_GONE: there is no such process. */
int64_t gauge_resident(pid_t pid);

/* Processor time so far, its own and the kernel's for it, in µs; the kernel counts in steps of some ms. */
int64_t gauge_processor_us(pid_t pid);

#endif
