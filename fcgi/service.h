/* Handlers of what is about the service, not about a session: time, health, readiness, metrics. */
#ifndef SK_FCGI_SERVICE_H
#define SK_FCGI_SERVICE_H

struct api;
struct request;
struct reply;

#define SK_DRIFT_TOLERANCE_MS 50 /* how far a client's estimate may be off before it should ask again */
#define SK_TIME_MAX_AGE_MS 1000  /* how old the offset to Redis' time may be that /v1/time is answered from */

void sk_service_time(struct api *api, const struct request *request, struct reply *reply);
void sk_service_health(struct api *api, const struct request *request, struct reply *reply);
void sk_service_ready(struct api *api, const struct request *request, struct reply *reply);
void sk_service_metrics(struct api *api, const struct request *request, struct reply *reply);

#endif
