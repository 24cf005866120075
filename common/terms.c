/* The terms of a request; store.c draws on them. */
#include "common/terms.h"

#include <string.h>

void sk_terms_open(struct sk_terms *terms)
{
    memset(terms, 0, sizeof(*terms));
    terms->if_match = SK_NONE;
}

const struct sk_allowance *sk_terms_exceeded(const struct sk_terms *terms)
{
    for (size_t i = 0; i < terms->allowance_count && terms->counted; i++) {
        if (terms->allowances[i].used > terms->allowances[i].limit) {
            return &terms->allowances[i];
        }
    }
    return NULL;
}

const struct sk_allowance *sk_terms_tightest(const struct sk_terms *terms)
{
    const struct sk_allowance *tightest = NULL;
    for (size_t i = 0; i < terms->allowance_count && terms->counted; i++) {
        const struct sk_allowance *allowance = &terms->allowances[i];
        if (!tightest || allowance->limit - allowance->used < tightest->limit - tightest->used) {
            tightest = allowance;
        }
    }
    return tightest;
}
