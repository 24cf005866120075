/* The participants' routes. Owns nothing: each is an operation of the engine like start and switch, answered with the
 * session after it. */
#include "fcgi/participants.h"

#include "fcgi/sessions.h"

void sk_participants_add(struct api *api, const struct request *request, struct reply *reply)
{
    sk_sessions_operate(api, request, SK_OP_ADD, 201, reply);
}

void sk_participants_adjust(struct api *api, const struct request *request, struct reply *reply)
{
    sk_sessions_operate(api, request, SK_OP_ADJUST, 200, reply);
}

void sk_participants_remove(struct api *api, const struct request *request, struct reply *reply)
{
    sk_sessions_operate(api, request, SK_OP_REMOVE, 200, reply);
}
