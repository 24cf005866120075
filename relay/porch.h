/* Where connections wait until the head of their first request is there: the listening socket, and those who came in.
 * So many a second are let onto the porch (pace.h); the others wait in the kernel, and nobody is sent away for it.
 * A request that needs no more than an answer gets it here; any other is handed on with its
 * connection. One event loop, never blocks. */
#ifndef SK_RELAY_PORCH_H
#define SK_RELAY_PORCH_H

#include "common/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define SK_PORCH_WAIT_MS 5000 /* whose head is not there in time is dropped */
#define SK_PORCH_GUESTS_MAX 1024
#define SK_PORCH_HOUSEHOLD_MAX (SK_PORCH_GUESTS_MAX / 4) /* of these, from one household (guard.h) */

#define SK_PORCH_BACKLOG 4096  /* connections that wait in the kernel, where it allows so many */
#define SK_PORCH_PEER_BYTES 46 /* of an address, in words */

struct sk_porch;

/* Appends the whole answer to the request with that head, from that address ("" where it has none): it is sent, and the
 * connection ended. False: it is to be handed on, and nothing was appended. A head longer than SK_HEAD_MAX may be only
 * its beginning, and has an answer. */
typedef bool sk_porch_answer(void *context, const char *peer, const char *head, size_t length, struct sk_buffer *out);

/* Takes the connection fd. peer: its address, "" where it has none; bytes: what it has sent, the whole head at least.
 * Both borrowed. */
typedef void sk_porch_hand_on(void *context, int fd, const char *peer, const char *bytes, size_t length);

/* Takes the connection fd, also on failure; the socket to serve in its place (relay/tls.h). -1: errno says why. */
typedef int sk_porch_wrap(void *context, int fd);

struct sk_porch_options {
    int fd;              /* the listening socket; the porch takes it, also on failure */
    int64_t rate;        /* connections a second; 0: no limit */
    const char *trusted; /* proxies, who speak for many and are not counted as one; borrowed for the porch's life */
    sk_porch_wrap *wrap; /* NULL: connections are served as they are */
    sk_porch_answer *answer;
    sk_porch_hand_on *hand_on;
    void *context;
};

/* Owned; NULL when out of memory. */
struct sk_porch *sk_porch_open(uv_loop_t *loop, const struct sk_porch_options *options);

/* Takes in at once everybody who waits in the kernel, and nobody any more; those inside are still served. */
void sk_porch_stop(struct sk_porch *porch);

/* How many are inside. */
size_t sk_porch_count(const struct sk_porch *porch);

/* Drops those that have waited too long. */
void sk_porch_tick(struct sk_porch *porch, int64_t now_us);

/* Drops everything. The loop must run once more before sk_porch_free. Both take NULL. */
void sk_porch_close(struct sk_porch *porch);
void sk_porch_free(struct sk_porch *porch);

#endif
