/* The feed: what becomes of every session, for who looks after all of them. Its subscription, which is held only while
 * somebody listens, and its clients.
 *
 *            first client            confirmed              last client             confirmed
 *   IDLE ─────────────► SUBSCRIBING ───────────► SUBSCRIBED ──────────► UNSUBSCRIBING ────────► IDLE
 *
 * and from each of them to IDLE when the connection goes. Nothing is remembered, so nothing can be made up for: a
 * client is told CONNECTED when it hears from now on, and again whenever it may have missed something. */
#ifndef SK_RELAY_FEED_H
#define SK_RELAY_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct sk_hub;
struct sk_client;

/* Events that may wait for one client; each is shared by all of them, and at most about 10 KiB. */
#define SK_FEED_EVENTS_MAX 1024

enum sk_feed_state {
    SK_FEED_IDLE,
    SK_FEED_SUBSCRIBING,
    SK_FEED_SUBSCRIBED,
    SK_FEED_UNSUBSCRIBING,
};

struct sk_feed {
    struct sk_hub *hub; /* borrowed */
    enum sk_feed_state state;
    TAILQ_HEAD(sk_feed_clients, sk_client) clients;
};

void sk_feed_init(struct sk_feed *feed, struct sk_hub *hub);

/* A client comes, and will get CONNECTED; a client goes. */
void sk_feed_join(struct sk_feed *feed, struct sk_client *client);
void sk_feed_leave(struct sk_feed *feed, struct sk_client *client);

/* Decides what is needed next, from the state and the clients: the one place that does. To be called some times a
 * second too: whoever waits for CONNECTED gets none before Redis' time is known. */
void sk_feed_advance(struct sk_feed *feed);

/* What Redis says. */
void sk_feed_subscribed(struct sk_feed *feed);
void sk_feed_unsubscribed(struct sk_feed *feed);
void sk_feed_published(struct sk_feed *feed, const char *bytes, size_t length);

/* The subscriptions' connection went. */
void sk_feed_cut_off(struct sk_feed *feed);

#endif
