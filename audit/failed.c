/* The subcommands over audit:failed. Own their connection to Redis; know nothing of PostgreSQL, and never change an
 * entry. */
#include "audit/failed.h"

#include "audit/printable.h"
#include "common/audit_queue.h"
#include "common/buffer.h"
#include "common/iso_time.h"
#include "common/keys.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_AT_A_TIME 20 /* entries may be large */
#define IDS_AT_A_TIME "100"
#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000000000
#define ID_BYTES 48

/* Ids alone: what has to be moved need not come here. */
static const char ids_script[] =
    "local ids = {}\n"
    "for i, row in ipairs(redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])) do ids[i] = row[1] end\n"
    "return ids\n";

static struct sk_redis *open_redis(const struct sk_config *config, struct sk_error *error)
{
    struct sk_redis_url url;
    if (sk_redis_url_parse(config->redis_url, &url, error)) {
        return NULL;
    }
    struct sk_redis *redis = sk_redis_new(&url, config->redis_timeout_ms);
    if (!redis) {
        (void)sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    return redis;
}

/* What was printed counts only once it has been written. */
static enum sk_exit end_output(enum sk_exit so_far)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return sk_command_complain("the output cannot be written");
    }
    return so_far;
}

static bool is_text(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_STRING;
}

/* --- listing ---------------------------------------------------------------------------------------------------- */

struct listing {
    int64_t limit;
    bool json;
};

/* A whole number from 0 on; -1: it is none. */
static int64_t read_limit(const char *text)
{
    char *end = NULL;
    if (!text || strspn(text, "0123456789") != strlen(text) || text[0] == '\0' || strlen(text) > 10) {
        return -1;
    }
    long long limit = strtoll(text, &end, 10);
    return limit <= LIMIT_MAX ? limit : -1;
}

/* NULL, or the argument that makes no sense. */
static const char *read_arguments(char **argv, struct listing *listing)
{
    *listing = (struct listing){.limit = LIMIT_DEFAULT};
    for (; *argv; argv++) {
        if (strcmp(*argv, "--json") == 0) {
            listing->json = true;
        } else if (strcmp(*argv, "--limit") == 0) {
            listing->limit = read_limit(argv[1]);
            if (listing->limit < 0) {
                return argv[1] ? argv[1] : argv[0];
            }
            argv++;
        } else {
            return *argv;
        }
    }
    return NULL;
}

/* For lines without control characters; in JSON they are escaped. */
static void append_clean(struct sk_buffer *out, const redisReply *value, bool line)
{
    sk_printable_append(out, value->str, (size_t)value->len, line);
}

/* The value of an entry's field; NULL: it has no such field. */
static const redisReply *field_of(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const redisReply *key = fields->element[i];
        if (is_text(key) && is_text(fields->element[i + 1]) && strcmp(key->str, name) == 0) {
            return fields->element[i + 1];
        }
    }
    return NULL;
}

/* The instant in front of a stream id. */
static const char *instant_of(const char *stream_id, char out[SK_ISO_TIME_BYTES])
{
    return sk_iso_time(strtoll(stream_id, NULL, 10), out);
}

static bool print_line(const char *id, const redisReply *fields)
{
    const char *const names[] = {sk_audit_field_name(SK_AUDIT_SESSION_ID), sk_audit_field_name(SK_AUDIT_TYPE),
                                 sk_audit_field_name(SK_AUDIT_VERSION), sk_audit_field_name(SK_AUDIT_EVENT_ID),
                                 "failed_error"};
    char time[SK_ISO_TIME_BYTES];
    struct sk_buffer line = {0};
    sk_buffer_append_text(&line, id);
    sk_buffer_append_char(&line, '\t');
    sk_buffer_append_text(&line, instant_of(id, time));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const redisReply *value = field_of(fields, names[i]);
        sk_buffer_append_char(&line, '\t');
        if (value && value->len > 0) {
            append_clean(&line, value, true);
        } else {
            sk_buffer_append_char(&line, '-');
        }
    }
    bool good = !line.failed && puts(sk_buffer_text(&line)) >= 0;
    sk_buffer_clear(&line);
    return good;
}

static bool set_clean(json_t *object, const redisReply *name, const redisReply *value)
{
    struct sk_buffer key = {0};
    struct sk_buffer text = {0};
    append_clean(&key, name, true);
    append_clean(&text, value, false);
    bool good =
        !key.failed && !text.failed &&
        json_object_set_new(object, sk_buffer_text(&key), json_stringn(sk_buffer_text(&text), text.length)) == 0;
    sk_buffer_clear(&key);
    sk_buffer_clear(&text);
    return good;
}

/* The entry's own fields, and behind them what an entry of that name could not forge. */
static bool print_json(const char *id, const redisReply *fields)
{
    char time[SK_ISO_TIME_BYTES];
    json_t *object = json_object();
    bool good = object != NULL;
    for (size_t i = 0; good && i + 1 < fields->elements; i += 2) {
        if (is_text(fields->element[i]) && is_text(fields->element[i + 1])) {
            good = set_clean(object, fields->element[i], fields->element[i + 1]);
        }
    }
    good = good && json_object_set_new(object, "stream_id", json_string(id)) == 0 &&
           json_object_set_new(object, "failed_at", json_string(instant_of(id, time))) == 0;
    char *text = good ? json_dumps(object, JSON_COMPACT) : NULL;
    good = text && puts(text) >= 0;
    free(text);
    json_decref(object);
    return good;
}

/* Prints the entries of one reply; the last one's id is where to go on. */
static enum sk_code print_some(const redisReply *list, const struct listing *listing, char last[ID_BYTES],
                               struct sk_error *error)
{
    for (size_t i = 0; i < list->elements; i++) {
        const redisReply *entry = list->element[i];
        if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || !is_text(entry->element[0]) ||
            entry->element[1]->type != REDIS_REPLY_ARRAY || entry->element[0]->len >= ID_BYTES - 1) {
            return sk_fail(error, SK_INTERNAL_ERROR, "Redis answered XRANGE with something else than entries");
        }
        const char *id = entry->element[0]->str;
        if (!(listing->json ? print_json : print_line)(id, entry->element[1])) {
            return sk_fail(error, SK_INTERNAL_ERROR, "an entry cannot be printed");
        }
        (void)snprintf(last, ID_BYTES, "(%s", id);
    }
    return SK_OK;
}

static enum sk_code print_all(struct sk_redis *redis, const struct listing *listing, int64_t *printed,
                              struct sk_error *error)
{
    char from[ID_BYTES] = "-";
    bool more = true;
    *printed = 0;
    while (more && *printed < listing->limit) {
        int64_t left = listing->limit - *printed;
        int count = left < ENTRIES_AT_A_TIME ? (int)left : ENTRIES_AT_A_TIME;
        redisReply *list = sk_redis_command(redis, error, "XRANGE " SK_KEY_AUDIT_FAILED " %s + COUNT %d", from, count);
        if (!list) {
            return error->code;
        }
        enum sk_code code = list->type == REDIS_REPLY_ARRAY ? print_some(list, listing, from, error) : SK_OK;
        *printed += (int64_t)list->elements;
        more = list->elements == (size_t)count;
        freeReplyObject(list);
        if (code) {
            return code;
        }
    }
    return SK_OK;
}

static enum sk_code print_total(struct sk_redis *redis, int64_t printed, struct sk_error *error)
{
    redisReply *total = sk_redis_command(redis, error, "XLEN " SK_KEY_AUDIT_FAILED);
    if (!total) {
        return error->code;
    }
    (void)printf("%lld set aside, %lld shown\n", total->integer, (long long)printed);
    freeReplyObject(total);
    return SK_OK;
}

enum sk_exit sk_command_list_failed(const struct sk_config *config, char **argv)
{
    struct listing listing;
    struct sk_error error = {0};
    const char *wrong = read_arguments(argv, &listing);
    if (wrong) {
        return sk_command_misused(wrong);
    }
    struct sk_redis *redis = open_redis(config, &error);
    if (!redis) {
        return sk_command_complain(error.text);
    }
    int64_t printed;
    enum sk_code code = print_all(redis, &listing, &printed, &error);
    if (!code && !listing.json) {
        code = print_total(redis, printed, &error);
    }
    sk_redis_free(redis);
    return code ? sk_command_complain(error.text) : end_output(SK_EXIT_OK);
}

/* --- putting back ----------------------------------------------------------------------------------------------- */

/* Redis would take half an id for a range. */
static bool is_stream_id(const char *text)
{
    size_t instant = strspn(text, "0123456789");
    size_t number = text[instant] == '-' ? strspn(text + instant + 1, "0123456789") : 0;
    return instant > 0 && number > 0 && text[instant + 1 + number] == '\0' && instant + 1 + number < ID_BYTES - 1;
}

static enum sk_code retry_named(struct sk_redis *redis, char **ids, int64_t *moved, bool *unknown,
                                struct sk_error *error)
{
    for (; *ids; ids++) {
        bool found = false;
        enum sk_code code = is_stream_id(*ids) ? sk_audit_queue_retry(redis, *ids, &found, error) : SK_OK;
        if (code) {
            return code;
        }
        if (!found) {
            (void)fprintf(stderr, "synckairos-audit: nothing that was set aside is called '%s'\n", *ids);
        }
        *unknown |= !found;
        *moved += found;
    }
    return SK_OK;
}

/* Where the list ends at this moment: what fails once more comes behind that, and is not tried for ever. "": it is
 * empty. */
static enum sk_code find_end(struct sk_redis *redis, char end[ID_BYTES], struct sk_error *error)
{
    redisReply *last = sk_redis_command(redis, error, "XREVRANGE " SK_KEY_AUDIT_FAILED " + - COUNT 1");
    if (!last) {
        return error->code;
    }
    end[0] = '\0';
    if (last->type == REDIS_REPLY_ARRAY && last->elements == 1 && last->element[0]->type == REDIS_REPLY_ARRAY &&
        last->element[0]->elements == 2 && is_text(last->element[0]->element[0])) {
        (void)snprintf(end, ID_BYTES, "%s", last->element[0]->element[0]->str);
    }
    freeReplyObject(last);
    return SK_OK;
}

/* From the oldest on, a few ids at a time: each that is moved is gone from the list. *more: there may be others. */
static enum sk_code retry_some(struct sk_redis *redis, const char *end, int64_t *moved, bool *more,
                               struct sk_error *error)
{
    const char *args[] = {"EVAL", ids_script, "1", SK_KEY_AUDIT_FAILED, "-", end, IDS_AT_A_TIME};
    redisReply *ids = sk_redis_command_args(redis, error, sizeof args / sizeof args[0], args, NULL);
    if (!ids) {
        return error->code;
    }
    enum sk_code code = SK_OK;
    *more = ids->type == REDIS_REPLY_ARRAY && ids->elements > 0;
    for (size_t i = 0; !code && *more && i < ids->elements; i++) {
        bool found = false;
        if (is_text(ids->element[i])) {
            code = sk_audit_queue_retry(redis, ids->element[i]->str, &found, error);
        }
        *moved += found;
    }
    freeReplyObject(ids);
    return code;
}

static enum sk_code retry_all(struct sk_redis *redis, int64_t *moved, struct sk_error *error)
{
    char end[ID_BYTES] = "";
    enum sk_code code = find_end(redis, end, error);
    bool more = end[0] != '\0';
    while (!code && more) {
        code = retry_some(redis, end, moved, &more, error);
    }
    return code;
}

enum sk_exit sk_command_retry_failed(const struct sk_config *config, char **argv)
{
    struct sk_error error = {0};
    if (argv[0] && argv[0][0] == '-') {
        return sk_command_misused(argv[0]);
    }
    struct sk_redis *redis = open_redis(config, &error);
    if (!redis) {
        return sk_command_complain(error.text);
    }
    int64_t moved = 0;
    bool unknown = false;
    enum sk_code code = argv[0] ? retry_named(redis, argv, &moved, &unknown, &error) : retry_all(redis, &moved, &error);
    sk_redis_free(redis);
    (void)printf("%lld put back\n", (long long)moved);
    enum sk_exit result = end_output(unknown ? SK_EXIT_FAILED : SK_EXIT_OK);
    return code ? sk_command_complain(error.text) : result;
}
