/* Counting. Owns the rule of which series and which gauges are whose; the segment's file is metrics_segment.c's
 * business, its text metrics_text.c's. Nothing here takes a lock or fails: what has no room for its labels is counted
 * without them. */
#include "common/metrics.h"

#include "common/metrics_segment.h"
#include "common/metrics_table.h"
#include "common/process_mark.h"

#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define PROBES_MAX 64 /* a full neighbourhood is as good as a full table */

_Static_assert(ATOMIC_LONG_LOCK_FREE == 2, "64-bit atomics work between processes");

/* Where this process' gauges are: pid in the upper half, slot in the lower. 0: nowhere yet. */
static _Atomic uint64_t own_place;
#define BEING_CLAIMED UINT32_MAX
#define NOWHERE (UINT32_MAX - 1)

enum sk_code sk_metrics_open(const char *path, struct sk_error *error)
{
    enum sk_code code = sk_metrics_segment_open(path, sk_metric_layout(), error);
    if (code == SK_OK) {
        atomic_store(&own_place, 0);
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

static bool is_of_type(enum sk_metric metric, enum sk_metric_type type)
{
    const struct sk_metric_kind *kind = sk_metric_kind(metric);
    return kind && kind->type == type;
}

void sk_metrics_add(enum sk_metric metric, const char *labels, uint64_t count)
{
    if (is_of_type(metric, SK_COUNTER)) {
        atomic_fetch_add_explicit(&series_of(metric, labels)->cells[0], count, memory_order_relaxed);
    }
}

void sk_metrics_observe(enum sk_metric metric, const char *labels, double value)
{
    if (!is_of_type(metric, SK_HISTOGRAM) || !isfinite(value)) {
        return;
    }
    value = value > 0 ? value : 0; /* the clocks of two hosts may make a span look negative */
    struct sk_series *series = series_of(metric, labels);
    const double *limits = sk_metric_kind(metric)->bounds;
    size_t bucket = 0;
    while (limits[bucket] > 0 && value > limits[bucket]) {
        bucket++;
    }
    atomic_fetch_add_explicit(&series->cells[bucket], 1, memory_order_relaxed);
    _Atomic uint64_t *sum = &series->cells[SK_SERIES_CELLS - 1];
    uint64_t before = atomic_load_explicit(sum, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(sum, &before, sk_metric_bits(sk_metric_double(before) + value))) {
    }
}

/* Makes the gauges this process' own, unless somebody living has them. */
static bool claim(struct sk_gauges *gauges, uint64_t mark)
{
    uint64_t owner = atomic_load(&gauges->owner);
    uint64_t owner_mark = owner & ~SK_GAUGES_CLAIMED;
    if (owner_mark != 0 && owner_mark != mark && sk_process_mark_lives(owner_mark)) {
        return false;
    }
    if (!atomic_compare_exchange_strong(&gauges->owner, &owner, mark | SK_GAUGES_CLAIMED)) {
        return false;
    }
    for (size_t i = 0; i < SK_METRIC_COUNT; i++) {
        atomic_store(&gauges->values[i], 0);
    }
    atomic_store(&gauges->owner, mark);
    return true;
}

/* Claims gauges for this process and gives their number; NOWHERE if there are too many processes. */
static uint32_t find_place(void)
{
    struct sk_metrics_segment *segment = sk_metrics_segment();
    uint64_t mark = sk_process_mark();
    for (uint32_t i = 0; i < SK_GAUGE_PROCESSES_MAX; i++) {
        if (claim(&segment->gauges[i], mark)) {
            return i;
        }
    }
    return NOWHERE;
}

/* This process' gauges, claimed now if it has none yet (also: none since it was forked). One thread claims them, the
 * others wait for it. NULL: there are too many processes. */
static struct sk_gauges *own_gauges(void)
{
    uint64_t process = (uint64_t)getpid() << 32;
    uint64_t place = atomic_load(&own_place);
    while ((place & ~(uint64_t)UINT32_MAX) != process || (uint32_t)place == BEING_CLAIMED) {
        if ((place & ~(uint64_t)UINT32_MAX) == process) {
            (void)sched_yield();
            place = atomic_load(&own_place);
        } else if (atomic_compare_exchange_strong(&own_place, &place, process | BEING_CLAIMED)) {
            place = process | find_place();
            atomic_store(&own_place, place);
        }
    }
    return (uint32_t)place == NOWHERE ? NULL : &sk_metrics_segment()->gauges[(uint32_t)place];
}

void sk_metrics_set(enum sk_metric metric, int64_t value)
{
    struct sk_gauges *gauges = is_of_type(metric, SK_GAUGE) ? own_gauges() : NULL;
    if (gauges) {
        atomic_store_explicit(&gauges->values[metric], value, memory_order_relaxed);
    }
}
