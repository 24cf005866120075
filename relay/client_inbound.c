/* What a client says: how much and how often it may, and the answers. Owns its unfinished message. */
#include "common/server_clock.h"
#include "relay/channel.h"
#include "relay/client_parts.h"
#include "relay/relay.h"

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
    int64_t now_ms = sk_client_now_ms(client);
    if (now_ms == 0) {
        return; /* Redis' time was never heard: nothing true could be answered */
    }
    sk_protocol_pong(&text, sk_client_session(client), now_ms, request->timestamp);
    sk_client_send_answer(client, SK_FRAME_PONG, &text);
}

static void ask_snapshot(struct sk_client *client, const struct sk_request *request)
{
    if (client->feed != NULL) {
        sk_client_send_error(client, "UNKNOWN_TYPE",
                             "the feed keeps nothing to come back to; the only type here is PING");
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
        sk_client_send_error(client, "UNKNOWN_TYPE", request->problem);
        break;
    case SK_REQUEST_INVALID:
        sk_client_send_error(client, "INVALID_MESSAGE", request->problem);
        break;
    }
}

static void read_message(struct sk_client *client, bool binary)
{
    struct sk_request request;
    if (binary) {
        sk_client_send_error(client, "INVALID_MESSAGE", "text frames only");
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
