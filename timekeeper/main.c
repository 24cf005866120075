/* synckairos-timekeeper: reads its configuration, ticks until told to stop. */
#include "common/config.h"
#include "common/metrics.h"
#include "common/monitor.h"
#include "common/redis_url.h"
#include "common/version.h"
#include "timekeeper/timekeeper.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROGRAM "synckairos-timekeeper"

static int usage(FILE *out, int status)
{
    (void)fprintf(out, "usage: " PROGRAM " [--help | --version]\n"
                       "Fires the warnings and expiries of sessions that are due. Any number may run.\n\n");
    sk_config_print_help(out, SK_PROGRAM_TIMEKEEPER);
    return status;
}

struct program {
    struct sk_store *store;
    struct sk_monitor *monitor; /* NULL: nobody may ask */
};

static enum sk_code open_program(struct program *program, const struct sk_config *config, struct sk_error *error)
{
    static const struct sk_monitor_need nothing_more;
    struct sk_store_options options = {.timeout_ms = config->redis_timeout_ms,
                                       .session_ttl_s = config->session_ttl_s,
                                       .audit_max_backlog = config->audit_max_backlog};
    enum sk_code code = sk_metrics_open(config->metrics_file, "timekeeper", error);
    code = code ? code : sk_redis_url_parse(config->redis_url, &options.url, error);
    if (code) {
        return code;
    }
    program->store = sk_store_new(&options);
    if (!program->store) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    return sk_monitor_open(config, &options.url, &nothing_more, &program->monitor, error);
}

static void close_program(struct program *program)
{
    sk_monitor_close(program->monitor);
    sk_store_free(program->store);
}

/* The signals that end the program; blocked, and waited for between two ticks. */
static sigset_t block_signals(void)
{
    sigset_t signals;
    (void)signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    return signals;
}

static void run(struct sk_store *store, const sigset_t *signals)
{
    struct sk_timekeeper keeper;
    sk_timekeeper_init(&keeper, store);
    sk_log(SK_LOG_INFO, "started");
    for (;;) {
        int64_t pause_ms = sk_timekeeper_tick(&keeper);
        sk_metrics_refresh();
        struct timespec pause = {.tv_sec = (time_t)(pause_ms / 1000), .tv_nsec = (long)(pause_ms % 1000) * 1000000};
        if (sigtimedwait(signals, NULL, &pause) > 0) {
            break;
        }
    }
    sk_log(SK_LOG_INFO, "stopped");
}

int main(int argc, char **argv)
{
    struct sk_config config;
    struct sk_error error = {SK_OK, ""};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return usage(stdout, EXIT_SUCCESS);
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        return puts(PROGRAM " " SK_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    if (argc != 1) {
        return usage(stderr, 2);
    }
    sk_log_open(PROGRAM, SK_LOG_INFO);
    struct program program = {.store = NULL};
    sigset_t signals = block_signals(); /* from the start: who sees the port answer may ask it to end */
    enum sk_code code = sk_config_load(&config, SK_PROGRAM_TIMEKEEPER, &error);
    if (!code) {
        sk_log_open(PROGRAM, config.log_level);
        code = open_program(&program, &config, &error);
    }
    if (code) {
        sk_log(SK_LOG_ERROR, "cannot start", SK_S("error", error.text));
    } else {
        run(program.store, &signals);
    }
    close_program(&program);
    return code ? EXIT_FAILURE : EXIT_SUCCESS;
}
