/* One WebSocket connection: what it asked for, what it has been told, what waits to be sent to it, and when it must be
 * gone. The server (server.h) owns the socket and tells the client what happens on it. */
#ifndef SK_RELAY_CLIENT_H
#define SK_RELAY_CLIENT_H

#include "common/buffer.h"
#include "common/message.h"
#include "relay/admission.h"
#include "relay/hold.h"
#include "relay/outbox.h"
#include "relay/protocol.h"
#include "relay/spread.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct lws;
struct sk_relay;
struct sk_channel;
struct sk_feed;
struct sk_household;
struct sk_snapshot;

#define SK_CLIENT_JOIN_MS 5000         /* how long Redis may take to let a new connection begin */
#define SK_CLIENT_LOST_MS 5000         /* … and a session that Redis lost, to come back once it was asked for */
#define SK_CLIENT_LOST_MAX_MS 15000    /* … and in all, when the asking has to wait its turn */
#define SK_CLIENT_ANSWERS_MAX 64       /* that wait to be sent; one more, and it is too slow */
#define SK_CLIENT_EARLY_ANSWERS_MAX 16 /* to what it says before its first frame */
#define SK_CLIENT_LINGER_MS 2000       /* how long a close frame may take to get out */
#define SK_CLIENT_REFUSED_MS 500       /* … of one that was not let in */
#define SK_CLIENT_PONGS_MAX 16         /* between two pings of ours */
#define SK_CLIENT_INFLOW_MS 2000       /* how often it is looked at what came in */
#define SK_CLIENT_INFLOW_MAX UINT64_C(524288) /* bytes in that time, and in all after a close; 160 KiB are allowed */

/* How a client's view of its session stands. */
enum sk_sync {
    SK_SYNC_WAITING, /* for a reading of the snapshot to be sent; what is published is passed on to who has a state */
    SK_SYNC_READING, /* for its answer; what is published is held */
    SK_SYNC_LIVE     /* what is published is passed on */
};

struct sk_reconnect {
    bool asked;
    int64_t last_known_version;
    int64_t updated_at_ms; /* SK_NONE: not given */
};

struct sk_client {
    TAILQ_ENTRY(sk_client) in_relay;
    TAILQ_ENTRY(sk_client) in_channel; /* or in the feed */
    struct sk_relay *relay;
    struct lws *socket;             /* NULL: the socket is gone */
    struct sk_channel *channel;     /* NULL: it listens to the feed, was refused, or is closing */
    struct sk_household *household; /* where it comes from; NULL: that is not counted */
    bool admitted;
    bool refused;         /* it counts among those who are sent away */
    struct sk_feed *feed; /* NULL: it watches a session, was refused, or is closing */

    enum sk_sync sync;
    int64_t lost_at_us;  /* since when it waits for a session that Redis does not have; 0: it does not */
    int64_t asked_at_us; /* since when that is asked for; 0: it is not yet */
    bool greeted;        /* CONNECTED and the first STATE_SYNC are on their way */
    bool newcomer;       /* mark is that of the first snapshot */
    struct sk_mark mark; /* of the last snapshot */
    struct sk_mark told; /* of the state it was told last */
    struct sk_reconnect reconnect;

    struct sk_outbox outbox;
    struct sk_spread_seat seat; /* where it waits for its outbox to be sent */
    int64_t blocked_since_us;   /* a writable callback is awaited since; 0: none is */
    size_t answers;             /* in the outbox: PONG and ERROR */
    bool ping_due;

    struct sk_buffer inbound;                           /* a fragmented message so far */
    uint32_t frames_at_ms[SK_CLIENT_MESSAGES_A_SECOND]; /* a ring: when the last frames came */
    unsigned frames;                                    /* how many came in all */

    unsigned pongs;        /* since our last ping */
    int64_t inflow_at_us;  /* when the bytes are looked at next */
    uint64_t inflow_bytes; /* how many had come in when they were looked at last */

    int64_t opened_at_us;
    int64_t heard_at_us;
    int64_t ping_at_us;
    int64_t drain_at_us;   /* 0: not draining */
    int64_t kill_at_us;    /* 0: not closing */
    int64_t expires_at_us; /* its token does; 0: never */

    enum sk_close close_code; /* SK_CLOSE_NONE: open */
    const char *close_reason; /* static storage */
    bool close_sent;          /* the close frame is out, and the peer's is awaited */
    bool peer_closing;        /* its close frame has come, and is being answered */
    bool aborted;             /* its socket was told to go */
};

/* A part of a frame as it came from the socket. */
struct sk_inbound {
    const char *bytes;
    size_t length;
    size_t remaining; /* of this frame, still to come */
    bool final;       /* this is the message's last frame */
    bool binary;
};

/* A connection was upgraded; it is the relay's client until sk_client_free. household: borrowed for so long, or NULL.
 * NULL when out of memory. */
struct sk_client *sk_client_new(struct sk_relay *relay, struct lws *socket, struct sk_household *household);
void sk_client_free(struct sk_client *client);

/* Lets it in to the session or the feed, or refuses it. */
void sk_client_begin(struct sk_client *client, const struct sk_visit *visit);

/* Sends what waits for it: the visit of spread.h, whose owner is a client. */
void sk_client_flush(void *owner);

/* What happened on the socket. */
void sk_client_sent(struct sk_client *client, const struct sk_frame_buffer *frame);
void sk_client_received(struct sk_client *client, const struct sk_inbound *part);
void sk_client_heard(struct sk_client *client); /* by a PONG */

/* A published message, and a snapshot with what was held meanwhile. */
void sk_client_deliver(struct sk_client *client, const struct sk_message_header *header, struct sk_frame_buffer *frame);
void sk_client_synchronise(struct sk_client *client, const struct sk_snapshot *snapshot, const struct sk_hold *hold);

/* One that listens to the feed hears from now on, or may have missed something (CONNECTED); and an event, which only
 * who is connected is told. */
void sk_client_connect(struct sk_client *client, int64_t now_ms);
void sk_client_tell(struct sk_client *client, struct sk_frame_buffer *frame);

/* Closes it with a code, after what waits to be sent; it leaves its channel or the feed at once. The first
 * code counts. */
void sk_client_close(struct sk_client *client, enum sk_close code, const char *reason);

/* The one writer of client->sync. */
void sk_client_set_sync(struct sk_client *client, enum sk_sync sync);

/* A reading did not find its session, which was asked for at asked_at_us (0: not yet); now_us 0: that is over. */
void sk_client_lost(struct sk_client *client, int64_t now_us, int64_t asked_at_us);

/* Whether it was told a newer state than the header's. */
bool sk_client_is_ahead(const struct sk_client *client, const struct sk_message_header *header);

/* The process stood still for so long: nobody is blamed for what he could not do meanwhile. */
void sk_client_pass_over(struct sk_client *client, int64_t gap_us);

/* Whatever is due by now: pings, silence, closes that do not get out, a join that takes too long. */
void sk_client_tick(struct sk_client *client, int64_t now_us);

#endif
