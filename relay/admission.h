/* The one place where it is decided whether a connection is let in. Pure: what is known of the request and of the
 * relay goes in, a close code comes out. Whether the session exists is found out afterwards (channel.h). */
#ifndef SK_RELAY_ADMISSION_H
#define SK_RELAY_ADMISSION_H

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
    SK_CLOSE_NO_SESSION = 4004,
    SK_CLOSE_TOO_SLOW = 4008,
    SK_CLOSE_BUSY = 4013
};

struct sk_admission {
    const struct sk_target *target;
    int64_t connections; /* open already, this one not counted */
    int64_t connections_max;
    bool draining;
};

struct sk_refusal {
    enum sk_close code; /* SK_CLOSE_NONE: admitted */
    const char *reason; /* static storage */
};

struct sk_refusal sk_admission_decide(const struct sk_admission *admission);

#endif
