/* Tests of common/config, and of its page for operators. */
#include "common/config.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>
#include <string.h>

#define PAGE "docs/configuration.md"

static const char *const names[] = {
    "PORT",
    "BIND",
    "RELAY_PORT",
    "API_PROCESSES",
    "API_THREADS",
    "REDIS_URL",
    "REDIS_TIMEOUT_MS",
    "DATABASE_URL",
    "SESSION_TTL_S",
    "RATE_LIMIT_GENERAL",
    "RATE_LIMIT_SWITCH",
    "RATE_LIMIT_SERVER",
    "AUTH",
    "JWT_ALGORITHM",
    "JWT_SECRET",
    "JWT_PUBLIC_KEY_FILE",
    "JWT_KEY_ID",
    "JWT_SECRET_PREVIOUS",
    "JWT_PUBLIC_KEY_FILE_PREVIOUS",
    "JWT_KEY_ID_PREVIOUS",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "CORS_ORIGIN",
    "TRUSTED_PROXIES",
    "LOG_LEVEL",
    "METRICS_FILE",
    "METRICS_PORT",
    "METRICS_NETWORK",
    "RELAY_PING_S",
    "RELAY_DRAIN_S",
    "RELAY_MAX_CONNECTIONS",
    "RELAY_MAX_PER_ADDRESS",
    "RELAY_MAX_PER_SESSION",
    "RELAY_ACCEPT_RATE",
    "RELAY_SHARE_PORT",
    "RELAY_TLS_CERT_FILE",
    "RELAY_TLS_KEY_FILE",
    "RELAY_PROCESSES",
    "AUDIT_BATCH",
    "AUDIT_WAIT_MS",
    "AUDIT_CLAIM_S",
    "AUDIT_MAX_BACKLOG",
    "AUDIT_WARN_WAITING",
    "AUDIT_ERROR_FAILED",
    "ALERT_WEBHOOK_URL",
    "DOCS_PAGE",
};
#define NAMES (sizeof names / sizeof names[0])
#define EVERYBODY ((enum sk_program)(SK_PROGRAM_ALL | SK_PROGRAM_FRONT))

static void forget_environment(void)
{
    for (size_t i = 0; i < NAMES; i++) {
        (void)unsetenv(names[i]);
    }
}

static void check_defaults(const struct sk_config *config)
{
    CHECK_INT("PORT", config->port, 8080);
    CHECK_TEXT("BIND", config->bind, "127.0.0.1");
    CHECK_TEXT("METRICS_NETWORK", config->metrics_network, "127.0.0.1");
    CHECK_INT("RELAY_PORT", config->relay_port, 8081);
    CHECK_INT("API_PROCESSES", config->api_processes, 2);
    CHECK_INT("API_THREADS", config->api_threads, 4);
    CHECK_TEXT("REDIS_URL", config->redis_url, "redis://127.0.0.1:6379/0");
    CHECK_INT("REDIS_TIMEOUT_MS", config->redis_timeout_ms, 2000);
    CHECK_TEXT("DATABASE_URL", config->database_url, "postgresql:///synckairos");
    CHECK_INT("SESSION_TTL_S", config->session_ttl_s, 3600);
    CHECK_INT("LOG_LEVEL", config->log_level, SK_LOG_INFO);
    CHECK_INT("METRICS_PORT", config->metrics_port, 0);
    CHECK_INT("RELAY_PING_S", config->relay_ping_s, 5);
    CHECK_INT("RELAY_DRAIN_S", config->relay_drain_s, 15);
    CHECK_INT("RELAY_MAX_CONNECTIONS", config->relay_max_connections, 10000);
    CHECK_INT("RELAY_MAX_PER_ADDRESS", config->relay_max_per_address, 0);
    CHECK_INT("RELAY_MAX_PER_SESSION", config->relay_max_per_session, 0);
    CHECK_INT("RELAY_ACCEPT_RATE", config->relay_accept_rate, 2000);
    CHECK_INT("RELAY_SHARE_PORT", config->relay_share_port, false);
    CHECK_INT("RELAY_PROCESSES", config->relay_processes, 1);
    CHECK_INT("AUDIT_BATCH", config->audit_batch, 1000);
    CHECK_INT("AUDIT_WAIT_MS", config->audit_wait_ms, 100);
    CHECK_INT("AUDIT_CLAIM_S", config->audit_claim_s, 30);
}

static void defaults(void)
{
    struct sk_config config;
    struct sk_error error;
    forget_environment();
    CHECK_INT("unset", sk_config_load(&config, EVERYBODY, &error), SK_OK);
    check_defaults(&config);
    CHECK_TEXT("METRICS_FILE", config.metrics_file, "/dev/shm/synckairos-metrics");
    for (size_t i = 0; i < NAMES; i++) {
        (void)setenv(names[i], "", 1);
    }
    CHECK_INT("empty", sk_config_load(&config, EVERYBODY, &error), SK_OK);
    check_defaults(&config);
    CHECK_TEXT("METRICS_FILE alone may be empty", config.metrics_file, "");
    forget_environment();
}

static void reads_the_environment(void)
{
    struct sk_config config;
    struct sk_error error;
    forget_environment();
    (void)setenv("BIND", "::1", 1);
    (void)setenv("PORT", "65535", 1);
    (void)setenv("LOG_LEVEL", "debug", 1);
    (void)setenv("REDIS_URL", "unix:///run/redis.sock?db=2", 1);
    (void)setenv("DATABASE_URL", "host=/run/postgresql dbname=x", 1);
    (void)setenv("METRICS_FILE", "/tmp/m", 1);
    (void)setenv("METRICS_NETWORK", "fd00::/8", 1);
    (void)setenv("AUDIT_BATCH", "0010", 1);
    CHECK_INT("read", sk_config_load(&config, EVERYBODY, &error), SK_OK);
    CHECK_TEXT("BIND", config.bind, "::1");
    CHECK_INT("PORT", config.port, 65535);
    CHECK_INT("LOG_LEVEL", config.log_level, SK_LOG_DEBUG);
    CHECK_TEXT("REDIS_URL", config.redis_url, "unix:///run/redis.sock?db=2");
    CHECK_TEXT("DATABASE_URL", config.database_url, "host=/run/postgresql dbname=x");
    CHECK_TEXT("METRICS_FILE", config.metrics_file, "/tmp/m");
    CHECK_TEXT("METRICS_NETWORK", config.metrics_network, "fd00::/8");
    CHECK_INT("AUDIT_BATCH", config.audit_batch, 10);
    forget_environment();
}

/* The limits of every number: both are allowed, one beyond is not, and the error says all three things. */
static void limits(void)
{
    static const struct {
        const char *name;
        const char *min, *max, *below, *above;
    } rows[] = {
        {"PORT", "1", "65535", "0", "65536"},
        {"RELAY_PORT", "1", "65535", "0", "65536"},
        {"API_PROCESSES", "1", "64", "0", "65"},
        {"API_THREADS", "1", "64", "0", "65"},
        {"METRICS_PORT", "0", "65535", "-1", "65536"},
        {"REDIS_TIMEOUT_MS", "101", "60000", "99", "60001"},
        {"SESSION_TTL_S", "60", "2678400", "59", "2678401"},
        {"RATE_LIMIT_GENERAL", "0", "1000000000", "-1", "1000000001"},
        {"RATE_LIMIT_SWITCH", "0", "1000000000", "-1", "1000000001"},
        {"RATE_LIMIT_SERVER", "0", "1000000000", "-1", "1000000001"},
        {"RELAY_PING_S", "1", "300", "0", "301"},
        {"RELAY_DRAIN_S", "0", "300", "-1", "301"},
        {"RELAY_MAX_CONNECTIONS", "1", "1000000", "0", "1000001"},
        {"RELAY_MAX_PER_ADDRESS", "0", "1000000", "-1", "1000001"},
        {"RELAY_MAX_PER_SESSION", "0", "1000000", "-1", "1000001"},
        {"RELAY_ACCEPT_RATE", "0", "1000000", "-1", "1000001"},
        {"RELAY_PROCESSES", "1", "64", "0", "65"},
        {"AUDIT_BATCH", "1", "10000", "0", "10001"},
        {"AUDIT_WAIT_MS", "1", "1999", "0", "10001"},
        {"AUDIT_CLAIM_S", "1", "3600", "0", "3601"},
    };
    forget_environment();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_config config;
        struct sk_error error;
        (void)setenv(rows[i].name, rows[i].min, 1);
        CHECK_INT(rows[i].name, sk_config_load(&config, EVERYBODY, &error), SK_OK);
        (void)setenv(rows[i].name, rows[i].max, 1);
        CHECK_INT(rows[i].name, sk_config_load(&config, EVERYBODY, &error), SK_OK);
        (void)setenv(rows[i].name, rows[i].below, 1);
        CHECK_INT(rows[i].name, sk_config_load(&config, EVERYBODY, &error), SK_VALIDATION_ERROR);
        (void)setenv(rows[i].name, rows[i].above, 1);
        CHECK_INT(rows[i].name, sk_config_load(&config, EVERYBODY, &error), SK_VALIDATION_ERROR);
        CHECK(error.text, strstr(error.text, rows[i].name) && strstr(error.text, rows[i].above));
        CHECK(error.text, strstr(error.text, " to ") != NULL);
        (void)unsetenv(rows[i].name);
    }
}

static void rubbish(void)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"PORT", " 80"},
        {"PORT", "80 "},
        {"PORT", "+80"},
        {"PORT", "0x50"},
        {"PORT", "8o"},
        {"PORT", "8080.0"},
        {"PORT", "-1"},
        {"PORT", "99999999999999999999999999"},
        {"PORT", "18446744073709551696"}, /* 80 more than 64 bits hold */
        {"BIND", "localhost"},
        {"BIND", "127.0.0"},
        {"BIND", "[::1]"},
        {"BIND", "127.0.0.1:80"},
        {"LOG_LEVEL", "INFO"},
        {"LOG_LEVEL", "verbose"},
        {"LOG_LEVEL", "1"},
        {"METRICS_FILE", "metrics"},
        {"METRICS_FILE", "./metrics"},
        {"TRUSTED_PROXIES", "10.0.0.1, example.com"},
        {"TRUSTED_PROXIES", "10.0.0.1; 10.0.0.2"},
        {"METRICS_NETWORK", "10.0.0.0/33"},
        {"METRICS_NETWORK", "10.0.0.0/"},
        {"METRICS_NETWORK", "10.0.0.0/8/8"},
        {"METRICS_NETWORK", "example.com/8"},
        {"METRICS_NETWORK", "1:2:3:4:5:6:7:8:9/8"},
        {"REDIS_URL", "127.0.0.1"},
        {"REDIS_URL", "redis://h:0"},
        {"DATABASE_URL", "mysql://h/x"},
        {"DATABASE_URL", "synckairos"},
        {"DATABASE_URL", "postgresql:/x"},
    };
    forget_environment();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_config config;
        struct sk_error error = {.text = ""};
        (void)setenv(rows[i].name, rows[i].value, 1);
        CHECK_INT(rows[i].value, sk_config_load(&config, EVERYBODY, &error), SK_VALIDATION_ERROR);
        CHECK(error.text, strstr(error.text, rows[i].name) && strstr(error.text, rows[i].value));
        CHECK(error.text, strstr(error.text, "allowed: ") != NULL);
        (void)unsetenv(rows[i].name);
    }
}

static void a_password_is_not_shown(void)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"REDIS_URL", "redis://:secret@h:0"},  {"REDIS_URL", "redis://me:secret@"},
        {"REDIS_URL", "rediss://me:secret@h"}, {"DATABASE_URL", "http://me:secret@h/x"},
        {"DATABASE_URL", "PASSWORD secret"},
    };
    forget_environment();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_config config;
        struct sk_error error = {.text = ""};
        (void)setenv(rows[i].name, rows[i].value, 1);
        CHECK_INT(rows[i].value, sk_config_load(&config, EVERYBODY, &error), SK_VALIDATION_ERROR);
        CHECK(error.text, strstr(error.text, rows[i].name) && !strstr(error.text, "secret"));
        (void)unsetenv(rows[i].name);
    }
}

static void the_longest_error_fits(void)
{
    struct sk_config config;
    struct sk_error error = {.text = ""};
    forget_environment();
    (void)setenv("REDIS_URL", "redis://127.0.0.1:6379/0/very/long", 1);
    CHECK_INT("refused", sk_config_load(&config, EVERYBODY, &error), SK_VALIDATION_ERROR);
    CHECK(error.text, strlen(error.text) + 1 <= sizeof error.text && strstr(error.text, "database"));
    (void)unsetenv("REDIS_URL");
}

static void only_a_programs_own_options_count(void)
{
    struct sk_config config;
    struct sk_error error;
    forget_environment();
    (void)setenv("AUDIT_BATCH", "rubbish", 1);
    CHECK_INT("relay", sk_config_load(&config, SK_PROGRAM_RELAY, &error), SK_OK);
    check_defaults(&config);
    CHECK_INT("audit", sk_config_load(&config, SK_PROGRAM_AUDIT, &error), SK_VALIDATION_ERROR);
    (void)setenv("AUDIT_BATCH", "7", 1);
    CHECK_INT("audit", sk_config_load(&config, SK_PROGRAM_AUDIT, &error), SK_OK);
    CHECK_INT("AUDIT_BATCH", config.audit_batch, 7);
    (void)unsetenv("AUDIT_BATCH");
}

/* A worker that waits in Redis for longer than its connection waits for Redis would disconnect all the time. */
static void a_worker_does_not_wait_longer_than_its_connection(void)
{
    struct sk_config config;
    struct sk_error error;
    forget_environment();
    (void)setenv("AUDIT_WAIT_MS", "2000", 1);
    CHECK_INT("as long", sk_config_load(&config, SK_PROGRAM_AUDIT, &error), SK_VALIDATION_ERROR);
    CHECK(error.text, strstr(error.text, "AUDIT_WAIT_MS") && strstr(error.text, "REDIS_TIMEOUT_MS"));
    (void)setenv("REDIS_TIMEOUT_MS", "2001", 1);
    CHECK_INT("shorter", sk_config_load(&config, SK_PROGRAM_AUDIT, &error), SK_OK);
    forget_environment();
}

static void a_certificate_and_its_key_come_together(void)
{
    static const char *const files[] = {"RELAY_TLS_CERT_FILE", "RELAY_TLS_KEY_FILE"};
    struct sk_config config;
    struct sk_error error;
    forget_environment();
    for (int i = 0; i < 2; i++) {
        (void)setenv(files[i], "/one", 1);
        CHECK_INT("alone", sk_config_load(&config, SK_PROGRAM_RELAY, &error), SK_VALIDATION_ERROR);
        CHECK(error.text, strncmp(error.text, files[1 - i], strlen(files[1 - i])) == 0);
        CHECK_INT("not the API's", sk_config_load(&config, SK_PROGRAM_API, &error), SK_OK);
        (void)setenv(files[1 - i], "/other", 1);
        CHECK_INT("both", sk_config_load(&config, SK_PROGRAM_RELAY, &error), SK_OK);
        (void)setenv(files[1 - i], "other", 1);
        CHECK_INT("no absolute path", sk_config_load(&config, SK_PROGRAM_RELAY, &error), SK_VALIDATION_ERROR);
        forget_environment();
    }
}

/* What a printing function prints; owned. */
static char *printed(void (*print)(FILE *))
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    print(out);
    CHECK_INT("closed", fclose(out), 0);
    return text;
}

static void print_relay_help(FILE *out)
{
    sk_config_print_help(out, SK_PROGRAM_RELAY);
}

static void help_names_a_programs_options(void)
{
    char *text = printed(print_relay_help);
    CHECK(text, strstr(text, "RELAY_PING_S") && strstr(text, "default 5; allowed: 1 to 300 s"));
    CHECK(text, strstr(text, "REDIS_URL") && strstr(text, "LOG_LEVEL"));
    CHECK(text, !strstr(text, "AUDIT_BATCH") && !strstr(text, "API_THREADS"));
    free(text);
}

static char *page(void)
{
    enum { PAGE_BYTES = 65536 };
    FILE *file = fopen(PAGE, "r");
    CHECK(PAGE " can be read (run from the top of the source tree)", file != NULL);
    if (!file) {
        return NULL;
    }
    char *text = calloc(1, PAGE_BYTES);
    if (text) {
        text[fread(text, 1, PAGE_BYTES - 1, file)] = '\0';
    }
    (void)fclose(file);
    return text;
}

static size_t rows_of(const char *text)
{
    size_t rows = 0;
    for (const char *at = strstr(text, "\n| `"); at; at = strstr(at + 1, "\n| `")) {
        rows++;
    }
    return rows;
}

/* The page holds exactly the table's rows, and the table every option of this test. */
static void the_page_for_operators_is_right(void)
{
    char *text = page();
    char *table = printed(sk_config_print_markdown);
    CU_ASSERT_PTR_NOT_NULL(text);
    if (text) {
        CHECK_INT("no row but the table's", (int64_t)rows_of(text), (int64_t)NAMES);
        char *rest = table;
        for (char *row = strsep(&rest, "\n"); row; row = strsep(&rest, "\n")) {
            char line[512];
            (void)snprintf(line, sizeof line, "\n%s\n", row);
            CHECK(row, strlen(row) + 3 <= sizeof line && strstr(text, line) != NULL);
        }
    }
    free(table);
    free(text);
}

static void the_table_names_every_option(void)
{
    char *table = printed(sk_config_print_markdown);
    CHECK_INT("rows", (int64_t)rows_of(table), (int64_t)NAMES);
    for (size_t i = 0; i < NAMES; i++) {
        char start[64];
        (void)snprintf(start, sizeof start, "\n| `%s` | ", names[i]);
        CHECK(names[i], strstr(table, start) != NULL);
    }
    free(table);
}

void suite_config(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"defaults", defaults},
        {"reads the environment", reads_the_environment},
        {"limits", limits},
        {"rubbish", rubbish},
        {"a password is not shown", a_password_is_not_shown},
        {"the longest error fits", the_longest_error_fits},
        {"only a program's own options count", only_a_programs_own_options_count},
        {"a worker does not wait longer than its connection", a_worker_does_not_wait_longer_than_its_connection},
        {"a certificate and its key come together", a_certificate_and_its_key_come_together},
        {"help names a program's options", help_names_a_programs_options},
        {"the table names every option", the_table_names_every_option},
        {"the page for operators is right", the_page_for_operators_is_right},
    };
    ADD_TESTS(suite, tests);
}
