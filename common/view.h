/* The view: a session as every client sees it, in REST answers and in WebSocket frames alike. */
#ifndef SK_COMMON_VIEW_H
#define SK_COMMON_VIEW_H

#include "common/json_writer.h"
#include "common/session.h"

/* Writes the view at now_ms of a session settled at now_ms as one JSON object under key (NULL: as a value). */
void sk_view_write(struct sk_json_writer *writer, const char *key, const struct sk_session *session, int64_t now_ms);

#endif
