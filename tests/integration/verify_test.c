/* synckairos-audit verify: silent where the trail is right, and told of each thing that was done to it. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/worker.h"

#include <signal.h>
#include <string.h>

#define PAIR                                                                                                           \
    "'participants':[{'participant_id':'a','participant_index':0},{'participant_id':'b','participant_index':1}]"
#define TEAMS                                                                                                          \
    "'sync_mode':'per_group','groups':[{'group_id':'x','total_time_ms':60000}],'participants':["                       \
    "{'participant_id':'a','participant_index':0,'group_id':'x'},"                                                     \
    "{'participant_id':'b','participant_index':1,'group_id':'y','total_time_ms':50000}]"

static struct process *verify_with(const char *first, const char *second, const char *third)
{
    return subcommand_start(NULL, WORDS("verify", first, second, third));
}

/* Nothing is printed but the closing line. */
static void expect_silence(struct process *verify)
{
    EXPECT_INT(process_wait(verify), 0);
    EXPECT(process_logged(verify, " 0 differences\n"));
    EXPECT_INT((int64_t)process_log_count(verify, "\n"), 1);
}

/* lines: how many differences there must be; 0: any number. */
static void expect_told(const char *id, const char *what, int lines)
{
    /* Old enough that nothing of it can still be on its way. */
    (void)sql_int("UPDATE sync_events SET recorded_at = recorded_at - interval '1 hour' WHERE session_id = '%s' "
                  "RETURNING 1",
                  id);
    struct process *verify = verify_with(id, NULL, NULL);
    check_int(process_wait(verify), 1, kept_text("exit status, of: %s", what), __FILE__, __LINE__);
    check_true(process_logged(verify, what), kept_text("told: %s", what), __FILE__, __LINE__, false);
    if (lines > 0) {
        const int64_t told = (int64_t)process_log_count(verify, "\n") - 1;
        check_int(told, lines, kept_text("lines, of: %s", what), __FILE__, __LINE__);
    }
}

/* A statement that changes rows, without its end. */
static void tamper(const char *statement)
{
    EXPECT_INT(sql_int("WITH changed AS (%s RETURNING 1) SELECT sign(count(*))::bigint FROM changed", statement), 1);
}

static const char *now_text(void)
{
    return sql_text("SELECT to_char(sync_instant(%lld) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')",
                    (long long)redis_now_ms());
}

static struct answer *participant(const char *method, const char *id, const char *who, const char *body)
{
    return call(method, kept_text("/v1/sessions/%s/participants%s%s", id, who ? "/" : "", who ? who : ""), body);
}

static void await_whole(const char *id, const struct answer *last)
{
    const int64_t version = int_at(last->body, "data.version");
    EXPECT(version > 0);
    await_trail(id, version);
}

/* --- what is right ---------------------------------------------------------------------------------------------- */

static void play(const char *configuration)
{
    const char *id = fresh_id("verify");
    const bool has_banks = strstr(configuration, "'sync_mode':'per_") != NULL;
    create(id, configuration);
    if (has_banks) {
        EXPECT_STATUS(participant("PATCH", id, "b", "{'total_time_ms':40000,'reason':'late'}"), 200);
    }
    EXPECT_STATUS(act(id, "start", NULL), 200);
    EXPECT_STATUS(act(id, "switch", "{'current_cycle_number':1}"), 200);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EXPECT_STATUS(participant("POST", id, NULL,
                              "{'participant_id':'c','group_id':'z','participant_index':7,'total_time_ms':30000}"),
                  201);
    EXPECT_STATUS(participant("POST", id, NULL, "{'participant_id':'d','group_id':'x','total_time_ms':2000}"), 201);
    EXPECT_STATUS(act(id, "switch", "{'next_participant_id':'c'}"), 200);
    EXPECT_STATUS(act(id, "pause", NULL), 200);
    if (has_banks) {
        EXPECT_STATUS(participant("PATCH", id, "c", "{'delta_ms':-5000}"), 200);
        EXPECT_STATUS(participant("PATCH", id, "a", "{'total_time_ms':0}"), 200);
    }
    EXPECT_STATUS(act(id, "resume", NULL), 200);
    EXPECT_STATUS(participant("DELETE", id, "d", NULL), 200);
    await_whole(id, act(id, "complete", NULL));
    expect_silence(verify_with(id, NULL, NULL));
}

static void every_mode_and_operation_is_found_to_be_right(void)
{
    static const char *const configurations[] = {
        "'sync_mode':'per_participant','total_time_ms':60000,'increment_ms':2000,"
        "'metadata':{'round':3,'huge':1e300,'tiny':-1.5e-9,'whole':1e17,'text':'\\u00e9'}," PAIR,
        "'sync_mode':'per_cycle','time_per_cycle_ms':60000," PAIR,
        TEAMS ",'increment_ms':500",
        "'sync_mode':'global','total_time_ms':600000,'time_per_cycle_ms':30000",
        "'sync_mode':'count_up','max_time_ms':60000",
    };
    const char *since = now_text();
    for (size_t i = 0; i < sizeof(configurations) / sizeof(*configurations); i++) {
        play(configurations[i]);
    }
    struct process *verify = verify_with("--all", "--since", since);
    expect_silence(verify);
    EXPECT(process_logged(verify, "5 sessions, "));
}

static void clocks_that_ran_out_are_found_to_be_right(void)
{
    const char *id = fresh_id("verify-expiry");
    create_running(id, "'sync_mode':'per_cycle','time_per_cycle_ms':1000,'auto_advance':true," PAIR);
    process_signal(stack.timekeeper, SIGSTOP);
    const int64_t since_ms = redis_now_ms();
    EVENTUALLY(redis_now_ms() > since_ms + 2300);
    struct answer *switched = act(id, "switch", NULL); /* settles two cycles, and is refused: they are committed */
    EXPECT_STATUS(switched, 409);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EVENTUALLY(redis_now_ms() > since_ms + 4500);
    struct answer *paused = act(id, "pause", NULL); /* two events in one commit */
    process_signal(stack.timekeeper, SIGCONT);
    await_whole(id, paused);
    EXPECT(sql_int("SELECT max(expiry_count) FROM sync_events WHERE session_id = '%s'", id) >= 2);
    expect_silence(verify_with(id, NULL, NULL));
}

static void each_life_and_what_came_back_are_found_to_be_right(void)
{
    const char *id = fresh_id("verify-lives");
    for (int i = 0; i < 3; i++) {
        create_running(id, CHESS);
        EXPECT_STATUS(act(id, "switch", NULL), 200);
        EXPECT_STATUS(delete_session(id), 204);
    }
    create_running(
        id, "'sync_mode':'per_participant','total_time_ms':1000,'action_on_timeout':{'type':'end_session'}," PAIR);
    await_trail(id, 4);
    EVENTUALLY(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s'", id) >= 14);
    struct process *verify = verify_with(id, NULL, NULL);
    expect_silence(verify);
    EXPECT(process_logged(verify, "4 sessions, "));

    const char *lost = fresh_id("verify-lost");
    create_running(lost, CHESS);
    await_trail(lost, 2);
    redis_peek("DEL session:%s", lost);
    EXPECT(is_true_at(look(lost)->body, "data.metadata.recovered"));
    await_whole(lost, act(lost, "switch", NULL));
    EXPECT_INT(sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s' AND type = 'session_recovered'", lost),
               1);
    expect_silence(verify_with(lost, NULL, NULL));
}

/* --- what is not ------------------------------------------------------------------------------------------------ */

/* created, started, switched, switched, adjusted (black), paused. */
static const char *play_six(void)
{
    const char *id = fresh_id("tampered");
    create_running(id, CHESS);
    EXPECT_STATUS(act(id, "switch", NULL), 200);
    EXPECT_STATUS(act(id, "switch", "{'current_participant_id':'black'}"), 200);
    EXPECT_STATUS(participant("PATCH", id, "black", "{'total_time_ms':200000}"), 200);
    await_whole(id, act(id, "pause", NULL));
    return id;
}

static void whatever_is_tampered_with_is_told(void)
{
    static const struct {
        const char *sql; /* of the event of that version */
        int version;
        const char *told;
        int lines; /* 0: as many as may be */
    } rows[] = {
        {"UPDATE sync_events SET state_snapshot = "
         "jsonb_set(state_snapshot, '{participants,0,total_time_ms}', '299999999')",
         3, "snapshot.participants.0.total_time_ms\t299999999\t", 1},
        {"UPDATE sync_events SET version = 40", 4, "\tversion\t40\t4\n", 0},
        {"UPDATE sync_events SET cycle_number = 9", 4, "\tcycle_number\t9\t3\n", 1},
        {"UPDATE sync_events SET participant_id = 'white'", 4, "\tparticipant_id\t\"white\"\t\"black\"\n", 1},
        {"DELETE FROM sync_events", 3, "(no such event in this life)", 1},
        {"DELETE FROM sync_events", 1, "(no such event in this life)", 1},
        {"DELETE FROM sync_events", 6, "\tsync_sessions.last_event_id\t", 1},
        {"UPDATE sync_events SET metadata = metadata || '{\"total_time_ms\":1}'", 5,
         "snapshot.participants.1.total_time_ms\t200000\t1\n", 1},
        {"UPDATE sync_events SET metadata = metadata || '{\"next_participant_id\":\"white\"}'", 5,
         "\tmetadata.next_participant_id\t\"white\"\t(nothing)\n", 1},
        {"UPDATE sync_events SET at = at - interval '1 year'", 1, "\tat_ms\t", 1},
        {"UPDATE sync_events SET type = U&'a\\009b2J'", 4,
         "\ttype\ta\xef\xbf\xbd"
         "2J\t",
         1},
        {"UPDATE sync_events SET at = 'infinity'", 6, "\t(unreadable)\t", 1},
        {"UPDATE sync_events SET metadata = '[]'", 5, "\tmetadata\t[]\t", 1},
        {"UPDATE sync_events SET type = 'session_resumed'", 6, "(refused: ", 1},
        {"UPDATE sync_events SET type = 'session_exploded'", 4, "\ttype\tsession_exploded\t", 1},
        {"UPDATE sync_events SET type = 'session_deleted'", 4, "(nothing after session_deleted)", 0},
        {"UPDATE sync_events SET type = 'time_expired'", 4, "(nothing was due)", 1},
        {"UPDATE sync_events SET at = at + interval '1 hour'", 5, "\ttime_expired\t(none before this event)\t", 0},
        {"UPDATE sync_events SET expiry_count = 3", 5, "\texpiry_count\t3\t0\n", 1},
        {"UPDATE sync_events SET state_snapshot = NULL", 3, "\tsnapshot\t(nothing)\t", 1},
        {"UPDATE sync_events SET state_snapshot = state_snapshot - 'status'", 3,
         "snapshot.status\t(nothing)\t\"running\"", 1},
        {"UPDATE sync_events SET prev_event_id = NULL", 3, "(the life has begun with another event)", 0},
        {"UPDATE sync_events SET prev_event_id = event_id", 3, "(one of its own successors)", 1},
        {"UPDATE sync_events SET prev_event_id = (SELECT before.prev_event_id FROM sync_events before "
         "WHERE before.event_id = sync_events.prev_event_id)",
         5, "\tversion\t5\t4\n", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *id = play_six();
        tamper(kept_text("%s WHERE session_id = '%s' AND version = %d", rows[i].sql, id, rows[i].version));
        expect_told(id, rows[i].told, rows[i].lines);
        forget_trail(id);
    }
}

/* A row that cannot be read is a fault of its life; the others are looked at all the same. */
static void an_unreadable_life_ends_nothing(void)
{
    const char *since = now_text();
    const char *first = play_six();
    const char *id = play_six();
    tamper(kept_text("UPDATE sync_events SET at = 'infinity' WHERE session_id = '%s' AND version = 6", first));
    tamper(kept_text("UPDATE sync_events SET cycle_number = 9 WHERE session_id = '%s' AND version = 4", id));
    struct process *verify = verify_with("--all", "--since", since);
    EXPECT_INT(process_wait(verify), 1);
    EXPECT(process_logged(verify, "\t(unreadable)\t"));
    EXPECT(process_logged(verify, "\tcycle_number\t9\t3\n"));
    EXPECT(process_logged(verify, " differences\n"));
    forget_trail(first);
    forget_trail(id);
}

static void a_changed_expiry_is_told(void)
{
    const char *id = fresh_id("tampered-expiry");
    create_running(id, "'sync_mode':'per_participant','total_time_ms':1000," PAIR);
    await_trail(id, 3);
    expect_silence(verify_with(id, NULL, NULL));
    tamper(kept_text("UPDATE sync_events SET expiries = jsonb_set(expiries, '{0,at_ms}', '12') "
                     "WHERE session_id = '%s' AND version = 3",
                     id));
    expect_told(id, "\texpiries.0.at_ms\t12\t", 1);
    tamper(kept_text("DELETE FROM sync_events WHERE session_id = '%s'", id));
    expect_told(id, "\tsync_sessions.last_event_id\t", 1); /* a summary of nothing */
    forget_trail(id);
}

static void a_summary_that_says_something_else_is_told(void)
{
    static const char *const changes[][2] = {
        {"status = 'completed'", "\tsync_sessions.status\t\"completed\"\t\"paused\"\n"},
        {"version = 5", "\tsync_sessions.version\t5\t6\n"},
        {"cycles = 1", "\tsync_sessions.cycles\t1\t3\n"},
        {"metadata = '{\"a\":1}'", "\tsync_sessions.metadata\t{\"a\": 1}\t{}\n"},
        {"completed_at = now()", "\tsync_sessions.completed_at\t"},
        {"participants = '[]'", "\tsync_sessions.participants\t[]\t"},
        {"last_event_id = gen_random_uuid()", "\tsync_sessions.last_event_id\t"},
        {"updated_at = updated_at + interval '1 ms'", "\tsync_sessions.updated_at\t"},
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        const char *id = play_six();
        tamper(kept_text("UPDATE sync_sessions SET %s WHERE session_id = '%s'", changes[i][0], id));
        expect_told(id, changes[i][1], 1);
        forget_trail(id);
    }
    const char *id = play_six();
    tamper(kept_text("DELETE FROM sync_sessions WHERE session_id = '%s'", id));
    expect_told(id, "\tsync_sessions.last_event_id\t(nothing)\t", 1);
    forget_trail(id);
}

static void a_branch_is_shown_apart_and_is_no_difference(void)
{
    const char *id = play_six();
    const char *branch = sql_text(
        "INSERT INTO sync_events (event_id, prev_event_id, session_id, session_created_at, type, participant_id, "
        "version,"
        " cycle_number, actor, request_id, at, expiry_count, expiries, state_snapshot, metadata)"
        " SELECT made.id, prev_event_id, session_id, session_created_at, type, participant_id, version, cycle_number,"
        " actor, request_id, at, expiry_count, expiries,"
        " jsonb_set(state_snapshot, '{last_event_id}', to_jsonb(made.id)), metadata"
        " FROM sync_events, gen_random_uuid() AS made (id) WHERE session_id = '%s' AND version = 4 RETURNING event_id",
        id);
    struct process *verify = verify_with(id, NULL, NULL);
    EXPECT_INT(process_wait(verify), 0);
    EXPECT(process_logged(verify, kept_text("\t4\t%s\tabandoned branch: events, last\t1\t%s\n", branch, branch)));
    EXPECT(process_logged(verify, "1 sessions, 7 events, 0 differences\n"));
    tamper(kept_text("UPDATE sync_events SET cycle_number = 9 WHERE event_id = '%s'", branch));
    expect_told(id, "\tcycle_number\t9\t3\n", 2);
    forget_trail(id);
}

/* More than is read at once, and the fault on no page's border. */
static void a_long_life_is_replayed_whole(void)
{
    const char *id = fresh_id("verify-long");
    create_running(id, CHESS);
    struct answer *last = NULL;
    for (int i = 0; i < 260; i++) {
        last = act(id, "switch", NULL);
    }
    await_whole(id, last);
    struct process *verify = verify_with(id, NULL, NULL);
    expect_silence(verify);
    EXPECT(process_logged(verify, "1 sessions, 262 events, "));
    tamper(kept_text("UPDATE sync_events SET state_snapshot = jsonb_set(state_snapshot, '{time_used_ms}', '7000000') "
                     "WHERE session_id = '%s' AND version = 150",
                     id));
    expect_told(id, "\t150\t", 1);
    forget_trail(id);
}

/* Two workers write a session's events in no order: what is still on its way is not missing. */
static void an_event_that_comes_late_is_waited_for(void)
{
    const char *id = play_six();
    const char *away = fresh_id("late");
    tamper(kept_text("UPDATE sync_events SET session_id = '%s' WHERE session_id = '%s' AND version = 3", away, id));
    struct process *verify = verify_with(id, NULL, NULL);
    EVENTUALLY(sql_int("SELECT count(*) FROM pg_stat_activity WHERE query = 'ROLLBACK' AND state = 'idle'") > 0 ||
               !process_alive(verify));
    tamper(kept_text("UPDATE sync_events SET session_id = '%s' WHERE session_id = '%s'", id, away));
    expect_silence(verify);
}

/* How often the index by time was asked, once nobody has anything more to tell of it. */
static int64_t searches_by_time(int64_t connections)
{
    EVENTUALLY(sql_int("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'synckairos-audit'") <=
               connections);
    return sql_int("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'sync_events_by_time'");
}

/* PostgreSQL takes what came after its last ANALYZE for next to nothing; where it looked for that by time alone, it
 * read all of it for each life. */
static void news_that_postgresql_has_no_idea_of_are_not_read_for_each_life(void)
{
    const int64_t connections =
        sql_int("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'synckairos-audit'");
    (void)play_six();
    (void)sql_int("ANALYZE sync_events; SELECT 1");
    const char *since = now_text();
    for (int i = 0; i < 3; i++) {
        (void)play_six();
    }
    const int64_t before = searches_by_time(connections);
    struct process *verify = verify_with("--all", "--since", since);
    expect_silence(verify);
    EXPECT(process_logged(verify, "3 sessions, "));
    EXPECT_INT(searches_by_time(connections), before);
}

static void what_is_asked_wrongly_is_refused(void)
{
    EXPECT_INT(process_wait(verify_with(NULL, NULL, NULL)), 2);
    EXPECT_INT(process_wait(verify_with("--all", "x", NULL)), 2);
    EXPECT_INT(process_wait(verify_with("x", "y", NULL)), 2);
    EXPECT_INT(process_wait(verify_with("--some", NULL, NULL)), 2);
    EXPECT_INT(process_wait(verify_with("--all", "--since", NULL)), 2);
    EXPECT_INT(process_wait(verify_with("--all", "--since", "yesterday")), 2);
    struct process *nobody = verify_with(fresh_id("never-was"), NULL, NULL);
    EXPECT_INT(process_wait(nobody), 1);
    EXPECT(process_logged(nobody, "no such session"));
    struct process *later = verify_with("--all", "--since", "2100-01-01");
    expect_silence(later);
    EXPECT(process_logged(later, "0 sessions, 0 events, "));
}

/* Whatever the suites before this one did to the servers; run by itself, it is about the tests above. Where Redis was
 * killed there may be branches, which are no differences. */
static void all_that_was_played_is_found_to_be_right(void)
{
    await_drained();
    struct process *verify = verify_with("--all", NULL, NULL);
    const int64_t give_up_us = now_us() + INT64_C(10000) * PATIENCE_MS;
    while (process_alive(verify) && now_us() < give_up_us) {
        nap();
    }
    EXPECT_INT(process_wait(verify), 0);
    EXPECT(process_logged(verify, " 0 differences\n"));
    const size_t branches = process_log_count(verify, "\tabandoned branch: ");
    EXPECT_INT((int64_t)(process_log_count(verify, "\n") - branches), 1);
}

CU_TestInfo verify_tests[] = {
    {"every mode and operation is found to be right", every_mode_and_operation_is_found_to_be_right},
    {"clocks that ran out are found to be right", clocks_that_ran_out_are_found_to_be_right},
    {"each life and what came back are found to be right", each_life_and_what_came_back_are_found_to_be_right},
    {"whatever is tampered with is told", whatever_is_tampered_with_is_told},
    {"an unreadable life ends nothing", an_unreadable_life_ends_nothing},
    {"a changed expiry is told", a_changed_expiry_is_told},
    {"a summary that says something else is told", a_summary_that_says_something_else_is_told},
    {"a branch is shown apart and is no difference", a_branch_is_shown_apart_and_is_no_difference},
    {"a long life is replayed whole", a_long_life_is_replayed_whole},
    {"an event that comes late is waited for", an_event_that_comes_late_is_waited_for},
    {"news that PostgreSQL has no idea of are not read for each life",
     news_that_postgresql_has_no_idea_of_are_not_read_for_each_life},
    {"what is asked wrongly is refused", what_is_asked_wrongly_is_refused},
    {"all that was played is found to be right", all_that_was_played_is_found_to_be_right},
    CU_TEST_INFO_NULL,
};
