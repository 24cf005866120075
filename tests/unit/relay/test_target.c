/* Tests of relay/target and relay/admission: what a connection asks for, and whether it is let in. */
#include "common/buffer.h"
#include "relay/admission.h"
#include "relay/target.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <string.h>

#define ID64 "0123456789012345678901234567890123456789012345678901234567890123"

static void reads_path_and_query(void)
{
    static const struct {
        const char *path;
        const char *arguments[3];
        enum sk_target_kind kind;
        const char *session_id;
    } rows[] = {
        {"/ws", {"sessionId=g1"}, SK_TARGET_SESSION, "g1"},
        {"/ws/", {"sessionId=g1"}, SK_TARGET_SESSION, "g1"},
        {"/ws", {"token=x", "sessionId=g1"}, SK_TARGET_SESSION, "g1"},
        {"/ws", {"sessionId=g1", "sessionId=g2"}, SK_TARGET_SESSION, "g1"},
        {"/ws", {"sessionId=a b", "sessionId=g2"}, SK_TARGET_MISSING_ID, ""},
        {"/ws", {"sessionId=", "sessionId=g2"}, SK_TARGET_MISSING_ID, ""},
        {"/ws", {"sessionId=" ID64}, SK_TARGET_SESSION, ID64},
        {"/ws", {"sessionId=" ID64 "4"}, SK_TARGET_MISSING_ID, ""},
        {"/ws", {"sessionId="}, SK_TARGET_MISSING_ID, ""},
        {"/ws", {"sessionid=g1"}, SK_TARGET_MISSING_ID, ""},
        {"/ws", {"sessionId=a b"}, SK_TARGET_MISSING_ID, ""},
        {"/ws", {NULL}, SK_TARGET_MISSING_ID, ""},
        {"/sessions/g1", {NULL}, SK_TARGET_SESSION, "g1"},
        {"/sessions/a.b:c-d_e", {NULL}, SK_TARGET_SESSION, "a.b:c-d_e"},
        {"/sessions/g1", {"sessionId=g2"}, SK_TARGET_SESSION, "g1"},
        {"/sessions/", {"sessionId=g2"}, SK_TARGET_MISSING_ID, ""},
        {"/sessions/g1/", {NULL}, SK_TARGET_MISSING_ID, ""},
        {"/sessions/g1/x", {NULL}, SK_TARGET_MISSING_ID, ""},
        {"/sessions", {NULL}, SK_TARGET_UNKNOWN, ""},
        {"/wss", {"sessionId=g1"}, SK_TARGET_UNKNOWN, ""},
        {"/feed", {NULL}, SK_TARGET_FEED, ""},
        {"/feed/", {"token=x"}, SK_TARGET_FEED, ""},
        {"/feed", {"sessionId=g1"}, SK_TARGET_FEED, ""},
        {"/feed/g1", {NULL}, SK_TARGET_UNKNOWN, ""},
        {"/feeds", {NULL}, SK_TARGET_UNKNOWN, ""},
        {"", {NULL}, SK_TARGET_UNKNOWN, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sk_target target;
        sk_target_read_path(&target, rows[i].path);
        for (size_t j = 0; j < 3 && rows[i].arguments[j] != NULL; j++) {
            sk_target_read_argument(&target, rows[i].path, rows[i].arguments[j]);
        }
        CHECK_INT(rows[i].path, target.kind, rows[i].kind);
        CHECK_TEXT(rows[i].path, target.session_id, rows[i].session_id);
    }
}

static void decides_who_is_let_in(void)
{
    static const struct {
        const char *name;
        enum sk_target_kind kind;
        int64_t connections;
        bool draining;
        enum sk_close code;
    } rows[] = {
        {"a place is free", SK_TARGET_SESSION, 9, false, SK_CLOSE_NONE},
        {"the feed", SK_TARGET_FEED, 9, false, SK_CLOSE_NONE},
        {"full", SK_TARGET_SESSION, 10, false, SK_CLOSE_BUSY},
        {"no id", SK_TARGET_MISSING_ID, 0, false, SK_CLOSE_POLICY},
        {"no route, though full", SK_TARGET_UNKNOWN, 10, false, SK_CLOSE_POLICY},
        {"draining comes first", SK_TARGET_UNKNOWN, 10, true, SK_CLOSE_GOING_AWAY},
    };
    struct sk_error error;
    struct sk_keyring *keyring = NULL;
    const struct sk_config open = {.auth = false}; /* tokens are the integration tests' matter */
    CU_ASSERT_EQUAL_FATAL(sk_keyring_open(&keyring, &open, &error), SK_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct sk_visit visit = {.target = {.kind = rows[i].kind}, .origin = "https://x.example"};
        const struct sk_admission admission = {.visit = &visit,
                                               .keyring = keyring,
                                               .origins = "",
                                               .connections = rows[i].connections,
                                               .connections_max = 10,
                                               .draining = rows[i].draining};
        struct sk_identity identity;
        struct sk_refusal refusal = sk_admission_decide(&admission, &identity);
        CHECK_INT(rows[i].name, refusal.code, rows[i].code);
        CHECK(rows[i].name, strlen(refusal.reason) <= 123); /* RFC 6455 §5.5: what a close frame can carry */
    }
    sk_keyring_free(keyring);
}

static void knows_targets_that_cannot_be_taken_apart(void)
{
    static const struct {
        const char *target;
        bool sound;
    } rows[] = {
        {"", true},           {"/ws?sessionId=a", true},  {"/ws?a=%41", true}, {"/%fF%7e", true},
        {"/%0a", true},       {"/ws?a=%", false},         {"/ws?a=%4", false}, {"/ws?a=%zz", false},
        {"/ws?a=%4g", false}, {"/sessions/a%00b", false}, {"/ws?a=%25", true}, {"/ws?a=%%41", false},
    };
    struct sk_buffer query = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_INT(rows[i].target, sk_target_is_sound(rows[i].target, strlen(rows[i].target)), rows[i].sound);
    }
    CHECK("not beyond its end", !sk_target_is_sound("/%41", 3));
    sk_buffer_append_text(&query, "/ws?sessionId=a");
    for (int i = 1; i < SK_TARGET_ARGUMENTS_MAX; i++) {
        sk_buffer_append_text(&query, "&a=1");
    }
    CHECK("as many as there may be", sk_target_is_sound(query.data, query.length));
    sk_buffer_append_text(&query, ";");
    CHECK("one more", !sk_target_is_sound(query.data, query.length));
    sk_buffer_clear(&query);
}

void suite_relay_target(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"reads path and query", reads_path_and_query},
        {"decides who is let in", decides_who_is_let_in},
        {"knows targets that cannot be taken apart", knows_targets_that_cannot_be_taken_apart},
    };
    ADD_TESTS(suite, tests);
}
