/* Reading from PostgreSQL: whether it is there, and what a SELECT finds. A thread's own; everything is bounded in time,
 * and a server that is away is not asked by each request anew. Knows no table. (What writes is audit/database.h.) */
#ifndef SK_COMMON_ARCHIVE_H
#define SK_COMMON_ARCHIVE_H

#include "common/error.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#define SK_ARCHIVE_TIMEOUT_MS 500 /* connecting */
#define SK_ARCHIVE_FRESH_MS 1000  /* how long what was found out counts */
#define SK_ARCHIVE_ANSWER_MS 3000 /* one statement */

/* Plain data but for the connection, which is owned; not shared between threads. */
struct sk_archive {
    const char *url;       /* borrowed: what libpq takes */
    const char *program;   /* borrowed: application_name of the connection */
    PGconn *connection;    /* opened by the first query; NULL: none */
    int64_t checked_at_us; /* monotonic; 0: never */
    bool reachable;        /* as was found out then */
};

void sk_archive_open(struct sk_archive *archive, const char *url, const char *program);
void sk_archive_close(struct sk_archive *archive);

/* Whether a connection could be made; asks again if the last answer is older than SK_ARCHIVE_FRESH_MS. Blocks for up to
 * SK_ARCHIVE_TIMEOUT_MS, and longer only where the name of the host has to be looked up. */
bool sk_archive_reachable(struct sk_archive *archive);

/* Runs one SELECT with parameters (text, NULL for null) in a read-only transaction of its own; *result is owned:
 * PQclear. Connects unless connected, once more where the connection turns out to be closed. Blocks for up to
 * connecting and three statements (BEGIN, the statement, COMMIT). SK_ARCHIVE_UNAVAILABLE: PostgreSQL cannot be had, or
 * not in time, or refuses; the connection is closed. After one that could not be made, or an answer that did not come,
 * that is the answer to everybody for SK_ARCHIVE_FRESH_MS. */
enum sk_code sk_archive_query(struct sk_archive *archive, const char *sql, int count, const char *const *parameters,
                              PGresult **result, struct sk_error *error) __attribute__((warn_unused_result));

#endif
