/* The dashboard that the project ships for Grafana, as a file. */
#ifndef SK_TESTS_DASHBOARD_H
#define SK_TESTS_DASHBOARD_H

#include <jansson.h>

/* All of it; kept. The test ends where the file is no JSON. */
json_t *dashboard_load(void);

/* An expression with the values that Grafana would put in place of its variables, for the hosts that match a regular
 * expression; kept. */
const char *dashboard_expression(const char *written, const char *hosts);

#endif
