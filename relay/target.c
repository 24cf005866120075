/* Routes of the relay: /ws?sessionId={id}, /sessions/{id} and /feed. */
#include "relay/target.h"

#include <ctype.h>
#include <string.h>

#define WS_PATH "/ws"
#define FEED_PATH "/feed"
#define SESSIONS_PATH "/sessions/"
#define SESSION_ARGUMENT "sessionId="

static void set_session(struct sk_target *target, const char *id)
{
    size_t length = strlen(id);
    if (length < sizeof target->session_id && sk_id_valid(id, length)) {
        memcpy(target->session_id, id, length + 1);
        target->kind = SK_TARGET_SESSION;
    }
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* With a slash at the end it is the same. */
static bool is_path(const char *path, const char *route)
{
    size_t length = strlen(route);
    return starts_with(path, route) && (path[length] == '\0' || strcmp(path + length, "/") == 0);
}

/* Whether at, with so many bytes behind the "%", goes on as the code of a byte that is no NUL. */
static bool is_escape(const char *at, size_t length)
{
    return length >= 2 && isxdigit((unsigned char)at[0]) && isxdigit((unsigned char)at[1]) &&
           (at[0] != '0' || at[1] != '0');
}

bool sk_target_is_sound(const char *target, size_t length)
{
    size_t arguments = 0;
    for (size_t i = 0; i < length; i++) {
        arguments += strchr("?&;", target[i]) != NULL ? 1 : 0;
        if (target[i] == '%' && !is_escape(target + i + 1, length - i - 1)) {
            return false;
        }
    }
    return arguments <= SK_TARGET_ARGUMENTS_MAX;
}

void sk_target_read_path(struct sk_target *target, const char *path)
{
    *target = (struct sk_target){.kind = SK_TARGET_UNKNOWN};
    if (is_path(path, FEED_PATH)) {
        target->kind = SK_TARGET_FEED;
    } else if (is_path(path, WS_PATH)) {
        target->kind = SK_TARGET_MISSING_ID;
    } else if (starts_with(path, SESSIONS_PATH)) {
        target->kind = SK_TARGET_MISSING_ID;
        set_session(target, path + strlen(SESSIONS_PATH));
    }
}

void sk_target_read_argument(struct sk_target *target, const char *path, const char *argument)
{
    if (!target->id_given && is_path(path, WS_PATH) && starts_with(argument, SESSION_ARGUMENT)) {
        target->id_given = true;
        set_session(target, argument + strlen(SESSION_ARGUMENT));
    }
}
