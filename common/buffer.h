/* A growable byte string with a sticky error: append freely, check once.
 * Invariant: data is NULL or NUL-terminated at data[length]. */
#ifndef SK_COMMON_BUFFER_H
#define SK_COMMON_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sk_buffer {
    char *data;
    size_t length;
    size_t capacity;
    bool failed; /* out of memory; every later append is a no-op */
};

/* Frees what the buffer holds and leaves it empty and usable. */
void sk_buffer_clear(struct sk_buffer *buffer);

/* Empties the buffer but keeps its memory (and clears the error). */
void sk_buffer_reset(struct sk_buffer *buffer);

void sk_buffer_append(struct sk_buffer *buffer, const char *bytes, size_t length);
void sk_buffer_append_text(struct sk_buffer *buffer, const char *text);
void sk_buffer_append_char(struct sk_buffer *buffer, char byte);
void sk_buffer_append_int(struct sk_buffer *buffer, int64_t number);
void sk_buffer_append_format(struct sk_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text so far; "" while empty. Borrowed until the next append. */
const char *sk_buffer_text(const struct sk_buffer *buffer);

#endif
