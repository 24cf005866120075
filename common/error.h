/* The one set of error codes, their names on the wire, and the record that carries an error to its reader. */
#ifndef SK_COMMON_ERROR_H
#define SK_COMMON_ERROR_H

enum sk_code {
    SK_OK = 0,
    SK_INVALID_JSON,
    SK_VALIDATION_ERROR,
    SK_INVALID_STATE_TRANSITION,
    SK_UNSUPPORTED_IN_MODE,
    SK_UNAUTHORIZED,
    SK_FORBIDDEN,
    SK_NOT_FOUND,
    SK_SESSION_NOT_FOUND,
    SK_PARTICIPANT_NOT_FOUND,
    SK_METHOD_NOT_ALLOWED,
    SK_CONFLICT,
    SK_SESSION_EXISTS,
    SK_NOT_ACTIVE_PARTICIPANT,
    SK_PARTICIPANT_EXISTS,
    SK_PARTICIPANT_ACTIVE,
    SK_PRECONDITION_FAILED,
    SK_PAYLOAD_TOO_LARGE,
    SK_UNSUPPORTED_MEDIA_TYPE,
    SK_IDEMPOTENCY_KEY_REUSED,
    SK_RATE_LIMIT_EXCEEDED,
    SK_INTERNAL_ERROR,
    SK_STATE_STORE_UNAVAILABLE,
    SK_OUTCOME_UNKNOWN,
    SK_ARCHIVE_UNAVAILABLE,
    SK_CODE_COUNT
};

/* An error as it was found. text is meant for the client, except for SK_INTERNAL_ERROR,
 * SK_OUTCOME_UNKNOWN and the two unavailable stores, where it is meant for the log alone. */
struct sk_error {
    enum sk_code code;
    char text[160];
};

/* The code's name on the wire, e.g. "SESSION_NOT_FOUND"; static storage. */
const char *sk_code_name(enum sk_code code);

/* Fills error (may be NULL) and returns code, so that a function can end with `return sk_fail(…)`.
 * A longer text is cut. */
enum sk_code sk_fail(struct sk_error *error, enum sk_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
