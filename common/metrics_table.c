/* The table of metrics, and what can be said of it without counting anything. */
#include "common/metrics_table.h"

#include "common/metrics_segment.h"

#include <string.h>

/* Upper bounds, ascending; the first 0 ends them. */
static const double switch_ms[] = {0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 0};
static const double request_s[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 0};
static const double redis_s[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                 0.05,   0.1,     0.25,   0.5,   1,      5,     0};
static const double write_s[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 0};
static const double lateness_s[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 0};

static const struct sk_metric_kind kinds[] = {
    [SK_METRIC_HTTP_REQUESTS] = {"synckairos_http_requests_total", SK_COUNTER, true, NULL, "Requests answered."},
    [SK_METRIC_HTTP_DURATION] = {"synckairos_http_request_duration_seconds", SK_HISTOGRAM, true, request_s,
                                 "Time from a request's arrival to its answer."},
    [SK_METRIC_CYCLE_SWITCHES] = {"synckairos_cycle_switches_total", SK_COUNTER, true, NULL, "Switches committed."},
    [SK_METRIC_CYCLE_SWITCH_DURATION] = {"synckairos_cycle_switch_duration_ms", SK_HISTOGRAM, false, switch_ms,
                                         "Time to load, decide and commit a switch."},
    [SK_METRIC_STATE_CONFLICTS] = {"synckairos_state_conflicts_total", SK_COUNTER, false, NULL,
                                   "Commits lost to a concurrent change."},
    [SK_METRIC_EXPIRIES] = {"synckairos_expiries_total", SK_COUNTER, true, NULL, "Expiries committed."},
    [SK_METRIC_TIMER_LATENESS] = {"synckairos_timer_lateness_seconds", SK_HISTOGRAM, false, lateness_s,
                                  "Time from a deadline to the commit of its expiry."},
    [SK_METRIC_REDIS_DURATION] = {"synckairos_redis_duration_seconds", SK_HISTOGRAM, true, redis_s,
                                  "Time from sending commands to Redis to the last of their answers."},
    [SK_METRIC_REDIS_ERRORS] = {"synckairos_redis_errors_total", SK_COUNTER, false, NULL,
                                "Redis connections that broke or could not be had."},
    [SK_METRIC_RATE_LIMITED] = {"synckairos_rate_limited_total", SK_COUNTER, true, NULL, "Requests answered with 429."},
    [SK_METRIC_AUTH_FAILURES] = {"synckairos_auth_failures_total", SK_COUNTER, true, NULL,
                                 "Requests and connections whose token was missing, wrong or not enough."},
    [SK_METRIC_WS_CONNECTIONS] = {"synckairos_websocket_connections", SK_GAUGE, false, NULL,
                                  "Open WebSocket connections."},
    [SK_METRIC_WS_MESSAGES] = {"synckairos_websocket_messages_total", SK_COUNTER, true, NULL,
                               "WebSocket messages sent to clients."},
    [SK_METRIC_WS_CLOSES] = {"synckairos_websocket_closes_total", SK_COUNTER, true, NULL,
                             "WebSocket connections closed."},
    [SK_METRIC_WS_REPLACED] = {"synckairos_websocket_replaced_updates_total", SK_COUNTER, false, NULL,
                               "STATE_UPDATEs that a newer state replaced before they were sent."},
    [SK_METRIC_BROADCAST_LAG] = {"synckairos_broadcast_lag_seconds", SK_HISTOGRAM, false, lateness_s,
                                 "Time from a commit to the write of its message to a client's socket."},
    [SK_METRIC_AUDIT_WRITTEN] = {"synckairos_audit_events_written_total", SK_COUNTER, false, NULL,
                                 "Audit events written to PostgreSQL."},
    [SK_METRIC_AUDIT_FAILED] = {"synckairos_audit_events_failed_total", SK_COUNTER, false, NULL,
                                "Audit events that PostgreSQL refused for good."},
    [SK_METRIC_AUDIT_DURATION] = {"synckairos_audit_write_duration_seconds", SK_HISTOGRAM, false, write_s,
                                  "Time that PostgreSQL took for a batch of audit events."},
    [SK_METRIC_PROCESS_STARTS] = {"synckairos_process_starts_total", SK_COUNTER, true, NULL,
                                  "Processes that began to serve, by program."},
};
_Static_assert(sizeof kinds / sizeof kinds[0] == SK_METRIC_COUNT, "a row for each metric");

const struct sk_metric_kind *sk_metric_kind(enum sk_metric metric)
{
    return (size_t)metric < SK_METRIC_COUNT ? &kinds[metric] : NULL;
}

size_t sk_metric_buckets(const struct sk_metric_kind *kind)
{
    size_t count = 0;
    while (kind->bounds && kind->bounds[count] > 0) {
        count++;
    }
    return count;
}

uint64_t sk_metric_hash(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    while (length > 0) {
        uint64_t word = 0;
        size_t taken = length < sizeof word ? length : sizeof word;
        memcpy(&word, at, taken);
        hash = (hash ^ word) * UINT64_C(1099511628211);
        hash ^= hash >> 32; /* a product's upper bits depend on all of the word, its lower ones do not */
        at += taken;
        length -= taken;
    }
    return hash;
}

uint64_t sk_metric_layout(void)
{
    const size_t sizes[] = {sizeof(struct sk_metrics_segment), sizeof(struct sk_series), sizeof(struct sk_process_slot),
                            SK_METRIC_COUNT, SK_SERIES_CELLS};
    uint64_t hash = sk_metric_hash(SK_METRIC_HASH_START, sizes, sizeof sizes);
    for (size_t i = 0; i < SK_METRIC_COUNT; i++) {
        hash = sk_metric_hash(hash, kinds[i].name, strlen(kinds[i].name) + 1);
        hash = sk_metric_hash(hash, &kinds[i].type, sizeof kinds[i].type);
        hash = sk_metric_hash(hash, kinds[i].bounds, sk_metric_buckets(&kinds[i]) * sizeof(double));
    }
    return hash;
}

/* Takes name="value" off the text; false if it does not begin so. */
static bool take_label(const char **text)
{
    const char *at = *text;
    while (*at == '_' || (*at >= 'a' && *at <= 'z')) {
        at++;
    }
    if (at == *text || at[0] != '=' || at[1] != '"') {
        return false;
    }
    for (at += 2; *at >= 0x20 && *at < 0x7f && *at != '"'; at++) {
        if (*at == '\\' && *++at != '\\' && *at != '"' && *at != 'n') {
            return false;
        }
    }
    *text = at + 1;
    return *at == '"';
}

bool sk_metric_labels_valid(const char *labels)
{
    if (!labels[0]) {
        return true;
    }
    if (strlen(labels) >= SK_SERIES_LABEL_BYTES - 1) {
        return false;
    }
    while (take_label(&labels)) {
        if (!*labels) {
            return true;
        }
        if (*labels++ != ',') {
            return false;
        }
    }
    return false;
}
