/* The thread that presses. Owns nothing but its own request. */
#include "tests/integration/player.h"

#include "tests/integration/check.h"
#include "tests/integration/http.h"
#include "tests/integration/json_at.h"
#include "tests/integration/keep.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What nobody else needs to see of a player. */
struct presser {
    struct player player;
    pthread_t thread;
    const char *url;
    atomic_bool stop;
};

static atomic_long *counter_of(struct player *player, const struct answer *answer)
{
    const char *code = text_at(answer->body, "error.code");
    if (answer->status == 200) {
        return &player->moves;
    }
    if (answer->status == 409 && strcmp(code, "CONFLICT") == 0) {
        return &player->conflicts;
    }
    if (answer->status == 503 &&
        (strcmp(code, "STATE_STORE_UNAVAILABLE") == 0 || strcmp(code, "ARCHIVE_UNAVAILABLE") == 0)) {
        return &player->unavailable;
    }
    if (answer->status == 503 && strcmp(code, "OUTCOME_UNKNOWN") == 0) {
        return &player->unknown;
    }
    (void)snprintf(player->surprise, sizeof(player->surprise), "%ld %.500s", answer->status,
                   answer->text ? answer->text : "(nothing)");
    return &player->other;
}

static void *play(void *argument)
{
    struct presser *presser = argument;
    while (!atomic_load(&presser->stop)) {
        struct answer answer;
        http_exchange(&(struct request){.method = "POST", .url = presser->url}, &answer);
        atomic_fetch_add(counter_of(&presser->player, &answer), 1);
        answer_clear(&answer);
    }
    http_thread_end();
    return NULL;
}

void player_stop(struct player *player)
{
    struct presser *presser = (struct presser *)((char *)player - offsetof(struct presser, player));
    if (!atomic_exchange(&presser->stop, true)) {
        pthread_join(presser->thread, NULL);
    }
}

static void release(void *object)
{
    struct presser *presser = object;
    player_stop(&presser->player);
    free(presser);
}

struct player *player_start(const char *base, const char *id)
{
    struct presser *presser = calloc(1, sizeof(*presser));
    if (!presser) {
        abort();
    }
    presser->player.id = id;
    presser->url = kept_text("%s/v1/sessions/%s/switch", base, id);
    if (pthread_create(&presser->thread, NULL, play, presser)) {
        abort();
    }
    keep(presser, release);
    return &presser->player;
}

void player_expect_no_surprise(const struct player *player)
{
    if (!EXPECT_INT(atomic_load(&player->other), 0)) {
        printf(" (%s)", player->surprise);
    }
}
