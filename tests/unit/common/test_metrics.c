/* Tests of common/metrics: counting by several processes, foreign files, and the text. */
#include "common/metrics.h"
#include "common/metrics_segment.h"
#include "common/metrics_table.h"
#include "common/version.h"
#include "tests/unit/check.h"
#include "tests/unit/common/metrics_place.h"
#include "tests/unit/suites.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void counts(void)
{
    struct place place;
    open_new(&place);
    CHECK("nothing yet", isnan(shown("synckairos_cycle_switches_total")));
    CHECK_SHOWN("synckairos_state_conflicts_total", 0);
    sk_metrics_add(SWITCHES, "mode=\"global\"", 1);
    sk_metrics_add(SWITCHES, "mode=\"global\"", 4);
    sk_metrics_add(SWITCHES, "mode=\"per_group\"", 1);
    sk_metrics_add(SK_METRIC_EXPIRIES, "mode=\"global\"", 1);
    sk_metrics_add(SK_METRIC_STATE_CONFLICTS, "", 3);
    sk_metrics_add(SK_METRIC_STATE_CONFLICTS, NULL, 3);
    CHECK_SHOWN("synckairos_cycle_switches_total{mode=\"global\"}", 5);
    CHECK_SHOWN("synckairos_cycle_switches_total{mode=\"per_group\"}", 1);
    CHECK_SHOWN("synckairos_expiries_total{mode=\"global\"}", 1);
    CHECK_SHOWN("synckairos_state_conflicts_total", 6);
    struct stat stat_now;
    CHECK("only ours", stat(place.file, &stat_now) == 0 && (stat_now.st_mode & 0777) == 0600);
    struct sk_error error;
    CHECK_INT("opened again", sk_metrics_open(place.file, "test", &error), SK_OK);
    CHECK_SHOWN("synckairos_cycle_switches_total{mode=\"global\"}", 5);
    remove_place(&place);
}

static void misuse_is_ignored(void)
{
    struct place place;
    open_new(&place);
    sk_metrics_add(CONNECTIONS, "", 1);
    sk_metrics_add(SK_METRIC_COUNT, "", 1);
    sk_metrics_add((enum sk_metric) - 1, "", 1);
    sk_metrics_add(SK_METRIC_HTTP_DURATION, "", 1);
    sk_metrics_observe(SWITCHES, "", 1);
    sk_metrics_observe(SK_METRIC_COUNT, "", 1);
    sk_metrics_set(SWITCHES, 1);
    sk_metrics_set(SK_METRIC_COUNT, 1);
    CHECK_SHOWN("synckairos_websocket_connections", 0);
    CHECK("not counted", isnan(shown("synckairos_cycle_switches_total")));
    CHECK("not counted", isnan(shown("synckairos_http_request_duration_seconds_count")));
    remove_place(&place);
}

/* What is no list of labels must not spoil the page: it is counted without any. */
static void odd_labels_are_counted_without(void)
{
    static char longest[111];
    static char too_long[112];
    (void)snprintf(longest, sizeof longest, "code=\"%0103d\"", 0);
    (void)snprintf(too_long, sizeof too_long, "code=\"%0104d\"", 0);
    const char *const rows[] = {
        "code",        "code=",        "code=\"",       "code=\"1",     "code=\"1\",",  "code=\"1\"x",       "=\"1\"",
        ",code=\"1\"", "code=\"1\"\n", "code=\"a\nb\"", "code=\"a\\\"", "code=\"\\x\"", "code=\"\xc3\xa9\"", "code='1'",
        "co de=\"1\"", "{code=\"1\"}", too_long,
    };
    struct place place;
    open_new(&place);
    int64_t odd = sizeof rows / sizeof rows[0];
    for (int64_t i = 0; i < odd; i++) {
        sk_metrics_add(SK_METRIC_WS_CLOSES, rows[i], 1);
        CHECK_SHOWN("synckairos_websocket_closes_total", i + 1);
    }
    sk_metrics_add(SK_METRIC_WS_CLOSES, longest, 1);
    sk_metrics_add(SK_METRIC_WS_CLOSES, "code=\"a\\\\b\\\"c\\nd\"", 1);
    sk_metrics_add(SK_METRIC_WS_CLOSES, "code=\"\",why=\"a,b\"", 1);
    CHECK_SHOWN("synckairos_websocket_closes_total", odd);
    CHECK_SHOWN("synckairos_websocket_closes_total{code=\"a\\\\b\\\"c\\nd\"}", 1);
    CHECK_SHOWN("synckairos_websocket_closes_total{code=\"\",why=\"a,b\"}", 1);
    remove_place(&place);
}

static void a_full_table_counts_on(void)
{
    struct place place;
    open_new(&place);
    sk_metrics_add(SWITCHES, "mode=\"early\"", 1);
    for (int i = 0; i < 3000; i++) {
        char labels[64];
        (void)snprintf(labels, sizeof labels, "mode=\"m%d\"", i);
        sk_metrics_add(SWITCHES, labels, 1);
        sk_metrics_add(SWITCHES, labels, 1);
    }
    sk_metrics_add(SWITCHES, "mode=\"early\"", 1);
    CHECK_SHOWN("synckairos_cycle_switches_total{mode=\"early\"}", 2);
    CHECK_SHOWN("synckairos_cycle_switches_total{mode=\"m0\"}", 2);
    struct sk_buffer out = {0};
    sk_metrics_write(&out);
    int64_t sum = 0;
    for (const char *at = strstr(sk_buffer_text(&out), "\nsynckairos_cycle_switches_total"); at;
         at = strstr(at + 1, "\nsynckairos_cycle_switches_total")) {
        sum += strtoll(strchr(at, ' '), NULL, 10);
    }
    CHECK_INT("nothing lost", sum, 6002);
    CHECK("the rest without labels", shown("synckairos_cycle_switches_total") > 3000);
    sk_buffer_clear(&out);
    remove_place(&place);
}

static void observes(void)
{
    static const struct {
        double value;
        const char *bucket, *below; /* the first that holds it, and the one before */
    } rows[] = {
        {0, "0.25", NULL},     {-5, "0.25", NULL},       {0.25, "0.25", NULL},    {0.26, "0.5", "0.25"},
        {1000, "1000", "500"}, {1000.1, "+Inf", "1000"}, {1e300, "+Inf", "1000"}, {99.9, "100", "50"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct place place;
        open_new(&place);
        sk_metrics_observe(SK_METRIC_CYCLE_SWITCH_DURATION, "", rows[i].value);
        char series[128];
        (void)snprintf(series, sizeof series, "synckairos_cycle_switch_duration_ms_bucket{le=\"%s\"}", rows[i].bucket);
        CHECK_SHOWN(series, 1);
        if (rows[i].below) {
            (void)snprintf(series, sizeof series, "synckairos_cycle_switch_duration_ms_bucket{le=\"%s\"}",
                           rows[i].below);
            CHECK_SHOWN(series, 0);
        }
        CHECK_SHOWN("synckairos_cycle_switch_duration_ms_count", 1);
        remove_place(&place);
    }
    struct place place;
    open_new(&place);
    sk_metrics_observe(SK_METRIC_HTTP_DURATION, "route=\"/health\"", 0.125);
    sk_metrics_observe(SK_METRIC_HTTP_DURATION, "route=\"/health\"", 0.5);
    sk_metrics_observe(SK_METRIC_HTTP_DURATION, "route=\"/health\"", (double)NAN);
    sk_metrics_observe(SK_METRIC_HTTP_DURATION, "route=\"/health\"", (double)INFINITY);
    CHECK("sum", shown("synckairos_http_request_duration_seconds_sum{route=\"/health\"}") == 0.625);
    CHECK_SHOWN("synckairos_http_request_duration_seconds_count{route=\"/health\"}", 2);
    CHECK_SHOWN("synckairos_http_request_duration_seconds_bucket{route=\"/health\",le=\"0.25\"}", 1);
    remove_place(&place);
}

/* What several processes do that all start at once: each opens, counts and holds a gauge until it is told to end. */
static void work(const char *file, int begin, int done)
{
    struct sk_error error;
    char byte = 0;
    (void)!read(begin, &byte, 1); /* they all wake up when the parent closes its end */
    if (sk_metrics_open(file, "test", &error) != SK_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
        byte = 'E';
    }
    for (int i = 0; i < 20000; i++) {
        sk_metrics_add(SWITCHES, i % 2 ? "mode=\"global\"" : "mode=\"per_cycle\"", 1);
        sk_metrics_observe(SK_METRIC_CYCLE_SWITCH_DURATION, "", 0.5);
    }
    sk_metrics_set(CONNECTIONS, 10);
    (void)!write(done, &byte, 1);
    (void)pause();
    _exit(0);
}

static void several_processes_count_into_one_file(void)
{
    enum { CHILDREN = 6 };
    struct place place;
    pid_t children[CHILDREN];
    int begin[2];
    int done[2];
    make_place(&place);
    CU_ASSERT_EQUAL_FATAL(pipe(begin) + pipe(done), 0);
    for (size_t i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            (void)close(begin[1]);
            work(place.file, begin[0], done[1]);
        }
    }
    (void)close(begin[1]);
    (void)close(begin[0]);
    (void)close(done[1]);
    for (size_t i = 0; i < CHILDREN; i++) {
        char byte = 0;
        CHECK("a child is done", read(done[0], &byte, 1) == 1 && byte != 'E');
    }
    struct sk_error error;
    CU_ASSERT_EQUAL_FATAL(sk_metrics_open(place.file, "test", &error), SK_OK);
    CHECK_SHOWN("synckairos_websocket_connections", 10 * CHILDREN);
    for (int i = 0; i < CHILDREN; i++) {
        CHECK("killed", kill(children[i], SIGKILL) == 0 && waitpid(children[i], NULL, 0) == children[i]);
        CHECK_SHOWN("synckairos_websocket_connections", 10 * (CHILDREN - 1 - i));
    }
    CHECK_SHOWN("synckairos_cycle_switches_total{mode=\"global\"}", 10000 * CHILDREN);
    CHECK_SHOWN("synckairos_cycle_switches_total{mode=\"per_cycle\"}", 10000 * CHILDREN);
    CHECK_SHOWN("synckairos_cycle_switch_duration_ms_count", 20000 * CHILDREN);
    CHECK_SHOWN("synckairos_cycle_switch_duration_ms_sum", 10000 * CHILDREN);
    (void)close(done[0]);
    remove_place(&place);
}

/* One is killed in the middle of counting; what it had counted stays, and the others are not held up. */
static void a_process_killed_while_counting(void)
{
    struct place place;
    open_new(&place);
    pid_t child = fork();
    if (child == 0) {
        for (;;) {
            sk_metrics_add(SWITCHES, "mode=\"global\"", 1);
            sk_metrics_set(CONNECTIONS, 5);
        }
    }
    double seen = 0;
    for (int i = 0; i < 1000 && !(seen >= 1000); i++) {
        (void)usleep(1000);
        seen = shown("synckairos_cycle_switches_total{mode=\"global\"}");
    }
    CHECK("it counts", seen >= 1000);
    CHECK("killed", kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    double stays = shown("synckairos_cycle_switches_total{mode=\"global\"}");
    CHECK("nothing lost", stays >= seen);
    sk_metrics_add(SWITCHES, "mode=\"global\"", 1);
    CHECK("counted on", shown("synckairos_cycle_switches_total{mode=\"global\"}") == stays + 1);
    CHECK_SHOWN("synckairos_websocket_connections", 0);
    remove_place(&place);
}

/* A series that its claimant never signed, because it was killed right then. */
static void a_series_left_half_claimed(void)
{
    struct place place;
    open_new(&place);
    sk_metrics_add(SWITCHES, "mode=\"global\"", 1);
    struct sk_metrics_segment *segment = sk_metrics_segment();
    struct sk_series *half = NULL;
    for (size_t i = SK_METRIC_COUNT; i < SK_SERIES_MAX; i++) {
        half = atomic_load(&segment->series[i].ready) ? &segment->series[i] : half;
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(half);
    atomic_store(&half->ready, 0);
    half->labels[0] = '\0';
    sk_metrics_add(SWITCHES, "mode=\"global\"", 2);
    sk_metrics_add(SWITCHES, "mode=\"global\"", 3);
    CHECK_SHOWN("synckairos_cycle_switches_total{mode=\"global\"}", 5);
    memcpy(half->labels, "mode=\"global\"", sizeof "mode=\"global\""); /* its claimant was only slow */
    atomic_store(&half->ready, 1);
    sk_metrics_add(SWITCHES, "mode=\"global\"", 1);
    CHECK_SHOWN("synckairos_cycle_switches_total{mode=\"global\"}", 7);
    remove_place(&place);
}

static void *count_in_thread(void *unused)
{
    (void)unused;
    for (int i = 0; i < 5000; i++) {
        char labels[32];
        (void)snprintf(labels, sizeof labels, "mode=\"m%d\"", i % 50);
        sk_metrics_add(SWITCHES, labels, 1);
        sk_metrics_observe(SK_METRIC_TIMER_LATENESS, "", 0.25);
        sk_metrics_set(CONNECTIONS, 2);
    }
    return NULL;
}

static void threads_count_together(void)
{
    enum { THREADS = 8 };
    struct place place;
    pthread_t threads[THREADS];
    open_new(&place);
    for (size_t i = 0; i < THREADS; i++) {
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, count_in_thread, NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < 50; i++) {
        char series[80];
        (void)snprintf(series, sizeof series, "synckairos_cycle_switches_total{mode=\"m%d\"}", i);
        CHECK_SHOWN(series, 100 * THREADS);
    }
    CHECK_SHOWN("synckairos_timer_lateness_seconds_count", 5000 * THREADS);
    CHECK_SHOWN("synckairos_timer_lateness_seconds_sum", 1250 * THREADS);
    CHECK_SHOWN("synckairos_websocket_connections", 2);
    CHECK_INT("one process, one place", (int64_t)used_slots(), 1);
    remove_place(&place);
}

static void check_refused(const char *what, const char *file, const char *why)
{
    struct sk_error error = {.text = ""};
    CHECK_INT(what, sk_metrics_open(file, "test", &error), SK_VALIDATION_ERROR);
    CHECK(error.text, strstr(error.text, file) && strstr(error.text, why));
}

static void write_file(const char *file, const char *bytes, size_t length, off_t size)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CHECK("written", write(fd, bytes, length) == (ssize_t)length && ftruncate(fd, size) == 0);
    (void)close(fd);
}

static void strange_files_are_refused_and_left_alone(void)
{
    struct place place;
    const off_t size = (off_t)sizeof(struct sk_metrics_segment);
    make_place(&place);
    check_refused("no such folder", "/nowhere/metrics", "No such file");
    check_refused("a folder", place.folder, "");
    write_file(place.file, "precious", 8, 8);
    check_refused("another file", place.file, "not a metrics file");
    write_file(place.file, "precious", 8, size);
    check_refused("another file of the same size", place.file, "not a metrics file");
    char bytes[9] = "";
    int fd = open(place.file, O_RDONLY | O_CLOEXEC);
    CHECK("left alone", read(fd, bytes, 8) == 8 && strcmp(bytes, "precious") == 0);
    (void)close(fd);
    write_file(place.file, "", 0, size + 1);
    check_refused("another size", place.file, "not a metrics file");
    write_file(place.file, "SKmetricXXXXXXXX", 16, size);
    check_refused("another layout", place.file, "not a metrics file of this version");
    write_file(place.file, "", 0, 0);
    CHECK("open to others", chmod(place.file, 0666) == 0);
    check_refused("open to others", place.file, "others may write");
    (void)unlink(place.file);
    CHECK("a link", symlink("/tmp/elsewhere", place.file) == 0);
    check_refused("a link", place.file, "symbolic link");
    (void)unlink(place.file);
    CHECK("a pipe", mkfifo(place.file, 0600) == 0);
    check_refused("a pipe", place.file, "not a regular file");
    remove_place(&place);
}

static void a_file_of_somebody_else(void)
{
    struct place place;
    make_place(&place);
    write_file(place.file, "", 0, 0);
    if (geteuid() == 0 && chown(place.file, 65534, 65534) == 0) {
        check_refused("nobody's", place.file, "another user");
    }
    remove_place(&place);
}

/* Its creator was killed before it had signed it: all zeros. */
static void a_file_left_unsigned_is_taken(void)
{
    struct place place;
    make_place(&place);
    write_file(place.file, "", 0, (off_t)sizeof(struct sk_metrics_segment));
    struct sk_error error = {.text = ""};
    CHECK_INT(error.text, sk_metrics_open(place.file, "test", &error), SK_OK);
    sk_metrics_add(SWITCHES, "mode=\"global\"", 1);
    CHECK_SHOWN("synckairos_cycle_switches_total{mode=\"global\"}", 1);
    remove_place(&place);
}

/* After a refusal what was open before still counts. */
static void a_refusal_changes_nothing(void)
{
    struct place place;
    open_new(&place);
    sk_metrics_add(SWITCHES, "mode=\"global\"", 1);
    check_refused("a folder", place.folder, "");
    sk_metrics_add(SWITCHES, "mode=\"global\"", 1);
    CHECK_SHOWN("synckairos_cycle_switches_total{mode=\"global\"}", 2);
    remove_place(&place);
}

/* Whether the line is a sample as the text format has it: name, labels, one value. */
static bool is_sample(const char *line)
{
    const char *at = line + strspn(line, "abcdefghijklmnopqrstuvwxyz_");
    if (at == line) {
        return false;
    }
    if (*at == '{') {
        const char *end = strstr(at, "} ");
        char labels[256] = "";
        if (!end || end - at - 1 >= (int)sizeof labels) {
            return false;
        }
        memcpy(labels, at + 1, (size_t)(end - at - 1));
        char *le = strstr(labels, "le=\"");
        if (le && strcmp(le, "le=\"+Inf\"") != 0 && strspn(le + 4, "0123456789.") != strlen(le) - 5) {
            return false;
        }
        at = end + 1;
    }
    char *rest = NULL;
    (void)strtod(at, &rest);
    return *at == ' ' && rest != at && *rest == '\0';
}

/* Every metric has one HELP and one TYPE, in this order, in front of its samples, and its samples stand together. */
static void the_text_is_well_formed(void)
{
    struct place place;
    open_new(&place);
    sk_metrics_add(SK_METRIC_HTTP_REQUESTS, "method=\"GET\",route=\"/v1/sessions/{id}\",status=\"200\"", 3);
    sk_metrics_observe(SK_METRIC_HTTP_DURATION, "route=\"/v1/sessions/{id}\"", 0.002);
    sk_metrics_observe(SK_METRIC_HTTP_DURATION, "route=\"/health\"", 0.0001);
    sk_metrics_refresh();
    struct sk_buffer out = {0};
    sk_metrics_write(&out);
    static const struct sk_metric_reading readings[] = {{"", 7}, {"stream=\"a\"", -1}, {"odd", 1}};
    sk_metrics_write_gauge(&out, "synckairos_queue", "Size \\ of\nthe queue", readings, 3);
    CHECK("written", !out.failed && out.length > 0 && out.data[out.length - 1] == '\n');
    char name[80] = "";
    int families = 0;
    char *rest = out.data;
    for (char *line = strsep(&rest, "\n"); line && rest; line = strsep(&rest, "\n")) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(line + 7, " "), line + 7);
            families++;
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            CHECK(line, strncmp(line + 7, name, strlen(name)) == 0 && line[7 + strlen(name)] == ' ');
        } else {
            CHECK(line, name[0] && strncmp(line, name, strlen(name)) == 0 && is_sample(line));
        }
    }
    CHECK_INT("families", families, SK_METRIC_COUNT + 5); /* processes, their start, memory; build; the queue */
    sk_buffer_clear(&out);
    remove_place(&place);
}

static void a_gauge_measured_just_now(void)
{
    static const struct sk_metric_reading readings[] = {
        {"", 7}, {"stream=\"audit\"", -123456789012345}, {"age=\"s\"", 0.25}, {"odd", 1}};
    struct sk_buffer out = {0};
    sk_metrics_write_gauge(&out, "synckairos_audit_queue", "Back\\slash and\nnewline", readings, 4);
    CHECK_TEXT("text", sk_buffer_text(&out),
               "# HELP synckairos_audit_queue Back\\\\slash and\\nnewline\n"
               "# TYPE synckairos_audit_queue gauge\n"
               "synckairos_audit_queue 7\n"
               "synckairos_audit_queue{stream=\"audit\"} -123456789012345\n"
               "synckairos_audit_queue{age=\"s\"} 0.25\n");
    sk_buffer_clear(&out);
}

/* Buckets never fall, and the last of them is the count, also while somebody is counting. */
static void buckets_are_cumulative(void)
{
    struct place place;
    open_new(&place);
    pid_t child = fork();
    if (child == 0) {
        for (unsigned i = 0;; i++) {
            sk_metrics_observe(SK_METRIC_TIMER_LATENESS, "", 0.001 * (double)(i % 20000));
        }
    }
    for (int round = 0; round < 200; round++) {
        struct sk_buffer out = {0};
        sk_metrics_write(&out);
        int64_t before = 0;
        const char *at = sk_buffer_text(&out);
        while ((at = strstr(at, "\nsynckairos_timer_lateness_seconds_bucket{le=\""))) {
            int64_t value = strtoll(strstr(++at, "} ") + 2, NULL, 10);
            CHECK("cumulative", value >= before);
            before = value;
        }
        at = strstr(sk_buffer_text(&out), "\nsynckairos_timer_lateness_seconds_count ");
        CHECK_INT("count", at ? strtoll(strchr(at, ' '), NULL, 10) : -1, before);
        sk_buffer_clear(&out);
    }
    CHECK("killed", kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    remove_place(&place);
}

static void without_a_file_nothing_is_counted(void)
{
    struct sk_error error = {.text = ""};
    CHECK_INT("open", sk_metrics_open("", "test", &error), SK_OK);
    sk_metrics_add(SWITCHES, "mode=\"global\"", 1);
    sk_metrics_observe(SK_METRIC_TIMER_LATENESS, "", 0.25);
    sk_metrics_set(CONNECTIONS, 3);
    sk_metrics_refresh();
    struct sk_buffer out = {0};
    sk_metrics_write(&out);
    CHECK_TEXT("text", sk_buffer_text(&out),
               "# HELP synckairos_build_info The version of the program that answers.\n"
               "# TYPE synckairos_build_info gauge\n"
               "synckairos_build_info{version=\"" SK_VERSION "\"} 1\n");
    sk_buffer_clear(&out);
    struct place place;
    open_new(&place);
    sk_metrics_add(SK_METRIC_STATE_CONFLICTS, "", 1);
    CHECK_SHOWN("synckairos_state_conflicts_total", 1);
    remove_place(&place);
}

static void the_table_is_sound(void)
{
    for (int i = 0; i < SK_METRIC_COUNT; i++) {
        const struct sk_metric_kind *kind = sk_metric_kind((enum sk_metric)i);
        size_t length = strlen(kind->name);
        bool is_total = length > 6 && strcmp(kind->name + length - 6, "_total") == 0;
        CHECK(kind->name, strncmp(kind->name, "synckairos_", 11) == 0 && kind->help[0]);
        CHECK_INT(kind->name, is_total, kind->type == SK_COUNTER);
        CHECK_INT(kind->name, sk_metric_buckets(kind) > 0, kind->type == SK_HISTOGRAM);
        CHECK(kind->name, sk_metric_buckets(kind) <= SK_SERIES_CELLS - 2);
        for (size_t bucket = 1; bucket < sk_metric_buckets(kind); bucket++) {
            CHECK(kind->name, kind->bounds[bucket] > kind->bounds[bucket - 1]);
        }
        for (int other = 0; other < i; other++) {
            CHECK(kind->name, strcmp(kind->name, sk_metric_kind((enum sk_metric)other)->name) != 0);
        }
    }
}

void suite_metrics(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"counts", counts},
        {"misuse is ignored", misuse_is_ignored},
        {"odd labels are counted without", odd_labels_are_counted_without},
        {"a full table counts on", a_full_table_counts_on},
        {"observes", observes},
        {"several processes count into one file", several_processes_count_into_one_file},
        {"a process killed while counting", a_process_killed_while_counting},
        {"a series left half claimed", a_series_left_half_claimed},
        {"threads count together", threads_count_together},
        {"strange files are refused and left alone", strange_files_are_refused_and_left_alone},
        {"a file of somebody else", a_file_of_somebody_else},
        {"a file left unsigned is taken", a_file_left_unsigned_is_taken},
        {"a refusal changes nothing", a_refusal_changes_nothing},
        {"the text is well formed", the_text_is_well_formed},
        {"a gauge measured just now", a_gauge_measured_just_now},
        {"buckets are cumulative", buckets_are_cumulative},
        {"without a file nothing is counted", without_a_file_nothing_is_counted},
        {"the table is sound", the_table_is_sound},
    };
    ADD_TESTS(suite, tests);
}
