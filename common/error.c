/* The names of the error codes, and filling an error record. Knows no HTTP status: that table is the API's. */
#include "common/error.h"

#include "common/utf8.h"

#include <stdarg.h>
#include <stddef.h>

static const char *const names[] = {
    [SK_OK] = "OK",
    [SK_INVALID_JSON] = "INVALID_JSON",
    [SK_VALIDATION_ERROR] = "VALIDATION_ERROR",
    [SK_INVALID_STATE_TRANSITION] = "INVALID_STATE_TRANSITION",
    [SK_UNSUPPORTED_IN_MODE] = "UNSUPPORTED_IN_MODE",
    [SK_UNAUTHORIZED] = "UNAUTHORIZED",
    [SK_FORBIDDEN] = "FORBIDDEN",
    [SK_NOT_FOUND] = "NOT_FOUND",
    [SK_SESSION_NOT_FOUND] = "SESSION_NOT_FOUND",
    [SK_PARTICIPANT_NOT_FOUND] = "PARTICIPANT_NOT_FOUND",
    [SK_METHOD_NOT_ALLOWED] = "METHOD_NOT_ALLOWED",
    [SK_CONFLICT] = "CONFLICT",
    [SK_SESSION_EXISTS] = "SESSION_EXISTS",
    [SK_NOT_ACTIVE_PARTICIPANT] = "NOT_ACTIVE_PARTICIPANT",
    [SK_PARTICIPANT_EXISTS] = "PARTICIPANT_EXISTS",
    [SK_PARTICIPANT_ACTIVE] = "PARTICIPANT_ACTIVE",
    [SK_PRECONDITION_FAILED] = "PRECONDITION_FAILED",
    [SK_PAYLOAD_TOO_LARGE] = "PAYLOAD_TOO_LARGE",
    [SK_UNSUPPORTED_MEDIA_TYPE] = "UNSUPPORTED_MEDIA_TYPE",
    [SK_IDEMPOTENCY_KEY_REUSED] = "IDEMPOTENCY_KEY_REUSED",
    [SK_RATE_LIMIT_EXCEEDED] = "RATE_LIMIT_EXCEEDED",
    [SK_INTERNAL_ERROR] = "INTERNAL_ERROR",
    [SK_STATE_STORE_UNAVAILABLE] = "STATE_STORE_UNAVAILABLE",
    [SK_OUTCOME_UNKNOWN] = "OUTCOME_UNKNOWN",
    [SK_ARCHIVE_UNAVAILABLE] = "ARCHIVE_UNAVAILABLE",
};
_Static_assert(sizeof names / sizeof names[0] == SK_CODE_COUNT, "a name for each code");

const char *sk_code_name(enum sk_code code)
{
    size_t row = (size_t)code;
    return row < SK_CODE_COUNT && names[row] ? names[row] : names[SK_INTERNAL_ERROR];
}

enum sk_code sk_fail(struct sk_error *error, enum sk_code code, const char *format, ...)
{
    if (error) {
        va_list args;
        va_start(args, format);
        error->code = code;
        sk_utf8_print(error->text, sizeof error->text, format, args);
        va_end(args);
    }
    return code;
}
