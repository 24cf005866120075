/* A TCP proxy in front of Redis, in a thread of the test, that can break a connection at the worst moment: around
 * the EXEC that commits a change. */
#ifndef SK_TESTS_REDIS_PROXY_H
#define SK_TESTS_REDIS_PROXY_H

#include <stdbool.h>

enum proxy_mode {
    PROXY_PASS,
    PROXY_CUT_BEFORE_EXEC,          /* the next EXEC never reaches Redis, its connection is cut */
    PROXY_CUT_AFTER_EXEC,           /* the next EXEC is executed, its connection is cut instead of an answer */
    PROXY_CUT_AFTER_EXEC_AND_SHUT,  /* the same, and then no connection comes through any more */
    PROXY_CUT_AND_DELIVER_LATE,     /* its connection is cut, but the EXEC is on its way and arrives at the release */
    PROXY_CUT_AND_DELIVER_AT_RETRY, /* the same, but it arrives just before the next WATCH of another connection */
    PROXY_CUT_AND_HOLD_RETRY,       /* the next EXEC never reaches Redis, and the next WATCH waits for the release */
    PROXY_HOLD_WATCH,               /* each WATCH waits for the release */
    PROXY_HOLD_EXEC,                /* each EXEC waits for the release */
    PROXY_SHUT                      /* connections are closed, and new ones as soon as they come */
};

struct redis_proxy;

/* Starts one on a free port; it ends with the test. */
struct redis_proxy *proxy_start(int redis_port);

int proxy_port(const struct redis_proxy *proxy);

/* The modes that cut fire once and then pass (or shut). */
void proxy_arm(struct redis_proxy *proxy, enum proxy_mode mode);

/* How many EXECs were cut off or held since the proxy was armed. */
int proxy_caught(struct redis_proxy *proxy);

/* Holds back what Redis says on the connections that have subscribed to something, or on those that have not, until it
 * is told otherwise: what is said to Redis still arrives. Apart from the mode. */
void proxy_stall(struct redis_proxy *proxy, bool subscribed, bool others);

/* Passes on what is held, and everything from now on. */
void proxy_release(struct redis_proxy *proxy);

#endif
