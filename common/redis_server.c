/* Looks at the Redis server once, and warns of what would lose sessions sooner or later. */
#include "common/redis_server.h"

#include "common/log.h"

#include <stdlib.h>
#include <string.h>

#define VERSION_MIN 7

static void inspect_version(struct sk_redis *redis)
{
    redisReply *reply = sk_redis_command(redis, NULL, "INFO server");
    const char *version = reply && reply->str ? strstr(reply->str, "redis_version:") : NULL;
    long major = version ? strtol(version + strlen("redis_version:"), NULL, 10) : VERSION_MIN;
    if (major < VERSION_MIN) {
        sk_log(SK_LOG_WARN, "redis is older than 7.0", SK_I("redis_major_version", major));
    }
    freeReplyObject(reply);
}

static void inspect_setting(struct sk_redis *redis, const char *name, const char *wanted, const char *warning)
{
    redisReply *reply = sk_redis_command(redis, NULL, "CONFIG GET %s", name);
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[1]->str &&
        strcmp(reply->element[1]->str, wanted) != 0) {
        sk_log(SK_LOG_WARN, warning, SK_S("setting", name), SK_S("value", reply->element[1]->str),
               SK_S("wanted", wanted));
    }
    freeReplyObject(reply);
}

void sk_redis_server_inspect(struct sk_redis *redis)
{
    inspect_version(redis);
    inspect_setting(redis, "maxmemory-policy", "noeviction", "redis may evict live sessions");
    inspect_setting(redis, "appendonly", "yes", "redis forgets every session when it restarts");
}
