/* Events as rows of COPY's binary form, and a writer without a server. */
#include "audit/event_row.h"
#include "audit/event_writer.h"
#include "tests/unit/suites.h"

#include <stdlib.h>
#include <string.h>

#define ID "01a1fae0-4de2-7465-a1b9-be16f8854748"
#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define LATER_ID "01A1FAE0-5178-728c-80f3-a257f9c7836d"

static struct sk_audit_value text(const char *value)
{
    return (struct sk_audit_value){.text = value, .length = strlen(value)};
}

/* The least that an event has. */
static struct sk_audit_event least(void)
{
    struct sk_audit_event event;
    for (size_t i = 0; i < SK_AUDIT_FIELD_COUNT; i++) {
        event.field[i] = text("");
    }
    event.field[SK_AUDIT_EVENT_ID] = text(ID);
    event.field[SK_AUDIT_SESSION_ID] = text("game");
    event.field[SK_AUDIT_CREATED_AT_MS] = text("946684800001");
    event.field[SK_AUDIT_TYPE] = text("t");
    event.field[SK_AUDIT_VERSION] = text("2");
    event.field[SK_AUDIT_CYCLE_NUMBER] = text("-1");
    event.field[SK_AUDIT_AT_MS] = text("946684799999");
    return event;
}

static void a_row_is_written_as_copy_reads_it(void)
{
    static const char expected[] = "\0\20"
                                   "\0\0\0\20\x01\xa1\xfa\xe0\x4d\xe2\x74\x65\xa1\xb9\xbe\x16\xf8\x85\x47\x48"
                                   "\xff\xff\xff\xff"
                                   "\0\0\0\4game"
                                   "\0\0\0\10\0\0\0\0\0\0\3\xe8"
                                   "\0\0\0\1t"
                                   "\xff\xff\xff\xff"
                                   "\0\0\0\10\0\0\0\0\0\0\0\2"
                                   "\0\0\0\10\xff\xff\xff\xff\xff\xff\xff\xff"
                                   "\0\0\0\0"
                                   "\xff\xff\xff\xff"
                                   "\0\0\0\10\xff\xff\xff\xff\xff\xff\xfc\x18"
                                   "\0\0\0\10\0\0\0\0\0\0\0\0"
                                   "\xff\xff\xff\xff"
                                   "\0\0\0\4\1[1]"
                                   "\0\0\0\3\1{}"
                                   "\0\0\0\40" TRACE;
    struct sk_error error = {0};
    struct sk_event_row row;
    struct sk_buffer out = {0};
    struct sk_audit_event event = least();
    event.field[SK_AUDIT_SNAPSHOT] = text("[1]");
    event.field[SK_AUDIT_TRACE_ID] = text(TRACE);
    CU_ASSERT_EQUAL_FATAL(sk_event_row_read(&row, &event, &error), SK_OK);
    sk_event_row_append(&out, &row);
    CU_ASSERT_EQUAL_FATAL(out.length, sizeof expected - 1);
    CU_ASSERT(memcmp(out.data, expected, out.length) == 0);
    sk_buffer_reset(&out);
    sk_event_row_begin(&out);
    sk_event_row_end(&out);
    CU_ASSERT_EQUAL_FATAL(out.length, 21);
    CU_ASSERT(memcmp(out.data, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\377\377", out.length) == 0);
    sk_buffer_clear(&out);
}

/* The column is the last of a row. */
static void a_trace_id_that_is_none_is_null(void)
{
    static const char *const values[] = {"",
                                         "feed",
                                         "0af7651916cd43dd8448eb211c80319c0",
                                         "0AF7651916CD43DD8448EB211C80319C",
                                         "0af7651916cd43dd8448eb211c80319g",
                                         "0af7651916cd43dd8448eb211c80319 "};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct sk_error error = {0};
        struct sk_event_row row;
        struct sk_buffer out = {0};
        struct sk_audit_event event = least();
        event.field[SK_AUDIT_TRACE_ID] = text(values[i]);
        CU_ASSERT_EQUAL_FATAL(sk_event_row_read(&row, &event, &error), SK_OK);
        sk_event_row_append(&out, &row);
        CU_ASSERT_FATAL(out.length > 4);
        CU_ASSERT(memcmp(out.data + out.length - 4, "\xff\xff\xff\xff", 4) == 0);
        sk_buffer_clear(&out);
    }
}

static void what_a_column_cannot_hold_is_refused_by_name(void)
{
    static const struct {
        enum sk_audit_field field;
        const char *value;
        bool good;
    } rows[] = {
        {SK_AUDIT_EVENT_ID, LATER_ID, true},
        {SK_AUDIT_EVENT_ID, "", false},
        {SK_AUDIT_EVENT_ID, "01a1fae0-4de2-7465-a1b9-be16f885474", false},
        {SK_AUDIT_EVENT_ID, "01a1fae0-4de2-7465-a1b9-be16f88547489", false},
        {SK_AUDIT_EVENT_ID, "01a1fae0-4de2-7465-a1b9-be16f885474g", false},
        {SK_AUDIT_EVENT_ID, "01a1fae004de2-7465-a1b9-be16f8854748", false},
        {SK_AUDIT_PREV_EVENT_ID, "", true},
        {SK_AUDIT_PREV_EVENT_ID, "none", false},
        {SK_AUDIT_SESSION_ID, "", false},
        {SK_AUDIT_TYPE, "", false},
        {SK_AUDIT_VERSION, "9223372036854775807", true},
        {SK_AUDIT_VERSION, "-9223372036854775808", true},
        {SK_AUDIT_VERSION, "9223372036854775808", false},
        {SK_AUDIT_VERSION, "", false},
        {SK_AUDIT_VERSION, "-", false},
        {SK_AUDIT_VERSION, "1.5", false},
        {SK_AUDIT_VERSION, " 1", false},
        {SK_AUDIT_AT_MS, "9223372036854776", false},
        {SK_AUDIT_AT_MS, "-9223372036854775", false},
        {SK_AUDIT_AT_MS, "soon", false},
        {SK_AUDIT_EXPIRY_COUNT, "", true},
        {SK_AUDIT_EXPIRY_COUNT, "x", false},
        {SK_AUDIT_METADATA, "", true},
        {SK_AUDIT_SNAPSHOT, "no JSON, says PostgreSQL", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk_error error = {0};
        struct sk_event_row row;
        struct sk_audit_event event = least();
        event.field[rows[i].field] = text(rows[i].value);
        CU_ASSERT_EQUAL(sk_event_row_read(&row, &event, &error), rows[i].good ? SK_OK : SK_VALIDATION_ERROR);
        CU_ASSERT(rows[i].good || strstr(error.text, sk_audit_field_name(rows[i].field)) == error.text);
    }
}

/* Far more than the service writes is nothing that PostgreSQL need choke on. */
static void a_field_of_many_megabytes_is_refused_by_name(void)
{
    static char big[SK_EVENT_FIELD_BYTES_MAX + 1];
    struct sk_error error = {0};
    struct sk_event_row row;
    struct sk_audit_event event = least();
    memset(big, '1', sizeof big);
    event.field[SK_AUDIT_METADATA] = (struct sk_audit_value){big, sizeof big - 1};
    CU_ASSERT_EQUAL(sk_event_row_read(&row, &event, &error), SK_OK);
    event.field[SK_AUDIT_METADATA].length = sizeof big;
    CU_ASSERT_EQUAL(sk_event_row_read(&row, &event, &error), SK_VALIDATION_ERROR);
    CU_ASSERT_STRING_EQUAL(error.text, "metadata is too long: 8388609 bytes");
}

static void an_id_is_written_as_it_was_read(void)
{
    unsigned char id[SK_EVENT_ID_BYTES];
    struct sk_buffer out = {0};
    CU_ASSERT_FATAL(sk_event_row_read_id(ID, strlen(ID), id));
    sk_event_row_append_id(&out, id);
    CU_ASSERT_STRING_EQUAL(sk_buffer_text(&out), ID);
    sk_buffer_clear(&out);
}

static void the_newest_of_each_life_comes_last(void)
{
    static const struct {
        const char *session;
        const char *created_at_ms;
        const char *version;
        const char *at_ms;
    } events[] = {
        /* in the order that is wanted */
        {"b", "1", "9", "9"},  {"b", "2", "9", "5"}, {"b", "2", "9", "6"},
        {"b", "2", "10", "1"}, {"c", "1", "1", "1"}, {"c", "1", "1", "1"}, /* the same but for their position */
        {"aa", "1", "1", "1"},
    };
    enum { COUNT = sizeof events / sizeof events[0] };
    struct sk_audit_event sources[COUNT];
    struct sk_event_row rows[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        struct sk_error error = {0};
        size_t place = (i * 3 + 2) % COUNT; /* anything but in order */
        sources[i] = least();
        sources[i].field[SK_AUDIT_SESSION_ID] = text(events[i].session);
        sources[i].field[SK_AUDIT_CREATED_AT_MS] = text(events[i].created_at_ms);
        sources[i].field[SK_AUDIT_VERSION] = text(events[i].version);
        sources[i].field[SK_AUDIT_AT_MS] = text(events[i].at_ms);
        CU_ASSERT_EQUAL(sk_event_row_read(&rows[place], &sources[i], &error), SK_OK);
        rows[place].position = i;
    }
    qsort(rows, COUNT, sizeof rows[0], sk_event_row_by_life);
    for (size_t i = 0; i < COUNT; i++) {
        CU_ASSERT_EQUAL(rows[i].position, i);
    }
    CU_ASSERT(!sk_event_row_same_life(&rows[0], &rows[1]));
    CU_ASSERT(sk_event_row_same_life(&rows[1], &rows[3]));
    CU_ASSERT(!sk_event_row_same_life(&rows[3], &rows[4]));
    qsort(rows, COUNT, sizeof rows[0], sk_event_row_by_id); /* one id: only the positions tell them apart */
    CU_ASSERT_EQUAL(rows[0].position, 0);
    CU_ASSERT_EQUAL(rows[COUNT - 1].position, COUNT - 1);
}

static void nothing_can_be_made_without_a_server(void)
{
    struct sk_error error = {0};
    int64_t added = 7;
    struct sk_audit_entry entry = {.stream_id = "1-0", .event = least()};
    struct sk_database *database = sk_database_new("host=127.0.0.1 port=1 connect_timeout=2");
    struct sk_event_writer *writer = sk_event_writer_new(database);
    CU_ASSERT_EQUAL(sk_event_writer_write(writer, &entry, 1, &added, &error), SK_ARCHIVE_UNAVAILABLE);
    CU_ASSERT_EQUAL(added, 0);
    CU_ASSERT(error.text[0] != '\0');
    entry.event.field[SK_AUDIT_VERSION] = text("two");
    CU_ASSERT_EQUAL(sk_event_writer_write(writer, &entry, 1, &added, &error), SK_VALIDATION_ERROR);
    sk_event_writer_free(writer);
    sk_database_free(database);
    sk_event_writer_free(NULL);
    sk_database_free(NULL);
}

void suite_event_writer(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"a row is written as COPY reads it", a_row_is_written_as_copy_reads_it},
        {"a trace id that is none is null", a_trace_id_that_is_none_is_null},
        {"what a column cannot hold is refused by name", what_a_column_cannot_hold_is_refused_by_name},
        {"a field of many megabytes is refused by name", a_field_of_many_megabytes_is_refused_by_name},
        {"an id is written as it was read", an_id_is_written_as_it_was_read},
        {"the newest of each life comes last", the_newest_of_each_life_comes_last},
        {"nothing can be made without a server", nothing_can_be_made_without_a_server},
    };
    ADD_TESTS(suite, tests);
}
