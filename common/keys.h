/* Every Redis key and channel, made in one place, so that a hash tag could be put in front of all of them here. */
#ifndef SK_COMMON_KEYS_H
#define SK_COMMON_KEYS_H

#include "common/session.h"

#define SK_KEY_BYTES 224

struct sk_key {
    char text[SK_KEY_BYTES];
    size_t length;
};

#define SK_KEY_SESSION_PREFIX "session:"                     /* a session's key is this and its id */
#define SK_KEY_TIMERS "timers"                               /* sorted set: session id by next timer */
#define SK_KEY_TIMERS_UNREADABLE "timers:unreadable"         /* sorted set: sessions that could not be read, by when */
#define SK_KEY_AUDIT "audit"                                 /* stream */
#define SK_KEY_AUDIT_GROUP "audit-writers"                   /* its consumer group */
#define SK_KEY_AUDIT_FAILED "audit:failed"                   /* stream */
#define SK_KEY_AUDIT_FAILED_SESSIONS "audit:failed:sessions" /* hash: session id -> its events there */
#define SK_KEY_AUDIT_DELETED "audit:deleted" /* hash: session id -> its deletion that PostgreSQL may not know yet */
#define SK_KEY_AUDIT_WRITTEN "audit:written" /* number: events written to PostgreSQL since this Redis began */
#define SK_KEY_AUDIT_DELAYED "audit:delayed" /* hash: worker -> "<events that wait for PostgreSQL> <until, ms>" */
#define SK_KEY_HEARTBEAT "relay:heartbeat:"  /* channel, with a relay's own id behind it */
#define SK_KEY_FEED "feed"                   /* channel: what becomes of every session */

struct sk_key sk_key_session(const char *session_id); /* session:<id> */
struct sk_key sk_key_channel(const char *session_id); /* ws:<id> */
struct sk_key sk_key_unknown(const char *session_id); /* unknown:<id>: PostgreSQL said a moment ago that it has none */

/* sessions:<status>; only pending, running and paused ones are listed: length 0 for any other status. */
struct sk_key sk_key_index(enum sk_status status);

/* idempotency:<id>:<key>; ids and keys are bounded, so it always fits. */
struct sk_key sk_key_idempotency(const char *session_id, const char *key);

/* ratelimit:<kind>:<whose>, for an allowance; cut where it is too long. */
void sk_key_allowance(const char *kind, const char *whose, char *out, size_t bytes);

/* The session id in a channel's name; NULL if it is none. Borrowed from channel. */
const char *sk_key_channel_session(const char *channel);

#endif
