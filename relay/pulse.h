/* The relay's pulse: once a second it asks Redis for the time, and publishes a heartbeat that must come back through
 * the subscriptions. So a silent connection (no FIN ever comes) is found, and Redis' clock is known. hiredis cannot
 * ping on a connection that is subscribed, and has no time limits of its own on asynchronous commands. */
#ifndef SK_RELAY_PULSE_H
#define SK_RELAY_PULSE_H

#include "common/server_clock.h"
#include "relay/redis_link.h"

#include <stdbool.h>

#define SK_PULSE_INTERVAL_MS 1000
#define SK_PULSE_SILENCE_MS 3000 /* a beat that is not back by then means that the connection is dead */

struct sk_pulse {
    struct sk_redis_link *commands;
    struct sk_redis_link *subscriptions;
    struct sk_server_clock *clock;
    char channel[96];        /* this relay's own */
    int64_t asked_at_us;     /* TIME under way since; 0: none */
    int64_t published_at_us; /* the oldest beat that is not back; 0: none */
    int64_t next_beat_us;
    int64_t listening_since_us; /* silence counts from here: the process stood still until then; 0: it never did */
    bool refused;               /* Redis takes no beats, and the log was told */
};

/* All borrowed for the pulse's life. */
void sk_pulse_init(struct sk_pulse *pulse, struct sk_redis_link *commands, struct sk_redis_link *subscriptions,
                   struct sk_server_clock *clock);

/* Asks, publishes and watches, as far as it is due; call it some times a second. */
void sk_pulse_tick(struct sk_pulse *pulse, int64_t now_us);

/* The process stood still until now. */
void sk_pulse_pass_over(struct sk_pulse *pulse, int64_t now_us);

/* A message on the pulse's channel has come. */
void sk_pulse_heard(struct sk_pulse *pulse);

/* A connection was opened: what was under way on the one before it does not count. */
void sk_pulse_commands_up(struct sk_pulse *pulse);
void sk_pulse_subscriptions_up(struct sk_pulse *pulse);

#endif
