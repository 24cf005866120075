/* Who is let in. A refusal is told after the upgrade, by its close code: a browser shows nothing else. */
#include "relay/admission.h"

struct sk_refusal sk_admission_decide(const struct sk_admission *admission)
{
    enum sk_target_kind kind = admission->target->kind;
    if (admission->draining) {
        return (struct sk_refusal){SK_CLOSE_GOING_AWAY, "draining"};
    }
    switch (kind) {
    case SK_TARGET_UNKNOWN:
        return (struct sk_refusal){SK_CLOSE_POLICY, "unknown path"};
    case SK_TARGET_MISSING_ID:
        return (struct sk_refusal){SK_CLOSE_POLICY, "missing or malformed sessionId"};
    case SK_TARGET_SESSION:
        break;
    }
    if (admission->connections >= admission->connections_max) {
        return (struct sk_refusal){SK_CLOSE_BUSY, "too many connections"};
    }
    return (struct sk_refusal){SK_CLOSE_NONE, ""};
}
