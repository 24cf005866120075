/* UTF-8: recognising a character, and cutting between two. Owns nothing, converts nothing. */
#include "common/utf8.h"

#include <stdio.h>
#include <string.h>

/* The rows of RFC 3629 §4: which first byte asks for how many, and what the second may be. */
static const struct {
    unsigned char first, last;     /* range of the first byte */
    unsigned char second, at_most; /* range of the second */
    unsigned char bytes;
} forms[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

size_t sk_utf8_character(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (length == 0 || bytes[0] < 0x80) {
        return length == 0 ? 0 : 1;
    }
    size_t row = 0;
    while (row < sizeof forms / sizeof forms[0] && (bytes[0] < forms[row].first || bytes[0] > forms[row].last)) {
        row++;
    }
    if (row == sizeof forms / sizeof forms[0] || length < forms[row].bytes || bytes[1] < forms[row].second ||
        bytes[1] > forms[row].at_most) {
        return 0;
    }
    for (size_t i = 2; i < forms[row].bytes; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return forms[row].bytes;
}

/* Drops the last character of a text that was cut, if only a part of it is left: goes back to its first byte, and sees
 * whether all of it is there. */
static void drop_half(char *text, size_t end)
{
    size_t start = end;
    while (start > 0 && end - start < 4 && ((unsigned char)text[start - 1] & 0xc0) == 0x80) {
        start--;
    }
    if (start > 0 && (unsigned char)text[start - 1] >= 0xc0 &&
        sk_utf8_character(text + start - 1, end - start + 1) == 0) {
        text[start - 1] = '\0';
    }
}

/* A text that was quoted may itself begin or end within a character. */
static void replace_broken(char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length;) {
        size_t bytes = sk_utf8_character(text + i, length - i);
        if (bytes == 0) {
            text[i] = '?';
        }
        i += bytes > 0 ? bytes : 1;
    }
}

void sk_utf8_print(char *out, size_t bytes, const char *format, va_list args)
{
    int printed = vsnprintf(out, bytes, format, args);
    if (printed < 0) {
        out[0] = '\0';
    } else if ((size_t)printed >= bytes) {
        drop_half(out, bytes - 1);
    }
    replace_broken(out);
}

void sk_utf8_format(char *out, size_t bytes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sk_utf8_print(out, bytes, format, args);
    va_end(args);
}
