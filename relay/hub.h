/* All sessions that have clients here, the feed, and the two connections to Redis that serve them: one that is
 * subscribed, one for commands. Owns both, the channels, Redis' clock, and the lines in which channels wait for their
 * turn, so that thousands of sessions do not subscribe or read all at once after a loss. */
#ifndef SK_RELAY_HUB_H
#define SK_RELAY_HUB_H

#include "common/redis_url.h"
#include "common/server_clock.h"
#include "relay/appeal.h"
#include "relay/channel.h"
#include "relay/feed.h"
#include "relay/pulse.h"
#include "relay/redis_link.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <uv.h>

#define SK_HUB_SUBSCRIBING_MAX 256 /* subscriptions under way at a time */
#define SK_HUB_READING_MAX 64      /* snapshots under way at a time */
#define SK_HUB_RETRY_MS 250
#define SK_HUB_RETRIES_MAX 2048 /* at a time: a Redis that has lost everything is not to be busy with us alone */
#define SK_HUB_RETRY_LATE_MS 5000
#define SK_HUB_BUCKETS 16384

struct sk_hub {
    struct sk_redis_url url;
    struct sk_redis_link *commands;
    struct sk_redis_link *subscriptions;
    struct sk_server_clock clock;
    struct sk_pulse pulse;
    struct sk_feed feed;
    LIST_HEAD(sk_hub_chain, sk_channel) * buckets; /* SK_HUB_BUCKETS chains, by hash of the session's id */
    uint64_t seed;
    TAILQ_HEAD(sk_hub_line, sk_channel) lines[SK_LINE_COUNT];
    size_t subscribing;
    size_t reading;
    struct sk_appeal_quota appeals;
    int64_t retry_at_us;
    int64_t retry_late_at_us;
};

/* Makes both links; connects nowhere yet. False: out of memory; what was made is closed and freed as below. */
bool sk_hub_open(struct sk_hub *hub, uv_loop_t *loop, const struct sk_redis_url *url, int64_t timeout_ms)
    __attribute__((warn_unused_result));
void sk_hub_start(struct sk_hub *hub);

/* Closes both links (the loop must turn once more), then frees everything; no client may be left. Also legal after a
 * failed _open, and without one on a hub of zeros. */
void sk_hub_close(struct sk_hub *hub);
void sk_hub_free(struct sk_hub *hub);

/* The session's channel, made if there is none. NULL when out of memory. */
struct sk_channel *sk_hub_channel(struct sk_hub *hub, const char *session_id);

/* How many clients the session has here. */
size_t sk_hub_watchers(const struct sk_hub *hub, const char *session_id);

/* Puts a channel at the end of a line, out of the one it stands in; nothing if it stands there already. */
void sk_hub_line_up(struct sk_hub *hub, struct sk_channel *channel, enum sk_line line);

/* Redis' time now, 0 while it was never heard. */
int64_t sk_hub_now_ms(const struct sk_hub *hub);

/* A reading has ended: somebody else's turn. */
void sk_hub_read_done(struct sk_hub *hub);

/* The handler of all subscriptions. */
void sk_hub_on_push(void *context, const redisReply *reply);

/* Pulse, feed and retries; some times a second. */
void sk_hub_tick(struct sk_hub *hub, int64_t now_us);

/* Frees what was marked, and gives turns; at the end of every tick of the loop, outside of all callbacks of hiredis. */
void sk_hub_reap(struct sk_hub *hub);

#endif
