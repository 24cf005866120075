/* What is found to differ between a record and its replay: fields, each with both values as text. Compares JSON field
 * by field; knows no field's meaning. */
#ifndef SK_AUDIT_COMPARISON_H
#define SK_AUDIT_COMPARISON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_COMPARISON_MAX 10    /* what differs beyond that is left out */
#define SK_COMPARISON_BYTES 200 /* of a field's path or a value; longer ones are cut */

struct sk_comparison {
    size_t count;
    struct {
        char field[SK_COMPARISON_BYTES];
        char recorded[SK_COMPARISON_BYTES];
        char replayed[SK_COMPARISON_BYTES];
    } list[SK_COMPARISON_MAX];
};

/* Notes a difference in words. */
void sk_comparison_note(struct sk_comparison *comparison, const char *field, const char *recorded,
                        const char *replayed);

/* Each of these notes a difference where there is one; a text of NULL or "" is null. */
void sk_comparison_int(struct sk_comparison *comparison, const char *field, int64_t recorded, int64_t replayed);
void sk_comparison_text(struct sk_comparison *comparison, const char *field, const char *recorded,
                        const char *replayed);

/* The same for two values (borrowed; NULL: there is none), member by member, named by path: "snapshot.groups.0". */
void sk_comparison_json(struct sk_comparison *comparison, const char *path, const json_t *recorded,
                        const json_t *replayed);

#endif
