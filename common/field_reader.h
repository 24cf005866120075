/* Reads the members of one JSON object strictly: each function takes a member if it is there and right, and adds a
 * problem, under the member's full name, if it is there and wrong. null counts as not there. */
#ifndef SK_COMMON_FIELD_READER_H
#define SK_COMMON_FIELD_READER_H

#include "common/problems.h"
#include "common/session.h"

struct sk_fields {
    const json_t *object; /* borrowed */
    const char *prefix;   /* of the members' names: "", or "participants[3]." */
    struct sk_problems *problems;
};

/* Adds a problem for each member that is not in the NULL-terminated list. */
void sk_fields_refuse_others(const struct sk_fields *fields, const char *const *known);

/* Whether the member is there, right or wrong. */
bool sk_field_given(const struct sk_fields *fields, const char *key);

/* Adds a problem of a member. */
void sk_field_problem(const struct sk_fields *fields, const char *key, const char *message);

/* Each returns whether the member was there and right; *out is untouched otherwise. */
bool sk_field_int(const struct sk_fields *fields, const char *key, int64_t min, int64_t max, int64_t *out);
bool sk_field_bool(const struct sk_fields *fields, const char *key, bool *out);
bool sk_field_id(const struct sk_fields *fields, const char *key, char out[SK_ID_BYTES]);

/* A text of at most max characters (not bytes); borrowed, NULL where there is none or a wrong one. */
const char *sk_field_text(const struct sk_fields *fields, const char *key, size_t max);

/* An array of at most max elements, an object of at most max bytes when written compactly; borrowed. */
const json_t *sk_field_array(const struct sk_fields *fields, const char *key, size_t max);
json_t *sk_field_object(const struct sk_fields *fields, const char *key, size_t max_bytes);

/* The same, with a problem where the member is missing. */
bool sk_field_required_id(const struct sk_fields *fields, const char *key, char out[SK_ID_BYTES]);
bool sk_field_required_int(const struct sk_fields *fields, const char *key, int64_t min, int64_t max, int64_t *out);

#endif
