/* Addresses as bytes, networks as a number of leading bits. */
#include "common/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define WORD_BYTES 64
#define SEPARATORS " ,\t"

struct address {
    unsigned char bytes[16];
    int bits; /* 32 or 128 */
};

static bool read_address(const char *text, struct address *address)
{
    static const unsigned char mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (inet_pton(AF_INET, text, address->bytes) == 1) {
        address->bits = 32;
        return true;
    }
    if (inet_pton(AF_INET6, text, address->bytes) != 1) {
        return false;
    }
    address->bits = 128;
    if (memcmp(address->bytes, mapped, sizeof(mapped)) == 0) {
        memmove(address->bytes, address->bytes + sizeof(mapped), 4);
        address->bits = 32;
    }
    return true;
}

/* One to three digits. */
static bool read_bits(const char *text, int most, int *bits)
{
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length > 3 || text[length] != '\0') {
        return false;
    }
    *bits = 0;
    for (size_t i = 0; i < length; i++) {
        *bits = *bits * 10 + (text[i] - '0');
    }
    return *bits <= most;
}

/* Splits a network into its address and how many bits of it count. */
static bool read_network(const char *text, struct address *address, int *bits)
{
    char copy[WORD_BYTES];
    size_t length = strcspn(text, "/");
    if (length >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (!read_address(copy, address)) {
        return false;
    }
    *bits = address->bits;
    return text[length] == '\0' || read_bits(text + length + 1, address->bits, bits);
}

static bool within(const struct address *address, const struct address *network, int bits)
{
    size_t whole = (size_t)bits / 8;
    unsigned rest = (unsigned)bits % 8;
    if (address->bits != network->bits || memcmp(address->bytes, network->bytes, whole) != 0) {
        return false;
    }
    unsigned mask = 0xffU << (8 - rest) & 0xffU;
    return rest == 0 || ((address->bytes[whole] ^ network->bytes[whole]) & mask) == 0;
}

/* The next word of a list, cut off where it is longer than any network (and then none); false at the end. */
static bool next_word(const char **list, char word[WORD_BYTES])
{
    *list += strspn(*list, SEPARATORS);
    size_t length = strcspn(*list, SEPARATORS);
    size_t kept = length < WORD_BYTES ? length : WORD_BYTES - 1;
    memcpy(word, *list, kept);
    word[kept] = '\0';
    *list += length;
    return length > 0;
}

bool sk_network_is_address(const char *text)
{
    struct address address;
    return read_address(text, &address);
}

bool sk_network_is_network(const char *text)
{
    struct address address;
    int bits;
    return read_network(text, &address, &bits);
}

bool sk_network_is_list(const char *list)
{
    char word[WORD_BYTES];
    while (next_word(&list, word)) {
        if (!sk_network_is_network(word)) {
            return false;
        }
    }
    return true;
}

bool sk_network_contains(const char *list, const char *text)
{
    char word[WORD_BYTES];
    struct address address;
    if (!read_address(text, &address)) {
        return false;
    }
    while (next_word(&list, word)) {
        struct address network;
        int bits;
        if (read_network(word, &network, &bits) && within(&address, &network, bits)) {
            return true;
        }
    }
    return false;
}

void sk_network_owner(const char *address, char *out, size_t bytes)
{
    struct address read;
    char shown[INET6_ADDRSTRLEN] = "";
    if (!read_address(address, &read)) {
        (void)snprintf(out, bytes, "%s", address);
        return;
    }
    bool is_v6 = read.bits == 128;
    memset(read.bytes + (is_v6 ? 8 : 4), 0, is_v6 ? 8 : 12);
    (void)inet_ntop(is_v6 ? AF_INET6 : AF_INET, read.bytes, shown, sizeof(shown));
    (void)snprintf(out, bytes, "%s%s", shown, is_v6 ? "/64" : "");
}

bool sk_network_is_loopback(const char *address)
{
    return sk_network_contains("127.0.0.0/8 ::1", address);
}
