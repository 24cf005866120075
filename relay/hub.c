/* The table of channels, their turns, and what comes from Redis. */
#include "relay/hub.h"

#include "common/keys.h"
#include "common/log.h"
#include "common/metrics.h"

#include <stdlib.h>
#include <string.h>

/* --- the table --------------------------------------------------------------------------------------------------- */

/* FNV-1a from a start of this process' own, so that nobody can choose ids that all fall into one chain. */
static size_t bucket_of(const struct sk_hub *hub, const char *session_id)
{
    uint64_t hash = hub->seed;
    for (const char *c = session_id; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    }
    return (size_t)((hash ^ (hash >> 32)) % SK_HUB_BUCKETS);
}

static struct sk_channel *find(const struct sk_hub *hub, const char *session_id)
{
    struct sk_channel *channel = NULL;
    LIST_FOREACH(channel, &hub->buckets[bucket_of(hub, session_id)], chain)
    {
        if (strcmp(channel->session_id, session_id) == 0) {
            return channel;
        }
    }
    return NULL;
}

struct sk_channel *sk_hub_channel(struct sk_hub *hub, const char *session_id)
{
    struct sk_channel *channel = find(hub, session_id);
    if (channel == NULL) {
        channel = sk_channel_new(hub, session_id);
        if (channel != NULL) {
            LIST_INSERT_HEAD(&hub->buckets[bucket_of(hub, session_id)], channel, chain);
        }
    }
    return channel;
}

size_t sk_hub_watchers(const struct sk_hub *hub, const char *session_id)
{
    const struct sk_channel *channel = find(hub, session_id);
    return channel != NULL ? channel->client_count : 0;
}

static void remove_channel(struct sk_hub *hub, struct sk_channel *channel)
{
    sk_hub_line_up(hub, channel, SK_LINE_NONE);
    LIST_REMOVE(channel, chain);
    sk_channel_free(channel);
}

/* --- turns ------------------------------------------------------------------------------------------------------- */

void sk_hub_line_up(struct sk_hub *hub, struct sk_channel *channel, enum sk_line line)
{
    if (channel->line == line) {
        return;
    }
    if (channel->line != SK_LINE_NONE) {
        TAILQ_REMOVE(&hub->lines[channel->line], channel, turn);
    }
    if (line != SK_LINE_NONE) {
        TAILQ_INSERT_TAIL(&hub->lines[line], channel, turn);
    }
    channel->line = line;
}

static void give_turns(struct sk_hub *hub)
{
    struct sk_channel *channel = NULL;
    while (hub->subscribing < SK_HUB_SUBSCRIBING_MAX && sk_redis_link_ready(hub->subscriptions) &&
           (channel = TAILQ_FIRST(&hub->lines[SK_LINE_SUBSCRIBE])) != NULL) {
        if (!sk_channel_subscribe(channel)) {
            break;
        }
        sk_hub_line_up(hub, channel, SK_LINE_NONE);
        hub->subscribing++;
    }
    while (hub->reading < SK_HUB_READING_MAX && sk_redis_link_ready(hub->commands) &&
           (channel = TAILQ_FIRST(&hub->lines[SK_LINE_READ])) != NULL) {
        if (!sk_channel_read(channel)) {
            break;
        }
        sk_hub_line_up(hub, channel, SK_LINE_NONE);
        hub->reading++;
    }
}

void sk_hub_read_done(struct sk_hub *hub)
{
    hub->reading--;
}

/* --- what Redis says --------------------------------------------------------------------------------------------- */

static void on_feed(struct sk_hub *hub, const char *kind, const redisReply *payload)
{
    if (strcmp(kind, "message") == 0 && payload->type == REDIS_REPLY_STRING) {
        sk_feed_published(&hub->feed, payload->str, payload->len);
    } else if (strcmp(kind, "subscribe") == 0) {
        sk_feed_subscribed(&hub->feed);
    } else if (strcmp(kind, "unsubscribe") == 0) {
        sk_feed_unsubscribed(&hub->feed);
    }
}

/* A push is [kind, channel, payload or count]. */
void sk_hub_on_push(void *context, const redisReply *reply)
{
    struct sk_hub *hub = context;
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        reply->element[0]->type != REDIS_REPLY_STRING || reply->element[1]->type != REDIS_REPLY_STRING) {
        return;
    }
    const char *kind = reply->element[0]->str;
    const redisReply *payload = reply->element[2];
    const char *session_id = sk_key_channel_session(reply->element[1]->str);
    struct sk_channel *channel = session_id == NULL ? NULL : find(hub, session_id);
    if (strcmp(reply->element[1]->str, SK_KEY_FEED) == 0) {
        on_feed(hub, kind, payload);
    } else if (session_id == NULL) {
        sk_pulse_heard(&hub->pulse); /* the only other channel is the relay's own */
    } else if (strcmp(kind, "subscribe") == 0) {
        hub->subscribing -= hub->subscribing > 0 ? 1 : 0;
    }
    if (channel == NULL) {
        return;
    }
    if (strcmp(kind, "message") == 0 && payload->type == REDIS_REPLY_STRING) {
        sk_channel_published(channel, payload->str, payload->len);
    } else if (strcmp(kind, "subscribe") == 0) {
        sk_channel_subscribed(channel);
    } else if (strcmp(kind, "unsubscribe") == 0) {
        sk_channel_unsubscribed(channel);
    }
}

static void on_subscriptions_up(void *owner)
{
    struct sk_hub *hub = owner;
    sk_pulse_subscriptions_up(&hub->pulse);
    if (!sk_redis_link_subscribe(hub->subscriptions, hub->pulse.channel, sk_hub_on_push, hub)) {
        sk_redis_link_disconnect(hub->subscriptions, "the heartbeat cannot be subscribed to");
    }
    sk_feed_advance(&hub->feed);
}

static void on_subscriptions_down(void *owner)
{
    struct sk_hub *hub = owner;
    sk_metrics_add(SK_METRIC_REDIS_ERRORS, "", 1);
    hub->subscribing = 0;
    sk_feed_cut_off(&hub->feed);
    for (size_t i = 0; i < SK_HUB_BUCKETS; i++) {
        struct sk_channel *channel = NULL;
        LIST_FOREACH(channel, &hub->buckets[i], chain)
        {
            sk_channel_cut_off(channel);
        }
    }
}

/* Sends back to the reading those who stand in one of the retry lines now, the first of them up to a limit. Some may
 * come back to its end in doing so. */
static void retry(struct sk_hub *hub, enum sk_line line, size_t limit)
{
    const struct sk_channel *last = TAILQ_LAST(&hub->lines[line], sk_hub_line);
    const struct sk_channel *done = NULL;
    for (size_t i = 0; done != last && i < limit; i++) {
        struct sk_channel *channel = TAILQ_FIRST(&hub->lines[line]);
        sk_hub_line_up(hub, channel, SK_LINE_NONE);
        sk_channel_advance(channel);
        done = channel;
    }
}

static void on_commands_up(void *owner)
{
    struct sk_hub *hub = owner;
    sk_pulse_commands_up(&hub->pulse);
    retry(hub, SK_LINE_RETRY, SIZE_MAX); /* what failed while the connection was away need not wait for its next try, */
    retry(hub, SK_LINE_RETRY_LATE, SIZE_MAX); /* and this may be another server */
}

static void on_commands_down(void *owner)
{
    (void)owner; /* each reading under way is told by itself */
    sk_metrics_add(SK_METRIC_REDIS_ERRORS, "", 1);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

int64_t sk_hub_now_ms(const struct sk_hub *hub)
{
    return sk_server_clock_at(&hub->clock, sk_monotonic_us());
}

void sk_hub_tick(struct sk_hub *hub, int64_t now_us)
{
    sk_pulse_tick(&hub->pulse, now_us);
    sk_feed_advance(&hub->feed);
    if (now_us >= hub->retry_at_us) {
        hub->retry_at_us = now_us + INT64_C(1000) * SK_HUB_RETRY_MS;
        retry(hub, SK_LINE_RETRY, SK_HUB_RETRIES_MAX);
    }
    if (now_us >= hub->retry_late_at_us) {
        hub->retry_late_at_us = now_us + INT64_C(1000) * SK_HUB_RETRY_LATE_MS;
        retry(hub, SK_LINE_RETRY_LATE, SIZE_MAX);
    }
}

static void free_vacant(struct sk_hub *hub)
{
    struct sk_channel *channel = TAILQ_FIRST(&hub->lines[SK_LINE_VACANT]);
    while (channel != NULL) {
        struct sk_channel *next = TAILQ_NEXT(channel, turn);
        if (sk_channel_vacant(channel)) {
            remove_channel(hub, channel);
        }
        channel = next;
    }
}

void sk_hub_reap(struct sk_hub *hub)
{
    sk_redis_link_reap(hub->commands);
    sk_redis_link_reap(hub->subscriptions);
    free_vacant(hub);
    give_turns(hub);
}

bool sk_hub_open(struct sk_hub *hub, uv_loop_t *loop, const struct sk_redis_url *url, int64_t timeout_ms)
{
    *hub = (struct sk_hub){.url = *url};
    sk_feed_init(&hub->feed, hub);
    hub->buckets = calloc(SK_HUB_BUCKETS, sizeof *hub->buckets);
    if (hub->buckets == NULL) {
        return false;
    }
    arc4random_buf(&hub->seed, sizeof hub->seed);
    for (size_t i = 0; i < SK_LINE_COUNT; i++) {
        TAILQ_INIT(&hub->lines[i]);
    }
    struct sk_redis_link_options options = {.name = "commands",
                                            .url = &hub->url,
                                            .timeout_ms = timeout_ms,
                                            .on_up = on_commands_up,
                                            .on_down = on_commands_down,
                                            .owner = hub};
    hub->commands = sk_redis_link_new(loop, &options);
    options.name = "subscriptions";
    options.on_up = on_subscriptions_up;
    options.on_down = on_subscriptions_down;
    hub->subscriptions = sk_redis_link_new(loop, &options);
    if (hub->commands == NULL || hub->subscriptions == NULL) {
        return false;
    }
    sk_pulse_init(&hub->pulse, hub->commands, hub->subscriptions, &hub->clock);
    return true;
}

void sk_hub_start(struct sk_hub *hub)
{
    sk_redis_link_start(hub->commands);
    sk_redis_link_start(hub->subscriptions);
}

void sk_hub_close(struct sk_hub *hub)
{
    sk_redis_link_close(hub->subscriptions);
    sk_redis_link_close(hub->commands);
}

void sk_hub_free(struct sk_hub *hub)
{
    for (size_t i = 0; hub->buckets != NULL && i < SK_HUB_BUCKETS; i++) {
        while (!LIST_EMPTY(&hub->buckets[i])) {
            remove_channel(hub, LIST_FIRST(&hub->buckets[i]));
        }
    }
    free(hub->buckets);
    hub->buckets = NULL;
    sk_redis_link_free(hub->commands);
    sk_redis_link_free(hub->subscriptions);
    hub->commands = NULL;
    hub->subscriptions = NULL;
}
