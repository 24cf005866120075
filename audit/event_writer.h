/* Events into PostgreSQL: a batch is one transaction that adds what is not there yet and brings the sessions'
 * summaries up to date. Knows the tables; knows neither Redis nor what becomes of an event that is refused. */
#ifndef SK_AUDIT_EVENT_WRITER_H
#define SK_AUDIT_EVENT_WRITER_H

#include "audit/database.h"
#include "common/audit_queue.h"

struct sk_event_writer;

/* database: borrowed. Owned; NULL when out of memory. */
struct sk_event_writer *sk_event_writer_new(struct sk_database *database);
void sk_event_writer_free(struct sk_event_writer *writer);

/* Called once in each transaction, when PostgreSQL has all that it needs and is at work on the last part of it: what is
 * done then costs no time. It must not call the writer or its database. context: borrowed for good. */
typedef void sk_event_writer_meanwhile(void *context);
void sk_event_writer_do_meanwhile(struct sk_event_writer *writer, sk_event_writer_meanwhile *meanwhile, void *context);

/* Writes all of the entries (none malformed) or none; those that PostgreSQL has already stand as they are.
 * *added: events that were new. Blocks for three round trips; four more each time that it meets some that are there.
 * SK_VALIDATION_ERROR: at least one of them cannot be stored, or bears the id of another event. SK_ARCHIVE_UNAVAILABLE:
 * try again later (sk_database_fault says more). The commit
 * may have happened all the same: writing the same entries once more changes nothing. */
enum sk_code sk_event_writer_write(struct sk_event_writer *writer, const struct sk_audit_entry *entries, size_t count,
                                   int64_t *added, struct sk_error *error) __attribute__((warn_unused_result));

#endif
