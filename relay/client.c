/* A connection's life, and what is sent on it. Owns its outbox; never touches the socket itself (server.h). */
#include "common/log.h"
#include "common/metrics.h"
#include "common/server_clock.h"
#include "relay/channel.h"
#include "relay/client_parts.h"
#include "relay/guard.h"
#include "relay/relay.h"
#include "relay/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* --- life -------------------------------------------------------------------------------------------------------- */

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

/* Tells it why, for a moment; where too many are being told already, it goes without a word. */
static void refuse(struct sk_client *client, const struct sk_refusal *refusal)
{
    const struct sk_household *household = client->household;
    bool room = client->relay->refused_count < SK_RELAY_REFUSED_MAX &&
                (household == NULL || household->refused < SK_RELAY_REFUSED_HOUSEHOLD_MAX);
    client->refused = true;
    count(client, 1);
    sk_log(SK_LOG_DEBUG, "refused", SK_I("code", refusal->code), SK_S("why", refusal->reason));
    if (refusal->fault != NULL) {
        char labels[48];
        (void)snprintf(labels, sizeof labels, "reason=\"%s\"", refusal->fault);
        sk_metrics_add(SK_METRIC_AUTH_FAILURES, labels, 1);
    }
    if (room) {
        sk_client_close(client, refusal->code, refusal->reason);
    } else {
        sk_client_abort(client);
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

/* --- writing ----------------------------------------------------------------------------------------------------- */

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

void sk_client_send_now(struct sk_client *client)
{
    sk_spread_leave(&client->relay->spread, &client->seat);
    sk_server_request_write(client);
}

void sk_client_send_soon(struct sk_client *client)
{
    struct sk_spread_queue *queue = client->channel != NULL ? &client->channel->queue : NULL;
    if (client->blocked_since_us == 0) {
        sk_spread_send(&client->relay->spread, queue, &client->seat);
    } else {
        sk_server_request_write(client);
    }
}

/* --- closing ----------------------------------------------------------------------------------------------------- */

void sk_client_close(struct sk_client *client, enum sk_close code, const char *reason)
{
    if (client->close_code != SK_CLOSE_NONE) {
        return;
    }
    client->close_code = code;
    client->close_reason = reason;
    client->kill_at_us = linger_end(client);
    client->inflow_bytes = sk_server_received_bytes(client);
    if (!client->greeted) {
        sk_outbox_clear(&client->outbox); /* nothing may come before CONNECTED */
    }
    leave(client);
    sk_client_send_soon(client);
}

void sk_client_close_slow(struct sk_client *client)
{
    sk_outbox_clear(&client->outbox);
    sk_client_close(client, SK_CLOSE_TOO_SLOW, "too slow");
}

void sk_client_abort(struct sk_client *client)
{
    if (client->close_code == SK_CLOSE_NONE) {
        sk_client_close(client, SK_CLOSE_ABNORMAL, "");
    }
    client->aborted = true;
    sk_server_drop(client);
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

/* Puts a frame into the outbox. One that is full only because its turn has not come is sent first. */
static bool push(struct sk_client *client, struct sk_frame_buffer *frame)
{
    bool pushed = sk_outbox_push(&client->outbox, frame);
    if (!pushed && client->seat.queue != NULL) {
        sk_client_send_now(client);
        pushed = sk_outbox_push(&client->outbox, frame);
    }
    client->relay->tally.replaced += client->outbox.replaced;
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
        sk_client_close_slow(client);
        return false;
    }
    return client->greeted;
}

void sk_client_send_frame(struct sk_client *client, struct sk_frame_buffer *frame)
{
    if (queue_frame(client, frame)) {
        sk_client_send_soon(client);
    }
}

void sk_client_send_text(struct sk_client *client, enum sk_frame_type type, struct sk_buffer *text)
{
    struct sk_frame_buffer *frame = sk_frame_buffer_take(type, text);
    if (queue_frame(client, frame)) {
        sk_client_send_now(client);
    }
    sk_frame_buffer_release(frame);
}

void sk_client_send_answer(struct sk_client *client, enum sk_frame_type type, struct sk_buffer *text)
{
    if (!client->greeted && client->outbox.events >= SK_CLIENT_EARLY_ANSWERS_MAX) {
        sk_buffer_clear(text);
    } else if (client->answers >= SK_CLIENT_ANSWERS_MAX) {
        sk_buffer_clear(text);
        sk_client_close_slow(client);
    } else {
        client->answers++;
        sk_client_send_text(client, type, text);
    }
}

void sk_client_sent(struct sk_client *client, const struct sk_frame_buffer *frame)
{
    sk_tally_sent(&client->relay->tally, frame, sk_client_now_ms(client));
    client->answers -= frame->type == SK_FRAME_PONG || frame->type == SK_FRAME_ERROR ? 1 : 0;
}

const char *sk_client_session(const struct sk_client *client)
{
    return client->channel == NULL ? NULL : client->channel->session_id;
}

int64_t sk_client_now_ms(const struct sk_client *client)
{
    return sk_hub_now_ms(&client->relay->hub);
}

void sk_client_send_error(struct sk_client *client, const char *code, const char *message)
{
    struct sk_buffer text = {.data = NULL};
    sk_protocol_error(&text, sk_client_session(client), sk_client_now_ms(client), code, message);
    sk_client_send_answer(client, SK_FRAME_ERROR, &text);
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
