/* The one table from error codes to HTTP. Owns nothing; renders nothing (reply.c does). */
#include "fcgi/status.h"

#include <stddef.h>

struct row {
    int status;
    const char *fixed; /* what the client reads in place of the text, which is the log's; NULL: the text itself */
    int retry_after_s;
    enum sk_log_level level;
};

static const struct row rows[] = {
    [SK_OK] = {200, NULL, 0, SK_LOG_INFO},
    [SK_INVALID_JSON] = {400, NULL, 0, SK_LOG_INFO},
    [SK_VALIDATION_ERROR] = {400, NULL, 0, SK_LOG_INFO},
    [SK_INVALID_STATE_TRANSITION] = {400, NULL, 0, SK_LOG_INFO},
    [SK_UNSUPPORTED_IN_MODE] = {400, NULL, 0, SK_LOG_INFO},
    [SK_UNAUTHORIZED] = {401, NULL, 0, SK_LOG_INFO},
    [SK_FORBIDDEN] = {403, NULL, 0, SK_LOG_INFO},
    [SK_NOT_FOUND] = {404, NULL, 0, SK_LOG_INFO},
    [SK_SESSION_NOT_FOUND] = {404, NULL, 0, SK_LOG_INFO},
    [SK_PARTICIPANT_NOT_FOUND] = {404, NULL, 0, SK_LOG_INFO},
    [SK_METHOD_NOT_ALLOWED] = {405, NULL, 0, SK_LOG_INFO},
    [SK_CONFLICT] = {409, NULL, 0, SK_LOG_INFO},
    [SK_SESSION_EXISTS] = {409, NULL, 0, SK_LOG_INFO},
    [SK_NOT_ACTIVE_PARTICIPANT] = {409, NULL, 0, SK_LOG_INFO},
    [SK_PARTICIPANT_EXISTS] = {409, NULL, 0, SK_LOG_INFO},
    [SK_PARTICIPANT_ACTIVE] = {409, NULL, 0, SK_LOG_INFO},
    [SK_PRECONDITION_FAILED] = {412, NULL, 0, SK_LOG_INFO},
    [SK_PAYLOAD_TOO_LARGE] = {413, NULL, 0, SK_LOG_INFO},
    [SK_UNSUPPORTED_MEDIA_TYPE] = {415, NULL, 0, SK_LOG_INFO},
    [SK_IDEMPOTENCY_KEY_REUSED] = {422, NULL, 0, SK_LOG_INFO},
    [SK_RATE_LIMIT_EXCEEDED] = {429, NULL, 0, SK_LOG_INFO},
    [SK_INTERNAL_ERROR] = {500, "an unexpected error; the log of the service tells more under this request's id", 0,
                           SK_LOG_ERROR},
    [SK_STATE_STORE_UNAVAILABLE] = {503, "the state store cannot be used now; nothing was changed, try again", 1,
                                    SK_LOG_ERROR},
    [SK_OUTCOME_UNKNOWN] =
        {503,
         "the connection to the state store broke during the commit; read the session to see whether "
         "the change stands",
         0, SK_LOG_ERROR},
    [SK_ARCHIVE_UNAVAILABLE] = {503, "the archive cannot answer for now; try again", 1, SK_LOG_ERROR},
};
_Static_assert(sizeof rows / sizeof rows[0] == SK_CODE_COUNT, "a row for each code");

/* A code that is none can only be a fault of ours. */
static const struct row *row_of(enum sk_code code)
{
    size_t number = (size_t)code;
    return number < SK_CODE_COUNT && rows[number].status ? &rows[number] : &rows[SK_INTERNAL_ERROR];
}

int sk_http_status(enum sk_code code)
{
    return row_of(code)->status;
}

const char *sk_http_message(enum sk_code code, const char *text)
{
    const char *fixed = row_of(code)->fixed;
    return fixed ? fixed : text;
}

int sk_http_retry_after_s(enum sk_code code)
{
    return row_of(code)->retry_after_s;
}

enum sk_log_level sk_http_log_level(enum sk_code code, enum sk_log_level quiet)
{
    enum sk_log_level level = row_of(code)->level;
    return level > SK_LOG_INFO ? level : quiet;
}

const char *sk_http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "";
}
