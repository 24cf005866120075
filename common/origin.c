/* Reads lists of web origins. Owns nothing; knows no header. */
#include "common/origin.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define SEPARATORS " ,\t"

/* The next entry; its length, 0 at the end. *list moves to its first byte. */
static size_t next_entry(const char **list)
{
    *list += strspn(*list, SEPARATORS);
    return strcspn(*list, SEPARATORS);
}

bool sk_origin_allowed(const char *list, const char *origin)
{
    size_t wanted = strlen(origin);
    for (size_t length = next_entry(&list); length > 0; length = next_entry(&list)) {
        bool any = length == 1 && list[0] == '*';
        if (any || (length == wanted && strncasecmp(list, origin, length) == 0)) {
            return wanted > 0;
        }
        list += length;
    }
    return false;
}

static bool entry_valid(const char *entry, size_t length)
{
    static const char host[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
    if (length == 1 && entry[0] == '*') {
        return true;
    }
    size_t scheme = 0;
    if (length > 7 && strncasecmp(entry, "http://", 7) == 0) {
        scheme = 7;
    } else if (length > 8 && strncasecmp(entry, "https://", 8) == 0) {
        scheme = 8;
    }
    return scheme > 0 && strspn(entry + scheme, host) >= length - scheme;
}

bool sk_origin_list_valid(const char *list)
{
    for (size_t length = next_entry(&list); length > 0; length = next_entry(&list)) {
        if (!entry_valid(list, length)) {
            return false;
        }
        list += length;
    }
    return true;
}
