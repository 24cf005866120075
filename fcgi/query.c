/* Takes a query apart. Owns nothing; knows no route. */
#include "fcgi/query.h"

#include "common/percent.h"
#include "common/utf8.h"

#include <inttypes.h>
#include <string.h>

#define NAME_BYTES 64

/* One piece of the query, decoded. */
struct decoded {
    char text[SK_QUERY_VALUE_BYTES];
    bool is_text;  /* valid UTF-8 without control characters, every % followed by two digits */
    bool too_long; /* text is cut */
};

static bool is_printable(const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t bytes = sk_utf8_character(text + i, length - i);
        unsigned char first = (unsigned char)text[i];
        if (bytes == 0 || first < 0x20 || first == 0x7f) {
            return false;
        }
        i += bytes;
    }
    return true;
}

static void decode(const char *piece, size_t length, size_t limit, struct decoded *out)
{
    size_t used = 0;
    *out = (struct decoded){.is_text = true};
    for (size_t i = 0; i < length; i++) {
        char byte = piece[i];
        byte = (char)(byte == '+' ? ' ' : byte);
        if (byte == '%') {
            int value = sk_percent_byte(piece + i, length - i);
            out->is_text = out->is_text && value >= 0;
            byte = (char)(unsigned char)(value >= 0 ? value : '%');
            i += value >= 0 ? 2 : 0;
        }
        if (used + 1 >= limit) {
            out->too_long = true;
            break;
        }
        out->text[used++] = byte;
    }
    out->is_text = out->is_text && (out->too_long || is_printable(out->text, used));
}

static struct query_value *find(struct query_value *values, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(values[i].name, name) == 0) {
            return &values[i];
        }
    }
    return NULL;
}

static void take(struct query_value *value, const char *text, size_t length, struct sk_problems *problems)
{
    struct decoded decoded;
    if (value->given) {
        sk_problems_add(problems, value->name, "stands twice");
        return;
    }
    value->given = true;
    decode(text, length, sizeof value->text, &decoded);
    if (decoded.too_long) {
        sk_problems_add(problems, value->name, "has at most %d bytes", SK_QUERY_VALUE_BYTES - 1);
    } else if (!decoded.is_text) {
        sk_problems_add(problems, value->name, "must be percent-encoded UTF-8 text");
    } else {
        memcpy(value->text, decoded.text, sizeof value->text);
    }
}

/* One name=value; a name alone has an empty value. */
static void read_pair(const char *pair, size_t length, struct query_value *values, size_t count,
                      struct sk_problems *problems)
{
    struct decoded name;
    const char *equals = memchr(pair, '=', length);
    size_t name_length = equals ? (size_t)(equals - pair) : length;
    decode(pair, name_length, NAME_BYTES, &name);
    if (name.too_long || !name.is_text) { /* not fit to be repeated */
        sk_problems_add(problems, "", "the query has a parameter with a name that none has");
        return;
    }
    struct query_value *value = find(values, count, name.text);
    if (!value) {
        sk_problems_add(problems, name.text, "is not a known parameter");
        return;
    }
    take(value, equals ? equals + 1 : "", equals ? length - name_length - 1 : 0, problems);
}

void sk_query_read(const char *query, struct query_value *values, size_t count, struct sk_problems *problems)
{
    for (const char *pair = query; *pair;) {
        size_t length = strcspn(pair, "&");
        if (length > 0) {
            read_pair(pair, length, values, count, problems);
        }
        pair += length;
        pair += *pair == '&';
    }
}

/* Whether the text is digits alone, and few enough not to overflow; their value. */
static bool parse_int(const char *text, int64_t *out)
{
    size_t length = strlen(text);
    if (length == 0 || length > 18 || strspn(text, "0123456789") != length) {
        return false;
    }
    *out = 0;
    for (; *text; text++) {
        *out = *out * 10 + (*text - '0');
    }
    return true;
}

void sk_query_int(const struct query_value *value, int64_t min, int64_t max, int64_t *out, struct sk_problems *problems)
{
    int64_t number = 0;
    if (!value->given) {
        return;
    }
    if (!parse_int(value->text, &number) || number < min || number > max) {
        sk_problems_add(problems, value->name, "must be an integer from %" PRId64 " to %" PRId64, min, max);
        return;
    }
    *out = number;
}
