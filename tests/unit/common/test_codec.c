/* Tests of common/codec: what is stored comes back, and what is damaged is refused. */
#include "common/codec.h"
#include "tests/unit/check.h"
#include "tests/unit/common/sessions.h"
#include "tests/unit/suites.h"

#include <stdlib.h>
#include <string.h>

#define TEAMS                                                                                                          \
    "{'sync_mode':'per_group','increment_ms':500,'max_time_ms':90000,'auto_advance':true,"                             \
    "'action_on_timeout':{'type':'auto_fold','note':'\\u00e9\\\\'},'warnings_ms':[3000,200],"                          \
    "'active_participant_id':'b1','metadata':{'room':7},"                                                              \
    "'groups':[{'group_id':'red','total_time_ms':60000}],'participants':["                                             \
    "{'participant_id':'a1','group_id':'red'},{'participant_id':'b1','group_id':'blue','total_time_ms':2000}]}"

static char *stored(const struct sk_session *session, struct sk_buffer *out)
{
    sk_buffer_reset(out);
    sk_codec_write(out, session);
    return out->data;
}

/* Writing what was read of what was written changes nothing: so nothing was lost on the way. */
static void comes_back_as_it_was(void)
{
    static const char *const ways[] = {"", "s", "sp", "se", "sep", "sc", "sx"};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct sk_buffer first = {0};
        struct sk_buffer second = {0};
        struct sk_session *session = session_of(TEAMS);
        struct sk_session *back = NULL;
        int64_t now_ms = T0;
        for (const char *c = ways[i]; *c != '\0'; c++) {
            const char *op = *c == 's' ? "start" : *c == 'p' ? "pause" : *c == 'c' ? "complete" : "cancel";
            now_ms += *c == 'e' ? 2500 : 100; /* e: time passes until the blue team has run out */
            (void)operate(session, *c == 'e' ? "view" : op, "{}", now_ms);
        }
        memcpy(session->last_event_id, "0190aaaa-0000-7000-8000-000000000001", SK_UUID_BYTES);
        stored(session, &first);
        CHECK_INT(ways[i], sk_codec_read(first.data, first.length, &back, NULL), SK_OK);
        if (back) {
            CHECK_TEXT(ways[i], stored(back, &second), first.data);
            CHECK_INT(ways[i], (int64_t)back->active, (int64_t)session->active);
            CHECK_INT(ways[i], sk_engine_next_timer(back, now_ms), sk_engine_next_timer(session, now_ms));
        }
        sk_session_free(back);
        sk_session_free(session);
        sk_buffer_clear(&first);
        sk_buffer_clear(&second);
    }
}

static void refuses_a_form_with_any_member_missing_or_of_another_type(void)
{
    struct sk_buffer text = {0};
    struct sk_session *session = session_of(TEAMS);
    (void)operate(session, "start", "{}", T0);
    stored(session, &text);
    json_t *whole = json_loadb(text.data, text.length, 0, NULL);
    const char *key;
    json_t *value;
    json_object_foreach(whole, key, value)
    {
        for (int broken = 0; broken < 2; broken++) {
            json_t *copy = json_deep_copy(whole);
            if (broken) {
                json_object_set_new(copy, key, json_real(0.5));
            } else {
                json_object_del(copy, key);
            }
            char *damaged = json_dumps(copy, JSON_COMPACT);
            struct sk_session *back = NULL;
            struct sk_error error = {SK_OK, ""};
            CHECK_INT(key, sk_codec_read(damaged, strlen(damaged), &back, &error), SK_INTERNAL_ERROR);
            CHECK(key, back == NULL && error.text[0] != '\0');
            free(damaged);
            json_decref(copy);
        }
    }
    json_decref(whole);
    sk_session_free(session);
    sk_buffer_clear(&text);
}

static void refuses_a_cut_form_at_every_byte(void)
{
    struct sk_buffer text = {0};
    struct sk_session *session = session_of(TEAMS);
    stored(session, &text);
    for (size_t length = 0; length < text.length; length++) {
        struct sk_session *back = NULL;
        if (!CHECK_INT("cut", sk_codec_read(text.data, length, &back, NULL), SK_INTERNAL_ERROR)) {
            break;
        }
    }
    sk_session_free(session);
    sk_buffer_clear(&text);
}

static void refuses_what_contradicts_itself(void)
{
    static const struct {
        const char *key, *json;
    } rows[] = {
        {"format", "2"},
        {"status", "\"running\""},
        {"status", "\"asleep\""},
        {"active_participant_id", "\"nobody\""},
        {"participants", "[]"},
        {"participants", "[{}]"},
        {"groups", "[]"},
        {"config", "{}"},
        {"version", "-1"},
        {"updated_at_ms", "9223372036854775807"},
        {"participants", "[{\"participant_id\":\"b1\",\"group_id\":\"red\",\"participant_index\":0,\"cycle_count\":0,"
                         "\"total_time_ms\":-5,\"time_used_ms\":0,\"has_expired\":false}]"},
    };
    struct sk_buffer text = {0};
    struct sk_session *session = session_of(TEAMS);
    stored(session, &text);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *copy = json_loadb(text.data, text.length, 0, NULL);
        json_object_set_new(copy, rows[i].key, json_loads(rows[i].json, JSON_DECODE_ANY, NULL));
        char *damaged = json_dumps(copy, JSON_COMPACT);
        struct sk_session *back = NULL;
        CHECK_INT(rows[i].key, sk_codec_read(damaged, strlen(damaged), &back, NULL), SK_INTERNAL_ERROR);
        free(damaged);
        json_decref(copy);
    }
    sk_session_free(session);
    sk_buffer_clear(&text);
}

/* Settling it went through seven million cycles of 30 seconds. */
static void a_cycle_that_began_years_ago_advanced_for_minutes(void)
{
    struct sk_buffer text = {0};
    struct sk_session *session = session_of("{'sync_mode':'per_cycle','time_per_cycle_ms':30000,'auto_advance':true,"
                                            "'participants':[{'participant_id':'a'},{'participant_id':'b'}]}");
    struct sk_session *back = NULL;
    (void)operate(session, "start", "{}", T0);
    session->cycle_started_at_ms -= INT64_C(210000000000);
    stored(session, &text);
    CHECK_INT("years ago", sk_codec_read(text.data, text.length, &back, NULL), SK_INTERNAL_ERROR);
    session->cycle_started_at_ms = T0 - 30000; /* the last instant at which it may have begun */
    stored(session, &text);
    CHECK_INT("as long ago as can be", sk_codec_read(text.data, text.length, &back, NULL), SK_OK);
    sk_session_free(back);
    sk_session_free(session);
    sk_buffer_clear(&text);
}

static void a_tombstone_is_no_session(void)
{
    struct sk_buffer text = {0};
    struct sk_session *back = NULL;
    char last[SK_UUID_BYTES];
    sk_codec_write_tombstone(&text, "s1", "0190aaaa-0000-7000-8000-000000000001", T0);
    CHECK_INT("tombstone", sk_codec_read(text.data, text.length, &back, NULL), SK_SESSION_NOT_FOUND);
    sk_codec_last_event(text.data, text.length, last);
    CHECK_TEXT("last event", last, "0190aaaa-0000-7000-8000-000000000001");
    sk_codec_last_event("rubbish", 7, last);
    CHECK_TEXT("of rubbish", last, "");
    sk_codec_last_event("[1]", 3, last);
    CHECK_TEXT("of a list", last, "");
    sk_buffer_clear(&text);
}

/* PostgreSQL writes numbers out in full. */
static void takes_reals_that_were_written_out(void)
{
    static const struct {
        const char *text;
        const char *value; /* as Jansson writes it; NULL: refused */
    } rows[] = {
        {"{\"a\":100000000000000000000}", "{\"a\":1e20}"},
        {"{\"a\":[-100000000000000000000,9223372036854775807,-7]}", "{\"a\":[-1e20,9223372036854775807,-7]}"},
        {"{\"a\":9223372036854775808,\"b\":0.25}", "{\"a\":9.2233720368547758e18,\"b\":0.25}"},
        {"{\"100000000000000000000\":\"\\\"100000000000000000000\",\"a\":100000000000000000000}",
         "{\"100000000000000000000\":\"\\\"100000000000000000000\",\"a\":1e20}"},
        {"{\"a\":100000000000000000000,}", NULL},
        {"{\"a\":1,}", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_error_t fault;
        json_t *value = sk_codec_parse(rows[i].text, strlen(rows[i].text), &fault);
        char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
        CHECK_TEXT(rows[i].text, text, rows[i].value);
        free(text);
        json_decref(value);
    }
}

void suite_codec(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"comes back as it was", comes_back_as_it_was},
        {"refuses a form with any member missing or of another type",
         refuses_a_form_with_any_member_missing_or_of_another_type},
        {"refuses a cut form at every byte", refuses_a_cut_form_at_every_byte},
        {"refuses what contradicts itself", refuses_what_contradicts_itself},
        {"a cycle that began years ago advanced for minutes", a_cycle_that_began_years_ago_advanced_for_minutes},
        {"a tombstone is no session", a_tombstone_is_no_session},
        {"takes reals that were written out", takes_reals_that_were_written_out},
    };
    ADD_TESTS(suite, tests);
}
