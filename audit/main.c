/* synckairos-audit: reads the command line and the configuration, and hands over to a subcommand. */
#include "audit/command.h"
#include "audit/failed.h"
#include "audit/migrations.h"
#include "audit/prune.h"
#include "audit/restore.h"
#include "audit/status.h"
#include "audit/verify.h"
#include "audit/worker.h"
#include "common/database_url.h"
#include "common/log.h"
#include "common/metrics.h"

#include <curl/curl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* argv: what follows the subcommand's name, NULL-terminated. */
struct subcommand {
    const char *name;
    enum sk_exit (*run)(const struct sk_config *config, char **argv);
    const char *help;
};

/* Of the worker, whose words are read in its log; the other subcommands talk to whoever called them. */
static enum sk_exit cannot_start(const char *why)
{
    sk_log(SK_LOG_ERROR, "cannot start", SK_S("error", why));
    return SK_EXIT_FAILED;
}

static enum sk_exit run(const struct sk_config *config, char **argv)
{
    struct sk_error error = {0};
    if (argv[0]) {
        return sk_command_misused(argv[0]);
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return cannot_start("libcurl cannot be used");
    }
    enum sk_code code = sk_metrics_open(config->metrics_file, "audit", &error);
    if (!code) {
        code = sk_worker_run(config, &error);
    }
    curl_global_cleanup();
    return code ? cannot_start(error.text) : SK_EXIT_OK;
}

/* PREFIX/share/synckairos/sql of the PREFIX that this program is installed under; else ./sql. */
static const char *standard_folder(char *out, size_t bytes)
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length > 0) {
        program[length] = '\0';
        char *slash = strrchr(program, '/');
        *slash = '\0';
        int printed = snprintf(out, bytes, "%s/../share/synckairos/sql", program);
        if (printed > 0 && (size_t)printed < bytes && access(out, R_OK) == 0) {
            return out;
        }
    }
    return "sql";
}

static enum sk_exit migrate(const struct sk_config *config, char **argv)
{
    char installed[PATH_MAX];
    const char *folder = argv[0] ? argv[1] : standard_folder(installed, sizeof installed);
    if (argv[0] && (strcmp(argv[0], "--dir") != 0 || !folder || argv[2])) {
        return sk_command_misused(argv[0]);
    }
    struct sk_error error = {0};
    struct sk_migrations migrations;
    if (sk_migrations_load(folder, &migrations, &error)) {
        return sk_command_complain(error.text);
    }
    struct sk_database *database = sk_database_new(config->database_url);
    enum sk_code code = database ? sk_migrations_apply(&migrations, database, stdout, &error)
                                 : sk_fail(&error, SK_INTERNAL_ERROR, "out of memory");
    sk_database_free(database);
    sk_migrations_clear(&migrations);
    return code ? sk_command_complain(error.text) : SK_EXIT_OK;
}

static const struct subcommand subcommands[] = {
    {"run", run, "write the audit stream into PostgreSQL until SIGTERM (also without a subcommand)"},
    {"migrate", migrate,
     "apply the migrations that are missing, and say which: migrate [--dir FOLDER]\n"
     "                (default: PREFIX/share/synckairos/sql where installed, else ./sql)"},
    {"status", sk_command_status, "how many events are waiting, active, completed, failed, delayed: status [--json]"},
    {"list-failed", sk_command_list_failed,
     "the events that PostgreSQL refused, oldest first: list-failed [--limit N] [--json]\n"
     "                (default: 100)"},
    {"retry-failed", sk_command_retry_failed,
     "put them back into the queue, all or those named: retry-failed [STREAM-ID...]"},
    {"restore", sk_command_restore,
     "write back every live session that Redis lacks: restore [--since DATE]\n"
     "                The morning after a lost Redis: 1. start Redis and the worker (synckairos-audit run)\n"
     "                2. synckairos-audit restore  3. open the doors. Or beside traffic: a read recovers its\n"
     "                session by itself. Safe to run twice. Without DATE: what Redis would still hold."},
    {"verify", sk_command_verify,
     "replay events and report what differs from the record: verify SESSION|--all [--since DATE]"},
    {"prune", sk_command_prune,
     "remove sessions that were finished before a day, with all their events:\n"
     "                prune --before DATE [--dry-run] [--batch N] (events a transaction; default: 5000)"},
};
#define SUBCOMMANDS (sizeof subcommands / sizeof subcommands[0])

static void print_help(void)
{
    (void)printf("usage: synckairos-audit [SUBCOMMAND [ARGUMENT...]]\n\nSubcommands:\n");
    for (size_t i = 0; i < SUBCOMMANDS; i++) {
        (void)printf("  %-12s  %s\n", subcommands[i].name, subcommands[i].help);
    }
    (void)printf("\nExit status: 0 done, 1 failed, 2 wrong usage.\n\n");
    sk_config_print_help(stdout, SK_PROGRAM_AUDIT);
}

static bool is_help(const char *argument)
{
    return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0 || strcmp(argument, "help") == 0;
}

static const struct subcommand *find(const char *name)
{
    for (size_t i = 0; i < SUBCOMMANDS; i++) {
        if (strcmp(subcommands[i].name, name) == 0) {
            return &subcommands[i];
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (is_help(argv[i])) {
            print_help();
            return SK_EXIT_OK;
        }
    }
    const struct subcommand *subcommand = find(argc > 1 ? argv[1] : "run");
    if (!subcommand) {
        return sk_command_misused(argv[1]);
    }
    struct sk_config config;
    struct sk_error error = {0};
    sk_log_open("synckairos-audit", SK_LOG_INFO);
    if (sk_config_load(&config, SK_PROGRAM_AUDIT, &error) || sk_database_url_check(config.database_url, &error)) {
        enum sk_exit (*refuse)(const char *text) = subcommand->run == run ? cannot_start : sk_command_complain;
        return refuse(error.text);
    }
    sk_log_open("synckairos-audit", config.log_level);
    (void)signal(SIGPIPE, SIG_IGN); /* a connection that breaks is an error of its call, not the end */
    return subcommand->run(&config, argc > 1 ? argv + 2 : argv + argc);
}
