/* One request from its arrival to its answer: the sequence of steps that every request goes through.
 * Knows no FastCGI: what it needs comes in struct request, what it says goes out in struct reply. */
#ifndef SK_FCGI_API_H
#define SK_FCGI_API_H

#include "common/archive.h"
#include "common/config.h"
#include "common/recovery.h"
#include "common/store.h"
#include "common/terms.h"
#include "common/token.h"
#include "fcgi/reply.h"
#include "fcgi/request.h"

/* What handlers work with. One for each thread, shared with nobody. */
struct api {
    const struct sk_config *config; /* borrowed */
    struct sk_store *store;         /* owned */
    struct sk_keyring *keyring;     /* owned */
    struct sk_archive archive;      /* its connection is owned */
    struct sk_recovery recovery;    /* the store's finder; over that archive */
    struct sk_terms terms;          /* of the request in hand */
    bool ignores_forwarded;         /* open only because nobody else can reach it: then nobody speaks for others */
};

/* api: not to be moved while it is open. redis: copied. SK_INTERNAL_ERROR: no memory. SK_VALIDATION_ERROR: the keys for
 * tokens (token.h). After a failure there is nothing to close. */
enum sk_code sk_api_open(struct api *api, const struct sk_config *config, const struct sk_redis_url *redis,
                         struct sk_error *error) __attribute__((warn_unused_result));
void sk_api_close(struct api *api);

/* Answers a request that was just opened: routes it, reads its body, lets the handler work, logs and counts it.
 * Always fills reply. Blocks as the store does. */
void sk_api_handle(struct api *api, struct request *request, struct reply *reply);

#endif
