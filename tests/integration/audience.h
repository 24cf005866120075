/* Many clients of one session, in one thread: they count what they are sent and how long it took, and keep none of it.
 * What is measured is published by the test itself (publisher.h), with its instant in the frame. */
#ifndef SK_TESTS_AUDIENCE_H
#define SK_TESTS_AUDIENCE_H

#include <stddef.h>
#include <stdint.h>

struct audience;

struct audience_figures {
    size_t frames;    /* published ones that came, over all clients */
    size_t states;    /* those of them that are STATE_UPDATEs */
    size_t backwards; /* frames older than one that the same client had before */
    int64_t p50_us;   /* from publishing to arrival */
    int64_t p99_us;
    int64_t max_us;
    size_t pongs;
    int64_t pong_p50_us;
    int64_t pong_p99_us;
    int64_t pong_max_us;
};

/* Connects so many clients to a session on a relay, and waits until all have their first two frames; a failed check if
 * they have not in time. Ends with the test. */
struct audience *audience_open(int port, const char *id, size_t clients);

/* Each client sends a PING so often from now on; 0: none. Not more than 20 a second are taken. */
void audience_ping(struct audience *audience, int every_ms);

/* The first so many clients read nothing from now on. They are not counted in the figures. */
void audience_deafen(struct audience *audience, size_t clients);

/* What came since the last call of audience_forget; the percentiles are -1 where nothing came. */
void audience_measure(struct audience *audience, struct audience_figures *figures);
void audience_forget(struct audience *audience);

/* How many of the clients have been closed, and how many with that code. */
size_t audience_closed(struct audience *audience);
size_t audience_closed_with(struct audience *audience, int code);

/* How many have that frame, and nothing newer. */
size_t audience_with(struct audience *audience, int64_t newest);

/* Lets those who read nothing read again. */
void audience_let_read(struct audience *audience);

#endif
