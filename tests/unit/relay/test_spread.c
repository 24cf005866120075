/* Tests of relay/spread: who is sent to at once, who stands in line, and in which order the line moves. */
#include "relay/spread.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <string.h>

#define CROWD 200
#define FOUR_SLICES ((size_t)4 * SK_SPREAD_SLICE)
#define VISITS_MAX 1000

struct guest {
    struct sk_spread_seat seat;
    char name;
    bool slow;
};

static struct sk_spread spread;
static char visits[VISITS_MAX + 1];
static size_t visit_count;

static void visit(void *owner)
{
    const struct guest *guest = owner;
    if (visit_count < VISITS_MAX) {
        visits[visit_count++] = guest->name;
    }
    if (guest->slow) {
        uv_sleep(3);
    }
}

static void begin(uv_loop_t *loop)
{
    memset(visits, 0, sizeof visits);
    visit_count = 0;
    CHECK_INT("loop", uv_loop_init(loop), 0);
    CHECK("open", sk_spread_open(&spread, loop, visit));
}

/* The same, and a channel of so many. */
static void begin_with(uv_loop_t *loop, struct sk_spread_queue *queue, size_t members)
{
    begin(loop);
    sk_spread_queue_init(queue);
    queue->members = members;
}

static void end(uv_loop_t *loop)
{
    sk_spread_close(&spread);
    sk_spread_close(&spread);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    CHECK_INT("nothing is left on the loop", uv_loop_close(loop), 0);
}

/* All of a channel have something to be sent. */
static void send_all(struct sk_spread_queue *queue, struct guest *guests, size_t count, char name)
{
    for (size_t i = 0; i < count; i++) {
        guests[i].name = name;
        guests[i].seat.owner = &guests[i];
        sk_spread_send(&spread, queue, &guests[i].seat);
    }
}

static bool asleep(void)
{
    return uv_is_active((uv_handle_t *)&spread.sender) == 0;
}

/* Turns until nobody stands in line; how many turns it took. */
static int turn_until_asleep(uv_loop_t *loop)
{
    int turns = 0;
    while (!asleep() && turns < 1000) {
        (void)uv_run(loop, UV_RUN_NOWAIT);
        turns++;
    }
    return turns;
}

static void few_are_sent_to_at_once(void)
{
    uv_loop_t loop;
    struct guest guests[SK_SPREAD_FEW] = {{.name = 0}};
    struct sk_spread_queue queue;
    begin_with(&loop, &queue, 3);
    send_all(&queue, guests, 3, 'a');
    CHECK_TEXT("at once", visits, "aaa");
    CHECK("and the loop may sleep", asleep());
    end(&loop);
}

static void many_stand_in_line(void)
{
    uv_loop_t loop;
    static struct guest guests[CROWD];
    struct sk_spread_queue queue;
    begin_with(&loop, &queue, CROWD);
    send_all(&queue, guests, CROWD, 'a');
    send_all(&queue, guests, CROWD, 'a');
    CHECK_INT("none at once", (int64_t)visit_count, 0);
    CHECK("the loop does not sleep", !asleep());
    turn_until_asleep(&loop);
    CHECK_INT("each once", (int64_t)visit_count, CROWD);
    end(&loop);
}

static void small_channels_do_not_add_up(void)
{
    uv_loop_t loop;
    static struct guest guests[CROWD];
    struct sk_spread_queue queues[CROWD];
    begin(&loop);
    for (size_t i = 0; i < CROWD; i++) {
        sk_spread_queue_init(&queues[i]);
        queues[i].members = 1;
        send_all(&queues[i], &guests[i], 1, 'a');
    }
    CHECK("at once only so many", visit_count <= SK_SPREAD_FEW);
    turn_until_asleep(&loop);
    CHECK_INT("all", (int64_t)visit_count, CROWD);
    send_all(&queues[0], guests, 1, 'b');
    CHECK_TEXT("another turn begins anew", visits + CROWD, "b");
    end(&loop);
}

static void the_line_goes_round(void)
{
    uv_loop_t loop;
    static struct guest many[CROWD];
    static struct guest others[CROWD];
    struct sk_spread_queue queues[2];
    begin(&loop);
    for (size_t i = 0; i < 2; i++) {
        sk_spread_queue_init(&queues[i]);
        queues[i].members = CROWD;
    }
    send_all(&queues[0], many, CROWD, 'a');
    send_all(&queues[1], others, 5, 'b');
    turn_until_asleep(&loop);
    CHECK_INT("all", (int64_t)visit_count, CROWD + 5);
    CHECK_INT("the second after one slice of the first", strchr(visits, 'b') - visits, SK_SPREAD_SLICE);
    CHECK_INT("and no longer than its own", (int64_t)strspn(strchr(visits, 'b'), "b"), 5);
    end(&loop);
}

static void a_turn_ends_when_its_time_is_over(void)
{
    uv_loop_t loop;
    static struct guest guests[CROWD];
    struct sk_spread_queue queue;
    begin_with(&loop, &queue, CROWD);
    for (size_t i = 0; i < FOUR_SLICES; i++) {
        guests[i].slow = i % SK_SPREAD_SLICE == 0;
    }
    send_all(&queue, guests, FOUR_SLICES, 'a');
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    CHECK_INT("one slice", (int64_t)visit_count, SK_SPREAD_SLICE);
    CHECK("the others a turn each", turn_until_asleep(&loop) >= 3);
    CHECK_INT("all", (int64_t)visit_count, (int64_t)FOUR_SLICES);
    end(&loop);
}

static void who_leaves_is_not_visited(void)
{
    uv_loop_t loop;
    static struct guest guests[CROWD];
    struct sk_spread_queue queue;
    begin_with(&loop, &queue, CROWD);
    send_all(&queue, guests, 3, 'a');
    guests[1].name = 'x';
    sk_spread_leave(&spread, &guests[1].seat);
    sk_spread_leave(&spread, &guests[1].seat);
    turn_until_asleep(&loop);
    CHECK_TEXT("the others are", visits, "aa");
    send_all(&queue, guests, 1, 'a');
    sk_spread_leave(&spread, &guests[0].seat);
    CHECK("with the last one the line ends", asleep());
    end(&loop);
}

static void a_closed_one_sends_at_once(void)
{
    uv_loop_t loop;
    static struct guest guests[CROWD];
    begin(&loop);
    sk_spread_close(&spread);
    send_all(NULL, guests, CROWD, 'a');
    CHECK_INT("all", (int64_t)visit_count, CROWD);
    end(&loop);
}

void suite_relay_spread(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"few are sent to at once", few_are_sent_to_at_once},
        {"many stand in line", many_stand_in_line},
        {"small channels do not add up", small_channels_do_not_add_up},
        {"the line goes round", the_line_goes_round},
        {"a turn ends when its time is over", a_turn_ends_when_its_time_is_over},
        {"who leaves is not visited", who_leaves_is_not_visited},
        {"a closed one sends at once", a_closed_one_sends_at_once},
    };
    ADD_TESTS(suite, tests);
}
