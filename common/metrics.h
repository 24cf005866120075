/* Counters of all programs of a host, in one shared memory segment (a mapped file), so that one scrape tells of all.
 * Adding is one atomic instruction, without a lock; a process that dies loses nothing it has counted, and its
 * gauges are left out from then on, also where the processes see each other's file but not each other's pids
 * (containers with one volume). The layout carries a hash: a segment of another layout is refused.
 * Without a segment (unit tests) every call works on memory of the process. */
#ifndef SK_COMMON_METRICS_H
#define SK_COMMON_METRICS_H

#include "common/buffer.h"
#include "common/error.h"

#include <stdint.h>

#define SK_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8" /* of what sk_metrics_write appends */

enum sk_metric {
    SK_METRIC_HTTP_REQUESTS,         /* synckairos_http_requests_total{method,route,status} */
    SK_METRIC_HTTP_DURATION,         /* synckairos_http_request_duration_seconds{route}: histogram */
    SK_METRIC_CYCLE_SWITCHES,        /* synckairos_cycle_switches_total{mode} */
    SK_METRIC_CYCLE_SWITCH_DURATION, /* synckairos_cycle_switch_duration_ms: histogram */
    SK_METRIC_STATE_CONFLICTS,       /* synckairos_state_conflicts_total */
    SK_METRIC_EXPIRIES,              /* synckairos_expiries_total{mode} */
    SK_METRIC_TIMER_LATENESS,        /* synckairos_timer_lateness_seconds: histogram, deadline to commit */
    SK_METRIC_REDIS_DURATION,        /* synckairos_redis_duration_seconds{operation}: histogram, a round trip */
    SK_METRIC_REDIS_ERRORS,          /* synckairos_redis_errors_total */
    SK_METRIC_RATE_LIMITED,          /* synckairos_rate_limited_total{limit} */
    SK_METRIC_AUTH_FAILURES,         /* synckairos_auth_failures_total{reason} */
    SK_METRIC_WS_CONNECTIONS,        /* synckairos_websocket_connections: gauge, a process */
    SK_METRIC_WS_MESSAGES,           /* synckairos_websocket_messages_total{type} */
    SK_METRIC_WS_CLOSES,             /* synckairos_websocket_closes_total{code} */
    SK_METRIC_WS_REPLACED,           /* synckairos_websocket_replaced_updates_total */
    SK_METRIC_BROADCAST_LAG,         /* synckairos_broadcast_lag_seconds: histogram, commit to socket write */
    SK_METRIC_AUDIT_WRITTEN,         /* synckairos_audit_events_written_total */
    SK_METRIC_AUDIT_FAILED,          /* synckairos_audit_events_failed_total */
    SK_METRIC_AUDIT_DURATION,        /* synckairos_audit_write_duration_seconds: histogram, a batch in PostgreSQL */
    SK_METRIC_PROCESS_STARTS,        /* synckairos_process_starts_total{program}: counted by sk_metrics_refresh */
    SK_METRIC_COUNT
};

#define SK_METRICS_PROGRAM_BYTES 16

/* Opens or creates the segment, once, before threads start. path "": nothing is counted from now on, and every call
 * returns at once. program: the label under which this process tells of itself, of a-z, 0-9, _ and -, and cut to
 * SK_METRICS_PROGRAM_BYTES - 1. SK_VALIDATION_ERROR: the file cannot be used; error says why. */
enum sk_code sk_metrics_open(const char *path, const char *program, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Notes that this process lives, the first time also that it has started, and what memory it has resident. For the loop
 * of every program that serves: does so at most once a second, and is a look at the clock otherwise. Does not block. */
void sk_metrics_refresh(void);

/* labels: "" or what stands between the braces, e.g. mode="global"; at most 110 bytes, values from a small fixed set
 * (never an id). A full table counts the rest under no labels. */
void sk_metrics_add(enum sk_metric metric, const char *labels, uint64_t count);
void sk_metrics_observe(enum sk_metric metric, const char *labels, double value);

/* The same value so many times, at the cost of one. */
void sk_metrics_observe_times(enum sk_metric metric, const char *labels, double value, uint64_t times);

/* A gauge of this process; /metrics shows the sum over the living ones. */
void sk_metrics_set(enum sk_metric metric, int64_t value);

/* Appends everything in Prometheus text format 0.0.4: what was counted, what the living processes tell of themselves,
 * and the version of this program. */
void sk_metrics_write(struct sk_buffer *out);

/* Appends one gauge that was measured just now and lives nowhere (e.g. the audit queue's size): HELP, TYPE and
 * one line for each of count (labels, value) pairs. */
struct sk_metric_reading {
    const char *labels;
    double value; /* shown with 15 digits */
};
void sk_metrics_write_gauge(struct sk_buffer *out, const char *name, const char *help,
                            const struct sk_metric_reading *readings, size_t count);

#endif
