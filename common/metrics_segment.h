/* The memory that the counters live in: its layout, and the file that several processes map it from.
 * All zeros is a segment in which nothing has been counted yet; every member is changed atomically. */
#ifndef SK_COMMON_METRICS_SEGMENT_H
#define SK_COMMON_METRICS_SEGMENT_H

#include "common/error.h"
#include "common/metrics.h"

#include <stdatomic.h>
#include <stdint.h>

#define SK_SERIES_MAX 1024
#define SK_SERIES_LABEL_BYTES 112
#define SK_SERIES_CELLS 18 /* of a histogram: 16 buckets, what is above them, and the sum; of a counter: one */
#define SK_PROCESSES_MAX 256

/* One counter or histogram with its labels. The first SK_METRIC_COUNT of them stand for each metric without labels,
 * the others are an open hash table: claimed by setting hash, readable once ready, never given back. */
struct sk_series {
    _Alignas(64) _Atomic uint64_t hash; /* 0: free */
    _Atomic uint32_t ready;
    uint32_t metric;
    char labels[SK_SERIES_LABEL_BYTES];
    _Atomic uint64_t cells[SK_SERIES_CELLS];
};

/* What one process tells of itself, until it ends: whose it is, metrics_process.c knows. */
struct sk_process_slot {
    _Alignas(64) _Atomic uint32_t used; /* 0: nobody's yet, or changing hands */
    char program[SK_METRICS_PROGRAM_BYTES];
    _Atomic int64_t started_ms; /* epoch */
    _Atomic int64_t resident_bytes;
    _Atomic int64_t gauges[SK_METRIC_COUNT];
};

struct sk_metrics_segment {
    char magic[8];
    uint64_t layout;
    struct sk_series series[SK_SERIES_MAX];
    struct sk_process_slot processes[SK_PROCESSES_MAX];
};

/* Where this process counts: memory of its own until a file is opened; NULL: nowhere. */
struct sk_metrics_segment *sk_metrics_segment(void);

/* The segment's file, for locks on its bytes; -1: there is none. Borrowed. It stays open as long as the segment:
 * closing any descriptor of a file drops all record locks that the process has on it. */
int sk_metrics_segment_file(void);

/* Counts nowhere from now on. Called before threads start. */
void sk_metrics_segment_close(void);

/* Maps the file, creating it (0600) where there is none, and counts there from now on; layout is the hash that it must
 * bear. Any number of processes may do so at once. Called before threads start. SK_VALIDATION_ERROR: the file cannot be
 * used, nothing has changed; error says why. Blocks for up to 30 s while another process holds the file's lock. */
enum sk_code sk_metrics_segment_open(const char *path, uint64_t layout, struct sk_error *error)
    __attribute__((warn_unused_result));

/* A histogram's sum is a double, kept by its bits. */
static inline double sk_metric_double(uint64_t bits)
{
    union {
        uint64_t bits;
        double value;
    } both = {.bits = bits};
    return both.value;
}

static inline uint64_t sk_metric_bits(double value)
{
    union {
        double value;
        uint64_t bits;
    } both = {.value = value};
    return both.bits;
}

#endif
