/* Publishing as a commit does, but at the test's own pace and with the instant in the frame, for an audience to
 * measure. The state in Redis stays as it is. */
#ifndef SK_TESTS_PUBLISHER_H
#define SK_TESTS_PUBLISHER_H

#include <stddef.h>
#include <stdint.h>

struct publisher;

/* A connection to the stack's Redis; ends with the test. The frames are of about so many bytes. */
struct publisher *publisher_open(const char *id, size_t bytes);

/* Publishes so many messages of the type in one write; the instant of the last, which no other has. */
int64_t publish(struct publisher *publisher, const char *type, size_t count);

/* Publishes STATE_UPDATEs for a while, so many a second; the last one's instant. */
int64_t publish_for(struct publisher *publisher, int rate, int64_t for_ms);

/* The same in a thread of its own, until publisher_stop, which returns that instant. */
void publisher_start(struct publisher *publisher, int rate);
int64_t publisher_stop(struct publisher *publisher);

#endif
