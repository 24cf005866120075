/* The comparison. Owns nothing, and asks the stores themselves, never the programs. */
#include "tests/integration/ledger.h"

#include "tests/integration/story.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* AOF everysec loses a second, or two where the disk is slow, and the answers under way when it died. */
#define LOSS_BEFORE_US 3000000
#define LOSS_AFTER_US 500000

/* From the event that Redis names back to the first; the first is as far back as there are versions. */
static const char line_sql[] =
    "WITH RECURSIVE line AS ("
    "  SELECT event_id, prev_event_id, version, type, request_id, 0 AS back FROM sync_events"
    "  WHERE event_id = '%s' AND session_id = '%s'"
    "  UNION ALL"
    "  SELECT e.event_id, e.prev_event_id, e.version, e.type, e.request_id, back + 1"
    "  FROM line JOIN sync_events e ON e.event_id = line.prev_event_id WHERE back < %" PRId64 ") "
    "SELECT json_build_object('events', count(*), 'gapless', bool_and(version = %" PRId64 " - back),"
    "  'begins', bool_or(prev_event_id IS NULL AND type = 'session_created'),"
    "  'switches', count(request_id) FILTER (WHERE type = 'cycle_switched'),"
    "  'requests', count(DISTINCT request_id) FILTER (WHERE type = 'cycle_switched'),"
    "  'by_version', json_agg(CASE WHEN type = 'cycle_switched' THEN request_id END ORDER BY version),"
    "  'summary', (SELECT last_event_id FROM sync_sessions WHERE session_id = '%s' ORDER BY created_at DESC LIMIT 1)) "
    "FROM line";

static void release(void *json)
{
    json_decref(json);
}

/* Kept until the test is over; an empty object where the text is no JSON. */
static json_t *kept_json(const char *text)
{
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    return keep(json ? json : json_object(), release);
}

json_t *ledger_add_session(struct ledger *ledger, const char *id)
{
    const redisReply *stored = redis_peek("GET session:%s", id);
    json_t *state = kept_json(stored ? stored->str : NULL);
    const int64_t version = int_at(state, "version");
    const char *head = text_at(state, "last_event_id");
    json_t *line = NULL;
    ledger->sessions++;
    if (!EXPECT(version >= 1)) {
        printf(" (%s)", id);
        return NULL;
    }
    line = kept_json(sql_text(line_sql, head, id, version, version, id));
    const int64_t events = int_at(line, "events");
    const int64_t all = sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id);
    json_t *snapshot = kept_json(sql_text("SELECT state_snapshot FROM sync_events WHERE event_id = '%s'", head));
    const bool whole = events == version && is_true_at(line, "gapless") && is_true_at(line, "begins");
    if (!EXPECT(whole) || !EXPECT(json_equal(snapshot, state))) {
        printf(" (%s: %" PRId64 " events lead to version %" PRId64 ", %s)", id, events, version, head);
    }
    EXPECT_TEXT(text_at(line, "summary"), head);
    EXPECT_INT(int_at(line, "requests"), int_at(line, "switches"));
    ledger->events += (long)events;
    ledger->abandoned += (long)(all - events);
    return whole ? json_at(line, "by_version") : NULL;
}

/* False: the move is missing and nothing excuses that. */
static bool add_move(struct ledger *ledger, const struct load_move *move, const char *expected, json_t *by_version,
                     int64_t redis_died_us)
{
    const json_t *found = json_array_get(by_version, (size_t)(move->version - 1));
    ledger->moves++;
    if (json_is_string(found) && strcmp(json_string_value(found), expected) == 0) {
        return true;
    }
    const int64_t before_us = redis_died_us - move->answered_us;
    const bool excused = redis_died_us != 0 && before_us < LOSS_BEFORE_US && before_us > -LOSS_AFTER_US;
    if (!EXPECT(excused)) {
        printf(" (%s was answered with version %" PRId64 ", which is by %s)", expected, move->version,
               found ? json_string_value(found) : "nobody");
    }
    ledger->lost++;
    ledger->loss_ms = before_us / 1000 > ledger->loss_ms ? before_us / 1000 : ledger->loss_ms;
    return excused;
}

void ledger_add_load(struct ledger *ledger, const struct load *load, int64_t redis_died_us)
{
    for (size_t i = 0; i < load_sessions(load); i++) {
        size_t count = 0;
        const struct load_move *moves = load_moves(load, i, &count);
        json_t *by_version = ledger_add_session(ledger, load_session_id(load, i));
        bool kept = by_version != NULL;
        for (size_t k = 0; kept && k < count; k++) { /* one complaint a session says enough */
            char expected[LOAD_REQUEST_BYTES];
            load_request_id(load, i, moves[k].request, expected);
            kept = add_move(ledger, &moves[k], expected, by_version, redis_died_us);
        }
    }
}
