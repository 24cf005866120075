/* The queue of one connection: owns its entries and a reference to each frame. Knows no socket. */
#include "relay/outbox.h"

#include <stdlib.h>

void sk_outbox_init(struct sk_outbox *outbox)
{
    *outbox = (struct sk_outbox){.events_max = SK_OUTBOX_EVENTS_MAX};
    TAILQ_INIT(&outbox->waiting);
}

/* Takes an entry out, whatever it counts as, and frees it. */
static void take_out(struct sk_outbox *outbox, struct sk_outgoing *entry)
{
    if (entry == outbox->update) {
        outbox->update = NULL;
    } else if (entry == outbox->sync) {
        outbox->sync = NULL;
    } else {
        outbox->events--;
    }
    TAILQ_REMOVE(&outbox->waiting, entry, link);
    sk_frame_buffer_release(entry->frame);
    free(entry);
}

static struct sk_outgoing *entry_of(struct sk_frame_buffer *frame)
{
    struct sk_outgoing *entry = malloc(sizeof *entry);
    if (entry != NULL) {
        *entry = (struct sk_outgoing){.frame = sk_frame_buffer_share(frame)};
    }
    return entry;
}

/* Removes what a new state makes superfluous and notes the new one. */
static void replace_state(struct sk_outbox *outbox, struct sk_outgoing *entry)
{
    if (outbox->update != NULL) {
        take_out(outbox, outbox->update);
        outbox->replaced++;
    }
    if (entry->frame->type == SK_FRAME_STATE_UPDATE) {
        outbox->update = entry;
        return;
    }
    if (outbox->sync != NULL) {
        take_out(outbox, outbox->sync);
    }
    outbox->sync = entry;
}

bool sk_outbox_push(struct sk_outbox *outbox, struct sk_frame_buffer *frame)
{
    bool is_state = frame->type == SK_FRAME_STATE_UPDATE || frame->type == SK_FRAME_STATE_SYNC;
    if (!is_state && outbox->events >= outbox->events_max) {
        return false;
    }
    struct sk_outgoing *entry = entry_of(frame);
    if (entry == NULL) {
        return false;
    }
    if (is_state) {
        replace_state(outbox, entry);
    } else {
        outbox->events++;
    }
    TAILQ_INSERT_TAIL(&outbox->waiting, entry, link);
    return true;
}

bool sk_outbox_push_first(struct sk_outbox *outbox, struct sk_frame_buffer *frame)
{
    struct sk_outgoing *entry = entry_of(frame);
    if (entry == NULL) {
        return false;
    }
    outbox->events++;
    TAILQ_INSERT_HEAD(&outbox->waiting, entry, link);
    return true;
}

struct sk_frame_buffer *sk_outbox_first(const struct sk_outbox *outbox)
{
    const struct sk_outgoing *entry = TAILQ_FIRST(&outbox->waiting);
    return entry == NULL ? NULL : entry->frame;
}

void sk_outbox_drop_first(struct sk_outbox *outbox)
{
    struct sk_outgoing *entry = TAILQ_FIRST(&outbox->waiting);
    if (entry != NULL) {
        take_out(outbox, entry);
    }
}

void sk_outbox_clear(struct sk_outbox *outbox)
{
    struct sk_outgoing *entry = TAILQ_FIRST(&outbox->waiting);
    while (entry != NULL) {
        struct sk_outgoing *next = TAILQ_NEXT(entry, link);
        sk_frame_buffer_release(entry->frame);
        free(entry);
        entry = next;
    }
    size_t events_max = outbox->events_max;
    sk_outbox_init(outbox);
    outbox->events_max = events_max;
}
