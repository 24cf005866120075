/* What several sync modes share: the cyclic order over participants, and banks that are a participant's own. */
#include "common/mode.h"

size_t sk_rotation_next(const struct sk_session *session, bool skip_expired)
{
    size_t count = session->participant_count;
    size_t first = session->active == SK_NOBODY ? 0 : session->active + 1;
    for (size_t step = 0; step < count; step++) {
        size_t position = (first + step) % count;
        if (!skip_expired || !session->participants[position].bank.has_expired) {
            return position;
        }
    }
    return SK_NOBODY;
}

struct sk_bank *sk_own_bank(const struct sk_session *session, size_t position)
{
    return &session->participants[position].bank;
}

int64_t sk_own_bank_left(const struct sk_session *session, size_t position)
{
    return session->participants[position].bank.total_time_ms;
}
