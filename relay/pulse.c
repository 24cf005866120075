/* Time samples and heartbeats. Owns no connection; gives up those that have fallen silent. */
#include "relay/pulse.h"

#include "common/keys.h"
#include "common/log.h"
#include "common/redis.h"
#include "common/uuid.h"

#include <stdio.h>
#include <string.h>

void sk_pulse_init(struct sk_pulse *pulse, struct sk_redis_link *commands, struct sk_redis_link *subscriptions,
                   struct sk_server_clock *clock)
{
    char id[SK_UUID_BYTES];
    *pulse = (struct sk_pulse){.commands = commands, .subscriptions = subscriptions, .clock = clock};
    sk_uuid_random(id);
    (void)snprintf(pulse->channel, sizeof pulse->channel, "%s%s", SK_KEY_HEARTBEAT, id);
}

static void on_time(void *context, const redisReply *reply)
{
    struct sk_pulse *pulse = context;
    int64_t redis_us = reply == NULL ? -1 : sk_redis_time_us(reply);
    if (redis_us >= 0 && pulse->asked_at_us != 0) {
        sk_server_clock_sample(pulse->clock, pulse->asked_at_us, sk_monotonic_us(), redis_us);
    }
    if (reply != NULL) {
        pulse->asked_at_us = 0;
    }
}

static void on_published(void *context, const redisReply *reply)
{
    struct sk_pulse *pulse = context;
    bool refused = reply != NULL && reply->type == REDIS_REPLY_ERROR;
    /* A beat that Redis did not take cannot come back. */
    if (reply == NULL || refused) {
        pulse->published_at_us = 0;
    }
    if (refused && !pulse->refused) {
        sk_log(SK_LOG_ERROR, "Redis takes no heartbeat: a dead subscription would not be noticed",
               SK_S("channel", pulse->channel), SK_S("why", reply->str));
    }
    if (reply != NULL) {
        pulse->refused = refused;
    }
}

static void beat(struct sk_pulse *pulse, int64_t now_us)
{
    if (!sk_redis_link_ready(pulse->commands)) {
        return;
    }
    if (pulse->asked_at_us == 0 &&
        sk_redis_link_command(pulse->commands, on_time, pulse, 1, (const char *const[]){"TIME"}, (const size_t[]){4})) {
        pulse->asked_at_us = now_us;
    }
    if (sk_redis_link_ready(pulse->subscriptions) &&
        sk_redis_link_command(pulse->commands, on_published, pulse, 3,
                              (const char *const[]){"PUBLISH", pulse->channel, "beat"},
                              (const size_t[]){7, strlen(pulse->channel), 4}) &&
        pulse->published_at_us == 0) {
        pulse->published_at_us = now_us;
    }
}

static bool silent(const struct sk_pulse *pulse, int64_t asked_us, int64_t now_us)
{
    int64_t since_us = asked_us > pulse->listening_since_us ? asked_us : pulse->listening_since_us;
    return asked_us != 0 && now_us - since_us > INT64_C(1000) * SK_PULSE_SILENCE_MS;
}

void sk_pulse_tick(struct sk_pulse *pulse, int64_t now_us)
{
    if (silent(pulse, pulse->asked_at_us, now_us) && sk_redis_link_ready(pulse->commands)) {
        sk_redis_link_disconnect(pulse->commands, "no answer to TIME");
        sk_redis_link_disconnect(pulse->subscriptions, "no answer to TIME"); /* the same server, as silent */
    }
    /* While the commands' connection is in doubt itself, a missing beat says nothing of the subscriptions. */
    if (silent(pulse, pulse->published_at_us, now_us) && pulse->asked_at_us == 0 &&
        sk_redis_link_ready(pulse->subscriptions)) {
        sk_redis_link_disconnect(pulse->subscriptions, "no heartbeat");
    }
    if (now_us >= pulse->next_beat_us) {
        pulse->next_beat_us = now_us + INT64_C(1000) * SK_PULSE_INTERVAL_MS;
        beat(pulse, now_us);
    }
}

void sk_pulse_pass_over(struct sk_pulse *pulse, int64_t now_us)
{
    pulse->listening_since_us = now_us;
}

void sk_pulse_heard(struct sk_pulse *pulse)
{
    pulse->published_at_us = 0;
}

void sk_pulse_commands_up(struct sk_pulse *pulse)
{
    pulse->asked_at_us = 0;
    pulse->published_at_us = 0;
    pulse->next_beat_us = 0;
    beat(pulse, sk_monotonic_us());
}

void sk_pulse_subscriptions_up(struct sk_pulse *pulse)
{
    pulse->published_at_us = 0;
}
