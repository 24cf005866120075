/* Paths into JSON values. Owns nothing. */
#include "tests/integration/json_at.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

json_t *json_at(json_t *json, const char *path)
{
    while (json && *path) {
        char step[80];
        const size_t length = strcspn(path, ".");
        (void)snprintf(step, sizeof(step), "%.*s", (int)length, path);
        json = json_is_array(json) ? json_array_get(json, strtoul(step, NULL, 10)) : json_object_get(json, step);
        path += length + (path[length] == '.');
    }
    return json;
}

int64_t int_at(json_t *json, const char *path)
{
    const json_t *value = json_at(json, path);
    return json_is_integer(value) ? (int64_t)json_integer_value(value) : NOWHERE;
}

const char *text_at(json_t *json, const char *path)
{
    const json_t *value = json_at(json, path);
    return json_is_string(value) ? json_string_value(value) : "(nothing)";
}

int64_t instant_at(json_t *json, const char *path)
{
    struct tm utc = {0};
    const char *text = text_at(json, path);
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S.", &utc);
    char *end = NULL;
    const long ms = rest ? strtol(rest, &end, 10) : -1;
    const bool whole = rest && end == rest + 3 && strcmp(end, "Z") == 0;
    return whole ? (int64_t)timegm(&utc) * 1000 + ms : NOWHERE;
}

bool is_true_at(json_t *json, const char *path)
{
    return json_is_true(json_at(json, path));
}

bool is_null_at(json_t *json, const char *path)
{
    return json_is_null(json_at(json, path));
}
