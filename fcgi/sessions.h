/* Handlers of the session routes: each reads its arguments, lets the store work, and shows the session. */
#ifndef SK_FCGI_SESSIONS_H
#define SK_FCGI_SESSIONS_H

#include "common/engine.h"

struct api;
struct request;
struct reply;

void sk_sessions_create(struct api *api, const struct request *request, struct reply *reply);
void sk_sessions_get(struct api *api, const struct request *request, struct reply *reply);
void sk_sessions_delete(struct api *api, const struct request *request, struct reply *reply);
void sk_sessions_start(struct api *api, const struct request *request, struct reply *reply);
void sk_sessions_switch(struct api *api, const struct request *request, struct reply *reply);
void sk_sessions_pause(struct api *api, const struct request *request, struct reply *reply);
void sk_sessions_resume(struct api *api, const struct request *request, struct reply *reply);
void sk_sessions_complete(struct api *api, const struct request *request, struct reply *reply);
void sk_sessions_cancel(struct api *api, const struct request *request, struct reply *reply);

/* Any operation from its body to its answer, for handlers elsewhere: a participant that the path names is whom it is
 * about. status: of a success. */
void sk_sessions_operate(struct api *api, const struct request *request, enum sk_op op, int status,
                         struct reply *reply);

#endif
