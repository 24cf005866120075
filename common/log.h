/* Logs: one JSON line an event on standard error. Thread-safe: a line is one write. Tokens, secrets and bodies are
 * never handed to it. */
#ifndef SK_COMMON_LOG_H
#define SK_COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sk_log_level { SK_LOG_DEBUG, SK_LOG_INFO, SK_LOG_WARN, SK_LOG_ERROR, SK_LOG_LEVEL_COUNT };

struct sk_log_field {
    const char *key;  /* of letters, digits and _ */
    const char *text; /* NULL: number counts */
    int64_t number;
};

/* A text field; a NULL or empty text is left out of the line. */
static inline struct sk_log_field sk_log_text(const char *key, const char *text)
{
    return (struct sk_log_field){.key = key, .text = text ? text : ""};
}

static inline struct sk_log_field sk_log_number(const char *key, int64_t number)
{
    return (struct sk_log_field){.key = key, .number = number};
}

#define SK_S(key, text) sk_log_text((key), (text))
#define SK_I(key, number) sk_log_number((key), (number))

/* Before threads start. program is borrowed for good ("synckairos-api"). From then on SIGUSR1 makes the log one level
 * more talkative, and SIGUSR2 one less; the next line that is written is preceded by one that says so. */
void sk_log_open(const char *program, enum sk_log_level level);
bool sk_log_enabled(enum sk_log_level level);

/* The level of that name ("debug", "info", "warn", "error"); SK_LOG_LEVEL_COUNT for a name that is none. */
enum sk_log_level sk_log_level_of(const char *name);

/* sk_log(SK_LOG_INFO, "session created", SK_S("session_id", id), SK_I("version", 1)); */
#define sk_log(level, message, ...)                                                                                    \
    sk_log_write((level), (message), (const struct sk_log_field[]){{0}, ##__VA_ARGS__},                                \
                 sizeof((const struct sk_log_field[]){{0}, ##__VA_ARGS__}) / sizeof(struct sk_log_field))

/* fields[0] is skipped: it only lets the list be empty. */
void sk_log_write(enum sk_log_level level, const char *message, const struct sk_log_field *fields, size_t count);

#endif
