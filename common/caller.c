/* The client's address. Believes nobody who is not trusted. */
#include "common/caller.h"

#include "common/network.h"

#include <stdio.h>
#include <string.h>

/* The last entry of the list, which becomes shorter by it; false where there is none. */
static bool last_entry(const char *list, size_t *length, char out[SK_ADDRESS_BYTES])
{
    while (*length > 0 && strchr(" \t,", list[*length - 1])) {
        --*length;
    }
    size_t start = *length;
    while (start > 0 && !strchr(" \t,", list[start - 1])) {
        start--;
    }
    size_t bytes = *length - start;
    if (bytes == 0 || bytes >= SK_ADDRESS_BYTES) {
        return false;
    }
    memcpy(out, list + start, bytes);
    out[bytes] = '\0';
    *length = start;
    return true;
}

/* Cuts off a port: "1.2.3.4:567", "[::1]:567", "[::1]". What it is otherwise stays. */
static void strip_port(char entry[SK_ADDRESS_BYTES])
{
    char *inner = entry[0] == '[' ? entry + 1 : entry;
    char *end = strchr(inner, entry[0] == '[' ? ']' : ':');
    const char *colon = end != NULL && *end == ']' ? end + 1 : end;
    if (colon == NULL || (*colon != '\0' && *colon != ':')) {
        return;
    }
    size_t digits = *colon == ':' ? strspn(colon + 1, "0123456789") : 0;
    if (*colon == ':' && (digits == 0 || digits > 5 || colon[1 + digits] != '\0')) {
        return; /* also an IPv6 address, which has more colons */
    }
    *end = '\0';
    memmove(entry, inner, strlen(inner) + 1);
}

void sk_caller_address(const char *peer, const char *forwarded, const char *trusted, char out[SK_ADDRESS_BYTES])
{
    char entry[SK_ADDRESS_BYTES];
    size_t length = strlen(forwarded);
    (void)snprintf(out, SK_ADDRESS_BYTES, "%s", peer);
    while (sk_network_contains(trusted, out) && last_entry(forwarded, &length, entry)) {
        strip_port(entry);
        if (!sk_network_is_address(entry)) {
            return;
        }
        memcpy(out, entry, sizeof(entry));
    }
}
