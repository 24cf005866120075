/* PostgreSQL over libpq without ever waiting for longer than said: connecting and answers are polled for. Owns the
 * connection. */
#include "common/archive.h"

#include "common/log.h"
#include "common/server_clock.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

/* A statement that takes longer is ended by the server too. Set for the transaction only: behind a pool, settings of a
 * connection reach other clients. */
#define BEGIN_SQL "BEGIN READ ONLY; SET LOCAL statement_timeout = '2500ms'"

void sk_archive_open(struct sk_archive *archive, const char *url, const char *program)
{
    *archive = (struct sk_archive){.url = url, .program = program};
}

void sk_archive_close(struct sk_archive *archive)
{
    PQfinish(archive->connection);
    archive->connection = NULL;
}

static int64_t deadline_us(int64_t in_ms)
{
    return sk_monotonic_us() + INT64_C(1000) * in_ms;
}

/* Waits until libpq's socket is ready; false when the time is up. */
static bool wait_for(PGconn *connection, short events, int64_t until_us)
{
    struct pollfd ready = {.fd = PQsocket(connection), .events = events};
    for (;;) {
        int64_t left_ms = (until_us - sk_monotonic_us()) / 1000;
        int count = left_ms > 0 ? poll(&ready, 1, (int)left_ms) : 0;
        if (count >= 0 || errno != EINTR) {
            return count > 0;
        }
    }
}

/* Notices are for whoever looks for them, and as lines of the log. */
static void on_notice(void *unused, const PGresult *notice)
{
    (void)unused;
    const char *text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
    sk_log(SK_LOG_DEBUG, "PostgreSQL says", SK_S("notice", text));
}

/* A connection, good or bad; NULL: no memory. */
static PGconn *dial(const struct sk_archive *archive)
{
    /* A host that drops packets must not hold the answer up; TLS stays as the URL asks for it. */
    const char *const keywords[] = {"dbname", "fallback_application_name", "client_encoding", NULL};
    const char *const values[] = {archive->url, archive->program, "UTF8", NULL};
    int64_t until_us = deadline_us(SK_ARCHIVE_TIMEOUT_MS);
    PGconn *connection = PQconnectStartParams(keywords, values, 1);
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    if (!connection || PQstatus(connection) == CONNECTION_BAD) {
        return connection;
    }
    PQsetNoticeReceiver(connection, on_notice, NULL);
    while (wanted == PGRES_POLLING_READING || wanted == PGRES_POLLING_WRITING) {
        bool ready = wait_for(connection, wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_us);
        wanted = ready ? PQconnectPoll(connection) : PGRES_POLLING_FAILED;
    }
    return connection;
}

/* When some thread of this process found PostgreSQL away (monotonic; 0: it was there when last asked). What one has
 * waited for in vain, the others need not. */
static _Atomic int64_t away_at_us;

static void note(struct sk_archive *archive, bool reachable)
{
    archive->reachable = reachable;
    archive->checked_at_us = sk_monotonic_us();
    atomic_store(&away_at_us, reachable ? 0 : archive->checked_at_us);
}

/* Whether it is worth while to ask: once it was found away, one thread tries again each SK_ARCHIVE_FRESH_MS. */
static bool may_ask(void)
{
    int64_t since_us = atomic_load(&away_at_us);
    int64_t now_us = sk_monotonic_us();
    if (since_us == 0) {
        return true;
    }
    return now_us - since_us > INT64_C(1000) * SK_ARCHIVE_FRESH_MS &&
           atomic_compare_exchange_strong(&away_at_us, &since_us, now_us);
}

static bool is_fresh(const struct sk_archive *archive)
{
    return archive->checked_at_us && sk_monotonic_us() - archive->checked_at_us <= INT64_C(1000) * SK_ARCHIVE_FRESH_MS;
}

/* A connection of its own: one that is open says nothing about a server that hangs. */
bool sk_archive_reachable(struct sk_archive *archive)
{
    if (!is_fresh(archive)) {
        PGconn *connection = dial(archive);
        note(archive, PQstatus(connection) == CONNECTION_OK);
        PQfinish(connection);
    }
    return archive->reachable;
}

/* --- statements -------------------------------------------------------------------------------------------------- */

/* The message up to its first line's end; DETAIL and CONTEXT, which quote rows, are left out. */
static enum sk_code fail(struct sk_error *error, const char *message)
{
    size_t length = strcspn(message, "\n");
    int shown = length < sizeof error->text ? (int)length : (int)sizeof error->text;
    return sk_fail(error, SK_ARCHIVE_UNAVAILABLE, "PostgreSQL: %.*s", shown,
                   message[0] ? message : "no answer in time");
}

static enum sk_code connect_once(struct sk_archive *archive, struct sk_error *error)
{
    if (archive->connection) {
        return SK_OK;
    }
    archive->connection = dial(archive);
    bool good = PQstatus(archive->connection) == CONNECTION_OK && PQsetnonblocking(archive->connection, 1) == 0;
    note(archive, good);
    if (good) {
        return SK_OK;
    }
    enum sk_code code = fail(error, PQerrorMessage(archive->connection));
    sk_archive_close(archive);
    return code;
}

/* Sends what is waiting to be sent, and reads until libpq has a whole result. */
static bool wait_for_result(PGconn *connection, int64_t until_us)
{
    for (int unsent = PQflush(connection); unsent != 0 || PQisBusy(connection); unsent = PQflush(connection)) {
        if (unsent < 0 || !wait_for(connection, (short)(unsent ? POLLIN | POLLOUT : POLLIN), until_us) ||
            !PQconsumeInput(connection)) {
            return false;
        }
    }
    return true;
}

/* The last result of what was sent, or the first that failed; NULL: there is none in time. Owned. */
static PGresult *take_result(PGconn *connection)
{
    int64_t until_us = deadline_us(SK_ARCHIVE_ANSWER_MS);
    PGresult *kept = NULL;
    for (;;) {
        if (!wait_for_result(connection, until_us)) {
            PQclear(kept);
            return NULL;
        }
        PGresult *result = PQgetResult(connection);
        if (!result) {
            return kept;
        }
        ExecStatusType status = PQresultStatus(kept);
        bool failed = kept && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK;
        PQclear(failed ? result : kept);
        kept = failed ? kept : result;
    }
}

static bool run(struct sk_archive *archive, const char *sql)
{
    PGresult *result = PQsendQuery(archive->connection, sql) ? take_result(archive->connection) : NULL;
    bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    return good;
}

static enum sk_code query_once(struct sk_archive *archive, const char *sql, int count, const char *const *parameters,
                               PGresult **result, struct sk_error *error)
{
    enum sk_code code = connect_once(archive, error);
    if (code) {
        return code;
    }
    PGconn *connection = archive->connection;
    if (run(archive, BEGIN_SQL) && PQsendQueryParams(connection, sql, count, NULL, parameters, NULL, NULL, 0)) {
        *result = take_result(connection);
    }
    if (PQresultStatus(*result) == PGRES_TUPLES_OK && run(archive, "COMMIT")) {
        note(archive, true);
        return SK_OK;
    }
    if (PQstatus(connection) == CONNECTION_OK && PQtransactionStatus(connection) == PQTRANS_ACTIVE) {
        note(archive, false); /* it hangs: the next one shall not wait as long to find that out */
    }
    const char *message = PQresultErrorField(*result, PG_DIAG_MESSAGE_PRIMARY);
    code = fail(error, message ? message : PQerrorMessage(connection));
    PQclear(*result);
    *result = NULL;
    return code;
}

enum sk_code sk_archive_query(struct sk_archive *archive, const char *sql, int count, const char *const *parameters,
                              PGresult **result, struct sk_error *error)
{
    *result = NULL;
    if (!may_ask()) {
        return fail(error, "could not be reached a moment ago");
    }
    bool was_connected = archive->connection != NULL;
    enum sk_code code = query_once(archive, sql, count, parameters, result, error);
    bool was_stale = code && was_connected && PQstatus(archive->connection) == CONNECTION_BAD;
    if (code) {
        sk_archive_close(archive);
    }
    if (was_stale) { /* closed since its last use, as one finds out now */
        code = query_once(archive, sql, count, parameters, result, error);
        if (code) {
            sk_archive_close(archive);
        }
    }
    return code;
}
