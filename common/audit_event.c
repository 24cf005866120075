/* Owns the names that an audit event's fields have in the stream. Knows neither Redis nor SQL. */
#include "common/audit_event.h"

static const char *const names[] = {
    [SK_AUDIT_EVENT_ID] = "event_id",
    [SK_AUDIT_PREV_EVENT_ID] = "prev_event_id",
    [SK_AUDIT_SESSION_ID] = "session_id",
    [SK_AUDIT_CREATED_AT_MS] = "session_created_at_ms",
    [SK_AUDIT_TYPE] = "type",
    [SK_AUDIT_PARTICIPANT_ID] = "participant_id",
    [SK_AUDIT_VERSION] = "version",
    [SK_AUDIT_CYCLE_NUMBER] = "cycle_number",
    [SK_AUDIT_ACTOR] = "actor",
    [SK_AUDIT_REQUEST_ID] = "request_id",
    [SK_AUDIT_AT_MS] = "at_ms",
    [SK_AUDIT_EXPIRY_COUNT] = "expiry_count",
    [SK_AUDIT_EXPIRIES] = "expiries",
    [SK_AUDIT_SNAPSHOT] = "snapshot",
    [SK_AUDIT_METADATA] = "metadata",
    [SK_AUDIT_TRACE_ID] = "trace_id",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == SK_AUDIT_FIELD_COUNT, "a field without a name");

const char *sk_audit_field_name(enum sk_audit_field field)
{
    return names[field];
}

bool sk_audit_field_optional(enum sk_audit_field field)
{
    return field == SK_AUDIT_TRACE_ID;
}
