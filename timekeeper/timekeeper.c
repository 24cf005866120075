/* One tick: claim what is due, settle or warn, sweep a little. */
#include "timekeeper/timekeeper.h"

#include "common/frames.h"
#include "common/log.h"
#include "common/message.h"
#include "common/metrics.h"
#include "common/redis_server.h"
#include "common/server_clock.h"

#include <string.h>

#define LOOK_EVERY_MS 10
#define RETRY_MIN_MS 50
#define RETRY_MAX_MS 1000
#define SWEEP_EVERY_US 1000000
#define SWEEP_CHUNK 500

static const struct sk_origin origin = {.actor = "timekeeper", .request_id = NULL};

void sk_timekeeper_init(struct sk_timekeeper *keeper, struct sk_store *store)
{
    *keeper = (struct sk_timekeeper){
        .store = store, .redis = SK_REDIS_UNTRIED, .retry_ms = RETRY_MIN_MS, .swept = SK_PENDING, .sweep_due_us = 0};
}

/* How long after its deadline the last expiry was committed. */
static void observe_lateness(struct sk_timekeeper *keeper, const struct sk_settlement *settlement)
{
    int64_t now_ms;
    struct sk_error error;
    if (sk_store_time(keeper->store, LOOK_EVERY_MS, &now_ms, &error) == SK_OK) {
        int64_t late_ms = now_ms - settlement->expiries[settlement->kept - 1].at_ms;
        sk_metrics_observe(SK_METRIC_TIMER_LATENESS, "", (double)(late_ms > 0 ? late_ms : 0) / 1000.0);
    }
}

static void write_warning(struct sk_buffer *message, const struct sk_result *result, int64_t threshold_ms)
{
    const struct sk_session *session = result->session;
    struct sk_message_header header = {.type = SK_MESSAGE_TIME_WARNING,
                                       .version = session->version,
                                       .updated_at_ms = session->updated_at_ms,
                                       .committed_at_ms = result->now_ms};
    sk_message_write_header(message, &header);
    sk_frame_warning(message, session, result->now_ms, threshold_ms);
}

/* Nothing has expired: sends the smallest warning that has come, if any, and sets the next timer. A timer that is due
 * and is still the claim's own has not been seen to: whoever sends a warning sets the next timer in the same step. */
static enum sk_code warn(struct sk_timekeeper *keeper, const struct sk_timer_claim *claim,
                         const struct sk_result *result, struct sk_error *error)
{
    bool for_deadline = claim->due_at_ms == sk_engine_deadline(result->session); /* and the clock stepped back since */
    int64_t threshold_ms = for_deadline ? SK_NONE : sk_engine_warning(result->session, result->now_ms);
    int64_t next_ms = sk_engine_next_timer(result->session, result->now_ms);
    struct sk_buffer message = {0};
    bool passed = false;
    if (threshold_ms != SK_NONE) {
        write_warning(&message, result, threshold_ms);
    }
    enum sk_code code = message.failed ? sk_fail(error, SK_INTERNAL_ERROR, "out of memory")
                                       : sk_timers_pass(sk_store_redis(keeper->store), claim, next_ms, message.data,
                                                        message.length, &passed, error);
    if (!code && passed && threshold_ms != SK_NONE) {
        sk_log(SK_LOG_DEBUG, "warning sent", SK_S("session_id", claim->session_id), SK_I("threshold_ms", threshold_ms));
    }
    sk_buffer_clear(&message);
    return code;
}

static bool is_away(enum sk_code code)
{
    return code == SK_STATE_STORE_UNAVAILABLE || code == SK_OUTCOME_UNKNOWN;
}

static enum sk_code see_to(struct sk_timekeeper *keeper, const struct sk_timer_claim *claim, struct sk_error *error)
{
    static const struct sk_operation settle = {
        .op = SK_OP_VIEW, .expected_version = SK_NONE, .current_cycle_number = SK_NONE, .index = SK_NONE};
    struct sk_redis *redis = sk_store_redis(keeper->store);
    struct sk_result result = {0};
    bool passed;
    enum sk_code code = sk_store_change(keeper->store, claim->session_id, &settle, &origin, NULL, &result, error);
    if (code == SK_SESSION_NOT_FOUND) {
        code = sk_timers_pass(redis, claim, SK_NONE, NULL, 0, &passed, error);
    } else if (result.unreadable) {
        sk_log(SK_LOG_ERROR, "a session cannot be read and is set aside", SK_S("session_id", claim->session_id),
               SK_S("error", error->text));
        code = sk_timers_set_aside(redis, claim, error);
    } else if (code == SK_OK && result.settlement.count > 0) {
        observe_lateness(keeper, &result.settlement);
        sk_log(SK_LOG_DEBUG, "time expired", SK_S("session_id", claim->session_id),
               SK_I("count", result.settlement.count), SK_I("version", result.session->version));
    } else if (code == SK_OK) {
        code = warn(keeper, claim, &result, error);
    }
    if (code && !is_away(code)) { /* the timer comes back when the claim runs out */
        sk_log(SK_LOG_ERROR, "a timer could not be seen to", SK_S("session_id", claim->session_id),
               SK_S("code", sk_code_name(code)), SK_S("error", error->text));
    }
    sk_result_clear(&result);
    return code;
}

/* Takes ids whose session has outlived its key out of the indexes, a chunk at a time. */
static enum sk_code sweep(struct sk_timekeeper *keeper, struct sk_error *error)
{
    int64_t seen = 0;
    int64_t removed = 0;
    enum sk_code code = sk_timers_sweep(sk_store_redis(keeper->store), keeper->swept, keeper->sweep_offset, SWEEP_CHUNK,
                                        &seen, &removed, error);
    if (code) {
        return code;
    }
    keeper->sweep_offset += seen - removed;
    if (seen < SWEEP_CHUNK) {
        keeper->swept = keeper->swept == SK_PAUSED ? SK_PENDING : keeper->swept + 1;
        keeper->sweep_offset = 0;
    }
    return SK_OK;
}

/* Redis cannot be had: says so once, and waits longer each time. */
static int64_t stay_away(struct sk_timekeeper *keeper, const struct sk_error *error)
{
    if (keeper->redis != SK_REDIS_AWAY) {
        sk_log(SK_LOG_ERROR, "redis cannot be used", SK_S("error", error->text));
        keeper->redis = SK_REDIS_AWAY;
        keeper->retry_ms = RETRY_MIN_MS;
    }
    int64_t pause_ms = keeper->retry_ms;
    keeper->retry_ms = pause_ms * 2 < RETRY_MAX_MS ? pause_ms * 2 : RETRY_MAX_MS;
    return pause_ms;
}

static void welcome_back(struct sk_timekeeper *keeper)
{
    if (keeper->redis != SK_REDIS_HERE) {
        keeper->redis = SK_REDIS_HERE;
        sk_log(SK_LOG_INFO, "redis can be used");
        sk_redis_server_inspect(sk_store_redis(keeper->store));
    }
}

static int64_t pause_ms(const struct sk_timer_batch *batch)
{
    if (batch->count == SK_TIMERS_BATCH) {
        return 0;
    }
    int64_t until_next = batch->next_at_ms == SK_NONE ? LOOK_EVERY_MS : batch->next_at_ms - batch->now_ms;
    return until_next < LOOK_EVERY_MS ? until_next : LOOK_EVERY_MS;
}

int64_t sk_timekeeper_tick(struct sk_timekeeper *keeper)
{
    struct sk_error error = {SK_OK, ""};
    struct sk_timer_batch batch;
    enum sk_code code = sk_timers_claim(sk_store_redis(keeper->store), &batch, &error);
    if (code) {
        return stay_away(keeper, &error);
    }
    welcome_back(keeper);
    for (size_t i = 0; i < batch.count; i++) {
        code = see_to(keeper, &batch.claims[i], &error);
        if (is_away(code)) {
            return stay_away(keeper, &error); /* what is left of the batch comes back when its claims run out */
        }
    }
    if (sk_monotonic_us() >= keeper->sweep_due_us) {
        keeper->sweep_due_us = sk_monotonic_us() + SWEEP_EVERY_US;
        if (sweep(keeper, &error)) {
            return stay_away(keeper, &error);
        }
    }
    return batch.count > 0 ? 0 : pause_ms(&batch);
}
