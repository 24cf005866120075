/* Reads a head, and writes the one that libwebsockets gets in its place. Owns nothing; what is to be answered to whom
 * is decided elsewhere (page.h). */
#include "relay/handshake.h"

#include <string.h>
#include <strings.h>

#define BEARER "bearer."
#define EMPTY_LINE "\r\n"
#define KEY_BYTES_MAX 127 /* RFC 6455 §4.1 has 24; libwebsockets has room for these */

struct text {
    const char *at;
    size_t length;
};

static bool starts_with(struct text text, const char *start)
{
    size_t length = strlen(start);
    return text.length >= length && strncasecmp(text.at, start, length) == 0;
}

static bool is_word(struct text text, const char *word)
{
    return text.length == strlen(word) && starts_with(text, word);
}

/* Takes the next piece up to separator, or to the end; false when nothing is left. */
static bool next(struct text *rest, char separator, struct text *piece)
{
    if (rest->length == 0) {
        return false;
    }
    const char *end = memchr(rest->at, separator, rest->length);
    piece->at = rest->at;
    piece->length = end ? (size_t)(end - rest->at) : rest->length;
    size_t taken = piece->length + (end ? 1 : 0);
    rest->at += taken;
    rest->length -= taken;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct text trimmed(struct text text)
{
    while (text.length > 0 && (is_blank(text.at[text.length - 1]) || text.at[text.length - 1] == '\r')) {
        text.length--;
    }
    while (text.length > 0 && is_blank(text.at[0])) {
        text.at++;
        text.length--;
    }
    return text;
}

static struct text without_empty_lines(struct text text)
{
    while (text.length >= 2 && memcmp(text.at, EMPTY_LINE, 2) == 0) {
        text.at += 2;
        text.length -= 2;
    }
    return text;
}

size_t sk_handshake_length(const char *bytes, size_t length)
{
    struct text text = without_empty_lines((struct text){bytes, length});
    const char *end = text.length > 0 ? memmem(text.at, text.length, "\r\n\r\n", 4) : NULL;
    return end ? (size_t)(end - bytes) + 4 : 0;
}

/* --- fields ------------------------------------------------------------------------------------------------------- */

/* The next field of that name, trimmed; false when there is none any more. */
static bool next_field(struct text *head, const char *name, struct text *value)
{
    struct text line;
    size_t name_bytes = strlen(name);
    while (next(head, '\n', &line)) {
        if (starts_with(line, name) && line.length > name_bytes && line.at[name_bytes] == ':') {
            *value = trimmed((struct text){line.at + name_bytes + 1, line.length - name_bytes - 1});
            return true;
        }
    }
    return false;
}

/* The value of the only field of that name; empty where there is none, or there are several. */
static struct text only_field(struct text head, const char *name)
{
    struct text value = {"", 0};
    struct text other;
    if (next_field(&head, name, &value) && next_field(&head, name, &other)) {
        value = (struct text){"", 0};
    }
    return value;
}

/* The next entry of all lists in fields of that name, trimmed; list is empty at first. */
static bool next_entry(struct text *head, const char *name, struct text *list, struct text *entry)
{
    while (!next(list, ',', entry)) {
        if (!next_field(head, name, list)) {
            return false;
        }
    }
    *entry = trimmed(*entry);
    return true;
}

static bool lists(struct text head, const char *name, const char *word)
{
    struct text list = {"", 0};
    struct text entry;
    while (next_entry(&head, name, &list, &entry)) {
        if (is_word(entry, word)) {
            return true;
        }
    }
    return false;
}

void sk_handshake_field(const char *head, size_t length, const char *name, struct sk_buffer *out)
{
    struct text rest = {head, length};
    struct text value;
    const char *between = "";
    while (next_field(&rest, name, &value)) {
        sk_buffer_append_text(out, between);
        sk_buffer_append(out, value.at, value.length);
        between = ", ";
    }
}

bool sk_handshake_has(const char *head, size_t length, const char *name)
{
    struct text rest = {head, length};
    struct text value;
    return next_field(&rest, name, &value);
}

/* --- the first line, and whether the rest is sound ---------------------------------------------------------------- */

/* Control characters have no place in a head (RFC 9110 §5.5), nor has a field's value that goes on in the next line
 * (RFC 9112 §5.2), nor a blank behind a field's name (§5.1): different readers would see different things. */
static bool is_sound(struct text line)
{
    if (line.length > 0 && line.at[line.length - 1] == '\r') {
        line.length--;
    }
    for (size_t i = 0; i < line.length; i++) {
        unsigned char c = (unsigned char)line.at[i];
        if ((c < ' ' && c != '\t') || c == 0x7f || (i == 0 && is_blank(line.at[i]))) {
            return false;
        }
    }
    const char *colon = memchr(line.at, ':', line.length);
    return colon == NULL || colon == line.at || !is_blank(colon[-1]);
}

/* What follows the host of an absolute form; any other target as it is. */
static struct text origin_form(struct text target)
{
    static const char *const schemes[] = {"http://", "https://", "ws://", "wss://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t skipped = strlen(schemes[i]);
        if (starts_with(target, schemes[i])) {
            const char *path = memchr(target.at + skipped, '/', target.length - skipped);
            return path ? (struct text){path, target.length - (size_t)(path - target.at)} : (struct text){"/", 1};
        }
    }
    return target;
}

/* method SP target SP version */
static bool read_parts(struct text text, struct sk_request_line *line)
{
    struct text method;
    struct text target;
    if (!next(&text, ' ', &method) || !next(&text, ' ', &target) || method.length == 0 || target.length == 0 ||
        method.length >= sizeof line->method || memchr(target.at, '\t', target.length)) {
        return false;
    }
    struct text version =
        text.length > 0 && text.at[text.length - 1] == '\r' ? (struct text){text.at, text.length - 1} : text;
    *line = (struct sk_request_line){.method = ""};
    line->is_1_1 = version.length == 8 && memcmp(version.at, "HTTP/1.1", 8) == 0;
    memcpy(line->method, method.at, method.length);
    target = origin_form(target);
    line->target = target.at;
    line->target_bytes = target.length;
    return line->is_1_1 || (version.length == 8 && memcmp(version.at, "HTTP/1.0", 8) == 0);
}

bool sk_handshake_read_line(const char *head, size_t length, struct sk_request_line *line)
{
    struct text rest = without_empty_lines((struct text){head, length});
    struct text text;
    if (!next(&rest, '\n', &text) || !is_sound(text) || !read_parts(text, line)) {
        return false;
    }
    while (next(&rest, '\n', &text)) {
        if (!is_sound(text)) {
            return false;
        }
    }
    return true;
}

/* --- what is asked for -------------------------------------------------------------------------------------------- */

/* Whether it names no subprotocol, or ours among others; a token is none. */
static bool speaks_ours(struct text head)
{
    struct text list = {"", 0};
    struct text entry;
    bool any = false;
    while (next_entry(&head, "Sec-WebSocket-Protocol", &list, &entry)) {
        if (entry.length == strlen(SK_SUBPROTOCOL) && memcmp(entry.at, SK_SUBPROTOCOL, entry.length) == 0) {
            return true;
        }
        any = any || (entry.length > 0 && !starts_with(entry, BEARER));
    }
    return !any;
}

/* Whether it announces one (RFC 9112 §6.3). A Content-Length of 0 is none. */
static bool has_body(struct text head)
{
    struct text rest = head;
    struct text value;
    if (next_field(&rest, "Transfer-Encoding", &value)) {
        return true;
    }
    rest = head;
    while (next_field(&rest, "Content-Length", &value)) {
        if (!is_word(value, "0")) {
            return true;
        }
    }
    return false;
}

enum sk_handshake sk_handshake_asks(const char *head, size_t length, const struct sk_request_line *line)
{
    struct text all = {head, length};
    if (strcmp(line->method, "GET") != 0 || !line->is_1_1 || line->target[0] != '/' ||
        !is_word(only_field(all, "Upgrade"), "websocket") || !lists(all, "Connection", "upgrade")) {
        return SK_HANDSHAKE_NONE;
    }
    if (!is_word(only_field(all, "Sec-WebSocket-Version"), "13")) {
        return SK_HANDSHAKE_VERSION;
    }
    size_t key_bytes = only_field(all, "Sec-WebSocket-Key").length;
    if (key_bytes == 0 || key_bytes > KEY_BYTES_MAX || only_field(all, "Host").length == 0) {
        return SK_HANDSHAKE_MALFORMED;
    }
    if (has_body(all)) {
        return SK_HANDSHAKE_BODY;
    }
    return speaks_ours(all) ? SK_HANDSHAKE_WEBSOCKET : SK_HANDSHAKE_SUBPROTOCOL;
}

/* --- the new head ------------------------------------------------------------------------------------------------- */

static void write_field(struct sk_buffer *out, const char *name, struct text value)
{
    sk_buffer_append_text(out, name);
    sk_buffer_append_text(out, ": ");
    sk_buffer_append(out, value.at, value.length);
    sk_buffer_append_text(out, "\r\n");
}

static void write_authorization(struct text head, struct sk_buffer *out)
{
    struct text rest = head;
    struct text list = {"", 0};
    struct text value;
    while (next_field(&rest, "Authorization", &value)) {
        if (starts_with(value, "Bearer ")) {
            write_field(out, "Authorization", value);
            return;
        }
    }
    rest = head;
    while (next_entry(&rest, "Sec-WebSocket-Protocol", &list, &value)) {
        if (starts_with(value, BEARER)) {
            sk_buffer_append_text(out, "Authorization: Bearer ");
            sk_buffer_append(out, value.at + strlen(BEARER), value.length - strlen(BEARER));
            sk_buffer_append_text(out, "\r\n");
            return;
        }
    }
}

/* Of several origins all: together they are nobody's. */
static void write_origin(struct text head, struct sk_buffer *out)
{
    struct text rest = head;
    struct text value;
    if (next_field(&rest, "Origin", &value)) {
        sk_buffer_append_text(out, "Origin: ");
        sk_handshake_field(head.at, head.length, "Origin", out);
        sk_buffer_append_text(out, "\r\n");
    }
}

void sk_handshake_rewrite(const char *head, size_t length, const struct sk_request_line *line, struct sk_buffer *out)
{
    struct text all = {head, length};
    sk_buffer_append_text(out, "GET ");
    sk_buffer_append(out, line->target, line->target_bytes);
    sk_buffer_append_text(out, " HTTP/1.1\r\n");
    write_field(out, "Host", only_field(all, "Host"));
    sk_buffer_append_text(out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
    write_field(out, "Sec-WebSocket-Key", only_field(all, "Sec-WebSocket-Key"));
    if (lists(all, "Sec-WebSocket-Protocol", SK_SUBPROTOCOL)) {
        sk_buffer_append_text(out, "Sec-WebSocket-Protocol: " SK_SUBPROTOCOL "\r\n");
    }
    write_origin(all, out);
    write_authorization(all, out);
    sk_buffer_append_text(out, "\r\n");
}
