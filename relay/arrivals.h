/* The way in: the listening socket, its porch (porch.h), its TLS (tls.h) where there is one, and the connections that
 * libwebsockets has been given and that are no clients yet. Counts them all by where they come from (guard.h). Decides
 * nothing about clients (admission.h). One event loop, never blocks. */
#ifndef SK_RELAY_ARRIVALS_H
#define SK_RELAY_ARRIVALS_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lws;
struct lws_context;
struct sk_arrivals;
struct sk_household;
struct sk_relay;

/* Listens on BIND:RELAY_PORT; nobody is let in yet. relay is borrowed for the arrivals' life. SK_VALIDATION_ERROR:
 * cannot listen there, or the certificate. SK_INTERNAL_ERROR: the loop is not to be run any more. */
enum sk_code sk_arrivals_open(struct sk_relay *relay, struct sk_arrivals **arrivals, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Lets connections in. Those that ask for a WebSocket are given to context, which must outlive sk_arrivals_close.
 * False: out of memory. */
bool sk_arrivals_start(struct sk_arrivals *arrivals, struct lws_context *context) __attribute__((warn_unused_result));

/* libwebsockets' first word on a connection, and its last. */
void sk_arrivals_begin(struct sk_arrivals *arrivals, struct lws *wsi);
void sk_arrivals_forget(struct sk_arrivals *arrivals, struct lws *wsi);

/* It is a client now: where it comes from, borrowed until it is forgotten; NULL: that is not counted. */
struct sk_household *sk_arrivals_arrived(struct sk_arrivals *arrivals, struct lws *wsi);

/* How many bytes the network has brought on the connection with that descriptor; 0: that is not known. */
uint64_t sk_arrivals_received_bytes(const struct sk_arrivals *arrivals, int fd);

/* As in server.h. */
void sk_arrivals_reload(struct sk_arrivals *arrivals);

/* Whatever is due by now. */
void sk_arrivals_tick(struct sk_arrivals *arrivals, int64_t now_us);

/* As in server.h. */
void sk_arrivals_stop(struct sk_arrivals *arrivals);
size_t sk_arrivals_guests(const struct sk_arrivals *arrivals);

/* Begins to close the way in, before libwebsockets is destroyed; once it is, and the loop has turned until it is
 * empty, _free. Both take NULL. */
void sk_arrivals_close(struct sk_arrivals *arrivals);
void sk_arrivals_free(struct sk_arrivals *arrivals);

#endif
