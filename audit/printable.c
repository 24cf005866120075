/* What of a text may get at a terminal. Pure. */
#include "audit/printable.h"

#include "common/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"

static bool is_control(const char *character, size_t bytes)
{
    unsigned char first = (unsigned char)character[0];
    bool is_c1 = bytes == 2 && first == 0xc2 && (unsigned char)character[1] < 0xa0;
    return is_c1 || (bytes == 1 && (first < 0x20 || first == 0x7f));
}

void sk_printable_append(struct sk_buffer *out, const char *text, size_t length, bool is_line)
{
    while (length > 0) {
        size_t bytes = sk_utf8_character(text, length);
        if (bytes == 0 || (is_line && is_control(text, bytes))) {
            sk_buffer_append_text(out, REPLACEMENT);
        } else {
            sk_buffer_append(out, text, bytes);
        }
        bytes = bytes > 0 ? bytes : 1;
        text += bytes;
        length -= bytes;
    }
}
