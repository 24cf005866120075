/* Reading, changing and adding entries. Knows how many fields an event has, and nothing of what they mean. */
#include "tests/integration/entry.h"

#include "tests/integration/check.h"
#include "tests/integration/keep.h"
#include "tests/integration/peek.h"

#include <string.h>

void entry_newest(struct entry *entry)
{
    const redisReply *reply = redis_peek("XREVRANGE audit + - COUNT 1");
    REQUIRE(reply && reply->elements == 1 && reply->element[0]->element[1]->elements == 2 * ENTRY_FIELDS);
    for (size_t i = 0; i < 2 * ENTRY_FIELDS; i++) {
        entry->text[i] = reply->element[0]->element[1]->element[i]->str;
        entry->length[i] = (size_t)reply->element[0]->element[1]->element[i]->len;
    }
}

static size_t place_of(const struct entry *entry, const char *field)
{
    for (size_t i = 0; i < 2 * ENTRY_FIELDS; i += 2) {
        if (strcmp(entry->text[i], field) == 0) {
            return i + 1;
        }
    }
    REQUIRE(!"there is such a field");
    return 1;
}

void entry_change(struct entry *entry, const char *field, const char *value, size_t length)
{
    const size_t place = place_of(entry, field);
    entry->text[place] = value;
    entry->length[place] = length;
}

static const char *some_uuid(void)
{
    static unsigned number;
    return kept_text("00000000-0000-7000-8000-%06x%06x", (unsigned)(wall_ms() & 0xffffff), ++number);
}

void entry_make_other(struct entry *entry, const char *session_id)
{
    const char *event_id = some_uuid();
    entry_change(entry, "event_id", event_id, strlen(event_id));
    entry_change(entry, "session_id", session_id, strlen(session_id));
}

void entry_add(const struct entry *entry, size_t fields)
{
    const char *words[3 + 2 * ENTRY_FIELDS] = {"XADD", "audit", "*"};
    size_t lengths[3 + 2 * ENTRY_FIELDS] = {4, 5, 1};
    memcpy(words + 3, entry->text, 2 * fields * sizeof(*words));
    memcpy(lengths + 3, entry->length, 2 * fields * sizeof(*lengths));
    const redisReply *reply = redis_peek_words((int)(3 + 2 * fields), words, lengths);
    EXPECT(reply && reply->type == REDIS_REPLY_STRING);
}
