/* Configuration: environment variables, read once at start through one table (config.c) that also prints --help and
 * is compared with docs/configuration.md by a test. An invalid value refuses to start. */
#ifndef SK_COMMON_CONFIG_H
#define SK_COMMON_CONFIG_H

#include "common/error.h"
#include "common/log.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Which programs read an option. */
enum sk_program {
    SK_PROGRAM_API = 1,
    SK_PROGRAM_RELAY = 2,
    SK_PROGRAM_TIMEKEEPER = 4,
    SK_PROGRAM_AUDIT = 8,
    SK_PROGRAM_FRONT = 16, /* the web server and make run */
    SK_PROGRAM_ALL = 15
};

/* Strings are borrowed from the environment. */
struct sk_config {
    int64_t port;                    /* PORT: the web server's */
    const char *bind;                /* BIND: address that every program listens on */
    int64_t relay_port;              /* RELAY_PORT */
    int64_t api_processes;           /* API_PROCESSES */
    int64_t api_threads;             /* API_THREADS */
    const char *redis_url;           /* REDIS_URL: redis://[[user]:password@]host[:port][/db] or unix:///path[?db=n] */
    int64_t redis_timeout_ms;        /* REDIS_TIMEOUT_MS: connecting, and each answer */
    const char *database_url;        /* DATABASE_URL: what libpq takes */
    int64_t session_ttl_s;           /* SESSION_TTL_S: how long an ended session stays readable in Redis */
    enum sk_log_level log_level;     /* LOG_LEVEL */
    bool auth;                       /* AUTH: whether tokens are asked for */
    const char *jwt_algorithm;       /* JWT_ALGORITHM: HS256, RS256 or ES256 */
    const char *jwt_secret;          /* JWT_SECRET; "", here and below: not set */
    const char *jwt_secret_previous; /* JWT_SECRET_PREVIOUS */
    const char *jwt_public_key_file; /* JWT_PUBLIC_KEY_FILE */
    const char *jwt_public_key_file_previous; /* JWT_PUBLIC_KEY_FILE_PREVIOUS */
    const char *jwt_key_id;                   /* JWT_KEY_ID */
    const char *jwt_key_id_previous;          /* JWT_KEY_ID_PREVIOUS */
    const char *jwt_issuer;                   /* JWT_ISSUER */
    const char *jwt_audience;                 /* JWT_AUDIENCE */
    const char *cors_origin;                  /* CORS_ORIGIN: origins, separated by spaces or commas */
    int64_t rate_limit_general;      /* RATE_LIMIT_GENERAL: requests a minute; 0: no limit, as with the others */
    int64_t rate_limit_switch;       /* RATE_LIMIT_SWITCH: switches of one session a second */
    int64_t rate_limit_server;       /* RATE_LIMIT_SERVER: requests a minute */
    const char *trusted_proxies;     /* TRUSTED_PROXIES: networks, separated by spaces or commas */
    const char *metrics_file;        /* METRICS_FILE: shared by all programs of a host; "": nothing is counted */
    int64_t metrics_port;            /* METRICS_PORT: of the timekeeper or the audit worker; 0: none */
    const char *metrics_network;     /* METRICS_NETWORK: who may read /metrics through the web server */
    int64_t relay_ping_s;            /* RELAY_PING_S */
    int64_t relay_drain_s;           /* RELAY_DRAIN_S */
    int64_t relay_max_connections;   /* RELAY_MAX_CONNECTIONS */
    int64_t relay_max_per_address;   /* RELAY_MAX_PER_ADDRESS; 0: no limit, as with the two below */
    int64_t relay_max_per_session;   /* RELAY_MAX_PER_SESSION */
    int64_t relay_accept_rate;       /* RELAY_ACCEPT_RATE: connections a second */
    bool relay_share_port;           /* RELAY_SHARE_PORT: others may listen there, too */
    const char *relay_tls_cert_file; /* RELAY_TLS_CERT_FILE; "", like the next one: no TLS */
    const char *relay_tls_key_file;  /* RELAY_TLS_KEY_FILE */
    int64_t relay_processes;         /* RELAY_PROCESSES: make run's */
    int64_t audit_batch;             /* AUDIT_BATCH: events a transaction, at most */
    int64_t audit_wait_ms;           /* AUDIT_WAIT_MS: how long a worker waits for the first one */
    int64_t audit_claim_s;           /* AUDIT_CLAIM_S: entries of a worker silent for so long are taken over */
    int64_t audit_max_backlog;       /* AUDIT_MAX_BACKLOG: length at which the audit stream is cut; 0: never */
    int64_t audit_warn_waiting;    /* AUDIT_WARN_WAITING: waiting events that are worth a warning; 0: none, as below */
    int64_t audit_error_failed;    /* AUDIT_ERROR_FAILED: events set aside that are worth an error */
    const char *alert_webhook_url; /* ALERT_WEBHOOK_URL: where alerts are POSTed; "": nowhere. A secret */
    const char *docs_page;         /* DOCS_PAGE: a file; "": the page that is built in */
};

/* Reads what the program's options say in the environment, defaults for what is unset or empty (METRICS_FILE alone may
 * be empty: that is a value).
 * SK_VALIDATION_ERROR: error names the variable, its value and what is allowed (a secret's value is not shown). */
enum sk_code sk_config_load(struct sk_config *config, enum sk_program program, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Prints the options of a program with default, limits and meaning, for --help. */
void sk_config_print_help(FILE *out, enum sk_program program);

/* Prints the whole table as Markdown rows, as they stand in docs/configuration.md. */
void sk_config_print_markdown(FILE *out);

#endif
