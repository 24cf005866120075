/* Events into PostgreSQL. Owns the statements and the row form of an event; values are checked by PostgreSQL alone, on
 * their way into the typed columns of the staging table. */
#include "audit/event_writer.h"

#include <stdlib.h>
#include <string.h>

/* The staging table stays with the connection, emptied by every commit: made anew for each batch, its catalogue rows
 * would be most of what autovacuum has to do. Behind a pool that hands one server connection to many clients it is
 * found again, empty, by whichever worker comes next; its name changes with its columns, so that two releases never
 * share one. Everything else is set for the transaction only.
 * A commit that does not reach the disk must not be acknowledged to Redis: synchronous_commit is not left off. */
#define STAGING "synckairos_staging_1"

static const char begin_sql[] =
    "BEGIN;"
    "SELECT set_config('statement_timeout', '20s', true);"
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';"
    "CREATE TEMPORARY TABLE IF NOT EXISTS " STAGING " ("
    "  position bigint, event_id uuid, prev_event_id uuid, session_id text, session_created_at_ms bigint, type text,"
    "  participant_id text, version bigint, cycle_number bigint, actor text, request_id text, at_ms bigint,"
    "  expiry_count bigint, expiries jsonb, snapshot jsonb, metadata jsonb"
    ") ON COMMIT DELETE ROWS;"
    "COPY " STAGING " FROM STDIN";

/* Both statements take their rows in an order of their own, the same for every worker: two that write the same sessions
 * or, after a claim, the same events, wait for each other and do not deadlock. */
static const char finish_sql[] =
    "INSERT INTO sync_sessions AS old (session_id, created_at, mode, configuration, status, version, started_at,"
    "    completed_at, cycles, participants, metadata, last_event_id, updated_at)"
    "  SELECT DISTINCT ON (session_id, session_created_at_ms)"
    "    session_id, sync_instant(session_created_at_ms), (snapshot #>> '{config,sync_mode}')::sync_mode,"
    "    snapshot -> 'config', (snapshot ->> 'status')::sync_status, version,"
    "    sync_instant((snapshot ->> 'session_started_at_ms')::bigint),"
    "    sync_instant((snapshot ->> 'session_completed_at_ms')::bigint),"
    "    cycle_number, snapshot -> 'participants', coalesce(snapshot -> 'metadata', '{}'), event_id, "
    "sync_instant(at_ms)"
    "  FROM " STAGING " WHERE snapshot IS NOT NULL"
    "  ORDER BY session_id, session_created_at_ms, version DESC, at_ms DESC, position DESC"
    "  ON CONFLICT (session_id, created_at) DO UPDATE SET"
    "    mode = excluded.mode, configuration = excluded.configuration, status = excluded.status,"
    "    version = excluded.version, started_at = excluded.started_at, completed_at = excluded.completed_at,"
    "    cycles = excluded.cycles, participants = excluded.participants, metadata = excluded.metadata,"
    "    last_event_id = excluded.last_event_id, updated_at = excluded.updated_at"
    "  WHERE (old.version, old.updated_at) < (excluded.version, excluded.updated_at);"
    "INSERT INTO sync_events (event_id, prev_event_id, session_id, session_created_at, type, participant_id, version,"
    "    cycle_number, actor, request_id, at, expiry_count, expiries, state_snapshot, metadata)"
    "  SELECT event_id, prev_event_id, session_id, sync_instant(session_created_at_ms), type, participant_id, version,"
    "    cycle_number, coalesce(actor, ''), request_id, sync_instant(at_ms), coalesce(expiry_count, 0), expiries,"
    "    snapshot, coalesce(metadata, '{}')"
    "  FROM " STAGING " ORDER BY event_id"
    "  ON CONFLICT DO NOTHING;"
    "COMMIT";

struct sk_event_writer {
    struct sk_database *database; /* borrowed */
    struct sk_buffer row;
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
        sk_buffer_clear(&writer->row);
        free(writer);
    }
}

/* --- rows ------------------------------------------------------------------------------------------------------- */

/* What stands for a byte that COPY would take for something else; NULL for all others. A NUL byte goes over as \000,
 * so that PostgreSQL refuses the value instead of us cutting it. */
static const char *escape_of(char byte)
{
    switch (byte) {
    case '\\':
        return "\\\\";
    case '\t':
        return "\\t";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\0':
        return "\\000";
    default:
        return NULL;
    }
}

static void append_escaped(struct sk_buffer *out, const struct sk_audit_value *value)
{
    size_t done = 0;
    for (size_t i = 0; i < value->length; i++) {
        const char *escape = escape_of(value->text[i]);
        if (escape) {
            sk_buffer_append(out, value->text + done, i - done);
            sk_buffer_append_text(out, escape);
            done = i + 1;
        }
    }
    sk_buffer_append(out, value->text + done, value->length - done);
}

void sk_event_writer_row(struct sk_buffer *out, size_t position, const struct sk_audit_event *event)
{
    sk_buffer_append_int(out, (int64_t)position);
    for (size_t i = 0; i < SK_AUDIT_FIELD_COUNT; i++) {
        sk_buffer_append_char(out, '\t');
        if (event->field[i].length == 0) {
            sk_buffer_append_text(out, "\\N");
        } else {
            append_escaped(out, &event->field[i]);
        }
    }
    sk_buffer_append_char(out, '\n');
}

/* --- the transaction -------------------------------------------------------------------------------------------- */

static enum sk_code copy_row(struct sk_event_writer *writer, size_t position, const struct sk_audit_event *event,
                             struct sk_error *error)
{
    sk_buffer_reset(&writer->row);
    sk_event_writer_row(&writer->row, position, event);
    if (writer->row.failed) {
        sk_database_disconnect(writer->database);
        return sk_fail(error, SK_ARCHIVE_UNAVAILABLE, "out of memory");
    }
    return sk_database_copy_rows(writer->database, &writer->row, error);
}

enum sk_code sk_event_writer_write(struct sk_event_writer *writer, const struct sk_audit_entry *entries, size_t count,
                                   int64_t *added, struct sk_error *error)
{
    *added = 0;
    enum sk_code code = sk_database_copy_begin(writer->database, begin_sql, error);
    for (size_t i = 0; !code && i < count; i++) {
        code = copy_row(writer, i, &entries[i].event, error);
    }
    if (!code) {
        code = sk_database_copy_end(writer->database, error);
    }
    if (code) {
        return code;
    }
    if (!sk_database_in_transaction(writer->database)) { /* the rows are gone: a new connection would write none */
        return sk_fail(error, SK_ARCHIVE_UNAVAILABLE, "the connection was lost within the transaction");
    }
    return sk_database_run(writer->database, finish_sql, added, error);
}
