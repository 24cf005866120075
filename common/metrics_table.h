/* What is counted: one row a metric, with its name, type and text. */
#ifndef SK_COMMON_METRICS_TABLE_H
#define SK_COMMON_METRICS_TABLE_H

#include "common/metrics.h"

#include <stdbool.h>
#include <stddef.h>

enum sk_metric_type { SK_COUNTER, SK_GAUGE, SK_HISTOGRAM };

struct sk_metric_kind {
    const char *name;
    enum sk_metric_type type;
    bool labelled;        /* without labels it only stands for what found no room */
    const double *bounds; /* of a histogram: the buckets' upper bounds, ascending, ended by a 0 */
    const char *help;
};

/* The row of a metric; NULL for a number that is none. Static storage. */
const struct sk_metric_kind *sk_metric_kind(enum sk_metric metric);

size_t sk_metric_buckets(const struct sk_metric_kind *kind);

/* A hash of all that two programs must agree on to count in one segment. */
uint64_t sk_metric_layout(void);

/* Goes on hashing over some bytes more: FNV-1a's step, a word at a time. On every host its own byte order: the hash
 * never leaves the machine. */
#define SK_METRIC_HASH_START UINT64_C(14695981039346656037)
uint64_t sk_metric_hash(uint64_t hash, const void *bytes, size_t length);

/* Whether labels are "" or name="value", … as the text format asks: names of lower-case letters and _, values of
 * printable ASCII in which backslash, quote and newline are escaped, and short enough for a series. */
bool sk_metric_labels_valid(const char *labels);

#endif
