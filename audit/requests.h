/* Recoveries that relays ask for through the audit stream, served by the worker in their turn. */
#ifndef SK_AUDIT_REQUESTS_H
#define SK_AUDIT_REQUESTS_H

#include "common/audit_queue.h"
#include "common/config.h"
#include "common/redis_url.h"

struct sk_requests;

/* Connects nowhere yet. config: borrowed for good. Owned; NULL when out of memory. */
struct sk_requests *sk_requests_new(const struct sk_config *config, const struct sk_redis_url *url);
void sk_requests_free(struct sk_requests *requests);

/* Serves one such entry (entry->wanted) after everything before it was written: reads the session through a store of
 * its own, which writes a lost one back and publishes its STATE_SYNC; publishes that of an ended one, which is not
 * written back; leaves the mark of one that nobody knows. What cannot be served now is dropped: whoever asks waits for
 * some seconds only, and asks again. An entry older than that is not served at all. Blocks for up to what a recovery
 * takes (recovery.h). */
void sk_requests_serve(struct sk_requests *requests, const struct sk_audit_entry *entry);

#endif
