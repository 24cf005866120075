/* A chess game from the first request to the last frame, as its players and a spectator see it. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <string.h>

#define INCREMENT_MS 1000
#define MOVES 10

/* What everybody at the board sees of one version, in the same bytes. */
static void expect_same_update(struct ws_client *const *clients, size_t count, int64_t version)
{
    const char *first = NULL;
    for (size_t i = 0; i < count; i++) {
        json_t *update = EXPECT_UPDATE(clients[i], version);
        char *text = json_dumps(update, JSON_SORT_KEYS);
        const char *kept = kept_text("%s", text ? text : "");
        free(text);
        first = first ? first : kept;
        EXPECT_TEXT(kept, first);
    }
}

/* One view by itself: what is left is the bank minus the running span, and nothing is lost between the clocks. */
static void expect_sound_view(json_t *view, int64_t now_ms)
{
    const int64_t used = int_at(view, "participants.0.time_used_ms") + int_at(view, "participants.1.time_used_ms");
    EXPECT_INT(used, int_at(view, "time_used_ms"));
    if (!is_true_at(view, "clock.running")) {
        return;
    }
    const bool white = strcmp(text_at(view, "active_participant_id"), "white") == 0;
    const int64_t bank = int_at(view, white ? "participants.0.total_time_ms" : "participants.1.total_time_ms");
    const int64_t elapsed = now_ms - int_at(view, "clock.started_at_ms");
    EXPECT_INT(int_at(view, "clock.deadline_at_ms"), int_at(view, "clock.started_at_ms") + bank);
    EXPECT_INT(int_at(view, "clock.time_elapsed_ms"), elapsed);
    EXPECT_INT(int_at(view, "clock.time_remaining_ms"), bank - elapsed);
    EXPECT_INT(int_at(view, white ? "participants.0.time_remaining_ms" : "participants.1.time_remaining_ms"),
               bank - elapsed);
    EXPECT_INT(int_at(view, white ? "participants.1.time_remaining_ms" : "participants.0.time_remaining_ms"),
               int_at(view, white ? "participants.1.total_time_ms" : "participants.0.total_time_ms"));
}

/* From one turn to the next: who moved pays for the span and gets the increment, the other one pays nothing. */
static void expect_move(json_t *before, json_t *after)
{
    const bool white = strcmp(text_at(before, "active_participant_id"), "white") == 0;
    const char *mover = white ? "participants.0.total_time_ms" : "participants.1.total_time_ms";
    const char *other = white ? "participants.1.total_time_ms" : "participants.0.total_time_ms";
    const int64_t span = int_at(after, "clock.started_at_ms") - int_at(before, "clock.started_at_ms");
    EXPECT(span >= 0);
    EXPECT_INT(int_at(after, mover), int_at(before, mover) - span + INCREMENT_MS);
    EXPECT_INT(int_at(after, other), int_at(before, other));
    EXPECT_INT(int_at(after, "cycle_number"), int_at(before, "cycle_number") + 1);
    EXPECT_TEXT(text_at(after, "active_participant_id"), white ? "black" : "white");
}

static struct ws_client *sit_down(int port, const char *path)
{
    struct ws_client *client = ws_open(port, path);
    REQUIRE(client != NULL);
    EXPECT_FRAME(client, "CONNECTED");
    json_t *sync = EXPECT_FRAME(client, "STATE_SYNC");
    EXPECT(int_at(sync, "timestamp") > 0);
    return client;
}

static void a_game_is_seen_alike_by_everybody(void)
{
    const char *id = fresh_id("game");
    create(id, kept_text("%s,'increment_ms':%d,'metadata':{'event':'club evening'}", CHESS, INCREMENT_MS));
    struct ws_client *clients[4] = {
        sit_down(stack.relay_ports[0], kept_text("/ws?sessionId=%s", id)),
        sit_down(stack.relay_ports[1], kept_text("/sessions/%s", id)),
        sit_down(stack.web_port, kept_text("/ws?sessionId=%s", id)),
    };

    EXPECT_STATUS(act(id, "start", NULL), 200);
    expect_same_update(clients, 3, 2);
    json_t *before = json_at(ws_message_at(clients[0], 2)->json, "payload");
    expect_sound_view(before, int_at(ws_message_at(clients[0], 2)->json, "timestamp"));
    int64_t version = 2;
    for (int move = 0; move < MOVES; move++) {
        const char *player = move % 2 ? "black" : "white";
        struct answer *moved = act(id, "switch", kept_text("{'current_participant_id':'%s'}", player));
        EXPECT_STATUS(moved, 200);
        expect_same_update(clients, 3, ++version);
        json_t *frame = ws_message_at(clients[0], (size_t)version)->json;
        expect_sound_view(json_at(frame, "payload"), int_at(frame, "timestamp"));
        expect_sound_view(json_at(moved->body, "data"), int_at(moved->body, "server_time_ms"));
        expect_move(before, json_at(frame, "payload"));
        before = json_at(frame, "payload");
    }

    clients[3] = sit_down(stack.web_port, kept_text("/sessions/%s", id)); /* somebody comes in late */
    EXPECT_INT(version_seen(clients[3]), version);
    const char *const rest[] = {"pause", "resume", "complete"};
    for (size_t i = 0; i < 3; i++) {
        EXPECT_STATUS(act(id, rest[i], NULL), 200);
        expect_same_update(clients, 4, ++version);
    }
    json_t *end = json_at(ws_message_at(clients[3], ws_count(clients[3]) - 1)->json, "payload");
    EXPECT_TEXT(text_at(end, "status"), "completed");
    EXPECT_TEXT(text_at(end, "metadata.event"), "club evening");
    EXPECT(is_null_at(end, "active_participant_id"));
}

static void an_answer_and_a_frame_show_the_same_view(void)
{
    const char *id = fresh_id("alike");
    create(id, CHESS);
    struct ws_client *client = watch(id, stack.relay_ports[0]);
    struct answer *started = act(id, "start", NULL);
    json_t *update = EXPECT_UPDATE(client, 2);
    EXPECT(json_equal(json_at(started->body, "data"), json_at(update, "payload")));
    EXPECT_INT(int_at(started->body, "server_time_ms"), int_at(update, "timestamp"));
    EXPECT_TEXT(text_at(update, "sessionId"), id);
}

static void a_snapshot_is_settled_at_its_own_instant(void)
{
    const char *id = fresh_id("snapshot");
    create_running(id, CHESS);
    for (int i = 0; i < 5; i++) {
        struct ws_client *client = sit_down(stack.relay_ports[i % RELAYS], kept_text("/ws?sessionId=%s", id));
        json_t *sync = ws_message_at(client, 1)->json;
        expect_sound_view(json_at(sync, "payload"), int_at(sync, "timestamp"));
        EXPECT_BETWEEN(ws_message_at(client, 1)->at_ms - int_at(sync, "timestamp"), -50, PATIENCE_MS);
        EXPECT_INT(int_at(sync, "payload.version"), 2);
    }
}

CU_TestInfo game_tests[] = {
    {"a game is seen alike by everybody, on both relays and through the web server", a_game_is_seen_alike_by_everybody},
    {"an answer and a frame show the same view", an_answer_and_a_frame_show_the_same_view},
    {"a snapshot is settled at its own instant", a_snapshot_is_settled_at_its_own_instant},
    CU_TEST_INFO_NULL,
};
