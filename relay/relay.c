/* The record that owns everything: the loop, its ticks and signals, the drain. */
#include "relay/relay.h"

#include "common/log.h"
#include "common/metrics.h"
#include "relay/server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define US_PER_MS INT64_C(1000)
#define US_PER_S INT64_C(1000000)

void sk_relay_add(struct sk_relay *relay, struct sk_client *client)
{
    TAILQ_INSERT_TAIL(&relay->clients, client, in_relay);
    relay->client_count++;
}

void sk_relay_remove(struct sk_relay *relay, struct sk_client *client)
{
    TAILQ_REMOVE(&relay->clients, client, in_relay);
    relay->client_count--;
}

/* --- ticks ------------------------------------------------------------------------------------------------------- */

static void report(struct sk_relay *relay)
{
    sk_tally_report(&relay->tally);
    sk_metrics_set(SK_METRIC_WS_CONNECTIONS, (int64_t)relay->client_count);
    sk_metrics_refresh();
}

static bool drained(struct sk_relay *relay, int64_t now_us);

/* The process stood still (it was stopped, or its machine was), and what has been said meanwhile may not be heard yet:
 * where it stood in the loop decides whether this timer or the reading comes first. What would have been due counts
 * from now on; a token's end stays where it is. */
static void notice_pause(struct sk_relay *relay, int64_t now_us)
{
    struct sk_client *client = NULL;
    int64_t gap_us = now_us - relay->ticked_at_us - SK_RELAY_TICK_MS * US_PER_MS;
    bool paused = relay->ticked_at_us != 0 && gap_us > SK_RELAY_PAUSE_MS * US_PER_MS;
    if (!paused) {
        return;
    }
    sk_log(SK_LOG_WARN, "the process stood still", SK_I("ms", gap_us / US_PER_MS));
    relay->resumed_at_us = now_us;
    relay->ticked_at_us = now_us;
    relay->drain_ends_at_us += gap_us;
    sk_pulse_pass_over(&relay->hub.pulse, now_us);
    TAILQ_FOREACH(client, &relay->clients, in_relay)
    {
        sk_client_pass_over(client, gap_us);
    }
}

/* No client is freed here: their sockets close later, in callbacks of their own. */
static void on_tick(uv_timer_t *timer)
{
    struct sk_relay *relay = timer->data;
    struct sk_client *client = NULL;
    int64_t now_us = sk_monotonic_us();
    notice_pause(relay, now_us);
    relay->ticked_at_us = now_us;
    sk_hub_tick(&relay->hub, now_us);
    sk_relay_readings_tick(&relay->readings, relay->hub.commands, now_us);
    sk_server_tick(relay->server, now_us);
    TAILQ_FOREACH(client, &relay->clients, in_relay)
    {
        sk_client_tick(client, now_us);
    }
    report(relay);
    if (relay->draining && (drained(relay, now_us) || now_us >= relay->drain_ends_at_us)) {
        uv_stop(&relay->loop);
    }
}

static void on_turn(uv_prepare_t *prepare)
{
    struct sk_relay *relay = prepare->data;
    sk_hub_reap(&relay->hub);
}

/* --- drain ------------------------------------------------------------------------------------------------------- */

static void on_drain_tick(uv_timer_t *timer)
{
    struct sk_relay *relay = timer->data;
    struct sk_client *client = NULL;
    int64_t now_us = sk_monotonic_us();
    notice_pause(relay, now_us);
    TAILQ_FOREACH(client, &relay->clients, in_relay)
    {
        if (client->drain_at_us > now_us) {
            return; /* so are all behind it */
        }
        sk_client_close(client, SK_CLOSE_GOING_AWAY, "draining");
    }
}

/* The open clients in a random order; owned. NULL: there is none, or no memory. */
static struct sk_client **shuffled(struct sk_relay *relay, size_t *count)
{
    struct sk_client **order = calloc(relay->client_count + 1, sizeof(struct sk_client *));
    struct sk_client *client = NULL;
    *count = 0;
    TAILQ_FOREACH(client, &relay->clients, in_relay)
    {
        if (order != NULL && client->close_code == SK_CLOSE_NONE) {
            size_t last = (*count)++;
            size_t place = arc4random_uniform((uint32_t)last + 1);
            order[last] = order[place];
            order[place] = client;
        }
    }
    return order;
}

/* Gives each connection a moment of its own: of n, the i-th closes within the i-th of n equal parts of the drain time.
 * So their clients arrive elsewhere evenly, and yet not in step with anything. In the list they stand by that moment,
 * behind those that are closing already. Without memory for the order all are closed at once. */
static void plan_drain(struct sk_relay *relay, int64_t now_us, int64_t span_us)
{
    size_t count = 0;
    struct sk_client **order = shuffled(relay, &count);
    for (size_t i = 0; i < count; i++) {
        int64_t begin_us = span_us * (int64_t)i / (int64_t)count;
        int64_t end_us = span_us * (int64_t)(i + 1) / (int64_t)count;
        order[i]->drain_at_us = now_us + begin_us + arc4random_uniform((uint32_t)(end_us - begin_us + 1));
        TAILQ_REMOVE(&relay->clients, order[i], in_relay);
        TAILQ_INSERT_TAIL(&relay->clients, order[i], in_relay);
    }
    free(order);
}

static void drain(struct sk_relay *relay)
{
    int64_t now_us = sk_monotonic_us();
    int64_t span_us = relay->config->relay_drain_s * US_PER_S;
    relay->draining = true;
    relay->drain_ends_at_us = now_us + span_us + SK_CLIENT_LINGER_MS * US_PER_MS + US_PER_S;
    sk_log(SK_LOG_INFO, "draining", SK_I("connections", (int64_t)relay->client_count),
           SK_I("drain_s", relay->config->relay_drain_s));
    if (relay->config->relay_share_port) {
        sk_server_stop_accepting(relay->server);
    }
    plan_drain(relay, now_us, span_us);
    (void)uv_timer_start(&relay->drainer, on_drain_tick, 0, SK_RELAY_DRAIN_TICK_MS);
}

/* Whether nobody is left to be told. Who has been let in and has not spoken yet is told, too: on a shared port by a
 * close, else by a 503, for which a moment is waited, and nobody let in any more. */
static bool drained(struct sk_relay *relay, int64_t now_us)
{
    if (relay->client_count > 0) {
        return false;
    }
    if (relay->emptied_at_us == 0) {
        relay->emptied_at_us = now_us;
        sk_server_stop_accepting(relay->server);
    }
    bool waits = relay->config->relay_share_port || now_us - relay->emptied_at_us < SK_RELAY_GUESTS_MS * US_PER_MS;
    return !waits || sk_server_guests(relay->server) == 0;
}

static void on_signal(uv_signal_t *watcher, int number)
{
    struct sk_relay *relay = watcher->data;
    (void)number;
    if (relay->draining) {
        uv_stop(&relay->loop);
    } else {
        drain(relay);
    }
}

static void on_hangup(uv_signal_t *watcher, int number)
{
    struct sk_relay *relay = watcher->data;
    (void)number;
    sk_server_reload(relay->server);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static const struct {
    int number;
    uv_signal_cb handler;
} signals[SK_RELAY_SIGNALS] = {{SIGTERM, on_signal}, {SIGINT, on_signal}, {SIGHUP, on_hangup}};

/* From here on: what a signal would do once its handle is closed is to end the process at once. */
static void ignore_signals(void)
{
    sigset_t numbers;
    (void)sigemptyset(&numbers);
    for (size_t i = 0; i < SK_RELAY_SIGNALS; i++) {
        (void)sigaddset(&numbers, signals[i].number);
    }
    (void)sigprocmask(SIG_BLOCK, &numbers, NULL);
}

static bool start_handles(struct sk_relay *relay)
{
    for (size_t i = 0; i < SK_RELAY_SIGNALS; i++) {
        relay->signals[i].data = relay;
        if (uv_signal_init(&relay->loop, &relay->signals[i]) != 0 ||
            uv_signal_start(&relay->signals[i], signals[i].handler, signals[i].number) != 0) {
            return false;
        }
    }
    relay->ticker.data = relay;
    relay->drainer.data = relay;
    relay->reaper.data = relay;
    return uv_timer_init(&relay->loop, &relay->ticker) == 0 && uv_timer_init(&relay->loop, &relay->drainer) == 0 &&
           uv_prepare_init(&relay->loop, &relay->reaper) == 0 &&
           uv_timer_start(&relay->ticker, on_tick, SK_RELAY_TICK_MS, SK_RELAY_TICK_MS) == 0 &&
           uv_prepare_start(&relay->reaper, on_turn) == 0 &&
           sk_spread_open(&relay->spread, &relay->loop, sk_client_flush);
}

enum sk_code sk_relay_open(struct sk_relay *relay, const struct sk_config *config, struct sk_error *error)
{
    struct sk_redis_url url;
    *relay = (struct sk_relay){.config = config};
    TAILQ_INIT(&relay->clients);
    enum sk_code code = sk_redis_url_parse(config->redis_url, &url, error);
    if (code != SK_OK) {
        return code;
    }
    relay->has_loop = uv_loop_init(&relay->loop) == 0;
    if (!relay->has_loop || !start_handles(relay) ||
        !sk_hub_open(&relay->hub, &relay->loop, &url, config->redis_timeout_ms)) {
        return sk_fail(error, SK_INTERNAL_ERROR, "the event loop cannot be made");
    }
    code = sk_keyring_open(&relay->keyring, config, error);
    if (code != SK_OK) {
        return code;
    }
    code = sk_server_open(relay, &relay->server, error);
    relay->spoilt = code == SK_INTERNAL_ERROR;
    if (code == SK_OK) {
        sk_hub_start(&relay->hub);
    }
    return code;
}

void sk_relay_run(struct sk_relay *relay)
{
    (void)uv_run(&relay->loop, UV_RUN_DEFAULT);
}

static void close_handle(uv_handle_t *handle)
{
    if (handle->loop != NULL && uv_is_closing(handle) == 0) {
        uv_close(handle, NULL);
    }
}

static void on_guard(uv_timer_t *guard)
{
    uv_stop(guard->loop);
}

/* Lets what was told to close do so. Where descriptors ran out at its start, libwebsockets keeps handles open: that is
 * not waited for. */
static void turn_until_closed(struct sk_relay *relay)
{
    uv_timer_t *guard = &relay->guard;
    (void)uv_timer_init(&relay->loop, guard);
    (void)uv_timer_start(guard, on_guard, SK_RELAY_CLOSE_MS, 0);
    uv_unref((uv_handle_t *)guard);
    (void)uv_run(&relay->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)guard, NULL);
    (void)uv_run(&relay->loop, UV_RUN_NOWAIT);
}

void sk_relay_close(struct sk_relay *relay)
{
    if (!relay->has_loop || relay->spoilt) {
        return; /* there is nothing, or nothing that may still turn: the process' end cleans up */
    }
    ignore_signals();
    close_handle((uv_handle_t *)&relay->ticker);
    close_handle((uv_handle_t *)&relay->drainer);
    close_handle((uv_handle_t *)&relay->reaper);
    for (size_t i = 0; i < SK_RELAY_SIGNALS; i++) {
        close_handle((uv_handle_t *)&relay->signals[i]);
    }
    sk_spread_close(&relay->spread);
    sk_server_close(relay->server);
    sk_hub_close(&relay->hub);
    turn_until_closed(relay);
    sk_server_free(relay->server);
    sk_hub_free(&relay->hub);
    sk_keyring_free(relay->keyring);
    report(relay);
    (void)uv_loop_close(&relay->loop);
}
