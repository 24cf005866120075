/* Hears what is published in Redis, straight from the source, with the instant of each arrival. */
#ifndef SK_TESTS_LISTENER_H
#define SK_TESTS_LISTENER_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct listener;

struct heard {
    char session_id[65];
    char type[24];
    int64_t at_us; /* wall clock, epoch microseconds */
    json_t *json;  /* the frame */
};

/* Subscribes to the messages of all sessions whose id begins with prefix; ends with the test. */
struct listener *listen_to(const char *prefix);

/* How many messages have been heard; those with this type. */
size_t heard_count(struct listener *listener);
size_t heard_of(struct listener *listener, const char *type);

/* One of them, in order of arrival; NULL past the end. Borrowed until the test is over. */
const struct heard *heard_at(struct listener *listener, size_t number);

/* Those of one session and type; *last is the last of them, NULL if there is none. */
size_t heard_about(struct listener *listener, const char *session_id, const char *type, const struct heard **last);

#endif
