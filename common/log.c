/* The log: builds one JSON line in a bounded buffer and hands it to standard error in one write. Owns the level and the
 * program's name; never allocates, never blocks on a lock, never changes errno. */
#include "common/log.h"

#include "common/iso_time.h"
#include "common/utf8.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 4096            /* PIPE_BUF: what a pipe takes whole, also from several processes at once */
#define LINE_END "\"cut\":true}\n" /* the longest end a line can have */

#define VALUE_BYTES 40 /* the least a value gets, or it is left out: enough for any number */

static const char *program_name = "synckairos";
static atomic_int threshold = SK_LOG_INFO;
static atomic_bool level_was_set; /* by a signal, and no line has told it yet */
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_BOOL_LOCK_FREE == 2, "a signal's handler may use them");

static const char *const level_names[] = {
    [SK_LOG_DEBUG] = "debug",
    [SK_LOG_INFO] = "info",
    [SK_LOG_WARN] = "warn",
    [SK_LOG_ERROR] = "error",
};
_Static_assert(sizeof level_names / sizeof level_names[0] == SK_LOG_LEVEL_COUNT, "a name for each level");

/* The line so far. Invariant: there is always room for one more quote, a comma and LINE_END. */
struct line {
    char text[LINE_BYTES];
    size_t length;
    bool cut;
};

static size_t room(const struct line *line)
{
    size_t limit = sizeof line->text - sizeof LINE_END - 2;
    return line->length < limit ? limit - line->length : 0;
}

static bool put(struct line *line, const char *bytes, size_t length)
{
    if (length > room(line)) {
        line->cut = true;
        return false;
    }
    memcpy(line->text + line->length, bytes, length);
    line->length += length;
    return true;
}

/* Beyond the room that put() keeps free. */
static void put_end(struct line *line, const char *bytes, size_t length)
{
    memcpy(line->text + line->length, bytes, length);
    line->length += length;
}

/* Puts one character of text, escaped where it could harm a reader or a terminal, and returns its bytes in text;
 * 0 if it does not fit. */
static size_t put_character(struct line *line, const char *text, size_t length)
{
    size_t bytes = sk_utf8_character(text, length);
    if (bytes == 0) {
        return put(line, "\\ufffd", 6) ? 1 : 0;
    }
    unsigned first = (unsigned char)text[0];
    unsigned control = bytes == 1 ? first : (unsigned char)text[1]; /* U+0080 to U+009F are 0xc2 and themselves */
    bool plain = bytes == 1 ? first >= 0x20 && first != 0x7f : first != 0xc2 || control >= 0xa0;
    if (plain && first != '"' && first != '\\') {
        return put(line, text, bytes) ? bytes : 0;
    }
    char escape[8];
    int printed = snprintf(escape, sizeof escape, plain ? "\\%c" : "\\u%04x", control);
    return printed > 0 && put(line, escape, (size_t)printed) ? bytes : 0;
}

/* How many bytes from there on, up to limit, stand in a line as they are: nearly all that is ever logged. */
static size_t plain_bytes(const char *text, size_t limit)
{
    size_t count = 0;
    while (count < limit && text[count] >= 0x20 && text[count] < 0x7f && text[count] != '"' && text[count] != '\\') {
        count++;
    }
    return count;
}

static void put_string(struct line *line, const char *text)
{
    if (!put(line, "\"", 1)) {
        return;
    }
    size_t rest = strlen(text);
    while (rest > 0) {
        size_t plain = plain_bytes(text, room(line));
        size_t taken = plain > 0 && put(line, text, plain) ? plain : put_character(line, text, rest);
        if (taken == 0) {
            break;
        }
        text += taken;
        rest -= taken;
    }
    put_end(line, "\"", 1);
}

/* The member's name, which needs no escaping; false if there is no room for it and some of a value behind it. */
static bool put_key(struct line *line, const char *key)
{
    size_t length = strlen(key);
    if (length + VALUE_BYTES > room(line)) {
        line->cut = true;
        return false;
    }
    return put(line, "\"", 1) && put(line, key, length) && put(line, "\":", 2);
}

static void put_text_field(struct line *line, const char *key, const char *text)
{
    if (put_key(line, key)) {
        put_string(line, text);
        put_end(line, ",", 1);
    }
}

static void put_number_field(struct line *line, const char *key, int64_t number)
{
    char digits[24];
    int printed = snprintf(digits, sizeof digits, "%lld", (long long)number);
    if (printed > 0 && put_key(line, key)) {
        (void)put(line, digits, (size_t)printed);
        put_end(line, ",", 1);
    }
}

static void put_head(struct line *line, enum sk_log_level level, const char *message)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    char time[SK_ISO_TIME_BYTES];
    (void)put(line, "{", 1);
    put_text_field(line, "time", sk_iso_time((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, time));
    put_text_field(line, "level", level_names[level]);
    put_text_field(line, "program", program_name);
    put_number_field(line, "pid", getpid());
    put_text_field(line, "msg", message);
}

/* A line that standard error does not take is lost: waiting for it would stop the service. */
static void send_out(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDERR_FILENO, bytes, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return;
        }
        bytes += written;
        length -= (size_t)written;
    }
}

/* Signal handler. */
static void shift_level(int number)
{
    int level = atomic_load_explicit(&threshold, memory_order_relaxed);
    int wanted = number == SIGUSR1 ? level - 1 : level + 1;
    if (wanted >= SK_LOG_DEBUG && wanted <= SK_LOG_ERROR) {
        atomic_store_explicit(&threshold, wanted, memory_order_relaxed);
        atomic_store_explicit(&level_was_set, true, memory_order_relaxed);
    }
}

void sk_log_open(const char *program, enum sk_log_level level)
{
    struct sigaction action = {.sa_handler = shift_level, .sa_flags = SA_RESTART};
    program_name = program;
    atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
    (void)sigemptyset(&action.sa_mask);
    (void)sigaddset(&action.sa_mask, SIGUSR1);
    (void)sigaddset(&action.sa_mask, SIGUSR2);
    (void)sigaction(SIGUSR1, &action, NULL);
    (void)sigaction(SIGUSR2, &action, NULL);
}

bool sk_log_enabled(enum sk_log_level level)
{
    return (int)level >= atomic_load_explicit(&threshold, memory_order_relaxed) && level < SK_LOG_LEVEL_COUNT;
}

enum sk_log_level sk_log_level_of(const char *name)
{
    int level = 0;
    while (level < SK_LOG_LEVEL_COUNT && strcmp(name, level_names[level]) != 0) {
        level++;
    }
    return (enum sk_log_level)level;
}

static void write_line(enum sk_log_level level, const char *message, const struct sk_log_field *fields, size_t count)
{
    struct line line;
    line.length = 0;
    line.cut = false;
    put_head(&line, level, message);
    for (size_t i = 1; i < count; i++) {
        if (!fields[i].text) {
            put_number_field(&line, fields[i].key, fields[i].number);
        } else if (fields[i].text[0]) {
            put_text_field(&line, fields[i].key, fields[i].text);
        }
    }
    if (line.cut) {
        put_end(&line, LINE_END, sizeof LINE_END - 1);
    } else {
        line.length--; /* the comma behind the last member */
        put_end(&line, "}\n", 2);
    }
    send_out(line.text, line.length);
}

/* Whatever the level is now: from here on a reader sees more, or misses something. */
static void tell_level(void)
{
    enum sk_log_level level = (enum sk_log_level)atomic_load_explicit(&threshold, memory_order_relaxed);
    const struct sk_log_field fields[] = {{0}, SK_S("log_level", level_names[level])};
    write_line(SK_LOG_INFO, "a signal has set the log level", fields, sizeof fields / sizeof fields[0]);
}

void sk_log_write(enum sk_log_level level, const char *message, const struct sk_log_field *fields, size_t count)
{
    if (!sk_log_enabled(level)) {
        return;
    }
    int error = errno;
    if (atomic_load_explicit(&level_was_set, memory_order_relaxed) && atomic_exchange(&level_was_set, false)) {
        tell_level();
    }
    write_line(level, message, fields, count);
    errno = error;
}
