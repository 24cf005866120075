/* Many hands on one session: optimistic transactions let exactly one win. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HANDS 200
#define TURNS 6

struct tally {
    int won;
    int refused; /* with the code that is expected of a loser */
    int64_t version;
};

/* Sends one switch HANDS times at once. */
static struct tally press_together(const char *id, const char *body, const char *losers_code)
{
    struct tally tally = {.version = NOWHERE};
    struct answer *answers = calloc(HANDS, sizeof(*answers));
    const struct request request = {.method = "POST",
                                    .url = kept_text("%s/v1/sessions/%s/switch", stack.url, id),
                                    .body = json_quoted(body),
                                    .body_bytes = strlen(body)};
    http_burst(&request, answers, HANDS);
    for (size_t i = 0; i < HANDS; i++) {
        if (answers[i].status == 200) {
            tally.won++;
            tally.version = int_at(answers[i].body, "data.version");
        } else if (answers[i].status == 409 && strcmp(text_at(answers[i].body, "error.code"), losers_code) == 0) {
            tally.refused++;
        } else {
            printf("\n    a loser was answered with %ld: %.300s", answers[i].status,
                   answers[i].text ? answers[i].text : "(nothing)");
        }
        answer_clear(&answers[i]);
    }
    free(answers);
    return tally;
}

static void exactly_one_of_many_guarded_switches_wins(void)
{
    const char *id = fresh_id("crowd");
    create_running(id, CHESS);
    struct ws_client *client = watch(id, stack.relay_ports[0]);
    for (int turn = 1; turn <= TURNS; turn++) {
        const bool by_cycle = turn % 2 == 1;
        const char *guard = by_cycle ? kept_text("{'current_cycle_number':%d}", turn)
                                     : kept_text("{'current_participant_id':'%s'}", "black");
        const struct tally tally = press_together(id, guard, by_cycle ? "CONFLICT" : "NOT_ACTIVE_PARTICIPANT");
        EXPECT_INT(tally.won, 1);
        EXPECT_INT(tally.refused, HANDS - 1);
        EXPECT_INT(tally.version, 2 + turn);
        EXPECT_UPDATE(client, 2 + turn);
    }
    EXPECT_INT(int_at(look(id)->body, "data.version"), 2 + TURNS);
    expect_whole_trail(id, 2 + TURNS);
}

static void each_bare_switch_that_stands_is_one_version(void)
{
    const char *id = fresh_id("bare");
    create_running(id, CHESS);
    const struct tally tally = press_together(id, "{}", "CONFLICT");
    EXPECT(tally.won >= 1);
    EXPECT_INT(tally.won + tally.refused, HANDS);
    EXPECT_INT(int_at(look(id)->body, "data.version"), 2 + tally.won);
    EXPECT_INT(int_at(look(id)->body, "data.cycle_number"), 1 + tally.won);
    expect_whole_trail(id, 2 + tally.won);
}

CU_TestInfo contention_tests[] = {
    {"exactly one of 200 guarded switches wins each turn", exactly_one_of_many_guarded_switches_wins},
    {"each bare switch that stands is one version", each_bare_switch_that_stands_is_one_version},
    CU_TEST_INFO_NULL,
};
