/* Handler of a session's history: its audit trail, read from PostgreSQL. */
#ifndef SK_FCGI_HISTORY_H
#define SK_FCGI_HISTORY_H

struct api;
struct request;
struct reply;

void sk_history_get(struct api *api, const struct request *request, struct reply *reply);

#endif
