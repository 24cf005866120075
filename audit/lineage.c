/* Lines are found from their ends: the newest event that nobody followed, back to where its line begins, and so on
 * with what is left. */
#include "audit/lineage.h"

#include <stdlib.h>
#include <string.h>

void sk_lineage_clear(struct sk_lineage *lineage)
{
    free(lineage->events);
    free(lineage->order);
    free(lineage->lines);
    *lineage = (struct sk_lineage){.events = NULL};
}

bool sk_lineage_add(struct sk_lineage *lineage, const struct sk_lineage_event *event)
{
    if (lineage->count == lineage->capacity) {
        size_t capacity = lineage->capacity > 0 ? 2 * lineage->capacity : 64;
        struct sk_lineage_event *grown = realloc(lineage->events, capacity * sizeof(*grown));
        if (!grown) {
            return false;
        }
        lineage->events = grown;
        lineage->capacity = capacity;
    }
    lineage->events[lineage->count++] = *event;
    return true;
}

const struct sk_lineage_event *sk_lineage_at(const struct sk_lineage *lineage, const struct sk_line *line, size_t place)
{
    return &lineage->events[lineage->order[line->first + place]];
}

/* --- who follows whom ------------------------------------------------------------------------------------------- */

static int by_id(const void *left, const void *right, void *events)
{
    const struct sk_lineage_event *all = events;
    return strcmp(all[*(const size_t *)left].event_id, all[*(const size_t *)right].event_id);
}

/* The newest first. */
static int by_age(const void *left, const void *right, void *events)
{
    const struct sk_lineage_event *all = events;
    const struct sk_lineage_event *a = &all[*(const size_t *)left];
    const struct sk_lineage_event *b = &all[*(const size_t *)right];
    if (a->at_ms != b->at_ms) {
        return a->at_ms < b->at_ms ? 1 : -1;
    }
    if (a->version != b->version) {
        return a->version < b->version ? 1 : -1;
    }
    return strcmp(b->event_id, a->event_id);
}

static size_t find(const struct sk_lineage *lineage, const size_t *ids, const char *event_id)
{
    size_t low = 0;
    size_t high = lineage->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(lineage->events[ids[middle]].event_id, event_id);
        if (order == 0) {
            return ids[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return SK_NO_EVENT;
}

static void fill(size_t *positions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        positions[i] = i;
    }
}

/* positions: room for all; followed: for each event whether another one names it. */
static void link_events(struct sk_lineage *lineage, size_t *positions, bool *followed)
{
    fill(positions, lineage->count);
    qsort_r(positions, lineage->count, sizeof(*positions), by_id, lineage->events);
    for (size_t i = 0; i < lineage->count; i++) {
        struct sk_lineage_event *event = &lineage->events[i];
        event->is_taken = false;
        event->prev = event->prev_event_id[0] != '\0' ? find(lineage, positions, event->prev_event_id) : SK_NO_EVENT;
        if (event->prev != SK_NO_EVENT) {
            followed[event->prev] = true;
        }
    }
}

/* --- lines ------------------------------------------------------------------------------------------------------ */

static void reverse(size_t *positions, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        size_t kept = positions[i];
        positions[i] = positions[count - 1 - i];
        positions[count - 1 - i] = kept;
    }
}

/* The line that ends with this event, up to where it begins or meets one that is there already. */
static void trace_back(struct sk_lineage *lineage, size_t end, size_t *used)
{
    struct sk_line *line = &lineage->lines[lineage->line_count++];
    size_t first = end;
    *line = (struct sk_line){.start = SK_LINE_FIRST, .first = *used};
    for (size_t i = end; i != SK_NO_EVENT && !lineage->events[i].is_taken; i = lineage->events[i].prev) {
        lineage->events[i].is_taken = true;
        lineage->order[(*used)++] = i;
        first = i;
    }
    line->count = *used - line->first;
    reverse(&lineage->order[line->first], line->count);
    const struct sk_lineage_event *event = &lineage->events[first];
    if (event->prev_event_id[0] != '\0') {
        line->start = event->prev == SK_NO_EVENT ? SK_LINE_GAP : SK_LINE_BRANCH;
    }
    for (size_t i = 0; i < line->count && line->start == SK_LINE_BRANCH; i++) {
        if (event->prev == lineage->order[line->first + i]) {
            line->start = SK_LINE_CIRCLE;
        }
    }
}

bool sk_lineage_trace(struct sk_lineage *lineage)
{
    size_t count = lineage->count;
    size_t *positions = calloc(count + 1, sizeof(*positions));
    bool *followed = calloc(count + 1, sizeof(*followed));
    size_t used = 0;
    free(lineage->order);
    free(lineage->lines);
    lineage->line_count = 0;
    lineage->order = calloc(count + 1, sizeof(*lineage->order));
    lineage->lines = calloc(count + 1, sizeof(*lineage->lines));
    bool has_room = positions && followed && lineage->order && lineage->lines;
    if (has_room) {
        link_events(lineage, positions, followed);
        fill(positions, count);
        qsort_r(positions, count, sizeof(*positions), by_age, lineage->events);
    }
    for (size_t i = 0; has_room && i < count; i++) {
        if (!followed[positions[i]]) {
            trace_back(lineage, positions[i], &used);
        }
    }
    for (size_t i = 0; has_room && i < count; i++) { /* what has no end goes in a circle */
        if (!lineage->events[positions[i]].is_taken) {
            trace_back(lineage, positions[i], &used);
        }
    }
    free(positions);
    free(followed);
    return has_room;
}
