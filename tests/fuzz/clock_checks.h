/* What holds of every session, whatever was done to it. */
#ifndef SK_TESTS_FUZZ_CLOCK_CHECKS_H
#define SK_TESTS_FUZZ_CLOCK_CHECKS_H

#include "common/codec.h"
#include "common/engine.h"
#include "common/view.h"
#include "tests/fuzz/fuzz.h"

/* The stored form, read and written again, is the same text. */
static inline void check_stored_form(const struct sk_session *session)
{
    struct sk_buffer first = {0};
    struct sk_buffer second = {0};
    struct sk_session *copy = NULL;
    struct sk_error error;
    sk_codec_write(&first, session);
    MUST(!first.failed && sk_codec_read(first.data, first.length, &copy, &error) == SK_OK);
    sk_codec_write(&second, copy);
    MUST(second.length == first.length && memcmp(first.data, second.data, first.length) == 0);
    sk_session_free(copy);
    sk_buffer_clear(&first);
    sk_buffer_clear(&second);
}

/* The view is JSON that a strict reader takes. */
static inline void check_view(const struct sk_session *session, int64_t now_ms)
{
    struct sk_buffer out = {0};
    struct sk_json_writer writer = {.out = &out};
    sk_view_write(&writer, NULL, session, now_ms);
    json_t *view = json_loadb(sk_buffer_text(&out), out.length, JSON_REJECT_DUPLICATES, NULL);
    MUST(json_is_object(view));
    json_decref(view);
    sk_buffer_clear(&out);
}

/* Settles at now; a second settle at the same instant finds nothing left to do. */
static inline void settle_and_check(struct sk_session *session, int64_t now_ms, struct sk_settlement *settlement)
{
    struct sk_error error;
    struct sk_settlement again;
    int64_t version = session->version;
    MUST(sk_engine_settle(session, now_ms, settlement, &error) == SK_OK);
    MUST(session->version == version + (settlement->count > 0));
    MUST(settlement->kept <= SK_EXPIRIES_KEPT && (int64_t)settlement->kept <= settlement->count);
    MUST(sk_engine_settle(session, now_ms, &again, &error) == SK_OK);
    MUST(again.count == 0);
    sk_settlement_clear(&again);
    int64_t timer_ms = sk_engine_next_timer(session, now_ms);
    MUST(timer_ms == SK_NONE || timer_ms > now_ms);
    check_view(session, now_ms);
}

#endif
