/* The feed's state machine. Owns nothing but its state: the subscription's connection is the hub's, the clients are
 * the server's. */
#include "relay/feed.h"

#include "common/keys.h"
#include "common/log.h"
#include "common/message.h"
#include "relay/client.h"
#include "relay/hub.h"

void sk_feed_init(struct sk_feed *feed, struct sk_hub *hub)
{
    *feed = (struct sk_feed){.hub = hub, .state = SK_FEED_IDLE};
    TAILQ_INIT(&feed->clients);
}

/* Where it cannot be sent, the connection is going, and the next one begins anew. */
static void subscribe(struct sk_feed *feed)
{
    struct sk_redis_link *link = feed->hub->subscriptions;
    if (sk_redis_link_ready(link) && sk_redis_link_subscribe(link, SK_KEY_FEED, sk_hub_on_push, feed->hub)) {
        feed->state = SK_FEED_SUBSCRIBING;
    }
}

static void unsubscribe(struct sk_feed *feed)
{
    if (sk_redis_link_unsubscribe(feed->hub->subscriptions, SK_KEY_FEED)) {
        feed->state = SK_FEED_UNSUBSCRIBING;
    }
}

/* Tells whoever waits for it that it is connected. It may leave while it is told: the next one is taken first. */
static void greet(struct sk_feed *feed)
{
    struct sk_client *client = TAILQ_FIRST(&feed->clients);
    int64_t now_ms = sk_hub_now_ms(feed->hub);
    while (client != NULL && now_ms != 0) {
        struct sk_client *next = TAILQ_NEXT(client, in_channel);
        if (client->sync != SK_SYNC_LIVE) {
            sk_client_connect(client, now_ms);
        }
        client = next;
    }
}

void sk_feed_advance(struct sk_feed *feed)
{
    bool empty = TAILQ_EMPTY(&feed->clients);
    switch (feed->state) {
    case SK_FEED_IDLE:
        if (!empty) {
            subscribe(feed);
        }
        break;
    case SK_FEED_SUBSCRIBED:
        if (empty) {
            unsubscribe(feed);
        } else {
            greet(feed);
        }
        break;
    case SK_FEED_SUBSCRIBING:
    case SK_FEED_UNSUBSCRIBING:
        break;
    }
}

void sk_feed_join(struct sk_feed *feed, struct sk_client *client)
{
    TAILQ_INSERT_TAIL(&feed->clients, client, in_channel);
    client->feed = feed;
    sk_client_set_sync(client, SK_SYNC_WAITING);
    client->outbox.events_max = SK_FEED_EVENTS_MAX;
    sk_feed_advance(feed);
}

/* The subscription is given back at the next tick: the last client of a greeting may be leaving. */
void sk_feed_leave(struct sk_feed *feed, struct sk_client *client)
{
    TAILQ_REMOVE(&feed->clients, client, in_channel);
    client->feed = NULL;
}

/* Everyone may have missed something. */
static void begin_anew(struct sk_feed *feed)
{
    struct sk_client *client = NULL;
    TAILQ_FOREACH(client, &feed->clients, in_channel)
    {
        sk_client_set_sync(client, SK_SYNC_WAITING);
    }
    sk_feed_advance(feed);
}

void sk_feed_subscribed(struct sk_feed *feed)
{
    if (feed->state == SK_FEED_SUBSCRIBING) {
        feed->state = SK_FEED_SUBSCRIBED;
        begin_anew(feed);
    }
}

void sk_feed_unsubscribed(struct sk_feed *feed)
{
    if (feed->state == SK_FEED_UNSUBSCRIBING) {
        feed->state = SK_FEED_IDLE;
        sk_feed_advance(feed);
    }
}

void sk_feed_cut_off(struct sk_feed *feed)
{
    feed->state = SK_FEED_IDLE;
}

void sk_feed_published(struct sk_feed *feed, const char *bytes, size_t length)
{
    struct sk_message_header header;
    const char *text = NULL;
    size_t text_length = 0;
    struct sk_client *client = TAILQ_FIRST(&feed->clients);
    if (!sk_message_read(bytes, length, &header, &text, &text_length)) {
        sk_log(SK_LOG_WARN, "a message on the feed has no header", SK_I("bytes", (int64_t)length));
        return;
    }
    struct sk_frame_buffer *frame = sk_frame_buffer_published(&header, text, text_length);
    if (frame == NULL) {
        sk_log(SK_LOG_WARN, "a message on the feed was lost", SK_I("bytes", (int64_t)length));
        begin_anew(feed);
        return;
    }
    while (client != NULL) {
        struct sk_client *next = TAILQ_NEXT(client, in_channel);
        sk_client_tell(client, frame);
        client = next;
    }
    sk_frame_buffer_release(frame);
}
