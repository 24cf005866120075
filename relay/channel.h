/* One session with clients here: its subscription, its clients, and the reading of its snapshot.
 *
 *            first client            confirmed              last client             confirmed
 *   IDLE ─────────────► SUBSCRIBING ───────────► SUBSCRIBED ──────────► UNSUBSCRIBING ────────► IDLE
 *
 * and from each of them to IDLE when the connection goes. Each step waits for the one before it to be confirmed, so a
 * confirmation is never mistaken for a later one's.
 *
 * A snapshot is read only while SUBSCRIBED. From its sending to its arrival, messages are held (hold.h), and the
 * clients who wait for it get none; so nothing falls between the snapshot and what follows it, and nothing goes back.
 *
 * A session that Redis does not have may have been lost by it: the channel asks for it (appeal.h), and reads again and
 * again while somebody waits. What ends the waiting is the session, the word that there is none, a STATE_SYNC that is
 * published meanwhile, or the client's patience (client.h). */
#ifndef SK_RELAY_CHANNEL_H
#define SK_RELAY_CHANNEL_H

#include "common/session.h"
#include "relay/appeal.h"
#include "relay/hold.h"
#include "relay/spread.h"

#include <stdbool.h>
#include <sys/queue.h>

struct sk_hub;
struct sk_client;

enum sk_channel_state {
    SK_CHANNEL_IDLE,
    SK_CHANNEL_SUBSCRIBING,
    SK_CHANNEL_SUBSCRIBED,
    SK_CHANNEL_UNSUBSCRIBING,
    SK_CHANNEL_STATE_COUNT
};

/* In which of the hub's lines a channel stands; in one at a time. */
enum sk_line {
    SK_LINE_NONE,
    SK_LINE_SUBSCRIBE,  /* its turn to subscribe will come */
    SK_LINE_READ,       /* its turn to read its snapshot will come */
    SK_LINE_RETRY,      /* a reading failed, or found nothing yet: again in a moment */
    SK_LINE_RETRY_LATE, /* what was read cannot be shown: again after a while, or when somebody else comes. Or nobody is
                           here, but what was asked still counts */
    SK_LINE_VACANT,     /* to be freed at the end of the tick, unless a client comes */
    SK_LINE_COUNT
};

struct sk_channel {
    LIST_ENTRY(sk_channel) chain; /* the hub's table */
    TAILQ_ENTRY(sk_channel) turn; /* the line it stands in */
    enum sk_line line;
    struct sk_hub *hub;
    char session_id[SK_ID_BYTES];
    enum sk_channel_state state;
    TAILQ_HEAD(sk_channel_clients, sk_client) clients;
    size_t client_count;
    size_t waiting;               /* how many of them are SK_SYNC_WAITING; sk_client_set_sync keeps count */
    struct sk_spread_queue queue; /* of those who wait to be sent to */
    bool reading;                 /* a reading is under way */
    bool stale;      /* … that was sent before the subscription now in force, or the next one; or something
                        that may follow upon it was lost */
    bool unreadable; /* the last reading that brought something brought what cannot be shown */
    struct sk_hold hold;
    struct sk_appeal appeal;
};

/* Owned by the hub; NULL when out of memory. */
struct sk_channel *sk_channel_new(struct sk_hub *hub, const char *session_id);
void sk_channel_free(struct sk_channel *channel);

/* A client comes, and will get CONNECTED and STATE_SYNC; a client goes. */
void sk_channel_join(struct sk_channel *channel, struct sk_client *client);
void sk_channel_leave(struct sk_channel *channel, struct sk_client *client);

/* Decides what the channel needs next, from its state and its clients: the one place that does. To be called when a
 * client that is here wants a snapshot from now on, and when its time in a retry line is over. */
void sk_channel_advance(struct sk_channel *channel);

/* Its turn has come. False: it could not be sent. */
bool sk_channel_subscribe(struct sk_channel *channel);
bool sk_channel_read(struct sk_channel *channel);

/* What Redis says. */
void sk_channel_subscribed(struct sk_channel *channel);
void sk_channel_unsubscribed(struct sk_channel *channel);
void sk_channel_published(struct sk_channel *channel, const char *bytes, size_t length);

/* The subscriptions' connection went. */
void sk_channel_cut_off(struct sk_channel *channel);

/* Whether nobody needs it any more. */
bool sk_channel_vacant(const struct sk_channel *channel);

#endif
