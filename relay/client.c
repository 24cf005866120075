/* A connection's life. Owns its outbox and its unfinished message; never touches the socket itself (server.h). */
#include "relay/client.h"

#include "common/frames.h"
#include "common/log.h"
#include "common/server_clock.h"
#include "relay/channel.h"
#include "relay/guard.h"
#include "relay/relay.h"
#include "relay/server.h"
#include "relay/snapshot.h"

#include <stdlib.h>
#include <time.h>

#define US_PER_MS INT64_C(1000)
#define US_PER_S INT64_C(1000000)

/* --- life -----------------------------------------------------------------------------------------------------------
 */

struct sk_client *sk_client_new(struct sk_relay *relay, struct lws *socket, struct sk_household *household)
{
    struct sk_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return NULL;
    }
    client->relay = relay;
    client->socket = socket;
    client->household = household;
    client->inflow_at_us = sk_monotonic_us() + SK_CLIENT_INFLOW_MS * US_PER_MS;
    client->opened_at_us = sk_monotonic_us();
    client->heard_at_us = client->opened_at_us;
    client->ping_at_us = client->opened_at_us + relay->config->relay_ping_s * US_PER_S;
    sk_outbox_init(&client->outbox);
    client->seat.owner = client;
    sk_relay_add(relay, client);
    return client;
}

/* Leaves what it came for, and its place in line there. */
static void leave(struct sk_client *client)
{
    sk_spread_leave(&client->relay->spread, &client->seat);
    if (client->channel != NULL) {
        sk_channel_leave(client->channel, client);
    } else if (client->feed != NULL) {
        sk_feed_leave(client->feed, client);
    }
}

/* Enters it in the books of those who were let in, or of those who are being sent away, or takes it out (-1). */
static void count(const struct sk_client *client, int change)
{
    struct sk_relay *relay = client->relay;
    struct sk_household *household = client->household;
    if (client->admitted) {
        relay->admitted_count += change;
    } else if (client->refused) {
        relay->refused_count += change;
    }
    if (household != NULL && client->admitted) {
        household->clients += change;
    } else if (household != NULL && client->refused) {
        household->refused += change;
    }
}

void sk_client_free(struct sk_client *client)
{
    if (client == NULL) {
        return;
    }
    leave(client);
    count(client, -1);
    sk_relay_remove(client->relay, client);
    sk_outbox_clear(&client->outbox);
    sk_buffer_clear(&client->inbound);
    free(client);
}

/* The monotonic instant of an instant of Unix time. */
static int64_t monotonic_at(int64_t unix_s)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    int64_t left_us = (unix_s - (int64_t)now.tv_sec) * US_PER_S - (int64_t)now.tv_nsec / 1000;
    return sk_monotonic_us() + (left_us > 0 ? left_us : 0);
}

/* Joins what it came for. False when out of memory. */
static bool enter(struct sk_client *client, const struct sk_target *target)
{
    struct sk_hub *hub = &client->relay->hub;
    if (target->kind == SK_TARGET_FEED) {
        sk_feed_join(&hub->feed, client);
        return true;
    }
    struct sk_channel *channel = sk_hub_channel(hub, target->session_id);
    if (channel != NULL) {
        sk_channel_join(channel, client);
    }
    return channel != NULL;
}

static void abort_now(struct sk_client *client);

/* Tells it why, for a moment; where too many are being told already, it goes without a word. */
static void refuse(struct sk_client *client, const struct sk_refusal *refusal)
{
    const struct sk_household *household = client->household;
    bool room = client->relay->refused_count < SK_RELAY_REFUSED_MAX &&
                (household == NULL || household->refused < SK_RELAY_REFUSED_HOUSEHOLD_MAX);
    client->refused = true;
    count(client, 1);
    if (room) {
        sk_client_close(client, refusal->code, refusal->reason);
    } else {
        abort_now(client);
    }
}

void sk_client_begin(struct sk_client *client, const struct sk_visit *visit)
{
    struct sk_identity identity = {.expires_at_s = SK_NONE};
    struct sk_relay *relay = client->relay;
    struct sk_refusal refusal = sk_admission_decide(
        &(struct sk_admission){
            .visit = visit,
            .keyring = relay->keyring,
            .origins = relay->config->cors_origin,
            .now_s = (int64_t)time(NULL),
            .connections = relay->admitted_count,
            .connections_max = relay->config->relay_max_connections,
            .neighbours = client->household != NULL ? client->household->clients : 0,
            .neighbours_max = client->household != NULL ? relay->config->relay_max_per_address : 0,
            .watchers = (int64_t)sk_hub_watchers(&relay->hub, visit->target.session_id),
            .watchers_max = relay->config->relay_max_per_session,
            .draining = relay->draining,
        },
        &identity);
    if (refusal.code != SK_CLOSE_NONE) {
        refuse(client, &refusal);
        return;
    }
    client->admitted = true;
    count(client, 1);
    client->expires_at_us = identity.expires_at_s == SK_NONE ? 0 : monotonic_at(identity.expires_at_s);
    if (!enter(client, &visit->target)) {
        sk_client_close(client, SK_CLOSE_BUSY, "out of memory");
    }
}

/* --- writing --------------------------------------------------------------------------------------------------------
 */

/* When a close frame that is sent now must be out. */
static int64_t linger_end(const struct sk_client *client)
{
    return sk_monotonic_us() + (client->refused ? SK_CLIENT_REFUSED_MS : SK_CLIENT_LINGER_MS) * US_PER_MS;
}

void sk_client_flush(void *owner)
{
    struct sk_client *client = owner;
    if (client->kill_at_us != 0) {
        client->kill_at_us = linger_end(client); /* it could not close before its turn */
    }
    sk_server_request_write(client);
}

/* What waits goes out, or is waited for, in this very moment: what is for this client alone holds up nobody. */
static void send_now(struct sk_client *client)
{
    sk_spread_leave(&client->relay->spread, &client->seat);
    sk_server_request_write(client);
}

/* What waits goes out when it is its turn: others may get the same in this moment, and they may be many. Where a full
 * socket is waited for already, that is its turn. */
static void send_soon(struct sk_client *client)
{
    struct sk_spread_queue *queue = client->channel != NULL ? &client->channel->queue : NULL;
    if (client->blocked_since_us == 0) {
        sk_spread_send(&client->relay->spread, queue, &client->seat);
    } else {
        sk_server_request_write(client);
    }
}

/* --- closing --------------------------------------------------------------------------------------------------------
 */

void sk_client_close(struct sk_client *client, enum sk_close code, const char *reason)
{
    if (client->close_code != SK_CLOSE_NONE) {
        return;
    }
    client->close_code = code;
    client->close_reason = reason;
    client->kill_at_us = linger_end(client);
    if (!client->greeted) {
        sk_outbox_clear(&client->outbox); /* nothing may come before CONNECTED */
    }
    leave(client);
    send_soon(client);
}

/* Its peer does not take what it is sent. The writable callback may never come: the tick drops it then. */
static void close_slow(struct sk_client *client)
{
    sk_outbox_clear(&client->outbox);
    sk_client_close(client, SK_CLOSE_TOO_SLOW, "too slow");
}

static void abort_now(struct sk_client *client)
{
    if (client->close_code == SK_CLOSE_NONE) {
        sk_client_close(client, SK_CLOSE_ABNORMAL, "");
    }
    client->aborted = true;
    sk_server_drop(client);
}

/* Whether it has waited for its session for too long: from its coming, or, where it has a state already, from when it
 * turned out that the session is lost. While that cannot be asked for, since others are asked for first, the time does
 * not run, within reason. */
static bool out_of_patience(const struct sk_client *client, int64_t now_us)
{
    int64_t since_us = client->greeted ? client->lost_at_us : client->opened_at_us;
    if (since_us == 0) {
        return false;
    }
    if (client->lost_at_us == 0) {
        return now_us - since_us >= SK_CLIENT_JOIN_MS * US_PER_MS;
    }
    int64_t asked_us = client->asked_at_us > since_us ? client->asked_at_us : since_us;
    return now_us - since_us >= SK_CLIENT_LOST_MAX_MS * US_PER_MS ||
           (client->asked_at_us != 0 && now_us - asked_us >= SK_CLIENT_LOST_MS * US_PER_MS);
}

/* Empty fragments and a peer's pings are never told of by libwebsockets, so what came in is looked at from outside. */
static bool floods(struct sk_client *client, int64_t now_us)
{
    if (now_us < client->inflow_at_us) {
        return false;
    }
    uint64_t before = client->inflow_bytes;
    client->inflow_at_us = now_us + SK_CLIENT_INFLOW_MS * US_PER_MS;
    client->inflow_bytes = sk_server_received_bytes(client);
    return client->inflow_bytes > before && client->inflow_bytes - before > SK_CLIENT_INFLOW_MAX;
}

static void move_on(int64_t *instant_us, int64_t gap_us)
{
    *instant_us += *instant_us != 0 ? gap_us : 0;
}

void sk_client_pass_over(struct sk_client *client, int64_t gap_us)
{
    int64_t *const instants[] = {&client->heard_at_us,  &client->ping_at_us, &client->blocked_since_us,
                                 &client->opened_at_us, &client->lost_at_us, &client->asked_at_us,
                                 &client->drain_at_us,  &client->kill_at_us, &client->inflow_at_us};
    for (size_t i = 0; i < sizeof instants / sizeof *instants; i++) {
        move_on(instants[i], gap_us);
    }
}

void sk_client_tick(struct sk_client *client, int64_t now_us)
{
    int64_t period_us = client->relay->config->relay_ping_s * US_PER_S;
    if (client->kill_at_us != 0) {
        if (now_us >= client->kill_at_us && client->seat.queue == NULL && !client->aborted) {
            abort_now(client);
        }
    } else if (client->expires_at_us != 0 && now_us >= client->expires_at_us) {
        sk_client_close(client, SK_CLOSE_EXPIRED, "token expired");
    } else if (now_us - client->heard_at_us >= 2 * period_us) {
        abort_now(client);
    } else if (floods(client, now_us)) {
        sk_client_close(client, SK_CLOSE_POLICY, "too much traffic");
    } else if (client->blocked_since_us != 0 && now_us - client->blocked_since_us >= 2 * period_us) {
        close_slow(client);
    } else if (out_of_patience(client, now_us)) {
        sk_client_close(client, SK_CLOSE_BUSY,
                        client->lost_at_us != 0 ? "the session cannot be had now"
                                                : "the session store does not answer");
    } else if (now_us >= client->ping_at_us) {
        client->ping_at_us = now_us + period_us;
        client->ping_due = true;
        client->pongs = 0;
        send_now(client);
    }
}

/* --- sending --------------------------------------------------------------------------------------------------------
 */

/* Puts a frame into the outbox. One that is full only because its turn has not come is sent first. */
static bool push(struct sk_client *client, struct sk_frame_buffer *frame)
{
    bool pushed = sk_outbox_push(&client->outbox, frame);
    if (!pushed && client->seat.queue != NULL) {
        send_now(client);
        pushed = sk_outbox_push(&client->outbox, frame);
    }
    client->relay->replaced += client->outbox.replaced;
    client->outbox.replaced = 0;
    return pushed;
}

/* Queues a frame; a client whose queue is full is too slow. frame NULL: there was no memory to make it. True: it waits,
 * and may be sent. */
static bool queue_frame(struct sk_client *client, struct sk_frame_buffer *frame)
{
    if (client->close_code != SK_CLOSE_NONE) {
        return false;
    }
    if (frame == NULL || !push(client, frame)) {
        close_slow(client);
        return false;
    }
    return client->greeted;
}

static void send_frame(struct sk_client *client, struct sk_frame_buffer *frame)
{
    if (queue_frame(client, frame)) {
        send_soon(client);
    }
}

/* Takes text, and sends it. */
static void send_text(struct sk_client *client, enum sk_frame_type type, struct sk_buffer *text)
{
    struct sk_frame_buffer *frame = sk_frame_buffer_take(type, text);
    if (queue_frame(client, frame)) {
        send_now(client);
    }
    sk_frame_buffer_release(frame);
}

/* Takes the answer to what the client said. Before it is greeted nothing can be sent, so only some are kept: to talk
 * meanwhile is not to be slow. */
static void send_answer(struct sk_client *client, enum sk_frame_type type, struct sk_buffer *text)
{
    if (!client->greeted && client->outbox.events >= SK_CLIENT_EARLY_ANSWERS_MAX) {
        sk_buffer_clear(text);
    } else {
        send_text(client, type, text);
    }
}

/* NULL: it listens to the feed. */
static const char *session_of(const struct sk_client *client)
{
    return client->channel == NULL ? NULL : client->channel->session_id;
}

static int64_t server_now(const struct sk_client *client)
{
    return sk_hub_now_ms(&client->relay->hub);
}

static void send_error(struct sk_client *client, const char *code, const char *message)
{
    struct sk_buffer text = {.data = NULL};
    sk_protocol_error(&text, session_of(client), server_now(client), code, message);
    send_answer(client, SK_FRAME_ERROR, &text);
}

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

void sk_client_set_sync(struct sk_client *client, enum sk_sync sync)
{
    struct sk_channel *channel = client->channel;
    if (channel != NULL) {
        channel->waiting -= client->sync == SK_SYNC_WAITING ? 1 : 0;
        channel->waiting += sync == SK_SYNC_WAITING ? 1 : 0;
    }
    client->sync = sync;
}

void sk_client_lost(struct sk_client *client, int64_t now_us, int64_t asked_at_us)
{
    bool begins = now_us == 0 || client->lost_at_us == 0;
    client->lost_at_us = begins ? now_us : client->lost_at_us;
    client->asked_at_us = begins || client->asked_at_us == 0 ? asked_at_us : client->asked_at_us;
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
    send_frame(client, frame);
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
        send_text(client, SK_FRAME_CONNECTED, &text);
        return;
    }
    struct sk_frame_buffer *connected = sk_frame_buffer_take(SK_FRAME_CONNECTED, &text);
    if (connected == NULL || !sk_outbox_push_first(&client->outbox, connected)) {
        close_slow(client);
    }
    sk_frame_buffer_release(connected);
    client->greeted = true;
    send_now(client);
}

void sk_client_tell(struct sk_client *client, struct sk_frame_buffer *frame)
{
    if (client->sync == SK_SYNC_LIVE) {
        send_frame(client, frame);
    }
}

/* --- synchronising --------------------------------------------------------------------------------------------------
 */

/* Sends those of the held messages that belong at a place. */
static void send_held(struct sk_client *client, const struct sk_hold *hold, enum sk_place place)
{
    const struct sk_held *held = NULL;
    TAILQ_FOREACH(held, &hold->messages, link)
    {
        if (client->close_code == SK_CLOSE_NONE &&
            sk_hold_place(&held->header, &client->mark, client->newcomer) == place) {
            note_told(client, &held->header);
            send_frame(client, held->frame);
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
    sk_frame_plain(&text, "CONNECTED", session_of(client), server_now(client));
    struct sk_frame_buffer *connected = sk_frame_buffer_take(SK_FRAME_CONNECTED, &text);
    if (connected == NULL || !sk_outbox_push_first(&client->outbox, snapshot->sync) ||
        !sk_outbox_push_first(&client->outbox, connected)) {
        close_slow(client);
    }
    sk_frame_buffer_release(connected);
    client->greeted = true;
    client->newcomer = true;
    send_soon(client);
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
    sk_protocol_reconnect_ack(&text, session_of(client), server_now(client), snapshot->mark.version, known);
    send_text(client, SK_FRAME_RECONNECT_ACK, &text);
    return known;
}

static void refresh(struct sk_client *client, const struct sk_snapshot *snapshot)
{
    if (!acknowledge(client, snapshot) && client->close_code == SK_CLOSE_NONE) {
        send_frame(client, snapshot->sync);
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
        send_error(client, "SESSION_NOT_FOUND", "the session is not there any more");
        return;
    }
    struct sk_buffer text = {.data = NULL};
    sk_frame_plain(&text, "SESSION_DELETED", session_of(client), server_now(client));
    send_text(client, SK_FRAME_SESSION_DELETED, &text);
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

/* --- receiving ------------------------------------------------------------------------------------------------------
 */

void sk_client_heard(struct sk_client *client)
{
    client->heard_at_us = sk_monotonic_us();
    if (++client->pongs > SK_CLIENT_PONGS_MAX && (client->channel != NULL || client->feed != NULL)) {
        sk_client_close(client, SK_CLOSE_POLICY, "too many messages");
    }
}

/* Notes a frame; whether it is one too many within a second. What has piled up while the process stood still comes all
 * at once, and is not counted. */
static bool too_often(struct sk_client *client)
{
    if (client->relay->resumed_at_us != 0 && sk_monotonic_us() - client->relay->resumed_at_us < US_PER_S) {
        return false;
    }
    uint32_t now_ms = (uint32_t)(sk_monotonic_us() / US_PER_MS);
    uint32_t *oldest = &client->frames_at_ms[client->frames % SK_CLIENT_MESSAGES_A_SECOND];
    bool full = client->frames >= SK_CLIENT_MESSAGES_A_SECOND;
    bool often = full && now_ms - *oldest < 1000;
    *oldest = now_ms;
    client->frames++;
    return often;
}

static void answer_ping(struct sk_client *client, const struct sk_request *request)
{
    struct sk_buffer text = {.data = NULL};
    int64_t now_ms = server_now(client);
    if (now_ms == 0) {
        return; /* Redis' time was never heard: nothing true could be answered */
    }
    sk_protocol_pong(&text, session_of(client), now_ms, request->timestamp);
    send_answer(client, SK_FRAME_PONG, &text);
}

static void ask_snapshot(struct sk_client *client, const struct sk_request *request)
{
    if (client->feed != NULL) {
        send_error(client, "UNKNOWN_TYPE", "the feed keeps nothing to come back to; the only type here is PING");
        return;
    }
    client->reconnect = (struct sk_reconnect){
        .asked = true, .last_known_version = request->last_known_version, .updated_at_ms = request->updated_at_ms};
    if (client->sync == SK_SYNC_LIVE) {
        sk_client_set_sync(client, SK_SYNC_WAITING);
        sk_channel_advance(client->channel);
    }
}

static void answer(struct sk_client *client, const struct sk_request *request)
{
    switch (request->type) {
    case SK_REQUEST_PING:
        answer_ping(client, request);
        break;
    case SK_REQUEST_RECONNECT:
        ask_snapshot(client, request);
        break;
    case SK_REQUEST_UNKNOWN:
        send_error(client, "UNKNOWN_TYPE", request->problem);
        break;
    case SK_REQUEST_INVALID:
        send_error(client, "INVALID_MESSAGE", request->problem);
        break;
    }
}

static void read_message(struct sk_client *client, bool binary)
{
    struct sk_request request;
    if (binary) {
        send_error(client, "INVALID_MESSAGE", "text frames only");
        return;
    }
    sk_protocol_read(sk_buffer_text(&client->inbound), client->inbound.length, &request);
    answer(client, &request);
    sk_request_clear(&request);
}

void sk_client_received(struct sk_client *client, const struct sk_inbound *part)
{
    client->heard_at_us = sk_monotonic_us();
    if (client->channel == NULL && client->feed == NULL) {
        return; /* refused or closing: nothing it says counts */
    }
    if (part->remaining > SK_CLIENT_MESSAGE_BYTES_MAX ||
        client->inbound.length + part->length + part->remaining > SK_CLIENT_MESSAGE_BYTES_MAX) {
        sk_client_close(client, SK_CLOSE_TOO_BIG, "message too big");
        return;
    }
    sk_buffer_append(&client->inbound, part->bytes, part->length);
    if (part->remaining > 0) {
        return;
    }
    if (too_often(client)) {
        sk_client_close(client, SK_CLOSE_POLICY, "too many messages");
        return;
    }
    if (part->final) {
        if (client->inbound.failed) {
            sk_client_close(client, SK_CLOSE_BUSY, "out of memory");
            return;
        }
        read_message(client, part->binary);
        sk_buffer_clear(&client->inbound);
    }
}
