/* A metrics file of a test's own, and what is shown of it. */
#ifndef SK_TESTS_METRICS_PLACE_H
#define SK_TESTS_METRICS_PLACE_H

#include <stddef.h>

#define SWITCHES SK_METRIC_CYCLE_SWITCHES
#define CONNECTIONS SK_METRIC_WS_CONNECTIONS

/* In a folder of its own. */
struct place {
    char folder[48];
    char file[64];
};

void make_place(struct place *place);
void remove_place(const struct place *place);

/* The same, and its file is opened, for a program called "test". */
void open_new(struct place *place);

/* The value behind a series' name in the text; NaN if it is not there, or twice. */
double shown(const char *series);

#define CHECK_SHOWN(series, expected) CHECK_INT((series), (int64_t)shown(series), (int64_t)(expected))

/* How many slots of the file are or were some process'. */
size_t used_slots(void);

#endif
