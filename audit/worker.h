/* The audit worker: drains the audit stream into PostgreSQL until it is told to stop. */
#ifndef SK_AUDIT_WORKER_H
#define SK_AUDIT_WORKER_H

#include "common/config.h"

/* Blocks SIGTERM and SIGINT, and drains until one of them comes; the batch in hand is finished first, unless
 * PostgreSQL cannot be had. What it still holds then, and what it has read ahead, is given back for the next worker.
 * Redis or PostgreSQL gone is waited for.
 * SK_INTERNAL_ERROR: could not start. */
enum sk_code sk_worker_run(const struct sk_config *config, struct sk_error *error) __attribute__((warn_unused_result));

/* How long to wait for PostgreSQL before the next attempt, after so many failed ones (1 or more). */
int64_t sk_worker_backoff_ms(unsigned failures);

#endif
