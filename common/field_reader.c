/* Strict reading of JSON members; what they mean is the callers' business. */
#include "common/field_reader.h"

#include "common/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void problem(const struct sk_fields *fields, const char *key, const char *text)
{
    char name[192];
    sk_utf8_format(name, sizeof(name), "%s%s", fields->prefix, key);
    sk_problems_add(fields->problems, name, "%s", text);
}

void sk_field_problem(const struct sk_fields *fields, const char *key, const char *message)
{
    problem(fields, key, message);
}

static bool listed(const char *const *known, const char *key)
{
    for (; *known; known++) {
        if (strcmp(*known, key) == 0) {
            return true;
        }
    }
    return false;
}

void sk_fields_refuse_others(const struct sk_fields *fields, const char *const *known)
{
    void *iterator = json_object_iter((json_t *)fields->object);
    for (; iterator; iterator = json_object_iter_next((json_t *)fields->object, iterator)) {
        const char *key = json_object_iter_key(iterator);
        if (!listed(known, key)) {
            problem(fields, key, "is not a known field");
        }
    }
}

static json_t *member(const struct sk_fields *fields, const char *key)
{
    json_t *value = json_object_get(fields->object, key);
    return json_is_null(value) ? NULL : value;
}

bool sk_field_given(const struct sk_fields *fields, const char *key)
{
    return member(fields, key) != NULL;
}

bool sk_field_int(const struct sk_fields *fields, const char *key, int64_t min, int64_t max, int64_t *out)
{
    const json_t *value = member(fields, key);
    if (!value) {
        return false;
    }
    if (!json_is_integer(value)) {
        problem(fields, key, "must be an integer");
        return false;
    }
    if (json_integer_value(value) < min || json_integer_value(value) > max) {
        char text[96];
        (void)snprintf(text, sizeof(text), "must be from %" PRId64 " to %" PRId64, min, max);
        problem(fields, key, text);
        return false;
    }
    *out = json_integer_value(value);
    return true;
}

bool sk_field_bool(const struct sk_fields *fields, const char *key, bool *out)
{
    const json_t *value = member(fields, key);
    if (!value) {
        return false;
    }
    if (!json_is_boolean(value)) {
        problem(fields, key, "must be true or false");
        return false;
    }
    *out = json_is_true(value);
    return true;
}

bool sk_field_id(const struct sk_fields *fields, const char *key, char out[SK_ID_BYTES])
{
    const json_t *value = member(fields, key);
    if (!value) {
        return false;
    }
    if (!json_is_string(value) || !sk_id_valid(json_string_value(value), json_string_length(value))) {
        problem(fields, key, "must be 1 to 64 characters of A-Z, a-z, 0-9, _ . : -");
        return false;
    }
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

/* How many characters a valid UTF-8 text has: its bytes but those that continue one. */
static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

const char *sk_field_text(const struct sk_fields *fields, const char *key, size_t max)
{
    const json_t *value = member(fields, key);
    if (!value) {
        return NULL;
    }
    if (!json_is_string(value) || characters(json_string_value(value)) > max) {
        char text[64];
        (void)snprintf(text, sizeof(text), "must be a text of at most %zu characters", max);
        problem(fields, key, text);
        return NULL;
    }
    return json_string_value(value);
}

static bool is_there(const struct sk_fields *fields, const char *key)
{
    bool there = member(fields, key) != NULL;
    if (!there) {
        problem(fields, key, "is required");
    }
    return there;
}

bool sk_field_required_id(const struct sk_fields *fields, const char *key, char out[SK_ID_BYTES])
{
    return is_there(fields, key) && sk_field_id(fields, key, out);
}

bool sk_field_required_int(const struct sk_fields *fields, const char *key, int64_t min, int64_t max, int64_t *out)
{
    return is_there(fields, key) && sk_field_int(fields, key, min, max, out);
}

const json_t *sk_field_array(const struct sk_fields *fields, const char *key, size_t max)
{
    const json_t *value = member(fields, key);
    if (!value) {
        return NULL;
    }
    if (!json_is_array(value) || json_array_size(value) > max) {
        char text[64];
        (void)snprintf(text, sizeof(text), "must be a list of at most %zu elements", max);
        problem(fields, key, text);
        return NULL;
    }
    return value;
}

json_t *sk_field_object(const struct sk_fields *fields, const char *key, size_t max_bytes)
{
    json_t *value = member(fields, key);
    if (!value) {
        return NULL;
    }
    if (!json_is_object(value)) {
        problem(fields, key, "must be an object");
        return NULL;
    }
    if (json_dumpb(value, NULL, 0, JSON_COMPACT) > max_bytes) {
        char text[64];
        (void)snprintf(text, sizeof(text), "must be at most %zu bytes of JSON", max_bytes);
        problem(fields, key, text);
        return NULL;
    }
    return value;
}
