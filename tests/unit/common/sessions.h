/* Sessions for unit tests, made the way a client makes them: out of a configuration's JSON text. */
#ifndef SK_TESTS_UNIT_COMMON_SESSIONS_H
#define SK_TESTS_UNIT_COMMON_SESSIONS_H

#include "common/engine.h"

#define T0 INT64_C(1790000000000) /* when the sessions of these tests are created */

/* The configuration, with ' for " to be readable in C; must be right. Created at T0 with the id "s1". Owned. */
struct sk_session *session_of(const char *config);

/* Settles at now and applies an operation whose arguments are given as JSON (' for "); a code other than that of the
 * engine's refusals fails the test. */
enum sk_code operate(struct sk_session *session, const char *op, const char *arguments, int64_t now_ms);

#endif
