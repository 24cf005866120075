/* The port on which a program that has none for its work answers who watches it: GET and HEAD of /metrics, /health and
 * /ready, on METRICS_PORT. In threads of its own, with a Redis connection of its own: whatever is asked there, and
 * however slowly, is never in the way of the program's work.
 *
 * One request at a time asks Redis and what is needed besides. Another waits 1 s for its turn; then /metrics leaves out
 * what only Redis knows, and /ready is 503 with its checks "unknown".
 *
 * At most 16 connections at a time, 10 s for a silent one; a request's head has 8 KiB at most. Where all 16 are taken,
 * the oldest of them that has lasted 2 s, whatever it is doing, is closed for who comes next; a newcomer is closed
 * where there is none. So clients that never come to an end keep others out for 2 s. */
#ifndef SK_COMMON_MONITOR_H
#define SK_COMMON_MONITOR_H

#include "common/config.h"
#include "common/redis_url.h"

struct sk_monitor;

/* Something besides Redis that the program needs to do its work, asked at each /ready, never twice at a time. It may
 * block for some seconds. */
struct sk_monitor_need {
    const char *name; /* in the answer's checks: "postgres"; NULL: there is no such thing */
    bool (*reachable)(void *context);
    void *context; /* borrowed until sk_monitor_close */
};

/* Begins to answer where the configuration says so. *monitor is owned; NULL where METRICS_PORT is 0.
 * SK_VALIDATION_ERROR: the port cannot be had; SK_INTERNAL_ERROR: anything else. error says why. */
enum sk_code sk_monitor_open(const struct sk_config *config, const struct sk_redis_url *redis,
                             const struct sk_monitor_need *need, struct sk_monitor **monitor, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Ends it; blocks until an answer in hand is given: for Redis' timeout and what the need takes, at most. NULL is legal.
 */
void sk_monitor_close(struct sk_monitor *monitor);

#endif
