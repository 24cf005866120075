/* Reading a frame's header. */
#include "bench/frame.h"

#include <stdint.h>

int frame_read(const char *bytes, size_t length, struct frame *frame)
{
    const unsigned char *head = (const unsigned char *)bytes;
    if (length < 2) {
        return 0;
    }
    const size_t extra = (head[1] & 0x7fU) == 127 ? 8 : (head[1] & 0x7fU) == 126 ? 2 : 0;
    if ((head[0] & 0x70U) || (head[1] & 0x80U)) {
        return -1;
    }
    if (length < 2 + extra) {
        return 0;
    }
    uint64_t size = extra ? 0 : head[1];
    for (size_t i = 0; i < extra; i++) {
        size = size << 8 | head[2 + i];
    }
    if (size > FRAME_MAX) {
        return -1;
    }
    *frame = (struct frame){.opcode = head[0] & 0x0fU,
                            .final = (head[0] & 0x80U) != 0,
                            .payload = bytes + 2 + extra,
                            .length = (size_t)size,
                            .whole = 2 + extra + (size_t)size};
    return length >= frame->whole;
}
