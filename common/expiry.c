/* The session clock: what time does by itself. Every expiry is applied at its deadline, however late it is noticed. */
#include "common/engine.h"
#include "common/engine_parts.h"

#include <string.h>

int64_t sk_engine_span(const struct sk_session *session, int64_t now_ms)
{
    if (session->status != SK_RUNNING || now_ms < session->cycle_started_at_ms) {
        return 0;
    }
    return now_ms - session->cycle_started_at_ms;
}

void sk_engine_charge(struct sk_session *session, int64_t at_ms)
{
    if (session->status != SK_RUNNING) {
        return;
    }
    int64_t span = sk_engine_span(session, at_ms);
    session->cycle_started_at_ms = at_ms;
    session->time_used_ms += span;
    session->cycle_time_used_ms += span;
    if (session->active == SK_NOBODY) {
        return;
    }
    struct sk_bank *own = &session->participants[session->active].bank;
    own->time_used_ms += span;
    struct sk_bank *bank =
        session->config.mode->bank_of ? session->config.mode->bank_of(session, session->active) : NULL;
    if (!bank) {
        return;
    }
    if (bank != own) {
        bank->time_used_ms += span;
    }
    bank->total_time_ms = bank->total_time_ms > span ? bank->total_time_ms - span : 0;
}

void sk_engine_begin_cycle(struct sk_session *session, size_t position, int64_t at_ms)
{
    const struct sk_mode *mode = session->config.mode;
    session->active = position;
    session->cycle_number++;
    session->cycle_started_at_ms = at_ms;
    session->cycle_time_used_ms = 0;
    session->overtime = false;
    session->ran_out = false;
    if (mode->refill && position != SK_NOBODY) {
        mode->refill(session, position);
    }
    session->overtime = mode->left(session, position) == 0;
}

void sk_engine_end(struct sk_session *session, enum sk_status status, int64_t at_ms)
{
    session->status = status;
    session->active = SK_NOBODY;
    session->cycle_started_at_ms = SK_NONE;
    session->overtime = false;
    session->ran_out = false;
    if (session->session_completed_at_ms == SK_NONE) {
        session->session_completed_at_ms = at_ms;
    }
}

size_t sk_engine_first(const struct sk_session *session)
{
    size_t chosen = sk_session_find(session, session->config.first_participant_id);
    return chosen != SK_NOBODY ? chosen : session->config.mode->next(session, false);
}

const char *sk_engine_action_type(const struct sk_session *session)
{
    return json_string_value(json_object_get(session->config.action_on_timeout, "type"));
}

bool sk_engine_advances(const struct sk_session *session)
{
    const char *type = sk_engine_action_type(session);
    return session->config.auto_advance || (type && strcmp(type, "skip_cycle") == 0);
}

bool sk_engine_somebody_left(const struct sk_session *session)
{
    for (size_t i = 0; i < session->participant_count; i++) {
        if (!session->config.mode->bank_of(session, i)->has_expired) {
            return true;
        }
    }
    return false;
}

/* What an expiry did to the session, for action_applied. */
struct deed {
    const char *type;
    const char *reason; /* NULL: none */
};

static struct deed end_by_expiry(struct sk_session *session, int64_t at_ms, const char *reason)
{
    sk_engine_end(session, SK_EXPIRED, at_ms);
    return (struct deed){"end_session", reason};
}

static bool session_exhausted(const struct sk_session *session)
{
    const struct sk_mode *mode = session->config.mode;
    return mode->session_left && mode->session_left(session) == 0;
}

/* Hands the turn on, or ends the session where nobody can take it or nobody has touched it for a day. */
static struct deed advance(struct sk_session *session, int64_t at_ms)
{
    const struct sk_mode *mode = session->config.mode;
    if (session_exhausted(session)) {
        return end_by_expiry(session, at_ms, NULL);
    }
    int64_t uncounted = 0;
    int64_t *cycle_count =
        session->active == SK_NOBODY ? &uncounted : &session->participants[session->active].cycle_count;
    ++*cycle_count;
    size_t next = mode->next(session, mode->skips_expired);
    bool nobody = next == SK_NOBODY && session->participant_count > 0;
    bool unattended = session->unattended_cycles > 0 && at_ms - session->operated_at_ms > SK_UNATTENDED_MS;
    if (nobody || unattended) {
        --*cycle_count; /* an ending counts no cycle */
        return end_by_expiry(session, at_ms, nobody ? NULL : "unattended");
    }
    session->unattended_cycles++;
    sk_engine_begin_cycle(session, next, at_ms);
    return (struct deed){"skip_cycle", NULL};
}

static struct deed go_on_in_overtime(struct sk_session *session)
{
    session->overtime = true;
    session->ran_out = true;
    return (struct deed){"notify", NULL};
}

static struct deed act(struct sk_session *session, int64_t at_ms)
{
    const char *type = sk_engine_action_type(session);
    if (type && strcmp(type, "end_session") == 0) {
        return end_by_expiry(session, at_ms, NULL);
    }
    if (sk_engine_advances(session)) {
        return advance(session, at_ms);
    }
    if (!type && session_exhausted(session)) {
        return end_by_expiry(session, at_ms, NULL);
    }
    return go_on_in_overtime(session);
}

/* The one who is left when a session of two or more has ended; NULL unless it is exactly one. */
static const char *winner(const struct sk_session *session)
{
    const char *left = NULL;
    if (!session->config.mode->names_winner || session->status != SK_EXPIRED || session->participant_count < 2) {
        return NULL;
    }
    for (size_t i = 0; i < session->participant_count; i++) {
        if (session->participants[i].bank.has_expired) {
            continue;
        }
        if (left) {
            return NULL;
        }
        left = session->participants[i].id;
    }
    return left;
}

/* What was done, as clients read it; a new reference, NULL when out of memory. */
static json_t *describe(const struct sk_session *session, struct deed deed)
{
    json_t *given = session->config.action_on_timeout;
    const char *name = winner(session);
    if (given && !name && !deed.reason) {
        return json_incref(given);
    }
    json_t *applied = given ? json_copy(given) : json_pack("{s:s}", "type", deed.type);
    bool failed = !applied;
    if (applied && deed.reason) {
        failed = json_object_set_new(applied, "reason", json_string(deed.reason)) != 0;
    }
    if (applied && name) {
        failed = json_object_set_new(applied, "winner", json_string(name)) != 0 || failed;
    }
    if (failed) {
        json_decref(applied);
        return NULL;
    }
    return applied;
}

static struct sk_expiry *next_slot(struct sk_settlement *settlement)
{
    if (settlement->kept == SK_EXPIRIES_KEPT) {
        json_decref(settlement->expiries[0].action_applied);
        memmove(&settlement->expiries[0], &settlement->expiries[1],
                (SK_EXPIRIES_KEPT - 1) * sizeof(settlement->expiries[0]));
        settlement->kept--;
    }
    settlement->count++;
    return &settlement->expiries[settlement->kept++];
}

/* One clock runs out at at_ms. False when out of memory. */
static bool expire(struct sk_session *session, int64_t at_ms, struct sk_settlement *settlement)
{
    const struct sk_mode *mode = session->config.mode;
    struct sk_expiry expiry = {.at_ms = at_ms};
    int64_t cycle_number = session->cycle_number;
    sk_engine_charge(session, at_ms);
    if (mode->bank_of) {
        const struct sk_participant *active = &session->participants[session->active];
        mode->bank_of(session, session->active)->has_expired = true;
        memcpy(expiry.participant_id, active->id, SK_ID_BYTES);
        if (mode->has_groups) {
            memcpy(expiry.group_id, active->group_id, SK_ID_BYTES);
        }
    }
    memcpy(session->expired_participant_id, expiry.participant_id, SK_ID_BYTES);
    struct deed deed = act(session, at_ms);
    expiry.action_applied = describe(session, deed);
    sk_json_replace(&session->action_applied, expiry.action_applied);
    settlement->cycle_began = settlement->cycle_began || session->cycle_number != cycle_number;
    *next_slot(settlement) = expiry;
    return expiry.action_applied != NULL;
}

enum sk_code sk_engine_settle(struct sk_session *session, int64_t now_ms, struct sk_settlement *settlement,
                              struct sk_error *error)
{
    memset(settlement, 0, sizeof(*settlement));
    for (;;) {
        int64_t deadline = sk_engine_deadline(session);
        if (deadline == SK_NONE || deadline > now_ms) {
            break;
        }
        if (!expire(session, deadline, settlement)) {
            return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
        }
    }
    if (settlement->count > 0) {
        session->version++;
    }
    return SK_OK;
}

void sk_settlement_clear(struct sk_settlement *settlement)
{
    for (size_t i = 0; i < settlement->kept; i++) {
        json_decref(settlement->expiries[i].action_applied);
    }
    memset(settlement, 0, sizeof(*settlement));
}
