/* The channel's state machine. Owns the held messages and the appeal; the clients are the server's. */
#include "relay/channel.h"

#include "common/keys.h"
#include "common/log.h"
#include "relay/client.h"
#include "relay/hub.h"
#include "relay/snapshot.h"

#include <stdlib.h>
#include <string.h>

struct sk_channel *sk_channel_new(struct sk_hub *hub, const char *session_id)
{
    struct sk_channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL) {
        return NULL;
    }
    channel->hub = hub;
    memcpy(channel->session_id, session_id, strnlen(session_id, sizeof channel->session_id - 1));
    TAILQ_INIT(&channel->clients);
    sk_spread_queue_init(&channel->queue);
    sk_hold_init(&channel->hold);
    return channel;
}

void sk_channel_free(struct sk_channel *channel)
{
    if (channel != NULL) {
        sk_hold_clear(&channel->hold);
        sk_appeal_close(&channel->appeal);
        free(channel);
    }
}

bool sk_channel_vacant(const struct sk_channel *channel)
{
    return channel->state == SK_CHANNEL_IDLE && !channel->reading && !channel->appeal.pending &&
           TAILQ_EMPTY(&channel->clients);
}

/* Whether somebody here waits for a reading that has not been sent. */
static bool snapshot_wanted(const struct sk_channel *channel)
{
    return channel->waiting > 0;
}

/* Gives the channel's subscription back; where that cannot be sent, the connection is going, and its end does it. What
 * a reading under way brings is older than the next subscription. */
static void unsubscribe(struct sk_channel *channel)
{
    struct sk_key key = sk_key_channel(channel->session_id);
    sk_hub_line_up(channel->hub, channel, SK_LINE_NONE);
    sk_appeal_forget_answer(&channel->appeal);
    if (sk_redis_link_unsubscribe(channel->hub->subscriptions, key.text)) {
        channel->state = SK_CHANNEL_UNSUBSCRIBING;
        channel->stale = channel->reading;
    }
}

/* Whether the channel stands in line for a try that is not to come sooner. */
static bool put_back(const struct sk_channel *channel)
{
    return channel->line == SK_LINE_RETRY || channel->line == SK_LINE_RETRY_LATE;
}

/* Where a channel without a subscription stands. One that has asked outlives its clients for a while: whoever asks for
 * an id again and again, each time from a new connection, must not fill the stream. */
static enum sk_line idle_line(const struct sk_channel *channel)
{
    if (!TAILQ_EMPTY(&channel->clients)) {
        return SK_LINE_SUBSCRIBE;
    }
    return sk_appeal_counts(&channel->appeal, sk_monotonic_us()) ? SK_LINE_RETRY_LATE : SK_LINE_VACANT;
}

void sk_channel_advance(struct sk_channel *channel)
{
    bool empty = TAILQ_EMPTY(&channel->clients);
    switch (channel->state) {
    case SK_CHANNEL_IDLE:
        sk_hub_line_up(channel->hub, channel, idle_line(channel));
        break;
    case SK_CHANNEL_SUBSCRIBED:
        if (empty) {
            unsubscribe(channel);
        } else if (!channel->reading && !put_back(channel) && snapshot_wanted(channel)) {
            sk_hub_line_up(channel->hub, channel, SK_LINE_READ);
        }
        break;
    case SK_CHANNEL_SUBSCRIBING:
    case SK_CHANNEL_UNSUBSCRIBING:
    case SK_CHANNEL_STATE_COUNT:
        break;
    }
}

void sk_channel_join(struct sk_channel *channel, struct sk_client *client)
{
    TAILQ_INSERT_TAIL(&channel->clients, client, in_channel);
    channel->client_count++;
    channel->queue.members++;
    /* It does not share a reading under way: from another relay it may know a state that was committed after that was
     * sent, and what it sees must not go back. The next reading is for all who have come meanwhile. */
    sk_client_set_sync(client, SK_SYNC_WAITING);
    client->channel = channel;
    channel->waiting++; /* from now on sk_client_set_sync keeps count, until it leaves */
    if (channel->line == SK_LINE_RETRY_LATE) {
        sk_hub_line_up(channel->hub, channel, SK_LINE_NONE); /* what could not be read may be repaired by now */
    }
    sk_channel_advance(channel);
}

void sk_channel_leave(struct sk_channel *channel, struct sk_client *client)
{
    TAILQ_REMOVE(&channel->clients, client, in_channel);
    channel->client_count--;
    channel->queue.members--;
    channel->waiting -= client->sync == SK_SYNC_WAITING ? 1 : 0;
    client->channel = NULL;
    sk_channel_advance(channel);
}

bool sk_channel_subscribe(struct sk_channel *channel)
{
    struct sk_key key = sk_key_channel(channel->session_id);
    if (!sk_redis_link_subscribe(channel->hub->subscriptions, key.text, sk_hub_on_push, channel->hub)) {
        return false;
    }
    channel->state = SK_CHANNEL_SUBSCRIBING;
    return true;
}

/* Everyone may have missed something: whoever is not already waiting waits from here on. */
static void begin_anew(struct sk_channel *channel)
{
    struct sk_client *client = NULL;
    TAILQ_FOREACH(client, &channel->clients, in_channel)
    {
        if (client->sync == SK_SYNC_LIVE) {
            sk_client_set_sync(client, SK_SYNC_WAITING);
        }
    }
    sk_channel_advance(channel);
}

void sk_channel_subscribed(struct sk_channel *channel)
{
    if (channel->state == SK_CHANNEL_SUBSCRIBING) {
        channel->state = SK_CHANNEL_SUBSCRIBED;
        begin_anew(channel);
    }
}

void sk_channel_unsubscribed(struct sk_channel *channel)
{
    if (channel->state == SK_CHANNEL_UNSUBSCRIBING) {
        channel->state = SK_CHANNEL_IDLE;
        sk_channel_advance(channel);
    }
}

/* Nobody is let go for a session that is lost while Redis itself is: everyone waits anew when it is back. */
void sk_channel_cut_off(struct sk_channel *channel)
{
    struct sk_client *client = NULL;
    channel->state = SK_CHANNEL_IDLE;
    channel->stale = channel->reading;
    sk_appeal_forget_answer(&channel->appeal);
    TAILQ_FOREACH(client, &channel->clients, in_channel)
    {
        sk_client_lost(client, 0, 0);
    }
    sk_channel_advance(channel);
}

/* A published STATE_SYNC is as good as a reading to who waits for one to be sent: everything that follows it will come.
 * (It is the only one for an ended session, which is not written back.)
 * A client may leave while it is told something (its last frame, or one too many): the next one is taken first. */
static void deliver_all(struct sk_channel *channel, const struct sk_message_header *header,
                        struct sk_frame_buffer *frame)
{
    bool serves = header->type == SK_MESSAGE_STATE_SYNC && channel->state == SK_CHANNEL_SUBSCRIBED;
    struct sk_client *client = TAILQ_FIRST(&channel->clients);
    struct sk_snapshot snapshot;
    struct sk_hold nothing;
    sk_snapshot_published(&snapshot, header, frame);
    sk_hold_init(&nothing);
    while (client != NULL) {
        struct sk_client *next = TAILQ_NEXT(client, in_channel);
        if (serves && client->sync == SK_SYNC_WAITING && !sk_client_is_ahead(client, header)) {
            sk_client_synchronise(client, &snapshot, &nothing);
        } else {
            sk_client_deliver(client, header, frame);
        }
        client = next;
    }
}

/* A message that cannot be passed on may have been a state: who has one reads again, and a reading under way, which it
 * may follow upon, does not count. */
static void note_loss(struct sk_channel *channel, const char *why)
{
    sk_log(SK_LOG_WARN, why, SK_S("session_id", channel->session_id));
    sk_appeal_forget_answer(&channel->appeal);
    channel->stale = channel->reading;
    begin_anew(channel);
}

/* More came during a reading than is held: it does not count, and those who wait for it wait for the next one. */
static void note_overflow(struct sk_channel *channel)
{
    if (!channel->stale) {
        sk_log(SK_LOG_WARN, "more was published during a reading than is held",
               SK_S("session_id", channel->session_id));
    }
    channel->stale = true;
}

static void log_broadcast(const struct sk_channel *channel, const struct sk_message_header *header)
{
    sk_log(SK_LOG_DEBUG, "broadcast", SK_S("session_id", channel->session_id),
           SK_S("type", sk_message_type_name(header->type)), SK_I("version", header->version),
           SK_S("request_id", strcmp(header->request_id, "-") == 0 ? "" : header->request_id),
           SK_I("clients", (int64_t)channel->client_count));
}

void sk_channel_published(struct sk_channel *channel, const char *bytes, size_t length)
{
    struct sk_message_header header;
    const char *text = NULL;
    size_t text_length = 0;
    if (!sk_message_read(bytes, length, &header, &text, &text_length)) {
        note_loss(channel, "a published message has no header");
        return;
    }
    struct sk_frame_buffer *frame = sk_frame_buffer_published(&header, text, text_length);
    if (frame == NULL) {
        note_loss(channel, "a published message was lost");
        return;
    }
    if (channel->reading && !sk_hold_add(&channel->hold, &header, frame)) {
        note_overflow(channel);
    }
    sk_appeal_heard(&channel->appeal, &header, frame, sk_monotonic_us());
    log_broadcast(channel, &header);
    deliver_all(channel, &header, frame);
    sk_frame_buffer_release(frame);
}

/* The reading brought nothing: what was held goes to those who have a state already, and everyone waits again. */
static void put_off(struct sk_channel *channel, struct sk_client *client, enum sk_snapshot_outcome outcome)
{
    const struct sk_held *held = NULL;
    int64_t now_us = sk_monotonic_us();
    sk_client_set_sync(client, SK_SYNC_WAITING);
    if (outcome != SK_SNAPSHOT_LOST || channel->stale) {
        sk_client_lost(client, 0, 0);
    } else {
        sk_client_lost(client, now_us, sk_appeal_counts(&channel->appeal, now_us) ? channel->appeal.sent_at_us : 0);
    }
    TAILQ_FOREACH(held, &channel->hold.messages, link)
    {
        sk_client_deliver(client, &held->header, held->frame);
    }
}

/* Where a channel waits after a reading with this outcome; SK_LINE_NONE: it brought what it was sent for. */
static enum sk_line retry_line(enum sk_snapshot_outcome outcome)
{
    switch (outcome) {
    case SK_SNAPSHOT_FOUND:
    case SK_SNAPSHOT_UNKNOWN:
    case SK_SNAPSHOT_DELETED:
        break;
    case SK_SNAPSHOT_LOST:
    case SK_SNAPSHOT_UNAVAILABLE:
        return SK_LINE_RETRY;
    case SK_SNAPSHOT_UNREADABLE:
        return SK_LINE_RETRY_LATE;
    }
    return SK_LINE_NONE;
}

/* Tells the log of a session that cannot be read, once until it can. */
static void note_unreadable(struct sk_channel *channel, const struct sk_snapshot *snapshot)
{
    bool unreadable = snapshot->outcome == SK_SNAPSHOT_UNREADABLE;
    if (unreadable && !channel->unreadable) {
        sk_log(SK_LOG_ERROR, "a session cannot be shown", SK_S("session_id", channel->session_id),
               SK_S("why", snapshot->why));
    }
    if (snapshot->outcome != SK_SNAPSHOT_UNAVAILABLE) {
        channel->unreadable = unreadable;
    }
}

static void tell_readers(struct sk_channel *channel, const struct sk_snapshot *snapshot)
{
    bool usable = retry_line(snapshot->outcome) == SK_LINE_NONE && !channel->stale;
    struct sk_client *client = TAILQ_FIRST(&channel->clients);
    while (client != NULL) {
        struct sk_client *next = TAILQ_NEXT(client, in_channel);
        if (client->sync == SK_SYNC_READING) {
            if (usable) {
                sk_client_synchronise(client, snapshot, &channel->hold);
            } else {
                put_off(channel, client, snapshot->outcome);
            }
        }
        client = next;
    }
}

/* Redis does not have the session, but what it is was published while that was read, or a moment before. False: it was
 * not. */
static bool told_otherwise(const struct sk_channel *channel, struct sk_snapshot *instead)
{
    const struct sk_held *held = sk_hold_sync(&channel->hold);
    if (channel->stale) {
        return false;
    }
    if (held != NULL) {
        sk_snapshot_published(instead, &held->header, held->frame);
        return true;
    }
    return sk_appeal_answer(&channel->appeal, sk_monotonic_us(), instead);
}

/* Whether somebody who watches the session waits for it, and not only who has just come. */
static bool is_watched(const struct sk_channel *channel)
{
    const struct sk_client *client = NULL;
    TAILQ_FOREACH(client, &channel->clients, in_channel)
    {
        if (client->greeted && client->sync == SK_SYNC_WAITING) {
            return true;
        }
    }
    return false;
}

/* Asks for a session that Redis does not have, where somebody waits for it; what Redis has needs no asking. */
static void ask(struct sk_channel *channel, enum sk_snapshot_outcome outcome)
{
    struct sk_hub *hub = channel->hub;
    switch (outcome) {
    case SK_SNAPSHOT_LOST:
        if (snapshot_wanted(channel)) {
            hub->appeals.favoured = is_watched(channel);
            sk_appeal_send(&channel->appeal, &hub->appeals, hub->commands, channel->session_id, sk_monotonic_us());
        }
        break;
    case SK_SNAPSHOT_FOUND:
    case SK_SNAPSHOT_UNKNOWN:
    case SK_SNAPSHOT_DELETED:
    case SK_SNAPSHOT_UNREADABLE:
        sk_appeal_close(&channel->appeal);
        break;
    case SK_SNAPSHOT_UNAVAILABLE:
        break;
    }
}

static void on_snapshot(void *context, const struct sk_snapshot *snapshot)
{
    struct sk_channel *channel = context;
    struct sk_hub *hub = channel->hub;
    struct sk_snapshot instead;
    enum sk_line line = retry_line(snapshot->outcome);
    bool current = !channel->stale && channel->state == SK_CHANNEL_SUBSCRIBED;
    bool otherwise = snapshot->outcome == SK_SNAPSHOT_LOST && told_otherwise(channel, &instead);
    note_unreadable(channel, snapshot);
    tell_readers(channel, otherwise ? &instead : snapshot);
    sk_hold_clear(&channel->hold);
    channel->reading = false;
    channel->stale = false;
    if (current) {
        ask(channel, snapshot->outcome);
    }
    if (line != SK_LINE_NONE && channel->state == SK_CHANNEL_SUBSCRIBED && snapshot_wanted(channel)) {
        sk_hub_line_up(hub, channel, line);
    }
    sk_channel_advance(channel);
    sk_hub_read_done(hub);
}

bool sk_channel_read(struct sk_channel *channel)
{
    struct sk_client *client = NULL;
    if (!sk_snapshot_read(channel->hub->commands, &channel->hub->clock, channel->session_id, on_snapshot, channel)) {
        return false;
    }
    channel->reading = true;
    TAILQ_FOREACH(client, &channel->clients, in_channel)
    {
        if (client->sync == SK_SYNC_WAITING) {
            sk_client_set_sync(client, SK_SYNC_READING);
        }
    }
    return true;
}
