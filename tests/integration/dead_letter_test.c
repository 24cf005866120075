/* What the audit worker does with events that PostgreSQL refuses or cannot take: they are set aside, listed and put
 * back, told of, counted; and nobody else's event waits for them. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/webhook.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS ((size_t)15)
#define BIG_BYTES ((size_t)20 * 1024 * 1024)

/* --- the worker and its subcommands ------------------------------------------------------------------------------ */

static void restore_worker(void *unused)
{
    (void)unused;
    process_stop(stack.audit);
    redis_peek("DEL audit:failed");
    stack.audit = stack_program("audit", NULL);
}

/* The stack's worker is stopped, and started as it was when the test is over. */
static void without_worker(void)
{
    static int token;
    EVENTUALLY(redis_int("XLEN audit") == 0);
    process_stop(stack.audit);
    redis_peek("DEL audit:failed");
    keep(&token, restore_worker);
}

/* One of the test's own in its place. */
static void worker(const char *const *env)
{
    stack.audit = stack_program("audit", env);
}

static struct process *subcommand(int status, const char *first, const char *second, const char *third)
{
    const char *const argv[] = {kept_text("%s/synckairos-audit", stack.build), first, second, third, NULL};
    struct process *process = process_start(&(struct process_spec){.name = first, .argv = argv});
    EXPECT_INT(process_wait(process), status);
    return process;
}

/* --- entries by hand ---------------------------------------------------------------------------------------------- */

/* An event as it stands in the stream, to be written once more with something changed. */
struct entry {
    const char *text[2 * FIELDS];
    size_t length[2 * FIELDS];
};

static void newest_entry(struct entry *entry)
{
    const redisReply *reply = redis_peek("XREVRANGE audit + - COUNT 1");
    REQUIRE(reply && reply->elements == 1 && reply->element[0]->element[1]->elements == 2 * FIELDS);
    for (size_t i = 0; i < 2 * FIELDS; i++) {
        entry->text[i] = reply->element[0]->element[1]->element[i]->str;
        entry->length[i] = (size_t)reply->element[0]->element[1]->element[i]->len;
    }
}

static size_t place_of(const struct entry *entry, const char *field)
{
    for (size_t i = 0; i < 2 * FIELDS; i += 2) {
        if (strcmp(entry->text[i], field) == 0) {
            return i + 1;
        }
    }
    REQUIRE(!"there is such a field");
    return 1;
}

static void change(struct entry *entry, const char *field, const char *value, size_t length)
{
    const size_t place = place_of(entry, field);
    entry->text[place] = value;
    entry->length[place] = length;
}

static const char *some_uuid(void)
{
    static unsigned number;
    return kept_text("00000000-0000-7000-8000-%06x%06x", (unsigned)(wall_ms() & 0xffffff), ++number);
}

/* Another event of another session, which nobody but PostgreSQL knows. */
static void make_other(struct entry *entry, const char *session_id)
{
    const char *event_id = some_uuid();
    change(entry, "event_id", event_id, strlen(event_id));
    change(entry, "session_id", session_id, strlen(session_id));
}

static void add_entry(const struct entry *entry, size_t fields)
{
    const char *args[3 + 2 * FIELDS] = {"XADD", "audit", "*"};
    size_t lengths[3 + 2 * FIELDS] = {4, 5, 1};
    memcpy(args + 3, entry->text, 2 * fields * sizeof(*args));
    memcpy(lengths + 3, entry->length, 2 * fields * sizeof(*lengths));
    redisContext *context = redisConnect("127.0.0.1", stack.redis_port);
    REQUIRE(context && !context->err);
    redisReply *reply = redisCommandArgv(context, (int)(3 + 2 * fields), args, lengths);
    EXPECT(reply && reply->type == REDIS_REPLY_STRING);
    freeReplyObject(reply);
    redisFree(context);
}

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
    newest_entry(&good);
    for (size_t i = 0; i < count; i++) {
        struct entry bad = good;
        const char *mark = kept_text("%s-%zu", id, i);
        make_other(&bad, mark);
        change(&bad, "request_id", mark, strlen(mark));
        if (poisons[i].field) {
            change(&bad, poisons[i].field, poisons[i].value, poisons[i].length);
        }
        add_entry(&bad, poisons[i].field ? FIELDS : FIELDS - 1);
        act(id, "switch", NULL);
    }
    const char *const patient[] = {"REDIS_TIMEOUT_MS=20000", NULL};
    worker(patient);
    await_trail(id, 2 + (int64_t)count);
    EVENTUALLY(redis_int("XLEN audit:failed") == (int64_t)count);
    EVENTUALLY(redis_int("XLEN audit") == 0);
    for (size_t i = 0; i < count; i++) {
        const bool there = was_set_aside(kept_text("%s-%zu", id, i), poisons[i].error);
        EXPECT(there);
        if (!there) {
            printf("\n    not set aside as it should be: %zu %s", i, poisons[i].error);
        }
    }
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id LIKE '%s-%%'", id), 0);
    EXPECT(process_log_count(stack.audit, "cannot be stored and was set aside") >= count);
    struct process *listed = subcommand(0, "list-failed", NULL, NULL);
    EXPECT(process_logged(listed, kept_text("%zu set aside, %zu shown", count, count)));
    subcommand(0, "list-failed", "--json", NULL);
}

/* Lua cannot hand so many to one command: such an entry would stay in everybody's way. */
static void an_entry_of_too_many_fields_is_set_aside_too(void)
{
    const char *id = fresh_id("fields");
    without_worker();
    const char *args[3 + 9000] = {"XADD", "audit", "*"};
    for (size_t i = 3; i < sizeof(args) / sizeof(*args); i++) {
        args[i] = "f";
    }
    redisContext *context = redisConnect("127.0.0.1", stack.redis_port);
    REQUIRE(context && !context->err);
    freeReplyObject(redisCommandArgv(context, (int)(sizeof(args) / sizeof(*args)), args, NULL));
    redisFree(context);
    EXPECT_INT(redis_int("XLEN audit"), 1);
    create(id, CHESS);
    worker(NULL);
    await_trail(id, 1);
    EVENTUALLY(redis_int("XLEN audit:failed") == 1);
    EVENTUALLY(redis_int("XLEN audit") == 0);
}

static int64_t pending(void)
{
    return redis_int("EVAL %s 1 audit", "return redis.call('XPENDING', KEYS[1], 'audit-writers')[1]");
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
    worker(NULL);
    create_running(id, CHESS);
    act(id, "switch", NULL);
    EVENTUALLY(redis_int("XLEN audit:failed") == 3);
    EVENTUALLY(redis_int("XLEN audit") == 0);
    const redisReply *first = redis_peek("XRANGE audit:failed - + COUNT 1");
    REQUIRE(first && first->elements == 1);
    const char *stream_id = first->element[0]->element[0]->str;
    const char *event_id = first->element[0]->element[1]->element[1]->str;

    struct process *listed = subcommand(0, "list-failed", NULL, NULL);
    EXPECT(process_logged(listed, kept_text("%s\t", stream_id)));
    EXPECT_INT((int64_t)process_log_count(listed, kept_text("\t%s\t", id)), 3);
    EXPECT(process_logged(listed, kept_text("\tsession_created\t1\t%s\t", event_id)));
    EXPECT(process_logged(listed, "no_more"));
    EXPECT(process_logged(listed, "3 set aside, 3 shown"));
    struct process *one = subcommand(0, "list-failed", "--limit", "1");
    EXPECT(process_logged(one, "3 set aside, 1 shown"));
    EXPECT_INT((int64_t)process_log_count(one, kept_text("\t%s\t", id)), 1);
    struct process *json = subcommand(0, "list-failed", "--json", NULL);
    EXPECT_INT((int64_t)process_log_count(json, kept_text("\"session_id\":\"%s\"", id)), 3);
    EXPECT(process_logged(json, kept_text("\"stream_id\":\"%s\"", stream_id)));
    subcommand(2, "list-failed", "--limit", "many");
    subcommand(2, "retry-failed", "--all", NULL);

    /* Refused once more, it comes back under another stream id; named wrongly, nothing happens. */
    struct process *unknown = subcommand(1, "retry-failed", "1-1", stream_id);
    EXPECT(process_logged(unknown, "'1-1'"));
    EXPECT(process_logged(unknown, "1 put back"));
    EVENTUALLY(redis_int("XLEN audit:failed") == 3);
    EVENTUALLY(redis_int("XLEN audit") == 0);
    EXPECT_INT(
        redis_int("EVAL %s 1 audit:failed %s", "return #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])", stream_id),
        0);
    EXPECT(process_logged(subcommand(1, "retry-failed", "17", NULL), "0 put back"));

    allow_again(NULL);
    EXPECT(process_logged(subcommand(0, "retry-failed", NULL, NULL), "3 put back"));
    await_trail(id, 3);
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id), 3);
    EXPECT_TEXT(sql_text("SELECT event_id FROM sync_events WHERE session_id = '%s' AND version = 1", id), event_id);
    EXPECT_INT(redis_int("XLEN audit:failed"), 0);
    EXPECT(process_logged(subcommand(0, "retry-failed", NULL, NULL), "0 put back"));
}

/* --- what PostgreSQL says of single events, in other words than these ----------------------------------------------
 */

static void remove_trouble(void *unused)
{
    (void)unused;
    sql_text("SET client_min_messages = error; DROP FUNCTION IF EXISTS make_trouble() CASCADE; "
             "DROP SEQUENCE IF EXISTS troubles; DROP INDEX IF EXISTS one_of_a_kind; SELECT 1");
}

/* For each statement that adds events: what PL/pgSQL does with them, which are called added. */
static void make_trouble(const char *body)
{
    static int token;
    keep(&token, remove_trouble);
    sql_text("CREATE SEQUENCE troubles; "
             "CREATE FUNCTION make_trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN %s RETURN NULL; END $$; "
             "CREATE TRIGGER trouble AFTER INSERT ON sync_events REFERENCING NEW TABLE AS added "
             "FOR EACH STATEMENT EXECUTE FUNCTION make_trouble(); SELECT 1",
             body);
}

static void play_on(const char *id, int switches)
{
    for (int i = 0; i < switches; i++) {
        act(id, "switch", NULL);
    }
}

/* PostgreSQL does not say that it is the data's fault, and means it all the same. */
static void an_event_that_postgres_chokes_on_holds_up_nobody(void)
{
    const char *id = fresh_id("choke");
    without_worker();
    make_trouble("IF EXISTS (SELECT FROM added WHERE version = 3) THEN "
                 "RAISE 'invalid memory alloc request size' USING ERRCODE = 'XX000'; END IF;");
    create_running(id, CHESS);
    play_on(id, 6);
    worker(NULL);
    EVENTUALLY(redis_int("XLEN audit:failed") == 1);
    EVENTUALLY(redis_int("XLEN audit") == 0);
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s' AND version <> 3", id), 7);
    EXPECT(process_logged(stack.audit, "XX000 invalid memory alloc request size"));
    forget_trail(id);
}

static void another_unique_key_refuses_its_event_and_no_other(void)
{
    const char *id = fresh_id("unique");
    without_worker();
    create_running(id, CHESS);
    struct entry twice;
    newest_entry(&twice);
    make_other(&twice, id);
    add_entry(&twice, FIELDS);
    act(id, "switch", NULL);
    static int token;
    keep(&token, remove_trouble);
    sql_text("CREATE UNIQUE INDEX one_of_a_kind ON sync_events (session_id, version) WHERE session_id = '%s'; SELECT 1",
             id);
    worker(NULL);
    EVENTUALLY(redis_int("XLEN audit:failed") == 1);
    EVENTUALLY(redis_int("XLEN audit") == 0);
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id), 3);
    EXPECT(process_logged(stack.audit, "one_of_a_kind"));
    forget_trail(id);
}

/* As the server's time limit for a statement says it. */
static void a_batch_that_takes_too_long_is_written_in_parts(void)
{
    const char *id = fresh_id("slow");
    without_worker();
    make_trouble("IF (SELECT count(*) FROM added) > 5 THEN "
                 "RAISE 'canceling statement due to statement timeout' USING ERRCODE = '57014'; END IF;");
    create_running(id, CHESS);
    play_on(id, 38);
    worker(NULL);
    await_trail(id, 40);
    EVENTUALLY(redis_int("XLEN audit") == 0);
    EXPECT_INT(redis_int("XLEN audit:failed"), 0);
    EXPECT(process_logged(stack.audit, "PostgreSQL is slow"));
    EXPECT(!process_logged(stack.audit, "cannot be had"));
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id), 40);
}

static void a_clash_of_transactions_is_no_outage(void)
{
    const char *id = fresh_id("clash");
    without_worker();
    make_trouble("IF nextval('troubles') <= 3 THEN RAISE 'deadlock detected' USING ERRCODE = '40P01'; END IF;");
    create_running(id, CHESS);
    worker(NULL);
    await_trail(id, 2);
    EVENTUALLY(redis_int("XLEN audit") == 0);
    EXPECT(sql_int("SELECT last_value FROM troubles") >= 4);
    EXPECT(!process_logged(stack.audit, "cannot be had"));
}

/* What bears the id of an event that is there, and is another one, is not dropped as if it were that one. */
static void another_event_under_a_known_id_is_set_aside(void)
{
    const char *id = fresh_id("taken");
    without_worker();
    create_running(id, CHESS);
    struct entry real;
    newest_entry(&real);
    struct entry other = real;
    struct entry later = real;
    change(&other, "version", "77", 2);
    change(&later, "session_id", "somebody-else", 13);
    add_entry(&other, FIELDS); /* behind the real one, in one batch with it */
    worker(NULL);
    await_trail(id, 2);
    EVENTUALLY(redis_int("XLEN audit:failed") == 1);
    add_entry(&later, FIELDS);
    add_entry(&real, FIELDS);
    EVENTUALLY(redis_int("XLEN audit:failed") == 2);
    EVENTUALLY(redis_int("XLEN audit") == 0);
    EXPECT(process_logged(stack.audit, "event_id is another event's"));
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id), 2);
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE version = 77 AND session_id = '%s'", id), 0);
}

/* --- no room ------------------------------------------------------------------------------------------------------ */

/* More than a batch of them, which are due again while they are gone through: what is new comes in between. */
static void entries_that_wait_for_room_keep_nothing_new_out(void)
{
    const char *const quick[] = {"AUDIT_BATCH=10", "AUDIT_CLAIM_S=2", NULL};
    const char *id = fresh_id("room");
    without_worker();
    redis_peek("SET audit:failed x"); /* nothing can be added to that */
    create(id, CHESS);
    struct entry bad;
    newest_entry(&bad);
    change(&bad, "metadata", "[1", 2);
    for (int i = 0; i < 100; i++) {
        make_other(&bad, "nobody-there");
        add_entry(&bad, FIELDS);
    }
    worker(quick);
    EVENTUALLY(pending() >= 100);
    /* Until some are taken up once more, because nobody seems to be at work on them. */
    EVENTUALLY(process_logged(stack.audit, "took over what another worker left"));
    const int64_t since_us = now_us();
    act(id, "start", NULL);
    for (int i = 0; i < 49; i++) {
        act(id, "switch", NULL);
    }
    await_trail(id, 51);
    EXPECT(now_us() - since_us < 15000000);
    EXPECT_INT(redis_int("XLEN audit"), 100);
    redis_peek("DEL audit:failed");
    EVENTUALLY(redis_int("XLEN audit:failed") == 100);
    EVENTUALLY(redis_int("XLEN audit") == 0);
}

/* --- sizes -------------------------------------------------------------------------------------------------------- */

static bool has_reading(const char *status, int64_t value)
{
    const struct answer *metrics = call("GET", "/metrics", NULL);
    return metrics->text && strstr(metrics->text, kept_text("synckairos_db_write_queue_size{status=\"%s\"} %lld\n",
                                                            status, (long long)value)) != NULL;
}

static void postgres_again(void *unused)
{
    (void)unused;
    if (!process_alive(stack.postgres)) {
        stack_start_postgres();
    }
}

static void without_postgres(void)
{
    static int token;
    keep(&token, postgres_again);
    stack_stop_postgres();
}

static void every_event_is_counted_where_it_is(void)
{
    const char *const one[] = {"AUDIT_BATCH=1", "AUDIT_CLAIM_S=1", NULL};
    const char *id = fresh_id("sizes");
    without_worker();
    redis_peek("DEL audit:written");
    create_running(id, CHESS);
    EXPECT(has_reading("waiting", 2));
    EXPECT(has_reading("completed", 0));
    worker(one);
    await_trail(id, 2);
    EVENTUALLY(has_reading("completed", 2));
    EXPECT(has_reading("waiting", 0) && has_reading("active", 0) && has_reading("delayed", 0));

    without_postgres();
    for (int i = 0; i < 5; i++) {
        act(id, "switch", NULL);
    }
    EVENTUALLY(has_reading("waiting", 4) && has_reading("delayed", 1) && has_reading("active", 0));
    struct process *away = subcommand(1, "status", NULL, NULL);
    EXPECT(process_logged(away, "waiting    4\nactive     0\ncompleted  2\nfailed     0\ndelayed    1\n"));
    EXPECT(process_logged(away, "postgres   unavailable") && process_logged(away, "redis      ok"));
    EVENTUALLY(process_logged(stack.audit, "\"wait_ms\":4000"));
    EXPECT(process_logged(stack.audit, "\"wait_ms\":2000"));
    /* Its claims are its own for all that time. */
    EXPECT_BETWEEN(redis_int("EVAL %s 1 audit", "local p = redis.call('XPENDING',KEYS[1],'audit-writers','-','+',1) "
                                                "return p[1] and p[1][3] or -1"),
                   0, 999);
    stack_start_postgres();
    await_trail(id, 7);
    EVENTUALLY(has_reading("completed", 7) && has_reading("delayed", 0) && has_reading("waiting", 0));
    EXPECT_INT(redis_int("EXISTS audit:delayed"), 0);
    struct process *there = subcommand(0, "status", "--json", NULL);
    EXPECT(process_logged(there,
                          "{\"waiting\":0,\"active\":0,\"completed\":7,\"failed\":0,\"delayed\":0,\"oldest_ms\":0,"
                          "\"redis\":\"ok\",\"postgres\":\"ok\"}"));
}

static void status_says_that_redis_is_away(void)
{
    const char *const argv[] = {kept_text("%s/synckairos-audit", stack.build), "status", "--json", NULL};
    const char *const env[] = {kept_text("REDIS_URL=redis://127.0.0.1:%d/0", free_port()), NULL};
    struct process *process = process_start(&(struct process_spec){.name = "status", .argv = argv, .env = env});
    EXPECT_INT(process_wait(process), 1);
    EXPECT(process_logged(process, "{\"waiting\":null,"));
    EXPECT(process_logged(process, "\"redis\":\"unavailable\",\"postgres\":\"ok\"}"));
}

static void what_a_full_redis_puts_off_is_delayed(void)
{
    without_worker();
    redis_peek("XADD audit * nothing useful");
    redis_peek("CONFIG SET maxmemory 1");
    worker(NULL);
    EVENTUALLY(has_reading("delayed", 1) && has_reading("active", 0));
    redis_peek("CONFIG SET maxmemory 0");
    EVENTUALLY(redis_int("XLEN audit:failed") == 1);
    EVENTUALLY(has_reading("delayed", 0));
    EVENTUALLY(redis_int("EXISTS audit:delayed") == 0);
}

/* --- what is gone, and what is no event ----------------------------------------------------------------------------
 */

static void entries_cut_off_the_stream_stay_in_nobodys_hands(void)
{
    const char *const quick[] = {"AUDIT_BATCH=2", "AUDIT_CLAIM_S=1", NULL};
    const char *id = fresh_id("cut");
    without_worker();
    create_running(id, CHESS);
    for (int i = 0; i < 4; i++) {
        act(id, "switch", NULL);
    }
    redis_peek("XREADGROUP GROUP audit-writers dead COUNT 5 STREAMS audit >");
    EXPECT_INT(pending(), 5);
    redis_peek("XTRIM audit MAXLEN 2");
    worker(quick);
    EVENTUALLY(pending() == 0);
    EVENTUALLY(redis_int("XLEN audit") == 0);
    EXPECT_INT(sql_int("SELECT min(version) FROM sync_events WHERE session_id = '%s'", id), 5);
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id), 2);
    forget_trail(id);
}

/* In the hands of a living worker they fill its list from the front, and hide what it can still write. */
static void entries_cut_off_the_stream_hide_nothing_from_their_worker(void)
{
    static const char hand_over[] =
        "local n = 0 "
        "for _, c in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], 'audit-writers')) do "
        "  if string.find(c[2], ARGV[1], 1, true) then "
        "    redis.call('XREADGROUP', 'GROUP', 'audit-writers', c[2], 'STREAMS', KEYS[1], '>') "
        "    n = n + 1 "
        "  end "
        "end "
        "redis.call('XTRIM', KEYS[1], 'MAXLEN', 2) "
        "return n";
    const char *const patient[] = {"AUDIT_BATCH=2", "AUDIT_CLAIM_S=3600", NULL};
    const char *id = fresh_id("hidden");
    without_worker();
    worker(patient);
    create(id, CHESS);
    await_trail(id, 1);
    EVENTUALLY(redis_int("XLEN audit") == 0);
    process_signal(stack.audit, SIGSTOP);
    act(id, "start", NULL);
    for (int i = 0; i < 6; i++) {
        act(id, "switch", NULL);
    }
    EXPECT_INT(redis_int("EVAL %s 1 audit %s", hand_over, kept_text(":%ld:", (long)process_pid(stack.audit))), 1);
    EXPECT_INT(pending(), 7);
    redis_peek("CLIENT KILL TYPE normal SKIPME yes");
    process_signal(stack.audit, SIGCONT);
    EVENTUALLY(redis_int("XLEN audit") == 0);
    EVENTUALLY(pending() == 0);
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s' AND version IN (1, 7, 8)", id), 3);
    forget_trail(id);
}

static void a_lost_group_is_made_again_from_the_beginning(void)
{
    const char *id = fresh_id("group");
    without_worker();
    create_running(id, CHESS);
    redis_peek("XREADGROUP GROUP audit-writers dead COUNT 1 STREAMS audit >");
    redis_peek("XGROUP DESTROY audit audit-writers");
    worker(NULL);
    await_trail(id, 2);
    redis_peek("XGROUP DESTROY audit audit-writers");
    act(id, "switch", NULL);
    await_trail(id, 3);
    EVENTUALLY(redis_int("XLEN audit") == 0);
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id), 3);
}

static void a_request_is_no_event_and_is_served_once(void)
{
    const char *id = fresh_id("request");
    without_worker();
    redis_peek("DEL audit:written");
    redis_peek("XADD audit * recovery_wanted nobody-knows-this-one");
    create(id, CHESS);
    redis_peek("XADD audit * recovery_wanted nobody-knows-that-one");
    worker(NULL);
    await_trail(id, 1);
    EVENTUALLY(redis_int("XLEN audit") == 0);
    EXPECT_INT(pending(), 0);
    EXPECT_INT(redis_int("XLEN audit:failed"), 0);
    EXPECT(has_reading("completed", 1));
}

/* --- alerts ------------------------------------------------------------------------------------------------------- */

static void add_nonsense(int count)
{
    for (int i = 0; i < count; i++) {
        redis_peek("XADD audit * nothing useful-%d", i);
    }
}

static void an_event_set_aside_is_told_of_at_once_and_the_rest_later(void)
{
    struct webhook *webhook = webhook_start(WEBHOOK_TAKES);
    const char *const env[] = {kept_text("ALERT_WEBHOOK_URL=%s", webhook_url(webhook)), "AUDIT_ERROR_FAILED=2", NULL};
    json_t *told;
    without_worker();
    worker(env);
    add_nonsense(1);
    EVENTUALLY(webhook_told(webhook, "audit_event_failed", &told) == 1);
    EXPECT_TEXT(text_at(told, "service"), "synckairos");
    EXPECT_TEXT(text_at(told, "details.error"), "the field event_id is missing");
    EXPECT(strcmp(text_at(told, "details.stream_id"), "(nothing)") != 0);
    EXPECT(strcmp(text_at(told, "host"), "(nothing)") != 0 && strcmp(text_at(told, "text"), "(nothing)") != 0);
    EXPECT_BETWEEN(instant_at(told, "time"), wall_ms() - PATIENCE_MS, wall_ms());
    EXPECT_INT(int_at(told, "details.left_out"), NOWHERE);
    add_nonsense(4);
    EVENTUALLY(redis_int("XLEN audit:failed") == 5);
    EVENTUALLY(webhook_told(webhook, "audit_failed_many", &told) == 1);
    EXPECT_INT(int_at(told, "details.failed"), 5);
    EXPECT_INT(int_at(told, "details.limit"), 2);
    EXPECT(process_logged(stack.audit, "many audit events were set aside"));
    EXPECT_INT((int64_t)webhook_told(webhook, "audit_event_failed", NULL), 1);
    process_stop(stack.audit);
    EXPECT_INT((int64_t)webhook_told(webhook, "audit_event_failed", &told), 2);
    EXPECT_INT(int_at(told, "details.left_out"), 3);
    EXPECT(!process_logged(stack.audit, "secret-path"));
}

static void a_backlog_is_warned_of_once(void)
{
    struct webhook *webhook = webhook_start(WEBHOOK_TAKES);
    const char *const env[] = {kept_text("ALERT_WEBHOOK_URL=%s", webhook_url(webhook)), "AUDIT_BATCH=1",
                               "AUDIT_WARN_WAITING=5", "AUDIT_MAX_BACKLOG=8", NULL};
    const char *id = fresh_id("backlog");
    json_t *told;
    without_worker();
    without_postgres();
    create_running(id, CHESS);
    for (int i = 0; i < 10; i++) {
        act(id, "switch", NULL);
    }
    worker(env);
    EVENTUALLY(webhook_told(webhook, "audit_backlog", &told) == 1);
    EXPECT_BETWEEN(int_at(told, "details.waiting"), 11, 12);
    EVENTUALLY(webhook_told(webhook, "audit_dropping", NULL) == 1);
    EXPECT(process_logged(stack.audit, "many audit events wait for PostgreSQL"));
    EXPECT(process_logged(stack.audit, "the oldest audit events are being lost"));
    stack_start_postgres();
    await_trail(id, 12);
    EVENTUALLY(process_logged(stack.audit, "the audit queue is short again"));
    EXPECT_INT((int64_t)process_log_count(stack.audit, "many audit events wait for PostgreSQL"), 1);
}

/* Neither its silence nor its refusals are the drain's business; its address is nobody's. */
static void a_receiver_that_never_answers_holds_up_nothing(void)
{
    static const enum webhook_manner manners[] = {WEBHOOK_IS_MUTE, WEBHOOK_REFUSES, WEBHOOK_REDIRECTS};
    without_worker();
    for (size_t i = 0; i < sizeof(manners) / sizeof(*manners); i++) {
        struct webhook *webhook = webhook_start(manners[i]);
        const char *const env[] = {kept_text("ALERT_WEBHOOK_URL=%s", webhook_url(webhook)), NULL};
        const char *id = fresh_id("mute");
        worker(env);
        add_nonsense(3);
        create_running(id, CHESS);
        EVENTUALLY(webhook_count(webhook) > 0);
        const int64_t since_us = now_us();
        act(id, "switch", NULL);
        await_trail(id, 3);
        EXPECT(now_us() - since_us < 1500000);
        if (manners[i] != WEBHOOK_IS_MUTE) {
            EVENTUALLY(webhook_count(webhook) >= 3);
            EVENTUALLY(process_logged(stack.audit, "an alert could not be sent"));
        }
        const int64_t stop_us = now_us();
        process_stop(stack.audit);
        EXPECT(now_us() - stop_us < 3000000);
        EXPECT(process_logged(stack.audit, "an alert could not be sent"));
        EXPECT(!process_logged(stack.audit, "secret-path"));
    }
}

/* The status has said all that there is to know. */
static void a_receiver_whose_answer_never_ends_has_taken_the_alert(void)
{
    struct webhook *webhook = webhook_start(WEBHOOK_GOES_ON);
    const char *const env[] = {kept_text("ALERT_WEBHOOK_URL=%s", webhook_url(webhook)), "LOG_LEVEL=debug", NULL};
    without_worker();
    worker(env);
    add_nonsense(1);
    EVENTUALLY(process_logged(stack.audit, "an alert was sent"));
    process_stop(stack.audit);
    EXPECT_INT((int64_t)webhook_count(webhook), 1);
    EXPECT(!process_logged(stack.audit, "an alert could not be sent"));
}

CU_TestInfo dead_letter_tests[] = {
    {"poisoned entries end aside and their neighbours in PostgreSQL",
     poisoned_entries_end_aside_and_their_neighbours_in_postgres},
    {"an entry of too many fields is set aside, too", an_entry_of_too_many_fields_is_set_aside_too},
    {"what was set aside is listed and put back", what_was_set_aside_is_listed_and_put_back},
    {"an event that PostgreSQL chokes on holds up nobody", an_event_that_postgres_chokes_on_holds_up_nobody},
    {"another unique key refuses its event and no other", another_unique_key_refuses_its_event_and_no_other},
    {"a batch that takes too long is written in parts", a_batch_that_takes_too_long_is_written_in_parts},
    {"a clash of transactions is no outage", a_clash_of_transactions_is_no_outage},
    {"another event under a known id is set aside", another_event_under_a_known_id_is_set_aside},
    {"entries that wait for room keep nothing new out", entries_that_wait_for_room_keep_nothing_new_out},
    {"every event is counted where it is", every_event_is_counted_where_it_is},
    {"status says that Redis is away", status_says_that_redis_is_away},
    {"what a full Redis puts off is delayed", what_a_full_redis_puts_off_is_delayed},
    {"entries cut off the stream stay in nobody's hands", entries_cut_off_the_stream_stay_in_nobodys_hands},
    {"entries cut off the stream hide nothing from their worker",
     entries_cut_off_the_stream_hide_nothing_from_their_worker},
    {"a lost group is made again from the beginning", a_lost_group_is_made_again_from_the_beginning},
    {"a request is no event and is served once", a_request_is_no_event_and_is_served_once},
    {"an event set aside is told of at once, and the rest later",
     an_event_set_aside_is_told_of_at_once_and_the_rest_later},
    {"a backlog is warned of once", a_backlog_is_warned_of_once},
    {"a receiver that never answers holds up nothing", a_receiver_that_never_answers_holds_up_nothing},
    {"a receiver whose answer never ends has taken the alert", a_receiver_whose_answer_never_ends_has_taken_the_alert},
    CU_TEST_INFO_NULL,
};
