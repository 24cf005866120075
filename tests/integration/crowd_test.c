/* Thousands of connections on one relay: that it holds them, what they cost, and that nothing of them stays behind. */
#include "bench/gauge.h"
#include "tests/integration/kept_swarm.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <stdio.h>
#include <string.h>

#define SESSIONS 100
#define CROWD 2000
#define CONNECTION_BYTES 10240
#define ROUND 2500                  /* visits */
#define LEFTOVER_BYTES INT64_C(200) /* a visit: less than what is kept of any connection, more than a heap's noise */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INSTRUMENTED true
#else
#define INSTRUMENTED false
#endif

static const char *paths[SESSIONS];
static const char *ids[SESSIONS];

static void create_sessions(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ids[i] = fresh_id("crowd");
        paths[i] = kept_text("/ws?sessionId=%s", ids[i]);
        create_running(ids[i], CHESS);
    }
}

static struct process *relay_for_many(int *port)
{
    static const char *const env[] = {"RELAY_ACCEPT_RATE=0", "RELAY_PING_S=60", NULL};
    REQUIRE(swarm_raise_file_limit() >= (size_t)CROWD + 500);
    return relay_start(env, port);
}

static void expect_no_accident(struct swarm *swarm)
{
    struct swarm_counts counts;
    swarm_count(swarm, &counts);
    EXPECT_INT((int64_t)counts.failed, 0);
    EXPECT_INT((int64_t)counts.closed, 0);
    EXPECT_INT((int64_t)counts.broken, 0);
    EXPECT_INT((int64_t)counts.regressions, 0);
    EXPECT_INT((int64_t)counts.frames[SWARM_ERROR], 0);
    EXPECT_INT((int64_t)counts.frames[SWARM_OTHER], 0);
}

/* --- many at once ----------------------------------------------------------------------------------------------- */

static void thousands_are_told_every_state(void)
{
    int port = 0;
    struct process *relay = relay_for_many(&port);
    create_sessions(SESSIONS);
    struct ws_client *first = watch(ids[0], port); /* so that what only the first connection costs is there already */
    const int64_t empty = gauge_resident(process_pid(relay));
    struct swarm *swarm = kept_swarm(
        &(struct swarm_spec){.port = port, .paths = paths, .path_count = SESSIONS, .clients = CROWD, .addresses = 20});
    EVENTUALLY(swarm_synced(swarm) == CROWD);
    const int64_t each = (gauge_resident(process_pid(relay)) - empty) / CROWD;
    printf("\n    %d connections to %d sessions: %lld bytes each ", CROWD, SESSIONS, (long long)each);
    EXPECT(INSTRUMENTED || each <= CONNECTION_BYTES);

    const int64_t version = int_at(look(ids[0])->body, "data.version");
    for (size_t i = 0; i < SESSIONS; i++) {
        EXPECT_STATUS(act(ids[i], "switch", NULL), 200);
    }
    EVENTUALLY(swarm_told(swarm, SIZE_MAX, version + 1) == CROWD);
    struct swarm_counts counts;
    swarm_count(swarm, &counts);
    EXPECT_INT((int64_t)counts.frames[SWARM_CONNECTED], CROWD);
    EXPECT_INT((int64_t)counts.frames[SWARM_STATE_SYNC], CROWD);
    EXPECT_INT((int64_t)counts.frames[SWARM_STATE_UPDATE], CROWD);
    expect_no_accident(swarm);
    EXPECT_FRAME(first, "STATE_UPDATE");
}

/* --- many after one another ------------------------------------------------------------------------------------- */

static void visit(int port, size_t visits)
{
    struct swarm *swarm = kept_swarm(&(struct swarm_spec){
        .port = port, .paths = paths, .path_count = SESSIONS, .clients = 100, .addresses = 50, .visits = visits});
    EVENTUALLY(swarm_left(swarm) == visits);
    EXPECT_INT((int64_t)swarm_open(swarm), 0);
    expect_no_accident(swarm);
}

/* Under the address sanitizer, what was not given back is reported at the relay's end, which fails the run; without it,
 * the resident size tells. */
static void visitors_leave_nothing_behind(void)
{
    int port = 0;
    struct process *relay = relay_for_many(&port);
    create_sessions(SESSIONS);
    visit(port, ROUND);
    const int64_t before = gauge_resident(process_pid(relay));
    visit(port, ROUND);
    const int64_t grown = gauge_resident(process_pid(relay)) - before;
    printf("\n    %d connects and disconnects: the relay grew by %lld KiB ", ROUND, (long long)grown / 1024);
    EXPECT(INSTRUMENTED || grown < LEFTOVER_BYTES * ROUND);
    for (size_t i = 0; i < SESSIONS; i++) {
        const char *channel = kept_text("ws:%s", ids[i]);
        EVENTUALLY(redis_int("PUBLISH %s %s", channel, "nobody listens") == 0);
    }
    process_stop(relay);
}

CU_TestInfo crowd_tests[] = {{"thousands of clients are told every state", thousands_are_told_every_state},
                             {"visitors leave nothing behind", visitors_leave_nothing_behind},
                             CU_TEST_INFO_NULL};
