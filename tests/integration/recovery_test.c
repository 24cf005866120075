/* Sessions that Redis lost: back with their first request, with the right time left, and never against PostgreSQL's
 * word. Redis is emptied here, so nobody else may be at work in it. */
#include "tests/integration/redis_proxy.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/worker.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 1000
#define AT_ONCE 20

/* Redis forgets everything, once it has told PostgreSQL. */
static void lose_everything(void)
{
    await_drained();
    EXPECT(redis_peek("FLUSHALL") != NULL);
}

/* The same of one session's key, whatever it holds. */
static void lose(const char *id)
{
    await_drained();
    EXPECT_INT(redis_int("DEL session:%s", id), 1);
}

static bool has_timer(const char *id)
{
    return redis_peek("ZSCORE timers %s", id)->type == REDIS_REPLY_STRING;
}

/* --- live ones -------------------------------------------------------------------------------------------------- */

static const struct {
    const char *members;
    bool pauses;
} games[] = {
    {CHESS ",'increment_ms':2000,'metadata':{'table':7,'recovered':'yesterday'}", false},
    {CHESS, true},
    {"'sync_mode':'per_cycle','time_per_cycle_ms':600000,'participants':[{'participant_id':'a'},{'participant_id':'b'}"
     "]",
     false},
    {"'sync_mode':'per_group','total_time_ms':900000,'participants':[{'participant_id':'a','group_id':'x'},"
     "{'participant_id':'b','group_id':'y'},{'participant_id':'c','group_id':'x'}]",
     false},
    {"'sync_mode':'global','total_time_ms':7200000,'time_per_cycle_ms':300000", false},
    {"'sync_mode':'count_up','max_time_ms':3600000", false},
    {"'sync_mode':'count_up'", true},
};
#define GAMES (sizeof(games) / sizeof(*games))

static const char *const lasting[] = {
    "clock.running",
    "clock.started_at_ms",
    "clock.deadline_at_ms",
    "clock.session_deadline_at_ms",
    "clock.overtime",
    "status",
    "cycle_number",
    "active_participant_id",
    "active_group_id",
    "time_used_ms",
    "cycle_time_used_ms",
    "cycle_started_at",
    "created_at",
    "session_started_at",
    "sync_mode",
    "increment_ms",
    "expired_participant_id",
    "action_applied",
    "warnings_ms",
};

/* What does not pass with the time is as it was, and what is left follows from it. */
static void expect_same_clock(struct answer *before, struct answer *after)
{
    for (size_t i = 0; i < sizeof(lasting) / sizeof(*lasting); i++) {
        const char *path = kept_text("data.%s", lasting[i]);
        if (!EXPECT(json_equal(json_at(before->body, path), json_at(after->body, path)))) {
            printf(" (%s)", path);
        }
    }
    const int64_t deadline = int_at(after->body, "data.clock.deadline_at_ms");
    if (deadline != NOWHERE) {
        EXPECT_INT(int_at(after->body, "data.clock.time_remaining_ms"),
                   deadline - int_at(after->body, "server_time_ms"));
    } else {
        EXPECT_INT(int_at(after->body, "data.clock.time_remaining_ms"),
                   int_at(before->body, "data.clock.time_remaining_ms"));
    }
    for (size_t i = 0; i < json_array_size(json_at(before->body, "data.participants")); i++) {
        const char *const banks[] = {"total_time_ms", "time_used_ms", "cycle_count", "is_active"};
        for (size_t k = 0; k < sizeof(banks) / sizeof(*banks); k++) {
            const char *path = kept_text("data.participants.%zu.%s", i, banks[k]);
            EXPECT(json_equal(json_at(before->body, path), json_at(after->body, path)));
        }
    }
}

static void expect_recovered(struct answer *before, struct answer *after)
{
    EXPECT_STATUS(after, 200);
    EXPECT(is_true_at(after->body, "data.metadata.recovered"));
    EXPECT_INT(instant_at(after->body, "data.metadata.recovered_at"), int_at(after->body, "data.updated_at_ms"));
    EXPECT_INT(int_at(after->body, "data.version"), int_at(before->body, "data.version") + 1);
    expect_same_clock(before, after);
}

static void every_mode_comes_back_with_the_right_time_left(void)
{
    const char *ids[GAMES];
    struct answer *before[GAMES];
    for (size_t i = 0; i < GAMES; i++) {
        ids[i] = fresh_id("flushed");
        create_running(ids[i], games[i].members);
        EXPECT_STATUS(act(ids[i], "switch", NULL), 200);
        EXPECT_STATUS(act(ids[i], games[i].pauses ? "pause" : "switch", NULL), 200);
        before[i] = look(ids[i]);
    }
    const char *pending = fresh_id("flushed");
    create(pending, CHESS);
    struct answer *begun = look(pending);
    lose_everything();
    for (size_t i = 0; i < GAMES; i++) {
        const bool timed = int_at(before[i]->body, "data.clock.deadline_at_ms") != NOWHERE;
        expect_recovered(before[i], look(ids[i]));
        EXPECT_INT(has_timer(ids[i]), timed);
        EXPECT(redis_peek("ZSCORE sessions:%s %s", games[i].pauses ? "paused" : "running", ids[i])->type ==
               REDIS_REPLY_STRING);
        EXPECT_BETWEEN(redis_int("PTTL session:%s", ids[i]), 86000000, 90000000);
        EXPECT_INT(int_at(look(ids[i])->body, "data.version"), 5); /* once */
        expect_whole_trail(ids[i], 5);
        EXPECT_INT(events_where(ids[i], "type = 'session_recovered' AND version = 5 AND metadata = '{}'"), 1);
    }
    EXPECT_INT(int_at(look(ids[0])->body, "data.metadata.table"), 7);
    expect_recovered(begun, look(pending));
    /* And once more: the mark is replaced, not doubled. */
    struct answer *first = look(ids[0]);
    lose_everything();
    expect_recovered(first, look(ids[0]));
    expect_whole_trail(ids[0], 6);
}

static void a_deadline_that_passed_meanwhile_is_settled_at_once(void)
{
    process_signal(stack.timekeeper, SIGSTOP); /* nobody notices before it is lost */
    const char *flag = fresh_id("fallen");
    const char *turns = fresh_id("turns");
    create_running(flag,
                   "'sync_mode':'per_participant','total_time_ms':1000,'action_on_timeout':{'type':'end_session'},"
                   "'participants':[{'participant_id':'a'},{'participant_id':'b'}]");
    create_running(turns, "'sync_mode':'per_cycle','time_per_cycle_ms':1000,'auto_advance':true,'participants':["
                          "{'participant_id':'a'},{'participant_id':'b'}]");
    redisReply *stored = redis_peek("GET session:%s", flag);
    json_t *flag_state = json_loads(stored->str, 0, NULL);
    const int64_t started = int_at(flag_state, "cycle_started_at_ms");
    json_decref(flag_state);
    json_t *turns_state = json_loads(redis_peek("GET session:%s", turns)->str, 0, NULL);
    const int64_t turns_started = int_at(turns_state, "cycle_started_at_ms");
    json_decref(turns_state);
    lose_everything();
    process_signal(stack.timekeeper, SIGCONT);
    EVENTUALLY(redis_now_ms() > turns_started + 2100);
    struct ws_client *client = NULL;
    struct answer *fallen = look(flag);
    EXPECT_STATUS(fallen, 200);
    EXPECT_TEXT(text_at(fallen->body, "data.status"), "expired");
    EXPECT_INT(instant_at(fallen->body, "data.session_completed_at"), started + 1000);
    EXPECT_TEXT(text_at(fallen->body, "data.action_applied.winner"), "b");
    EXPECT_INT(int_at(fallen->body, "data.version"), 4);
    EXPECT(!has_timer(flag));
    expect_whole_trail(flag, 4);
    EXPECT_INT(events_where(flag, "version = 4 AND type = 'time_expired' AND expiry_count = 1"), 1);
    /* A press that was meant for a cycle that has run out is none for the next one. */
    EXPECT_ERROR(act(turns, "switch", NULL), 409, "CONFLICT");
    client = watch(turns, stack.relay_ports[0]);
    struct answer *now = look(turns);
    const int64_t begun = int_at(now->body, "data.clock.started_at_ms");
    EXPECT_TEXT(text_at(now->body, "data.status"), "running");
    EXPECT(int_at(now->body, "data.cycle_number") >= 3);
    EXPECT_INT(begun, turns_started + 1000 * (int_at(now->body, "data.cycle_number") - 1));
    await_trail(turns, 3);
    EXPECT_INT(events_where(turns, "type = 'session_recovered' AND version = 3"), 1);
    EVENTUALLY(frames_of(client, "TIME_EXPIRED") > 0); /* its timer is set again */
    EXPECT_STATUS(act(turns, "complete", NULL), 200);
}

/* Those who watch hear of what ran out, and get the whole state in a form that they never drop. */
static void watchers_get_a_sync(void)
{
    process_signal(stack.timekeeper, SIGSTOP);
    const char *id = fresh_id("watched");
    create_running(id, "'sync_mode':'global','time_per_cycle_ms':1500");
    struct ws_client *client = watch(id, stack.relay_ports[1]);
    const int64_t started = redis_now_ms();
    lose(id);
    process_signal(stack.timekeeper, SIGCONT);
    EVENTUALLY(redis_now_ms() > started + 1600);
    struct answer *back = look(id);
    EXPECT_INT(int_at(back->body, "data.version"), 4);
    json_t *expired = EXPECT_FRAME(client, "TIME_EXPIRED");
    EXPECT_INT(int_at(expired, "payload.count"), 1);
    json_t *sync = EXPECT_FRAME(client, "STATE_SYNC");
    EXPECT_INT(int_at(sync, "payload.version"), 4);
    EXPECT(is_true_at(sync, "payload.metadata.recovered"));
    EXPECT_INT((int64_t)frames_of(client, "STATE_UPDATE"), 0);
}

static int64_t deadline_of(const char *method, const char *id, const char *action, int64_t *version)
{
    struct answer answer;
    http_exchange(&(struct request){.method = method, .url = kept_text("%s/v1/sessions/%s%s", stack.url, id, action)},
                  &answer);
    const int64_t deadline = answer.status == 200 ? int_at(answer.body, "data.clock.deadline_at_ms") : NOWHERE;
    *version = int_at(answer.body, "data.version");
    answer_clear(&answer);
    return deadline;
}

static void a_thousand_live_sessions_come_back_on_their_first_read(void)
{
    static int64_t deadlines[MANY];
    const char *prefix = fresh_id("many");
    int64_t version;
    for (int i = 0; i < MANY; i++) {
        const char *id = kept_text("%s.%d", prefix, i);
        answer_clear(create(id, CHESS));
        deadlines[i] = deadline_of("POST", id, "/start", &version);
    }
    lose_everything();
    int right = 0;
    for (int i = 0; i < MANY; i++) {
        const int64_t deadline = deadline_of("GET", kept_text("%s.%d", prefix, i), "", &version);
        right += deadline == deadlines[i] && deadline != NOWHERE && version == 3;
    }
    EXPECT_INT(right, MANY);
    EXPECT_INT(redis_int("ZCARD timers"), MANY);
    EXPECT_INT(redis_int("ZCARD sessions:running"), MANY);
    await_drained();
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id LIKE '%s.%%' AND type = "
                       "'session_recovered' AND version = 3",
                       prefix),
               MANY);
}

static void operations_work_in_one_request(void)
{
    const char *id = fresh_id("at-work");
    create_running(id, CHESS);
    lose(id);
    struct answer *moved = act(id, "switch", "{'current_participant_id':'white','current_cycle_number':1}");
    EXPECT_STATUS(moved, 200);
    EXPECT_TEXT(text_at(moved->body, "data.active_participant_id"), "black");
    EXPECT_INT(int_at(moved->body, "data.version"), 4);
    lose(id);
    EXPECT_ERROR(act(id, "switch", "{'current_participant_id':'white'}"), 409, "NOT_ACTIVE_PARTICIPANT");
    lose(id);
    EXPECT_INT(int_at(act(id, "pause", NULL)->body, "data.version"), 7);
    lose(id);
    struct answer *adjusted = call("PATCH", kept_text("/v1/sessions/%s/participants/black", id), "{'delta_ms':1000}");
    EXPECT_STATUS(adjusted, 200);
    EXPECT_INT(int_at(adjusted->body, "data.version"), 9);
    lose(id);
    EXPECT_ERROR(act(id, "resume", "{'expected_version':9}"), 409, "CONFLICT");
    lose(id);
    EXPECT_STATUS(delete_session(id), 204);
    EXPECT_ERROR(look(id), 404, "SESSION_NOT_FOUND");
    EXPECT_INT(redis_int("PTTL session:%s", id) > 3000000, 1);
    expect_whole_trail(id, 11);
    EXPECT_INT(events_where(id, "type = 'session_deleted' AND version = 11"), 1);
    EXPECT_INT(events_where(id, "type = 'session_recovered'"), 5);
    lose(id); /* the tombstone */
    EXPECT_ERROR(look(id), 404, "SESSION_NOT_FOUND");
    EXPECT_ERROR(act(id, "start", NULL), 404, "SESSION_NOT_FOUND");
    EXPECT_STATUS(delete_session(id), 204);
    expect_whole_trail(id, 11);
}

/* On a machine that is busy with other things PostgreSQL may take longer to answer than a read waits for it. */
static bool told_to_try_again(const struct answer *answer)
{
    return answer->status == 503 && strcmp(text_at(answer->body, "error.code"), "ARCHIVE_UNAVAILABLE") == 0;
}

static void twenty_clients_at_once_bring_it_back_once(void)
{
    for (int round = 0; round < 5; round++) {
        struct answer answers[AT_ONCE];
        const char *id = fresh_id("together");
        create_running(id, CHESS);
        lose(id);
        http_burst(&(struct request){.method = "GET", .url = kept_text("%s/v1/sessions/%s", stack.url, id)}, answers,
                   AT_ONCE);
        for (int i = 0; i < AT_ONCE; i++) {
            if (!told_to_try_again(&answers[i])) {
                EXPECT_STATUS(&answers[i], 200);
                EXPECT_INT(int_at(answers[i].body, "data.version"), 3);
            }
            answer_clear(&answers[i]);
        }
        EVENTUALLY(look(id)->status == 200);
        expect_whole_trail(id, 3);
        EXPECT_INT(events_where(id, "type = 'session_recovered'"), 1);
    }
}

static void a_recovery_whose_answer_was_lost_stands_once(void)
{
    static const enum proxy_mode modes[] = {PROXY_CUT_AFTER_EXEC, PROXY_CUT_BEFORE_EXEC};
    struct redis_proxy *proxy = proxy_start(stack.redis_port);
    struct api *api = api_start(
        (const char *const[]){"API_THREADS=1", kept_text("REDIS_URL=redis://127.0.0.1:%d/0", proxy_port(proxy)), NULL});
    for (size_t i = 0; i < 2; i++) {
        const char *id = fresh_id("cut");
        create_running(id, CHESS);
        lose(id);
        proxy_arm(proxy, modes[i]);
        struct answer *back = look_at(api->url, id);
        EXPECT_STATUS(back, 200);
        EXPECT_INT(proxy_caught(proxy), 1);
        EXPECT_INT(int_at(back->body, "data.version"), 3);
        expect_whole_trail(id, 3);
    }
}

static struct answer *create_keyed(const char *id, const char *key)
{
    return http_call("POST", kept_text("%s/v1/sessions", stack.url), kept_text("{'session_id':'%s',%s}", id, CHESS),
                     kept_text("Idempotency-Key: %s", key));
}

static void a_repeated_creation_finds_its_session(void)
{
    const char *id = fresh_id("keyed");
    EXPECT_STATUS(create_keyed(id, id), 201);
    lose(id);
    struct answer *again = create_keyed(id, id);
    EXPECT_STATUS(again, 201);
    EXPECT_TEXT(answer_header(again, "Idempotency-Replayed"), "true");
    EXPECT_INT(int_at(again->body, "data.version"), 2);
    EXPECT_STATUS(act(id, "cancel", NULL), 200);
    lose(id);
    EXPECT_TEXT(text_at(create_keyed(id, id)->body, "data.status"), "cancelled");
    EXPECT_STATUS(delete_session(id), 204);
    lose(id);
    EXPECT_ERROR(create_keyed(id, id), 409, "CONFLICT");
}

/* --- ended, deleted, unknown ------------------------------------------------------------------------------------ */

static struct answer *matching(const char *id, const char *action, const char *etag)
{
    return http_call("POST", kept_text("%s/v1/sessions/%s/%s", stack.url, id, action), "{}",
                     kept_text("If-Match: %s", etag));
}

static void an_ended_session_is_read_from_its_snapshot(void)
{
    static const char *const actions[] = {"start", "switch", "pause", "resume", "complete", "cancel"};
    const char *id = fresh_id("ended");
    create_running(id, CHESS);
    struct answer *ended = act(id, "complete", NULL);
    lose(id);
    struct answer *read = look(id);
    EXPECT_STATUS(read, 200);
    EXPECT(json_equal(json_at(read->body, "data"), json_at(ended->body, "data")));
    EXPECT_TEXT(answer_header(read, "ETag"), "\"3\"");
    EXPECT_STATUS(http_call("GET", kept_text("%s/v1/sessions/%s", stack.url, id), NULL, "If-None-Match: \"3\""), 304);
    for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
        struct answer *refused = act(id, actions[i], NULL);
        EXPECT_ERROR(refused, 400, "INVALID_STATE_TRANSITION");
        EXPECT(strstr(text_at(refused->body, "error.message"), "(current status: completed)") != NULL);
    }
    EXPECT_ERROR(matching(id, "pause", "\"2\""), 412, "PRECONDITION_FAILED");
    EXPECT_ERROR(matching(id, "pause", "\"3\""), 400, "INVALID_STATE_TRANSITION");
    struct answer *conflict = act(id, "complete", "{'expected_version':2}");
    EXPECT_ERROR(conflict, 409, "CONFLICT");
    EXPECT_INT(int_at(conflict->body, "error.details.actual_version"), 3);
    EXPECT_INT(redis_int("EXISTS session:%s", id), 0); /* none of that wrote it back */
    EXPECT_STATUS(delete_session(id), 204);
    EXPECT_ERROR(look(id), 404, "SESSION_NOT_FOUND");
    lose(id);
    EXPECT_ERROR(look(id), 404, "SESSION_NOT_FOUND");
    expect_whole_trail(id, 4);
    EXPECT_INT(events_where(id, "type = 'session_deleted'"), 1);
}

static void an_id_that_only_the_archive_has_begins_a_new_life(void)
{
    const char *id = fresh_id("reborn");
    create_running(id, CHESS);
    const char *born = text_at(look(id)->body, "data.created_at");
    lose(id);
    struct answer *created = create(id, CHESS);
    EXPECT_INT(int_at(created->body, "data.version"), 1);
    EXPECT(strcmp(text_at(created->body, "data.created_at"), born) > 0);
    lose(id);
    struct answer *back = look(id); /* the newer life, though the older one came to a higher version */
    EXPECT_INT(int_at(back->body, "data.version"), 2);
    EXPECT_TEXT(text_at(back->body, "data.status"), "pending");
}

static void a_deleted_session_stays_deleted_while_the_worker_is_stopped(void)
{
    const char *id = fresh_id("undead");
    create_running(id, CHESS);
    await_drained();
    process_signal(stack.audit, SIGSTOP);
    EXPECT_STATUS(delete_session(id), 204);
    EXPECT_ERROR(look(id), 404, "SESSION_NOT_FOUND");
    create_running(fresh_id("noise"), CHESS);       /* however much comes after it */
    EXPECT_INT(redis_int("DEL session:%s", id), 1); /* as if its hour had passed */
    EXPECT_ERROR(look(id), 404, "SESSION_NOT_FOUND");
    EXPECT_ERROR(act(id, "switch", NULL), 404, "SESSION_NOT_FOUND");
    EXPECT_STATUS(delete_session(id), 204);
    EXPECT_INT(redis_int("HEXISTS audit:deleted %s", id), 1);
    process_signal(stack.audit, SIGCONT);
    await_drained();
    EVENTUALLY(redis_int("HEXISTS audit:deleted %s", id) == 0); /* PostgreSQL knows it now */
    redis_peek("DEL unknown:%s", id);
    EXPECT_ERROR(look(id), 404, "SESSION_NOT_FOUND");
    expect_whole_trail(id, 3);
}

/* The mark of a deletion is that of one life: the next one can be lost and found while it waits. */
static void a_new_life_does_not_suffer_from_the_deletion_of_the_one_before(void)
{
    const char *id = fresh_id("phoenix");
    create_running(id, CHESS);
    EXPECT_STATUS(delete_session(id), 204);
    await_drained();
    const char *mark = kept_text("00000000-0000-7000-8000-000000000000 %" PRId64, redis_now_ms() - 1);
    (void)create(id, CHESS);
    await_drained();
    redis_peek("HSET audit:deleted %s %s", id, mark);
    lose(id);
    EXPECT_INT(int_at(look(id)->body, "data.version"), 2);
    redis_peek("HDEL audit:deleted %s", id);
}

/* What waits may be anything, a deletion of this session too: nobody looks through all of it. */
static void a_backlog_older_than_tombstones_is_not_believed(void)
{
    const char *id = fresh_id("backlog");
    create_running(id, CHESS);
    lose(id);
    process_signal(stack.audit, SIGSTOP);
    (void)redis_peek("DEL audit");
    (void)redis_peek("XADD audit %" PRId64 "-1 recovery_wanted somebody", redis_now_ms() - 3590000);
    EXPECT_STATUS(look(id), 200); /* not an hour yet */
    EXPECT_INT(redis_int("DEL session:%s", id), 1);
    (void)redis_peek("DEL audit");
    (void)redis_peek("XADD audit %" PRId64 "-1 recovery_wanted somebody", redis_now_ms() - 3601000);
    EXPECT_ERROR(look(id), 503, "ARCHIVE_UNAVAILABLE");
    EXPECT_ERROR(look(fresh_id("unknown")), 503, "ARCHIVE_UNAVAILABLE");
    struct api *api = api_start((const char *const[]){"SESSION_TTL_S=60", NULL});
    (void)redis_peek("DEL audit");
    (void)redis_peek("XADD audit %" PRId64 "-1 recovery_wanted somebody", redis_now_ms() - 61000);
    EXPECT_ERROR(look_at(api->url, fresh_id("unknown")), 503, "ARCHIVE_UNAVAILABLE");
    EXPECT_ERROR(look(fresh_id("unknown")), 404, "SESSION_NOT_FOUND");
    (void)redis_peek("DEL audit");
    process_signal(stack.audit, SIGCONT);
    EXPECT_STATUS(look(id), 200);
    EXPECT_STATUS(delete_session(id), 204);
}

static void a_session_with_events_set_aside_is_not_guessed_at(void)
{
    const char *id = fresh_id("aside");
    create_running(id, CHESS);
    lose(id);
    redis_peek("XADD audit * session_id %s", id); /* no event, and so set aside by the worker */
    EVENTUALLY(redis_int("HEXISTS audit:failed:sessions %s", id) == 1);
    EXPECT_ERROR(look(id), 503, "ARCHIVE_UNAVAILABLE");
    EXPECT_ERROR(act(id, "pause", NULL), 503, "ARCHIVE_UNAVAILABLE");
    struct answer *refused = delete_session(id);
    EXPECT_ERROR(refused, 503, "ARCHIVE_UNAVAILABLE");
    EXPECT(answer_header(refused, "Retry-After") != NULL);
    EXPECT_ERROR(look(fresh_id("unknown")), 404, "SESSION_NOT_FOUND");
    redis_peek("DEL audit:failed audit:failed:sessions");
    EXPECT_INT(int_at(look(id)->body, "data.version"), 3);
}

/* Redis' clock was set back in the middle: what follows upon an event is newer than it, whatever the instants say. */
static void a_clock_set_back_does_not_undo_what_came_after(void)
{
    const char *id = fresh_id("backwards");
    create_running(id, CHESS);
    EXPECT_STATUS(act(id, "pause", NULL), 200);
    lose(id);
    EXPECT_INT(sql_int("WITH set AS (UPDATE sync_events SET at = at - interval '1 hour' WHERE session_id = '%s' AND "
                       "version = 3 RETURNING 1) SELECT count(*) FROM set",
                       id),
               1);
    EXPECT_TEXT(text_at(look(id)->body, "data.status"), "paused");
    forget_trail(id);
}

/* A failover took the later of two lines back; its versions stay in PostgreSQL. */
static void an_abandoned_branch_is_not_what_comes_back(void)
{
    const char *id = fresh_id("branch");
    create_running(id, CHESS);
    EXPECT_STATUS(act(id, "pause", NULL), 200);
    lose(id);
    EXPECT_INT(
        sql_int("WITH made AS (INSERT INTO sync_events SELECT gen_random_uuid(), event_id, session_id, "
                "session_created_at, 'session_cancelled', NULL, 7, 1, 'anonymous', NULL, at - interval '1 ms', "
                "0, '[]', state_snapshot || '{\"version\": 7, \"status\": \"cancelled\"}', '{}' FROM sync_events "
                "WHERE session_id = '%s' AND version = 2 RETURNING 1) SELECT count(*) FROM made",
                id),
        1);
    struct answer *back = look(id);
    EXPECT_TEXT(text_at(back->body, "data.status"), "paused");
    EXPECT_INT(int_at(back->body, "data.version"), 4);
    EXPECT_INT(sql_int("WITH gone AS (DELETE FROM sync_events WHERE session_id = '%s' AND version = 7 RETURNING 1) "
                       "SELECT count(*) FROM gone",
                       id),
               1);
}

static void what_nobody_knows_is_remembered_for_a_moment(void)
{
    const char *id = fresh_id("unknown");
    EXPECT_ERROR(look(id), 404, "SESSION_NOT_FOUND");
    EXPECT_BETWEEN(redis_int("PTTL unknown:%s", id), 1, 5000);
    EXPECT_INT(redis_int("PERSIST unknown:%s", id), 1);
    without_postgres();
    EXPECT_ERROR(look(id), 404, "SESSION_NOT_FOUND"); /* PostgreSQL was not asked */
    EXPECT_ERROR(act(id, "start", NULL), 404, "SESSION_NOT_FOUND");
    EXPECT_ERROR(look(fresh_id("unknown")), 503, "ARCHIVE_UNAVAILABLE");
    stack_start_postgres();
    create(id, CHESS); /* the mark forbids nothing */
    EXPECT_STATUS(look(id), 200);
    EVENTUALLY(look(fresh_id("unknown"))->status == 404);
}

/* --- stores that are away --------------------------------------------------------------------------------------- */

static void without_postgres_nothing_is_said_of_what_redis_does_not_have(void)
{
    const char *lost = fresh_id("lost");
    const char *here = fresh_id("here");
    create_running(lost, CHESS);
    create_running(here, CHESS);
    lose(lost);
    without_postgres();
    struct answer *refused = look(lost);
    EXPECT_ERROR(refused, 503, "ARCHIVE_UNAVAILABLE");
    EXPECT(answer_header(refused, "Retry-After") != NULL);
    EXPECT_ERROR(act(lost, "pause", NULL), 503, "ARCHIVE_UNAVAILABLE");
    EXPECT_ERROR(delete_session(lost), 503, "ARCHIVE_UNAVAILABLE");
    EXPECT_STATUS(act(here, "switch", NULL), 200);
    EXPECT_STATUS(delete_session(here), 204);
    EXPECT_ERROR(look(here), 404, "SESSION_NOT_FOUND"); /* its tombstone says so */
    create(fresh_id("new"), CHESS);
    stack_stop_redis();
    EXPECT_ERROR(look(lost), 503, "STATE_STORE_UNAVAILABLE");
    stack_start_redis();
    stack_start_postgres();
    EVENTUALLY(look(lost)->status == 200);
    EXPECT_INT(int_at(look(lost)->body, "data.version"), 3);
    expect_whole_trail(lost, 3);
}

static void a_missing_schema_is_no_answer(void)
{
    const char *elsewhere = kept_text("DATABASE_URL=%s", stack.database_url);
    char *at = strstr(elsewhere, "/postgres?");
    REQUIRE(at != NULL);
    struct api *api = api_start((const char *const[]){
        kept_text("%.*s/template1?%s", (int)(at - elsewhere), elsewhere, at + strlen("/postgres?")), NULL});
    EXPECT_ERROR(look_at(api->url, fresh_id("unknown")), 503, "ARCHIVE_UNAVAILABLE");
}

static void a_bounded_backlog_is_cut_by_whoever_writes(void)
{
    struct api *api = api_start((const char *const[]){"AUDIT_MAX_BACKLOG=100", NULL});
    const char *id = fresh_id("bounded");
    without_worker();
    create_at(api->url, id, CHESS);
    EXPECT_STATUS(act_at(api->url, id, "start", NULL), 200);
    for (int i = 0; i < 400; i++) {
        EXPECT_STATUS(act_at(api->url, id, "switch", NULL), 200);
    }
    EXPECT_BETWEEN(redis_int("XLEN audit"), 100, 250);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EXPECT(redis_int("XLEN audit") > 100);        /* without that setting nothing is cut */
    (void)redis_peek("DEL audit session:%s", id); /* its trail has a hole that nobody else needs to find */
}

CU_TestInfo recovery_tests[] = {
    {"every mode comes back with the right time left", every_mode_comes_back_with_the_right_time_left},
    {"a deadline that passed meanwhile is settled at once", a_deadline_that_passed_meanwhile_is_settled_at_once},
    {"watchers get a STATE_SYNC", watchers_get_a_sync},
    {"a thousand live sessions come back on their first read", a_thousand_live_sessions_come_back_on_their_first_read},
    {"operations work in one request", operations_work_in_one_request},
    {"twenty clients at once bring it back once", twenty_clients_at_once_bring_it_back_once},
    {"a recovery whose answer was lost stands once", a_recovery_whose_answer_was_lost_stands_once},
    {"a repeated creation finds its session", a_repeated_creation_finds_its_session},
    {"an ended session is read from its snapshot", an_ended_session_is_read_from_its_snapshot},
    {"an id that only the archive has begins a new life", an_id_that_only_the_archive_has_begins_a_new_life},
    {"a deleted session stays deleted while the worker is stopped",
     a_deleted_session_stays_deleted_while_the_worker_is_stopped},
    {"a new life does not suffer from the deletion of the one before",
     a_new_life_does_not_suffer_from_the_deletion_of_the_one_before},
    {"a clock set back does not undo what came after", a_clock_set_back_does_not_undo_what_came_after},
    {"a backlog older than tombstones is not believed", a_backlog_older_than_tombstones_is_not_believed},
    {"a session with events set aside is not guessed at", a_session_with_events_set_aside_is_not_guessed_at},
    {"an abandoned branch is not what comes back", an_abandoned_branch_is_not_what_comes_back},
    {"what nobody knows is remembered for a moment", what_nobody_knows_is_remembered_for_a_moment},
    {"without PostgreSQL nothing is said of what Redis does not have",
     without_postgres_nothing_is_said_of_what_redis_does_not_have},
    {"a missing schema is no answer", a_missing_schema_is_no_answer},
    {"a bounded backlog is cut by whoever writes", a_bounded_backlog_is_cut_by_whoever_writes},
    CU_TEST_INFO_NULL,
};
