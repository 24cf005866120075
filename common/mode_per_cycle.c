/* per_cycle: every cycle begins with the same time, whoever's it is (a poker turn). */
#include "common/modes.h"

static void check(const struct sk_session *session, struct sk_problems *problems)
{
    if (session->config.time_per_cycle_ms == 0) {
        sk_problems_add(problems, "time_per_cycle_ms", "is required in per_cycle");
    }
}

static void refill(struct sk_session *session, size_t position)
{
    struct sk_bank *bank = &session->participants[position].bank;
    bank->total_time_ms = session->config.time_per_cycle_ms;
    bank->has_expired = false;
}

static void open_banks(struct sk_session *session)
{
    for (size_t i = 0; i < session->participant_count; i++) {
        refill(session, i);
    }
}

/* An adjustment before the start does not reach the first cycle: it begins with a full bank like any other. */
static int64_t left(const struct sk_session *session, size_t position)
{
    return session->status == SK_PENDING ? session->config.time_per_cycle_ms : sk_own_bank_left(session, position);
}

static bool admit(struct sk_session *session, size_t position, int64_t time_ms)
{
    (void)time_ms;
    refill(session, position);
    return true;
}

const struct sk_mode sk_mode_per_cycle = {
    .name = "per_cycle",
    .needs_participants = true,
    .check = check,
    .open = open_banks,
    .bank_of = sk_own_bank,
    .left = left,
    .refill = refill,
    .next = sk_rotation_next,
    .admit = admit,
};
