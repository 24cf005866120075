/* Listing the live sessions: first the ids of all statuses in one transaction, so that a session that changes its
 * status meanwhile is not missed between two sets, then the sessions themselves with Redis' time. */
#include "common/catalogue.h"

#include "common/codec.h"
#include "common/engine.h"
#include "common/json_writer.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/view.h"

#include <stdlib.h>
#include <string.h>

#define SETS 3

static const enum sk_status listed[SETS] = {SK_PENDING, SK_RUNNING, SK_PAUSED};

/* A session as the index names it. */
struct entry {
    int64_t created_at_ms;
    const char *id; /* borrowed from the reply */
    size_t id_length;
};

struct entries {
    struct entry *list; /* owned */
    size_t count;
    bool short_of; /* a set has more than was read, and too little of what was read stands behind the place */
};

struct search {
    enum sk_status status; /* SK_STATUS_COUNT: all that are listed */
    const struct sk_catalogue_place *after;
    size_t limit;
};

void sk_catalogue_page_clear(struct sk_catalogue_page *page)
{
    sk_buffer_clear(&page->views);
    *page = (struct sk_catalogue_page){0};
}

/* --- ids --------------------------------------------------------------------------------------------------------- */

/* By creation, then by id, byte by byte: Redis' own order within a set. */
static int compare(const struct entry *left, const struct entry *right)
{
    if (left->created_at_ms != right->created_at_ms) {
        return left->created_at_ms < right->created_at_ms ? -1 : 1;
    }
    size_t shorter = left->id_length < right->id_length ? left->id_length : right->id_length;
    int order = memcmp(left->id, right->id, shorter);
    return order ? order : (left->id_length > right->id_length) - (left->id_length < right->id_length);
}

static int compare_for_sort(const void *left, const void *right)
{
    return compare(left, right);
}

static bool is_wanted(const struct search *search, enum sk_status status)
{
    return search->status == SK_STATUS_COUNT || search->status == status;
}

/* Queues MULTI … EXEC; how many replies will come. */
static size_t queue_ids(struct sk_redis *redis, const struct search *search, size_t each)
{
    size_t count = 2;
    int64_t from = search->after->created_at_ms == SK_NONE ? 0 : search->after->created_at_ms;
    sk_redis_queue(redis, "MULTI");
    for (size_t i = 0; i < SETS; i++) {
        if (is_wanted(search, listed[i])) {
            sk_redis_queue(redis, "ZRANGE %s %lld +inf BYSCORE LIMIT 0 %lld WITHSCORES", sk_key_index(listed[i]).text,
                           (long long)from, (long long)each);
            count++;
        }
    }
    sk_redis_queue(redis, "EXEC");
    return count;
}

/* Adds what one set answered with, member and score in turn, as far as it stands behind the place. */
static void take_set(const redisReply *set, const struct search *search, struct entries *entries)
{
    const struct entry after = {search->after->created_at_ms, search->after->session_id,
                                strlen(search->after->session_id)};
    for (size_t i = 0; i + 1 < set->elements; i += 2) {
        const redisReply *member = set->element[i];
        const redisReply *score = set->element[i + 1];
        if (!member->str || !score->str || !sk_id_valid(member->str, member->len)) {
            continue;
        }
        struct entry entry = {(int64_t)strtod(score->str, NULL), member->str, member->len};
        if (after.created_at_ms == SK_NONE || compare(&entry, &after) > 0) {
            entries->list[entries->count++] = entry;
        }
    }
}

/* Takes the reply to EXEC. Merged, the sets are complete as far as the page goes if each that has more to give has
 * given more than a page's worth. */
static enum sk_code take_ids(const redisReply *reply, const struct search *search, size_t each, struct entries *entries,
                             struct sk_error *error)
{
    enum sk_code code = sk_redis_check(reply, error);
    if (code || reply->type != REDIS_REPLY_ARRAY) {
        return code ? code : sk_fail(error, SK_INTERNAL_ERROR, "redis: no list of sessions");
    }
    entries->count = 0;
    entries->short_of = false;
    free(entries->list);
    entries->list = calloc(SETS * each, sizeof *entries->list);
    if (!entries->list) {
        return sk_fail(error, SK_INTERNAL_ERROR, "no memory for a list of sessions");
    }
    for (size_t i = 0; i < reply->elements && !code; i++) {
        code = sk_redis_check(reply->element[i], error);
        if (!code) {
            size_t before = entries->count;
            take_set(reply->element[i], search, entries);
            bool has_more = reply->element[i]->elements >= 2 * each;
            entries->short_of = entries->short_of || (has_more && entries->count - before <= search->limit);
        }
    }
    qsort(entries->list, entries->count, sizeof *entries->list, compare_for_sort);
    return code;
}

/* One look at the sets; *reply is what the entries borrow from. */
static enum sk_code read_ids_once(struct sk_redis *redis, const struct search *search, size_t each,
                                  struct entries *entries, redisReply **reply, struct sk_error *error)
{
    redisReply *replies[SETS + 2] = {NULL};
    enum sk_code code = sk_redis_connect(redis, error);
    if (code) {
        return code;
    }
    size_t count = queue_ids(redis, search, each);
    sk_redis_intend(redis, SK_REDIS_LIST);
    code = sk_redis_collect(redis, count, replies, error);
    if (code) {
        return code;
    }
    freeReplyObject(*reply);
    *reply = replies[count - 1];
    replies[count - 1] = NULL;
    sk_redis_replies_free(count, replies);
    return take_ids(*reply, search, each, entries, error);
}

/* All ids behind the place, or at least a page's worth and one more. Those of the place's own millisecond that stand in
 * front of it are read in vain; where they took the room, more are read. */
static enum sk_code read_ids(struct sk_redis *redis, const struct search *search, struct entries *entries,
                             redisReply **reply, struct sk_error *error)
{
    bool was_connected = sk_redis_connected(redis);
    enum sk_code code = SK_OK;
    for (size_t each = search->limit + 17;; each *= 2) {
        code = read_ids_once(redis, search, each, entries, reply, error);
        if (code == SK_STATE_STORE_UNAVAILABLE && was_connected && sk_redis_was_closed(redis)) {
            was_connected = false; /* found closed, as one finds out at the next use */
            code = read_ids_once(redis, search, each, entries, reply, error);
        }
        if (code || !entries->short_of) {
            return code;
        }
    }
}

/* --- sessions ---------------------------------------------------------------------------------------------------- */

/* Asks for the sessions and the time. replies: of MGET and TIME, owned by the caller. */
static enum sk_code fetch(struct sk_redis *redis, const struct entries *entries, size_t count, redisReply *replies[2],
                          struct sk_error *error)
{
    struct sk_key keys[SK_CATALOGUE_LIMIT_MAX];
    const char *args[SK_CATALOGUE_LIMIT_MAX + 1] = {"MGET"};
    size_t lengths[SK_CATALOGUE_LIMIT_MAX + 1] = {strlen("MGET")};
    for (size_t i = 0; i < count; i++) {
        char id[SK_ID_BYTES] = "";
        memcpy(id, entries->list[i].id, entries->list[i].id_length);
        keys[i] = sk_key_session(id);
        args[i + 1] = keys[i].text;
        lengths[i + 1] = keys[i].length;
    }
    size_t sent = count > 0 ? 2 : 1;
    if (count > 0) {
        sk_redis_queue_args(redis, count + 1, args, lengths);
    }
    sk_redis_queue(redis, "TIME");
    sk_redis_intend(redis, SK_REDIS_LIST);
    enum sk_code code = sk_redis_collect(redis, sent, &replies[2 - sent], error);
    if (!code && count > 0) {
        code = sk_redis_check(replies[0], error);
    }
    return code;
}

/* Whether a session, settled, belongs into the list. */
static bool belongs(const struct search *search, const struct sk_session *session)
{
    return search->status == SK_STATUS_COUNT ? !sk_session_ended(session) : session->status == search->status;
}

/* Appends the view of one stored session; one that is gone, or cannot be read, is left out. */
static enum sk_code show(const redisReply *stored, const struct search *search, struct sk_json_writer *writer,
                         struct sk_catalogue_page *page, struct sk_error *error)
{
    struct sk_session *session = NULL;
    struct sk_settlement settlement;
    if (stored->type != REDIS_REPLY_STRING) {
        return SK_OK;
    }
    enum sk_code code = sk_codec_read(stored->str, stored->len, &session, error);
    if (code) {
        if (code != SK_SESSION_NOT_FOUND) {
            sk_log(SK_LOG_WARN, "a listed session cannot be read", SK_S("error", error->text));
        }
        return SK_OK;
    }
    code = sk_engine_settle(session, page->now_ms, &settlement, error);
    if (!code && belongs(search, session)) {
        sk_view_write(writer, NULL, session, page->now_ms);
        page->count++;
    }
    sk_settlement_clear(&settlement);
    sk_session_free(session);
    return code;
}

static void note_last(struct sk_catalogue_page *page, const struct entry *entry)
{
    page->last = (struct sk_catalogue_place){.created_at_ms = entry->created_at_ms};
    memcpy(page->last.session_id, entry->id, entry->id_length);
}

static enum sk_code show_all(const redisReply *stored, const struct search *search, const struct entries *entries,
                             size_t count, struct sk_catalogue_page *page, struct sk_error *error)
{
    enum sk_code code = SK_OK;
    struct sk_json_writer writer = {.out = &page->views};
    size_t done = 0;
    sk_json_array(&writer, NULL);
    while (!code && done < count && done < stored->elements && page->views.length < SK_CATALOGUE_PAGE_BYTES) {
        code = show(stored->element[done], search, &writer, page, error);
        note_last(page, &entries->list[done]);
        done++;
    }
    sk_json_array_end(&writer);
    page->more = done < entries->count;
    if (!code && page->views.failed) {
        code = sk_fail(error, SK_INTERNAL_ERROR, "no memory for a list of sessions");
    }
    return code;
}

enum sk_code sk_catalogue_read(struct sk_redis *redis, enum sk_status status, const struct sk_catalogue_place *after,
                               size_t limit, struct sk_catalogue_page *page, struct sk_error *error)
{
    static const redisReply nothing = {.type = REDIS_REPLY_ARRAY};
    const struct search search = {status, after, limit < SK_CATALOGUE_LIMIT_MAX ? limit : SK_CATALOGUE_LIMIT_MAX};
    struct entries entries = {0};
    redisReply *ids = NULL;
    redisReply *replies[2] = {NULL, NULL};
    *page = (struct sk_catalogue_page){.last = *after};
    enum sk_code code = read_ids(redis, &search, &entries, &ids, error);
    size_t count = entries.count < search.limit ? entries.count : search.limit;
    if (!code) {
        code = fetch(redis, &entries, count, replies, error);
    }
    int64_t redis_us = sk_redis_time_us(replies[1]);
    if (!code && redis_us < 0) {
        code = sk_fail(error, SK_STATE_STORE_UNAVAILABLE, "redis: no time");
    }
    if (!code) {
        page->now_ms = redis_us / 1000;
        code = show_all(replies[0] ? replies[0] : &nothing, &search, &entries, count, page, error);
    }
    sk_redis_replies_free(2, replies);
    freeReplyObject(ids);
    free(entries.list);
    return code;
}

enum sk_code sk_catalogue_knows(struct sk_redis *redis, const char *session_id, bool *known, struct sk_error *error)
{
    struct sk_key key = sk_key_session(session_id);
    sk_redis_intend(redis, SK_REDIS_LOAD);
    redisReply *reply = sk_redis_command(redis, error, "EXISTS %s", key.text);
    if (!reply) {
        return error->code;
    }
    *known = reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
    freeReplyObject(reply);
    return SK_OK;
}
