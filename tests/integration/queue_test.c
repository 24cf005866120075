/* The queue of audit events as it is counted and kept: its sizes, entries that find no room, that were cut off, or that
 * are no events. */
#include "tests/integration/entry.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/worker.h"

#include <signal.h>
#include <string.h>

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
    entry_newest(&bad);
    entry_change(&bad, "metadata", "[1", 2);
    for (int i = 0; i < 100; i++) {
        entry_make_other(&bad, "nobody-there");
        entry_add(&bad, ENTRY_FIELDS);
    }
    worker_start(quick);
    EVENTUALLY(worker_pending() >= 100);
    /* Until some are taken up once more, because nobody seems to be at work on them. */
    EVENTUALLY(process_logged(stack.audit, "took over what another worker left"));
    const int64_t since_us = now_us();
    act(id, "start", NULL);
    play_on(id, 49);
    await_trail(id, 51);
    EXPECT(now_us() - since_us < 15000000);
    EXPECT_INT(redis_int("XLEN audit"), 100);
    redis_peek("DEL audit:failed");
    EVENTUALLY(redis_int("XLEN audit:failed") == 100);
    await_drained();
}

/* --- sizes -------------------------------------------------------------------------------------------------------- */

static bool has_reading(const char *status, int64_t value)
{
    const struct answer *metrics = call("GET", "/metrics", NULL);
    return metrics->text && strstr(metrics->text, kept_text("synckairos_db_write_queue_size{status=\"%s\"} %lld\n",
                                                            status, (long long)value)) != NULL;
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
    worker_start(one);
    await_trail(id, 2);
    EVENTUALLY(has_reading("completed", 2));
    EXPECT(has_reading("waiting", 0) && has_reading("active", 0) && has_reading("delayed", 0));

    without_postgres();
    play_on(id, 5);
    EVENTUALLY(has_reading("waiting", 4) && has_reading("delayed", 1) && has_reading("active", 0));
    struct process *away = subcommand(1, WORDS("status"));
    EXPECT(process_logged(away, "waiting    4\nactive     0\ncompleted  2\nfailed     0\ndelayed    1\n"));
    EXPECT(process_logged(away, "postgres   unavailable") && process_logged(away, "redis      ok"));
    EVENTUALLY(process_logged(stack.audit, "\"wait_ms\":4000"));
    EXPECT(process_logged(stack.audit, "\"wait_ms\":2000"));
    /* Its claims are its own for all that time. */
    EXPECT_BETWEEN(worker_idle_ms(), 0, 999);
    stack_start_postgres();
    await_trail(id, 7);
    EVENTUALLY(has_reading("completed", 7) && has_reading("delayed", 0) && has_reading("waiting", 0));
    EXPECT_INT(redis_int("EXISTS audit:delayed"), 0);
    struct process *there = subcommand(0, WORDS("status", "--json"));
    EXPECT(process_logged(there,
                          "{\"waiting\":0,\"active\":0,\"completed\":7,\"failed\":0,\"delayed\":0,\"oldest_ms\":0,"
                          "\"redis\":\"ok\",\"postgres\":\"ok\"}"));
}

static void status_says_that_redis_is_away(void)
{
    const char *const env[] = {kept_text("REDIS_URL=redis://127.0.0.1:%d/0", free_port()), NULL};
    struct process *process = subcommand_start(env, WORDS("status", "--json"));
    EXPECT_INT(process_wait(process), 1);
    EXPECT(process_logged(process, "{\"waiting\":null,"));
    EXPECT(process_logged(process, "\"redis\":\"unavailable\",\"postgres\":\"ok\"}"));
}

static void what_a_full_redis_puts_off_is_delayed(void)
{
    without_worker();
    redis_peek("XADD audit * nothing useful");
    without_room();
    worker_start(NULL);
    EVENTUALLY(has_reading("delayed", 1) && has_reading("active", 0));
    make_room();
    EVENTUALLY(redis_int("XLEN audit:failed") == 1);
    EVENTUALLY(has_reading("delayed", 0));
    EVENTUALLY(redis_int("EXISTS audit:delayed") == 0);
}

/* --- what is gone, and what is no event --------------------------------------------------------------------------- */

static void entries_cut_off_the_stream_stay_in_nobodys_hands(void)
{
    const char *const quick[] = {"AUDIT_BATCH=2", "AUDIT_CLAIM_S=1", NULL};
    const char *id = fresh_id("cut");
    without_worker();
    create_running(id, CHESS);
    play_on(id, 4);
    redis_peek("XREADGROUP GROUP audit-writers dead COUNT 5 STREAMS audit >");
    EXPECT_INT(worker_pending(), 5);
    redis_peek("XTRIM audit MAXLEN 2");
    worker_start(quick);
    EVENTUALLY(worker_pending() == 0);
    await_drained();
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
    worker_start(patient);
    create(id, CHESS);
    await_trail(id, 1);
    await_drained();
    process_signal(stack.audit, SIGSTOP);
    act(id, "start", NULL);
    play_on(id, 6);
    EXPECT_INT(redis_int("EVAL %s 1 audit %s", hand_over, kept_text(":%ld:", (long)process_pid(stack.audit))), 1);
    EXPECT_INT(worker_pending(), 7);
    redis_peek("CLIENT KILL TYPE normal SKIPME yes");
    process_signal(stack.audit, SIGCONT);
    await_drained();
    EVENTUALLY(worker_pending() == 0);
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
    worker_start(NULL);
    await_trail(id, 2);
    redis_peek("XGROUP DESTROY audit audit-writers");
    act(id, "switch", NULL);
    await_trail(id, 3);
    await_drained();
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
    worker_start(NULL);
    await_trail(id, 1);
    await_drained();
    EXPECT_INT(worker_pending(), 0);
    EXPECT_INT(redis_int("XLEN audit:failed"), 0);
    EXPECT(has_reading("completed", 1));
}

CU_TestInfo queue_tests[] = {
    {"entries that wait for room keep nothing new out", entries_that_wait_for_room_keep_nothing_new_out},
    {"every event is counted where it is", every_event_is_counted_where_it_is},
    {"status says that Redis is away", status_says_that_redis_is_away},
    {"what a full Redis puts off is delayed", what_a_full_redis_puts_off_is_delayed},
    {"entries cut off the stream stay in nobody's hands", entries_cut_off_the_stream_stay_in_nobodys_hands},
    {"entries cut off the stream hide nothing from their worker",
     entries_cut_off_the_stream_hide_nothing_from_their_worker},
    {"a lost group is made again from the beginning", a_lost_group_is_made_again_from_the_beginning},
    {"a request is no event and is served once", a_request_is_no_event_and_is_served_once},
    CU_TEST_INFO_NULL,
};
