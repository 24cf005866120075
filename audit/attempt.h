/* One event put to one state of a session through the engine, as the store puts a change through it: what must come
 * out, or why nothing can. Pure; does not look at what the event says came out, which is whoever compares it. */
#ifndef SK_AUDIT_ATTEMPT_H
#define SK_AUDIT_ATTEMPT_H

#include "audit/comparison.h"
#include "audit/replay.h"
#include "common/engine.h"

/* Plain data, to be set up to the line and closed. */
struct sk_attempt {
    const struct sk_replay_event *event; /* borrowed */
    const struct sk_session *recorded;   /* borrowed: as it was recorded after the event; NULL: not known … */
    const char *why_not;                 /* … and why (borrowed) */
    struct sk_session *session;          /* owned: before the event, NULL: there was none; then after it */

    struct sk_settlement settlement; /* owned: what ran out */
    char about[SK_ID_BYTES];         /* whom the event is about; "": nobody */
    bool is_impossible;              /* the event cannot follow from that state */
    struct sk_comparison found;      /* why; and where the event itself is not as it must be */
};

/* Turns the session into the one after the event, but for what the end of every change does alike: updated_at_ms and
 * last_event_id. Of an operation that is_impossible the session is left as it may be. SK_INTERNAL_ERROR: out of
 * memory. */
enum sk_code sk_attempt_apply(struct sk_attempt *attempt, struct sk_error *error) __attribute__((warn_unused_result));

/* Notes what the event's metadata holds that an event of its type cannot have, and where it is no object. */
void sk_attempt_check_metadata(struct sk_attempt *attempt);

void sk_attempt_close(struct sk_attempt *attempt);

#endif
