/* Audit events: their fields' names, and entries out of a stream's reply. */
#include "common/audit_event.h"
#include "common/audit_queue.h"
#include "tests/unit/suites.h"

#include <stdlib.h>
#include <string.h>

/* What hiredis makes of the server's bytes. Owned. */
static redisReply *reply_of(const char *bytes, size_t length)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    CU_ASSERT_EQUAL_FATAL(redisReaderFeed(reader, bytes, length), REDIS_OK);
    CU_ASSERT_EQUAL_FATAL(redisReaderGetReply(reader, &reply), REDIS_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    redisReaderFree(reader);
    return reply;
}

static void append_bulk(struct sk_buffer *out, const char *text)
{
    sk_buffer_append_format(out, "$%zu\r\n%s\r\n", strlen(text), text);
}

/* An entry with every field but one, each with its own name as value; backwards if asked. */
static void append_entry(struct sk_buffer *out, const char *id, size_t without, bool backwards)
{
    size_t count = without < SK_AUDIT_FIELD_COUNT ? SK_AUDIT_FIELD_COUNT - 1 : SK_AUDIT_FIELD_COUNT;
    sk_buffer_append_text(out, "*2\r\n");
    append_bulk(out, id);
    sk_buffer_append_format(out, "*%zu\r\n", 2 * count);
    for (size_t i = 0; i < SK_AUDIT_FIELD_COUNT; i++) {
        size_t field = backwards ? SK_AUDIT_FIELD_COUNT - 1 - i : i;
        if (field != without) {
            append_bulk(out, sk_audit_field_name((enum sk_audit_field)field));
            append_bulk(out, sk_audit_field_name((enum sk_audit_field)field));
        }
    }
}

static void fill(struct sk_audit_batch *batch, const char *bytes, size_t length, enum sk_code expected)
{
    struct sk_error error = {0};
    redisReply *reply = reply_of(bytes, length);
    CU_ASSERT_EQUAL(sk_audit_batch_fill(batch, reply, reply, &error), expected);
}

static void every_field_has_a_name_of_its_own(void)
{
    for (size_t i = 0; i < SK_AUDIT_FIELD_COUNT; i++) {
        const char *name = sk_audit_field_name((enum sk_audit_field)i);
        CU_ASSERT(name && name[0]);
        for (size_t k = 0; k < i; k++) {
            CU_ASSERT_STRING_NOT_EQUAL(name, sk_audit_field_name((enum sk_audit_field)k));
        }
    }
}

static void fields_are_found_in_any_order(void)
{
    for (int backwards = 0; backwards < 2; backwards++) {
        struct sk_buffer bytes = {0};
        struct sk_audit_batch batch;
        sk_buffer_append_text(&bytes, "*1\r\n");
        append_entry(&bytes, "17-3", SIZE_MAX, backwards != 0);
        fill(&batch, bytes.data, bytes.length, SK_OK);
        CU_ASSERT_EQUAL_FATAL(batch.count, 1);
        CU_ASSERT_STRING_EQUAL(batch.entries[0].stream_id, "17-3");
        CU_ASSERT_FALSE(batch.entries[0].malformed);
        for (size_t i = 0; i < SK_AUDIT_FIELD_COUNT; i++) {
            const struct sk_audit_value *value = &batch.entries[0].event.field[i];
            CU_ASSERT_STRING_EQUAL(value->text, sk_audit_field_name((enum sk_audit_field)i));
            CU_ASSERT_EQUAL(value->length, strlen(value->text));
        }
        sk_audit_batch_clear(&batch);
        sk_buffer_clear(&bytes);
    }
}

static void an_entry_without_a_field_is_malformed(void)
{
    for (size_t without = 0; without < SK_AUDIT_TRACE_ID; without++) {
        struct sk_buffer bytes = {0};
        struct sk_audit_batch batch;
        sk_buffer_append_text(&bytes, "*2\r\n");
        append_entry(&bytes, "1-0", without, false);
        append_entry(&bytes, "2-0", SIZE_MAX, false);
        fill(&batch, bytes.data, bytes.length, SK_OK);
        CU_ASSERT_EQUAL_FATAL(batch.count, 2);
        CU_ASSERT_TRUE(batch.entries[0].malformed);
        CU_ASSERT_PTR_NULL(batch.entries[0].event.field[without].text);
        CU_ASSERT_PTR_NOT_NULL(batch.entries[0].event.field[(without + 1) % SK_AUDIT_FIELD_COUNT].text);
        CU_ASSERT_FALSE(batch.entries[1].malformed);
        sk_audit_batch_clear(&batch);
        sk_buffer_clear(&bytes);
    }
}

static void an_entry_of_an_earlier_release_has_no_trace(void)
{
    struct sk_buffer bytes = {0};
    struct sk_audit_batch batch;
    sk_buffer_append_text(&bytes, "*1\r\n");
    append_entry(&bytes, "1-0", SK_AUDIT_TRACE_ID, false);
    fill(&batch, bytes.data, bytes.length, SK_OK);
    CU_ASSERT_EQUAL_FATAL(batch.count, 1);
    CU_ASSERT_FALSE(batch.entries[0].malformed);
    CU_ASSERT_PTR_NOT_NULL_FATAL(batch.entries[0].event.field[SK_AUDIT_TRACE_ID].text);
    CU_ASSERT_STRING_EQUAL(batch.entries[0].event.field[SK_AUDIT_TRACE_ID].text, "");
    CU_ASSERT_EQUAL(batch.entries[0].event.field[SK_AUDIT_TRACE_ID].length, 0);
    sk_audit_batch_clear(&batch);
    sk_buffer_clear(&bytes);
}

static void foreign_entries_are_malformed_and_deleted_ones_left_out(void)
{
    static const char bytes[] = "*4\r\n"
                                "*2\r\n$3\r\n1-0\r\n*2\r\n$3\r\nfoo\r\n$3\r\nbar\r\n"
                                "*2\r\n$3\r\n2-0\r\n*-1\r\n" /* deleted since it was handed out */
                                "*-1\r\n"
                                "*2\r\n$3\r\n3-0\r\n*1\r\n:5\r\n";
    struct sk_audit_batch batch;
    fill(&batch, bytes, sizeof bytes - 1, SK_OK);
    CU_ASSERT_EQUAL_FATAL(batch.count, 2);
    CU_ASSERT_STRING_EQUAL(batch.entries[0].stream_id, "1-0");
    CU_ASSERT_TRUE(batch.entries[0].malformed);
    CU_ASSERT_STRING_EQUAL(batch.entries[1].stream_id, "3-0");
    CU_ASSERT_TRUE(batch.entries[1].malformed);
    CU_ASSERT_EQUAL_FATAL(batch.gone_count, 1);
    CU_ASSERT_STRING_EQUAL(batch.gone[0].stream_id, "2-0");
    sk_audit_batch_clear(&batch);
}

static void a_request_is_neither_an_event_nor_malformed(void)
{
    static const char bytes[] = "*2\r\n"
                                "*2\r\n$3\r\n1-0\r\n*2\r\n$15\r\nrecovery_wanted\r\n$3\r\nabc\r\n"
                                "*2\r\n$3\r\n2-0\r\n*4\r\n$15\r\nrecovery_wanted\r\n$3\r\nabc\r\n"
                                "$1\r\na\r\n$1\r\nb\r\n";
    struct sk_audit_batch batch;
    fill(&batch, bytes, sizeof bytes - 1, SK_OK);
    CU_ASSERT_EQUAL_FATAL(batch.count, 2);
    CU_ASSERT_FALSE(batch.entries[0].malformed);
    CU_ASSERT_PTR_NOT_NULL_FATAL(batch.entries[0].wanted.text);
    CU_ASSERT_STRING_EQUAL(batch.entries[0].wanted.text, "abc");
    CU_ASSERT_EQUAL(batch.entries[0].wanted.length, 3);
    CU_ASSERT_TRUE(batch.entries[1].malformed);
    CU_ASSERT_PTR_NULL(batch.entries[1].wanted.text);
    sk_audit_batch_clear(&batch);
}

static void bytes_of_a_value_are_kept(void)
{
    static const char bytes[] = "*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$5\r\nactor\r\n$4\r\na\0b\n\r\n";
    struct sk_audit_batch batch;
    fill(&batch, bytes, sizeof bytes - 1, SK_OK);
    CU_ASSERT_EQUAL_FATAL(batch.count, 1);
    CU_ASSERT_EQUAL_FATAL(batch.entries[0].event.field[SK_AUDIT_ACTOR].length, 4);
    CU_ASSERT_EQUAL(memcmp(batch.entries[0].event.field[SK_AUDIT_ACTOR].text, "a\0b\n", 4), 0);
    sk_audit_batch_clear(&batch);
}

static void nothing_is_an_empty_batch(void)
{
    struct sk_audit_batch batch;
    fill(&batch, "*-1\r\n", 5, SK_OK);
    CU_ASSERT_EQUAL(batch.count, 0);
    sk_audit_batch_clear(&batch);
    fill(&batch, "*0\r\n", 4, SK_OK);
    CU_ASSERT_EQUAL(batch.count, 0);
    sk_audit_batch_clear(&batch);
    sk_audit_batch_clear(&batch);
}

static void another_reply_is_an_error(void)
{
    struct sk_audit_batch batch;
    fill(&batch, ":7\r\n", 4, SK_INTERNAL_ERROR);
    CU_ASSERT_EQUAL(batch.count, 0);
    CU_ASSERT_PTR_NULL(batch.reply);
}

void suite_audit_event(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"every field has a name of its own", every_field_has_a_name_of_its_own},
        {"fields are found in any order", fields_are_found_in_any_order},
        {"an entry without a field is malformed", an_entry_without_a_field_is_malformed},
        {"an entry of an earlier release has no trace", an_entry_of_an_earlier_release_has_no_trace},
        {"foreign entries are malformed, deleted ones left out",
         foreign_entries_are_malformed_and_deleted_ones_left_out},
        {"a request is neither an event nor malformed", a_request_is_neither_an_event_nor_malformed},
        {"bytes of a value are kept", bytes_of_a_value_are_kept},
        {"nothing is an empty batch", nothing_is_an_empty_batch},
        {"another reply is an error", another_reply_is_an_error},
    };
    ADD_TESTS(suite, tests);
}
