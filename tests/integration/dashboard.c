/* Reading deploy/grafana/synckairos.json. */
#include "tests/integration/dashboard.h"

#include "tests/integration/check.h"
#include "tests/integration/keep.h"
#include "tests/integration/stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void release(void *json)
{
    json_decref(json);
}

json_t *dashboard_load(void)
{
    json_error_t error;
    const char *path = kept_text("%s/deploy/grafana/synckairos.json", stack.sources);
    json_t *dashboard = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!dashboard) {
        printf(" %s: line %d: %s\n", path, error.line, error.text);
    }
    REQUIRE(dashboard != NULL);
    return keep(dashboard, release);
}

const char *dashboard_expression(const char *written, const char *hosts)
{
    const char *const variables[][2] = {{"$__rate_interval", "5m"}, {"$instance", hosts}};
    const char *text = written;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        for (const char *at = strstr(text, variables[i][0]); at; at = strstr(text, variables[i][0])) {
            text = kept_text("%.*s%s%s", (int)(at - text), text, variables[i][1], at + strlen(variables[i][0]));
        }
    }
    return text;
}
