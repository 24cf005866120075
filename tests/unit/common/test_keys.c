/* Tests of common/keys. */
#include "common/keys.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <string.h>

#define LONGEST_ID "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_."

static void check_key(struct sk_key key, const char *expected)
{
    CHECK_TEXT(expected, key.text, expected);
    CHECK_INT(expected, (int64_t)key.length, (int64_t)strlen(expected));
}

static void of_a_session(void)
{
    static const char *const ids[] = {"a", "game:7", "a.b-c_d", LONGEST_ID};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char expected[SK_KEY_BYTES];
        (void)snprintf(expected, sizeof expected, "session:%s", ids[i]);
        check_key(sk_key_session(ids[i]), expected);
        (void)snprintf(expected, sizeof expected, "ws:%s", ids[i]);
        struct sk_key channel = sk_key_channel(ids[i]);
        check_key(channel, expected);
        CHECK_TEXT("back", sk_key_channel_session(channel.text), ids[i]);
    }
}

static void of_what_is_no_id(void)
{
    static const char *const texts[] = {
        "",    "a b",      "a\r\nDEL x",
        "{7}", "\xc3\xa9", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.x"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_key(sk_key_session(texts[i]), "");
        check_key(sk_key_channel(texts[i]), "");
    }
}

static void of_an_index(void)
{
    check_key(sk_key_index(SK_PENDING), "sessions:pending");
    check_key(sk_key_index(SK_RUNNING), "sessions:running");
    check_key(sk_key_index(SK_PAUSED), "sessions:paused");
    check_key(sk_key_index(SK_EXPIRED), "");
    check_key(sk_key_index(SK_COMPLETED), "");
    check_key(sk_key_index(SK_CANCELLED), "");
    check_key(sk_key_index(SK_STATUS_COUNT), "");
}

static void channels_of_others(void)
{
    static const char *const channels[] = {
        "",          "ws",   "ws:",    "wsx:a",
        "session:a", "WS:a", "ws:a b", "ws:0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.x"};
    for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++) {
        CHECK_TEXT(channels[i], sk_key_channel_session(channels[i]), NULL);
    }
}

void suite_keys(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"of a session", of_a_session},
        {"of what is no id", of_what_is_no_id},
        {"of an index", of_an_index},
        {"channels of others", channels_of_others},
    };
    ADD_TESTS(suite, tests);
}
