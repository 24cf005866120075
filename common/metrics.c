/* Counting. Owns the rule of which series is whose; the segment's file is metrics_segment.c's business, what belongs to
 * one process metrics_process.c's, its text metrics_text.c's. Nothing here takes a lock or fails: what has no room for
 * its labels is counted without them. */
#include "common/metrics.h"

#include "common/metrics_process.h"
#include "common/metrics_segment.h"
#include "common/metrics_table.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define PROBES_MAX 64 /* a full neighbourhood is as good as a full table */

_Static_assert(ATOMIC_LONG_LOCK_FREE == 2, "64-bit atomics work between processes");

enum sk_code sk_metrics_open(const char *path, const char *program, struct sk_error *error)
{
    if (!path[0]) {
        sk_metrics_segment_close();
        return SK_OK;
    }
    enum sk_code code = sk_metrics_segment_open(path, sk_metric_layout(), error);
    if (code == SK_OK) {
        sk_metrics_process_begin(program);
    }
    return code;
}

/* The series at a place of the table if it is this one, or has just become so; else NULL. A series that another process
 * is about to sign is passed over: then there may be two alike, which are summed up when they are shown. */
static struct sk_series *try_place(struct sk_series *series, uint64_t hash, enum sk_metric metric, const char *labels)
{
    uint64_t found = 0;
    if (atomic_load_explicit(&series->hash, memory_order_relaxed) == 0 &&
        atomic_compare_exchange_strong(&series->hash, &found, hash)) {
        series->metric = metric;
        memcpy(series->labels, labels, strlen(labels) + 1);
        atomic_store_explicit(&series->ready, 1, memory_order_release);
        return series;
    }
    bool alike = atomic_load_explicit(&series->hash, memory_order_relaxed) == hash &&
                 atomic_load_explicit(&series->ready, memory_order_acquire) && series->metric == metric &&
                 strncmp(series->labels, labels, sizeof series->labels) == 0;
    return alike ? series : NULL;
}

static struct sk_series *series_of(enum sk_metric metric, const char *labels)
{
    struct sk_metrics_segment *segment = sk_metrics_segment();
    struct sk_series *unlabelled = &segment->series[metric];
    if (!labels || !labels[0]) {
        return unlabelled;
    }
    uint64_t hash = sk_metric_hash(SK_METRIC_HASH_START + metric, labels, strlen(labels)) | 1;
    uint64_t start = hash >> 32;
    struct sk_series *table = segment->series + SK_METRIC_COUNT;
    for (size_t probe = 0; probe < PROBES_MAX; probe++) {
        struct sk_series *place = &table[(start + probe) % (SK_SERIES_MAX - SK_METRIC_COUNT)];
        bool is_free = atomic_load_explicit(&place->hash, memory_order_relaxed) == 0;
        if (is_free && !sk_metric_labels_valid(labels)) {
            return unlabelled;
        }
        struct sk_series *series = try_place(place, hash, metric, labels);
        if (series) {
            return series;
        }
    }
    return unlabelled;
}

/* Whether there is something to count so, and somewhere. */
static bool is_counted(enum sk_metric metric, enum sk_metric_type type)
{
    const struct sk_metric_kind *kind = sk_metrics_segment() ? sk_metric_kind(metric) : NULL;
    return kind && kind->type == type;
}

void sk_metrics_add(enum sk_metric metric, const char *labels, uint64_t count)
{
    if (is_counted(metric, SK_COUNTER)) {
        atomic_fetch_add_explicit(&series_of(metric, labels)->cells[0], count, memory_order_relaxed);
    }
}

void sk_metrics_observe_times(enum sk_metric metric, const char *labels, double value, uint64_t times)
{
    if (!is_counted(metric, SK_HISTOGRAM) || !isfinite(value)) {
        return;
    }
    value = value > 0 ? value : 0; /* the clocks of two hosts may make a span look negative */
    struct sk_series *series = series_of(metric, labels);
    const double *limits = sk_metric_kind(metric)->bounds;
    size_t bucket = 0;
    while (limits[bucket] > 0 && value > limits[bucket]) {
        bucket++;
    }
    atomic_fetch_add_explicit(&series->cells[bucket], times, memory_order_relaxed);
    _Atomic uint64_t *sum = &series->cells[SK_SERIES_CELLS - 1];
    uint64_t before = atomic_load_explicit(sum, memory_order_relaxed);
    value *= (double)times;
    while (!atomic_compare_exchange_weak(sum, &before, sk_metric_bits(sk_metric_double(before) + value))) {
    }
}

void sk_metrics_observe(enum sk_metric metric, const char *labels, double value)
{
    sk_metrics_observe_times(metric, labels, value, 1);
}

void sk_metrics_set(enum sk_metric metric, int64_t value)
{
    struct sk_process_slot *own = is_counted(metric, SK_GAUGE) ? sk_metrics_process_own() : NULL;
    if (own) {
        atomic_store_explicit(&own->gauges[metric], value, memory_order_relaxed);
    }
}
