/* Published messages: header line and text, put together and taken apart. */
#include "common/message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {"STATE_UPDATE",    "STATE_SYNC",      "TIME_WARNING",    "TIME_EXPIRED",
                                         "SESSION_DELETED", "SESSION_CREATED", "SESSION_STARTED", "SESSION_PAUSED",
                                         "SESSION_RESUMED", "SESSION_ENDED"};
_Static_assert(sizeof(type_names) / sizeof(type_names[0]) == SK_MESSAGE_TYPE_COUNT, "a name for every type");

const char *sk_message_type_name(enum sk_message_type type)
{
    return type_names[type];
}

void sk_message_write_header(struct sk_buffer *out, const struct sk_message_header *header)
{
    sk_buffer_append_text(out, type_names[header->type]);
    const int64_t numbers[] = {header->version, header->updated_at_ms, header->committed_at_ms};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        sk_buffer_append_char(out, ' ');
        sk_buffer_append_int(out, numbers[i]);
    }
    sk_buffer_append_char(out, ' ');
    sk_buffer_append_text(out, header->request_id[0] != '\0' ? header->request_id : "-");
    sk_buffer_append_char(out, '\n');
}

static enum sk_message_type type_of(const char *name, size_t length)
{
    for (int i = 0; i < SK_MESSAGE_TYPE_COUNT; i++) {
        if (strlen(type_names[i]) == length && memcmp(type_names[i], name, length) == 0) {
            return (enum sk_message_type)i;
        }
    }
    return SK_MESSAGE_TYPE_COUNT;
}

/* A number that ends at a space; moves *at behind it. */
static bool take_number(const char **at, int64_t *number)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(*at, &end, 10);
    if (errno != 0 || end == *at || *end != ' ' || value < 0) {
        return false;
    }
    *number = value;
    *at = end + 1;
    return true;
}

bool sk_message_read(const char *bytes, size_t length, struct sk_message_header *header, const char **text,
                     size_t *text_length)
{
    char line[64 + SK_REQUEST_ID_BYTES + 64];
    const char *newline = length > 0 ? memchr(bytes, '\n', length) : NULL;
    if (!newline || (size_t)(newline - bytes) >= sizeof(line)) {
        return false;
    }
    memcpy(line, bytes, (size_t)(newline - bytes));
    line[newline - bytes] = '\0';
    const char *at = strchr(line, ' ');
    if (!at) {
        return false;
    }
    header->type = type_of(line, (size_t)(at - line));
    at++;
    if (header->type == SK_MESSAGE_TYPE_COUNT || !take_number(&at, &header->version) ||
        !take_number(&at, &header->updated_at_ms) || !take_number(&at, &header->committed_at_ms)) {
        return false;
    }
    size_t id_length = strlen(at);
    if (id_length == 0 || id_length >= SK_REQUEST_ID_BYTES) {
        return false;
    }
    memcpy(header->request_id, at, id_length + 1);
    *text = newline + 1;
    *text_length = length - (size_t)(newline + 1 - bytes);
    return true;
}
