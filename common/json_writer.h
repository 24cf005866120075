/* Writes JSON text straight into a buffer: the hot path's way out, without a tree in between.
 * The caller opens and closes in balance; commas are the writer's business. Strings must be valid UTF-8. */
#ifndef SK_COMMON_JSON_WRITER_H
#define SK_COMMON_JSON_WRITER_H

#include "common/buffer.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct sk_json_writer {
    struct sk_buffer *out; /* borrowed */
    bool comma;            /* the next value needs one in front */
};

/* In each call key is NULL inside an array (or at the top), else the member's name, which needs no escaping. */
void sk_json_object(struct sk_json_writer *writer, const char *key);
void sk_json_object_end(struct sk_json_writer *writer);
void sk_json_array(struct sk_json_writer *writer, const char *key);
void sk_json_array_end(struct sk_json_writer *writer);

void sk_json_string(struct sk_json_writer *writer, const char *key, const char *text); /* NULL writes null */
void sk_json_int(struct sk_json_writer *writer, const char *key, int64_t number);
void sk_json_bool(struct sk_json_writer *writer, const char *key, bool value);
void sk_json_null(struct sk_json_writer *writer, const char *key);

/* Text that is JSON already. */
void sk_json_raw(struct sk_json_writer *writer, const char *key, const char *json, size_t length);

/* A Jansson value, borrowed; NULL writes null. */
void sk_json_value(struct sk_json_writer *writer, const char *key, const json_t *value);

/* An id that is "" where there is none: writes null then. */
void sk_json_id(struct sk_json_writer *writer, const char *key, const char *id);

/* An instant or duration that may be SK_NONE: writes null then. */
void sk_json_ms(struct sk_json_writer *writer, const char *key, int64_t ms);

/* The same instant as ISO 8601 text (common/iso_time.h), or null. */
void sk_json_iso(struct sk_json_writer *writer, const char *key, int64_t ms);

#endif
