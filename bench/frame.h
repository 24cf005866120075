/* A WebSocket frame as a server sends it (RFC 6455 §5.2). Pure. */
#ifndef SK_BENCH_FRAME_H
#define SK_BENCH_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#define FRAME_MAX (4 << 20) /* nothing that a server of ours sends is longer */

struct frame {
    unsigned opcode;
    bool final;
    const char *payload; /* borrowed from the bytes */
    size_t length;
    size_t whole; /* with its header */
};

/* 1: a frame; 0: not all of it is there; -1: it is none that a server may send. */
int frame_read(const char *bytes, size_t length, struct frame *frame);

#endif
