/* PostgreSQL that fails on an event or a batch without saying that it is the data's fault: it chokes, a key is taken,
 * it is slow, transactions clash. Nobody else's event waits for that. */
#include "tests/integration/entry.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/worker.h"

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

/* PostgreSQL does not say that it is the data's fault, and means it all the same. */
static void an_event_that_postgres_chokes_on_holds_up_nobody(void)
{
    const char *id = fresh_id("choke");
    without_worker();
    make_trouble("IF EXISTS (SELECT FROM added WHERE version = 3) THEN "
                 "RAISE 'invalid memory alloc request size' USING ERRCODE = 'XX000'; END IF;");
    create_running(id, CHESS);
    play_on(id, 6);
    worker_start(NULL);
    EVENTUALLY(redis_int("XLEN audit:failed") == 1);
    await_drained();
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
    entry_newest(&twice);
    entry_make_other(&twice, id);
    entry_add(&twice, ENTRY_FIELDS);
    act(id, "switch", NULL);
    static int token;
    keep(&token, remove_trouble);
    sql_text("CREATE UNIQUE INDEX one_of_a_kind ON sync_events (session_id, version) WHERE session_id = '%s'; SELECT 1",
             id);
    worker_start(NULL);
    EVENTUALLY(redis_int("XLEN audit:failed") == 1);
    await_drained();
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
    worker_start(NULL);
    await_trail(id, 40);
    await_drained();
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
    worker_start(NULL);
    await_trail(id, 2);
    await_drained();
    EXPECT(sql_int("SELECT last_value FROM troubles") >= 4);
    EXPECT(!process_logged(stack.audit, "cannot be had"));
}

CU_TestInfo trouble_tests[] = {
    {"an event that PostgreSQL chokes on holds up nobody", an_event_that_postgres_chokes_on_holds_up_nobody},
    {"another unique key refuses its event and no other", another_unique_key_refuses_its_event_and_no_other},
    {"a batch that takes too long is written in parts", a_batch_that_takes_too_long_is_written_in_parts},
    {"a clash of transactions is no outage", a_clash_of_transactions_is_no_outage},
    CU_TEST_INFO_NULL,
};
