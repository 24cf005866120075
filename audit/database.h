/* The connection to PostgreSQL: opens itself when it is needed, runs statements, and sorts what goes wrong into "the
 * data cannot be stored" and "the server cannot be had". Knows no table.
 *
 * Every call blocks, but asks its owner (sk_database_ask_while_waiting) whether to go on, unless it is connecting: that
 * takes 5 s at most for each of the URL's hosts. A dead peer is noticed within some 20 s; the URL may set libpq's
 * parameters otherwise. A server that hangs is noticed by whoever was asked to be asked. */
#ifndef SK_AUDIT_DATABASE_H
#define SK_AUDIT_DATABASE_H

#include "common/buffer.h"
#include "common/error.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct sk_database;

/* Remembers where to connect (what libpq takes; borrowed for good), connects nowhere yet. Owned; NULL when out of
 * memory. */
struct sk_database *sk_database_new(const char *url);
void sk_database_free(struct sk_database *database);

/* Asked some times a second while a call waits for PostgreSQL, and told for how long it has. False: the call gives up
 * with SK_ARCHIVE_UNAVAILABLE. It must not call the database. */
typedef bool sk_database_patience(void *context, int64_t waited_ms);

/* Without one (the state after _new), calls wait for as long as the connection stands. context: borrowed for good. */
void sk_database_ask_while_waiting(struct sk_database *database, sk_database_patience *patience, void *context);

/* How long PostgreSQL is given, in this order, so that each limit acts where the one before it did not: for a statement
 * of the writer (its own limit), for taking in what it was sent (the network's), for saying anything (the worker's
 * patience). */
#define SK_DATABASE_STATEMENT_MS 20000
#define SK_DATABASE_UNSENT_MS 22000
#define SK_DATABASE_HUNG_MS 25000
_Static_assert(SK_DATABASE_STATEMENT_MS < SK_DATABASE_UNSENT_MS && SK_DATABASE_UNSENT_MS < SK_DATABASE_HUNG_MS,
               "the server speaks first");

/* Each call below connects unless connected. They share these codes; after any, nothing of an open transaction
 * stands:
 * SK_VALIDATION_ERROR: PostgreSQL refused the data; trying the same again is in vain.
 * SK_CONFLICT: another transaction was in the way (SQLSTATE class 40); the connection stands, try again at once.
 * SK_ARCHIVE_UNAVAILABLE: anything else, see sk_database_fault. The connection is closed, so that the next call begins
 * anew, perhaps at another server. */

enum sk_code sk_database_connect(struct sk_database *database, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Closes the connection, and with it what the server keeps for it: transaction, locks. */
void sk_database_disconnect(struct sk_database *database);

/* Runs statements, separated by semicolons, in one round trip. written (may be NULL): rows that the last INSERT among
 * them wrote. */
enum sk_code sk_database_run(struct sk_database *database, const char *sql, int64_t *written, struct sk_error *error)
    __attribute__((warn_unused_result));

/* The same in two steps: _begin sends, _end waits for the answer. In between nothing else may be asked of the database,
 * and anything else may be done. */
enum sk_code sk_database_run_begin(struct sk_database *database, const char *sql, struct sk_error *error)
    __attribute__((warn_unused_result));
enum sk_code sk_database_run_end(struct sk_database *database, int64_t *written, struct sk_error *error)
    __attribute__((warn_unused_result));

/* One statement with parameters (text, NULL for null); its result is owned: PQclear. */
enum sk_code sk_database_query(struct sk_database *database, const char *sql, int count, const char *const *parameters,
                               PGresult **result, struct sk_error *error) __attribute__((warn_unused_result));

/* What went wrong in the last call. */
enum sk_database_fault {
    SK_DATABASE_FINE,
    SK_DATABASE_LOST,    /* the server cannot be had, or has troubles of its own */
    SK_DATABASE_SLOW,    /* the time was up: the server's for a statement, or the patience */
    SK_DATABASE_CLASH,   /* SK_CONFLICT */
    SK_DATABASE_REFUSED, /* SK_VALIDATION_ERROR */
    SK_DATABASE_UNCLEAR  /* the server refused over a good connection, for a reason that may lie in the data or in it */
};
enum sk_database_fault sk_database_fault(const struct sk_database *database);

/* What an SQLSTATE says over a connection that stands (NULL: SK_DATABASE_LOST). The data itself cannot be stored: data
 * exceptions (22), broken constraints (23), and limits of the server that the data exceeds (54: an index entry too
 * long, JSON nested too deep). Never the data's fault: connections, rights, a standby, a schema that is not what the
 * statements want, damaged files. */
enum sk_database_fault sk_database_fault_of(const char *sqlstate);

/* The SQLSTATE of the last call's error and the constraint that it names; "" where there is none. Borrowed until the
 * next call. */
const char *sk_database_sqlstate(const struct sk_database *database);
const char *sk_database_constraint(const struct sk_database *database);

/* COPY in three steps: statements the last of which is COPY … FROM STDIN, then its rows, in pieces of any length, then
 * the end. */
enum sk_code sk_database_copy_begin(struct sk_database *database, const char *sql, struct sk_error *error)
    __attribute__((warn_unused_result));
enum sk_code sk_database_copy_rows(struct sk_database *database, const struct sk_buffer *rows, struct sk_error *error)
    __attribute__((warn_unused_result));
enum sk_code sk_database_copy_end(struct sk_database *database, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Whether a transaction is open on the connection. */
bool sk_database_in_transaction(const struct sk_database *database);

#endif
