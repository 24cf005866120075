/* The names of Redis' keys and channels. Owns the spelling; reads and writes none of them.
 * A key is length 0 where the id is none (sk_id_valid): nothing else may reach a key's name. */
#include "common/keys.h"

#include <stdio.h>
#include <string.h>

#define CHANNEL_PREFIX "ws:"

/* prefix and name, or nothing where they do not fit: a cut key would be somebody else's. */
static struct sk_key join(const char *prefix, const char *name)
{
    struct sk_key key = {.length = 0};
    size_t prefix_length = strlen(prefix);
    size_t name_length = strlen(name);
    if (name_length < sizeof key.text - prefix_length) {
        memcpy(key.text, prefix, prefix_length);
        memcpy(key.text + prefix_length, name, name_length + 1);
        key.length = prefix_length + name_length;
    }
    return key;
}

static struct sk_key of_session(const char *prefix, const char *session_id)
{
    if (!sk_id_valid(session_id, strlen(session_id))) {
        return (struct sk_key){.length = 0};
    }
    return join(prefix, session_id);
}

struct sk_key sk_key_session(const char *session_id)
{
    return of_session(SK_KEY_SESSION_PREFIX, session_id);
}

struct sk_key sk_key_channel(const char *session_id)
{
    return of_session(CHANNEL_PREFIX, session_id);
}

struct sk_key sk_key_unknown(const char *session_id)
{
    return of_session("unknown:", session_id);
}

struct sk_key sk_key_index(enum sk_status status)
{
    switch (status) {
    case SK_PENDING:
    case SK_RUNNING:
    case SK_PAUSED:
        return join("sessions:", sk_status_name(status));
    case SK_EXPIRED:
    case SK_COMPLETED:
    case SK_CANCELLED:
    case SK_STATUS_COUNT:
        break;
    }
    return (struct sk_key){.length = 0};
}

struct sk_key sk_key_idempotency(const char *session_id, const char *key)
{
    struct sk_key made = {.length = 0};
    int length = snprintf(made.text, sizeof made.text, "idempotency:%s:%s", session_id, key);
    made.length = length > 0 && (size_t)length < sizeof made.text ? (size_t)length : 0;
    return made;
}

void sk_key_allowance(const char *kind, const char *whose, char *out, size_t bytes)
{
    (void)snprintf(out, bytes, "ratelimit:%s:%s", kind, whose);
}

const char *sk_key_channel_session(const char *channel)
{
    size_t prefix_length = strlen(CHANNEL_PREFIX);
    if (strncmp(channel, CHANNEL_PREFIX, prefix_length) != 0) {
        return NULL;
    }
    const char *session_id = channel + prefix_length;
    return sk_id_valid(session_id, strlen(session_id)) ? session_id : NULL;
}
