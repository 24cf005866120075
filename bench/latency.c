/* The buckets. */
#include "bench/latency.h"

#include <stdlib.h>
#include <string.h>

#define BUCKET_US 20
#define BUCKETS 500000 /* the last one holds whatever took longer */

bool latencies_init(struct latencies *latencies)
{
    *latencies = (struct latencies){.buckets = calloc(BUCKETS, sizeof(*latencies->buckets))};
    return latencies->buckets;
}

void latencies_free(struct latencies *latencies)
{
    free(latencies->buckets);
    latencies->buckets = NULL;
}

void latencies_add(struct latencies *latencies, int64_t took_us)
{
    took_us = took_us < 0 ? 0 : took_us;
    latencies->count++;
    latencies->buckets[took_us / BUCKET_US < BUCKETS ? took_us / BUCKET_US : BUCKETS - 1]++;
    latencies->max_us = took_us > latencies->max_us ? took_us : latencies->max_us;
}

/* The bucket in which the given share of all is reached; its upper end. */
static int64_t percentile(const struct latencies *latencies, uint64_t per_cent)
{
    const uint64_t wanted = (latencies->count * per_cent + 99) / 100;
    uint64_t seen = 0;
    for (int64_t i = 0; i < BUCKETS; i++) {
        seen += latencies->buckets[i];
        if (seen >= wanted) {
            return (i + 1) * BUCKET_US;
        }
    }
    return latencies->max_us;
}

void latencies_take(struct latencies *latencies, struct latency *latency)
{
    *latency = (struct latency){.count = latencies->count};
    if (latencies->count > 0) {
        latency->p50_us = percentile(latencies, 50);
        latency->p99_us = percentile(latencies, 99);
        latency->max_us = latencies->max_us;
    }
    memset(latencies->buckets, 0, BUCKETS * sizeof(*latencies->buckets));
    latencies->count = 0;
    latencies->max_us = 0;
}
