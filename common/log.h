/* Logs: one JSON line an event on standard error. Thread-safe: a line is one write. Tokens, secrets and bodies are
 * never handed to it. */
#ifndef SK_COMMON_LOG_H
#define SK_COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sk_log_level { SK_LOG_DEBUG, SK_LOG_INFO, SK_LOG_WARN, SK_LOG_ERROR, SK_LOG_LEVEL_COUNT };

struct sk_log_field {
    const char *key;
    const char *text; /* NULL: number counts */
    int64_t number;
};

/* A text field; a NULL or empty text is left out of the line. */
#define SK_S(k, t) ((struct sk_log_field){.key = (k), .text = (t) ? (t) : ""})
#define SK_I(k, n) ((struct sk_log_field){.key = (k), .text = NULL, .number = (n)})

/* Once, before threads start. program is borrowed for good ("synckairos-api"). */
void sk_log_open(const char *program, enum sk_log_level level);
bool sk_log_enabled(enum sk_log_level level);

/* sk_log(SK_LOG_INFO, "session created", SK_S("session_id", id), SK_I("version", 1)); */
#define sk_log(level, message, ...)                                                                                    \
    sk_log_write((level), (message), (const struct sk_log_field[]){{0}, ##__VA_ARGS__},                                \
                 sizeof((const struct sk_log_field[]){{0}, ##__VA_ARGS__}) / sizeof(struct sk_log_field))

/* fields[0] is skipped: it only lets the list be empty. */
void sk_log_write(enum sk_log_level level, const char *message, const struct sk_log_field *fields, size_t count);

#endif
