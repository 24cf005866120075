/* The connection to PostgreSQL over libpq, which is never left to wait by itself once it is connected. Owns the
 * connection and the reading of its errors; never retries: when to try again is the worker's business. */
#include "audit/database.h"

#include "common/log.h"

#include "common/server_clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_EVERY_MS 250
#define UNSENT_BYTES_MAX 65536 /* rows that libpq may keep back before they must be on their way */

struct sk_database {
    const char *url; /* borrowed */
    PGconn *connection;
    sk_database_patience *patience; /* NULL: endless */
    void *patience_context;
    int64_t since_ms;    /* monotonic: the call under way began */
    bool gave_up;        /* … and lost its patience */
    size_t unsent_bytes; /* of rows, since libpq was last made to send everything */
    char sqlstate[6];    /* of the last refusal */
};

struct sk_database *sk_database_new(const char *url)
{
    struct sk_database *database = calloc(1, sizeof *database);
    if (database) {
        database->url = url;
    }
    return database;
}

void sk_database_free(struct sk_database *database)
{
    if (database) {
        sk_database_disconnect(database);
        free(database);
    }
}

void sk_database_disconnect(struct sk_database *database)
{
    PQfinish(database->connection);
    database->connection = NULL;
}

void sk_database_ask_while_waiting(struct sk_database *database, sk_database_patience *patience, void *context)
{
    database->patience = patience;
    database->patience_context = context;
}

bool sk_database_in_transaction(const struct sk_database *database)
{
    PGTransactionStatusType status = PQtransactionStatus(database->connection);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

/* --- errors ----------------------------------------------------------------------------------------------------- */

bool sk_database_is_data_error(const char *sqlstate)
{
    static const char *const classes[] = {"22", "23", "54"};
    for (size_t i = 0; sqlstate && i < sizeof classes / sizeof classes[0]; i++) {
        if (strncmp(sqlstate, classes[i], 2) == 0) {
            return true;
        }
    }
    return false;
}

const char *sk_database_sqlstate(const struct sk_database *database)
{
    return database->sqlstate;
}

/* The message up to its first line's end, for one line of a log. */
static enum sk_code fail(struct sk_error *error, enum sk_code code, const char *sqlstate, const char *message)
{
    size_t length = strcspn(message, "\n");
    int shown = length < sizeof error->text ? (int)length : (int)sizeof error->text;
    return sk_fail(error, code, "%s%s%.*s", sqlstate ? sqlstate : "", sqlstate ? " " : "", shown, message);
}

static enum sk_code lost(struct sk_database *database, struct sk_error *error)
{
    fail(error, SK_ARCHIVE_UNAVAILABLE, NULL,
         database->gave_up ? "no answer from PostgreSQL in time" : PQerrorMessage(database->connection));
    sk_database_disconnect(database);
    return SK_ARCHIVE_UNAVAILABLE;
}

/* --- waiting ---------------------------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    return sk_monotonic_us() / 1000;
}

static void begin_call(struct sk_database *database)
{
    database->since_ms = now_ms();
    database->gave_up = false;
}

/* Waits for the socket. False: the patience is at its end. A socket that is broken counts as ready: libpq tells why. */
static bool wait_for(struct sk_database *database, short events)
{
    struct pollfd socket = {.fd = PQsocket(database->connection), .events = events};
    while (socket.fd >= 0) {
        int ready = poll(&socket, 1, ASK_EVERY_MS);
        if (ready > 0 || (ready < 0 && errno != EINTR)) {
            break;
        }
        if (database->patience && !database->patience(database->patience_context, now_ms() - database->since_ms)) {
            database->gave_up = true;
            return false;
        }
    }
    return true;
}

/* Sends what libpq has kept back. False: the connection is lost or the patience. */
static bool flush(struct sk_database *database)
{
    int unsent;
    database->unsent_bytes = 0;
    while ((unsent = PQflush(database->connection)) == 1) {
        /* A server that writes before it reads must be read, or neither gets on. */
        if (!wait_for(database, POLLIN | POLLOUT) || !PQconsumeInput(database->connection)) {
            return false;
        }
    }
    return unsent == 0;
}

/* The next result (owned), NULL after the last one or when the patience is at its end. A lost connection is a result
 * like any other. */
static PGresult *next_result(struct sk_database *database)
{
    while (PQisBusy(database->connection)) {
        if (!wait_for(database, POLLIN)) {
            return NULL;
        }
        if (!PQconsumeInput(database->connection)) {
            break;
        }
    }
    return PQgetResult(database->connection);
}

/* Ends a transaction that an error has spoilt; without that, the connection is of no more use. */
static void roll_back(struct sk_database *database)
{
    bool done = false;
    PGresult *result;
    if (PQsendQuery(database->connection, "ROLLBACK") && flush(database)) {
        while ((result = next_result(database)) != NULL) {
            done = PQresultStatus(result) == PGRES_COMMAND_OK;
            PQclear(result);
        }
    }
    if (!done || database->gave_up) {
        sk_database_disconnect(database);
    }
}

/* Takes the failed result (may be NULL). Only the message itself is kept: DETAIL and CONTEXT quote rows. */
static enum sk_code refuse(struct sk_database *database, PGresult *result, struct sk_error *error)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    bool is_data = sk_database_is_data_error(sqlstate) && PQstatus(database->connection) == CONNECTION_OK;
    fail(error, is_data ? SK_VALIDATION_ERROR : SK_ARCHIVE_UNAVAILABLE, sqlstate,
         message ? message : PQerrorMessage(database->connection));
    (void)snprintf(database->sqlstate, sizeof database->sqlstate, "%s", sqlstate ? sqlstate : "");
    PQclear(result);
    if (!is_data) {
        sk_database_disconnect(database);
        return SK_ARCHIVE_UNAVAILABLE;
    }
    if (sk_database_in_transaction(database)) {
        roll_back(database);
    }
    return SK_VALIDATION_ERROR;
}

/* --- connecting ------------------------------------------------------------------------------------------------- */

/* Notices ("relation exists, skipping") are for whoever looks for them. */
static void on_notice(void *unused, const PGresult *notice)
{
    (void)unused;
    const char *text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
    sk_log(SK_LOG_DEBUG, "PostgreSQL says", SK_S("notice", text));
}

enum sk_code sk_database_connect(struct sk_database *database, struct sk_error *error)
{
    /* In libpq a later row wins: what stands before the URL is a default, what stands after it is not negotiable. */
    static const char *const keys[] = {"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                                       "keepalives_count", "tcp_user_timeout", "fallback_application_name",
                                       "dbname",           "client_encoding",  NULL};
    const char *const values[] = {"5", "10", "3", "3", "15000", "synckairos-audit", database->url, "UTF8", NULL};
    _Static_assert(sizeof keys / sizeof keys[0] == sizeof values / sizeof values[0], "a value for each key");
    if (database->connection && PQstatus(database->connection) == CONNECTION_OK) {
        return SK_OK;
    }
    sk_database_disconnect(database);
    database->gave_up = false;
    database->connection = PQconnectdbParams(keys, values, 1);
    if (!database->connection) {
        return sk_fail(error, SK_ARCHIVE_UNAVAILABLE, "out of memory");
    }
    if (PQstatus(database->connection) != CONNECTION_OK) {
        return lost(database, error);
    }
    PQsetNoticeReceiver(database->connection, on_notice, NULL);
    if (PQsetnonblocking(database->connection, 1) != 0) {
        return lost(database, error);
    }
    return SK_OK;
}

/* --- statements ------------------------------------------------------------------------------------------------- */

static void count_rows(PGresult *result, int64_t *written)
{
    if (written && strncmp(PQcmdStatus(result), "INSERT", strlen("INSERT")) == 0) {
        *written = strtoll(PQcmdTuples(result), NULL, 10);
    }
}

/* Reads results until there are no more, or a COPY begins; the first failure is the one reported. */
static enum sk_code read_results(struct sk_database *database, bool copy_wanted, int64_t *written,
                                 struct sk_error *error)
{
    PGresult *failed = NULL;
    PGresult *result;
    bool copying = false;
    while (!copying && (result = next_result(database)) != NULL) {
        ExecStatusType status = PQresultStatus(result);
        copying = status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
        if (!failed && (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE)) {
            failed = result;
            continue;
        }
        count_rows(result, written);
        PQclear(result);
    }
    if (database->gave_up) {
        PQclear(failed);
        return lost(database, error);
    }
    if (failed) {
        return refuse(database, failed, error);
    }
    if (copying != copy_wanted) {
        sk_database_disconnect(database);
        return sk_fail(error, SK_ARCHIVE_UNAVAILABLE, copying ? "a COPY where none was expected" : "no COPY began");
    }
    return SK_OK;
}

enum sk_code sk_database_run_begin(struct sk_database *database, const char *sql, struct sk_error *error)
{
    enum sk_code code = sk_database_connect(database, error);
    if (code) {
        return code;
    }
    begin_call(database);
    if (!PQsendQuery(database->connection, sql) || !flush(database)) {
        return lost(database, error);
    }
    return SK_OK;
}

enum sk_code sk_database_run_end(struct sk_database *database, int64_t *written, struct sk_error *error)
{
    begin_call(database);
    return read_results(database, false, written, error);
}

enum sk_code sk_database_run(struct sk_database *database, const char *sql, int64_t *written, struct sk_error *error)
{
    enum sk_code code = sk_database_run_begin(database, sql, error);
    return code ? code : sk_database_run_end(database, written, error);
}

/* One statement's result: with its end, of which nothing is said but that it is reached. Owned. */
static PGresult *last_result(struct sk_database *database)
{
    PGresult *last = NULL;
    PGresult *result;
    while ((result = next_result(database)) != NULL) {
        PQclear(last);
        last = result;
    }
    return last;
}

enum sk_code sk_database_query(struct sk_database *database, const char *sql, int count, const char *const *parameters,
                               PGresult **result, struct sk_error *error)
{
    *result = NULL;
    enum sk_code code = sk_database_connect(database, error);
    if (code) {
        return code;
    }
    begin_call(database);
    if (!PQsendQueryParams(database->connection, sql, count, NULL, parameters, NULL, NULL, 0) || !flush(database)) {
        return lost(database, error);
    }
    PGresult *answer = last_result(database);
    if (database->gave_up) {
        PQclear(answer);
        return lost(database, error);
    }
    ExecStatusType status = PQresultStatus(answer);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        return refuse(database, answer, error);
    }
    *result = answer;
    return SK_OK;
}

/* --- COPY ------------------------------------------------------------------------------------------------------- */

enum sk_code sk_database_copy_begin(struct sk_database *database, const char *sql, struct sk_error *error)
{
    enum sk_code code = sk_database_run_begin(database, sql, error);
    return code ? code : read_results(database, true, NULL, error);
}

enum sk_code sk_database_copy_rows(struct sk_database *database, const struct sk_buffer *rows, struct sk_error *error)
{
    if (rows->length > INT_MAX) {
        sk_database_disconnect(database);
        return sk_fail(error, SK_VALIDATION_ERROR, "rows of %zu bytes in one piece", rows->length);
    }
    begin_call(database);
    if (PQputCopyData(database->connection, sk_buffer_text(rows), (int)rows->length) != 1) {
        return lost(database, error);
    }
    database->unsent_bytes += rows->length;
    if (database->unsent_bytes > UNSENT_BYTES_MAX && !flush(database)) {
        return lost(database, error);
    }
    return SK_OK;
}

enum sk_code sk_database_copy_end(struct sk_database *database, struct sk_error *error)
{
    begin_call(database);
    if (PQputCopyEnd(database->connection, NULL) != 1 || !flush(database)) {
        return lost(database, error);
    }
    return read_results(database, false, NULL, error);
}
