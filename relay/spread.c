/* The line of those who wait to be sent to. Owns the handles that give them their turn; the seats are the clients', the
 * queues the channels'. */
#include "relay/spread.h"

#include "common/server_clock.h"

void sk_spread_queue_init(struct sk_spread_queue *queue)
{
    *queue = (struct sk_spread_queue){.members = 0};
    TAILQ_INIT(&queue->seats);
}

void sk_spread_leave(struct sk_spread *spread, struct sk_spread_seat *seat)
{
    struct sk_spread_queue *queue = seat->queue;
    if (queue == NULL) {
        return;
    }
    TAILQ_REMOVE(&queue->seats, seat, link);
    seat->queue = NULL;
    if (TAILQ_EMPTY(&queue->seats)) {
        TAILQ_REMOVE(&spread->line, queue, turn);
    }
    if (TAILQ_EMPTY(&spread->line)) {
        (void)uv_idle_stop(&spread->sender);
    }
}

/* --- in line ----------------------------------------------------------------------------------------------------- */

/* A queue that is still there afterwards stands at the end again: whoever of it visits is in no queue meanwhile. */
static void serve(struct sk_spread *spread, struct sk_spread_queue *queue)
{
    for (unsigned i = 0; i < SK_SPREAD_SLICE && !TAILQ_EMPTY(&queue->seats); i++) {
        struct sk_spread_seat *seat = TAILQ_FIRST(&queue->seats);
        sk_spread_leave(spread, seat);
        spread->visit(seat->owner);
    }
    if (!TAILQ_EMPTY(&queue->seats)) {
        TAILQ_REMOVE(&spread->line, queue, turn);
        TAILQ_INSERT_TAIL(&spread->line, queue, turn);
    }
}

static void on_turn(uv_idle_t *sender)
{
    struct sk_spread *spread = sender->data;
    int64_t until_us = sk_monotonic_us() + SK_SPREAD_TURN_US;
    do {
        serve(spread, TAILQ_FIRST(&spread->line));
    } while (!TAILQ_EMPTY(&spread->line) && sk_monotonic_us() < until_us);
}

static void line_up(struct sk_spread *spread, struct sk_spread_queue *queue, struct sk_spread_seat *seat)
{
    if (seat->queue != NULL) {
        return;
    }
    if (TAILQ_EMPTY(&spread->line)) {
        (void)uv_idle_start(&spread->sender, on_turn);
    }
    if (TAILQ_EMPTY(&queue->seats)) {
        TAILQ_INSERT_TAIL(&spread->line, queue, turn);
    }
    TAILQ_INSERT_TAIL(&queue->seats, seat, link);
    seat->queue = queue;
}

/* --- at once ----------------------------------------------------------------------------------------------------- */

static void on_turn_end(uv_prepare_t *turn_end)
{
    struct sk_spread *spread = turn_end->data;
    spread->visits = 0;
    spread->spent_us = 0;
}

static void visit_now(struct sk_spread *spread, struct sk_spread_seat *seat)
{
    int64_t began_us = sk_monotonic_us();
    sk_spread_leave(spread, seat);
    spread->visit(seat->owner);
    spread->visits++;
    spread->spent_us += sk_monotonic_us() - began_us;
}

void sk_spread_send(struct sk_spread *spread, struct sk_spread_queue *queue, struct sk_spread_seat *seat)
{
    struct sk_spread_queue *place = queue != NULL ? queue : &spread->others;
    bool few = place->members <= SK_SPREAD_FEW && spread->visits < SK_SPREAD_FEW;
    if ((few && spread->spent_us < SK_SPREAD_TURN_US) || uv_is_closing((uv_handle_t *)&spread->sender) != 0) {
        visit_now(spread, seat);
    } else {
        line_up(spread, place, seat);
    }
}

/* --- life -------------------------------------------------------------------------------------------------------- */

bool sk_spread_open(struct sk_spread *spread, uv_loop_t *loop, sk_spread_visit *visit)
{
    *spread = (struct sk_spread){.visit = visit};
    TAILQ_INIT(&spread->line);
    sk_spread_queue_init(&spread->others);
    bool made = uv_idle_init(loop, &spread->sender) == 0 && uv_prepare_init(loop, &spread->turn_end) == 0 &&
                uv_prepare_start(&spread->turn_end, on_turn_end) == 0;
    spread->sender.data = spread;
    spread->turn_end.data = spread;
    return made;
}

static void close_handle(uv_handle_t *handle)
{
    if (handle->loop != NULL && uv_is_closing(handle) == 0) {
        uv_close(handle, NULL);
    }
}

void sk_spread_close(struct sk_spread *spread)
{
    close_handle((uv_handle_t *)&spread->sender);
    close_handle((uv_handle_t *)&spread->turn_end);
}
