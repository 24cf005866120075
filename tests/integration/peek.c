/* Short-lived connections to the stores. Owns nothing beyond a call. */
#include "tests/integration/peek.h"

#include "tests/integration/keep.h"
#include "tests/integration/stack.h"

#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL: Redis does not answer. Owned: redisFree. */
static redisContext *connect_redis(void)
{
    const struct timeval patience = {.tv_sec = 10};
    redisContext *context = redisConnectWithTimeout("127.0.0.1", stack.redis_port, patience);
    if (context && context->err) {
        redisFree(context);
        context = NULL;
    }
    return context;
}

static redisReply *ask(const char *format, va_list arguments)
{
    redisContext *context = connect_redis();
    redisReply *reply = context ? redisvCommand(context, format, arguments) : NULL;
    if (context) {
        redisFree(context);
    }
    return reply;
}

redisReply *redis_peek_words(int count, const char **words, const size_t *lengths)
{
    redisContext *context = connect_redis();
    redisReply *reply = context ? redisCommandArgv(context, count, words, lengths) : NULL;
    if (context) {
        redisFree(context);
    }
    return reply ? keep(reply, freeReplyObject) : NULL;
}

redisReply *redis_peek(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = ask(format, arguments);
    va_end(arguments);
    return reply ? keep(reply, freeReplyObject) : NULL;
}

int64_t redis_int(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = ask(format, arguments);
    va_end(arguments);
    const int64_t number = reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : NO_ROW;
    if (reply) {
        freeReplyObject(reply);
    }
    return number;
}

int64_t redis_now_ms(void)
{
    const redisReply *time = redis_peek("TIME");
    if (!time || time->type != REDIS_REPLY_ARRAY || time->elements != 2) {
        return NO_ROW;
    }
    return strtoll(time->element[0]->str, NULL, 10) * 1000 + strtoll(time->element[1]->str, NULL, 10) / 1000;
}

static char *query(const char *format, va_list arguments)
{
    char sql[4096];
    (void)vsnprintf(sql, sizeof(sql), format, arguments);
    PGconn *connection = PQconnectdb(stack.database_url);
    PGresult *result = PQexec(connection, sql);
    char *text = NULL;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        printf("\n    %s: %s", sql, PQerrorMessage(connection));
    } else if (PQntuples(result) > 0 && !PQgetisnull(result, 0, 0)) {
        text = strdup(PQgetvalue(result, 0, 0));
    }
    PQclear(result);
    PQfinish(connection);
    return text;
}

const char *sql_text(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = query(format, arguments);
    va_end(arguments);
    return text ? keep(text, free) : "(nothing)";
}

int64_t sql_int(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = query(format, arguments);
    va_end(arguments);
    const int64_t number = text ? strtoll(text, NULL, 10) : NO_ROW;
    free(text);
    return number;
}
