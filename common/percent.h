/* Percent-encoding (RFC 3986 §2.1), a byte at a time. */
#ifndef SK_COMMON_PERCENT_H
#define SK_COMMON_PERCENT_H

#include <stddef.h>

/* The byte that text begins to encode ("%2F…" gives '/'), 0 to 255; -1 where it does not begin with a percent sign and
 * two hexadecimal digits. */
int sk_percent_byte(const char *text, size_t length);

#endif
