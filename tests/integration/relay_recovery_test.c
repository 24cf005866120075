/* Sessions that Redis lost, as WebSocket clients see them: asked of PostgreSQL through the audit stream. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CROWD 50
#define PATIENT_MS 4900 /* a client that is sent away to come later was kept waiting for about so long, at least */

/* --- steps ------------------------------------------------------------------------------------------------------ */

static bool in_redis(const char *id)
{
    return redis_int("EXISTS %s", kept_text("session:%s", id)) == 1;
}

/* Takes a session out of Redis as if it had never been there, once all of it is in PostgreSQL. */
static void lose(const char *id, int64_t version)
{
    await_trail(id, version);
    await_drained();
    redis_peek("DEL %s", kept_text("session:%s", id));
    redis_peek("ZREM timers %s", id);
    redis_peek("ZREM sessions:running %s", id);
    EXPECT(!in_redis(id));
}

static const char *lost_running(const char *story)
{
    const char *id = running(story);
    lose(id, 2);
    return id;
}

static struct ws_client *connect_to(const char *id)
{
    struct ws_client *client = ws_open(stack.relay_ports[0], kept_text("/ws?sessionId=%s", id));
    REQUIRE(client != NULL);
    return client;
}

static void expect_refused(const char *id, int code)
{
    struct ws_client *client = connect_to(id);
    EXPECT_INT(ws_close_code(client), code);
    EXPECT_INT((int64_t)ws_count(client), 0);
}

/* Sent away, to come later, after all that it could wait for. */
static void expect_later(const char *id)
{
    const int64_t since = now_us();
    expect_refused(id, 4013);
    EXPECT_BETWEEN((now_us() - since) / 1000, PATIENT_MS, PATIENCE_MS);
}

/* How many entries of the stream ask for the session. */
static int64_t requests_for(const char *id)
{
    const redisReply *entries = redis_peek("XRANGE audit - +");
    int64_t number = 0;
    for (size_t i = 0; entries && entries->type == REDIS_REPLY_ARRAY && i < entries->elements; i++) {
        const redisReply *fields = entries->element[i]->element[1];
        number += fields->elements == 2 && strcmp(fields->element[0]->str, "recovery_wanted") == 0 &&
                  strcmp(fields->element[1]->str, id) == 0;
    }
    return number;
}

static void reconnect(struct ws_client *client, int64_t version)
{
    ws_send(client, json_quoted(kept_text("{'type':'RECONNECT','last_known_version':%lld}", (long long)version)));
}

/* --- sessions that come back ------------------------------------------------------------------------------------ */

static void a_lost_session_comes_back_to_who_connects(void)
{
    const char *id = fresh_id("lost");
    create_running(id, CHESS);
    json_t *before = look(id)->body;
    lose(id, 2);
    json_t *sync = EXPECT_OPENING(connect_to(id));
    EXPECT_TEXT(text_at(sync, "payload.status"), "running");
    EXPECT_INT(int_at(sync, "payload.version"), 3);
    EXPECT(is_true_at(sync, "payload.metadata.recovered"));
    EXPECT_INT(int_at(sync, "payload.clock.started_at_ms"), int_at(before, "data.clock.started_at_ms"));
    EXPECT_INT(int_at(sync, "payload.clock.deadline_at_ms"), int_at(before, "data.clock.deadline_at_ms"));
    EXPECT_INT(int_at(sync, "payload.clock.time_remaining_ms"),
               int_at(before, "data.clock.deadline_at_ms") - int_at(sync, "timestamp"));
    EXPECT(in_redis(id));
    EXPECT(redis_peek("ZSCORE timers %s", id)->type == REDIS_REPLY_STRING);
    EXPECT(process_logged(stack.audit, "session recovered for a relay"));
}

static void what_ran_out_meanwhile_is_settled(void)
{
    const char *ended = fresh_id("flag");
    const char *advanced = fresh_id("turns");
    create_running(ended, "'sync_mode':'count_up','max_time_ms':1000");
    create_running(advanced,
                   "'sync_mode':'per_cycle','time_per_cycle_ms':1000,'auto_advance':true,'participants':["
                   "{'participant_id':'a','participant_index':0},{'participant_id':'b','participant_index':1}]");
    const int64_t deadline = int_at(look(ended)->body, "data.clock.deadline_at_ms");
    const int64_t first = int_at(look(advanced)->body, "data.clock.started_at_ms");
    await_trail(ended, 2);
    await_trail(advanced, 2);
    process_stop(stack.timekeeper); /* else it may settle them between here and there */
    redis_peek("DEL %s %s", kept_text("session:%s", ended), kept_text("session:%s", advanced));
    redis_peek("ZREM timers %s %s", ended, advanced);
    EVENTUALLY(wall_ms() > deadline + 1500);
    json_t *sync = EXPECT_OPENING(connect_to(ended));
    EXPECT_TEXT(text_at(sync, "payload.status"), "expired");
    EXPECT_INT(instant_at(sync, "payload.session_completed_at"), deadline);

    sync = EXPECT_OPENING(connect_to(advanced));
    EXPECT_TEXT(text_at(sync, "payload.status"), "running");
    EXPECT_INT((int_at(sync, "payload.clock.started_at_ms") - first) % 1000, 0);
    EXPECT_BETWEEN(int_at(sync, "timestamp") - int_at(sync, "payload.clock.started_at_ms"), 0, 999);
    EXPECT(redis_peek("ZSCORE timers %s", advanced)->type == REDIS_REPLY_STRING);
    stack.timekeeper = stack_program("timekeeper", NULL);
    EXPECT_STATUS(delete_session(advanced), 204);
}

static void an_ended_session_is_shown_and_not_written_back(void)
{
    const char *id = fresh_id("over");
    create_running(id, CHESS);
    EXPECT_STATUS(act(id, "complete", NULL), 200);
    lose(id, 3);
    struct ws_client *client = connect_to(id);
    reconnect(client, 2); /* before the first frame: it is answered behind them */
    json_t *sync = EXPECT_OPENING(client);
    EXPECT_TEXT(text_at(sync, "payload.status"), "completed");
    EXPECT_INT(int_at(sync, "payload.version"), 3);
    EXPECT_INT(int_at(EXPECT_FRAME(client, "RECONNECT_ACK"), "payload.version"), 3);
    EXPECT_FRAME(client, "STATE_SYNC");

    /* Whoever comes next, and whoever asks, is answered at once, and not after the next asking. */
    const int64_t since = now_us();
    EXPECT_OPENING(connect_to(id));
    reconnect(client, 3);
    EXPECT(is_true_at(EXPECT_FRAME(client, "RECONNECT_ACK"), "payload.up_to_date"));
    EXPECT_BETWEEN((now_us() - since) / 1000, 0, 3000);
    EXPECT(!in_redis(id));
}

/* The old end must not follow the new beginning. */
static void an_ended_session_whose_id_is_used_again_is_the_new_one(void)
{
    const char *id = fresh_id("again");
    create_running(id, CHESS);
    EXPECT_STATUS(act(id, "complete", NULL), 200);
    lose(id, 3);
    struct ws_client *client = connect_to(id);
    EXPECT_OPENING(client);
    create(id, CHESS);
    EXPECT_UPDATE(client, 1);
    struct ws_client *late = watch(id, stack.relay_ports[0]);
    EXPECT_INT(version_seen(late), 1);
}

static void a_client_that_was_here_is_told_on_reconnect(void)
{
    const char *id = fresh_id("reconnect");
    create_running(id, CHESS);
    struct ws_client *client = watch(id, stack.relay_ports[1]);
    lose(id, 2);
    reconnect(client, 2);
    json_t *ack = EXPECT_FRAME(client, "RECONNECT_ACK");
    EXPECT(json_is_false(json_at(ack, "payload.up_to_date")));
    EXPECT_INT(int_at(EXPECT_FRAME(client, "STATE_SYNC"), "payload.version"), 3);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EXPECT_UPDATE(client, 4);
}

static void a_crowd_asks_once(void)
{
    const char *id = lost_running("crowd");
    struct ws_client *clients[CROWD];
    without_worker();
    for (size_t i = 0; i < CROWD; i++) {
        clients[i] = connect_to(id);
    }
    EVENTUALLY(requests_for(id) > 0);
    ws_leave(connect_to(id));
    EXPECT_INT(requests_for(id), 1);
    worker_start(NULL);
    for (size_t i = 0; i < CROWD; i++) {
        EXPECT_INT(int_at(EXPECT_OPENING(clients[i]), "payload.version"), 3);
    }
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    for (size_t i = 0; i < CROWD; i++) {
        EXPECT_UPDATE(clients[i], 4);
    }
    await_trail(id, 4);
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s' AND type = 'session_recovered'", id),
               1);
}

static void redis_comes_back_empty_under_connected_clients(void)
{
    const char *ids[] = {fresh_id("emptied"), fresh_id("emptied"), fresh_id("emptied")};
    const size_t count = sizeof(ids) / sizeof(*ids);
    struct ws_client *clients[sizeof(ids) / sizeof(*ids)];
    int64_t deadlines[sizeof(ids) / sizeof(*ids)];
    for (size_t i = 0; i < count; i++) {
        create_running(ids[i], CHESS);
        clients[i] = watch(ids[i], stack.relay_ports[i % RELAYS]);
        deadlines[i] = int_at(look(ids[i])->body, "data.clock.deadline_at_ms");
        await_trail(ids[i], 2);
    }
    await_drained();
    redis_peek("FLUSHALL");
    stack_stop_redis();
    stack_start_redis();
    for (size_t i = 0; i < count; i++) {
        json_t *sync = EXPECT_FRAME(clients[i], "STATE_SYNC");
        EXPECT_INT(int_at(sync, "payload.version"), 3);
        EXPECT_INT(int_at(sync, "payload.clock.deadline_at_ms"), deadlines[i]);
        EXPECT_STATUS(act(ids[i], "switch", NULL), 200);
        EXPECT_UPDATE(clients[i], 4);
    }
}

/* --- sessions that there are not -------------------------------------------------------------------------------- */

static void an_unknown_id_is_4004_once_postgresql_said_so(void)
{
    const char *id = fresh_id("nobody");
    expect_refused(id, 4004);
    EXPECT_INT(redis_int("EXISTS %s", kept_text("unknown:%s", id)), 1);
    without_worker();
    expect_refused(id, 4004); /* that is remembered, and nobody is asked */
    EXPECT_INT(requests_for(id), 0);
    worker_start(NULL);
}

static void a_deleted_session_stays_deleted(void)
{
    const char *id = fresh_id("deleted");
    create_running(id, CHESS);
    EXPECT_STATUS(delete_session(id), 204);
    lose(id, 3);
    expect_refused(id, 4004);
}

static void a_deletion_that_postgresql_has_not_heard_of_counts(void)
{
    const char *id = fresh_id("unheard");
    create_running(id, CHESS);
    await_trail(id, 2);
    without_worker();
    EXPECT_STATUS(delete_session(id), 204);
    redis_peek("DEL %s", kept_text("session:%s", id));
    expect_later(id);
    worker_start(NULL);
    await_drained();
    expect_refused(id, 4004);
    EXPECT(!in_redis(id));
}

/* --- nobody who could say --------------------------------------------------------------------------------------- */

/* Connects until the session is there: those who come while the worker still waits for PostgreSQL are sent away. */
static bool comes_back(const char *id)
{
    struct ws_client *client = connect_to(id);
    return ws_next(client) != NULL;
}

static void without_postgresql_nobody_is_told_that_there_is_no_session(void)
{
    const char *id = fresh_id("archive-away");
    create_running(id, CHESS);
    struct ws_client *earlier = watch(id, stack.relay_ports[1]);
    lose(id, 2);
    without_postgres();
    reconnect(earlier, 2);
    expect_later(id);
    expect_later(fresh_id("nobody"));
    EXPECT_INT(ws_close_code(earlier), 4013);
    EXPECT_INT((int64_t)frames_of(earlier, "ERROR"), 0);
    stack_start_postgres();
    EVENTUALLY(comes_back(id));
}

static void without_a_worker_nobody_is_told_that_there_is_no_session(void)
{
    const char *id = lost_running("worker-away");
    without_worker();
    expect_later(id);
    EXPECT_BETWEEN(requests_for(id), 1, 2);
    for (int i = 0; i < 20; i++) { /* the asking outlives who asked */
        ws_leave(connect_to(id));
    }
    EXPECT_BETWEEN(requests_for(id), 1, 2);
    worker_start(NULL);
    await_drained();
    EVENTUALLY(comes_back(id));
}

/* Where Redis takes no asking, that is tried again, and those who wait profit. */
static void an_asking_that_redis_does_not_take_does_not_count(void)
{
    const char *id = lost_running("full");
    redis_peek("CONFIG RESETSTAT");
    without_room();
    struct ws_client *client = connect_to(id);
    EVENTUALLY(strstr(redis_peek("INFO errorstats")->str, "errorstat_OOM") != NULL);
    make_room();
    EXPECT_OPENING(client);
}

/* --- entries that are none --------------------------------------------------------------------------------------- */

static void what_is_no_id_is_dropped(void)
{
    const int64_t failed = redis_int("XLEN audit:failed");
    redis_peek("XADD audit * recovery_wanted %s", "no id");
    redis_peek("XADD audit * recovery_wanted %s", "");
    EVENTUALLY(process_log_count(stack.audit, "what is no session id") >= 2);
    await_drained();
    EXPECT_INT(redis_int("XLEN audit:failed"), failed);
}

static void nobody_waits_for_an_old_request(void)
{
    const char *id = lost_running("late");
    const char *fresh = lost_running("prompt");
    without_worker();
    redis_peek("DEL audit"); /* so that an old entry may be added */
    redis_peek("XADD audit %s recovery_wanted %s", kept_text("%lld-0", (long long)redis_now_ms() - 11000), id);
    redis_peek("XADD audit * recovery_wanted %s", fresh);
    worker_start(NULL);
    EVENTUALLY(in_redis(fresh));
    await_drained();
    EXPECT(!in_redis(id));
}

CU_TestInfo relay_recovery_tests[] = {
    {"a lost session comes back to who connects", a_lost_session_comes_back_to_who_connects},
    {"what ran out meanwhile is settled", what_ran_out_meanwhile_is_settled},
    {"an ended session is shown, and not written back", an_ended_session_is_shown_and_not_written_back},
    {"an ended session whose id is used again is the new one", an_ended_session_whose_id_is_used_again_is_the_new_one},
    {"a client that was here is told on RECONNECT", a_client_that_was_here_is_told_on_reconnect},
    {"a crowd asks once", a_crowd_asks_once},
    {"an unknown id is 4004 once PostgreSQL said so", an_unknown_id_is_4004_once_postgresql_said_so},
    {"a deleted session stays deleted", a_deleted_session_stays_deleted},
    {"a deletion that PostgreSQL has not heard of counts", a_deletion_that_postgresql_has_not_heard_of_counts},
    {"without PostgreSQL nobody is told that there is no session",
     without_postgresql_nobody_is_told_that_there_is_no_session},
    {"without a worker nobody is told that there is no session",
     without_a_worker_nobody_is_told_that_there_is_no_session},
    {"an asking that Redis does not take does not count", an_asking_that_redis_does_not_take_does_not_count},
    {"what is no id is dropped", what_is_no_id_is_dropped},
    {"nobody waits for an old request", nobody_waits_for_an_old_request},
    {"Redis comes back empty under connected clients", redis_comes_back_empty_under_connected_clients},
    CU_TEST_INFO_NULL,
};
