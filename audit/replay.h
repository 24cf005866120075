/* Replaying events through the clock engine: each must turn the session as it was recorded before it into the session
 * as it was recorded after it. Pure: events in, differences out; knows neither SQL nor how differences are shown. */
#ifndef SK_AUDIT_REPLAY_H
#define SK_AUDIT_REPLAY_H

#include "common/error.h"
#include "common/session.h"

/* An event as it was recorded; everything borrowed, NULL where there is nothing. */
struct sk_replay_event {
    const char *event_id;
    const char *session_id;
    int64_t created_at_ms; /* which life of the session */
    bool has_former_life;  /* … before which the id had another */
    const char *type;
    const char *participant_id;
    int64_t version;
    int64_t cycle_number;
    int64_t at_ms;
    int64_t expiry_count;
    const char *expiries; /* JSON, as the three below */
    const char *snapshot;
    const char *metadata;
};

#define SK_REPLAY_DIFFERENCES_MAX 10 /* told of one event */

/* One field that is not what the engine says. Texts are borrowed until the call returns; values are JSON, cut where
 * they are long, or words that are no JSON, in brackets. */
struct sk_difference {
    const struct sk_replay_event *event;
    const char *field; /* "version", "snapshot.participants.0.total_time_ms", … */
    const char *recorded;
    const char *replayed;
};
typedef void sk_replay_report(void *context, const struct sk_difference *difference);

/* Where the replay of one line of events stands. Plain data, to be opened and closed. */
struct sk_replay {
    sk_replay_report *report;
    void *context;               /* borrowed */
    struct sk_session *recorded; /* owned: as it was recorded after the last event; NULL: not known */
    struct sk_session *replayed; /* owned: what the engine made of it, where that was something else; NULL */
    bool has_begun;              /* there was an event */
    bool is_deleted;             /* … and the last one was the session's deletion */
};

void sk_replay_open(struct sk_replay *replay, sk_replay_report *report, void *context);
void sk_replay_close(struct sk_replay *replay);

/* Takes the session after an event as it was recorded: for a line that begins behind an event of another one
 * (is_known: nothing is told of it), or after one that is missing (what the event says of itself must still agree). */
void sk_replay_resume(struct sk_replay *replay, const struct sk_replay_event *event, bool is_known);

/* Replays the line's next event (the first must be session_created) and reports what differs. Where something did,
 * the next event may follow from either: so one fault is told once. SK_INTERNAL_ERROR: out of memory. */
enum sk_code sk_replay_next(struct sk_replay *replay, const struct sk_replay_event *event, struct sk_error *error)
    __attribute__((warn_unused_result));

#endif
