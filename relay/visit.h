/* What a connection asks for and who it says it is, as libwebsockets has read it from the head of its request. */
#ifndef SK_RELAY_VISIT_H
#define SK_RELAY_VISIT_H

#include "common/token.h"
#include "relay/admission.h"

struct lws;

#define SK_VISIT_TOKEN_BYTES ((int)SK_TOKEN_MAX + 32) /* and the word in front of it */
#define SK_VISIT_ORIGIN_BYTES 256

/* What a visit borrows from. */
struct sk_visit_text {
    char origin[SK_VISIT_ORIGIN_BYTES];
    char token[SK_VISIT_TOKEN_BYTES]; /* whoever has read the visit wipes it */
};

/* Only while libwebsockets has the head, which is until it has announced the connection. */
void sk_visit_read(struct lws *wsi, struct sk_visit_text *text, struct sk_visit *visit);

#endif
