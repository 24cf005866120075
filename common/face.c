/* The session clock: what can be read off it at an instant. Nothing here changes a session. */
#include "common/engine.h"
#include "common/engine_parts.h"

int64_t sk_engine_deadline(const struct sk_session *session)
{
    if (session->status != SK_RUNNING) {
        return SK_NONE;
    }
    int64_t left = session->config.mode->left(session, session->active);
    if (left == SK_NONE || (session->overtime && left == 0)) {
        return SK_NONE;
    }
    return session->cycle_started_at_ms + left;
}

int64_t sk_engine_next_timer(const struct sk_session *session, int64_t now_ms)
{
    int64_t deadline = sk_engine_deadline(session);
    int64_t next = deadline;
    for (size_t i = 0; i < session->config.warning_count && deadline != SK_NONE; i++) {
        int64_t warning = session->config.warnings_ms[i];
        int64_t at_ms = deadline - warning;
        if (at_ms > session->cycle_started_at_ms && at_ms > now_ms && at_ms < next) {
            next = at_ms;
        }
    }
    return next;
}

int64_t sk_engine_warning(const struct sk_session *session, int64_t now_ms)
{
    int64_t deadline = sk_engine_deadline(session);
    int64_t smallest = SK_NONE;
    for (size_t i = 0; i < session->config.warning_count && deadline != SK_NONE; i++) {
        int64_t warning = session->config.warnings_ms[i];
        int64_t at_ms = deadline - warning;
        bool passed = at_ms > session->cycle_started_at_ms && at_ms <= now_ms;
        if (passed && (smallest == SK_NONE || warning < smallest)) {
            smallest = warning;
        }
    }
    return smallest;
}

/* What is left of a bank that the running span eats into. */
static int64_t less_span(const struct sk_session *session, int64_t bank_ms, int64_t now_ms)
{
    int64_t span = sk_engine_span(session, now_ms);
    return bank_ms > span ? bank_ms - span : 0;
}

static int64_t clock_remaining(const struct sk_session *session, int64_t now_ms)
{
    if (sk_session_ended(session)) {
        return SK_NONE;
    }
    size_t position = session->status == SK_PENDING ? sk_engine_first(session) : session->active;
    int64_t left = session->config.mode->left(session, position);
    if (session->overtime) {
        return 0; /* also in global, where the cycle's limit no longer counts and the session may have none */
    }
    return left == SK_NONE ? SK_NONE : less_span(session, left, now_ms);
}

static int64_t clock_elapsed(const struct sk_session *session, int64_t now_ms)
{
    int64_t span = sk_engine_span(session, now_ms);
    if (session->config.mode->elapsed_is_total) {
        return session->time_used_ms + span;
    }
    return sk_session_ended(session) ? 0 : session->cycle_time_used_ms + span;
}

void sk_engine_clock(const struct sk_session *session, int64_t now_ms, struct sk_clock_face *face)
{
    const struct sk_mode *mode = session->config.mode;
    face->running = session->status == SK_RUNNING;
    face->started_at_ms = session->cycle_started_at_ms;
    face->deadline_at_ms = session->overtime ? SK_NONE : sk_engine_deadline(session);
    face->time_remaining_ms = clock_remaining(session, now_ms);
    face->time_elapsed_ms = clock_elapsed(session, now_ms);
    face->overtime = session->overtime;
    face->session_deadline_at_ms = SK_NONE;
    if (mode->total_outlives && face->running && mode->session_left(session) > 0) {
        face->session_deadline_at_ms = session->cycle_started_at_ms + mode->session_left(session);
    }
}

static int64_t bank_remaining(const struct sk_session *session, const struct sk_bank *bank, int64_t now_ms)
{
    bool runs = session->active != SK_NOBODY && session->config.mode->bank_of(session, session->active) == bank;
    return runs ? less_span(session, bank->total_time_ms, now_ms) : bank->total_time_ms;
}

int64_t sk_engine_remaining(const struct sk_session *session, size_t position, int64_t now_ms)
{
    const struct sk_mode *mode = session->config.mode;
    return mode->bank_of ? bank_remaining(session, mode->bank_of(session, position), now_ms)
                         : clock_remaining(session, now_ms);
}

int64_t sk_engine_group_remaining(const struct sk_session *session, size_t group, int64_t now_ms)
{
    return bank_remaining(session, &session->groups[group].bank, now_ms);
}

struct sk_bank sk_engine_shown_bank(const struct sk_session *session, size_t position)
{
    const struct sk_mode *mode = session->config.mode;
    struct sk_bank shown = session->participants[position].bank;
    if (mode->bank_of) {
        const struct sk_bank *bank = mode->bank_of(session, position);
        shown.total_time_ms = bank->total_time_ms;
        shown.has_expired = bank->has_expired;
    }
    return shown;
}
