/* Who is let in: the limits. (Tokens, origins and paths are tested over the real relay.) */
#include "common/log.h"
#include "relay/admission.h"
#include "tests/unit/check.h"
#include "tests/unit/common/keyrings.h"
#include "tests/unit/suites.h"

#include <string.h>

static void limits_of_room(void)
{
    static const struct {
        const char *name;
        int64_t connections, connections_max, neighbours, neighbours_max, watchers, watchers_max;
        bool draining;
        enum sk_close code;
        const char *reason;
    } rows[] = {
        {"the last place", 9, 10, 4, 5, 1, 2, false, SK_CLOSE_NONE, ""},
        {"the relay is full", 10, 10, 0, 0, 0, 0, false, SK_CLOSE_BUSY, "too many connections"},
        {"the address is", 5, 10, 5, 5, 0, 0, false, SK_CLOSE_BUSY, "too many connections from this address"},
        {"the session is", 5, 10, 0, 5, 2, 2, false, SK_CLOSE_BUSY, "too many connections to this session"},
        {"0 is no limit", 5, 10, 9, 0, 9, 0, false, SK_CLOSE_NONE, ""},
        {"draining comes first", 10, 10, 5, 5, 2, 2, true, SK_CLOSE_GOING_AWAY, "draining"},
    };
    struct sk_error error;
    struct sk_keyring *keyring = NULL;
    struct sk_config config = keyring_config("");
    config.auth = false;
    CU_ASSERT_EQUAL_FATAL(sk_keyring_open(&keyring, &config, &error), SK_OK);
    const struct sk_visit visit = {.target = {.kind = SK_TARGET_SESSION, .session_id = "s"}, .origin = ""};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_identity identity;
        const struct sk_refusal refusal =
            sk_admission_decide(&(struct sk_admission){.visit = &visit,
                                                       .keyring = keyring,
                                                       .origins = "",
                                                       .connections = rows[i].connections,
                                                       .connections_max = rows[i].connections_max,
                                                       .neighbours = rows[i].neighbours,
                                                       .neighbours_max = rows[i].neighbours_max,
                                                       .watchers = rows[i].watchers,
                                                       .watchers_max = rows[i].watchers_max,
                                                       .draining = rows[i].draining},
                                &identity);
        CHECK_INT(rows[i].name, refusal.code, rows[i].code);
        CHECK_TEXT(rows[i].name, refusal.reason, rows[i].reason);
    }
    sk_keyring_free(keyring);
}

void suite_relay_admission(CU_pSuite suite)
{
    static const struct unit_test tests[] = {{"limits of room", limits_of_room}};
    ADD_TESTS(suite, tests);
}
