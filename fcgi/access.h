/* Who asks, and whether they may: the steps between finding a route and doing what it says. A body is only read of
 * those who may send it. */
#ifndef SK_FCGI_ACCESS_H
#define SK_FCGI_ACCESS_H

#include "common/engine.h"
#include "fcgi/api.h"
#include "fcgi/router.h"

/* Each gives false where the answer is given: 401 with WWW-Authenticate, or 403. */

/* Reads the token of Authorization into request->identity. Routes that are open to everybody look at none. */
bool sk_access_authenticate(const struct api *api, struct request *request, const struct route *route,
                            struct reply *reply);

/* Whether a page that asks for a change may: where nobody needs a token, a browser would send such a request for any
 * page, so its origin must be the service's own or on the list. Who shows a token, or is no page, passes. */
bool sk_access_same_site(const struct api *api, const struct request *request, struct reply *reply);

/* Whether the identity's scopes and restrictions allow the route, with the session of its path. */
bool sk_access_authorize(const struct request *request, const struct route *route, struct reply *reply);

/* Whether a session of that id ("": one that gets an id of ours) may be created: a token bound to a session may create
 * that one alone. */
bool sk_access_may_create(const struct request *request, const char *session_id, struct reply *reply);

/* Guards the switch of a token bound to a participant by that participant; 403 where it names another. Any other
 * operation stays as it is. */
bool sk_access_guard(const struct request *request, struct sk_operation *operation, struct reply *reply);

/* The name under which a change is kept in the audit trail. Borrowed from the request. */
const char *sk_access_actor(const struct request *request);

#endif
