/* Entries of the audit stream out of Redis' replies. Pure: asks nobody. */
#include "common/audit_queue.h"
#include "common/audit_reply.h"

#include <stdlib.h>
#include <string.h>

void sk_audit_batch_clear(struct sk_audit_batch *batch)
{
    free(batch->entries);
    if (batch->reply) {
        freeReplyObject(batch->reply);
    }
    *batch = (struct sk_audit_batch){0};
}

static bool is_named(const redisReply *name, enum sk_audit_field field)
{
    const char *wanted = sk_audit_field_name(field);
    return (size_t)name->len == strlen(wanted) && memcmp(name->str, wanted, strlen(wanted)) == 0;
}

/* Fields come in their order, but a foreign writer's need not: hint is where the search begins. */
static enum sk_audit_field field_of(const redisReply *name, size_t hint)
{
    for (size_t i = 0; i < SK_AUDIT_FIELD_COUNT; i++) {
        enum sk_audit_field field = (enum sk_audit_field)((hint + i) % SK_AUDIT_FIELD_COUNT);
        if (is_named(name, field)) {
            return field;
        }
    }
    return SK_AUDIT_FIELD_COUNT;
}

/* Whether that is all the entry says. */
static bool is_request(const redisReply *fields)
{
    size_t length = strlen(SK_AUDIT_RECOVERY_FIELD);
    return fields->elements == 2 && sk_reply_is_text(fields->element[0]) && sk_reply_is_text(fields->element[1]) &&
           (size_t)fields->element[0]->len == length &&
           memcmp(fields->element[0]->str, SK_AUDIT_RECOVERY_FIELD, length) == 0;
}

static void read_fields(const redisReply *fields, struct sk_audit_entry *entry)
{
    if (is_request(fields)) {
        const redisReply *value = fields->element[1];
        entry->wanted = (struct sk_audit_value){.text = value->str, .length = (size_t)value->len};
        return;
    }
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const redisReply *name = fields->element[i];
        const redisReply *value = fields->element[i + 1];
        if (!sk_reply_is_text(name) || !sk_reply_is_text(value)) {
            continue;
        }
        enum sk_audit_field field = field_of(name, i / 2);
        if (field < SK_AUDIT_FIELD_COUNT) {
            entry->event.field[field] = (struct sk_audit_value){.text = value->str, .length = (size_t)value->len};
        }
    }
    for (size_t i = 0; i < SK_AUDIT_FIELD_COUNT; i++) {
        struct sk_audit_value *value = &entry->event.field[i];
        if (!value->text && sk_audit_field_optional((enum sk_audit_field)i)) {
            *value = (struct sk_audit_value){.text = "", .length = 0};
        }
        entry->malformed |= !value->text;
    }
}

enum sk_code sk_audit_batch_fill(struct sk_audit_batch *batch, redisReply *reply, const redisReply *list,
                                 struct sk_error *error)
{
    *batch = (struct sk_audit_batch){.reply = reply};
    if (!list || list->type == REDIS_REPLY_NIL) {
        return SK_OK;
    }
    if (!sk_reply_is_array(list, 0)) {
        sk_audit_batch_clear(batch);
        return sk_fail(error, SK_INTERNAL_ERROR, "Redis answered with something else than stream entries");
    }
    batch->entries = calloc(list->elements + 1, sizeof *batch->entries);
    if (!batch->entries) {
        sk_audit_batch_clear(batch);
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    for (size_t i = 0; i < list->elements; i++) {
        const redisReply *item = list->element[i];
        if (!sk_reply_is_array(item, 2) || !sk_reply_is_text(item->element[0])) {
            continue;
        }
        if (sk_reply_is_array(item->element[1], 0)) {
            struct sk_audit_entry *entry = &batch->entries[batch->count++];
            entry->stream_id = item->element[0]->str;
            read_fields(item->element[1], entry);
        } else {
            batch->gone_count++; /* from the end of the list on */
            batch->entries[list->elements - batch->gone_count].stream_id = item->element[0]->str;
        }
    }
    batch->gone = batch->entries + (list->elements - batch->gone_count);
    return SK_OK;
}
