/* UTF-8 where text comes from outside or is cut to fit: what leaves here never holds half a character. */
#ifndef SK_COMMON_UTF8_H
#define SK_COMMON_UTF8_H

#include <stdarg.h>
#include <stddef.h>

/* Bytes (1 to 4) of the character that text begins with; 0 if it begins with none (RFC 3629 §4: no surrogates, no
 * overlong forms, nothing above U+10FFFF), or with half a one. */
size_t sk_utf8_character(const char *text, size_t length);

/* Formats into out (bytes of it, at least 1), cut in front of the character that no longer fits; a ? for each byte that
 * belongs to no character. */
void sk_utf8_print(char *out, size_t bytes, const char *format, va_list args) __attribute__((format(printf, 3, 0)));

/* The same with the arguments themselves. */
void sk_utf8_format(char *out, size_t bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
