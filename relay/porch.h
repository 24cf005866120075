/* Where connections wait until the head of their first request is there: the listening socket, and those who came in.
 * A head is read, rewritten (handshake.h), and handed on with its connection. One event loop, never blocks. */
#ifndef SK_RELAY_PORCH_H
#define SK_RELAY_PORCH_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define SK_HEAD_MAX ((size_t)16 * 1024) /* a request with a longer head is dropped */
#define SK_PORCH_WAIT_MS 5000           /* so is one whose head is not there in time */
#define SK_PORCH_GUESTS_MAX 1024

struct sk_porch;

/* Takes the connection fd; bytes, borrowed, are what it has sent, the whole head at least. */
typedef void sk_porch_hand_on(void *context, int fd, const char *bytes, size_t length);

/* Takes the listening socket fd, also on failure. Owned; NULL when out of memory. */
struct sk_porch *sk_porch_open(uv_loop_t *loop, int fd, sk_porch_hand_on *hand_on, void *context);

/* No more connections; those inside are still handed on. */
void sk_porch_stop(struct sk_porch *porch);

/* Drops those that have waited too long. */
void sk_porch_tick(struct sk_porch *porch, int64_t now_us);

/* Drops everything. The loop must run once more before sk_porch_free. Both take NULL. */
void sk_porch_close(struct sk_porch *porch);
void sk_porch_free(struct sk_porch *porch);

#endif
