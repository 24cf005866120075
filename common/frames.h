/* The texts of the WebSocket frames that the server sends: rendered here once, by whoever makes the change.
 * Each begins {"type", "sessionId", "timestamp"}; timestamp is Redis' time. */
#ifndef SK_COMMON_FRAMES_H
#define SK_COMMON_FRAMES_H

#include "common/buffer.h"
#include "common/engine.h"

/* A frame without more in it: CONNECTED, SESSION_DELETED. session_id NULL: it is about no session, and names none. */
void sk_frame_plain(struct sk_buffer *out, const char *type, const char *session_id, int64_t now_ms);

/* STATE_SYNC or STATE_UPDATE around a view that is rendered already. */
void sk_frame_state(struct sk_buffer *out, const char *type, const char *session_id, int64_t now_ms, const char *view,
                    size_t view_length);

/* What the feed is told of a session's life: SESSION_CREATED, SESSION_ENDED, … At most about 10 KiB, most of it the
 * session's metadata. actor: whose doing it was. */
void sk_frame_life(struct sk_buffer *out, const char *type, const struct sk_session *session, int64_t now_ms,
                   const char *actor);

/* TIME_EXPIRED for one expiry of a settle that had count of them. */
void sk_frame_expired(struct sk_buffer *out, const char *session_id, int64_t now_ms, const struct sk_expiry *expiry,
                      int64_t count);

/* TIME_WARNING: the threshold that was passed, of a session settled at now. */
void sk_frame_warning(struct sk_buffer *out, const struct sk_session *session, int64_t now_ms, int64_t threshold_ms);

#endif
