/* The table of options, and what is made of it: reading the environment, --help, and the page for operators.
 * Opens nothing, and never goes on with a default where a value is wrong. */
#include "common/config.h"

#include "common/network.h"
#include "common/origin.h"
#include "common/redis_url.h"
#include "common/session.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum type {
    NUMBER,
    LEVEL,
    ADDRESS,
    NETWORK,
    NETWORKS,
    PATH_OR_EMPTY,
    REDIS_URL,
    DATABASE_URL,
    SWITCH,
    ALGORITHM,
    SECRET,
    KEY_FILE,
    KEY_ID,
    TEXT,
    ORIGINS,
    WEB_URL
};

struct option {
    const char *name;
    enum type type;
    unsigned programs; /* of enum sk_program */
    size_t offset;     /* in struct sk_config */
    const char *standard;
    int64_t min; /* of a NUMBER */
    int64_t max;
    const char *unit;
    const char *help;
};

#define AT(member) offsetof(struct sk_config, member)
#define API SK_PROGRAM_API
#define RELAY SK_PROGRAM_RELAY
#define TIMEKEEPER SK_PROGRAM_TIMEKEEPER
#define AUDIT SK_PROGRAM_AUDIT
#define FRONT SK_PROGRAM_FRONT
#define ALL SK_PROGRAM_ALL
#define SECRET_BYTES_MIN 32 /* as many as HS256 has (RFC 7518 §3.2) */
#define MONTH_S (INT64_C(31) * 24 * 3600)

/* clang-format off */
static const struct option options[] = {
    {"PORT", NUMBER, FRONT, AT(port), "8080", 1, 65535, "",
     "port of the web server, where clients come in"},
    {"BIND", ADDRESS, ALL | FRONT, AT(bind), "127.0.0.1", 0, 0, "",
     "address of all ports here; the API without a key for tokens wants it to be loopback"},
    {"RELAY_PORT", NUMBER, RELAY | FRONT, AT(relay_port), "8081", 1, 65535, "",
     "port of the relay"},
    {"API_PROCESSES", NUMBER, API | FRONT, AT(api_processes), "2", 1, 64, "",
     "processes of the API"},
    {"API_THREADS", NUMBER, API, AT(api_threads), "4", 1, 64, "",
     "requests that one process of the API serves at a time; each thread has its own Redis connection"},
    {"REDIS_URL", REDIS_URL, ALL, AT(redis_url), "redis://127.0.0.1:6379/0", 0, 0, "",
     "where Redis is"},
    {"REDIS_TIMEOUT_MS", NUMBER, ALL, AT(redis_timeout_ms), "2000", 100, 60000, "ms",
     "longest wait for a connection to Redis, and for each answer"},
    {"DATABASE_URL", DATABASE_URL, API | AUDIT | FRONT, AT(database_url), "postgresql:///synckairos", 0, 0, "",
     "where PostgreSQL is, as libpq takes it"},
    {"SESSION_TTL_S", NUMBER, API | TIMEKEEPER, AT(session_ttl_s), "3600", 60, MONTH_S, "s",
     "how long an ended session stays readable in Redis"},
    {"RATE_LIMIT_GENERAL", NUMBER, API, AT(rate_limit_general), "100", 0, 1000000000, "",
     "requests a minute for an IP address, or a token bound to a session; 0: no limit"},
    {"RATE_LIMIT_SWITCH", NUMBER, API, AT(rate_limit_switch), "10", 0, 1000000000, "",
     "switches a second of one session; 0: no limit"},
    {"RATE_LIMIT_SERVER", NUMBER, API, AT(rate_limit_server), "6000", 0, 1000000000, "",
     "requests a minute for the subject of any other token; 0: no limit"},
    {"TRUSTED_PROXIES", NETWORKS, API | RELAY, AT(trusted_proxies), "", 0, 0, "",
     "proxies in front whose X-Forwarded-For is believed"},
    {"AUTH", SWITCH, API | RELAY, AT(auth), "on", 0, 0, "",
     "whether tokens are asked for; off: something in front decides who may do what"},
    {"JWT_ALGORITHM", ALGORITHM, API | RELAY, AT(jwt_algorithm), "HS256", 0, 0, "",
     "how tokens are signed; any other way is refused"},
    {"JWT_SECRET", SECRET, API | RELAY, AT(jwt_secret), "", 0, 0, "",
     "key for HS256"},
    {"JWT_PUBLIC_KEY_FILE", KEY_FILE, API | RELAY, AT(jwt_public_key_file), "", 0, 0, "",
     "file with the public key for RS256 or ES256, in PEM"},
    {"JWT_KEY_ID", KEY_ID, API | RELAY, AT(jwt_key_id), "", 0, 0, "",
     "name of the key (kid)"},
    {"JWT_SECRET_PREVIOUS", SECRET, API | RELAY, AT(jwt_secret_previous), "", 0, 0, "",
     "a second key for HS256, while keys are changed"},
    {"JWT_PUBLIC_KEY_FILE_PREVIOUS", KEY_FILE, API | RELAY, AT(jwt_public_key_file_previous), "", 0, 0, "",
     "a second public key, while keys are changed"},
    {"JWT_KEY_ID_PREVIOUS", KEY_ID, API | RELAY, AT(jwt_key_id_previous), "", 0, 0, "",
     "name of the second key (kid)"},
    {"JWT_ISSUER", TEXT, API | RELAY, AT(jwt_issuer), "", 0, 0, "",
     "what a token's iss must be; none: not looked at"},
    {"JWT_AUDIENCE", TEXT, API | RELAY, AT(jwt_audience), "", 0, 0, "",
     "what a token's aud must be or hold; none: not looked at"},
    {"CORS_ORIGIN", ORIGINS, API | RELAY, AT(cors_origin), "", 0, 0, "",
     "web pages of other origins that may use the service"},
    {"LOG_LEVEL", LEVEL, ALL, AT(log_level), "info", 0, 0, "",
     "least severity that is logged"},
    {"METRICS_FILE", PATH_OR_EMPTY, ALL, AT(metrics_file), "/dev/shm/synckairos-metrics", 0, 0, "",
     "file in memory in which all programs of a host count; empty: nothing is counted"},
    {"METRICS_PORT", NUMBER, TIMEKEEPER | AUDIT, AT(metrics_port), "0", 0, 65535, "",
     "port on which this one program answers /metrics, /health and /ready; 0: none"},
    {"METRICS_NETWORK", NETWORK, RELAY | FRONT, AT(metrics_network), "127.0.0.1", 0, 0, "",
     "who may read /metrics through the web server and at the relay, apart from this host itself"},
    {"RELAY_PING_S", NUMBER, RELAY, AT(relay_ping_s), "5", 1, 300, "s",
     "interval of the relay's pings; a client silent for two of them is dropped"},
    {"RELAY_DRAIN_S", NUMBER, RELAY, AT(relay_drain_s), "15", 0, 300, "s",
     "time over which a stopping relay spreads the closing of its connections"},
    {"RELAY_MAX_CONNECTIONS", NUMBER, RELAY, AT(relay_max_connections), "10000", 1, 1000000, "",
     "WebSocket connections that one relay takes"},
    {"RELAY_MAX_PER_ADDRESS", NUMBER, RELAY, AT(relay_max_per_address), "0", 0, 1000000, "",
     "of these, connections of one IP address, or of the /64 of an IPv6 one; 0: no limit"},
    {"RELAY_MAX_PER_SESSION", NUMBER, RELAY, AT(relay_max_per_session), "0", 0, 1000000, "",
     "of these, connections to one session; 0: no limit"},
    {"RELAY_ACCEPT_RATE", NUMBER, RELAY, AT(relay_accept_rate), "2000", 0, 1000000, "",
     "connections a second that one relay takes in; the others wait; 0: no limit"},
    {"RELAY_SHARE_PORT", SWITCH, RELAY, AT(relay_share_port), "off", 0, 0, "",
     "whether several relays of this host may listen on RELAY_PORT"},
    {"RELAY_TLS_CERT_FILE", KEY_FILE, RELAY, AT(relay_tls_cert_file), "", 0, 0, "",
     "file with the certificate for RELAY_PORT and its chain, in PEM; none: no TLS there"},
    {"RELAY_TLS_KEY_FILE", KEY_FILE, RELAY, AT(relay_tls_key_file), "", 0, 0, "",
     "file with the certificate's key, in PEM"},
    {"RELAY_PROCESSES", NUMBER, FRONT, AT(relay_processes), "1", 1, 64, "",
     "relays that make run starts; more than one share the port"},
    {"AUDIT_BATCH", NUMBER, AUDIT, AT(audit_batch), "1000", 1, 10000, "",
     "events written in one PostgreSQL transaction, at most"},
    {"AUDIT_WAIT_MS", NUMBER, AUDIT, AT(audit_wait_ms), "100", 1, 10000, "ms",
     "how long a worker waits for the first event; less than REDIS_TIMEOUT_MS"},
    {"AUDIT_CLAIM_S", NUMBER, AUDIT, AT(audit_claim_s), "30", 1, 3600, "s",
     "entries of a worker silent for so long are taken over by another"},
    {"AUDIT_MAX_BACKLOG", NUMBER, API | TIMEKEEPER | AUDIT, AT(audit_max_backlog), "0", 0, 1000000000, "",
     "events that may wait for PostgreSQL; the oldest beyond that are lost; 0: no limit, nothing is ever lost"},
    {"AUDIT_WARN_WAITING", NUMBER, AUDIT, AT(audit_warn_waiting), "1000", 0, 1000000000, "",
     "waiting events from which on a warning is logged; 0: never"},
    {"AUDIT_ERROR_FAILED", NUMBER, AUDIT, AT(audit_error_failed), "100", 0, 1000000000, "",
     "events set aside from which on an error is logged; 0: never"},
    {"ALERT_WEBHOOK_URL", WEB_URL, AUDIT, AT(alert_webhook_url), "", 0, 0, "",
     "where alerts are sent by POST, as JSON; none: nowhere"},
    {"DOCS_PAGE", KEY_FILE, API, AT(docs_page), "", 0, 0, "",
     "file with the HTML page that /docs shows; none: the one that is built in"},
};
/* clang-format on */

#define OPTIONS (sizeof options / sizeof options[0])

static const struct {
    unsigned program;
    const char *name;
} program_names[] = {
    {FRONT, "web server"}, {API, "api"}, {RELAY, "relay"}, {TIMEKEEPER, "timekeeper"}, {AUDIT, "audit"},
};

/* Digits alone: no sign, no blank, no hexadecimal. */
static bool read_number(const char *text, int64_t *number)
{
    int64_t value = 0;
    for (const char *at = text; *at; at++) {
        if (*at < '0' || *at > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *at - '0', &value)) {
            return false;
        }
    }
    *number = value;
    return text[0] != '\0';
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* What is allowed, in words. Returns out. */
static const char *allowed(const struct option *option, char *out, size_t bytes)
{
    const char *words = "";
    switch (option->type) {
    case NUMBER:
        (void)snprintf(out, bytes, "%" PRId64 " to %" PRId64 "%s%s", option->min, option->max,
                       option->unit[0] ? " " : "", option->unit);
        return out;
    case LEVEL:
        words = "debug, info, warn or error";
        break;
    case ADDRESS:
        words = "an IPv4 or IPv6 address";
        break;
    case NETWORK:
        words = "an address, or a network such as 10.0.0.0/8";
        break;
    case NETWORKS:
        words = "addresses or networks, separated by spaces or commas";
        break;
    case PATH_OR_EMPTY:
        words = "an absolute path, or empty";
        break;
    case SWITCH:
        words = "on or off";
        break;
    case ALGORITHM:
        words = "HS256, RS256 or ES256";
        break;
    case SECRET:
        words = "at least 32 bytes";
        break;
    case KEY_FILE:
        words = "an absolute path";
        break;
    case KEY_ID:
        words = "1 to 64 of A-Z, a-z, 0-9, _ . : -";
        break;
    case TEXT:
        words = "any text";
        break;
    case ORIGINS:
        words = "origins such as https://game.example, or *, separated by spaces or commas";
        break;
    case WEB_URL:
        words = "http://… or https://…";
        break;
    case REDIS_URL:
        words = "redis://[[user]:password@]host[:port][/db] or unix:///path[?db=n]";
        break;
    case DATABASE_URL:
        words = "postgresql://… or key=value pairs";
        break;
    }
    (void)snprintf(out, bytes, "%s", words);
    return out;
}

static bool is_algorithm(const char *value)
{
    return strcmp(value, "HS256") == 0 || strcmp(value, "RS256") == 0 || strcmp(value, "ES256") == 0;
}

/* Of the kinds that may be empty: whether it is, or is allowed. */
static bool fits(enum type type, const char *value)
{
    size_t length = strlen(value);
    if (type == ALGORITHM) {
        return is_algorithm(value);
    }
    if (type == SECRET) {
        return length == 0 || length >= SECRET_BYTES_MIN;
    }
    if (type == KEY_FILE) {
        return length == 0 || (value[0] == '/' && length < PATH_MAX);
    }
    if (type == KEY_ID) {
        return length == 0 || sk_id_valid(value, length);
    }
    if (type == WEB_URL) {
        return length == 0 || starts_with(value, "http://") || starts_with(value, "https://");
    }
    return type != ORIGINS || sk_origin_list_valid(value);
}

/* Puts the value into config; false if it is not allowed. why (of whys bytes) may say more. */
static bool put(const struct option *option, const char *value, struct sk_config *config, struct sk_error *why)
{
    void *member = (char *)config + option->offset;
    bool good = false;
    struct sk_redis_url url;
    switch (option->type) {
    case NUMBER:
        good = read_number(value, member) && *(int64_t *)member >= option->min && *(int64_t *)member <= option->max;
        return good;
    case LEVEL:
        *(enum sk_log_level *)member = sk_log_level_of(value);
        return config->log_level != SK_LOG_LEVEL_COUNT;
    case ADDRESS:
        good = sk_network_is_address(value);
        break;
    case NETWORK:
        good = sk_network_is_network(value);
        break;
    case NETWORKS:
        good = sk_network_is_list(value);
        break;
    case PATH_OR_EMPTY:
        good = !value[0] || (value[0] == '/' && strlen(value) < PATH_MAX);
        break;
    case SWITCH:
        *(bool *)member = strcmp(value, "on") == 0;
        return *(bool *)member || strcmp(value, "off") == 0;
    case ALGORITHM:
    case SECRET:
    case KEY_FILE:
    case KEY_ID:
    case TEXT:
    case ORIGINS:
    case WEB_URL:
        good = fits(option->type, value);
        break;
    case REDIS_URL:
        good = sk_redis_url_parse(value, &url, why) == SK_OK;
        break;
    case DATABASE_URL:
        good = starts_with(value, "postgresql://") || starts_with(value, "postgres://") || strchr(value, '=');
        break;
    }
    *(const char **)member = value;
    return good;
}

/* Whether a wrong value may stand in a log: a URL that could hold a password may not. */
static bool may_be_shown(const struct option *option, const char *value)
{
    bool is_url = option->type == REDIS_URL || option->type == DATABASE_URL;
    return option->type != SECRET && option->type != WEB_URL &&
           (!is_url || (!strchr(value, '@') && !strcasestr(value, "pass")));
}

static enum sk_code refuse(const struct option *option, const char *value, const char *why, struct sk_error *error)
{
    char range[96];
    (void)allowed(option, range, sizeof range);
    const char *between = why[0] ? ": " : "";
    if (!may_be_shown(option, value)) {
        return sk_fail(error, SK_VALIDATION_ERROR, "%s (value not shown) is not valid%s%s; allowed: %s", option->name,
                       between, why, range);
    }
    return sk_fail(error, SK_VALIDATION_ERROR, "%s is '%.30s', which is not valid%s%s; allowed: %s", option->name,
                   value, between, why, range);
}

/* What is only wrong together. */
static enum sk_code check_pairs(const struct sk_config *config, enum sk_program program, struct sk_error *error)
{
    if ((program & AUDIT) && config->audit_wait_ms >= config->redis_timeout_ms) {
        return sk_fail(error, SK_VALIDATION_ERROR,
                       "AUDIT_WAIT_MS is %" PRId64 ", which is not valid; allowed: less than REDIS_TIMEOUT_MS (%" PRId64
                       ")",
                       config->audit_wait_ms, config->redis_timeout_ms);
    }
    bool has_certificate = config->relay_tls_cert_file[0] != '\0';
    if ((program & RELAY) && has_certificate != (config->relay_tls_key_file[0] != '\0')) {
        return sk_fail(error, SK_VALIDATION_ERROR, "%s is not set, but %s is; allowed: both, or none",
                       has_certificate ? "RELAY_TLS_KEY_FILE" : "RELAY_TLS_CERT_FILE",
                       has_certificate ? "RELAY_TLS_CERT_FILE" : "RELAY_TLS_KEY_FILE");
    }
    return SK_OK;
}

enum sk_code sk_config_load(struct sk_config *config, enum sk_program program, struct sk_error *error)
{
    *config = (struct sk_config){0};
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *option = &options[i];
        struct sk_error why = {.code = SK_OK};
        const char *value = option->programs & (unsigned)program ? getenv(option->name) : NULL;
        if (!value || (!value[0] && option->type != PATH_OR_EMPTY)) {
            value = option->standard;
        }
        if (!put(option, value, config, &why)) {
            return refuse(option, value, why.text, error);
        }
    }
    return check_pairs(config, program, error);
}

void sk_config_print_help(FILE *out, enum sk_program program)
{
    (void)fprintf(out, "Environment variables:\n");
    for (size_t i = 0; i < OPTIONS; i++) {
        if (options[i].programs & (unsigned)program) {
            char range[96];
            (void)fprintf(out, "  %s\n      %s\n      default %s; allowed: %s\n", options[i].name, options[i].help,
                          options[i].standard[0] ? options[i].standard : "none",
                          allowed(&options[i], range, sizeof range));
        }
    }
}

static void print_programs(FILE *out, unsigned programs)
{
    if ((programs & ALL) == ALL) {
        (void)fprintf(out, "all%s", programs & FRONT ? ", web server" : "");
        return;
    }
    const char *between = "";
    for (size_t i = 0; i < sizeof program_names / sizeof program_names[0]; i++) {
        if (programs & program_names[i].program) {
            (void)fprintf(out, "%s%s", between, program_names[i].name);
            between = ", ";
        }
    }
}

void sk_config_print_markdown(FILE *out)
{
    (void)fprintf(out, "| variable | default | allowed | read by | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < OPTIONS; i++) {
        char range[96];
        const char *quote = options[i].standard[0] ? "`" : "";
        (void)fprintf(out, "| `%s` | %s%s%s | %s | ", options[i].name, quote,
                      options[i].standard[0] ? options[i].standard : "none", quote,
                      allowed(&options[i], range, sizeof range));
        print_programs(out, options[i].programs);
        (void)fprintf(out, " | %s |\n", options[i].help);
    }
}
