/* The socket that the web server connects to: inherited as descriptor 0, or opened here. */
#ifndef SK_FCGI_LISTENER_H
#define SK_FCGI_LISTENER_H

#include "common/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct listener {
    int fd;         /* not blocking; -1: none */
    char path[108]; /* of a socket file that is ours to remove; "" where there is none */
    dev_t device;   /* which file that was: not used again while the socket is open */
    ino_t inode;
};

/* Whether descriptor 0 is a listening socket, as lighttpd's bin-path and spawn-fcgi hand it over (FastCGI 1.0 §2.2). */
bool sk_listener_inherited(void);

/* Takes descriptor 0. */
enum sk_code sk_listener_take(struct listener *listener, struct sk_error *error) __attribute__((warn_unused_result));

/* Opens address: ADDR:PORT ([::1]:9000, 127.0.0.1:9000, localhost:9000), or else the path of a unix socket, which gets
 * the permissions that the umask leaves. A socket file that nobody listens on any more is replaced.
 * SK_VALIDATION_ERROR: it cannot be had; error says why. */
enum sk_code sk_listener_open(struct listener *listener, const char *address, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Removes the socket file, if it is ours and still the same: nobody can connect any more, who has connected is served.
 */
void sk_listener_withdraw(struct listener *listener);

/* Withdraws and closes. */
void sk_listener_close(struct listener *listener);

#endif
