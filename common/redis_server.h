/* What this project needs of a Redis server beyond answering. */
#ifndef SK_COMMON_REDIS_SERVER_H
#define SK_COMMON_REDIS_SERVER_H

#include "common/redis.h"

/* Looks at the server's version and settings, and logs a warning for each that can lose sessions: older than 7.0,
 * an eviction policy, no append-only file. Says nothing where it may not look. Blocks for a round trip. */
void sk_redis_server_inspect(struct sk_redis *redis);

#endif
