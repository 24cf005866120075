/* The relay: WebSocket connections on one side, Redis on the other, one event loop between them, nothing that blocks.
 *
 *            Redis                                                                      browsers, game servers
 *     ws:<id> │      ▲ MGET, TIME, XADD (appeal), PUBLISH (heartbeat)                               ▲
 *   (publish) ▼      │                                                        tls, where there is a certificate
 *     subscriptions  commands ── redis_link (two of them)                      arrivals: porch ► server (lws)
 *             │      ▲                                                                             │ ▲
 *             ▼      │                 lines: whose turn to subscribe, to read                     │ │
 *            hub ────┴─► channel ── one a session ────────────────────────────────► client ◄───────┘ │
 *             │            │  hold: messages kept back while a snapshot is read       │ outbox ──────┤
 *           pulse       snapshot: stored form ► settled view ► STATE_SYNC             │ bounded, newest state only
 *     time, heartbeat                                                                 │ spread: whose turn it is
 *                                                                              protocol: PING, RECONNECT
 *
 * A message comes in once, becomes one frame buffer, and each client's outbox gets a reference to it. Everything that
 * must be freed is marked where that is noticed and freed by the reaper, at the end of the loop's tick. */
#ifndef SK_RELAY_RELAY_H
#define SK_RELAY_RELAY_H

#include "common/config.h"
#include "relay/client.h"
#include "relay/hub.h"
#include "relay/readings.h"
#include "relay/spread.h"
#include "relay/tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <uv.h>

struct sk_server;

#define SK_RELAY_SIGNALS 3
#define SK_RELAY_TICK_MS 100
#define SK_RELAY_DRAIN_TICK_MS 10         /* fine enough that nobody elsewhere sees steps */
#define SK_RELAY_PAUSE_MS 1000            /* a tick that is so late means that the process stood still */
#define SK_RELAY_REFUSED_MAX 1024         /* who may be told at a time that they are not let in */
#define SK_RELAY_REFUSED_HOUSEHOLD_MAX 64 /* … of one household */
#define SK_RELAY_GUESTS_MS 1000           /* who has come in may take so long to speak when the last client goes */
#define SK_RELAY_CLOSE_MS 2000            /* how long closing may take, once nothing is served any more */

struct sk_relay {
    const struct sk_config *config; /* borrowed */
    uv_loop_t loop;
    bool has_loop; /* it was made, and must be closed */
    bool spoilt;   /* the server failed half-way and left handles on the loop: it cannot be run or closed */
    uv_timer_t ticker;
    uv_prepare_t reaper;                   /* runs last before the loop waits again */
    uv_signal_t signals[SK_RELAY_SIGNALS]; /* SIGTERM, SIGINT, SIGHUP */
    uv_timer_t drainer;                    /* closes those whose moment has come */
    uv_timer_t guard;                      /* of the close */
    struct sk_hub hub;
    struct sk_spread spread;
    struct sk_keyring *keyring; /* owned */
    struct sk_server *server;
    TAILQ_HEAD(sk_relay_clients, sk_client) clients;
    size_t client_count;
    int64_t admitted_count; /* of them, who were let in */
    int64_t refused_count;  /* of them, who are being sent away */
    int64_t ticked_at_us;   /* 0: never */
    int64_t resumed_at_us;  /* when the process last went on after standing still; 0: never */
    bool draining;
    int64_t drain_ends_at_us;
    int64_t emptied_at_us; /* when a drain had no client left; 0: not yet */
    struct sk_tally tally;
    struct sk_relay_readings readings;
};

/* Makes everything and listens. Redis need not be there yet. SK_VALIDATION_ERROR: REDIS_URL, or the port is taken.
 * SK_INTERNAL_ERROR: out of memory. */
enum sk_code sk_relay_open(struct sk_relay *relay, const struct sk_config *config, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Serves until SIGTERM or SIGINT, then drains: its clients are closed one by one over RELAY_DRAIN_S. Where the port is
 * shared, it is given up first; else who comes is sent away in plain HTTP. A second signal ends it at once. SIGHUP has
 * the certificate read again. */
void sk_relay_run(struct sk_relay *relay);

/* Closes everything and frees it; also after a failed open. */
void sk_relay_close(struct sk_relay *relay);

/* The clients' book: who is open. */
void sk_relay_add(struct sk_relay *relay, struct sk_client *client);
void sk_relay_remove(struct sk_relay *relay, struct sk_client *client);

#endif
