/* How full the audit queue is, looked at every few seconds: a log line and an alert where a threshold is passed.
 * Decides what is worth saying, and never what becomes of an event. */
#ifndef SK_AUDIT_WATCH_H
#define SK_AUDIT_WATCH_H

#include "audit/alert.h"
#include "common/audit_queue.h"
#include "common/config.h"

#include <stdbool.h>
#include <stdint.h>

#define SK_WATCH_MS 5000           /* between two looks */
#define SK_WATCH_REMINDER_MS 60000 /* between two lines while a threshold stays passed */

/* One threshold's memory. Plain data; begins as zeroes. */
struct sk_threshold {
    bool over;
    int64_t remind_at_ms; /* monotonic */
};

enum sk_verdict { SK_VERDICT_QUIET, SK_VERDICT_RAISED, SK_VERDICT_REMINDED, SK_VERDICT_CLEARED };

/* Raised once when value has risen over limit, reminded each minute while it is, and cleared, so that it can be raised
 * again, once it is below four fifths of limit. limit 0: always quiet. Pure. */
enum sk_verdict sk_threshold_judge(struct sk_threshold *threshold, int64_t value, int64_t limit, int64_t now_ms);

/* Plain data; config and alert are borrowed, alert may be NULL, the rest begins as zeroes. */
struct sk_watch {
    const struct sk_config *config;
    struct sk_alert *alert;
    int64_t next_ms; /* monotonic */
    struct sk_threshold waiting;
    struct sk_threshold failed;
    struct sk_threshold length;
};

/* Looks, if it is time to: one round trip. A Redis that does not answer is somebody else's to complain of, and looked
 * at again in its turn. True: it was time. */
bool sk_watch_look(struct sk_watch *watch, struct sk_redis *redis);

#endif
