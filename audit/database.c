/* The connection to PostgreSQL over libpq, blocking. Owns the connection and the reading of its errors; never retries:
 * when to try again is the worker's business. */
#include "audit/database.h"

#include "common/log.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct sk_database {
    const char *url; /* borrowed */
    PGconn *connection;
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

/* The message up to its first line's end, for one line of a log. */
static enum sk_code fail(struct sk_error *error, enum sk_code code, const char *sqlstate, const char *message)
{
    size_t length = strcspn(message, "\n");
    int shown = length < sizeof error->text ? (int)length : (int)sizeof error->text;
    return sk_fail(error, code, "%s%s%.*s", sqlstate ? sqlstate : "", sqlstate ? " " : "", shown, message);
}

static enum sk_code lost(struct sk_database *database, struct sk_error *error)
{
    fail(error, SK_ARCHIVE_UNAVAILABLE, NULL, PQerrorMessage(database->connection));
    sk_database_disconnect(database);
    return SK_ARCHIVE_UNAVAILABLE;
}

/* Takes the failed result (may be NULL). Only the message itself is kept: DETAIL and CONTEXT quote rows. */
static enum sk_code refuse(struct sk_database *database, PGresult *result, struct sk_error *error)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    bool is_data = sk_database_is_data_error(sqlstate) && PQstatus(database->connection) == CONNECTION_OK;
    fail(error, is_data ? SK_VALIDATION_ERROR : SK_ARCHIVE_UNAVAILABLE, sqlstate,
         message ? message : PQerrorMessage(database->connection));
    PQclear(result);
    if (!is_data) {
        sk_database_disconnect(database);
        return SK_ARCHIVE_UNAVAILABLE;
    }
    if (sk_database_in_transaction(database)) {
        PGresult *rollback = PQexec(database->connection, "ROLLBACK");
        if (PQresultStatus(rollback) != PGRES_COMMAND_OK) {
            sk_database_disconnect(database);
        }
        PQclear(rollback);
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
    database->connection = PQconnectdbParams(keys, values, 1);
    if (!database->connection) {
        return sk_fail(error, SK_ARCHIVE_UNAVAILABLE, "out of memory");
    }
    if (PQstatus(database->connection) != CONNECTION_OK) {
        return lost(database, error);
    }
    PQsetNoticeReceiver(database->connection, on_notice, NULL);
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
    while (!copying && (result = PQgetResult(database->connection)) != NULL) {
        ExecStatusType status = PQresultStatus(result);
        copying = status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
        if (!failed && (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE)) {
            failed = result;
            continue;
        }
        count_rows(result, written);
        PQclear(result);
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

static enum sk_code send(struct sk_database *database, const char *sql, bool copy_wanted, int64_t *written,
                         struct sk_error *error)
{
    enum sk_code code = sk_database_connect(database, error);
    if (code) {
        return code;
    }
    if (!PQsendQuery(database->connection, sql)) {
        return lost(database, error);
    }
    return read_results(database, copy_wanted, written, error);
}

enum sk_code sk_database_run(struct sk_database *database, const char *sql, int64_t *written, struct sk_error *error)
{
    return send(database, sql, false, written, error);
}

enum sk_code sk_database_query(struct sk_database *database, const char *sql, int count, const char *const *parameters,
                               PGresult **result, struct sk_error *error)
{
    *result = NULL;
    enum sk_code code = sk_database_connect(database, error);
    if (code) {
        return code;
    }
    PGresult *answer = PQexecParams(database->connection, sql, count, NULL, parameters, NULL, NULL, 0);
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
    return send(database, sql, true, NULL, error);
}

enum sk_code sk_database_copy_rows(struct sk_database *database, const struct sk_buffer *rows, struct sk_error *error)
{
    if (rows->length > INT_MAX) {
        sk_database_disconnect(database);
        return sk_fail(error, SK_VALIDATION_ERROR, "a row of %zu bytes", rows->length);
    }
    if (PQputCopyData(database->connection, sk_buffer_text(rows), (int)rows->length) != 1) {
        return lost(database, error);
    }
    return SK_OK;
}

enum sk_code sk_database_copy_end(struct sk_database *database, struct sk_error *error)
{
    if (PQputCopyEnd(database->connection, NULL) != 1) {
        return lost(database, error);
    }
    return read_results(database, false, NULL, error);
}
