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
#define CONSTRAINT_BYTES 64 /* NAMEDATALEN */
#define QUOTED(number) #number
#define TEXT_OF(number) QUOTED(number)
#define UNSENT_BYTES_MAX 65536 /* rows that libpq may keep back before they must be on their way */

struct sk_database {
    const char *url; /* borrowed */
    PGconn *connection;
    sk_database_patience *patience; /* NULL: endless */
    void *patience_context;
    int64_t since_ms;             /* monotonic: the call under way began */
    int64_t asked_at_ms;          /* monotonic: the owner was last asked, whatever the call */
    bool gave_up;                 /* … and lost its patience */
    size_t unsent_bytes;          /* of rows, since libpq was last made to send everything */
    enum sk_database_fault fault; /* of the last call, as the two below */
    char sqlstate[6];
    char constraint[CONSTRAINT_BYTES];
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
    database->fault = SK_DATABASE_LOST;
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

/* The first prefix that fits counts. */
static const struct {
    const char *prefix;
    enum sk_database_fault fault;
} faults[] = {
    {"22", SK_DATABASE_REFUSED}, /* data exceptions */
    {"23", SK_DATABASE_REFUSED}, /* constraints */
    {"54", SK_DATABASE_REFUSED}, /* limits of the server */
    {"40", SK_DATABASE_CLASH},   /* a serialization failure, a deadlock */
    {"57014", SK_DATABASE_SLOW}, /* query_canceled: the time is up */
    {"08", SK_DATABASE_LOST},    /* the connection */
    {"25", SK_DATABASE_LOST},    /* a transaction that may not write: a standby */
    {"28", SK_DATABASE_LOST},    /* authorization */
    {"3D", SK_DATABASE_LOST},    /* no such database */
    {"3F", SK_DATABASE_LOST},    /* no such schema */
    {"42", SK_DATABASE_LOST},    /* no such table (not migrated yet), no right to it */
    {"53", SK_DATABASE_LOST},    /* disk, memory, connections */
    {"55", SK_DATABASE_LOST},    /* a lock, an object that is in use */
    {"57", SK_DATABASE_LOST},    /* shutting down, starting up */
    {"58", SK_DATABASE_LOST},    /* the operating system */
    {"XX001", SK_DATABASE_LOST}, /* damaged files */
    {"XX002", SK_DATABASE_LOST},
};

enum sk_database_fault sk_database_fault_of(const char *sqlstate)
{
    for (size_t i = 0; sqlstate && i < sizeof faults / sizeof faults[0]; i++) {
        if (strncmp(sqlstate, faults[i].prefix, strlen(faults[i].prefix)) == 0) {
            return faults[i].fault;
        }
    }
    return sqlstate && strlen(sqlstate) == 5 ? SK_DATABASE_UNCLEAR : SK_DATABASE_LOST;
}

enum sk_database_fault sk_database_fault(const struct sk_database *database)
{
    return database->fault;
}

const char *sk_database_sqlstate(const struct sk_database *database)
{
    return database->sqlstate;
}

const char *sk_database_constraint(const struct sk_database *database)
{
    return database->constraint;
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
    database->fault = database->gave_up ? SK_DATABASE_SLOW : SK_DATABASE_LOST;
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
    database->fault = SK_DATABASE_FINE;
    database->sqlstate[0] = '\0';
    database->constraint[0] = '\0';
}

/* By the clock: a server that drips, or calls that are short but many, do not keep the owner from being asked. */
static bool is_patient(struct sk_database *database)
{
    int64_t now = now_ms();
    if (!database->patience || now - database->asked_at_ms < ASK_EVERY_MS) {
        return true;
    }
    database->asked_at_ms = now;
    database->gave_up = !database->patience(database->patience_context, now - database->since_ms);
    return !database->gave_up;
}

/* Waits for the socket. False: the patience is at its end. A socket that is broken counts as ready: libpq tells why. */
static bool wait_for(struct sk_database *database, short events)
{
    struct pollfd socket = {.fd = PQsocket(database->connection), .events = events};
    while (is_patient(database)) {
        int ready = socket.fd >= 0 ? poll(&socket, 1, ASK_EVERY_MS) : 1;
        if (ready > 0 || (ready < 0 && errno != EINTR)) {
            return true;
        }
    }
    return false;
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

static enum sk_code code_of(enum sk_database_fault fault)
{
    if (fault == SK_DATABASE_REFUSED) {
        return SK_VALIDATION_ERROR;
    }
    return fault == SK_DATABASE_CLASH ? SK_CONFLICT : SK_ARCHIVE_UNAVAILABLE;
}

/* Takes the failed result (may be NULL). Only the message itself is kept: DETAIL and CONTEXT quote rows. */
static enum sk_code refuse(struct sk_database *database, PGresult *result, struct sk_error *error)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    bool stands = PQstatus(database->connection) == CONNECTION_OK;
    enum sk_database_fault fault = stands ? sk_database_fault_of(sqlstate) : SK_DATABASE_LOST;
    enum sk_code code = code_of(fault);
    fail(error, code, sqlstate, message ? message : PQerrorMessage(database->connection));
    (void)snprintf(database->sqlstate, sizeof database->sqlstate, "%s", sqlstate ? sqlstate : "");
    (void)snprintf(database->constraint, sizeof database->constraint, "%s", constraint ? constraint : "");
    PQclear(result);
    if (code == SK_ARCHIVE_UNAVAILABLE) {
        sk_database_disconnect(database);
    } else if (sk_database_in_transaction(database)) {
        roll_back(database);
    }
    database->fault = fault;
    return code;
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
    const char *const values[] = {"5",           "10",   "3", "3", TEXT_OF(SK_DATABASE_UNSENT_MS), "synckairos-audit",
                                  database->url, "UTF8", NULL};
    _Static_assert(sizeof keys / sizeof keys[0] == sizeof values / sizeof values[0], "a value for each key");
    if (database->connection && PQstatus(database->connection) == CONNECTION_OK) {
        return SK_OK;
    }
    sk_database_disconnect(database);
    begin_call(database);
    database->connection = PQconnectdbParams(keys, values, 1);
    if (!database->connection) {
        sk_database_disconnect(database);
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
    begin_call(database);
    if (rows->length > INT_MAX) {
        sk_database_disconnect(database);
        database->fault = SK_DATABASE_REFUSED;
        return sk_fail(error, SK_VALIDATION_ERROR, "rows of %zu bytes in one piece", rows->length);
    }
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
