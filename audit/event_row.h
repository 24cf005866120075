/* An event as a row of sync_events: its values read and checked, then in COPY's binary form. Pure: no I/O, no
 * memory of its own. (PostgreSQL 15, COPY, "Binary Format") */
#ifndef SK_AUDIT_EVENT_ROW_H
#define SK_AUDIT_EVENT_ROW_H

#include "common/audit_event.h"
#include "common/error.h"

#include <stdbool.h>

#define SK_EVENT_ID_BYTES 16

/* The columns in the order of enum sk_audit_field, in which sk_event_row_append writes them. */
#define SK_EVENT_ROW_COLUMNS                                                                                           \
    "event_id, prev_event_id, session_id, session_created_at, type, participant_id, version, cycle_number, actor, "    \
    "request_id, at, expiry_count, expiries, state_snapshot, metadata, trace_id"

/* Plain data. number: of the fields that are integers, and instants in PostgreSQL's microseconds. */
struct sk_event_row {
    const struct sk_audit_event *event; /* borrowed */
    unsigned char id[SK_EVENT_ID_BYTES];
    unsigned char previous[SK_EVENT_ID_BYTES]; /* unless prev_event_id is empty */
    int64_t number[SK_AUDIT_FIELD_COUNT];
    size_t position; /* the caller's: of the event within its batch */
};

/* Far above what the service writes into a field; below what PostgreSQL would choke on as a whole. */
#define SK_EVENT_FIELD_BYTES_MAX ((size_t)8 * 1024 * 1024)

/* Reads what is no text and no JSON; those are left to PostgreSQL. A trace id that is none becomes null: the event is
 * not lost for it. SK_VALIDATION_ERROR: one of them is not what its
 * column holds, or any is longer than SK_EVENT_FIELD_BYTES_MAX; error names the field, never the value. */
enum sk_code sk_event_row_read(struct sk_event_row *row, const struct sk_audit_event *event, struct sk_error *error)
    __attribute__((warn_unused_result));

/* What stands before the first row, and after the last. */
void sk_event_row_begin(struct sk_buffer *out);
void sk_event_row_end(struct sk_buffer *out);

void sk_event_row_append(struct sk_buffer *out, const struct sk_event_row *row);

/* An event's id as text, and back. False: text is none. */
void sk_event_row_append_id(struct sk_buffer *out, const unsigned char id[SK_EVENT_ID_BYTES]);
bool sk_event_row_read_id(const char *text, size_t length, unsigned char id[SK_EVENT_ID_BYTES])
    __attribute__((warn_unused_result));

/* For qsort: by id, as PostgreSQL orders them; of the same, by position. */
int sk_event_row_by_id(const void *left, const void *right);

/* For qsort: the events of one life of a session together, its newest last. */
int sk_event_row_by_life(const void *left, const void *right);
bool sk_event_row_same_life(const struct sk_event_row *left, const struct sk_event_row *right);

#endif
