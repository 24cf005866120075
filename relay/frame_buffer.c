/* Shared frames: owns the reference count and the room in front of the text. Sends nothing. */
#include "relay/frame_buffer.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [SK_FRAME_CONNECTED] = "CONNECTED",
    [SK_FRAME_STATE_SYNC] = "STATE_SYNC",
    [SK_FRAME_STATE_UPDATE] = "STATE_UPDATE",
    [SK_FRAME_TIME_WARNING] = "TIME_WARNING",
    [SK_FRAME_TIME_EXPIRED] = "TIME_EXPIRED",
    [SK_FRAME_SESSION_DELETED] = "SESSION_DELETED",
    [SK_FRAME_SESSION_CREATED] = "SESSION_CREATED",
    [SK_FRAME_SESSION_STARTED] = "SESSION_STARTED",
    [SK_FRAME_SESSION_PAUSED] = "SESSION_PAUSED",
    [SK_FRAME_SESSION_RESUMED] = "SESSION_RESUMED",
    [SK_FRAME_SESSION_ENDED] = "SESSION_ENDED",
    [SK_FRAME_PONG] = "PONG",
    [SK_FRAME_RECONNECT_ACK] = "RECONNECT_ACK",
    [SK_FRAME_ERROR] = "ERROR",
};
_Static_assert(sizeof names / sizeof *names == SK_FRAME_TYPE_COUNT, "every frame type has a name");

static const enum sk_frame_type types[] = {
    [SK_MESSAGE_STATE_UPDATE] = SK_FRAME_STATE_UPDATE,       [SK_MESSAGE_STATE_SYNC] = SK_FRAME_STATE_SYNC,
    [SK_MESSAGE_TIME_WARNING] = SK_FRAME_TIME_WARNING,       [SK_MESSAGE_TIME_EXPIRED] = SK_FRAME_TIME_EXPIRED,
    [SK_MESSAGE_SESSION_DELETED] = SK_FRAME_SESSION_DELETED, [SK_MESSAGE_SESSION_CREATED] = SK_FRAME_SESSION_CREATED,
    [SK_MESSAGE_SESSION_STARTED] = SK_FRAME_SESSION_STARTED, [SK_MESSAGE_SESSION_PAUSED] = SK_FRAME_SESSION_PAUSED,
    [SK_MESSAGE_SESSION_RESUMED] = SK_FRAME_SESSION_RESUMED, [SK_MESSAGE_SESSION_ENDED] = SK_FRAME_SESSION_ENDED,
};
_Static_assert(sizeof types / sizeof *types == SK_MESSAGE_TYPE_COUNT, "every message has its frame");

enum sk_frame_type sk_frame_type_of(enum sk_message_type type)
{
    return types[type];
}

struct sk_frame_buffer *sk_frame_buffer_new(enum sk_frame_type type, const char *text, size_t length)
{
    struct sk_frame_buffer *frame = malloc(sizeof *frame + LWS_PRE + length);
    if (frame == NULL) {
        return NULL;
    }
    frame->references = 1;
    frame->type = type;
    frame->length = length;
    frame->committed_at_ms = 0;
    memcpy(frame->bytes + LWS_PRE, text, length);
    return frame;
}

struct sk_frame_buffer *sk_frame_buffer_published(const struct sk_message_header *header, const char *text,
                                                  size_t length)
{
    struct sk_frame_buffer *frame = sk_frame_buffer_new(sk_frame_type_of(header->type), text, length);
    if (frame != NULL) {
        frame->committed_at_ms = header->committed_at_ms;
    }
    return frame;
}

struct sk_frame_buffer *sk_frame_buffer_take(enum sk_frame_type type, struct sk_buffer *text)
{
    struct sk_frame_buffer *frame = NULL;
    if (!text->failed) {
        frame = sk_frame_buffer_new(type, sk_buffer_text(text), text->length);
    }
    sk_buffer_clear(text);
    return frame;
}

struct sk_frame_buffer *sk_frame_buffer_share(struct sk_frame_buffer *frame)
{
    frame->references++;
    return frame;
}

void sk_frame_buffer_release(struct sk_frame_buffer *frame)
{
    if (frame != NULL && --frame->references == 0) {
        free(frame);
    }
}

unsigned char *sk_frame_buffer_text(struct sk_frame_buffer *frame)
{
    return frame->bytes + LWS_PRE;
}

const char *sk_frame_type_name(enum sk_frame_type type)
{
    return names[type];
}
