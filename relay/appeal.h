/* A session that Redis does not have, but PostgreSQL may: the relay knows only Redis, so it leaves an entry in the
 * audit stream, and the audit worker answers it in its turn.
 *
 *   channel ── XADD audit recovery_wanted <id> ──► worker ──► a live session: in Redis again, and its STATE_SYNC
 * published ├──► an ended one:   its STATE_SYNC published, nothing else └──► none:           unknown:<id> in Redis
 *
 * Owns when a session may be asked for, and what was said of an ended one, since nobody can read that in Redis. Who
 * waits for it, and how long, is the channel's and the client's (channel.h, client.h). */
#ifndef SK_RELAY_APPEAL_H
#define SK_RELAY_APPEAL_H

#include "common/message.h"
#include "relay/frame_buffer.h"
#include "relay/hold.h"
#include "relay/redis_link.h"
#include "relay/snapshot.h"

#include <stdbool.h>
#include <stdint.h>

#define SK_APPEAL_MS 5000       /* how long an appeal counts: until then the same session is not asked for again */
#define SK_APPEALS_A_SECOND 500 /* of one relay: about what a worker answers */

/* A channel's. Zeros: nothing was asked. It must stay where it is while pending. */
struct sk_appeal {
    int64_t sent_at_us;             /* monotonic; 0: nothing that still counts was asked */
    bool pending;                   /* whether Redis took it is not known yet */
    struct sk_frame_buffer *answer; /* a reference: the STATE_SYNC of an ended session; NULL: none, or not any more */
    struct sk_mark mark;            /* the answer's */
};

/* A relay's. Zeros: nothing was used up. */
struct sk_appeal_quota {
    int64_t since_us;
    unsigned count;
    bool favoured;             /* the next to ask is a session that somebody watches already: it goes before others */
    int64_t turned_away_at_us; /* when one of those last found the quota used up; 0: never */
};

/* Whether the last asking still counts. */
bool sk_appeal_counts(const struct sk_appeal *appeal, int64_t now_us);

/* Whether asking now is allowed; if so, it is noted as done. The pure part of _send. */
bool sk_appeal_begin(struct sk_appeal *appeal, struct sk_appeal_quota *quota, int64_t now_us)
    __attribute__((warn_unused_result));

/* Asks, if that is allowed now. One that Redis does not take (it is full, a replica, gone) does not count. */
void sk_appeal_send(struct sk_appeal *appeal, struct sk_appeal_quota *quota, struct sk_redis_link *link,
                    const char *session_id, int64_t now_us);

/* Something was published about the session. A STATE_SYNC answers; that of an ended session is kept. Anything else
 * makes what was kept old. */
void sk_appeal_heard(struct sk_appeal *appeal, const struct sk_message_header *header, struct sk_frame_buffer *frame,
                     int64_t now_us);

/* What was said of an ended session, as long as the asking counts; borrowed from appeal. False: nothing. */
bool sk_appeal_answer(const struct sk_appeal *appeal, int64_t now_us, struct sk_snapshot *snapshot);

/* Messages may have been missed: what was said is not known to be the last word. */
void sk_appeal_forget_answer(struct sk_appeal *appeal);

/* Redis itself has an answer: the matter is closed, and the next loss is another one. */
void sk_appeal_close(struct sk_appeal *appeal);

#endif
