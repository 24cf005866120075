/* The WebSocket server: libwebsockets on the relay's loop. Its callbacks translate what happens on a socket into calls
 * of the client (client.h) and back, and decide nothing. */
#ifndef SK_RELAY_SERVER_H
#define SK_RELAY_SERVER_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

struct sk_client;
struct sk_relay;
struct sk_server;

/* Listens on BIND:RELAY_PORT. relay is borrowed for the server's life. SK_VALIDATION_ERROR: cannot listen there.
 * SK_INTERNAL_ERROR: libwebsockets cannot start; the loop is not to be run any more. */
enum sk_code sk_server_open(struct sk_relay *relay, struct sk_server **server, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Sends what waits in the client's outbox, at once or when the socket takes it; likewise a ping or a close that is
 * due. The client is never freed here. */
void sk_server_request_write(struct sk_client *client);

/* Cuts the connection without another word, soon; it does not matter whether the peer reads. */
void sk_server_drop(struct sk_client *client);

/* How many bytes the network has brought on its connection in all, in TLS as they came; 0 where that is not known. */
uint64_t sk_server_received_bytes(const struct sk_client *client);

/* Reads the certificate again, where there is one; the log says what became of it. Blocks as tls.h says. */
void sk_server_reload(struct sk_server *server);

/* Whatever is due by now. */
void sk_server_tick(struct sk_server *server, int64_t now_us);

/* Lets in those who wait already, and no further connection; the port is free for others. */
void sk_server_stop_accepting(struct sk_server *server);

/* How many connections have not made their request yet. */
size_t sk_server_guests(const struct sk_server *server);

/* Begins to close everything; the loop must turn until it is empty, then _free. */
void sk_server_close(struct sk_server *server);
void sk_server_free(struct sk_server *server);

#endif
