/* Strict readers of what clients send: a new session's configuration, and an operation's arguments.
 * Each reports every problem it finds, with the field's name; nothing is silently narrowed, cut or ignored. */
#ifndef SK_COMMON_SESSION_READER_H
#define SK_COMMON_SESSION_READER_H

#include "common/engine.h"
#include "common/problems.h"

/* Parses a body: valid UTF-8, no duplicate keys, at most 32 levels deep and 32768 values; the top must be an object. An
 * empty body counts as {}. Returns a new reference, or NULL: error says why (SK_INVALID_JSON), meant for the client. */
json_t *sk_body_parse(const char *text, size_t length, struct sk_error *error);

/* Reads a configuration into a fresh session and sets its banks' wishes; "" as session->id where none is given.
 * The session is usable (sk_engine_create) only if no problem was added. Borrows body. */
void sk_session_read(const json_t *body, struct sk_session *session, struct sk_problems *problems);

/* Reads the arguments of an operation; body is an object, borrowed. An adjustment's reason is checked and left where it
 * is. */
void sk_operation_read(const json_t *body, enum sk_op op, struct sk_operation *operation, struct sk_problems *problems);

#endif
