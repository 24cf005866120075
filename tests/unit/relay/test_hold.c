/* Tests of relay/hold: which held message a snapshot already tells. */
#include "relay/hold.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#define UPDATE SK_MESSAGE_STATE_UPDATE
#define SYNC SK_MESSAGE_STATE_SYNC
#define EXPIRED SK_MESSAGE_TIME_EXPIRED
#define WARNING SK_MESSAGE_TIME_WARNING
#define DELETED SK_MESSAGE_SESSION_DELETED

static void tells_what_a_snapshot_tells(void)
{
    static const struct sk_mark snapshot = {.updated_at_ms = 1000, .version = 5};
    static const struct {
        const char *name;
        enum sk_message_type type;
        int64_t updated_at_ms;
        int64_t version;
        enum sk_place newcomer;
        enum sk_place other;
    } rows[] = {
        {"an older update", UPDATE, 900, 4, SK_PLACE_NOWHERE, SK_PLACE_NOWHERE},
        {"the same update", UPDATE, 1000, 5, SK_PLACE_NOWHERE, SK_PLACE_NOWHERE},
        {"a newer version at the same instant", UPDATE, 1000, 6, SK_PLACE_AFTER, SK_PLACE_AFTER},
        {"an older version at the same instant", UPDATE, 1000, 4, SK_PLACE_NOWHERE, SK_PLACE_NOWHERE},
        {"a new life begins at version 1", UPDATE, 1001, 1, SK_PLACE_AFTER, SK_PLACE_AFTER},
        {"an older instant, a higher version", UPDATE, 999, 9, SK_PLACE_NOWHERE, SK_PLACE_NOWHERE},
        {"the same sync", SYNC, 1000, 5, SK_PLACE_NOWHERE, SK_PLACE_NOWHERE},
        {"a newer sync", SYNC, 1001, 6, SK_PLACE_AFTER, SK_PLACE_AFTER},
        {"an expiry of an older commit", EXPIRED, 900, 4, SK_PLACE_NOWHERE, SK_PLACE_BEFORE},
        {"an expiry of the snapshot's commit", EXPIRED, 1000, 5, SK_PLACE_NOWHERE, SK_PLACE_BEFORE},
        {"an expiry of a newer commit", EXPIRED, 1001, 6, SK_PLACE_AFTER, SK_PLACE_AFTER},
        {"a warning about an older state", WARNING, 900, 4, SK_PLACE_NOWHERE, SK_PLACE_BEFORE},
        {"a warning about the snapshot's state", WARNING, 1000, 5, SK_PLACE_AFTER, SK_PLACE_AFTER},
        {"a warning about a newer state", WARNING, 1001, 6, SK_PLACE_AFTER, SK_PLACE_AFTER},
        {"the deletion of an earlier life", DELETED, 900, 9, SK_PLACE_NOWHERE, SK_PLACE_BEFORE},
        {"the deletion of the snapshot's state", DELETED, 1000, 5, SK_PLACE_AFTER, SK_PLACE_AFTER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sk_message_header header = {
            .type = rows[i].type, .version = rows[i].version, .updated_at_ms = rows[i].updated_at_ms};
        CHECK_INT(rows[i].name, sk_hold_place(&header, &snapshot, true), rows[i].newcomer);
        CHECK_INT(rows[i].name, sk_hold_place(&header, &snapshot, false), rows[i].other);
    }
}

static bool add(struct sk_hold *hold, enum sk_message_type type, int64_t version)
{
    struct sk_message_header header = {.type = type, .version = version};
    struct sk_frame_buffer *frame = sk_frame_buffer_new(SK_FRAME_TIME_WARNING, "{}", 2);
    bool complete = sk_hold_add(hold, &header, frame);
    sk_frame_buffer_release(frame);
    return complete;
}

static void keeps_order_and_the_newest_update(void)
{
    struct sk_hold hold;
    struct sk_held *held = NULL;
    static const int64_t versions[] = {1, 3, 4, 5};
    size_t count = 0;
    sk_hold_init(&hold);
    CHECK("kept", add(&hold, EXPIRED, 1) && add(&hold, UPDATE, 2) && add(&hold, WARNING, 3) && add(&hold, SYNC, 4) &&
                      add(&hold, UPDATE, 5));
    TAILQ_FOREACH(held, &hold.messages, link)
    {
        CHECK_INT("in order", held->header.version, count < 4 ? versions[count] : -1);
        count++;
    }
    CHECK_INT("messages", (int64_t)count, 4);
    sk_hold_clear(&hold);
    CHECK("empty", TAILQ_EMPTY(&hold.messages));
}

static void gives_up_the_oldest_event(void)
{
    struct sk_hold hold;
    sk_hold_init(&hold);
    for (int i = 0; i < SK_HOLD_EVENTS_MAX; i++) {
        CHECK("fits", add(&hold, WARNING, i));
    }
    CHECK("an update always fits", add(&hold, UPDATE, 100));
    CHECK("one too many", !add(&hold, WARNING, 101));
    CHECK_INT("bounded", (int64_t)hold.events, SK_HOLD_EVENTS_MAX);
    CHECK_INT("the oldest went", TAILQ_FIRST(&hold.messages)->header.version, 1);
    sk_hold_clear(&hold);
    CHECK_INT("empty", (int64_t)hold.events, 0);
}

static void knows_the_newest_sync(void)
{
    struct sk_hold hold;
    sk_hold_init(&hold);
    CHECK("none in an empty one", sk_hold_sync(&hold) == NULL);
    CHECK("kept", add(&hold, UPDATE, 1) && add(&hold, EXPIRED, 2));
    CHECK("none among others", sk_hold_sync(&hold) == NULL);
    CHECK("kept", add(&hold, SYNC, 3) && add(&hold, SYNC, 4) && add(&hold, WARNING, 5) && add(&hold, UPDATE, 6));
    const struct sk_held *sync = sk_hold_sync(&hold);
    CHECK_INT("the newest", sync == NULL ? 0 : sync->header.version, 4);
    sk_hold_clear(&hold);
}

void suite_relay_hold(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"tells what a snapshot tells", tells_what_a_snapshot_tells},
        {"keeps order and the newest update", keeps_order_and_the_newest_update},
        {"gives up the oldest event", gives_up_the_oldest_event},
        {"knows the newest STATE_SYNC", knows_the_newest_sync},
    };
    ADD_TESTS(suite, tests);
}
