/* An audit event: what happened to a session, by whom, and the session after it. Written into the audit stream by
 * whoever commits the change, read out of it by the worker. Plain data, everything borrowed. */
#ifndef SK_COMMON_AUDIT_EVENT_H
#define SK_COMMON_AUDIT_EVENT_H

#include "common/buffer.h"
#include "common/session.h"

#include <stdbool.h>

/* The stream entry's fields, in this order, all present, "" where there is nothing to say: entries that have the same
 * fields cost Redis the names once. */
enum sk_audit_field {
    SK_AUDIT_EVENT_ID,
    SK_AUDIT_PREV_EVENT_ID, /* the session's event before it; "" for the first */
    SK_AUDIT_SESSION_ID,
    SK_AUDIT_CREATED_AT_MS, /* of the session: an id used again begins a new life */
    SK_AUDIT_TYPE,          /* session_created, cycle_switched, time_expired, … */
    SK_AUDIT_PARTICIPANT_ID,
    SK_AUDIT_VERSION,
    SK_AUDIT_CYCLE_NUMBER,
    SK_AUDIT_ACTOR,
    SK_AUDIT_REQUEST_ID,
    SK_AUDIT_AT_MS,
    SK_AUDIT_EXPIRY_COUNT,
    SK_AUDIT_EXPIRIES, /* JSON list of {participant_id, group_id, at_ms, action_applied} */
    SK_AUDIT_SNAPSHOT, /* the session's stored form (codec.h) */
    SK_AUDIT_METADATA, /* JSON object: the operation's arguments */
    SK_AUDIT_TRACE_ID, /* of the request's traceparent */
    SK_AUDIT_FIELD_COUNT
};

struct sk_audit_value {
    const char *text;
    size_t length;
};

struct sk_audit_event {
    struct sk_audit_value field[SK_AUDIT_FIELD_COUNT];
};

/* The field's name in the stream entry; static storage. */
const char *sk_audit_field_name(enum sk_audit_field field);

/* Whether a reader takes an entry without the field, as an earlier release writes it; it counts as "" then. */
bool sk_audit_field_optional(enum sk_audit_field field);

#endif
