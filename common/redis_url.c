/* Parsing REDIS_URL, strictly. Connects nowhere; no error text of it quotes any part of the URL, because a slip of the
 * pen can put the password anywhere in it. */
#include "common/redis_url.h"

#include "common/percent.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_PORT 6379
#define DB_MAX 65535

/* A piece of the URL: borrowed, not terminated. */
struct piece {
    const char *start;
    size_t length;
};

static enum sk_code refuse(struct sk_error *error, const char *why)
{
    return sk_fail(error, SK_VALIDATION_ERROR, "%s", why);
}

static bool take_prefix(struct piece *piece, const char *prefix)
{
    size_t length = strlen(prefix);
    if (piece->length < length || memcmp(piece->start, prefix, length) != 0) {
        return false;
    }
    piece->start += length;
    piece->length -= length;
    return true;
}

/* Cuts piece at the first such byte: true, and *rest is what stands behind it. */
static bool cut_at(struct piece *piece, char byte, struct piece *rest)
{
    const char *at = piece->length ? memchr(piece->start, byte, piece->length) : NULL;
    if (!at) {
        return false;
    }
    size_t length = (size_t)(at - piece->start);
    *rest = (struct piece){.start = at + 1, .length = piece->length - length - 1};
    piece->length = length;
    return true;
}

static bool is_printable(struct piece piece)
{
    for (size_t i = 0; i < piece.length; i++) {
        unsigned char byte = (unsigned char)piece.start[i];
        if (byte <= 0x20 || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Decodes %XX (RFC 3986 §2.1) into out; false where it does not fit, or is no proper encoding of a text without NUL. */
static bool decode(struct piece piece, char *out, size_t bytes)
{
    size_t length = 0;
    for (size_t i = 0; i < piece.length; i++) {
        char byte = piece.start[i];
        if (byte == '%') {
            int decoded = sk_percent_byte(piece.start + i, piece.length - i);
            if (decoded <= 0) {
                return false;
            }
            byte = (char)(unsigned char)decoded;
            i += 2;
        }
        if (length + 1 >= bytes) {
            return false;
        }
        out[length++] = byte;
    }
    out[length] = '\0';
    return true;
}

/* A whole number of at most six digits. */
static bool read_number(struct piece piece, int min, int max, int *number)
{
    if (piece.length == 0 || piece.length > 6) {
        return false;
    }
    int value = 0;
    for (size_t i = 0; i < piece.length; i++) {
        if (piece.start[i] < '0' || piece.start[i] > '9') {
            return false;
        }
        value = value * 10 + (piece.start[i] - '0');
    }
    *number = value;
    return value >= min && value <= max;
}

static bool is_host_name(struct piece host)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    for (size_t i = 0; i < host.length; i++) {
        if (!memchr(allowed, host.start[i], sizeof allowed - 1)) {
            return false;
        }
    }
    return host.length > 0;
}

/* Takes "host" or "[v6 address]" off the front of piece, and leaves what follows it. */
static bool take_host(struct piece *piece, struct sk_redis_url *url)
{
    struct piece host = *piece;
    struct piece rest = {.start = piece->start + piece->length, .length = 0};
    bool bracketed = take_prefix(&host, "[");
    if (bracketed && !cut_at(&host, ']', &rest)) {
        return false;
    }
    if (!bracketed) {
        const char *colon = host.length ? memchr(host.start, ':', host.length) : NULL;
        host.length = colon ? (size_t)(colon - host.start) : host.length;
        rest = (struct piece){.start = host.start + host.length, .length = piece->length - host.length};
    }
    if (host.length >= sizeof url->host) {
        return false;
    }
    memcpy(url->host, host.start, host.length);
    url->host[host.length] = '\0';
    *piece = rest;
    struct in6_addr address;
    return bracketed ? inet_pton(AF_INET6, url->host, &address) == 1 : is_host_name(host);
}

static enum sk_code parse_user(struct piece user, struct sk_redis_url *url, struct sk_error *error)
{
    struct piece password;
    if (!cut_at(&user, ':', &password)) {
        return refuse(error, "in front of the @ stands user:password or :password");
    }
    if (password.length == 0) {
        return refuse(error, "there is an @, but no password in front of it");
    }
    if (!decode(user, url->user, sizeof url->user) || !decode(password, url->password, sizeof url->password)) {
        return refuse(error, "user or password is too long, or not properly percent-encoded");
    }
    return SK_OK;
}

static enum sk_code parse_tcp(struct piece text, struct sk_redis_url *url, struct sk_error *error)
{
    struct piece db = {.length = 0};
    (void)cut_at(&text, '/', &db);
    struct piece host = text;
    if (cut_at(&text, '@', &host)) {
        enum sk_code code = parse_user(text, url, error);
        if (code != SK_OK) {
            return code;
        }
    }
    if (!take_host(&host, url)) {
        return refuse(error, "the host is not a name, an IPv4 address or an IPv6 address in brackets");
    }
    url->port = DEFAULT_PORT;
    if (host.length > 0 && !(take_prefix(&host, ":") && read_number(host, 1, 65535, &url->port))) {
        return refuse(error, "the port is not a number from 1 to 65535");
    }
    if (db.length > 0 && !read_number(db, 0, DB_MAX, &url->db)) {
        return refuse(error, "the database is not a number from 0 to 65535");
    }
    return SK_OK;
}

static enum sk_code parse_unix(struct piece path, struct sk_redis_url *url, struct sk_error *error)
{
    struct piece query;
    if (cut_at(&path, '?', &query) && !(take_prefix(&query, "db=") && read_number(query, 0, DB_MAX, &url->db))) {
        return refuse(error, "behind the ? stands db= and a number from 0 to 65535");
    }
    if (path.length < 2 || path.start[0] != '/') {
        return refuse(error, "the socket's path does not begin with a slash (unix:///path)");
    }
    if (!decode(path, url->path, sizeof url->path)) {
        return refuse(error, "the socket's path is too long, or not properly percent-encoded");
    }
    return SK_OK;
}

enum sk_code sk_redis_url_parse(const char *text, struct sk_redis_url *url, struct sk_error *error)
{
    *url = (struct sk_redis_url){.port = 0};
    struct piece rest = {.start = text, .length = strlen(text)};
    enum sk_code code = SK_VALIDATION_ERROR;
    if (!is_printable(rest)) {
        (void)refuse(error, "it holds a space or a control character");
    } else if (take_prefix(&rest, "redis://")) {
        code = parse_tcp(rest, url, error);
    } else if (take_prefix(&rest, "unix://")) {
        code = parse_unix(rest, url, error);
    } else {
        (void)refuse(error, "it begins with neither redis:// nor unix://");
    }
    if (code != SK_OK) {
        *url = (struct sk_redis_url){.port = 0};
    }
    return code;
}

const char *sk_redis_url_shown(const struct sk_redis_url *url, char *out, size_t bytes)
{
    if (bytes == 0) {
        return "";
    }
    if (url->path[0]) {
        (void)snprintf(out, bytes, "%s/%d", url->path, url->db);
    } else {
        bool bracketed = strchr(url->host, ':') != NULL;
        (void)snprintf(out, bytes, bracketed ? "[%s]:%d/%d" : "%s:%d/%d", url->host, url->port, url->db);
    }
    return out;
}
