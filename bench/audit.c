/* `make bench-audit`: whether one audit worker writes faster than the API can produce, and how long the backlog of an
 * outage of PostgreSQL lasts. Figures of one run on one machine are compared with each other, never with a number:
 * slowness is printed, not failed. Exits with 1 if something breaks. */
#include "bench/stage.h"
#include "bench/switches.h"
#include "common/version.h"
#include "tests/integration/story.h"
#include "tests/integration/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SESSIONS 1000
#define SPELL_MS 4000 /* of load at one number of connections */
#define OUTAGE_MS 20000
#define OUTAGE_RATE 2000        /* switches a second, before, during and after the outage */
#define GONE (OUTAGE_RATE / 10) /* a backlog of so many events is what is always on its way */
#define PATIENCE_US (INT64_C(300) * 1000000)

static const size_t connections[] = {8, 16, 32, 64};

static int64_t backlog(void)
{
    return redis_int("XLEN audit");
}

/* Waits until at most so many events are left; how long that took, in µs. */
static int64_t await_backlog(int64_t left)
{
    const int64_t since = now_us();
    while (backlog() > left) {
        REQUIRE(now_us() - since < PATIENCE_US);
        pause_ms(20);
    }
    return now_us() - since;
}

/* --- sessions --------------------------------------------------------------------------------------------------- */

/* A chess game's five minutes, for as many as there are. */
static char *configuration(int participants)
{
    char *members = kept_text("'sync_mode':'per_participant','participants':[");
    for (int i = 0; i < participants; i++) {
        members = kept_text("%s%s{'participant_id':'player-%d','participant_index':%d,'total_time_ms':300000}", members,
                            i > 0 ? "," : "", i, i);
    }
    return kept_text("%s]", members);
}

static void create_sessions(const char *prefix, int participants)
{
    const char *members = configuration(participants);
    for (int i = 0; i < SESSIONS; i++) {
        create_running(kept_text("%s%d", prefix, i), members);
    }
}

/* Bytes of a field of the newest event in the stream. */
static size_t newest_bytes(const char *field)
{
    const redisReply *found = redis_peek("XREVRANGE audit + - COUNT 1");
    REQUIRE(found && found->type == REDIS_REPLY_ARRAY && found->elements == 1);
    const redisReply *fields = found->element[0]->element[1];
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        if (strcmp(fields->element[i]->str, field) == 0) {
            return fields->element[i + 1]->len;
        }
    }
    return 0;
}

/* --- producing against draining --------------------------------------------------------------------------------- */

struct comparison {
    int64_t produced; /* a second, at the best number of connections */
    size_t at_connections;
    int64_t drained; /* a second */
    int64_t events;
    size_t snapshot_bytes;
    int64_t redis_bytes; /* an event */
};

static int64_t produce(const char *prefix, size_t hands)
{
    const int64_t before = backlog();
    const int64_t since = now_us();
    struct switches *switches = switches_start(&(struct switches_spec){
        .port = stack.web_port, .prefix = prefix, .sessions = SESSIONS, .connections = hands, .per_second = 0});
    REQUIRE(switches);
    pause_ms(SPELL_MS);
    const int64_t events = backlog() - before;
    const int64_t wall = now_us() - since;
    const struct switches_result result = switches_stop(switches);
    EXPECT_INT(result.broken, 0);
    EXPECT_INT(result.refused, 0);
    return events * 1000000 / wall;
}

static struct comparison compare(int participants)
{
    struct comparison found = {0};
    const char *prefix = kept_text("bench-%d-", participants);
    create_sessions(prefix, participants);
    await_backlog(0);
    process_stop(stack.audit);
    for (size_t i = 0; i < sizeof(connections) / sizeof(*connections); i++) {
        const int64_t rate = produce(prefix, connections[i]);
        if (rate > found.produced) {
            found.produced = rate;
            found.at_connections = connections[i];
        }
    }
    found.events = backlog();
    REQUIRE(found.events > 0);
    found.snapshot_bytes = newest_bytes("snapshot");
    found.redis_bytes = redis_int("MEMORY USAGE audit") / found.events;
    worker_start(NULL);
    REQUIRE(process_alive(stack.audit));
    found.drained = found.events * 1000000 / await_backlog(0);
    keep_clear();
    return found;
}

/* --- an outage -------------------------------------------------------------------------------------------------- */

struct outage {
    int64_t most; /* events waiting at its end */
    int64_t gone_us;
    int64_t rate; /* switches a second, really */
};

static struct outage go_through_outage(void)
{
    struct outage found = {0};
    create_sessions("bench-outage-", 2);
    await_backlog(0);
    struct switches *switches = switches_start(&(struct switches_spec){.port = stack.web_port,
                                                                       .prefix = "bench-outage-",
                                                                       .sessions = SESSIONS,
                                                                       .connections = 32,
                                                                       .per_second = OUTAGE_RATE});
    REQUIRE(switches);
    pause_ms(2000);
    stack_stop_postgres();
    pause_ms(OUTAGE_MS);
    found.most = backlog();
    stack_start_postgres();
    found.gone_us = await_backlog(GONE);
    const struct switches_result result = switches_stop(switches);
    EXPECT_INT(result.broken, 0);
    EXPECT_INT(result.refused, 0);
    found.rate = result.changed * 1000000 / result.wall_us;
    await_backlog(0);
    keep_clear();
    return found;
}

/* --- what came of it -------------------------------------------------------------------------------------------- */

static void print_machine(void)
{
    const redisReply *about = redis_peek("INFO server");
    const char *version = about && about->str ? strstr(about->str, "redis_version:") : NULL;
    version = version ? version + strlen("redis_version:") : "?";
    printf("SyncKairos %s, Redis %.*s, PostgreSQL %s (commits reach the disk); %ld processors\n", SK_VERSION,
           (int)strcspn(version, "\r\n"), version, sql_text("SHOW server_version"), sysconf(_SC_NPROCESSORS_ONLN));
    printf("%d sessions, switches only; 2 API processes of 4 threads; one audit worker, alone while it drains\n\n",
           SESSIONS);
    keep_clear();
}

static void print_comparison(int participants, const struct comparison *found)
{
    printf("%12d %10zu %10" PRId64 " %10" PRId64 " %9" PRId64 "/s at %3zu %9" PRId64 "/s %6.2f\n", participants,
           found->snapshot_bytes, found->redis_bytes, found->events, found->produced, found->at_connections,
           found->drained, (double)found->drained / (double)found->produced);
}

static void run(const char *unused)
{
    (void)unused;
    static const int participants[] = {2, 8};
    print_machine();
    printf("participants   snapshot   in Redis     events        API, connections     worker  ratio\n");
    for (size_t i = 0; i < sizeof(participants) / sizeof(*participants); i++) {
        const struct comparison found = compare(participants[i]);
        print_comparison(participants[i], &found);
    }
    const struct outage outage = go_through_outage();
    printf("\nPostgreSQL away for %d s under %" PRId64 " switches/s: %" PRId64
           " events waited; they were gone %.1f s after its return, the load going on\n",
           OUTAGE_MS / 1000, outage.rate, outage.most, (double)outage.gone_us / 1e6);
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: audit BUILD\n");
        return 2;
    }
    stack.durable = true;
    return stage_run(arguments[1], run, NULL);
}
