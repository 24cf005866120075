/* Looking into JSON by path: "data.participants.1.time_remaining_ms". A path that leads nowhere is an answer too. */
#ifndef SK_TESTS_JSON_AT_H
#define SK_TESTS_JSON_AT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define NOWHERE INT64_MIN

/* Borrowed from json; NULL where the path leads nowhere. */
json_t *json_at(json_t *json, const char *path);

/* NOWHERE unless there is an integer. */
int64_t int_at(json_t *json, const char *path);

/* "(nothing)" unless there is a string; borrowed. */
const char *text_at(json_t *json, const char *path);

/* The instant of an ISO 8601 text with milliseconds, as epoch milliseconds; NOWHERE unless there is one. */
int64_t instant_at(json_t *json, const char *path);

bool is_true_at(json_t *json, const char *path);
bool is_null_at(json_t *json, const char *path);

#endif
