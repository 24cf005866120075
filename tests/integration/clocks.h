/* This machine's clocks, and pauses. Any thread may call these. */
#ifndef SK_TESTS_CLOCKS_H
#define SK_TESTS_CLOCKS_H

#include <stdint.h>

/* CLOCK_MONOTONIC in microseconds. */
int64_t now_us(void);

/* CLOCK_REALTIME in milliseconds: Redis runs on this machine, so it is Redis' time. */
int64_t wall_ms(void);

/* The pause between two looks at a condition. */
void nap(void);

/* For what must take its time: a load that goes on, an outage that lasts. */
void pause_ms(int64_t ms);

#endif
