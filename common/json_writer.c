/* Writes JSON text into a buffer it does not own. Keeps no stack: whether a comma is due is all it knows. */
#include "common/json_writer.h"

#include "common/iso_time.h"
#include "common/session.h"

#include <string.h>

/* Whatever stands in front of a value: the comma that is due, and the member's name. */
static void begin(struct sk_json_writer *writer, const char *key)
{
    if (writer->comma) {
        sk_buffer_append_char(writer->out, ',');
    }
    writer->comma = true;
    if (key) {
        sk_buffer_append_char(writer->out, '"');
        sk_buffer_append_text(writer->out, key);
        sk_buffer_append(writer->out, "\":", 2);
    }
}

/* A character that may not stand in a string as it is (RFC 8259 §7). */
static void append_escaped(struct sk_buffer *out, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_form[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    char escape[6] = {'\\', (char)byte, '0', '0', hex[(byte >> 4) & 15], hex[byte & 15]};
    size_t length = 2;
    if (byte < sizeof short_form && short_form[byte]) {
        escape[1] = short_form[byte];
    } else if (byte < sizeof short_form) {
        escape[1] = 'u';
        length = sizeof escape;
    }
    sk_buffer_append(out, escape, length);
}

static void append_string(struct sk_buffer *out, const char *text)
{
    sk_buffer_append_char(out, '"');
    const char *clean = text; /* start of what can be copied as it is */
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20 || byte == '"' || byte == '\\') {
            sk_buffer_append(out, clean, (size_t)(text - clean));
            append_escaped(out, byte);
            clean = text + 1;
        }
    }
    sk_buffer_append(out, clean, (size_t)(text - clean));
    sk_buffer_append_char(out, '"');
}

void sk_json_object(struct sk_json_writer *writer, const char *key)
{
    begin(writer, key);
    sk_buffer_append_char(writer->out, '{');
    writer->comma = false;
}

void sk_json_object_end(struct sk_json_writer *writer)
{
    sk_buffer_append_char(writer->out, '}');
    writer->comma = true;
}

void sk_json_array(struct sk_json_writer *writer, const char *key)
{
    begin(writer, key);
    sk_buffer_append_char(writer->out, '[');
    writer->comma = false;
}

void sk_json_array_end(struct sk_json_writer *writer)
{
    sk_buffer_append_char(writer->out, ']');
    writer->comma = true;
}

void sk_json_string(struct sk_json_writer *writer, const char *key, const char *text)
{
    if (!text) {
        sk_json_null(writer, key);
        return;
    }
    begin(writer, key);
    append_string(writer->out, text);
}

void sk_json_int(struct sk_json_writer *writer, const char *key, int64_t number)
{
    begin(writer, key);
    sk_buffer_append_int(writer->out, number);
}

void sk_json_bool(struct sk_json_writer *writer, const char *key, bool value)
{
    begin(writer, key);
    sk_buffer_append_text(writer->out, value ? "true" : "false");
}

void sk_json_null(struct sk_json_writer *writer, const char *key)
{
    begin(writer, key);
    sk_buffer_append(writer->out, "null", 4);
}

void sk_json_raw(struct sk_json_writer *writer, const char *key, const char *json, size_t length)
{
    begin(writer, key);
    sk_buffer_append(writer->out, json, length);
}

static int append_dumped(const char *bytes, size_t length, void *buffer)
{
    struct sk_buffer *out = buffer;
    sk_buffer_append(out, bytes, length);
    return out->failed ? -1 : 0;
}

void sk_json_value(struct sk_json_writer *writer, const char *key, const json_t *value)
{
    if (!value) {
        sk_json_null(writer, key);
        return;
    }
    begin(writer, key);
    if (json_dump_callback(value, append_dumped, writer->out, JSON_COMPACT | JSON_ENCODE_ANY) != 0) {
        writer->out->failed = true;
    }
}

void sk_json_id(struct sk_json_writer *writer, const char *key, const char *id)
{
    sk_json_string(writer, key, id[0] ? id : NULL);
}

void sk_json_ms(struct sk_json_writer *writer, const char *key, int64_t ms)
{
    if (ms == SK_NONE) {
        sk_json_null(writer, key);
    } else {
        sk_json_int(writer, key, ms);
    }
}

void sk_json_iso(struct sk_json_writer *writer, const char *key, int64_t ms)
{
    char text[SK_ISO_TIME_BYTES];
    sk_json_string(writer, key, ms == SK_NONE ? NULL : sk_iso_time(ms, text));
}
