/* Held messages and the rule of what a snapshot already tells. */
#include "relay/hold.h"

#include <stdlib.h>

/* Below, at or above zero, as the header's state is older than, the same as or newer than the mark. */
static int compare(const struct sk_message_header *header, const struct sk_mark *mark)
{
    if (header->updated_at_ms != mark->updated_at_ms) {
        return header->updated_at_ms < mark->updated_at_ms ? -1 : 1;
    }
    return (header->version > mark->version) - (header->version < mark->version);
}

enum sk_place sk_hold_place(const struct sk_message_header *header, const struct sk_mark *snapshot, bool newcomer)
{
    int newer = compare(header, snapshot);
    switch (header->type) {
    case SK_MESSAGE_STATE_UPDATE:
    case SK_MESSAGE_STATE_SYNC:
        return newer > 0 ? SK_PLACE_AFTER : SK_PLACE_NOWHERE;
    case SK_MESSAGE_TIME_EXPIRED:
        if (newer > 0) {
            return SK_PLACE_AFTER;
        }
        break;
    case SK_MESSAGE_TIME_WARNING:
    case SK_MESSAGE_SESSION_DELETED:
        if (newer >= 0) {
            return SK_PLACE_AFTER;
        }
        break;
    case SK_MESSAGE_SESSION_CREATED:
    case SK_MESSAGE_SESSION_STARTED:
    case SK_MESSAGE_SESSION_PAUSED:
    case SK_MESSAGE_SESSION_RESUMED:
    case SK_MESSAGE_SESSION_ENDED:
    case SK_MESSAGE_TYPE_COUNT:
        return SK_PLACE_NOWHERE; /* the feed's alone */
    }
    return newcomer ? SK_PLACE_NOWHERE : SK_PLACE_BEFORE;
}

void sk_hold_init(struct sk_hold *hold)
{
    *hold = (struct sk_hold){.events = 0};
    TAILQ_INIT(&hold->messages);
}

static bool is_update(const struct sk_held *held)
{
    return held->header.type == SK_MESSAGE_STATE_UPDATE;
}

static void take_out(struct sk_hold *hold, struct sk_held *held)
{
    hold->events -= is_update(held) ? 0 : 1;
    TAILQ_REMOVE(&hold->messages, held, link);
    sk_frame_buffer_release(held->frame);
    free(held);
}

/* Takes out the first STATE_UPDATE, or the first that is none; whether there was one. */
static bool take_first(struct sk_hold *hold, bool update)
{
    struct sk_held *held = NULL;
    TAILQ_FOREACH(held, &hold->messages, link)
    {
        if (is_update(held) == update) {
            take_out(hold, held);
            return true;
        }
    }
    return false;
}

bool sk_hold_add(struct sk_hold *hold, const struct sk_message_header *header, struct sk_frame_buffer *frame)
{
    struct sk_held *held = malloc(sizeof *held);
    if (held == NULL) {
        return false;
    }
    *held = (struct sk_held){.header = *header, .frame = sk_frame_buffer_share(frame)};
    bool complete = true;
    if (is_update(held)) {
        take_first(hold, true);
    } else if (hold->events >= SK_HOLD_EVENTS_MAX) {
        complete = !take_first(hold, false);
    }
    hold->events += is_update(held) ? 0 : 1;
    TAILQ_INSERT_TAIL(&hold->messages, held, link);
    return complete;
}

void sk_hold_clear(struct sk_hold *hold)
{
    struct sk_held *held = TAILQ_FIRST(&hold->messages);
    while (held != NULL) {
        struct sk_held *next = TAILQ_NEXT(held, link);
        sk_frame_buffer_release(held->frame);
        free(held);
        held = next;
    }
    sk_hold_init(hold);
}

const struct sk_held *sk_hold_sync(const struct sk_hold *hold)
{
    const struct sk_held *held = NULL;
    TAILQ_FOREACH_REVERSE(held, &hold->messages, sk_held_list, link)
    {
        if (held->header.type == SK_MESSAGE_STATE_SYNC) {
            return held;
        }
    }
    return NULL;
}
