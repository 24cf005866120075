/* Finds fields of a head, and moves a token from the list of subprotocols to where tokens are. Owns nothing, judges
 * nothing. */
#include "relay/handshake.h"

#include <string.h>
#include <strings.h>

#define BEARER "bearer."
#define PROTOCOLS "Sec-WebSocket-Protocol:"
#define AUTHORIZATION "Authorization:"
#define BLANKS " \t"

struct text {
    const char *at;
    size_t length;
};

struct findings {
    struct text token; /* of the first subprotocol that holds one */
    bool authorized;   /* there is an Authorization with a token already */
};

size_t sk_handshake_length(const char *bytes, size_t length)
{
    const char *end = length > 0 ? memmem(bytes, length, "\r\n\r\n", 4) : NULL;
    return end ? (size_t)(end - bytes) + 4 : 0;
}

static bool starts_with(struct text text, const char *start)
{
    size_t length = strlen(start);
    return text.length >= length && strncasecmp(text.at, start, length) == 0;
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

static struct text trimmed(struct text text)
{
    while (text.length > 0 && strchr(BLANKS "\r", text.at[text.length - 1])) {
        text.length--;
    }
    while (text.length > 0 && strchr(BLANKS, text.at[0])) {
        text.at++;
        text.length--;
    }
    return text;
}

/* What follows the name of a field. */
static struct text value_of(struct text line, const char *name)
{
    size_t length = strlen(name);
    return trimmed((struct text){line.at + length, line.length - length});
}

static void look_at_protocols(struct text line, struct findings *findings)
{
    struct text list = value_of(line, PROTOCOLS);
    struct text entry;
    while (next(&list, ',', &entry)) {
        entry = trimmed(entry);
        if (!findings->token.at && starts_with(entry, BEARER)) {
            findings->token = (struct text){entry.at + sizeof BEARER - 1, entry.length - (sizeof BEARER - 1)};
        }
    }
}

static void look(struct text head, struct findings *findings)
{
    struct text line;
    while (next(&head, '\n', &line)) {
        if (starts_with(line, PROTOCOLS)) {
            look_at_protocols(line, findings);
        } else if (starts_with(line, AUTHORIZATION)) {
            findings->authorized = findings->authorized || starts_with(value_of(line, AUTHORIZATION), "Bearer ");
        }
    }
}

/* The list without its tokens; nothing at all where nothing else was in it. */
static void write_protocols(struct text line, struct sk_buffer *out)
{
    struct text list = value_of(line, PROTOCOLS);
    struct text entry;
    const char *between = PROTOCOLS " ";
    bool any = false;
    while (next(&list, ',', &entry)) {
        entry = trimmed(entry);
        if (entry.length > 0 && !starts_with(entry, BEARER)) {
            sk_buffer_append_text(out, between);
            sk_buffer_append(out, entry.at, entry.length);
            between = ", ";
            any = true;
        }
    }
    sk_buffer_append_text(out, any ? "\r\n" : "");
}

static void write_authorization(const struct findings *findings, struct sk_buffer *out)
{
    if (!findings->authorized) {
        sk_buffer_append_text(out, AUTHORIZATION " Bearer ");
        sk_buffer_append(out, findings->token.at, findings->token.length);
        sk_buffer_append_text(out, "\r\n");
    }
}

void sk_handshake_field(const char *head, size_t length, const char *name, struct sk_buffer *out)
{
    struct text rest = {head, length};
    struct text line;
    const char *between = "";
    size_t name_bytes = strlen(name);
    while (next(&rest, '\n', &line)) {
        if (starts_with(line, name) && line.length > name_bytes && line.at[name_bytes] == ':') {
            struct text value = trimmed((struct text){line.at + name_bytes + 1, line.length - name_bytes - 1});
            sk_buffer_append_text(out, between);
            sk_buffer_append(out, value.at, value.length);
            between = ", ";
        }
    }
}

void sk_handshake_rewrite(const char *head, size_t length, struct sk_buffer *out)
{
    struct findings findings = {.authorized = false};
    struct text rest = {head, length};
    struct text line;
    look(rest, &findings);
    if (!findings.token.at) {
        sk_buffer_append(out, head, length);
        return;
    }
    while (next(&rest, '\n', &line)) {
        if (starts_with(line, PROTOCOLS)) {
            write_protocols(line, out);
        } else if (trimmed(line).length == 0) {
            write_authorization(&findings, out);
            sk_buffer_append_text(out, "\r\n");
        } else if (findings.authorized || !starts_with(line, AUTHORIZATION)) {
            sk_buffer_append(out, line.at, line.length);
            sk_buffer_append_char(out, '\n');
        }
    }
}
