/* Events into PostgreSQL. Owns the statements and the order of rows.
 *
 *   batch ──sorted, each id once──► COPY sync_events ──► summaries of the sessions in it ──► commit
 *                  ▲                    │ one is there already: nothing of the batch is
 *                  └── those left out ──┘
 *
 * That an event is there already is rare: a batch was delivered twice. So the rows go straight into the table, which
 * has no ON CONFLICT for COPY, and costs half of what the way over a staging table does; the rare case pays. */
#include "audit/event_writer.h"

#include "audit/event_row.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 32768            /* rows sent in one piece */
#define TRIES 5                      /* against other workers that write the same events at the same time */
#define DUPLICATE "23505"            /* unique_violation … */
#define EVENT_KEY "sync_events_pkey" /* … of the event's id; any other key is none of ours, and refuses the data */
#define QUOTED(number) #number
#define TEXT_OF(number) QUOTED(number)

/* A commit that does not reach the disk must not be acknowledged to Redis: synchronous_commit is not left off. Set for
 * the transaction only: behind a pool, settings of a connection reach other clients. */
static const char begin_sql[] =
    "BEGIN ISOLATION LEVEL READ COMMITTED;" /* whatever the server's default is: two workers may not refuse each other
                                             */
    "SELECT set_config('statement_timeout', '" TEXT_OF(
        SK_DATABASE_STATEMENT_MS) "', true);"
                                  "SELECT set_config('synchronous_commit', 'on', true) WHERE "
                                  "current_setting('synchronous_commit') = 'off';"
                                  "COPY sync_events (" SK_EVENT_ROW_COLUMNS ") FROM STDIN (FORMAT binary)";

/* Around the ids of the sessions' newest events. Events are added in the order of their ids, then summaries in the
 * order of theirs, the same for every worker: two that write the same sessions or, after a claim, the same events, wait
 * for each other and do not deadlock. The snapshot, which may be compressed, is opened once only. */
static const char summaries_sql[] =
    "INSERT INTO sync_sessions AS old (session_id, created_at, mode, configuration, status, version, started_at,"
    "    completed_at, cycles, participants, metadata, last_event_id, updated_at)"
    "  SELECT DISTINCT ON (session_id, session_created_at)"
    "    session_id, session_created_at, (config ->> 'sync_mode')::sync_mode, config, status, version,"
    "    sync_instant(session_started_at_ms), sync_instant(session_completed_at_ms),"
    "    cycle_number, participants, coalesce(snapshot.metadata, '{}'), event_id, at"
    "  FROM sync_events, jsonb_to_record(state_snapshot) AS snapshot (config jsonb, status sync_status,"
    "    session_started_at_ms bigint, session_completed_at_ms bigint, participants jsonb, metadata jsonb)"
    "  WHERE event_id = ANY ('{";
static const char finish_sql[] =
    "}'::uuid[])"
    "  ORDER BY session_id, session_created_at, version DESC, at DESC"
    "  ON CONFLICT (session_id, created_at) DO UPDATE SET"
    "    mode = excluded.mode, configuration = excluded.configuration, status = excluded.status,"
    "    version = excluded.version, started_at = excluded.started_at, completed_at = excluded.completed_at,"
    "    cycles = excluded.cycles, participants = excluded.participants, metadata = excluded.metadata,"
    "    last_event_id = excluded.last_event_id, updated_at = excluded.updated_at"
    "  WHERE (old.version, old.updated_at) < (excluded.version, excluded.updated_at);"
    "COMMIT";

/* What an event is beside its id. The instant in PostgreSQL's own microseconds, as a row has it. */
static const char known_sql[] =
    "SELECT event_id, session_id, CASE WHEN isfinite(session_created_at) THEN"
    "    (extract(epoch FROM session_created_at) * 1000000)::bigint - 946684800000000 END, version, type"
    "  FROM sync_events WHERE event_id = ANY ($1::uuid[]) ORDER BY sync_events.event_id";

struct sk_event_writer {
    struct sk_database *database; /* borrowed */
    struct sk_event_row *rows;    /* owned */
    size_t count;                 /* of rows, by id, each once, without those that were found to be there */
    size_t capacity;
    struct sk_buffer text;                /* rows on their way, then a statement */
    sk_event_writer_meanwhile *meanwhile; /* may be NULL */
    void *meanwhile_context;
};

struct sk_event_writer *sk_event_writer_new(struct sk_database *database)
{
    struct sk_event_writer *writer = calloc(1, sizeof *writer);
    if (writer) {
        writer->database = database;
    }
    return writer;
}

void sk_event_writer_free(struct sk_event_writer *writer)
{
    if (writer) {
        sk_buffer_clear(&writer->text);
        free(writer->rows);
        free(writer);
    }
}

void sk_event_writer_do_meanwhile(struct sk_event_writer *writer, sk_event_writer_meanwhile *meanwhile, void *context)
{
    writer->meanwhile = meanwhile;
    writer->meanwhile_context = context;
}

/* Whatever was begun ends with the connection. */
static enum sk_code out_of_memory(struct sk_event_writer *writer, struct sk_error *error)
{
    sk_database_disconnect(writer->database);
    return sk_fail(error, SK_ARCHIVE_UNAVAILABLE, "out of memory");
}

/* --- rows ------------------------------------------------------------------------------------------------------- */

static bool make_room(struct sk_event_writer *writer, size_t count)
{
    if (count > writer->capacity) {
        struct sk_event_row *rows = reallocarray(writer->rows, count, sizeof *rows);
        if (!rows) {
            return false;
        }
        writer->rows = rows;
        writer->capacity = count;
    }
    return true;
}

/* An id that two events bear: one of them would vanish, were it taken for the other. */
static enum sk_code refuse_taken(struct sk_error *error)
{
    return sk_fail(error, SK_VALIDATION_ERROR, "event_id is another event's");
}

static bool same_text(const struct sk_event_row *left, const struct sk_event_row *right, enum sk_audit_field field)
{
    const struct sk_audit_value *a = &left->event->field[field];
    const struct sk_audit_value *b = &right->event->field[field];
    return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static bool same_event(const struct sk_event_row *left, const struct sk_event_row *right)
{
    return left->number[SK_AUDIT_CREATED_AT_MS] == right->number[SK_AUDIT_CREATED_AT_MS] &&
           left->number[SK_AUDIT_VERSION] == right->number[SK_AUDIT_VERSION] &&
           same_text(left, right, SK_AUDIT_SESSION_ID) && same_text(left, right, SK_AUDIT_TYPE);
}

/* An event that stands in the stream twice may stand in one batch twice. */
static enum sk_code drop_repeated(struct sk_event_writer *writer, struct sk_error *error)
{
    size_t kept = 0;
    for (size_t i = 0; i < writer->count; i++) {
        const struct sk_event_row *row = &writer->rows[i];
        if (kept == 0 || memcmp(writer->rows[kept - 1].id, row->id, sizeof row->id) != 0) {
            writer->rows[kept++] = *row;
        } else if (!same_event(&writer->rows[kept - 1], row)) {
            return refuse_taken(error);
        }
    }
    writer->count = kept;
    return SK_OK;
}

static enum sk_code read_rows(struct sk_event_writer *writer, const struct sk_audit_entry *entries, size_t count,
                              struct sk_error *error)
{
    if (!make_room(writer, count)) {
        return out_of_memory(writer, error);
    }
    for (size_t i = 0; i < count; i++) {
        enum sk_code code = sk_event_row_read(&writer->rows[i], &entries[i].event, error);
        if (code) {
            return code;
        }
        writer->rows[i].position = i;
    }
    writer->count = count;
    qsort(writer->rows, writer->count, sizeof *writer->rows, sk_event_row_by_id);
    return drop_repeated(writer, error);
}

/* A list of ids in braces' place; nothing that came from outside gets into a statement but as hexadecimal digits. */
static void list_id(struct sk_buffer *out, const struct sk_event_row *row, bool *first)
{
    if (!*first) {
        sk_buffer_append_char(out, ',');
    }
    sk_event_row_append_id(out, row->id);
    *first = false;
}

/* --- events that are there already ------------------------------------------------------------------------------ */

static bool is_text(const PGresult *known, int number, int column, const struct sk_audit_value *value)
{
    return (size_t)PQgetlength(known, number, column) == value->length &&
           memcmp(PQgetvalue(known, number, column), value->text, value->length) == 0;
}

static bool is_number(const PGresult *known, int number, int column, int64_t value)
{
    return !PQgetisnull(known, number, column) && strtoll(PQgetvalue(known, number, column), NULL, 10) == value;
}

/* Whether what is there under the row's id is the row's event. */
static bool is_known(const struct sk_event_row *row, const PGresult *known, int number)
{
    const struct sk_audit_value *field = row->event->field;
    return is_text(known, number, 1, &field[SK_AUDIT_SESSION_ID]) &&
           is_number(known, number, 2, row->number[SK_AUDIT_CREATED_AT_MS]) &&
           is_number(known, number, 3, row->number[SK_AUDIT_VERSION]) &&
           is_text(known, number, 4, &field[SK_AUDIT_TYPE]);
}

/* known: rows of known_sql, in the order of the writer's. */
static enum sk_code drop_known(struct sk_event_writer *writer, const PGresult *known, struct sk_error *error)
{
    size_t kept = 0;
    int next = 0;
    for (size_t i = 0; i < writer->count; i++) {
        unsigned char id[SK_EVENT_ID_BYTES];
        bool there = next < PQntuples(known) &&
                     sk_event_row_read_id(PQgetvalue(known, next, 0), (size_t)PQgetlength(known, next, 0), id) &&
                     memcmp(id, writer->rows[i].id, sizeof id) == 0;
        if (there && !is_known(&writer->rows[i], known, next)) {
            return refuse_taken(error);
        }
        if (there) {
            next++;
        } else {
            writer->rows[kept++] = writer->rows[i];
        }
    }
    writer->count = kept;
    return SK_OK;
}

static enum sk_code leave_out_known(struct sk_event_writer *writer, struct sk_error *error)
{
    bool first = true;
    PGresult *known = NULL;
    sk_buffer_reset(&writer->text);
    sk_buffer_append_char(&writer->text, '{');
    for (size_t i = 0; i < writer->count; i++) {
        list_id(&writer->text, &writer->rows[i], &first);
    }
    sk_buffer_append_char(&writer->text, '}');
    if (writer->text.failed) {
        return out_of_memory(writer, error);
    }
    const char *const parameters[] = {sk_buffer_text(&writer->text)};
    enum sk_code code = sk_database_query(writer->database, known_sql, 1, parameters, &known, error);
    if (!code) {
        code = drop_known(writer, known, error);
    }
    PQclear(known);
    return code;
}

/* --- the transaction -------------------------------------------------------------------------------------------- */

static enum sk_code send_rows(struct sk_event_writer *writer, size_t more_than, struct sk_error *error)
{
    if (writer->text.failed) {
        return out_of_memory(writer, error);
    }
    if (writer->text.length <= more_than) {
        return SK_OK;
    }
    enum sk_code code = sk_database_copy_rows(writer->database, &writer->text, error);
    sk_buffer_reset(&writer->text);
    return code;
}

static enum sk_code copy_events(struct sk_event_writer *writer, struct sk_error *error)
{
    enum sk_code code = sk_database_copy_begin(writer->database, begin_sql, error);
    sk_buffer_reset(&writer->text);
    sk_event_row_begin(&writer->text);
    for (size_t i = 0; !code && i < writer->count; i++) {
        sk_event_row_append(&writer->text, &writer->rows[i]);
        code = send_rows(writer, CHUNK_BYTES, error);
    }
    sk_event_row_end(&writer->text);
    code = code ? code : send_rows(writer, 0, error);
    return code ? code : sk_database_copy_end(writer->database, error);
}

/* Names each session's newest event with a snapshot. The rows lose their order. */
static void list_newest(struct sk_event_writer *writer)
{
    const struct sk_event_row *newest = NULL;
    bool first = true;
    qsort(writer->rows, writer->count, sizeof *writer->rows, sk_event_row_by_life);
    for (size_t i = 0; i < writer->count; i++) {
        const struct sk_event_row *row = &writer->rows[i];
        if (newest && !sk_event_row_same_life(newest, row)) {
            list_id(&writer->text, newest, &first);
            newest = NULL;
        }
        newest = row->event->field[SK_AUDIT_SNAPSHOT].length > 0 ? row : newest;
    }
    if (newest) {
        list_id(&writer->text, newest, &first);
    }
}

static enum sk_code finish(struct sk_event_writer *writer, struct sk_error *error)
{
    if (!sk_database_in_transaction(writer->database)) { /* the rows are gone: a new connection would write none */
        return sk_fail(error, SK_ARCHIVE_UNAVAILABLE, "the connection was lost within the transaction");
    }
    sk_buffer_reset(&writer->text);
    sk_buffer_append_text(&writer->text, summaries_sql);
    list_newest(writer);
    sk_buffer_append_text(&writer->text, finish_sql);
    if (writer->text.failed) {
        return out_of_memory(writer, error);
    }
    enum sk_code code = sk_database_run_begin(writer->database, sk_buffer_text(&writer->text), error);
    if (code) {
        return code;
    }
    if (writer->meanwhile) {
        writer->meanwhile(writer->meanwhile_context);
    }
    return sk_database_run_end(writer->database, NULL, error);
}

static bool met_known(const struct sk_event_writer *writer, enum sk_code code)
{
    return code == SK_VALIDATION_ERROR && strcmp(sk_database_sqlstate(writer->database), DUPLICATE) == 0 &&
           strcmp(sk_database_constraint(writer->database), EVENT_KEY) == 0;
}

/* Adds what is not there yet; the transaction stays open, unless nothing is left to add. */
static enum sk_code add_events(struct sk_event_writer *writer, struct sk_error *error)
{
    for (int i = 0; i < TRIES; i++) {
        enum sk_code code = copy_events(writer, error);
        if (!met_known(writer, code)) {
            return code;
        }
        code = leave_out_known(writer, error);
        if (code || writer->count == 0) {
            return code;
        }
    }
    return sk_fail(error, SK_ARCHIVE_UNAVAILABLE, "other workers go on writing the same events");
}

/* SK_CONFLICT: another transaction was in the way. */
static enum sk_code write_once(struct sk_event_writer *writer, const struct sk_audit_entry *entries, size_t count,
                               int64_t *added, struct sk_error *error)
{
    enum sk_code code = read_rows(writer, entries, count, error);
    code = code ? code : add_events(writer, error);
    if (code || writer->count == 0) {
        return code;
    }
    code = finish(writer, error);
    *added = code ? 0 : (int64_t)writer->count;
    return code;
}

enum sk_code sk_event_writer_write(struct sk_event_writer *writer, const struct sk_audit_entry *entries, size_t count,
                                   int64_t *added, struct sk_error *error)
{
    *added = 0;
    for (int i = 0; i < TRIES; i++) {
        enum sk_code code = write_once(writer, entries, count, added, error);
        if (code != SK_CONFLICT) {
            return code;
        }
    }
    error->code = SK_ARCHIVE_UNAVAILABLE; /* the text says what was in the way */
    return SK_ARCHIVE_UNAVAILABLE;
}
