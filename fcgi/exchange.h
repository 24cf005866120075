/* One FastCGI exchange on a connection that is ready: read the request, have it answered, write the answer.
 * The only module that knows libfcgi. */
#ifndef SK_FCGI_EXCHANGE_H
#define SK_FCGI_EXCHANGE_H

#include "fcgi/api.h"

#include <stdbool.h>

/* Readies libfcgi, once, before threads start. False: it cannot be had. It takes over SIGPIPE, SIGUSR1 and SIGTERM
 * where they are at their default: set yours afterwards. */
bool sk_exchange_init(void);

/* Serves one request that arrives on fd, a connected, blocking socket; takes fd. Blocks until it is answered, bounded
 * by the socket's own timeouts. out: the calling thread's, reused from request to request. Returns fd where the web
 * server keeps the connection for a next request (FCGI_KEEP_CONN), or -1: it was closed. */
int sk_exchange_serve(int fd, struct api *api, struct sk_buffer *out);

#endif
