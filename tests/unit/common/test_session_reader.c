/* Tests of common/session_reader and field_reader: every problem of a body, by its field. */
#include "common/session_reader.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *parse(const char *text)
{
    char json[4096];
    (void)snprintf(json, sizeof(json), "%s", text);
    for (char *c = json; *c != '\0'; c++) {
        if (*c == '\'') {
            *c = '"';
        }
    }
    return sk_body_parse(json, strlen(json), NULL);
}

/* The fields with a problem, joined by spaces. */
static void fields_of(const struct sk_problems *problems, char *out, size_t bytes)
{
    out[0] = '\0';
    for (size_t i = 0; i < sk_problems_kept(problems); i++) {
        size_t used = strlen(out);
        (void)snprintf(out + used, bytes - used, "%s%s", i > 0 ? " " : "", problems->list[i].field);
    }
}

#define TWO "'participants':[{'participant_id':'a'},{'participant_id':'b'}]"

static void names_every_wrong_field_of_a_configuration(void)
{
    static const struct {
        const char *body, *fields;
    } rows[] = {
        {"{}", "sync_mode"},
        {"{'sync_mode':'chess'}", "sync_mode"},
        {"{'sync_mode':7}", "sync_mode"},
        {"{'sync_mode':'count_up'}", ""},
        {"{'sync_mode':'count_up','max_time_ms':null,'metadata':null}", ""},
        {"{'sync_mode':'count_up','mystery':1}", "mystery"},
        {"{'sync_mode':'global'}", "time_per_cycle_ms"},
        {"{'sync_mode':'global','total_time_ms':1000}", ""},
        {"{'sync_mode':'global','total_time_ms':999}", "total_time_ms time_per_cycle_ms"},
        {"{'sync_mode':'per_cycle','time_per_cycle_ms':1000}", "participants"},
        {"{'sync_mode':'per_cycle'," TWO "}", "time_per_cycle_ms"},
        {"{'sync_mode':'per_cycle','time_per_cycle_ms':2678400001," TWO "}", "time_per_cycle_ms time_per_cycle_ms"},
        {"{'sync_mode':'per_participant'," TWO "}", "participants[0].total_time_ms participants[1].total_time_ms"},
        {"{'sync_mode':'per_participant','total_time_ms':5000," TWO "}", ""},
        {"{'sync_mode':'per_participant','total_time_ms':5000.0," TWO "}",
         "total_time_ms participants[0].total_time_ms participants[1].total_time_ms"},
        {"{'sync_mode':'per_participant','total_time_ms':5000,'participants':[{'participant_id':'a','total_time_ms':0}]"
         "}",
         "participants[0].total_time_ms"},
        {"{'sync_mode':'per_cycle','time_per_cycle_ms':5000,'participants':[{'participant_id':'a','total_time_ms':0}]}",
         ""},
        {"{'sync_mode':'count_up','participants':[{'participant_id':'a','total_time_ms':999}]}",
         "participants[0].total_time_ms"},
        {"{'sync_mode':'count_up','participants':[{'participant_id':'a'},{'participant_id':'a'}]}",
         "participants[1].participant_id"},
        {"{'sync_mode':'count_up','participants':[{'participant_id':'a','participant_index':1},{'participant_id':'b'}]"
         "}",
         "participants[1].participant_index"},
        {"{'sync_mode':'count_up','participants':[{'participant_id':'a b'},{},7,{'participant_id':'c','x':1}]}",
         "participants[0].participant_id participants[1].participant_id participants[2] participants[3].x"},
        {"{'sync_mode':'count_up','participants':{}}", "participants"},
        {"{'sync_mode':'count_up','session_id':''}", "session_id"},
        {"{'sync_mode':'count_up','session_id':'a/b'}", "session_id"},
        {"{'sync_mode':'count_up','session_id':'1234567890123456789012345678901234567890123456789012345678901234'}",
         ""},
        {"{'sync_mode':'count_up','session_id':'12345678901234567890123456789012345678901234567890123456789012345'}",
         "session_id"},
        {"{'sync_mode':'count_up','increment_ms':-1,'auto_advance':'yes','metadata':[]}",
         "increment_ms auto_advance metadata"},
        {"{'sync_mode':'count_up','increment_ms':3600000}", ""},
        {"{'sync_mode':'count_up','increment_ms':3600001}", "increment_ms"},
        {"{'sync_mode':'count_up','warnings_ms':[100,3600000]}", ""},
        {"{'sync_mode':'count_up','warnings_ms':[99,3600001,'x',500,500]}",
         "warnings_ms[0] warnings_ms[1] warnings_ms[2] warnings_ms[4]"},
        {"{'sync_mode':'count_up','warnings_ms':[1000,2000,3000,4000,5000,6000,7000,8000,9000]}", "warnings_ms"},
        {"{'sync_mode':'count_up','action_on_timeout':{}}", "action_on_timeout.type"},
        {"{'sync_mode':'count_up','action_on_timeout':{'type':''}}", "action_on_timeout.type"},
        {"{'sync_mode':'count_up','action_on_timeout':'end_session'}", "action_on_timeout"},
        {"{'sync_mode':'count_up','active_participant_id':'a'}", "active_participant_id"},
        {"{'sync_mode':'per_group','total_time_ms':5000," TWO "}", "participants[0].group_id participants[1].group_id"},
        {"{'sync_mode':'per_group','groups':[{'group_id':'g'},{'group_id':'g','total_time_ms':5000},{}],"
         "'participants':[{'participant_id':'a','group_id':'h'}]}",
         "groups[0].total_time_ms groups[1].group_id groups[2].group_id groups[2].total_time_ms "
         "participants[0].total_time_ms groups[0].group_id groups[1].group_id groups[2].group_id"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char fields[1024];
        struct sk_problems problems = {0};
        struct sk_session *session = sk_session_new();
        json_t *body = parse(rows[i].body);
        sk_session_read(body, session, &problems);
        fields_of(&problems, fields, sizeof(fields));
        CHECK_TEXT(rows[i].body, fields, rows[i].fields);
        sk_problems_clear(&problems);
        sk_session_free(session);
        json_decref(body);
    }
}

static void names_every_wrong_field_of_an_operation(void)
{
    static const struct {
        enum sk_op op;
        const char *body, *fields;
    } rows[] = {
        {SK_OP_START, "{}", ""},
        {SK_OP_START, "{'expected_version':3}", ""},
        {SK_OP_START, "{'expected_version':0}", "expected_version"},
        {SK_OP_START, "{'current_participant_id':'a'}", "current_participant_id"},
        {SK_OP_SWITCH, "{'current_participant_id':'a','current_cycle_number':1,'next_participant_id':'b'}", ""},
        {SK_OP_SWITCH, "{'current_participant_id':1,'current_cycle_number':'1','next':'b'}",
         "next current_participant_id current_cycle_number"},
        {SK_OP_ADJUST, "{}", "total_time_ms"},
        {SK_OP_ADJUST, "{'total_time_ms':0}", ""},
        {SK_OP_ADJUST, "{'total_time_ms':null}", "total_time_ms"},
        {SK_OP_ADJUST, "{'total_time_ms':null,'delta_ms':5}", ""},
        {SK_OP_ADJUST, "{'delta_ms':-2678400000}", ""},
        {SK_OP_ADJUST, "{'delta_ms':-2678400001}", "delta_ms"},
        {SK_OP_ADJUST, "{'total_time_ms':1,'delta_ms':1}", "total_time_ms"},
        {SK_OP_ADJUST, "{'delta_ms':1,'reason':'late'}", ""},
        {SK_OP_ADJUST, "{'delta_ms':1,'reason':''}", ""},
        {SK_OP_ADJUST, "{'delta_ms':1,'reason':null}", ""},
        {SK_OP_ADJUST, "{'delta_ms':1,'reason':['late']}", "reason"},
        {SK_OP_ADJUST, "{'reason':1}", "reason total_time_ms"},
        {SK_OP_REMOVE, "{'reason':'late'}", "reason"},
        {SK_OP_ADD, "{}", "participant_id"},
        {SK_OP_ADD, "{'participant_id':'a','total_time_ms':500}", "total_time_ms"},
        {SK_OP_ADD, "{'participant_id':'a','participant_index':-1}", "participant_index"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char fields[256];
        struct sk_problems problems = {0};
        struct sk_operation operation;
        json_t *body = parse(rows[i].body);
        sk_operation_read(body, rows[i].op, &operation, &problems);
        fields_of(&problems, fields, sizeof(fields));
        CHECK_TEXT(rows[i].body, fields, rows[i].fields);
        sk_problems_clear(&problems);
        json_decref(body);
    }
}

static void refuses_what_is_no_json_object(void)
{
    static const char *const rows[] = {
        "[]",          "7",    "{\"a\":1,\"a\":2}",   "{\"a\":1",   "{\"a\":\"\xff\"}",
        "{\"a\":NaN}", "{}{}", "{\"a\":\"\\u0000\"}", "{\"a\":01}", "{\"a\":99999999999999999999}",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sk_error error = {SK_OK, ""};
        json_t *body = sk_body_parse(rows[i], strlen(rows[i]), &error);
        CHECK(rows[i], body == NULL);
        CHECK_INT(rows[i], error.code, SK_INVALID_JSON);
        CHECK(rows[i], error.text[0] != '\0');
        json_decref(body);
    }
    json_t *empty = sk_body_parse("", 0, NULL);
    CHECK_INT("an empty body counts as {}", (int64_t)json_object_size(empty), 0);
    CHECK("an empty body counts as {}", json_is_object(empty));
    json_decref(empty);
}

/* The text of an error is logged. */
static void tells_nothing_of_what_is_wrong(void)
{
    static const char *const rows[] = {
        "{\"a\":secret}",
        "{\"a\":\"b\" \"secret\"}",
        "{\"secret\":1,\"secret\":2}",
        "{\"a\":1} secret",
        "[1, secret",
        "{\"a\":\"secret",
        "{\"a\":[\"\xff secret\"]}",
        "{\"a\":\"secret near 'secret\" x}",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sk_error error = {SK_OK, ""};
        json_t *body = sk_body_parse(rows[i], strlen(rows[i]), &error);
        CHECK(rows[i], body == NULL);
        CHECK(error.text, strstr(error.text, "secret") == NULL);
        CHECK(error.text, strncmp(error.text, "line 1, column ", 15) == 0 && strlen(error.text) > 20);
        json_decref(body);
    }
}

static void bounds_the_depth(void)
{
    char deep[256];
    for (size_t levels = 31; levels <= 33; levels++) {
        size_t used = 0;
        deep[used++] = '{';
        used += (size_t)snprintf(deep + used, sizeof(deep) - used, "\"[{\":\"]\\\"[\",\"a\":");
        memset(deep + used, '[', levels - 1);
        used += levels - 1;
        memset(deep + used, ']', levels - 1);
        used += levels - 1;
        deep[used++] = '}';
        json_t *body = sk_body_parse(deep, used, NULL);
        CHECK_INT("levels", body != NULL, levels <= 32);
        json_decref(body);
    }
    size_t length = 1 << 20;
    char *bomb = malloc(length);
    if (CHECK("memory", bomb != NULL)) {
        memset(bomb, '[', length);
        CHECK("a bomb of brackets", sk_body_parse(bomb, length, NULL) == NULL);
    }
    free(bomb);
}

/* As many as a body within all other limits could never have. */
static void bounds_the_number_of_values(void)
{
    static char text[80000];
    for (size_t values = 32767; values <= 32769; values++) {
        size_t used = (size_t)snprintf(text, sizeof(text), "{\"a,,\":[");
        for (size_t i = 3; i < values; i++) { /* the object, the list, and its first element */
            text[used++] = '0';
            text[used++] = ',';
        }
        used += (size_t)snprintf(text + used, sizeof(text) - used, "0]}");
        struct sk_error error = {SK_OK, ""};
        json_t *body = sk_body_parse(text, used, &error);
        CHECK_INT("values", body != NULL, values <= 32768);
        CHECK_INT("values", error.code, values <= 32768 ? SK_OK : SK_INVALID_JSON);
        json_decref(body);
    }
}

/* A field's name is shown cut, but never in the middle of a character: the answer must stay UTF-8. */
static void cuts_a_long_name_between_characters(void)
{
    for (size_t length = 180; length < 200; length++) {
        char name[256];
        struct sk_problems problems = {0};
        struct sk_session *session = sk_session_new();
        memset(name, 'a', length);
        (void)snprintf(name + length, sizeof(name) - length, "\xc3\xa9");
        json_t *body = json_pack("{s:s, s:i}", "sync_mode", "count_up", name, 1);
        sk_session_read(body, session, &problems);
        CHECK_INT("problems", (int64_t)problems.count, 1);
        json_t *shown = json_string(problems.list[0].field);
        CHECK("valid UTF-8", shown != NULL);
        json_decref(shown);
        json_decref(body);
        sk_problems_clear(&problems);
        sk_session_free(session);
    }
}

void suite_session_reader(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"names every wrong field of a configuration", names_every_wrong_field_of_a_configuration},
        {"names every wrong field of an operation", names_every_wrong_field_of_an_operation},
        {"refuses what is no JSON object", refuses_what_is_no_json_object},
        {"tells nothing of what is wrong", tells_nothing_of_what_is_wrong},
        {"bounds the depth", bounds_the_depth},
        {"bounds the number of values", bounds_the_number_of_values},
        {"cuts a long name between characters", cuts_a_long_name_between_characters},
    };
    ADD_TESTS(suite, tests);
}
