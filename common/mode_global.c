/* global: one clock for everybody, by cycle (a quiz), in all (an exam), or both. */
#include "common/modes.h"

static void check(const struct sk_session *session, struct sk_problems *problems)
{
    if (session->config.time_per_cycle_ms == 0 && session->config.total_time_ms == 0) {
        sk_problems_add(problems, "time_per_cycle_ms", "or total_time_ms is required in global");
    }
}

static int64_t session_left(const struct sk_session *session)
{
    if (session->config.total_time_ms == 0) {
        return SK_NONE;
    }
    int64_t left = session->config.total_time_ms - session->time_used_ms;
    return left > 0 ? left : 0;
}

/* A cycle that overruns no longer limits the clock; the session's total still does. */
static int64_t left(const struct sk_session *session, size_t position)
{
    (void)position;
    int64_t total = session_left(session);
    if (session->config.time_per_cycle_ms == 0 || session->overtime) {
        return total;
    }
    int64_t cycle = session->config.time_per_cycle_ms - session->cycle_time_used_ms;
    cycle = cycle > 0 ? cycle : 0;
    return total == SK_NONE || cycle < total ? cycle : total;
}

const struct sk_mode sk_mode_global = {
    .name = "global",
    .total_outlives = true,
    .check = check,
    .left = left,
    .session_left = session_left,
    .next = sk_rotation_next,
};
