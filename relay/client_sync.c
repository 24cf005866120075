/* What a client is told of its session or of the feed: the opening, what is published, and the states that make up for
 * a gap. Owns nothing. */
#include "common/frames.h"
#include "relay/channel.h"
#include "relay/client_parts.h"
#include "relay/snapshot.h"

bool sk_client_is_ahead(const struct sk_client *client, const struct sk_message_header *header)
{
    const struct sk_mark *told = &client->told;
    return header->updated_at_ms < told->updated_at_ms ||
           (header->updated_at_ms == told->updated_at_ms && header->version < told->version);
}

/* Notes the state that it is about to be told. */
static void note_told(struct sk_client *client, const struct sk_message_header *header)
{
    if (header->type == SK_MESSAGE_STATE_SYNC || header->type == SK_MESSAGE_STATE_UPDATE) {
        client->told = (struct sk_mark){header->updated_at_ms, header->version};
    }
}

/* A published message; one that is older than what the client has may be late, or Redis may have gone back: a reading
 * tells. */
void sk_client_deliver(struct sk_client *client, const struct sk_message_header *header, struct sk_frame_buffer *frame)
{
    if (client->close_code != SK_CLOSE_NONE || !client->greeted || client->sync == SK_SYNC_READING) {
        return;
    }
    if (header->type == SK_MESSAGE_STATE_SYNC) {
        if (sk_client_is_ahead(client, header)) {
            sk_client_set_sync(client, SK_SYNC_WAITING);
            sk_channel_advance(client->channel);
            return;
        }
        client->mark = (struct sk_mark){header->updated_at_ms, header->version};
    } else if (sk_hold_place(header, &client->mark, client->newcomer) == SK_PLACE_NOWHERE) {
        return;
    }
    note_told(client, header);
    sk_client_send_frame(client, frame);
    if (header->type == SK_MESSAGE_SESSION_DELETED) {
        sk_client_close(client, SK_CLOSE_NORMAL, "session deleted");
    }
}

void sk_client_connect(struct sk_client *client, int64_t now_ms)
{
    struct sk_buffer text = {.data = NULL};
    sk_client_set_sync(client, SK_SYNC_LIVE);
    sk_frame_plain(&text, "CONNECTED", NULL, now_ms);
    if (client->greeted) {
        sk_client_send_text(client, SK_FRAME_CONNECTED, &text);
        return;
    }
    struct sk_frame_buffer *connected = sk_frame_buffer_take(SK_FRAME_CONNECTED, &text);
    if (connected == NULL || !sk_outbox_push_first(&client->outbox, connected)) {
        sk_client_close_slow(client);
    }
    sk_frame_buffer_release(connected);
    client->greeted = true;
    sk_client_send_now(client);
}

void sk_client_tell(struct sk_client *client, struct sk_frame_buffer *frame)
{
    if (client->sync == SK_SYNC_LIVE) {
        sk_client_send_frame(client, frame);
    }
}

/* --- synchronising ------------------------------------------------------------------------------------------------ */

/* Sends those of the held messages that belong at a place. */
static void send_held(struct sk_client *client, const struct sk_hold *hold, enum sk_place place)
{
    const struct sk_held *held = NULL;
    TAILQ_FOREACH(held, &hold->messages, link)
    {
        if (client->close_code == SK_CLOSE_NONE &&
            sk_hold_place(&held->header, &client->mark, client->newcomer) == place) {
            note_told(client, &held->header);
            sk_client_send_frame(client, held->frame);
            if (held->header.type == SK_MESSAGE_SESSION_DELETED) {
                sk_client_close(client, SK_CLOSE_NORMAL, "session deleted");
            }
        }
    }
}

/* The opening: answers to what it has said already come after these two. */
static void greet(struct sk_client *client, const struct sk_snapshot *snapshot)
{
    struct sk_buffer text = {.data = NULL};
    sk_frame_plain(&text, "CONNECTED", sk_client_session(client), sk_client_now_ms(client));
    struct sk_frame_buffer *connected = sk_frame_buffer_take(SK_FRAME_CONNECTED, &text);
    if (connected == NULL || !sk_outbox_push_first(&client->outbox, snapshot->sync) ||
        !sk_outbox_push_first(&client->outbox, connected)) {
        sk_client_close_slow(client);
    }
    sk_frame_buffer_release(connected);
    client->greeted = true;
    client->newcomer = true;
    sk_client_send_soon(client);
}

/* Whether what the client said it knows is what the snapshot tells. */
static bool up_to_date(const struct sk_reconnect *reconnect, const struct sk_mark *mark)
{
    return reconnect->last_known_version == mark->version &&
           (reconnect->updated_at_ms == SK_NONE || reconnect->updated_at_ms == mark->updated_at_ms);
}

/* Answers a RECONNECT, if one was asked; whether the client needs no state. */
static bool acknowledge(struct sk_client *client, const struct sk_snapshot *snapshot)
{
    struct sk_buffer text = {.data = NULL};
    if (!client->reconnect.asked) {
        return false;
    }
    bool known = up_to_date(&client->reconnect, &snapshot->mark);
    client->reconnect.asked = false;
    sk_protocol_reconnect_ack(&text, sk_client_session(client), sk_client_now_ms(client), snapshot->mark.version,
                              known);
    sk_client_send_text(client, SK_FRAME_RECONNECT_ACK, &text);
    return known;
}

static void refresh(struct sk_client *client, const struct sk_snapshot *snapshot)
{
    if (!acknowledge(client, snapshot) && client->close_code == SK_CLOSE_NONE) {
        sk_client_send_frame(client, snapshot->sync);
    }
}

static void found(struct sk_client *client, const struct sk_snapshot *snapshot, const struct sk_hold *hold)
{
    client->mark = snapshot->mark;
    client->told = snapshot->mark;
    sk_client_set_sync(client, SK_SYNC_LIVE);
    sk_client_lost(client, 0, 0);
    if (client->greeted) {
        client->newcomer = false;
        send_held(client, hold, SK_PLACE_BEFORE);
    } else {
        greet(client, snapshot);
    }
    if (client->close_code == SK_CLOSE_NONE && (!client->newcomer || client->reconnect.asked)) {
        refresh(client, snapshot); /* also of one that asked before it was greeted */
    }
    send_held(client, hold, SK_PLACE_AFTER);
}

/* The session that the client has been watching is nowhere. A deleted one is at its end; an id that is only unknown may
 * be used again, and the client stays. */
static void gone(struct sk_client *client, bool deleted, const struct sk_hold *hold)
{
    const struct sk_held *held = NULL;
    sk_client_set_sync(client, SK_SYNC_LIVE);
    sk_client_lost(client, 0, 0);
    client->reconnect.asked = false;
    TAILQ_FOREACH(held, &hold->messages, link)
    {
        sk_client_deliver(client, &held->header, held->frame);
    }
    if (client->close_code != SK_CLOSE_NONE) {
        return;
    }
    if (!deleted) {
        sk_client_send_error(client, "SESSION_NOT_FOUND", "the session is not there any more");
        return;
    }
    struct sk_buffer text = {.data = NULL};
    sk_frame_plain(&text, "SESSION_DELETED", sk_client_session(client), sk_client_now_ms(client));
    sk_client_send_text(client, SK_FRAME_SESSION_DELETED, &text);
    sk_client_close(client, SK_CLOSE_NORMAL, "session deleted");
}

void sk_client_synchronise(struct sk_client *client, const struct sk_snapshot *snapshot, const struct sk_hold *hold)
{
    if (snapshot->outcome == SK_SNAPSHOT_FOUND) {
        found(client, snapshot, hold);
    } else if (!client->greeted) {
        sk_client_close(client, SK_CLOSE_NO_SESSION, "no such session");
    } else {
        gone(client, snapshot->outcome == SK_SNAPSHOT_DELETED, hold);
    }
}
