/* Percent-encoding, read. */
#include "common/percent.h"

static int digit(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    if (byte >= 'a' && byte <= 'f') {
        return byte - 'a' + 10;
    }
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

int sk_percent_byte(const char *text, size_t length)
{
    if (length < 3 || text[0] != '%' || digit(text[1]) < 0 || digit(text[2]) < 0) {
        return -1;
    }
    return digit(text[1]) * 16 + digit(text[2]);
}
