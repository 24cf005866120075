/* On what terms a request is made, beyond what it asks for: the version it expects, the key that makes it safe to
 * repeat, and the allowances it draws on. Counted and checked in the round trips that read and commit the session
 * anyway. */
#ifndef SK_COMMON_TERMS_H
#define SK_COMMON_TERMS_H

#include "common/session.h"

#define SK_ALLOWANCES_MAX 2
#define SK_IDEMPOTENCY_KEY_BYTES 129
#define SK_FINGERPRINT_BYTES 65

/* So many requests in a window, counted in Redis, so that all instances count together. */
struct sk_allowance {
    const char *name; /* what is counted, for the metrics: address, server, token, session. Static */
    char key[192];    /* the Redis key; made by keys.h */
    int64_t limit;
    int64_t window_ms;
    int64_t used;        /* out: with this request; 0 until counted */
    int64_t reset_in_ms; /* out: until the window ends */
};

struct sk_terms {
    int64_t if_match;                               /* If-Match; SK_NONE: any version */
    char idempotency_key[SK_IDEMPOTENCY_KEY_BYTES]; /* "": none */
    char fingerprint[SK_FINGERPRINT_BYTES];         /* of operation and body: what a repeat must agree with */
    struct sk_allowance allowances[SK_ALLOWANCES_MAX];
    size_t allowance_count;
    bool counted;  /* out: the allowances were drawn on; whatever the attempts, that is done once */
    bool replayed; /* out: the key was used before for the same; nothing was applied */
};

/* Terms that ask for nothing. */
void sk_terms_open(struct sk_terms *terms);

/* The allowance that is used up, or NULL. Borrowed. */
const struct sk_allowance *sk_terms_exceeded(const struct sk_terms *terms);

/* The allowance with the least left, for the answer's headers; NULL where nothing was counted. Borrowed. */
const struct sk_allowance *sk_terms_tightest(const struct sk_terms *terms);

#endif
