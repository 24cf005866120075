/* What the engine's own files share: the few moves of the clock that operations and expiries are made of.
 * Nobody else includes this. */
#ifndef SK_COMMON_ENGINE_PARTS_H
#define SK_COMMON_ENGINE_PARTS_H

#include "common/mode.h"

/* The running span so far; 0 while nothing runs, and where the clock stepped back. */
int64_t sk_engine_span(const struct sk_session *session, int64_t now_ms);

/* Closes the running span at that instant, to the account of whoever is active, and begins the next one there.
 * Does nothing unless running. */
void sk_engine_charge(struct sk_session *session, int64_t at_ms);

/* The next cycle begins, of the participant at that position (SK_NOBODY: of nobody in particular). */
void sk_engine_begin_cycle(struct sk_session *session, size_t position, int64_t at_ms);

/* The session ends; the span has been charged. An end that was set already stays. */
void sk_engine_end(struct sk_session *session, enum sk_status status, int64_t at_ms);

/* Who begins, or would if the session were started now. */
size_t sk_engine_first(const struct sk_session *session);

/* Whether the clock advances by itself when it runs out. */
bool sk_engine_advances(const struct sk_session *session);

/* Whether anybody's bank has not run out. */
bool sk_engine_somebody_left(const struct sk_session *session);

/* The type of action_on_timeout; NULL where none is given. */
const char *sk_engine_action_type(const struct sk_session *session);

#endif
