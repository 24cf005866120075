/* per_participant: everybody has a bank of their own, which runs down on their turns (chess). */
#include "common/modes.h"

#include <stdio.h>

static void check(const struct sk_session *session, struct sk_problems *problems)
{
    for (size_t i = 0; i < session->participant_count && session->config.total_time_ms == 0; i++) {
        if (session->participants[i].bank.total_time_ms == 0) {
            char field[64];
            (void)snprintf(field, sizeof(field), "participants[%zu].total_time_ms", i);
            sk_problems_add(problems, field, "is required where the session has no total_time_ms");
        }
    }
}

static void open_banks(struct sk_session *session)
{
    int64_t sum = 0;
    for (size_t i = 0; i < session->participant_count; i++) {
        struct sk_bank *bank = &session->participants[i].bank;
        if (bank->total_time_ms == 0) {
            bank->total_time_ms = session->config.total_time_ms;
        }
        sum += bank->total_time_ms;
    }
    if (!session->config.total_time_given) {
        session->config.total_time_ms = sum;
    }
}

static bool admit(struct sk_session *session, size_t position, int64_t time_ms)
{
    if (time_ms == SK_NONE) {
        time_ms = session->config.total_time_given ? session->config.total_time_ms : 0;
    }
    session->participants[position].bank.total_time_ms = time_ms;
    return time_ms > 0;
}

const struct sk_mode sk_mode_per_participant = {
    .name = "per_participant",
    .needs_participants = true,
    .participants_bring_time = true,
    .has_increment = true,
    .skips_expired = true,
    .names_winner = true,
    .check = check,
    .open = open_banks,
    .bank_of = sk_own_bank,
    .left = sk_own_bank_left,
    .next = sk_rotation_next,
    .admit = admit,
};
