/* What an exposition of metrics says, read as Prometheus would. */
#ifndef SK_TESTS_READING_H
#define SK_TESTS_READING_H

#include "tests/integration/http.h"

#include <stdint.h>

/* GET /metrics of the stack's web server; kept until the test is over. */
struct answer *scrape(void);

/* The sum of all lines of the metric whose labels contain all of the (up to two) given texts; 0 where there is none. */
int64_t reading(const struct answer *scrape, const char *name, const char *one, const char *two);

/* How much a reading has grown since the earlier scrape. */
int64_t growth(const struct answer *before, const char *name, const char *one, const char *two);

#endif
