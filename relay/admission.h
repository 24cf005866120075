/* The one place where it is decided whether a connection is let in. Pure: what is known of the request and of the
 * relay goes in, a close code comes out. Whether the session exists is found out afterwards (channel.h). */
#ifndef SK_RELAY_ADMISSION_H
#define SK_RELAY_ADMISSION_H

#include "common/token.h"
#include "relay/target.h"

#include <stdint.h>

/* Close codes: those of RFC 6455 §7.4.1 that the relay uses, and its own. */
enum sk_close {
    SK_CLOSE_NONE = 0,
    SK_CLOSE_NORMAL = 1000,
    SK_CLOSE_GOING_AWAY = 1001,
    SK_CLOSE_ABNORMAL = 1006, /* never on the wire: the connection went without a close frame */
    SK_CLOSE_POLICY = 1008,
    SK_CLOSE_TOO_BIG = 1009,
    SK_CLOSE_NO_TOKEN = 4001,
    SK_CLOSE_NOT_ALLOWED = 4003,
    SK_CLOSE_NO_SESSION = 4004,
    SK_CLOSE_TOO_SLOW = 4008,
    SK_CLOSE_EXPIRED = 4009,
    SK_CLOSE_BUSY = 4013
};

/* What a request for a connection says. Texts are borrowed. */
struct sk_visit {
    struct sk_target target;
    const char *origin; /* "": none, so it is no browser */
    const char *token;  /* NULL: none */
};

struct sk_admission {
    const struct sk_visit *visit;
    const struct sk_keyring *keyring; /* what tokens are checked with */
    const char *origins;              /* whose pages may connect; "": everybody's */
    int64_t now_s;                    /* Unix time */
    int64_t connections;              /* open already, this one not counted */
    int64_t connections_max;
    int64_t neighbours;     /* open already from the same household (guard.h) */
    int64_t neighbours_max; /* 0: no limit, as below */
    int64_t watchers;       /* of the same session, open already */
    int64_t watchers_max;
    bool draining;
};

struct sk_refusal {
    enum sk_close code; /* SK_CLOSE_NONE: admitted */
    const char *reason; /* static storage */
    const char *fault;  /* a word for the metrics where its token or its origin is why; else NULL */
};

/* identity: filled where the visitor is admitted. */
struct sk_refusal sk_admission_decide(const struct sk_admission *admission, struct sk_identity *identity);

#endif
