/* A mark that tells one process of this host from every other, dead ones with the same pid included: the pid and the
 * instant of its start, in one word that fits an atomic. Reads /proc. */
#ifndef SK_COMMON_PROCESS_MARK_H
#define SK_COMMON_PROCESS_MARK_H

#include <stdbool.h>
#include <stdint.h>

#define SK_PROCESS_MARK_BITS 63 /* the top bit is the holder's to use; 0 is nobody's mark */

/* This process' own mark. After fork() the child's differs. */
uint64_t sk_process_mark(void);

/* Whether the process of that mark still runs; a zombie does not. Where /proc cannot tell, it does. */
bool sk_process_mark_lives(uint64_t mark);

#endif
