/* What a connection asks for: its request's path and query, taken apart. Pure. */
#ifndef SK_RELAY_TARGET_H
#define SK_RELAY_TARGET_H

#include "common/session.h"

#include <stdbool.h>
#include <stddef.h>

enum sk_target_kind {
    SK_TARGET_SESSION,    /* one session's messages; session_id says whose */
    SK_TARGET_FEED,       /* what becomes of all sessions */
    SK_TARGET_MISSING_ID, /* a session's route without an id, or with one that can be none */
    SK_TARGET_UNKNOWN     /* no such route */
};

struct sk_target {
    enum sk_target_kind kind;
    bool id_given;                /* an argument has said which session, well or badly */
    char session_id[SK_ID_BYTES]; /* "" unless kind is SK_TARGET_SESSION */
};

#define SK_TARGET_ARGUMENTS_MAX 32 /* of a query; libwebsockets has places for some more, and complains of others */

/* Whether libwebsockets can take the target of a request apart: not too many arguments (it divides them at ";", too),
 * and after each "%" two hexadecimal digits that are no NUL (RFC 3986 §2.1). */
bool sk_target_is_sound(const char *target, size_t length);

/* Reads the path alone: /feed, /sessions/{id}, or /ws, which leaves SK_TARGET_MISSING_ID until an argument gives the
 * id. The path is percent-decoded and without its query. */
void sk_target_read_path(struct sk_target *target, const char *path);

/* Reads one argument of the query ("name=value", percent-decoded): sessionId on the path /ws. The first one counts,
 * also where it can be none; any other is ignored. */
void sk_target_read_argument(struct sk_target *target, const char *path, const char *argument);

#endif
