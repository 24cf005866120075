/* `make bench-relay`: what a connection costs, how a message gets to many, and what slow clients, a lost Redis and a
 * drain do to the others. Figures of one run on one machine: compared with each other, or with what was asked for,
 * which stands beside them; slowness is printed, not failed. Exits with 1 if something breaks. */
#include "bench/fanout.h"
#include "bench/gauge.h"
#include "bench/stage.h"
#include "bench/swarm.h"
#include "common/version.h"
#include "tests/integration/story.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_US (INT64_C(300) * 1000000)
#define IDLE_CLIENTS 10000
#define IDLE_SESSIONS 1000
#define SPARE_FILES 500
#define IDLE_REST_MS 3000
#define VISITS 100000
#define VISITORS 200
#define SAMPLES 10
#define CROWD 2000
#define CROWD_SESSIONS 200
#define DRAIN_S 5
#define WINDOW_US 100000
#define WINDOWS (DRAIN_S * 1000000 / WINDOW_US + 5)
#define MESSAGE_BYTES 700

/* Longer than the tests would wait. */
#define AWAIT(condition)                                                                                               \
    do {                                                                                                               \
        const int64_t give_up_us_ = now_us() + PATIENCE_US;                                                            \
        while (!(condition) && now_us() < give_up_us_) {                                                               \
            nap();                                                                                                     \
        }                                                                                                              \
        check_true((condition), #condition, __FILE__, __LINE__, true);                                                 \
    } while (0)

struct crowd {
    size_t sessions;
    const char **ids;
    const char **paths;
    int64_t *versions;
};

static struct crowd make_sessions(size_t sessions)
{
    struct crowd crowd = {.sessions = sessions,
                          .ids = keep(calloc(sessions, sizeof(char *)), free),
                          .paths = keep(calloc(sessions, sizeof(char *)), free),
                          .versions = keep(calloc(sessions, sizeof(int64_t)), free)};
    for (size_t i = 0; i < sessions; i++) {
        crowd.ids[i] = fresh_id("bench");
        crowd.paths[i] = kept_text("/ws?sessionId=%s", crowd.ids[i]);
        create_running(crowd.ids[i], CHESS);
        crowd.versions[i] = 2;
    }
    return crowd;
}

/* Whether the session's clock was pressed; its newest version is noted. */
static bool press(struct crowd *crowd, size_t i)
{
    struct answer *answer = act(crowd->ids[i], "switch", NULL);
    if (answer->status == 200) {
        crowd->versions[i] = int_at(answer->body, "data.version");
    }
    return answer->status == 200;
}

/* How many clients have been told the newest version of their session. */
static size_t up_to_date(struct swarm *swarm, const struct crowd *crowd)
{
    size_t told = 0;
    for (size_t i = 0; i < crowd->sessions; i++) {
        told += swarm_told(swarm, i, crowd->versions[i]);
    }
    return told;
}

static struct swarm *fill(int port, const struct crowd *crowd, size_t clients, int rejoin_port)
{
    struct swarm *swarm = swarm_start(&(struct swarm_spec){.port = port,
                                                           .paths = crowd->paths,
                                                           .path_count = crowd->sessions,
                                                           .clients = clients,
                                                           .addresses = 20,
                                                           .rejoin_port = rejoin_port});
    REQUIRE(swarm);
    AWAIT(swarm_synced(swarm) == clients);
    return swarm;
}

/* --- memory ----------------------------------------------------------------------------------------------------- */

static void measure_idle(void)
{
    int port = 0;
    struct process *relay = relay_start(NULL, &port);
    struct crowd crowd = make_sessions(IDLE_SESSIONS);
    pause_ms(IDLE_REST_MS);
    const int64_t empty = gauge_resident(process_pid(relay));
    const int64_t since = now_us();
    struct swarm *swarm = fill(port, &crowd, IDLE_CLIENTS, 0);
    const int64_t took = now_us() - since;
    pause_ms(IDLE_REST_MS);
    const int64_t full = gauge_resident(process_pid(relay));
    printf("\n%d idle connections to %d sessions, all told their state after %.1f s\n"
           "  relay empty %.1f MiB, with them %.1f MiB: %.2f KiB a connection (at most 10 asked for)\n",
           IDLE_CLIENTS, IDLE_SESSIONS, (double)took / 1e6, (double)empty / 1048576, (double)full / 1048576,
           (double)(full - empty) / IDLE_CLIENTS / 1024);
    swarm_free(swarm);
    keep_clear();
}

static void measure_visits(void)
{
    static const char *const env[] = {"RELAY_ACCEPT_RATE=0", NULL};
    int port = 0;
    struct process *relay = relay_start(env, &port);
    struct crowd crowd = make_sessions(VISITORS);
    const int64_t since = now_us();
    struct swarm *swarm = swarm_start(&(struct swarm_spec){.port = port,
                                                           .paths = crowd.paths,
                                                           .path_count = crowd.sessions,
                                                           .clients = VISITORS,
                                                           .addresses = 200,
                                                           .visits = VISITS});
    REQUIRE(swarm);
    printf("\n%d connects and disconnects: resident MiB after each %d\n ", VISITS, VISITS / SAMPLES);
    int64_t samples[SAMPLES];
    for (size_t i = 0; i < SAMPLES; i++) {
        AWAIT(swarm_left(swarm) >= (i + 1) * VISITS / SAMPLES);
        samples[i] = gauge_resident(process_pid(relay));
        printf(" %.2f", (double)samples[i] / 1048576);
    }
    struct swarm_counts counts;
    swarm_count(swarm, &counts);
    EXPECT_INT((int64_t)counts.closed, 0);
    EXPECT_INT((int64_t)counts.broken, 0);
    EXPECT_INT((int64_t)counts.frames[SWARM_CONNECTED], VISITS);
    EXPECT_INT((int64_t)counts.frames[SWARM_STATE_SYNC], VISITS);
    printf("\n  %.0f a second; from the first to the last %+.2f MiB\n", VISITS / ((double)(now_us() - since) / 1e6),
           (double)(samples[SAMPLES - 1] - samples[0]) / 1048576);
    swarm_free(swarm);
    keep_clear();
}

/* --- somebody who reads nothing ----------------------------------------------------------------------------------- */

static void measure_deaf(void)
{
    enum { CLIENTS = 1000, ROUNDS = 4 };
    const int64_t a_second = 50;
    const size_t filling = 400;
    const size_t messages = 250;
    static const char *const env[] = {"RELAY_PING_S=60", NULL}; /* else it would soon be taken for gone */
    struct swarm *swarms[2];
    struct latency found[2];
    int64_t version = 100;
    int port = 0;
    relay_start(env, &port);
    struct crowd crowd = make_sessions(2);
    for (size_t i = 0; i < 2; i++) {
        swarms[i] = swarm_start(&(struct swarm_spec){.port = port,
                                                     .paths = &crowd.paths[i],
                                                     .path_count = 1,
                                                     .clients = CLIENTS,
                                                     .deaf = i,
                                                     .deaf_bytes = 4096});
        REQUIRE(swarms[i]);
        AWAIT(swarm_synced(swarms[i]) == CLIENTS - i && swarm_open(swarms[i]) == CLIENTS);
        fanout_publish(crowd.ids[i], version, filling, MESSAGE_BYTES, 2 * a_second); /* until its queues are full */
        version += (int64_t)filling;
        swarm_take_latency(swarms[i], &found[i]);
    }
    for (size_t i = 0; i < (size_t)2 * ROUNDS; i++, version += (int64_t)messages) {
        fanout_publish(crowd.ids[i % 2], version, messages, MESSAGE_BYTES, a_second);
    }
    printf("\n%d clients of one session, %d bytes, %" PRId64 " a second, by turns       p50 ms   p99 ms   max ms\n",
           CLIENTS, MESSAGE_BYTES, a_second);
    for (size_t i = 0; i < 2; i++) {
        swarm_take_latency(swarms[i], &found[i]);
        printf("  %-57s %8.2f %8.2f %8.2f\n", i ? "one of them reads nothing: the others" : "all read",
               (double)found[i].p50_us / 1e3, (double)found[i].p99_us / 1e3, (double)found[i].max_us / 1e3);
        EXPECT_INT((int64_t)swarm_open(swarms[i]), CLIENTS);
    }
    printf("  ratio of p99: %.2f\n", (double)found[1].p99_us / (double)found[0].p99_us);
    swarm_free(swarms[0]);
    swarm_free(swarms[1]);
    keep_clear();
}

/* --- Redis dies ------------------------------------------------------------------------------------------------- */

static size_t syncs_of(struct swarm *swarm)
{
    struct swarm_counts counts;
    swarm_count(swarm, &counts);
    return counts.frames[SWARM_STATE_SYNC];
}

static void measure_redis_death(void)
{
    int port = 0;
    relay_start(NULL, &port);
    struct crowd crowd = make_sessions(CROWD_SESSIONS);
    struct swarm *swarm = fill(port, &crowd, CROWD, 0);
    pause_ms(2000); /* what Redis has is on disk */
    const size_t syncs = syncs_of(swarm);
    stack_kill_redis();
    pause_ms(2000);
    stack_start_redis();
    const int64_t since = now_us();
    for (size_t i = 0; i < crowd.sessions; i++) {
        AWAIT(press(&crowd, i));
    }
    const int64_t pressed = now_us() - since;
    AWAIT(up_to_date(swarm, &crowd) == CROWD);
    const int64_t told = now_us() - since;
    AWAIT(syncs_of(swarm) - syncs >= CROWD);
    const int64_t synced = now_us() - since;
    struct swarm_counts counts;
    swarm_count(swarm, &counts);
    printf("\nRedis killed and restarted under %d clients of %d sessions: %zu connections lost\n"
           "  after its return: each session was changed once by %.2f s, everybody had the newest state at %.2f s\n"
           "  (2 s asked for), everybody had been synchronised afresh by %.2f s\n",
           CROWD, CROWD_SESSIONS, counts.closed, (double)pressed / 1e6, (double)told / 1e6, (double)synced / 1e6);
    swarm_free(swarm);
    keep_clear();
}

/* --- a drain ---------------------------------------------------------------------------------------------------- */

static void print_windows(const size_t *windows)
{
    const double even = (double)CROWD * WINDOW_US / (DRAIN_S * 1e6);
    size_t most = 0;
    printf("  joins at the other relay each %d ms (even: %.0f):", WINDOW_US / 1000, even);
    for (size_t i = 0; i < WINDOWS; i++) {
        most = windows[i] > most ? windows[i] : most;
        printf("%s%zu", i % 20 ? " " : "\n    ", windows[i]);
    }
    printf("\n  the most: %zu, %.2f times the even rate (at most 1.5 asked for)\n", most, (double)most / even);
}

static void measure_drain(void)
{
    static const char *const env[] = {"RELAY_DRAIN_S=5", NULL};
    _Static_assert(DRAIN_S == 5, "as the environment says");
    size_t windows[WINDOWS];
    int port = 0;
    int other_port = 0;
    struct process *relay = relay_start(env, &port);
    relay_start(NULL, &other_port);
    struct crowd crowd = make_sessions(CROWD_SESSIONS);
    struct swarm *swarm = fill(port, &crowd, CROWD, other_port);
    struct swarm_counts counts;
    process_signal(relay, SIGTERM);
    const int64_t since = now_us();
    for (size_t i = 0; now_us() - since < (DRAIN_S + 1) * INT64_C(1000000); i++) {
        EXPECT(press(&crowd, i % crowd.sessions));
        pause_ms(20);
    }
    AWAIT(up_to_date(swarm, &crowd) == CROWD && swarm_synced(swarm) == CROWD);
    EXPECT_INT(process_wait(relay), 0);
    swarm_count(swarm, &counts);
    swarm_rejoins(swarm, since, WINDOW_US, windows, WINDOWS);
    printf("\ndrain of %d clients over %d s, who go to another relay at once, under 50 changes a second\n"
           "  closed with 1001: %" PRIu32 "; otherwise: %zu; states older than known: %zu; all are up to date\n",
           CROWD, DRAIN_S, counts.closes[1001], counts.closed - counts.closes[1001], counts.regressions);
    print_windows(windows);
    swarm_free(swarm);
    keep_clear();
}

/* --- all of it -------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {{"idle", measure_idle}, {"visits", measure_visits},     {"fanout", NULL},
             {"deaf", measure_deaf}, {"redis", measure_redis_death}, {"drain", measure_drain}};

static void run(const char *only)
{
    printf("SyncKairos %s, %ld processors; the clients run on the same machine\n", SK_VERSION,
           sysconf(_SC_NPROCESSORS_ONLN));
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        if (only && strcmp(only, parts[i].name) != 0) {
            continue;
        }
        if (parts[i].run) {
            parts[i].run();
        } else {
            fanout_compare(&(struct fanout_spec){
                .clients = 500, .bytes = MESSAGE_BYTES, .per_second = 50, .round_s = 5, .rounds = 4});
        }
    }
}

int main(int count, char **arguments)
{
    if (count != 2 && count != 3) {
        fprintf(stderr, "usage: relay BUILD [idle|visits|fanout|deaf|redis|drain]\n");
        return 2;
    }
    if (swarm_raise_file_limit() < IDLE_CLIENTS + SPARE_FILES) {
        fprintf(stderr, "bench: %d open files are needed (ulimit -n)\n", IDLE_CLIENTS + SPARE_FILES);
        return 2;
    }
    return stage_run(arguments[1], run, count == 3 ? arguments[2] : NULL);
}
