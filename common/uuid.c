/* Identifiers out of the kernel's randomness. Keeps none in stock, so that no fork can hand the same out twice. */
#include "common/uuid.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/random.h>

#define RAW_BYTES 16

static void fill(unsigned char raw[RAW_BYTES])
{
    size_t done = 0;
    while (done < RAW_BYTES) {
        ssize_t got = getrandom(raw + done, RAW_BYTES - done, 0);
        if (got < 0 && errno != EINTR) {
            abort();
        }
        done += got > 0 ? (size_t)got : 0;
    }
}

/* Sets version and variant (RFC 9562 §4.1, §4.2) and writes the text form. */
static void write_out(unsigned char raw[RAW_BYTES], unsigned version, char out[SK_UUID_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    raw[6] = (unsigned char)((raw[6] & 0x0fU) | (version << 4));
    raw[8] = (unsigned char)((raw[8] & 0x3fU) | 0x80U);
    char *at = out;
    for (size_t i = 0; i < RAW_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *at++ = '-';
        }
        *at++ = hex[raw[i] >> 4];
        *at++ = hex[raw[i] & 15];
    }
    *at = '\0';
}

void sk_uuid_random(char out[SK_UUID_BYTES])
{
    unsigned char raw[RAW_BYTES];
    fill(raw);
    write_out(raw, 4, out);
}

void sk_uuid_at(int64_t epoch_ms, char out[SK_UUID_BYTES])
{
    unsigned char raw[RAW_BYTES];
    fill(raw);
    uint64_t ms = epoch_ms < 0 ? 0 : (uint64_t)epoch_ms;
    for (size_t i = 0; i < 6; i++) {
        raw[i] = (unsigned char)(ms >> (40 - 8 * i));
    }
    write_out(raw, 7, out);
}
