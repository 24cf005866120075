/* The list of what is wrong with a request. Owns the list; judges nothing itself. */
#include "common/problems.h"

#include "common/utf8.h"

#include <stdarg.h>
#include <stdlib.h>

__attribute__((format(printf, 3, 4))) static void print(char *out, size_t bytes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sk_utf8_print(out, bytes, format, args);
    va_end(args);
}

void sk_problems_add(struct sk_problems *problems, const char *field, const char *format, ...)
{
    if (problems->count == 0) { /* the whole list at once: a half-grown one could have gaps */
        problems->list = calloc(SK_PROBLEMS_MAX, sizeof *problems->list);
    }
    size_t position = problems->count++;
    if (!problems->list || position >= SK_PROBLEMS_MAX) {
        return;
    }
    struct sk_problem *problem = &problems->list[position];
    print(problem->field, sizeof problem->field, "%s", field);
    va_list args;
    va_start(args, format);
    sk_utf8_print(problem->message, sizeof problem->message, format, args);
    va_end(args);
}

size_t sk_problems_kept(const struct sk_problems *problems)
{
    if (!problems->list) {
        return 0;
    }
    return problems->count < SK_PROBLEMS_MAX ? problems->count : SK_PROBLEMS_MAX;
}

void sk_problems_clear(struct sk_problems *problems)
{
    free(problems->list);
    *problems = (struct sk_problems){0};
}
