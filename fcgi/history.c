/* GET /v1/sessions/{id}/events: the statements that read the trail (sql/ has the tables), and an event's form on the
 * wire. Writes nothing. */
#include "fcgi/history.h"

#include "common/catalogue.h"
#include "common/codec.h"
#include "common/json_writer.h"
#include "common/log.h"
#include "common/view.h"
#include "fcgi/api.h"
#include "fcgi/query.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 500
#define TIME_MAX_AGE_MS 1000

/* Of the statement below, in order. */
enum column {
    EVENT_ID,
    PREV_EVENT_ID,
    TYPE,
    AT_MS,
    CREATED_AT_MS,
    VERSION,
    PARTICIPANT_ID,
    CYCLE_NUMBER,
    ACTOR,
    REQUEST_ID,
    TRACE_ID,
    EXPIRY_COUNT,
    EXPIRIES,
    METADATA,
    SNAPSHOT,
    FOUND /* how many rows there would be, had none been too much */
};

/* $1 session, $2 how many at most, $3 the event behind which they stand (null: none). That event comes along as a first
 * row, so that one that does not exist is told from one with nothing behind it. Rows beyond a megabyte of snapshots (as
 * they are kept, compressed) are left for the next page, but at least one is there. The comparison without the event's
 * id is what the index can answer. */
static const char events_sql[] =
    "WITH place AS (SELECT session_created_at, version, at, event_id FROM sync_events"
    "    WHERE event_id = $3::uuid AND session_id = $1),"
    "  found AS (SELECT e.* FROM sync_events e LEFT JOIN place p ON true"
    "    WHERE e.session_id = $1 AND ($3::uuid IS NULL OR"
    "      ((e.session_created_at, e.version, e.at) >= (p.session_created_at, p.version, p.at) AND"
    "       (e.session_created_at, e.version, e.at, e.event_id) >="
    "       (p.session_created_at, p.version, p.at, p.event_id)))"
    "    ORDER BY e.session_created_at, e.version, e.at, e.event_id LIMIT $2::bigint),"
    "  measured AS (SELECT found.*, count(*) OVER () AS found, row_number() OVER place_order AS number,"
    "      sum(coalesce(pg_column_size(state_snapshot), 0)) OVER place_order AS bytes FROM found"
    "    WINDOW place_order AS (ORDER BY session_created_at, version, at, event_id ROWS UNBOUNDED PRECEDING))"
    " SELECT event_id, prev_event_id, type, (extract(epoch FROM at) * 1000)::bigint,"
    "    (extract(epoch FROM session_created_at) * 1000)::bigint, version, participant_id, cycle_number, actor,"
    "    request_id, trace_id, expiry_count, expiries, metadata, state_snapshot, found"
    "  FROM measured WHERE number <= 2 OR bytes <= 1048576"
    "  ORDER BY session_created_at, version, at, event_id";

struct wish {
    int64_t limit;
    const char *after; /* an event's id; NULL: the beginning */
};

/* --- the question ------------------------------------------------------------------------------------------------ */

static bool is_uuid(const char *text)
{
    for (size_t i = 0; i < SK_UUID_BYTES - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i])) {
            return false;
        }
    }
    return text[SK_UUID_BYTES - 1] == '\0';
}

static void refuse_after(struct reply *reply)
{
    struct sk_problems problems = {0};
    sk_problems_add(&problems, "after", "is no event of this session");
    sk_reply_problems(reply, &problems);
    sk_problems_clear(&problems);
}

/* Reads the query; values: what wish borrows from. On failure the answer is given. */
static bool read_wish(const struct request *request, struct query_value values[2], struct wish *wish,
                      struct reply *reply)
{
    struct sk_problems problems = {0};
    values[0] = (struct query_value){.name = "after"};
    values[1] = (struct query_value){.name = "limit"};
    *wish = (struct wish){.limit = LIMIT_DEFAULT};
    sk_query_read(request->query, values, 2, &problems);
    if (values[0].given) {
        wish->after = values[0].text;
    }
    if (wish->after && !is_uuid(wish->after)) {
        sk_problems_add(&problems, "after", "must be the event_id of an event");
    }
    sk_query_int(&values[1], 1, LIMIT_MAX, &wish->limit, &problems);
    bool good = problems.count == 0;
    if (!good) {
        sk_reply_problems(reply, &problems);
    }
    sk_problems_clear(&problems);
    return good;
}

/* Asks for one more than the page takes, which tells whether there is more, and for the place itself. */
static enum sk_code ask(struct api *api, const char *session_id, const struct wish *wish, PGresult **rows,
                        struct sk_error *error)
{
    char limit[24];
    const char *const parameters[] = {session_id, limit, wish->after};
    (void)snprintf(limit, sizeof limit, "%" PRId64, wish->limit + (wish->after ? 2 : 1));
    return sk_archive_query(&api->archive, events_sql, 3, parameters, rows, error);
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

static const char *text_at(const PGresult *rows, int row, enum column column)
{
    return PQgetisnull(rows, row, (int)column) ? NULL : PQgetvalue(rows, row, (int)column);
}

static int64_t number_at(const PGresult *rows, int row, enum column column)
{
    const char *text = text_at(rows, row, column);
    return text ? strtoll(text, NULL, 10) : 0;
}

/* JSON as PostgreSQL keeps it, or what stands for none. */
static void write_json(struct sk_json_writer *writer, const char *key, const char *json, const char *otherwise)
{
    const char *text = json ? json : otherwise;
    sk_json_raw(writer, key, text, strlen(text));
}

/* The session as it was: the snapshot is the stored form, which is nobody's business but ours. */
static void write_state(struct sk_json_writer *writer, const PGresult *rows, int row)
{
    struct sk_error error;
    struct sk_session *session = NULL;
    const char *stored = text_at(rows, row, SNAPSHOT);
    enum sk_code code = stored ? sk_codec_read(stored, strlen(stored), &session, &error) : SK_SESSION_NOT_FOUND;
    if (code == SK_OK) {
        sk_view_write(writer, "state", session, number_at(rows, row, AT_MS));
    } else {
        sk_json_null(writer, "state");
    }
    if (code != SK_OK && stored) {
        sk_log(SK_LOG_WARN, "a snapshot cannot be read", SK_S("event_id", text_at(rows, row, EVENT_ID)),
               SK_S("error", error.text));
    }
    sk_session_free(session);
}

static void write_event(struct sk_json_writer *writer, const PGresult *rows, int row)
{
    sk_json_object(writer, NULL);
    sk_json_string(writer, "event_id", text_at(rows, row, EVENT_ID));
    sk_json_string(writer, "prev_event_id", text_at(rows, row, PREV_EVENT_ID));
    sk_json_string(writer, "type", text_at(rows, row, TYPE));
    sk_json_iso(writer, "at", number_at(rows, row, AT_MS));
    sk_json_int(writer, "at_ms", number_at(rows, row, AT_MS));
    sk_json_iso(writer, "session_created_at", number_at(rows, row, CREATED_AT_MS));
    sk_json_int(writer, "version", number_at(rows, row, VERSION));
    sk_json_string(writer, "participant_id", text_at(rows, row, PARTICIPANT_ID));
    sk_json_int(writer, "cycle_number", number_at(rows, row, CYCLE_NUMBER));
    sk_json_string(writer, "actor", text_at(rows, row, ACTOR));
    sk_json_string(writer, "request_id", text_at(rows, row, REQUEST_ID));
    sk_json_string(writer, "trace_id", text_at(rows, row, TRACE_ID));
    sk_json_int(writer, "expiry_count", number_at(rows, row, EXPIRY_COUNT));
    write_json(writer, "expiries", text_at(rows, row, EXPIRIES), "[]");
    write_json(writer, "metadata", text_at(rows, row, METADATA), "{}");
    write_state(writer, rows, row);
    sk_json_object_end(writer);
}

static void show(const PGresult *rows, const struct wish *wish, int64_t now_ms, struct reply *reply)
{
    struct sk_json_writer writer = {.out = sk_reply_body(reply, 200, SK_TYPE_JSON)};
    int count = PQntuples(rows);
    int first = wish->after ? 1 : 0;
    int end = count - first > wish->limit ? first + (int)wish->limit : count;
    bool more = count > 0 && number_at(rows, 0, FOUND) > end;
    sk_json_object(&writer, NULL);
    sk_json_array(&writer, "data");
    for (int row = first; row < end; row++) {
        write_event(&writer, rows, row);
    }
    sk_json_array_end(&writer);
    sk_json_string(&writer, "next_after", more ? text_at(rows, end - 1, EVENT_ID) : NULL);
    sk_json_int(&writer, "server_time_ms", now_ms);
    sk_json_object_end(&writer);
}

/* A session without a trail is one whose first event is still on its way, or none. */
static enum sk_code check_known(struct api *api, const char *session_id, const struct wish *wish,
                                struct sk_error *error)
{
    static const struct wish any = {.limit = 1};
    PGresult *rows = NULL;
    enum sk_code code = wish->after ? ask(api, session_id, &any, &rows, error) : SK_OK;
    bool known = !code && PQntuples(rows) > 0;
    PQclear(rows);
    if (!code && !known) {
        code = sk_catalogue_knows(sk_store_redis(api->store), session_id, &known, error);
    }
    if (!code && !known) {
        code = sk_fail(error, SK_SESSION_NOT_FOUND, "no session %s", session_id);
    }
    return code;
}

void sk_history_get(struct api *api, const struct request *request, struct reply *reply)
{
    struct sk_error error;
    struct wish wish;
    struct query_value values[2];
    PGresult *rows = NULL;
    int64_t now_ms = 0;
    if (!read_wish(request, values, &wish, reply)) {
        return;
    }
    enum sk_code code = sk_store_draw(api->store, &api->terms, &error);
    code = code ? code : sk_store_time(api->store, TIME_MAX_AGE_MS, &now_ms, &error);
    code = code ? code : ask(api, request->session_id, &wish, &rows, &error);
    bool nothing = !code && PQntuples(rows) == 0;
    if (nothing) {
        code = check_known(api, request->session_id, &wish, &error);
    }
    if (code) {
        sk_reply_error(reply, &error);
    } else if (nothing && wish.after) {
        refuse_after(reply);
    } else {
        show(rows, &wish, now_ms, reply);
    }
    PQclear(rows);
}
