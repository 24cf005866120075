/* Handlers of the participants' routes: who joins and leaves a session, and whose clock is set anew. */
#ifndef SK_FCGI_PARTICIPANTS_H
#define SK_FCGI_PARTICIPANTS_H

struct api;
struct request;
struct reply;

void sk_participants_add(struct api *api, const struct request *request, struct reply *reply);
void sk_participants_adjust(struct api *api, const struct request *request, struct reply *reply);
void sk_participants_remove(struct api *api, const struct request *request, struct reply *reply);

#endif
