/* Fuzz target: the stored form of a session. The first line is an instant, the rest is what Redis or PostgreSQL gave.
 * Whatever the codec accepts comes out of it unchanged, and can be settled at any instant, soon enough. */
#include "tests/fuzz/clock_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char instant[24];
    char event_id[SK_UUID_BYTES];
    struct sk_error error;
    struct sk_session *session = NULL;
    struct input input = {(const char *)data, size};
    struct input line = {"", 0};
    (void)input_line(&input, &line);
    input_word(&line, instant, sizeof instant);
    sk_codec_last_event(input.text, input.length, event_id);
    if (sk_codec_read(input.text, input.length, &session, &error) != SK_OK) {
        MUST(!session && error.text[0]);
        return 0;
    }
    check_stored_form(session);
    struct sk_settlement settlement;
    int64_t now_ms = strtoll(instant, NULL, 10) % (INT64_C(1) << 52);
    settle_and_check(session, now_ms < 0 ? -now_ms : now_ms, &settlement);
    sk_settlement_clear(&settlement);
    check_stored_form(session);
    sk_session_free(session);
    return 0;
}
