#include "audit/requests.h"

#include <stdlib.h>

struct sk_requests {
    const struct sk_config *config;
};

struct sk_requests *sk_requests_new(const struct sk_config *config, const struct sk_redis_url *url)
{
    struct sk_requests *requests = calloc(1, sizeof *requests);
    (void)url;
    if (requests) {
        requests->config = config;
    }
    return requests;
}

void sk_requests_free(struct sk_requests *requests)
{
    free(requests);
}

void sk_requests_serve(struct sk_requests *requests, const struct sk_audit_entry *entry)
{
    (void)requests;
    (void)entry;
}
