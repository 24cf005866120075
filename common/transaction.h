/* One change of one session as one Redis transaction: its state, timer, index, audit events and messages, committed
 * together or not at all. The store fills and commits it; nobody else needs to. */
#ifndef SK_COMMON_TRANSACTION_H
#define SK_COMMON_TRANSACTION_H

#include "common/buffer.h"
#include "common/engine.h"
#include "common/message.h"
#include "common/redis.h"
#include "common/terms.h"

#define SK_TRANSACTION_EVENTS 2                        /* a settle, and an operation */
#define SK_TRANSACTION_MESSAGES (SK_EXPIRIES_KEPT + 3) /* expiries, the state, and two of the session's life */

/* Who hears a message; bits. */
enum sk_audience { SK_TO_CLIENTS = 1 /* of the session */, SK_TO_FEED = 2 };

/* Who asks for the change, and on what terms; borrowed. */
struct sk_origin {
    const char *actor;      /* "anonymous", "timekeeper", … */
    const char *request_id; /* NULL: no request */
    const char *trace_id;   /* NULL or "": none */
    struct sk_terms *terms; /* NULL: none */
};

struct sk_transaction_event {
    const char *type;                 /* static */
    char participant_id[SK_ID_BYTES]; /* whom it is about; "": nobody in particular */
    char event_id[SK_UUID_BYTES];
    char prev_event_id[SK_UUID_BYTES];
    int64_t version;
    int64_t cycle_number;
    int64_t expiry_count;
    struct sk_buffer expiries; /* owned: a JSON list */
    struct sk_buffer snapshot; /* owned: the stored form after it */
    struct sk_buffer metadata; /* owned: a JSON object */
};

struct sk_transaction_message {
    unsigned audience;     /* of enum sk_audience */
    struct sk_buffer text; /* owned: header and text */
};

struct sk_transaction {
    char session_id[SK_ID_BYTES];
    int64_t created_at_ms;
    int64_t now_ms;
    char base_event_id[SK_UUID_BYTES]; /* the session's last event so far; "" if Redis has none */
    enum sk_status indexed_from;       /* the status it was indexed under; SK_STATUS_COUNT: none */
    enum sk_status indexed_to;         /* SK_STATUS_COUNT: none from now on */
    bool indexed_anew;                 /* nobody knows what the index has: it is written where nothing changes too */
    struct sk_buffer tombstone;        /* owned: what is stored instead of the last snapshot, where not empty */
    int64_t ttl_ms;
    int64_t next_timer_ms; /* SK_NONE: no timer */
    bool keeps_due_timer;  /* the deadline is what it was: a warning that is due and not sent yet stays due */
    struct sk_transaction_event events[SK_TRANSACTION_EVENTS];
    size_t event_count;
    int64_t audit_max_backlog; /* about how many entries the audit stream is cut at; 0: never */
    struct sk_transaction_message messages[SK_TRANSACTION_MESSAGES];
    size_t message_count;
    char idempotency_key[SK_IDEMPOTENCY_KEY_BYTES]; /* "": none */
    char fingerprint[SK_FINGERPRINT_BYTES];         /* kept under the key */
};

enum sk_commit {
    SK_COMMIT_DONE,
    SK_COMMIT_LOST_RACE, /* somebody else committed since the read */
    SK_COMMIT_NOT_SENT,  /* the connection broke, and nothing of this was executed or will be: try again */
    SK_COMMIT_FAILED     /* error says why: unavailable, unknown, internal */
};

void sk_transaction_clear(struct sk_transaction *transaction);

/* A new message; the caller fills the returned buffer with header and text. audience: of enum sk_audience. */
struct sk_buffer *sk_transaction_message(struct sk_transaction *transaction, unsigned audience);

/* A new event after `last`, which is the id of the one before and becomes this one's. */
struct sk_transaction_event *sk_transaction_event(struct sk_transaction *transaction, const char *type,
                                                  char last_event_id[SK_UUID_BYTES]);

/* Sends it, on the connection that watches the session's key. Blocks for one round trip, or for some more where the
 * connection breaks and the outcome has to be read back. */
enum sk_commit sk_transaction_commit(struct sk_redis *redis, const struct sk_transaction *transaction,
                                     const struct sk_origin *origin, struct sk_error *error)
    __attribute__((warn_unused_result));

#endif
