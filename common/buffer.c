/* The growable byte string. Owns its memory and keeps the invariant of buffer.h; never gives an error but the sticky
 * one, and never aborts. */
#include "common/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 256

void sk_buffer_clear(struct sk_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct sk_buffer){0};
}

void sk_buffer_reset(struct sk_buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
    if (buffer->data) {
        buffer->data[0] = '\0';
    }
}

/* Makes room for length more bytes and the NUL; false (and failed) without memory. */
static bool reserve(struct sk_buffer *buffer, size_t length)
{
    if (buffer->failed) {
        return false;
    }
    if (length < buffer->capacity - buffer->length) {
        return true;
    }
    size_t needed = 0;
    if (__builtin_add_overflow(buffer->length, length, &needed) || needed > SIZE_MAX / 2) {
        buffer->failed = true;
        return false;
    }
    size_t capacity = buffer->capacity ? buffer->capacity : FIRST_BYTES;
    while (capacity <= needed) {
        capacity *= 2;
    }
    char *data = realloc(buffer->data, capacity);
    if (!data) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void sk_buffer_append(struct sk_buffer *buffer, const char *bytes, size_t length)
{
    if (length == 0 || !reserve(buffer, length)) {
        return;
    }
    memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

void sk_buffer_append_text(struct sk_buffer *buffer, const char *text)
{
    sk_buffer_append(buffer, text, strlen(text));
}

void sk_buffer_append_char(struct sk_buffer *buffer, char byte)
{
    sk_buffer_append(buffer, &byte, 1);
}

void sk_buffer_append_int(struct sk_buffer *buffer, int64_t number)
{
    char digits[20]; /* "-9223372036854775808" */
    size_t start = sizeof digits;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        digits[--start] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        digits[--start] = '-';
    }
    sk_buffer_append(buffer, digits + start, sizeof digits - start);
}

void sk_buffer_append_format(struct sk_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0) {
        buffer->failed = true;
    } else if (length > 0 && reserve(buffer, (size_t)length)) {
        (void)vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
    va_end(args);
}

const char *sk_buffer_text(const struct sk_buffer *buffer)
{
    return buffer->data ? buffer->data : "";
}
