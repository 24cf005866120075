/* Sending to many without holding up the rest: who has something in its outbox and waits for its turn to be sent it.
 *
 *            line ──► queue of a channel ──► queue of another ──► …      a slice of each in turn, round and round
 *                       │ seat, seat, …        │ seat, …                 as long as the turn lasts
 *
 * What few get is sent at once, as long as not too much was in this turn of the loop; the rest stands in line, and each
 * turn sends for a moment. In between the loop looks at everything else: pings, new connections, other sessions. While
 * somebody stands in line the loop does not sleep; when nobody does, nothing runs. Knows no socket and no frame: what
 * waits to be sent is in the client's outbox, all of which goes out in one visit. */
#ifndef SK_RELAY_SPREAD_H
#define SK_RELAY_SPREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#define SK_SPREAD_FEW 64       /* a channel of so many is sent to at once; and so many in all within a turn */
#define SK_SPREAD_SLICE 16     /* visits to one queue before it is the next one's turn */
#define SK_SPREAD_TURN_US 1000 /* how long a turn sends at once, and again from the line */

/* A client's place in line. One of zeros stands in none. */
struct sk_spread_seat {
    TAILQ_ENTRY(sk_spread_seat) link;
    struct sk_spread_queue *queue; /* NULL: not in line */
    void *owner;                   /* whom the visit is to */
};

/* A channel's clients in line. Must be empty when it goes. */
struct sk_spread_queue {
    TAILQ_ENTRY(sk_spread_queue) turn;
    TAILQ_HEAD(sk_spread_seats, sk_spread_seat) seats;
    size_t members; /* how many clients the channel has, in line or not; its owner keeps count */
};

/* Sends all that waits for the owner of a seat. May put seats in line and take them out, and frees none. */
typedef void sk_spread_visit(void *owner);

struct sk_spread {
    uv_idle_t sender;      /* active exactly while somebody stands in line */
    uv_prepare_t turn_end; /* begins the count of what is sent at once anew */
    sk_spread_visit *visit;
    TAILQ_HEAD(sk_spread_line, sk_spread_queue) line;
    struct sk_spread_queue others; /* those without a channel */
    unsigned visits;               /* at once in this turn */
    int64_t spent_us;              /* on them */
};

/* loop is borrowed until the loop has turned after _close. False: the loop takes no more. _close takes a record of
 * zeros, too; from then on everything is sent at once. */
bool sk_spread_open(struct sk_spread *spread, uv_loop_t *loop, sk_spread_visit *visit)
    __attribute__((warn_unused_result));
void sk_spread_close(struct sk_spread *spread);

void sk_spread_queue_init(struct sk_spread_queue *queue);

/* Something waits for the seat's owner: it is visited at once or stands in line, in the place it already has. queue:
 * its channel's, NULL for none; the same until it has left. */
void sk_spread_send(struct sk_spread *spread, struct sk_spread_queue *queue, struct sk_spread_seat *seat);

/* Takes it out of the line; nothing if it stands in none. */
void sk_spread_leave(struct sk_spread *spread, struct sk_spread_seat *seat);

#endif
