/* Alerts: what an operator should hear of at once, POSTed as JSON to ALERT_WEBHOOK_URL by a thread of their own.
 * Whoever raises one never waits for the receiver. The URL is a secret: it stands in no log. */
#ifndef SK_AUDIT_ALERT_H
#define SK_AUDIT_ALERT_H

#include "common/error.h"
#include "common/log.h"

#include <stddef.h>

enum sk_alert_kind {
    SK_ALERT_EVENT_FAILED, /* audit_event_failed: an event was set aside */
    SK_ALERT_BACKLOG,      /* audit_backlog: too many wait for PostgreSQL */
    SK_ALERT_FAILED_MANY,  /* audit_failed_many: too many were set aside */
    SK_ALERT_DROPPING,     /* audit_dropping: the stream is full, events are being lost */
    SK_ALERT_KIND_COUNT
};

struct sk_alert;

/* Starts the thread. url: borrowed for good; "": there is nobody to tell, *alert is NULL. Signals that the caller has
 * blocked stay blocked in the thread. curl_global_init is the program's business. *alert: owned.
 * SK_INTERNAL_ERROR: no thread, or out of memory. */
enum sk_code sk_alert_open(const char *url, struct sk_alert **alert, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Sends what is still waiting, once, and ends the thread; blocks for up to 2 s. */
void sk_alert_close(struct sk_alert *alert);

/* sk_alert_send(alert, SK_ALERT_BACKLOG, "many wait", SK_I("waiting", 17)); */
#define sk_alert_send(alert, kind, text, ...)                                                                          \
    sk_alert_raise((alert), (kind), (text), (const struct sk_log_field[]){{0}, ##__VA_ARGS__},                         \
                   sizeof((const struct sk_log_field[]){{0}, ##__VA_ARGS__}) / sizeof(struct sk_log_field))

/* Hands an alert to the thread; blocks for no longer than a lock is held. One a minute of each kind is sent; of those
 * in between the newest stands for all, once the minute is over, and tells in details.left_out how many it stands for
 * beside itself. So no more than one of each kind ever waits. Texts are cut, and what is no UTF-8 in them is replaced.
 * alert NULL: nothing happens. fields[0] is skipped: it only lets the list be empty. */
void sk_alert_raise(struct sk_alert *alert, enum sk_alert_kind kind, const char *text,
                    const struct sk_log_field *fields, size_t count);

#endif
