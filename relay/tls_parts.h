/* What tls.c (the whole) and tls_connection.c (one connection) share; nobody else includes it. */
#ifndef SK_RELAY_TLS_PARTS_H
#define SK_RELAY_TLS_PARTS_H

#include "relay/tls.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#define SK_TLS_BLOCK_BYTES ((size_t)16 * 1024) /* a whole TLS record, so that none of it waits inside OpenSSL */

enum sk_tls_stage {
    SK_TLS_HANDSHAKE,
    SK_TLS_OPEN,     /* bytes go both ways, or one, once one side has ended */
    SK_TLS_FAREWELL, /* everything is sent, close_notify not yet */
    SK_TLS_LINGER,   /* nothing more is sent, but close() at once could take from the peer what it has not read */
    SK_TLS_GONE
};

/* What one direction has taken from its source and its target has not taken from it. bytes is NULL mostly. */
struct sk_tls_rest {
    char *bytes;
    size_t from;
    size_t length;
};

/* A socket that is watched. */
struct sk_tls_end {
    uv_poll_t poll;
    int fd;
    int events; /* that are waited for */
};

struct sk_tls_connection {
    LIST_ENTRY(sk_tls_connection) link;
    struct sk_tls *tls;
    SSL *ssl;
    struct sk_tls_end network;
    struct sk_tls_end plain;
    int wrapped; /* the other end of plain, which is its caller's; it may have been closed, and be another's by now */
    int handles; /* that have not closed */
    enum sk_tls_stage stage;
    bool network_ended;          /* the peer says no more */
    bool plain_ended;            /* nothing more is to be sent */
    bool plain_hung_up;          /* it has said its last; some of that may still be unread */
    int read_waits;              /* for what the network must be ready, before more can be read; an uv_poll event */
    int write_waits;             /* likewise, before more can be written */
    int64_t leave_by_us;         /* 0: it may stay */
    uint64_t leave_bytes;        /* how many bytes had come in when it was told to leave */
    struct sk_tls_rest inbound;  /* from the network */
    struct sk_tls_rest outbound; /* to it */
};

struct sk_tls {
    uv_loop_t *loop;
    const char *chain_file; /* borrowed */
    const char *key_file;   /* borrowed */
    SSL_CTX *context;       /* for new connections */
    uv_timer_t sweeper;
    bool closing;
    size_t count;
    LIST_HEAD(sk_tls_connections, sk_tls_connection) connections;
    struct sk_tls_connection **by_wrapped; /* by descriptor; NULL: none of ours */
    size_t by_wrapped_size;
    char block[SK_TLS_BLOCK_BYTES]; /* what is just passing through; it is never left there */
};

/* Begins the handshake on network; pair[0] is the plain end, and pair[1] the other one, which the caller gives away.
 * Takes network and pair[0], unless it fails: out of memory. */
bool sk_tls_begin(struct sk_tls *tls, int network, const int pair[2]) __attribute__((warn_unused_result));

/* It is to leave by that time, and to say little meanwhile. */
void sk_tls_leave(struct sk_tls_connection *connection, int64_t by_us);

/* Ends a connection without another word. It is freed when its handles have closed. */
void sk_tls_cut(struct sk_tls_connection *connection);

/* Called when a connection has gone: lets go of the loop after the last one of a tls that is closing. */
void sk_tls_finish(struct sk_tls *tls);

#endif
