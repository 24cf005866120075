/* Events that PostgreSQL refuses, or that are none: they are set aside, listed and put back, and their neighbours are
 * written. */
#include "tests/integration/entry.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIG_BYTES ((size_t)20 * 1024 * 1024)

/* --- poison ------------------------------------------------------------------------------------------------------- */

struct poison {
    const char *field; /* NULL: the last field is missing */
    const char *value;
    size_t length;
    const char *error; /* part of what is said of it */
};

static char *big_text(void)
{
    char *text = keep(malloc(BIG_BYTES), free);
    REQUIRE(text != NULL);
    return text ? memset(text, 'x', BIG_BYTES) : NULL;
}

/* An XREVRANGE of one entry's error, by the session that it was made for. */
static bool was_set_aside(const char *session_id, const char *error)
{
    return redis_int("EVAL %s 1 audit:failed %s %s",
                     "for _, row in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do "
                     "  local f = {} "
                     "  for i = 1, #row[2], 2 do f[row[2][i]] = row[2][i + 1] end "
                     "  if f.request_id == ARGV[1] and string.find(f.failed_error, ARGV[2], 1, true) "
                     "     and f.failed_stream_id then return 1 end "
                     "end return 0",
                     session_id, error) == 1;
}

static void poisoned_entries_end_aside_and_their_neighbours_in_postgres(void)
{
    const char *big = big_text();
    const struct poison poisons[] = {
        {NULL, NULL, 0, "the field metadata is missing"},
        {"version", "seven", 5, "version is not"},
        {"version", "99999999999999999999", 20, "version is not"},
        {"at_ms", "9223372036854775807", 19, "at_ms is not"},
        {"event_id", "no uuid", 7, "event_id is not"},
        {"snapshot", "{\"config\":", 10, "json"},
        {"snapshot", "{\"a\":\"\xff\xfe\"}", 10, "encoding"},
        {"snapshot", "{\"a\":\"\\u0000\"}", 14, "Unicode"},
        {"snapshot", "{\"a\":\"\0\"}", 9, "0x00"},
        {"type", "", 0, "type is not"},
        {"session_id", big, BIG_BYTES, "session_id is too long"},
        {"snapshot", big, BIG_BYTES, "snapshot is too long"},
        {"version", big, BIG_BYTES, "version is too long"},
        {"snapshot", big, (size_t)4 * 1024 * 1024, "json"},
    };
    const size_t count = sizeof(poisons) / sizeof(*poisons);
    const char *id = fresh_id("poison");
    without_worker();
    create_running(id, CHESS);
    struct entry good;
    entry_newest(&good);
    for (size_t i = 0; i < count; i++) {
        struct entry bad = good;
        const char *mark = kept_text("%s-%zu", id, i);
        entry_make_other(&bad, mark);
        entry_change(&bad, "request_id", mark, strlen(mark));
        if (poisons[i].field) {
            entry_change(&bad, poisons[i].field, poisons[i].value, poisons[i].length);
        }
        entry_add(&bad, poisons[i].field ? ENTRY_FIELDS : ENTRY_FIELDS - 2);
        act(id, "switch", NULL);
    }
    const char *const patient[] = {"REDIS_TIMEOUT_MS=20000", NULL};
    worker_start(patient);
    await_trail(id, 2 + (int64_t)count);
    EVENTUALLY(redis_int("XLEN audit:failed") == (int64_t)count);
    await_drained();
    for (size_t i = 0; i < count; i++) {
        const bool there = was_set_aside(kept_text("%s-%zu", id, i), poisons[i].error);
        EXPECT(there);
        if (!there) {
            printf("\n    not set aside as it should be: %zu %s", i, poisons[i].error);
        }
    }
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id LIKE '%s-%%'", id), 0);
    EXPECT(process_log_count(stack.audit, "cannot be stored and was set aside") >= count);
    struct process *listed = subcommand(0, WORDS("list-failed"));
    EXPECT(process_logged(listed, kept_text("%zu set aside, %zu shown", count, count)));
    subcommand(0, WORDS("list-failed", "--json"));
}

/* Lua cannot hand so many to one command: such an entry would stay in everybody's way. */
static void an_entry_of_too_many_fields_is_set_aside_too(void)
{
    const char *id = fresh_id("fields");
    without_worker();
    const char *words[3 + 9000] = {"XADD", "audit", "*"};
    const size_t count = sizeof(words) / sizeof(*words);
    for (size_t i = 3; i < count; i++) {
        words[i] = "f";
    }
    redis_peek_words((int)count, words, NULL);
    EXPECT_INT(redis_int("XLEN audit"), 1);
    create(id, CHESS);
    worker_start(NULL);
    await_trail(id, 1);
    EVENTUALLY(redis_int("XLEN audit:failed") == 1);
    await_drained();
}

/* What bears the id of an event that is there, and is another one, is not dropped as if it were that one. */
static void another_event_under_a_known_id_is_set_aside(void)
{
    const char *id = fresh_id("taken");
    without_worker();
    create_running(id, CHESS);
    struct entry real;
    entry_newest(&real);
    struct entry other = real;
    struct entry later = real;
    entry_change(&other, "version", "77", 2);
    entry_change(&later, "session_id", "somebody-else", 13);
    entry_add(&other, ENTRY_FIELDS); /* behind the real one, in one batch with it */
    worker_start(NULL);
    await_trail(id, 2);
    EVENTUALLY(redis_int("XLEN audit:failed") == 1);
    entry_add(&later, ENTRY_FIELDS);
    entry_add(&real, ENTRY_FIELDS);
    EVENTUALLY(redis_int("XLEN audit:failed") == 2);
    await_drained();
    EXPECT(process_logged(stack.audit, "event_id is another event's"));
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id), 2);
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE version = 77 AND session_id = '%s'", id), 0);
}

/* --- putting back ------------------------------------------------------------------------------------------------- */

static void allow_again(void *unused)
{
    (void)unused;
    sql_text("SET client_min_messages = error; ALTER TABLE sync_events DROP CONSTRAINT IF EXISTS no_more; SELECT 1");
}

/* PostgreSQL refuses the session's events until the test is over, or allow_again. */
static void refuse(const char *session_id)
{
    static int token;
    keep(&token, allow_again);
    sql_text("ALTER TABLE sync_events ADD CONSTRAINT no_more CHECK (session_id <> '%s') NOT VALID; SELECT 1",
             session_id);
}

static void what_was_set_aside_is_listed_and_put_back(void)
{
    const char *id = fresh_id("back");
    without_worker();
    refuse(id);
    worker_start(NULL);
    create_running(id, CHESS);
    act(id, "switch", NULL);
    EVENTUALLY(redis_int("XLEN audit:failed") == 3);
    await_drained();
    const redisReply *first = redis_peek("XRANGE audit:failed - + COUNT 1");
    REQUIRE(first && first->elements == 1);
    const char *stream_id = first->element[0]->element[0]->str;
    const char *event_id = first->element[0]->element[1]->element[1]->str;

    struct process *listed = subcommand(0, WORDS("list-failed"));
    EXPECT(process_logged(listed, kept_text("%s\t", stream_id)));
    EXPECT_INT((int64_t)process_log_count(listed, kept_text("\t%s\t", id)), 3);
    EXPECT(process_logged(listed, kept_text("\tsession_created\t1\t%s\t", event_id)));
    EXPECT(process_logged(listed, "no_more"));
    EXPECT(process_logged(listed, "3 set aside, 3 shown"));
    struct process *one = subcommand(0, WORDS("list-failed", "--limit", "1"));
    EXPECT(process_logged(one, "3 set aside, 1 shown"));
    EXPECT_INT((int64_t)process_log_count(one, kept_text("\t%s\t", id)), 1);
    struct process *json = subcommand(0, WORDS("list-failed", "--json"));
    EXPECT_INT((int64_t)process_log_count(json, kept_text("\"session_id\":\"%s\"", id)), 3);
    EXPECT(process_logged(json, kept_text("\"stream_id\":\"%s\"", stream_id)));
    subcommand(2, WORDS("list-failed", "--limit", "many"));
    subcommand(2, WORDS("retry-failed", "--all"));

    /* Refused once more, it comes back under another stream id; named wrongly, nothing happens. */
    struct process *unknown = subcommand(1, WORDS("retry-failed", "1-1", stream_id));
    EXPECT(process_logged(unknown, "'1-1'"));
    EXPECT(process_logged(unknown, "1 put back"));
    EVENTUALLY(redis_int("XLEN audit:failed") == 3);
    await_drained();
    EXPECT_INT(
        redis_int("EVAL %s 1 audit:failed %s", "return #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])", stream_id),
        0);
    EXPECT(process_logged(subcommand(1, WORDS("retry-failed", "17")), "0 put back"));

    allow_again(NULL);
    EXPECT(process_logged(subcommand(0, WORDS("retry-failed")), "3 put back"));
    await_trail(id, 3);
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id), 3);
    EXPECT_TEXT(sql_text("SELECT event_id FROM sync_events WHERE session_id = '%s' AND version = 1", id), event_id);
    EXPECT_INT(redis_int("XLEN audit:failed"), 0);
    EXPECT(process_logged(subcommand(0, WORDS("retry-failed")), "0 put back"));
}

CU_TestInfo dead_letter_tests[] = {
    {"poisoned entries end aside and their neighbours in PostgreSQL",
     poisoned_entries_end_aside_and_their_neighbours_in_postgres},
    {"an entry of too many fields is set aside, too", an_entry_of_too_many_fields_is_set_aside_too},
    {"what was set aside is listed and put back", what_was_set_aside_is_listed_and_put_back},
    {"another event under a known id is set aside", another_event_under_a_known_id_is_set_aside},
    CU_TEST_INFO_NULL,
};
