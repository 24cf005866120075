/* Text that anybody may have written, for somebody's terminal. */
#ifndef SK_AUDIT_PRINTABLE_H
#define SK_AUDIT_PRINTABLE_H

#include "common/buffer.h"

#include <stdbool.h>

/* Appends text with U+FFFD in the place of each byte that belongs to no character (RFC 3629), and where it is to stay
 * within a line (is_line) of each control character too: C0, DEL, and C1, which some terminals obey as well. */
void sk_printable_append(struct sk_buffer *out, const char *text, size_t length, bool is_line);

#endif
