/* What a reply of Redis is, where it should be a list or a text: for the files of the audit queue alone. */
#ifndef SK_COMMON_AUDIT_REPLY_H
#define SK_COMMON_AUDIT_REPLY_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

static inline bool sk_reply_is_array(const redisReply *reply, size_t at_least)
{
    return reply && reply->type == REDIS_REPLY_ARRAY && reply->elements >= at_least;
}

static inline bool sk_reply_is_text(const redisReply *reply)
{
    return reply && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS);
}

#endif
