/* A Prometheus with the configuration that the project ships, in which only the target and the intervals are exchanged:
 * it scrapes the stack's web server once a second. A suite is opened and closed with it. */
#ifndef SK_TESTS_PROMETHEUS_H
#define SK_TESTS_PROMETHEUS_H

#include <jansson.h>
#include <stddef.h>

/* Starts it and waits until it has scraped the stack. Not 0: it has not. */
int prometheus_open(void);
int prometheus_close(void);

/* The result of an instant query, a list of series; kept. NULL, and a failed check, where it is refused. */
json_t *prometheus_query(const char *expression);

/* How many of the series of an instant query have a value; NaN is none. */
size_t prometheus_values(const char *expression);

/* Every rule, recording or alerting, as /api/v1/rules tells of it; kept. */
json_t *prometheus_rules(void);

/* "inactive", "pending" or "firing": how an alert stands. */
const char *prometheus_alert(const char *name);

/* Waits for so many scrapes from now on. */
void prometheus_await_scrapes(int scrapes);

#endif
