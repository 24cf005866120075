/* Everything that is wrong with a request, found in one pass: a list of {field, message}. */
#ifndef SK_COMMON_PROBLEMS_H
#define SK_COMMON_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

#define SK_PROBLEMS_MAX 100 /* kept; the count goes on */

struct sk_problem {
    char field[192]; /* "participants[3].total_time_ms"; "" for the body itself */
    char message[160];
};

struct sk_problems {
    struct sk_problem *list; /* owned */
    size_t count;            /* found; at most SK_PROBLEMS_MAX of them are in the list */
};

/* Adds one; the field is kept as printed, cut where too long. Without memory the count alone grows, so that a
 * bad request never passes for a good one. */
void sk_problems_add(struct sk_problems *problems, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t sk_problems_kept(const struct sk_problems *problems);
void sk_problems_clear(struct sk_problems *problems);

#endif
