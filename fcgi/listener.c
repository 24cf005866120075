/* Opens and closes the listening socket. libfcgi could open one, but it ends the process where it cannot, removes
 * whatever file is in the way, and knows no IPv6. */
#include "fcgi/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define INHERITED_FD 0
#define BACKLOG 1024

static enum sk_code refuse(struct sk_error *error, const char *address, const char *why)
{
    return sk_fail(error, SK_VALIDATION_ERROR, "cannot listen on %.80s: %s", address, why);
}

bool sk_listener_inherited(void)
{
    int listens = 0;
    socklen_t bytes = sizeof listens;
    return getsockopt(INHERITED_FD, SOL_SOCKET, SO_ACCEPTCONN, &listens, &bytes) == 0 && listens;
}

/* Several threads and processes wait on one socket: the one that comes too late must not be held by accept(). */
static bool make_unblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

enum sk_code sk_listener_take(struct listener *listener, struct sk_error *error)
{
    *listener = (struct listener){.fd = INHERITED_FD};
    return make_unblocking(INHERITED_FD) ? SK_OK : refuse(error, "descriptor 0", strerror(errno));
}

/* A socket file left by a process that is gone refuses connections; one in use accepts them, or is too busy to. */
static bool is_stale(const char *path, const struct sockaddr_un *address)
{
    struct stat file;
    if (lstat(path, &file) != 0 || !S_ISSOCK(file.st_mode)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    bool refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 && errno == ECONNREFUSED;
    (void)close(fd);
    return refused;
}

static void remember_file(struct listener *listener, const char *path)
{
    struct stat file;
    if (lstat(path, &file) == 0) {
        (void)snprintf(listener->path, sizeof listener->path, "%s", path);
        listener->device = file.st_dev;
        listener->inode = file.st_ino;
    }
}

static enum sk_code open_path(struct listener *listener, const char *path, struct sk_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path[0] || strlen(path) >= sizeof address.sun_path) {
        return refuse(error, path, "a socket's path has 1 to 107 bytes");
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0) {
        return refuse(error, path, strerror(errno));
    }
    if (is_stale(path, &address)) {
        (void)unlink(path);
    }
    if (bind(listener->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        return refuse(error, path,
                      errno == EADDRINUSE ? "somebody listens there, or it is no socket" : strerror(errno));
    }
    remember_file(listener, path);
    return listen(listener->fd, BACKLOG) == 0 ? SK_OK : refuse(error, path, strerror(errno));
}

/* Connections inherit TCP_NODELAY: an answer of several writes must not wait for acknowledgements. */
static bool listen_on(struct listener *listener, const struct addrinfo *where)
{
    int on = 1;
    listener->fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return listener->fd >= 0 && setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           setsockopt(listener->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
           bind(listener->fd, where->ai_addr, where->ai_addrlen) == 0 && listen(listener->fd, BACKLOG) == 0;
}

static enum sk_code open_tcp(struct listener *listener, const char *address, const char *colon, struct sk_error *error)
{
    const char *host = address;
    size_t length = (size_t)(colon - address);
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    }
    char name[256];
    if (length == 0 || length >= sizeof name) {
        return refuse(error, address, "the address in front of the colon is missing or too long");
    }
    if (strlen(colon + 1) > 5 || strtol(colon + 1, NULL, 10) > 65535) {
        return refuse(error, address, "a port is at most 65535"); /* getaddrinfo would cut it */
    }
    memcpy(name, host, length);
    name[length] = '\0';
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int failed = getaddrinfo(name, colon + 1, &hints, &found);
    if (failed) {
        return refuse(error, address, gai_strerror(failed));
    }
    bool listening = listen_on(listener, found);
    int why = errno;
    freeaddrinfo(found);
    return listening ? SK_OK : refuse(error, address, strerror(why));
}

/* The colon in front of a port, if that is what the address ends with; a slash makes it a path. */
static const char *port_colon(const char *address)
{
    const char *colon = strrchr(address, ':');
    bool digits = colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1);
    return digits && !strchr(address, '/') ? colon : NULL;
}

enum sk_code sk_listener_open(struct listener *listener, const char *address, struct sk_error *error)
{
    *listener = (struct listener){.fd = -1};
    const char *colon = port_colon(address);
    enum sk_code code = colon ? open_tcp(listener, address, colon, error) : open_path(listener, address, error);
    if (code != SK_OK) {
        sk_listener_close(listener);
    }
    return code;
}

void sk_listener_withdraw(struct listener *listener)
{
    struct stat file;
    if (listener->path[0] && lstat(listener->path, &file) == 0 && file.st_dev == listener->device &&
        file.st_ino == listener->inode) {
        (void)unlink(listener->path);
    }
    listener->path[0] = '\0';
}

void sk_listener_close(struct listener *listener)
{
    sk_listener_withdraw(listener);
    if (listener->fd >= 0) {
        (void)close(listener->fd);
    }
    listener->fd = -1;
}
