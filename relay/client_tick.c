/* When something is due on a connection: pings, silence, floods, closes that do not get out. Owns nothing. */
#include "relay/client_parts.h"
#include "relay/relay.h"
#include "relay/server.h"

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

/* libwebsockets tells neither of a peer's pings nor of its empty pongs, so what came in is looked at from outside. */
static bool floods(struct sk_client *client, int64_t now_us)
{
    if (now_us < client->inflow_at_us) {
        return false;
    }
    uint64_t before = client->inflow_bytes;
    client->inflow_at_us = now_us + SK_CLIENT_INFLOW_MS * US_PER_MS;
    client->inflow_bytes = sk_server_received_bytes(client);
    return client->inflow_bytes > before + SK_CLIENT_INFLOW_MAX;
}

/* Nothing that it says from its close on counts, and reading that costs as much as if it did. */
static bool talks_on(const struct sk_client *client)
{
    return sk_server_received_bytes(client) > client->inflow_bytes + SK_CLIENT_INFLOW_MAX;
}

/* Whether one that is being closed has had its time. */
static bool must_go(const struct sk_client *client, int64_t now_us)
{
    bool late = now_us >= client->kill_at_us && client->seat.queue == NULL;
    return !client->aborted && (late || talks_on(client));
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
        if (must_go(client, now_us)) {
            sk_client_abort(client);
        }
    } else if (client->expires_at_us != 0 && now_us >= client->expires_at_us) {
        sk_client_close(client, SK_CLOSE_EXPIRED, "token expired");
    } else if (now_us - client->heard_at_us >= 2 * period_us || floods(client, now_us)) {
        sk_client_abort(client); /* a close frame would have the flood go on until it is answered */
    } else if (client->blocked_since_us != 0 && now_us - client->blocked_since_us >= 2 * period_us) {
        sk_client_close_slow(client);
    } else if (out_of_patience(client, now_us)) {
        sk_client_close(client, SK_CLOSE_BUSY,
                        client->lost_at_us != 0 ? "the session cannot be had now" : "the session could not be read");
    } else if (now_us >= client->ping_at_us) {
        client->ping_at_us = now_us + period_us;
        client->ping_due = true;
        client->pongs = 0;
        sk_client_send_now(client);
    }
}
