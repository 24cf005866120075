/* Fuzz target: what a WebSocket client says to the relay, and what the relay says back about it. */
#include "relay/protocol.h"

#include "common/session.h"
#include "tests/fuzz/fuzz.h"

/* Every frame is JSON, whatever it echoes. */
static void check_frame(struct sk_buffer *frame)
{
    json_t *read = json_loadb(sk_buffer_text(frame), frame->length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    MUST(json_is_object(read));
    json_decref(read);
    sk_buffer_clear(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_request request;
    struct sk_buffer frame = {0};
    sk_protocol_read((const char *)data, size, &request);
    switch (request.type) {
    case SK_REQUEST_PING:
        sk_protocol_pong(&frame, "s", 1, request.timestamp);
        break;
    case SK_REQUEST_RECONNECT:
        MUST(request.last_known_version >= 0 && request.updated_at_ms >= SK_NONE);
        sk_protocol_reconnect_ack(&frame, "s", 1, request.last_known_version, true);
        break;
    case SK_REQUEST_UNKNOWN:
    case SK_REQUEST_INVALID:
        MUST(request.problem[0]);
        sk_protocol_error(&frame, "s", 1, "INVALID_MESSAGE", request.problem);
        break;
    }
    check_frame(&frame);
    sk_request_clear(&request);
    return 0;
}
