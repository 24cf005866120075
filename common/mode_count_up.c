/* count_up: a stopwatch, with or without a cap; participants record laps (a speedrun). */
#include "common/modes.h"

static int64_t session_left(const struct sk_session *session)
{
    if (session->config.max_time_ms == 0) {
        return SK_NONE;
    }
    int64_t left = session->config.max_time_ms - session->time_used_ms;
    return left > 0 ? left : 0;
}

static int64_t left(const struct sk_session *session, size_t position)
{
    (void)position;
    return session_left(session);
}

const struct sk_mode sk_mode_count_up = {
    .name = "count_up",
    .elapsed_is_total = true,
    .left = left,
    .session_left = session_left,
    .next = sk_rotation_next,
};
