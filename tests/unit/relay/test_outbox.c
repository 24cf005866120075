/* Tests of relay/outbox and relay/frame_buffer: what waits for a client that reads slowly, in which order, and how much
 * of it. A frame's text is its name in these tests. */
#include "relay/outbox.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <string.h>

/* U: STATE_UPDATE, S: STATE_SYNC, anything else: an event. */
static struct sk_frame_buffer *frame_of(char letter)
{
    enum sk_frame_type type = letter == 'U'   ? SK_FRAME_STATE_UPDATE
                              : letter == 'S' ? SK_FRAME_STATE_SYNC
                                              : SK_FRAME_TIME_WARNING;
    return sk_frame_buffer_new(type, &letter, 1);
}

/* The letters; U and S are followed by a digit of their own, which is the text. */
static bool push_all(struct sk_outbox *outbox, const char *letters)
{
    bool pushed = true;
    for (const char *c = letters; *c != '\0'; c++) {
        struct sk_frame_buffer *frame = frame_of(*c);
        if ((*c == 'U' || *c == 'S') && c[1] != '\0') {
            memcpy(sk_frame_buffer_text(frame), ++c, 1);
        }
        pushed = sk_outbox_push(outbox, frame) && pushed;
        sk_frame_buffer_release(frame);
    }
    return pushed;
}

static const char *pop_all(struct sk_outbox *outbox, char *text, size_t bytes)
{
    size_t length = 0;
    struct sk_frame_buffer *frame;
    while ((frame = sk_outbox_first(outbox)) != NULL && length + 1 < bytes) {
        memcpy(text + length++, sk_frame_buffer_text(frame), 1);
        sk_outbox_drop_first(outbox);
    }
    text[length] = '\0';
    return text;
}

static void keeps_order_and_the_newest_state(void)
{
    static const struct {
        const char *pushed;
        const char *sent;
        size_t replaced; /* of the STATE_UPDATEs */
    } rows[] = {
        {"", "", 0},         {"abc", "abc", 0},      {"U1", "1", 0},   {"U1U2U3", "3", 2},
        {"U1aU2", "a2", 1},  {"aU1bU2c", "ab2c", 1}, {"U1S2", "2", 1}, {"S1U2", "12", 0},
        {"S1U2U3", "13", 1}, {"S1U2S3", "3", 1},     {"S1S2", "2", 0}, {"S1aU2bS3cU4", "ab3c4", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sk_outbox outbox;
        char text[32];
        sk_outbox_init(&outbox);
        CHECK(rows[i].pushed, push_all(&outbox, rows[i].pushed));
        CHECK_TEXT(rows[i].pushed, pop_all(&outbox, text, sizeof text), rows[i].sent);
        CHECK_INT(rows[i].pushed, (int64_t)outbox.replaced, (int64_t)rows[i].replaced);
        CHECK_INT(rows[i].pushed, (int64_t)outbox.events, 0);
        sk_outbox_clear(&outbox);
    }
}

static void is_bounded(void)
{
    struct sk_outbox outbox;
    sk_outbox_init(&outbox);
    for (int i = 0; i < SK_OUTBOX_EVENTS_MAX; i++) {
        CHECK("fits", push_all(&outbox, "e"));
    }
    CHECK("one too many", !push_all(&outbox, "e"));
    CHECK("states always fit", push_all(&outbox, "U1S2U3"));
    sk_outbox_drop_first(&outbox);
    CHECK("room again", push_all(&outbox, "e"));
    CHECK("full again", !push_all(&outbox, "e"));
    sk_outbox_clear(&outbox);
    CHECK("empty", sk_outbox_first(&outbox) == NULL);
    CHECK("usable after clearing", push_all(&outbox, "e"));
    sk_outbox_clear(&outbox);
    outbox.events_max = 2;
    CHECK("a limit of its own", push_all(&outbox, "ee") && !push_all(&outbox, "e"));
    sk_outbox_clear(&outbox);
    CHECK("it stays", push_all(&outbox, "ee") && !push_all(&outbox, "e"));
    sk_outbox_clear(&outbox);
}

static void puts_the_opening_in_front_and_keeps_it(void)
{
    struct sk_outbox outbox;
    char text[32];
    struct sk_frame_buffer *opening = sk_frame_buffer_new(SK_FRAME_STATE_SYNC, "o", 1);
    sk_outbox_init(&outbox);
    CHECK("early answers", push_all(&outbox, "p"));
    CHECK("opening", sk_outbox_push_first(&outbox, opening));
    CHECK("a later state", push_all(&outbox, "S1U2S3"));
    CHECK_TEXT("order", pop_all(&outbox, text, sizeof text), "op3");
    CHECK_INT("references given back", opening->references, 1);
    sk_frame_buffer_release(opening);
    sk_outbox_clear(&outbox);
}

static void shares_one_buffer(void)
{
    struct sk_outbox outboxes[3];
    struct sk_frame_buffer *frame = sk_frame_buffer_new(SK_FRAME_STATE_UPDATE, "{}", 2);
    for (size_t i = 0; i < 3; i++) {
        sk_outbox_init(&outboxes[i]);
        CHECK("pushed", sk_outbox_push(&outboxes[i], frame));
        CHECK("not copied", sk_outbox_first(&outboxes[i]) == frame);
    }
    CHECK_INT("references", frame->references, 4);
    for (size_t i = 0; i < 3; i++) {
        sk_outbox_clear(&outboxes[i]);
    }
    CHECK_INT("references", frame->references, 1);
    sk_frame_buffer_release(frame);
    sk_frame_buffer_release(NULL);
}

static void takes_a_buffer_over(void)
{
    struct sk_buffer text = {0};
    sk_buffer_append_text(&text, "abc");
    struct sk_frame_buffer *frame = sk_frame_buffer_take(SK_FRAME_PONG, &text);
    CHECK_INT("length", (int64_t)frame->length, 3);
    CHECK("text", memcmp(sk_frame_buffer_text(frame), "abc", 3) == 0);
    CHECK("cleared", text.data == NULL);
    sk_frame_buffer_release(frame);
    text.failed = true;
    CHECK("a failed buffer is no frame", sk_frame_buffer_take(SK_FRAME_PONG, &text) == NULL);
    CHECK_TEXT("name", sk_frame_type_name(SK_FRAME_RECONNECT_ACK), "RECONNECT_ACK");
}

void suite_relay_outbox(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"keeps order and the newest state", keeps_order_and_the_newest_state},
        {"is bounded", is_bounded},
        {"puts the opening in front and keeps it", puts_the_opening_in_front_and_keeps_it},
        {"shares one buffer", shares_one_buffer},
        {"takes a buffer over", takes_a_buffer_over},
    };
    ADD_TESTS(suite, tests);
}
