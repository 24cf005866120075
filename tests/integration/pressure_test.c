/* The relay with many clients, some of whom do not read: what they cost the others, and the relay. */
#include "tests/integration/audience.h"
#include "tests/integration/publisher.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A sanitizer makes everything many times slower and larger: fewer clients then, and nothing is said of memory. */
#ifdef __SANITIZE_ADDRESS__
#define MANY 500
#define MEASURES_MEMORY false
#else
#define MANY 5000
#define MEASURES_MEMORY true
#endif

#define REPLACED "synckairos_websocket_replaced_updates_total "
#define HALL INT64_C(500)
#define HALL_UPDATES 250
#define NOISE_US 1000000 /* what a busy machine may add to any delay */

static struct process *relay_for_many(int *port)
{
    const char *const env[] = {"RELAY_MAX_CONNECTIONS=8000", "RELAY_PING_S=5", NULL};
    return relay_start(env, port);
}

static struct audience_figures figures_of(struct audience *audience)
{
    struct audience_figures figures;
    audience_measure(audience, &figures);
    return figures;
}

static void print_delays(const char *what, const struct audience_figures *figures)
{
    printf("\n    %-44s p50 %6.2f  p99 %6.2f  max %6.2f ms of %zu", what, (double)figures->p50_us / 1000,
           (double)figures->p99_us / 1000, (double)figures->max_us / 1000, figures->frames);
    if (figures->pongs > 0) {
        printf(";  PONG p50 %.2f  p99 %.2f  max %.2f ms of %zu", (double)figures->pong_p50_us / 1000,
               (double)figures->pong_p99_us / 1000, (double)figures->pong_max_us / 1000, figures->pongs);
    }
}

/* A number of /proc/<pid>/status, in KiB. */
static int64_t status_kib(const struct process *process, const char *name)
{
    int64_t kib = -1;
    char line[256];
    FILE *file = fopen(kept_text("/proc/%d/status", (int)process_pid(process)), "r");
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, name, strlen(name)) == 0) {
            kib = strtoll(line + strlen(name), NULL, 10);
        }
    }
    if (file) {
        (void)fclose(file);
    }
    return kib;
}

/* The processor time that the process has had, in milliseconds: utime and stime are the 14th and 15th field. */
static int64_t processor_ms(const struct process *process)
{
    char text[1024] = "";
    FILE *file = fopen(kept_text("/proc/%d/stat", (int)process_pid(process)), "r");
    if (file) {
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        (void)fclose(file);
    }
    char *at = strrchr(text, ')');
    for (int field = 2; at && field < 14; field++) {
        at = strchr(at + 1, ' ');
    }
    const int64_t user = at ? strtoll(at, &at, 10) : 0;
    return at ? (user + strtoll(at, NULL, 10)) * 1000 / sysconf(_SC_CLK_TCK) : 0;
}

/* A counter without labels, over all programs; 0 before it has counted anything. */
static int64_t counter(const char *name)
{
    const struct answer *scrape = call("GET", "/metrics", NULL);
    const char *at = scrape->text ? strstr(scrape->text, kept_text("\n%s", name)) : NULL;
    return at ? strtoll(at + 1 + strlen(name), NULL, 10) : 0;
}

/* --- fan-out ---------------------------------------------------------------------------------------------------- */

static void a_big_session_holds_up_no_other(void)
{
    int port = 0;
    struct process *relay = relay_for_many(&port);
    const char *big = running("big");
    const char *small = running("small");
    struct audience *few = audience_open(port, small, 1);
    struct publisher *small_updates = publisher_open(small, 700);
    struct publisher *big_updates = publisher_open(big, 700);
    audience_ping(few, 60);
    publisher_start(small_updates, 20);
    struct audience *many = audience_open(port, big, MANY);
    audience_forget(few);
    const int64_t idle_ms = processor_ms(relay);
    sleep(5);
    const struct audience_figures alone = figures_of(few);
    audience_forget(few);
    const int64_t before_ms = processor_ms(relay);
    const int64_t newest = publish_for(big_updates, 10, 5000);
    const int64_t after_ms = processor_ms(relay);
    const struct audience_figures beside = figures_of(few);
    EVENTUALLY(audience_with(many, newest) == MANY);
    const struct audience_figures all = figures_of(many);
    print_delays("a small session, nothing else happening", &alone);
    print_delays("a small session beside a big one", &beside);
    print_delays("the big one, 10 updates a second", &all);
    printf("\n    %d clients; the relay's processor time: idle %.1f %%, beside %.1f %% ", MANY,
           (double)(before_ms - idle_ms) / 50, (double)(after_ms - before_ms) / 50);
    EXPECT(all.frames > 0 && all.backwards == 0);
    EXPECT(alone.pongs > 0 && beside.pongs > 0 && alone.frames > 0 && beside.frames > 0);
    EXPECT(beside.p99_us < alone.p99_us + NOISE_US);
    EXPECT(beside.pong_p99_us < alone.pong_p99_us + NOISE_US);
    EXPECT_INT((int64_t)audience_closed(many), 0);
}

static void a_session_of_500_gets_every_update(void)
{
    int port = 0;
    struct process *relay = relay_for_many(&port);
    const char *id = running("hall");
    struct audience *hall = audience_open(port, id, HALL);
    struct publisher *updates = publisher_open(id, 700);
    const int64_t replaced = counter(REPLACED);
    const int64_t before_ms = processor_ms(relay);
    const int64_t newest = publish_for(updates, 50, 5000);
    const int64_t after_ms = processor_ms(relay);
    EVENTUALLY(audience_with(hall, newest) == HALL);
    const struct audience_figures figures = figures_of(hall);
    print_delays("500 clients, 50 updates of 700 bytes a second", &figures);
    printf("\n    the relay's processor time %.1f %% ", (double)(after_ms - before_ms) / 50);
    EXPECT_INT((int64_t)figures.backwards, 0);
    EVENTUALLY((int64_t)figures.frames + counter(REPLACED) - replaced == HALL * HALL_UPDATES);
}

/* The last frame and the close reach everybody, and the relay lives on. */
static void a_big_session_is_deleted(void)
{
    int port = 0;
    relay_for_many(&port);
    const char *id = running("doomed");
    struct audience *many = audience_open(port, id, MANY);
    EXPECT_STATUS(delete_session(id), 204);
    EVENTUALLY(audience_closed(many) == MANY);
    EXPECT_INT((int64_t)audience_closed_with(many, 1000), MANY);
}

/* --- slow clients ----------------------------------------------------------------------------------------------- */

static void a_burst_of_events_is_no_reason_to_hang_up(void)
{
    int port = 0;
    relay_for_many(&port);
    static const size_t sizes[] = {1, 300};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        const char *id = running("burst");
        struct audience *audience = audience_open(port, id, sizes[i]);
        struct publisher *events = publisher_open(id, 100);
        const int64_t newest = publish(events, "TIME_WARNING", 300);
        EVENTUALLY(audience_with(audience, newest) == sizes[i] || audience_closed(audience) > 0);
        EXPECT_INT((int64_t)audience_closed(audience), 0);
        const struct audience_figures figures = figures_of(audience);
        EXPECT_INT((int64_t)figures.frames, 300 * (int64_t)sizes[i]);
        EXPECT_INT((int64_t)figures.backwards, 0);
    }
}

/* Too many events close with 4008, nothing taken for two ping periods too; a peer that takes nothing is cut off soon
 * after either, and what the kernel held for it is gone with it. */
static void who_reads_nothing_is_gone_in_time(void)
{
    const char *const env[] = {"RELAY_PING_S=1", NULL};
    int port = 0;
    struct process *relay = relay_start(env, &port);
    static const struct {
        const char *type;
        int rounds;
    } rows[] = {{"TIME_WARNING", 200}, {"STATE_UPDATE", 200}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *id = running("deaf");
        struct audience *audience = audience_open(port, id, 40);
        struct publisher *publisher = publisher_open(id, 4000);
        audience_deafen(audience, 20);
        int64_t newest = 0;
        const int64_t since_us = now_us();
        for (int round = 0; round < rows[i].rounds; round++) {
            newest = publish(publisher, rows[i].type, 1);
            nap();
        }
        EVENTUALLY(audience_closed(audience) == 20);
        printf("\n    %s: 20 who read nothing were gone after %.1f s ", rows[i].type,
               (double)(now_us() - since_us) / 1e6);
        EVENTUALLY(audience_with(audience, newest) == 20);
        EXPECT_INT((int64_t)audience_closed(audience), 20);
    }
    EXPECT(process_alive(relay));
}

static void who_reads_nothing_among_a_thousand_delays_nobody(void)
{
    int port = 0;
    relay_for_many(&port);
    const size_t clients = MANY / 5;
    const char *id = running("mixed");
    struct audience *audience = audience_open(port, id, clients);
    struct publisher *updates = publisher_open(id, 8000);
    int64_t newest = publish_for(updates, 20, 4000);
    EVENTUALLY(audience_with(audience, newest) == clients);
    const struct audience_figures without = figures_of(audience);
    const int64_t replaced = counter(REPLACED);
    audience_deafen(audience, 1);
    audience_forget(audience);
    newest = publish_for(updates, 20, 4000);
    EVENTUALLY(audience_with(audience, newest) == clients - 1);
    const struct audience_figures with = figures_of(audience);
    print_delays("everybody reads", &without);
    print_delays("one reads nothing", &with);
    EXPECT(with.p99_us < without.p99_us + NOISE_US);
    EVENTUALLY(counter(REPLACED) > replaced);
    EXPECT_INT((int64_t)with.backwards, 0);
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

/* A session of 1,000 participants with names of the greatest length: its view is about 200 KB. */
static const char *create_crowded(void)
{
    const size_t room = 200000;
    char *members = malloc(room);
    REQUIRE(members != NULL);
    size_t used = (size_t)snprintf(members, room, "'sync_mode':'per_participant','participants':[");
    for (int i = 0; i < 1000; i++) {
        used += (size_t)snprintf(members + used, room - used,
                                 "%s{'participant_id':'%060d','participant_index':%d,'total_time_ms':300000}",
                                 i > 0 ? "," : "", i, i);
    }
    (void)snprintf(members + used, room - used, "]");
    const char *id = fresh_id("crowded");
    create_running(id, members);
    free(members);
    return id;
}

/* What docs/websocket.md promises: 16 KiB a connection, and the largest frame once for each that has not taken all of
 * it, which at worst is each; and some frames that all share. */
static void memory_stays_within_its_bound(void)
{
    int port = 0;
    const int64_t clients = MANY / 5;
    struct process *relay = relay_for_many(&port);
    const char *id = create_crowded();
    const int64_t view_kib = (int64_t)look(id)->text_bytes / 1024;
    const int64_t empty_kib = status_kib(relay, "VmRSS:");
    struct audience *audience = audience_open(port, id, (size_t)clients);
    const int64_t joined_kib = status_kib(relay, "VmRSS:");
    audience_deafen(audience, (size_t)clients / 10);
    for (int i = 0; i < 12; i++) {
        EXPECT_STATUS(act(id, "switch", NULL), 200);
    }
    const int64_t full_kib = status_kib(relay, "VmRSS:");
    const int64_t peak_kib = status_kib(relay, "VmHWM:");
    const int64_t bound_kib = empty_kib + clients * 16 + clients * view_kib + 8 * view_kib;
    printf(
        "\n    a view of %lld KiB, %lld clients, a tenth of whom reads nothing: resident %lld KiB, with clients %lld, "
        "under updates %lld, at most %lld; bound %lld ",
        (long long)view_kib, (long long)clients, (long long)empty_kib, (long long)joined_kib, (long long)full_kib,
        (long long)peak_kib, (long long)bound_kib);
    EXPECT(view_kib > 100);
    EXPECT(peak_kib < bound_kib || !MEASURES_MEMORY);
}

CU_TestInfo pressure_tests[] = {
    {"a big session holds up no other", a_big_session_holds_up_no_other},
    {"a session of 500 gets every update", a_session_of_500_gets_every_update},
    {"a big session is deleted", a_big_session_is_deleted},
    {"a burst of events is no reason to hang up", a_burst_of_events_is_no_reason_to_hang_up},
    {"who reads nothing is gone in time", who_reads_nothing_is_gone_in_time},
    {"who reads nothing among a thousand delays nobody", who_reads_nothing_among_a_thousand_delays_nobody},
    {"memory stays within its bound", memory_stays_within_its_bound},
    CU_TEST_INFO_NULL,
};
