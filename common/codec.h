/* A session's stored form: one JSON object with a format number, in Redis and as the snapshot of an audit event.
 * Everything of struct sk_session goes in and comes out again; what is only calculated (view.h) does not. */
#ifndef SK_COMMON_CODEC_H
#define SK_COMMON_CODEC_H

#include "common/buffer.h"
#include "common/error.h"
#include "common/session.h"

#define SK_CODEC_FORMAT 1

/* Appends the stored form. Out of memory shows in the buffer. */
void sk_codec_write(struct sk_buffer *out, const struct sk_session *session);

/* Appends the mark that a deleted session leaves behind; event_id is that of its deletion. */
void sk_codec_write_tombstone(struct sk_buffer *out, const char *session_id, const char *event_id,
                              int64_t deleted_at_ms);

/* The last event of a stored form or tombstone; "" in out where the text is neither. */
void sk_codec_last_event(const char *text, size_t length, char out[SK_UUID_BYTES]);

/* When a tombstone's session was deleted; SK_NONE where the text is no tombstone. */
int64_t sk_codec_deleted_at(const char *text, size_t length);

/* Parses JSON of ours that may have been through PostgreSQL, which writes the 1e300 of a client's metadata out in
 * full: an integer beyond 64 bits is the real that it was. A new reference; NULL: fault says why. */
json_t *sk_codec_parse(const char *text, size_t length, json_error_t *fault);

/* Reads a stored form. *session is owned by the caller, NULL on failure.
 * SK_SESSION_NOT_FOUND: a tombstone. SK_INTERNAL_ERROR: damaged, of a newer format, or out of memory. */
enum sk_code sk_codec_read(const char *text, size_t length, struct sk_session **session, struct sk_error *error)
    __attribute__((warn_unused_result));

#endif
