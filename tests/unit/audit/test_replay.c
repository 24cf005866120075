/* Replaying: a right record gives no difference, each wrong one its own; and who descends from whom. */
#include "audit/comparison.h"
#include "audit/lineage.h"
#include "audit/replay.h"
#include "common/change.h"
#include "common/codec.h"
#include "tests/unit/check.h"
#include "tests/unit/common/sessions.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHESS                                                                                                          \
    "{'sync_mode':'per_participant','increment_ms':2000,'metadata':{'round':1},'participants':["                       \
    "{'participant_id':'a','total_time_ms':60000},{'participant_id':'b','total_time_ms':60000}]}"
#define EVENTS_MAX 16

/* Events as they would have been recorded. Their texts are owned. */
struct tape {
    struct sk_session *session;
    struct sk_replay_event events[EVENTS_MAX];
    char ids[EVENTS_MAX][SK_UUID_BYTES];
    size_t count;
};

static void record(struct tape *tape, const char *type, const char *about, int64_t at_ms, const char *metadata,
                   const struct sk_settlement *settlement)
{
    struct sk_session *session = tape->session;
    struct sk_buffer snapshot = {0};
    struct sk_buffer expiries = {0};
    char *id = tape->ids[tape->count];
    CU_ASSERT_FATAL(tape->count < EVENTS_MAX);
    (void)snprintf(id, SK_UUID_BYTES, "00000000-0000-7000-8000-0000000000%02zu", tape->count);
    memcpy(session->last_event_id, id, SK_UUID_BYTES);
    session->updated_at_ms = at_ms > session->updated_at_ms ? at_ms : session->updated_at_ms;
    sk_codec_write(&snapshot, session);
    sk_change_write_expiries(&expiries, settlement);
    tape->events[tape->count++] = (struct sk_replay_event){.event_id = id,
                                                           .session_id = "s1",
                                                           .created_at_ms = T0,
                                                           .type = type,
                                                           .participant_id = about,
                                                           .version = session->version,
                                                           .cycle_number = session->cycle_number,
                                                           .at_ms = at_ms,
                                                           .expiry_count = settlement ? settlement->count : 0,
                                                           .expiries = expiries.data,
                                                           .snapshot = snapshot.data,
                                                           .metadata = metadata};
}

/* An operation, recorded under its type; the arguments are what a client would send. */
static void play(struct tape *tape, const char *op, const char *type, const char *about, int64_t at_ms,
                 const char *arguments, const char *metadata)
{
    CHECK_INT(type, operate(tape->session, op, arguments, at_ms), SK_OK);
    record(tape, type, about, at_ms, metadata, NULL);
}

static void run_out(struct tape *tape, int64_t at_ms)
{
    struct sk_settlement settlement;
    CHECK_INT("settle", sk_engine_settle(tape->session, at_ms, &settlement, NULL), SK_OK);
    CHECK_INT("expiries", settlement.count, 1);
    record(tape, "time_expired", "b", at_ms, "{}", &settlement);
    sk_settlement_clear(&settlement);
}

static void come_back(struct tape *tape, int64_t at_ms, const char *at)
{
    json_t *metadata = json_pack("{s:i, s:b, s:s}", "round", 1, "recovered", 1, "recovered_at", at);
    json_decref(tape->session->metadata);
    tape->session->metadata = metadata;
    tape->session->version++;
    record(tape, "session_recovered", NULL, at_ms, "{}", NULL);
}

/* b runs out at T0 + 26000: who comes late finds that out. */
static void tell_story(struct tape *tape)
{
    *tape = (struct tape){.session = session_of(CHESS)};
    record(tape, "session_created", NULL, T0, "{}", NULL);
    play(tape, "start", "session_started", "a", T0 + 1000, "{}", "{}");
    play(tape, "switch", "cycle_switched", "a", T0 + 5000, "{'current_participant_id':'a'}",
         "{\"current_participant_id\":\"a\",\"current_cycle_number\":null,\"next_participant_id\":null}");
    play(tape, "adjust", "time_adjusted", "b", T0 + 6000, "{'participant_id':'b','total_time_ms':20000}",
         "{\"total_time_ms\":20000,\"reason\":\"late\"}");
    run_out(tape, T0 + 30000);
    play(tape, "switch", "cycle_switched", "b", T0 + 30000, "{}", "{}");
    come_back(tape, T0 + 31000, "2026-09-21T14:13:51.000Z");
    play(tape, "add", "participant_added", "c", T0 + 31500,
         "{'participant_id':'c','participant_index':9,'total_time_ms':5000}",
         "{\"participant_index\":9,\"total_time_ms\":5000,\"group_id\":null}");
    play(tape, "remove", "participant_removed", "c", T0 + 31600, "{'participant_id':'c'}", "{}");
    play(tape, "pause", "session_paused", "a", T0 + 32000, "{}", "{}");
    tape->session->version++;
    record(tape, "session_deleted", NULL, T0 + 33000, "{}", NULL);
}

static void put_away(struct tape *tape)
{
    for (size_t i = 0; i < tape->count; i++) {
        free((char *)tape->events[i].expiries);
        free((char *)tape->events[i].snapshot);
    }
    sk_session_free(tape->session);
}

/* "3 version 40 3;" */
static void note(void *context, const struct sk_difference *difference)
{
    struct sk_buffer *out = context;
    sk_buffer_append_format(out, "%lld %s %s %s;", (long long)difference->event->at_ms - T0, difference->field,
                            difference->recorded, difference->replayed);
}

static void replay(const struct tape *tape, struct sk_buffer *out)
{
    struct sk_replay replay;
    sk_replay_open(&replay, note, out);
    for (size_t i = 0; i < tape->count; i++) {
        CHECK_INT("replay", sk_replay_next(&replay, &tape->events[i], NULL), SK_OK);
    }
    sk_replay_close(&replay);
}

static void a_right_record_gives_no_difference(void)
{
    struct tape tape;
    struct sk_buffer out = {0};
    tell_story(&tape);
    replay(&tape, &out);
    CHECK_TEXT("story", sk_buffer_text(&out), "");
    sk_buffer_clear(&out);
    put_away(&tape);
}

/* The text with the first `from` replaced. Owned. */
static char *replaced(const char *text, const char *from, const char *to)
{
    struct sk_buffer out = {0};
    const char *place = strstr(text, from);
    CU_ASSERT_PTR_NOT_NULL_FATAL(place);
    sk_buffer_append(&out, text, (size_t)(place - text));
    sk_buffer_append_text(&out, to);
    sk_buffer_append_text(&out, place + strlen(from));
    return out.data;
}

static void replace(const char **text, const char *from, const char *to)
{
    char *made = replaced(*text, from, to);
    free((char *)*text);
    *text = made;
}

static void change(struct sk_replay_event *event, char member, const char *from, const char *to)
{
    switch (member) {
    case 'v':
        event->version = strtoll(to, NULL, 10);
        break;
    case 'c':
        event->cycle_number = strtoll(to, NULL, 10);
        break;
    case 'n':
        event->expiry_count = strtoll(to, NULL, 10);
        break;
    case 'a':
        event->at_ms = T0 + strtoll(to, NULL, 10);
        break;
    case 'p':
        event->participant_id = to;
        break;
    case 't':
        event->type = to;
        break;
    case 'm':
        event->metadata = to;
        break;
    case 'e':
        replace(&event->expiries, from, to);
        break;
    default:
        replace(&event->snapshot, from, to);
    }
}

static void each_wrong_record_is_told_once(void)
{
    static const struct {
        size_t event;
        char member; /* as change() knows them; s: the snapshot */
        const char *from;
        const char *to;
        const char *told;
    } rows[] = {
        {2, 'v', "", "40", "5000 version 40 3;"},
        {2, 'c', "", "7", "5000 cycle_number 7 2;"},
        {2, 'p', "", "b", "5000 participant_id \"b\" \"a\";"},
        {0, 's', "\"round\":1", "\"round\":2", "1000 snapshot.metadata.round 1 2;"},
        {0, 's', "\"cycle_number\":0", "\"cycle_number\":4", "0 snapshot.cycle_number 4 0;"},
        {0, 'a', "", "1", "1 at_ms 1790000000001 1790000000000;1 snapshot.updated_at_ms 1790000000000 1790000000001;"},
        {0, 'a', "", "-86400000", "-86400000 at_ms 1789913600000 1790000000000;"},
        {3, 'm', "", "{\"total_time_ms\":20000,\"next_participant_id\":\"a\"}",
         "6000 metadata.next_participant_id \"a\" (nothing);"},
        {1, 'm', "", "{\"reason\":\"x\"}", "1000 metadata.reason \"x\" (nothing);"},
        {0, 'm', "", "[]", "0 metadata [] (an object);"},
        {2, 's', "\"total_time_ms\":58000", "\"total_time_ms\":59000",
         "5000 snapshot.participants.0.total_time_ms 59000 58000;"},
        {3, 's', "\"time_used_ms\":1000,", "\"time_used_ms\":1001,",
         "6000 snapshot.participants.1.time_used_ms 1001 1000;"},
        {3, 's', "\"status\":\"running\"", "\"status\":\"gone\"", "6000 snapshot.status \"gone\" \"running\";"},
        {3, 's', "{", "", "6000 snapshot (nothing) {"},
        {3, 'm', "", "{\"total_time_ms\":20001}", "6000 snapshot.participants.1.total_time_ms 20000 20001;"},
        {3, 'm', "", "{\"total_time_ms\":null}",
         "6000 metadata {\"total_time_ms\":null} (arguments of the operation);"},
        {3, 'm', "", "{\"delta_ms\":99999999999999999}", "6000 metadata {\"delta_ms\":99999999999999999} "},
        {3, 'm', "", NULL, "6000 metadata (nothing) (arguments of the operation);"},
        {3, 'p', "", "z", "6000 type time_adjusted (refused: no participant z);"},
        {3, 't', "", "session_resumed",
         "6000 type session_resumed (refused: cannot be resumed (current status: running));"},
        {3, 't', "", "time_expired", "6000 type time_expired (nothing was due);"},
        {3, 't', "", "clock_broken", "6000 type clock_broken (no type that is known);"},
        {3, 't', "", "session_created", "6000 type session_created (no second creation);"},
        {0, 't', "", "session_started", "0 type session_started session_created;"},
        {4, 'n', "", "2", "30000 expiry_count 2 1;"},
        {4, 'e', "\"at_ms\":1790000026000", "\"at_ms\":1790000030000",
         "30000 expiries.0.at_ms 1790000030000 1790000026000;"},
        {4, 'e', "\"participant_id\":\"b\"", "\"participant_id\":\"a\"",
         "30000 expiries.0.participant_id \"a\" \"b\";"},
        {5, 'm', "", "{\"current_participant_id\":\"a\"}",
         "30000 type cycle_switched (refused: a is not the active participant);"},
        {6, 's', "T14:13:51", "T14:13:52",
         "31000 snapshot.metadata.recovered_at \"2026-09-21T14:13:52.000Z\" \"2026-09-21T14:13:51.000Z\";"},
        {7, 'm', "", "{\"participant_index\":8,\"total_time_ms\":5000}",
         "31500 snapshot.participants.2.participant_index 9 8;"},
        {10, 's', "\"version\":11", "\"version\":12", "33000 snapshot.version 12 11;"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tape tape;
        struct sk_buffer out = {0};
        tell_story(&tape);
        change(&tape.events[rows[i].event], rows[i].member, rows[i].from, rows[i].to);
        replay(&tape, &out);
        const char *told = sk_buffer_text(&out);
        bool is_whole = rows[i].told[strlen(rows[i].told) - 1] == ';';
        if (is_whole || strncmp(told, rows[i].told, strlen(rows[i].told)) != 0) {
            CHECK_TEXT(rows[i].told, told, rows[i].told);
        }
        sk_buffer_clear(&out);
        put_away(&tape);
    }
}

/* A life begins a millisecond after the end of the one before, even where that lies ahead of the clock. */
static void an_id_used_again_at_once_is_right_only_where_it_had_a_life_before(void)
{
    static const struct {
        bool has_former_life;
        int64_t behind_ms;
        const char *told;
    } rows[] = {
        {true, 1, ""},
        {false, 1, "-1 at_ms 1789999999999 1790000000000;"},
        {true, 86400000, "-86400000 at_ms 1789913600000 1790000000000;"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tape tape;
        struct sk_buffer out = {0};
        tell_story(&tape);
        tape.events[0].has_former_life = rows[i].has_former_life;
        tape.events[0].at_ms -= rows[i].behind_ms;
        replay(&tape, &out);
        CHECK_TEXT("told", sk_buffer_text(&out), rows[i].told);
        sk_buffer_clear(&out);
        put_away(&tape);
    }
}

static void what_went_unrecorded_is_told(void)
{
    struct tape tape;
    struct sk_buffer out = {0};
    tell_story(&tape);
    struct sk_replay replay_of;
    sk_replay_open(&replay_of, note, &out);
    for (size_t i = 0; i < tape.count; i++) {
        if (i != 4) { /* the expiry */
            CHECK_INT("replay", sk_replay_next(&replay_of, &tape.events[i], NULL), SK_OK);
        }
    }
    CHECK_INT("after the end", sk_replay_next(&replay_of, &tape.events[9], NULL), SK_OK);
    sk_replay_close(&replay_of);
    CHECK_TEXT("story", sk_buffer_text(&out),
               "30000 time_expired (none before this event) (1 due, at first at_ms 1790000026000);"
               "32000 type session_paused (nothing after session_deleted);");
    sk_buffer_clear(&out);
    put_away(&tape);
}

static void a_line_can_begin_in_the_middle(void)
{
    struct tape tape;
    struct sk_buffer out = {0};
    tell_story(&tape);
    tape.events[5].version = 60;
    for (int known = 0; known < 2; known++) {
        struct sk_replay replay_of;
        sk_buffer_reset(&out);
        sk_replay_open(&replay_of, note, &out);
        sk_replay_resume(&replay_of, &tape.events[5], known == 1);
        CHECK_INT("replay", sk_replay_next(&replay_of, &tape.events[6], NULL), SK_OK);
        CHECK_TEXT("middle", sk_buffer_text(&out), known == 1 ? "" : "30000 version 60 6;");
        sk_replay_close(&replay_of);
    }
    sk_buffer_clear(&out);
    put_away(&tape);
}

static void no_more_than_ten_differences_are_kept(void)
{
    struct sk_comparison found = {.count = 0};
    json_t *left = json_array();
    json_t *right = json_array();
    for (int i = 0; i < 30; i++) {
        json_array_append_new(left, json_integer(i));
    }
    json_array_append_new(right, json_integer(0));
    sk_comparison_json(&found, "list", left, right);
    CHECK_INT("kept", (int64_t)found.count, SK_COMPARISON_MAX);
    CHECK_TEXT("first", found.list[0].field, "list.1");
    CHECK_TEXT("first", found.list[0].replayed, "(nothing)");
    json_decref(left);
    json_decref(right);
}

/* An event is four letters: id, the one before it (-: none), version, instant. A line is F(irst), G(ap), B(ranch) or
 * C(ircle), and ids. */
static void events_descend_from_each_other(void)
{
    static const struct {
        const char *events;
        const char *lines;
    } rows[] = {
        {"", ""},
        {"a-11", "Fa"},
        {"a-11 ba22 cb33", "Fabc"},
        {"cb33 a-11 ba22", "Fabc"},
        {"a-11 ba22 cb33 dc44 xb34", "Fabcd Bx"},
        {"a-11 ba22 cb33 dc44 xb35", "Fabx Bcd"}, /* shorter, but newer: there a recovery would go on */
        {"a-11 ba22 cb34 xb44", "Fabx Bc"},       /* at the same instant: the greater version */
        {"a-11 ba22 dc44 ed55", "Gde Fab"},       /* c is missing */
        {"ba22 cb33", "Gbc"},                     /* the first is missing */
        {"a-11 b-22 cb33", "Fbc Fa"},             /* two beginnings */
        {"a-11 ba22 cd33 dc44", "Fab Ccd"},       /* a circle, which has no end */
        {"a-11 ba22 xa23 yx24 zx25 cb36", "Fabc Bxz By"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static const char starts[] = {'F', 'G', 'B', 'C'};
        struct sk_lineage lineage = {.count = 0};
        struct sk_buffer out = {0};
        for (const char *e = rows[i].events; *e != '\0'; e += e[4] == ' ' ? 5 : 4) {
            struct sk_lineage_event event = {.event_id = {e[0]}, .version = e[2], .at_ms = e[3]};
            if (e[1] != '-') {
                event.prev_event_id[0] = e[1];
            }
            CHECK("add", sk_lineage_add(&lineage, &event));
        }
        CHECK("trace", sk_lineage_trace(&lineage));
        for (size_t l = 0; l < lineage.line_count; l++) {
            sk_buffer_append_format(&out, "%s%c", l > 0 ? " " : "", starts[lineage.lines[l].start]);
            for (size_t place = 0; place < lineage.lines[l].count; place++) {
                sk_buffer_append_text(&out, sk_lineage_at(&lineage, &lineage.lines[l], place)->event_id);
            }
        }
        CHECK_TEXT(rows[i].events, sk_buffer_text(&out), rows[i].lines);
        sk_buffer_clear(&out);
        sk_lineage_clear(&lineage);
    }
}

void suite_replay(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"a right record gives no difference", a_right_record_gives_no_difference},
        {"each wrong record is told once", each_wrong_record_is_told_once},
        {"an id used again at once is right only where it had a life before",
         an_id_used_again_at_once_is_right_only_where_it_had_a_life_before},
        {"what went unrecorded is told", what_went_unrecorded_is_told},
        {"a line can begin in the middle", a_line_can_begin_in_the_middle},
        {"no more than ten differences are kept", no_more_than_ten_differences_are_kept},
        {"events descend from each other", events_descend_from_each_other},
    };
    ADD_TESTS(suite, tests);
}
