/* The session clock: operations. What time does by itself is in expiry.c, what is only read in face.c.
 * Each operation is one row of a table: the statuses it starts from, and what it does. */
#include "common/engine.h"

#include "common/engine_parts.h"

#include <string.h>

struct step {
    struct sk_session *session;
    const struct sk_operation *operation;
    int64_t now_ms;
    const struct sk_settlement *settlement;
    struct sk_error *error;
    bool changes_nothing;
};

#define FROM(status) (1U << (status))
#define FROM_LIVE (FROM(SK_PENDING) | FROM(SK_RUNNING) | FROM(SK_PAUSED))

static enum sk_code start(struct step *step)
{
    struct sk_session *session = step->session;
    session->status = SK_RUNNING;
    session->session_started_at_ms = step->now_ms;
    sk_engine_begin_cycle(session, sk_engine_first(session), step->now_ms);
    return SK_OK;
}

static enum sk_code check_switch(const struct step *step)
{
    const struct sk_session *session = step->session;
    const struct sk_operation *operation = step->operation;
    bool named = operation->current_participant_id[0] != '\0';
    bool numbered = operation->current_cycle_number != SK_NONE;
    const char *active = session->active == SK_NOBODY ? "" : session->participants[session->active].id;
    if (named && strcmp(operation->current_participant_id, active) != 0) {
        return sk_fail(step->error, SK_NOT_ACTIVE_PARTICIPANT, "%s is not the active participant",
                       operation->current_participant_id);
    }
    if (numbered && operation->current_cycle_number != session->cycle_number) {
        return sk_fail(step->error, SK_CONFLICT, "cycle %lld is not the current one (current cycle: %lld)",
                       (long long)operation->current_cycle_number, (long long)session->cycle_number);
    }
    if (operation->next_participant_id[0] != '\0' &&
        sk_session_find(session, operation->next_participant_id) == SK_NOBODY) {
        return sk_fail(step->error, SK_VALIDATION_ERROR, "next_participant_id is no participant of this session");
    }
    if (!named && !numbered && step->settlement && step->settlement->cycle_began) {
        return sk_fail(step->error, SK_CONFLICT, "the cycle has just run out and another one has begun");
    }
    return SK_OK;
}

/* Whether the clock, where it advances by itself, has somebody left to advance to. */
static bool skips_expired(const struct sk_session *session)
{
    return session->config.mode->skips_expired && sk_engine_advances(session) && sk_engine_somebody_left(session);
}

static void add_increment(struct sk_session *session, size_t outgoing, size_t next)
{
    const struct sk_session_config *config = &session->config;
    if (!config->mode->has_increment || outgoing == SK_NOBODY) {
        return;
    }
    struct sk_bank *bank = config->mode->bank_of(session, outgoing);
    size_t banks = config->mode->has_groups ? session->group_count : session->participant_count;
    bool to_itself = config->mode->bank_of(session, next) == bank && banks > 1;
    if (bank->has_expired || to_itself) {
        return;
    }
    int64_t raised = bank->total_time_ms + config->increment_ms;
    if (config->max_time_ms > 0 && raised > config->max_time_ms) {
        raised = config->max_time_ms;
    }
    if (raised > bank->total_time_ms) {
        bank->total_time_ms = raised;
    }
}

static enum sk_code switch_cycle(struct step *step)
{
    struct sk_session *session = step->session;
    enum sk_code code = check_switch(step);
    if (code) {
        return code;
    }
    bool ran_out = session->ran_out;
    size_t outgoing = session->active;
    sk_engine_charge(session, step->now_ms);
    if (outgoing != SK_NOBODY) {
        session->participants[outgoing].cycle_count++;
    }
    size_t next = step->operation->next_participant_id[0] != '\0'
                      ? sk_session_find(session, step->operation->next_participant_id)
                      : session->config.mode->next(session, skips_expired(session));
    add_increment(session, outgoing, next);
    sk_engine_begin_cycle(session, next, step->now_ms);
    if (!ran_out) {
        session->expired_participant_id[0] = '\0';
        sk_json_replace(&session->action_applied, NULL);
    }
    return SK_OK;
}

static enum sk_code pause_clock(struct step *step)
{
    sk_engine_charge(step->session, step->now_ms);
    step->session->cycle_started_at_ms = SK_NONE;
    step->session->status = SK_PAUSED;
    return SK_OK;
}

static enum sk_code resume(struct step *step)
{
    step->session->cycle_started_at_ms = step->now_ms;
    step->session->status = SK_RUNNING;
    return SK_OK;
}

/* Ends the session as `status`, unless it has ended so already. */
static enum sk_code finish(struct step *step, enum sk_status status)
{
    struct sk_session *session = step->session;
    if (session->status == status) {
        step->changes_nothing = true;
        return SK_OK;
    }
    sk_engine_charge(session, step->now_ms);
    sk_engine_end(session, status, step->now_ms);
    return SK_OK;
}

static enum sk_code complete(struct step *step)
{
    return finish(step, SK_COMPLETED);
}

static enum sk_code cancel(struct step *step)
{
    return finish(step, SK_CANCELLED);
}

static enum sk_code no_such_participant(const struct step *step)
{
    return sk_fail(step->error, SK_PARTICIPANT_NOT_FOUND, "no participant %s", step->operation->participant_id);
}

static enum sk_code adjust(struct step *step)
{
    struct sk_session *session = step->session;
    const struct sk_mode *mode = session->config.mode;
    if (!mode->bank_of) {
        return sk_fail(step->error, SK_UNSUPPORTED_IN_MODE, "a participant's time cannot be adjusted in %s",
                       mode->name);
    }
    size_t position = sk_session_find(session, step->operation->participant_id);
    if (position == SK_NOBODY) {
        return no_such_participant(step);
    }
    struct sk_bank *bank = mode->bank_of(session, position);
    bool on_turn = session->active != SK_NOBODY && mode->bank_of(session, session->active) == bank;
    if (on_turn) {
        sk_engine_charge(session, step->now_ms);
    }
    int64_t time_ms = step->operation->time_ms + (step->operation->is_delta ? bank->total_time_ms : 0);
    bank->total_time_ms = time_ms > 0 ? time_ms : 0;
    if (bank->total_time_ms > 0) {
        bank->has_expired = false;
    } else if (!on_turn) {
        bank->has_expired = true;
    }
    if (on_turn && bank->total_time_ms > 0) {
        session->overtime = false;
        session->ran_out = false;
    }
    return SK_OK;
}

static bool index_in_use(const struct sk_session *session, int64_t index)
{
    for (size_t i = 0; i < session->participant_count; i++) {
        if (session->participants[i].index == index) {
            return true;
        }
    }
    return false;
}

static enum sk_code check_add(const struct step *step)
{
    const struct sk_session *session = step->session;
    const struct sk_operation *operation = step->operation;
    if (sk_session_find(session, operation->participant_id) != SK_NOBODY) {
        return sk_fail(step->error, SK_PARTICIPANT_EXISTS, "participant %s is there already",
                       operation->participant_id);
    }
    if (operation->index != SK_NONE && index_in_use(session, operation->index)) {
        return sk_fail(step->error, SK_PARTICIPANT_EXISTS, "participant_index %lld is in use",
                       (long long)operation->index);
    }
    if (session->config.mode->has_groups && operation->group_id[0] == '\0') {
        return sk_fail(step->error, SK_VALIDATION_ERROR, "group_id is required in %s", session->config.mode->name);
    }
    if (session->participant_count >= SK_PARTICIPANTS_MAX) {
        return sk_fail(step->error, SK_VALIDATION_ERROR, "a session has at most %d participants", SK_PARTICIPANTS_MAX);
    }
    if (operation->index == SK_NONE && index_in_use(session, SK_INDEX_MAX)) {
        return sk_fail(step->error, SK_VALIDATION_ERROR, "participant_index is required: the highest is in use");
    }
    return SK_OK;
}

static enum sk_code add(struct step *step)
{
    struct sk_session *session = step->session;
    const struct sk_operation *operation = step->operation;
    const struct sk_mode *mode = session->config.mode;
    enum sk_code code = check_add(step);
    if (code) {
        return code;
    }
    size_t count = session->participant_count;
    struct sk_participant newcomer = {.group = SK_NOBODY, .index = operation->index};
    memcpy(newcomer.id, operation->participant_id, SK_ID_BYTES);
    memcpy(newcomer.group_id, operation->group_id, SK_ID_BYTES);
    if (newcomer.index == SK_NONE) {
        newcomer.index = count > 0 ? session->participants[count - 1].index + 1 : 0;
    }
    size_t position = sk_session_insert(session, &newcomer, mode->has_groups);
    if (position == SK_NOBODY) {
        return sk_fail(step->error, SK_INTERNAL_ERROR, "out of memory");
    }
    if (mode->admit && !mode->admit(session, position, operation->time_ms)) {
        sk_session_remove(session, position);
        return sk_fail(step->error, SK_VALIDATION_ERROR, "total_time_ms is required: the session has none to give");
    }
    return SK_OK;
}

static enum sk_code remove_participant(struct step *step)
{
    struct sk_session *session = step->session;
    size_t position = sk_session_find(session, step->operation->participant_id);
    if (position == SK_NOBODY) {
        return no_such_participant(step);
    }
    if (position == session->active) {
        return sk_fail(step->error, SK_PARTICIPANT_ACTIVE, "%s is the active participant",
                       step->operation->participant_id);
    }
    if (session->participant_count == 1 && session->config.mode->needs_participants) {
        return sk_fail(step->error, SK_VALIDATION_ERROR, "the last participant cannot be removed in %s",
                       session->config.mode->name);
    }
    sk_session_remove(session, position);
    return SK_OK;
}

static const struct {
    const char *name;
    const char *refusal; /* what a wrong status makes of it */
    unsigned from;       /* the statuses it starts from */
    enum sk_code (*apply)(struct step *step);
} operations[] = {
    [SK_OP_VIEW] = {"view", "", ~0U, NULL},
    [SK_OP_START] = {"start", "cannot be started", FROM(SK_PENDING), start},
    [SK_OP_SWITCH] = {"switch", "not running", FROM(SK_RUNNING), switch_cycle},
    [SK_OP_PAUSE] = {"pause", "cannot be paused", FROM(SK_RUNNING), pause_clock},
    [SK_OP_RESUME] = {"resume", "cannot be resumed", FROM(SK_PAUSED), resume},
    [SK_OP_COMPLETE] = {"complete", "cannot be completed", FROM_LIVE | FROM(SK_EXPIRED) | FROM(SK_COMPLETED), complete},
    [SK_OP_CANCEL] = {"cancel", "cannot be cancelled", FROM_LIVE | FROM(SK_CANCELLED), cancel},
    [SK_OP_ADJUST] = {"adjust", "time cannot be adjusted", FROM_LIVE, adjust},
    [SK_OP_ADD] = {"add", "participants cannot be added", FROM_LIVE, add},
    [SK_OP_REMOVE] = {"remove", "participants cannot be removed", FROM_LIVE, remove_participant},
};
_Static_assert(sizeof(operations) / sizeof(operations[0]) == SK_OP_COUNT, "a row for every operation");

const char *sk_op_name(enum sk_op op)
{
    return operations[op].name;
}

enum sk_op sk_op_of(const char *name)
{
    for (int i = 0; i < SK_OP_COUNT; i++) {
        if (strcmp(operations[i].name, name) == 0) {
            return (enum sk_op)i;
        }
    }
    return SK_OP_COUNT;
}

enum sk_code sk_engine_refuse(const struct sk_session *session, enum sk_op op, struct sk_error *error)
{
    return sk_fail(error, SK_INVALID_STATE_TRANSITION, "%s (current status: %s)", operations[op].refusal,
                   sk_status_name(session->status));
}

enum sk_code sk_engine_apply(struct sk_session *session, const struct sk_operation *operation, int64_t now_ms,
                             const struct sk_settlement *settlement, struct sk_error *error)
{
    enum sk_op op = operation->op;
    if (operation->expected_version != SK_NONE && operation->expected_version != session->version) {
        return sk_fail(error, SK_CONFLICT, "expected version %lld, but the session is at version %lld",
                       (long long)operation->expected_version, (long long)session->version);
    }
    if (!(operations[op].from & FROM(session->status))) {
        return sk_engine_refuse(session, op, error);
    }
    if (!operations[op].apply) {
        return SK_OK;
    }
    struct step step = {session, operation, now_ms, settlement, error, false};
    enum sk_code code = operations[op].apply(&step);
    if (code || step.changes_nothing) {
        return code;
    }
    session->version++;
    session->operated_at_ms = now_ms;
    session->unattended_cycles = 0;
    return SK_OK;
}

void sk_engine_create(struct sk_session *session, int64_t now_ms)
{
    const struct sk_mode *mode = session->config.mode;
    if (mode->open) {
        mode->open(session);
    }
    for (size_t i = 0; i < session->participant_count; i++) {
        struct sk_bank *own = &session->participants[i].bank;
        if (!mode->bank_of || mode->bank_of(session, i) != own) {
            own->total_time_ms = 0;
        }
    }
    session->status = SK_PENDING;
    session->version = 1;
    session->created_at_ms = now_ms;
    session->updated_at_ms = now_ms;
    session->operated_at_ms = now_ms;
}
