/* What has been counted, in Prometheus text format 0.0.4. Only reads the segment; series that two processes claimed at
 * once for the same labels are shown as one. */
#include "common/metrics.h"
#include "common/metrics_process.h"
#include "common/metrics_segment.h"
#include "common/metrics_table.h"
#include "common/version.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append_head(struct sk_buffer *out, const char *name, const char *type, const char *help)
{
    sk_buffer_append_format(out, "# HELP %s ", name);
    for (; *help; help++) {
        sk_buffer_append_text(out, *help == '\\' ? "\\\\" : *help == '\n' ? "\\n" : "");
        if (*help != '\\' && *help != '\n') {
            sk_buffer_append_char(out, *help);
        }
    }
    sk_buffer_append_format(out, "\n# TYPE %s %s\n", name, type);
}

/* name_suffix{labels,extra} and a blank. */
static void append_name(struct sk_buffer *out, const char *name, const char *suffix, const char *labels,
                        const char *extra)
{
    sk_buffer_append_format(out, "%s%s", name, suffix);
    if (labels[0] || extra[0]) {
        sk_buffer_append_format(out, "{%s%s%s}", labels, labels[0] && extra[0] ? "," : "", extra);
    }
    sk_buffer_append_char(out, ' ');
}

/* What is shown as one series: the sum of those with the same labels. */
struct reading {
    char labels[SK_SERIES_LABEL_BYTES];
    uint64_t cells[SK_SERIES_CELLS]; /* the last one of a histogram: the sum's bits */
};

static void read_into(struct reading *reading, struct sk_series *series)
{
    for (size_t i = 0; i < SK_SERIES_CELLS; i++) {
        uint64_t cell = atomic_load_explicit(&series->cells[i], memory_order_relaxed);
        bool is_sum = i == SK_SERIES_CELLS - 1;
        reading->cells[i] = is_sum ? sk_metric_bits(sk_metric_double(reading->cells[i]) + sk_metric_double(cell))
                                   : reading->cells[i] + cell;
    }
}

static void append_histogram(struct sk_buffer *out, const struct sk_metric_kind *kind, const struct reading *reading)
{
    uint64_t count = 0;
    size_t buckets = sk_metric_buckets(kind);
    for (size_t i = 0; i <= buckets; i++) {
        char limit[40] = "le=\"+Inf\"";
        if (i < buckets) {
            (void)snprintf(limit, sizeof limit, "le=\"%g\"", kind->bounds[i]);
        }
        count += reading->cells[i];
        append_name(out, kind->name, "_bucket", reading->labels, limit);
        sk_buffer_append_format(out, "%llu\n", (unsigned long long)count);
    }
    append_name(out, kind->name, "_sum", reading->labels, "");
    sk_buffer_append_format(out, "%.15g\n", sk_metric_double(reading->cells[SK_SERIES_CELLS - 1]));
    append_name(out, kind->name, "_count", reading->labels, "");
    sk_buffer_append_format(out, "%llu\n", (unsigned long long)count);
}

static void append_series(struct sk_buffer *out, const struct sk_metric_kind *kind, const struct reading *reading)
{
    if (kind->type == SK_HISTOGRAM) {
        append_histogram(out, kind, reading);
        return;
    }
    append_name(out, kind->name, "", reading->labels, "");
    sk_buffer_append_format(out, "%llu\n", (unsigned long long)reading->cells[0]);
}

static bool has_counted(const struct reading *reading)
{
    for (size_t i = 0; i < SK_SERIES_CELLS; i++) {
        if (reading->cells[i] != 0) {
            return true;
        }
    }
    return false;
}

struct entry {
    struct sk_series *series;
};

static int by_labels(const void *one, const void *other)
{
    const struct entry *a = one;
    const struct entry *b = other;
    return strncmp(a->series->labels, b->series->labels, sizeof a->series->labels);
}

/* The labelled series of a metric, ordered by their labels. */
static size_t collect(enum sk_metric metric, struct entry list[SK_SERIES_MAX])
{
    struct sk_metrics_segment *segment = sk_metrics_segment();
    size_t count = 0;
    for (size_t i = SK_METRIC_COUNT; i < SK_SERIES_MAX; i++) {
        struct sk_series *series = &segment->series[i];
        if (atomic_load_explicit(&series->ready, memory_order_acquire) && series->metric == metric) {
            list[count++].series = series;
        }
    }
    qsort(list, count, sizeof *list, by_labels);
    return count;
}

static void append_counted(struct sk_buffer *out, enum sk_metric metric, const struct sk_metric_kind *kind)
{
    struct reading unlabelled = {.labels = ""};
    read_into(&unlabelled, &sk_metrics_segment()->series[metric]);
    if (!kind->labelled || has_counted(&unlabelled)) {
        append_series(out, kind, &unlabelled);
    }
    struct entry list[SK_SERIES_MAX];
    size_t count = collect(metric, list);
    for (size_t i = 0; i < count;) {
        struct reading reading = {.labels = ""};
        memcpy(reading.labels, list[i].series->labels, sizeof reading.labels - 1);
        size_t first = i;
        while (i < count && by_labels(&list[first], &list[i]) == 0) {
            read_into(&reading, list[i++].series);
        }
        append_series(out, kind, &reading);
    }
}

static void append_all_counted(struct sk_buffer *out, const int64_t gauges[SK_METRIC_COUNT])
{
    static const char *const types[] = {[SK_COUNTER] = "counter", [SK_GAUGE] = "gauge", [SK_HISTOGRAM] = "histogram"};
    for (size_t i = 0; i < SK_METRIC_COUNT; i++) {
        const struct sk_metric_kind *kind = sk_metric_kind((enum sk_metric)i);
        append_head(out, kind->name, types[kind->type], kind->help);
        if (kind->type == SK_GAUGE) {
            sk_buffer_append_format(out, "%s %lld\n", kind->name, (long long)gauges[i]);
        } else {
            append_counted(out, (enum sk_metric)i, kind);
        }
    }
}

void sk_metrics_write_gauge(struct sk_buffer *out, const char *name, const char *help,
                            const struct sk_metric_reading *readings, size_t count)
{
    append_head(out, name, "gauge", help);
    for (size_t i = 0; i < count; i++) {
        if (sk_metric_labels_valid(readings[i].labels)) {
            append_name(out, name, "", readings[i].labels, "");
            sk_buffer_append_format(out, "%.15g\n", readings[i].value);
        }
    }
}

/* --- processes -------------------------------------------------------------------------------------------------- */

#define PROGRAMS_MAX 16 /* there are four */

/* What the living processes of a program tell, together. */
struct program {
    char labels[SK_METRICS_PROGRAM_BYTES + sizeof "program=\"\""];
    int64_t processes, started_ms, resident_bytes;
};

struct census {
    struct program programs[PROGRAMS_MAX];
    size_t count;
    int64_t gauges[SK_METRIC_COUNT];
};

/* The row of that program, a new one if need be; NULL: there is no room. */
static struct program *row_of(struct census *census, const char *name)
{
    char labels[sizeof census->programs[0].labels];
    (void)snprintf(labels, sizeof labels, "program=\"%.*s\"", SK_METRICS_PROGRAM_BYTES - 1, name);
    for (size_t i = 0; i < census->count; i++) {
        if (strcmp(census->programs[i].labels, labels) == 0) {
            return &census->programs[i];
        }
    }
    if (census->count == PROGRAMS_MAX) {
        return NULL;
    }
    memcpy(census->programs[census->count].labels, labels, sizeof labels);
    return &census->programs[census->count++];
}

static void count_living(struct census *census, struct program *program, const struct sk_process_slot *slot)
{
    int64_t started_ms = atomic_load(&slot->started_ms);
    program->processes++;
    program->resident_bytes += atomic_load(&slot->resident_bytes);
    program->started_ms = program->started_ms > started_ms ? program->started_ms : started_ms;
    for (size_t i = 0; i < SK_METRIC_COUNT; i++) {
        census->gauges[i] += atomic_load_explicit(&slot->gauges[i], memory_order_relaxed);
    }
}

/* Also programs of which no process lives any more. */
static void take_census(struct census *census)
{
    struct sk_metrics_segment *segment = sk_metrics_segment();
    *census = (struct census){.count = 0};
    for (size_t i = 0; i < SK_PROCESSES_MAX; i++) {
        const struct sk_process_slot *slot = &segment->processes[i];
        struct program *program = atomic_load(&slot->used) ? row_of(census, slot->program) : NULL;
        if (program && sk_metrics_process_lives(i)) {
            count_living(census, program, slot);
        }
    }
}

static int by_program(const void *one, const void *other)
{
    const struct program *a = one;
    const struct program *b = other;
    return strcmp(a->labels, b->labels);
}

static void append_processes(struct sk_buffer *out, struct census *census)
{
    struct sk_metric_reading living[PROGRAMS_MAX];
    struct sk_metric_reading started[PROGRAMS_MAX];
    struct sk_metric_reading resident[PROGRAMS_MAX];
    size_t alive = 0;
    qsort(census->programs, census->count, sizeof census->programs[0], by_program);
    for (size_t i = 0; i < census->count; i++) {
        const struct program *program = &census->programs[i];
        living[i] = (struct sk_metric_reading){program->labels, (double)program->processes};
        if (program->processes > 0) {
            started[alive] = (struct sk_metric_reading){program->labels, (double)program->started_ms / 1e3};
            resident[alive++] = (struct sk_metric_reading){program->labels, (double)program->resident_bytes};
        }
    }
    sk_metrics_write_gauge(out, "synckairos_processes", "Processes that live, by program.", living, census->count);
    sk_metrics_write_gauge(out, "synckairos_process_start_time_seconds",
                           "When the newest of a program's processes started, since 1970.", started, alive);
    sk_metrics_write_gauge(out, "synckairos_process_resident_memory_bytes",
                           "Resident memory of a program's living processes.", resident, alive);
}

void sk_metrics_write(struct sk_buffer *out)
{
    static const struct sk_metric_reading version[] = {{"version=\"" SK_VERSION "\"", 1}};
    if (sk_metrics_segment()) {
        struct census census;
        take_census(&census);
        append_all_counted(out, census.gauges);
        append_processes(out, &census);
    }
    sk_metrics_write_gauge(out, "synckairos_build_info", "The version of the program that answers.", version, 1);
}
