/* The descent of one life's events: which event followed which, what is missing between them, and where history
 * branched. Pure: knows ids, versions and instants, neither SQL nor what an event says. */
#ifndef SK_AUDIT_LINEAGE_H
#define SK_AUDIT_LINEAGE_H

#include "common/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sk_lineage_event {
    char event_id[SK_UUID_BYTES];
    char prev_event_id[SK_UUID_BYTES]; /* "": none */
    int64_t version;
    int64_t at_ms;
    size_t prev; /* position of the event before it; SK_NO_EVENT */
    bool is_taken;
};
#define SK_NO_EVENT SIZE_MAX

/* Where a line begins. */
enum sk_line_start {
    SK_LINE_FIRST,  /* an event that names none before it */
    SK_LINE_GAP,    /* the event that it names is not there */
    SK_LINE_BRANCH, /* the event that it names was followed by another one too */
    SK_LINE_CIRCLE  /* following the names leads back to it */
};

/* Events each of which follows the one in front of it. */
struct sk_line {
    enum sk_line_start start;
    size_t first; /* its place in order[] */
    size_t count;
};

/* Plain data; all arrays owned. A zeroed one is empty. */
struct sk_lineage {
    struct sk_lineage_event *events;
    size_t count;
    size_t capacity;
    size_t *order; /* positions in events[], line by line */
    struct sk_line *lines;
    size_t line_count;
};

void sk_lineage_clear(struct sk_lineage *lineage);

/* Adds an event with ids, version and instant. False: out of memory. */
bool sk_lineage_add(struct sk_lineage *lineage, const struct sk_lineage_event *event)
    __attribute__((warn_unused_result));

/* Orders what was added into lines. Every event is in exactly one; lines[0] ends with the newest one by instant, then
 * version, which is where a recovery would go on; the others follow, newest first. False: out of memory. */
bool sk_lineage_trace(struct sk_lineage *lineage) __attribute__((warn_unused_result));

/* The event at a place of a line; borrowed. */
const struct sk_lineage_event *sk_lineage_at(const struct sk_lineage *lineage, const struct sk_line *line,
                                             size_t place);

#endif
