/* `make bench-metrics`: what metrics and logs cost: the rate of switches with both, against the same programs with
 * neither, by turns. Figures of one run on one machine are compared with each other, never with a number: slowness is
 * printed, not failed. Exits with 1 if something breaks. */
#include "bench/gauge.h"
#include "bench/stage.h"
#include "bench/switches.h"
#include "common/version.h"
#include "tests/integration/story.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SESSIONS 500
#define CONNECTIONS 16
#define ROUNDS 25
#define WARM_UP_MS 200
#define TURN_MS 1000
#define PATIENCE_US (INT64_C(60) * 1000000)
#define PREFIX "bench-metrics-"

enum side { WITH, WITHOUT, SIDES };

/* All that a switch passes through, but for the stores. */
struct programs {
    const char *const *env;
    const struct api *api;
};

/* The stack's METRICS_FILE is set: what counts, counts there. Standard error is a file for every program. */
static const char *const with[] = {"LOG_LEVEL=info", NULL};
static const char *const without[] = {"LOG_LEVEL=error", "METRICS_FILE=", NULL};

static int port_of(const struct api *api)
{
    return atoi(strrchr(api->url, ':') + 1);
}

static void await_drained_queue(void)
{
    const int64_t since = now_us();
    while (redis_int("XLEN audit") > 0) {
        REQUIRE(now_us() - since < PATIENCE_US);
        pause_ms(20);
    }
}

static int64_t switches_for(int port, int64_t duration_ms)
{
    struct switches *switches = switches_start(&(struct switches_spec){
        .port = port, .prefix = PREFIX, .sessions = SESSIONS, .connections = CONNECTIONS, .per_second = 0});
    REQUIRE(switches);
    pause_ms(duration_ms);
    const struct switches_result result = switches_stop(switches);
    EXPECT_INT(result.broken, 0);
    EXPECT_INT(result.refused, 0);
    return result.changed * 1000000 / result.wall_us;
}

/* What says nothing at that level that it has started says so on its port. */
static struct process *start(const char *name, const char *const *env)
{
    const int port = free_port();
    const char *const argv[] = {kept_text("%s/synckairos-%s", stack.build, name), NULL};
    const char *const all[] = {kept_text("METRICS_PORT=%d", port), env[0], env[1], NULL};
    const char *ready = kept_text("http://127.0.0.1:%d/ready", port);
    struct process *process = process_start(&(struct process_spec){.name = name, .argv = argv, .env = all});
    EVENTUALLY(url_answers(ready, 200) || !process_alive(process));
    return process;
}

struct figures {
    double rate;      /* switches a second */
    double processor; /* µs that the API's process takes for one */
};

/* Worker and timekeeper are as the API is; nobody is connected to the relays. */
static struct figures turn(const struct programs *programs)
{
    process_stop(stack.audit);
    process_stop(stack.timekeeper);
    stack.audit = start("audit", programs->env);
    stack.timekeeper = start("timekeeper", programs->env);
    REQUIRE(process_alive(stack.audit) && process_alive(stack.timekeeper));
    (void)switches_for(port_of(programs->api), WARM_UP_MS);
    const int64_t before_us = gauge_processor_us(process_pid(programs->api->program));
    const int64_t rate = switches_for(port_of(programs->api), TURN_MS);
    await_drained_queue();
    const int64_t used_us = gauge_processor_us(process_pid(programs->api->program)) - before_us;
    return (struct figures){(double)rate, (double)used_us * 1000 / (double)(rate * TURN_MS)};
}

static int by_size(const void *one, const void *other)
{
    const double a = *(const double *)one;
    const double b = *(const double *)other;
    return (a > b) - (a < b);
}

static double median(double values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof(*values), by_size);
    return values[ROUNDS / 2];
}

static void print_machine(void)
{
    printf("SyncKairos %s; %ld processors; one API process of 4 threads behind lighttpd, a worker, a timekeeper\n",
           SK_VERSION, sysconf(_SC_NPROCESSORS_ONLN));
    printf("%d sessions, %d connections, %d rounds of %d ms a side\n\n", SESSIONS, CONNECTIONS, ROUNDS, TURN_MS);
}

static void run(const char *unused)
{
    (void)unused;
    double rates[SIDES][ROUNDS];
    double processor[SIDES][ROUNDS];
    double ratios[ROUNDS];
    for (int i = 0; i < SESSIONS; i++) {
        create_running(kept_text(PREFIX "%d", i), CHESS);
    }
    const struct programs sides[SIDES] = {[WITH] = {with, api_start(with)}, [WITHOUT] = {without, api_start(without)}};
    print_machine();
    printf("round   with metrics and logs   without   ratio\n");
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < SIDES; i++) {
            const int side = (round + i) % SIDES;
            const struct figures figures = turn(&sides[side]);
            rates[side][round] = figures.rate;
            processor[side][round] = figures.processor;
        }
        ratios[round] = rates[WITH][round] / rates[WITHOUT][round];
        printf("%5d %21.0f/s %7.0f/s %7.3f\n", round + 1, rates[WITH][round], rates[WITHOUT][round], ratios[round]);
    }
    printf("\nmedian %20.0f/s %7.0f/s %7.3f (of the rounds' ratios)\n", median(rates[WITH]), median(rates[WITHOUT]),
           median(ratios));
    printf("the API's processor time for a switch, median: %.1f µs with, %.1f µs without\n", median(processor[WITH]),
           median(processor[WITHOUT]));
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: metrics BUILD\n");
        return 2;
    }
    return stage_run(arguments[1], run, NULL);
}
