/* synckairos-api: reads its arguments and configuration, opens what it needs, answers requests until it is told to
 * stop. */
#include "common/config.h"
#include "common/database_url.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/version.h"
#include "fcgi/acceptor.h"
#include "fcgi/cgi.h"
#include "fcgi/exchange.h"
#include "fcgi/token_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "synckairos-api"
#define EXIT_USAGE 2

static void print_usage(FILE *out)
{
    (void)fputs("usage: " PROGRAM " [--listen PATH|ADDR:PORT]\n"
                "       " PROGRAM " token --sub NAME …    (token --help)\n"
                "       " PROGRAM " --help | --version\n"
                "\n"
                "The REST interface, as a FastCGI responder. It answers on the listening socket that it inherits as\n"
                "descriptor 0 (lighttpd's bin-path, spawn-fcgi), or on one that it opens itself:\n"
                "\n"
                "  --listen PATH       a unix socket; the umask decides who may connect\n"
                "  --listen ADDR:PORT  TCP, e.g. 127.0.0.1:9000 or [::1]:9000; FastCGI knows no passwords, and\n"
                "                      libfcgi trusts its peer: let nobody but the web server reach it\n"
                "\n"
                "Started by a web server as a plain CGI program, it answers that one request and ends.\n"
                "\n"
                "SIGTERM or SIGINT: requests in hand are answered, then it ends.\n"
                "SIGUSR1, SIGUSR2: the log becomes more talkative by one level, or less.\n",
                out);
}

static int print_help(void)
{
    print_usage(stdout);
    (void)puts("");
    sk_config_print_help(stdout, SK_PROGRAM_API);
    return EXIT_SUCCESS;
}

static int print_version(void)
{
    (void)puts(PROGRAM " " SK_VERSION);
    return EXIT_SUCCESS;
}

static int fail(const struct sk_error *error)
{
    sk_log(SK_LOG_ERROR, "cannot start", SK_S("error", error->text));
    return EXIT_FAILURE;
}

static enum sk_code open_listener(struct listener *listener, const char *address, struct sk_error *error)
{
    return address ? sk_listener_open(listener, address, error) : sk_listener_take(listener, error);
}

/* What every way to answer requests needs first. */
static enum sk_code configure(struct sk_config *config, struct sk_redis_url *redis, struct sk_error *error)
{
    sk_log_open(PROGRAM, SK_LOG_INFO);
    enum sk_code code = sk_config_load(config, SK_PROGRAM_API, error);
    code = code == SK_OK ? sk_database_url_check(config->database_url, error) : code;
    code = code == SK_OK ? sk_redis_url_parse(config->redis_url, redis, error) : code;
    code = code == SK_OK ? sk_metrics_open(config->metrics_file, "api", error) : code;
    if (code == SK_OK) {
        sk_log_open(PROGRAM, config->log_level);
    }
    return code;
}

/* One request, as plain CGI. */
static int answer_one(void)
{
    struct sk_error error;
    struct sk_config config;
    struct sk_redis_url redis;
    struct api api;
    if (configure(&config, &redis, &error) != SK_OK || sk_api_open(&api, &config, &redis, &error) != SK_OK) {
        return fail(&error);
    }
    bool answered = sk_cgi_serve(&api);
    sk_api_close(&api);
    return answered ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* address: where to listen; NULL: on descriptor 0. */
static int run(const char *address)
{
    struct sk_error error;
    struct sk_config config;
    struct sk_redis_url redis;
    struct listener listener;
    if (configure(&config, &redis, &error) != SK_OK) {
        return fail(&error);
    }
    if (!sk_exchange_init()) {
        (void)sk_fail(&error, SK_INTERNAL_ERROR, "libfcgi cannot be used");
        return fail(&error);
    }
    sk_acceptor_block_signals();
    if (open_listener(&listener, address, &error) != SK_OK) {
        return fail(&error);
    }
    enum sk_code code = sk_acceptor_run(&config, &redis, &listener, &error);
    sk_listener_close(&listener);
    if (code != SK_OK) {
        return fail(&error);
    }
    sk_log(SK_LOG_INFO, "stopped");
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return print_help();
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        return print_version();
    }
    if (argc == 3 && strcmp(argv[1], "token") == 0 && strcmp(argv[2], "--help") == 0) {
        sk_token_command_usage(stdout);
        return EXIT_SUCCESS;
    }
    if (argc >= 2 && strcmp(argv[1], "token") == 0) {
        return sk_token_command(argc - 2, argv + 2);
    }
    if (argc == 3 && strcmp(argv[1], "--listen") == 0) {
        return run(argv[2]);
    }
    if (argc == 1 && sk_listener_inherited()) {
        return run(NULL);
    }
    if (argc == 1 && sk_cgi_invoked()) {
        return answer_one();
    }
    if (argc == 1) {
        (void)fputs(PROGRAM
                    ": nothing to listen on: descriptor 0 is no listening socket, and --listen is not given\n\n",
                    stderr);
    }
    print_usage(stderr);
    return EXIT_USAGE;
}
