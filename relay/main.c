/* synckairos-relay: reads its configuration, opens, serves until it is told to stop, closes. */
#include "common/config.h"
#include "common/log.h"
#include "common/metrics.h"
#include "relay/relay.h"
#include "relay/tls.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define SPARE_DESCRIPTORS 2048 /* handshakes, refused connections, Redis, the loop's own */

static int print_usage(FILE *out, int status)
{
    (void)fprintf(
        out, "usage: synckairos-relay\n\n"
             "Serves the WebSocket clients of every session: GET /ws?sessionId={id} or GET /sessions/{id}.\n"
             "GET /feed tells an administrator what becomes of all sessions; GET /health and GET /ready, how it is.\n"
             "SIGTERM closes all connections, spread over RELAY_DRAIN_S, and ends it; a second one at once.\n"
             "SIGHUP has the certificate (RELAY_TLS_CERT_FILE) read again.\n\n");
    sk_config_print_help(out, SK_PROGRAM_RELAY);
    return status;
}

/* As many descriptors as the connections need, and no more: libwebsockets' tables are as large as the limit. Where that
 * is not allowed, as many connections as are: without a descriptor to spare Redis could not be reached again. False:
 * not even one fits. */
static bool limit_descriptors(struct sk_config *config)
{
    struct rlimit limit;
    rlim_t each = config->relay_tls_cert_file[0] != '\0' ? SK_TLS_DESCRIPTORS : 1;
    rlim_t wanted = each * ((rlim_t)config->relay_max_connections + SPARE_DESCRIPTORS);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return true;
    }
    if (limit.rlim_max < each * (SPARE_DESCRIPTORS + 1)) {
        sk_log(SK_LOG_ERROR, "the limit of open files is too low for a single connection",
               SK_I("limit", (int64_t)limit.rlim_max), SK_I("wanted", (int64_t)wanted));
        return false;
    }
    if (limit.rlim_max < wanted) {
        config->relay_max_connections = (int64_t)(limit.rlim_max / each) - SPARE_DESCRIPTORS;
        sk_log(SK_LOG_WARN, "the limit of open files is below RELAY_MAX_CONNECTIONS",
               SK_I("limit", (int64_t)limit.rlim_max), SK_I("wanted", (int64_t)wanted),
               SK_I("connections", config->relay_max_connections));
        wanted = limit.rlim_max;
    }
    limit.rlim_cur = wanted;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    return true;
}

static int serve(const struct sk_config *config)
{
    static struct sk_relay relay;
    struct sk_error error = {.code = SK_OK};
    enum sk_code code = sk_relay_open(&relay, config, &error);
    if (code != SK_OK) {
        sk_log(SK_LOG_ERROR, "cannot start", SK_S("error", error.text));
    } else {
        sk_keyring_announce(relay.keyring);
        sk_log(SK_LOG_INFO, "listening", SK_S("bind", config->bind), SK_I("port", config->relay_port));
        sk_relay_run(&relay);
    }
    sk_relay_close(&relay);
    sk_log(SK_LOG_INFO, "stopped");
    return code == SK_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct sk_config config;
    struct sk_error error = {.code = SK_OK};
    if (argc > 1) {
        bool help = strcmp(argv[1], "--help") == 0;
        return help ? print_usage(stdout, 0) : print_usage(stderr, 2);
    }
    sk_log_open("synckairos-relay", SK_LOG_INFO);
    if (sk_config_load(&config, SK_PROGRAM_RELAY, &error) != SK_OK) {
        sk_log(SK_LOG_ERROR, "cannot start", SK_S("error", error.text));
        return 1;
    }
    sk_log_open("synckairos-relay", config.log_level);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sk_metrics_open(config.metrics_file, "relay", &error) != SK_OK) {
        sk_log(SK_LOG_ERROR, "cannot start", SK_S("error", error.text));
        return 1;
    }
    return limit_descriptors(&config) ? serve(&config) : 1;
}
