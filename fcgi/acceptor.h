/* The accept threads: waiting for connections, serving them, stopping.
 * Threads share the listening socket, the set of kept connections (both the kernel's) and configuration, nothing else.
 */
#ifndef SK_FCGI_ACCEPTOR_H
#define SK_FCGI_ACCEPTOR_H

#include "common/config.h"
#include "common/error.h"
#include "common/redis_url.h"
#include "fcgi/listener.h"

/* How long one read from or write to the web server may take: it sends a request in one go. */
#define SK_PEER_TIMEOUT_S 5

/* After a stop: how long requests that are there already are still taken, and how long those in hand may last. */
#define SK_STOP_TAKE_MS 1000
#define SK_STOP_WAIT_S 20

/* Blocks the signals that stop the program and those that set the log's level, and ignores SIGPIPE, in the calling
 * thread and those it starts; after sk_exchange_init and before the first thread. */
void sk_acceptor_block_signals(void);

/* Runs config->api_threads threads until SIGTERM or SIGINT arrives; then withdraws the listener and lets every request
 * in hand be answered. Blocks until then, in the only thread that is interrupted by the log's signals.
 * A request still in hand after SK_STOP_WAIT_S ends the process, with exit status 1.
 * SK_INTERNAL_ERROR: threads could not be started. */
enum sk_code sk_acceptor_run(const struct sk_config *config, const struct sk_redis_url *redis,
                             struct listener *listener, struct sk_error *error) __attribute__((warn_unused_result));

#endif
