/* Events as rows of COPY's text form. */
#include "audit/event_writer.h"
#include "tests/unit/suites.h"

#include <string.h>

static const struct sk_audit_value empty = {.text = "", .length = 0};

/* The row of an event whose actor is this and whose other fields are empty. */
static void check_actor(const char *bytes, size_t length, const char *expected)
{
    struct sk_audit_event event;
    struct sk_buffer row = {0};
    struct sk_buffer wanted = {0};
    for (size_t i = 0; i < SK_AUDIT_FIELD_COUNT; i++) {
        event.field[i] = empty;
    }
    event.field[SK_AUDIT_ACTOR] = (struct sk_audit_value){.text = bytes, .length = length};
    sk_event_writer_row(&row, 12, &event);
    sk_buffer_append_text(&wanted, "12");
    for (size_t i = 0; i < SK_AUDIT_FIELD_COUNT; i++) {
        sk_buffer_append_char(&wanted, '\t');
        sk_buffer_append_text(&wanted, i == SK_AUDIT_ACTOR ? expected : "\\N");
    }
    sk_buffer_append_char(&wanted, '\n');
    CU_ASSERT_STRING_EQUAL(sk_buffer_text(&row), sk_buffer_text(&wanted));
    sk_buffer_clear(&row);
    sk_buffer_clear(&wanted);
}

static void values_are_escaped(void)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *expected;
    } rows[] = {
        {"anna", 4, "anna"},
        {"", 0, "\\N"},
        {"\\", 1, "\\\\"},
        {"\\N", 2, "\\\\N"},
        {"\\.", 2, "\\\\."},
        {"a\tb\nc\rd", 7, "a\\tb\\nc\\rd"},
        {"\n\n", 2, "\\n\\n"},
        {"a\0b", 3, "a\\000b"},
        {"\xe2\x98\x83", 3, "\xe2\x98\x83"},
        {"{\"a\":\"\\u0000\"}", 14, "{\"a\":\"\\\\u0000\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_actor(rows[i].bytes, rows[i].length, rows[i].expected);
    }
}

static void nothing_can_be_made_without_a_server(void)
{
    struct sk_error error = {0};
    int64_t added = 7;
    struct sk_audit_entry entry = {.stream_id = "1-0"};
    struct sk_database *database = sk_database_new("host=127.0.0.1 port=1 connect_timeout=2");
    struct sk_event_writer *writer = sk_event_writer_new(database);
    CU_ASSERT_EQUAL(sk_event_writer_write(writer, &entry, 1, &added, &error), SK_ARCHIVE_UNAVAILABLE);
    CU_ASSERT_EQUAL(added, 0);
    CU_ASSERT(error.text[0] != '\0');
    sk_event_writer_free(writer);
    sk_database_free(database);
    sk_event_writer_free(NULL);
    sk_database_free(NULL);
}

void suite_event_writer(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"values are escaped", values_are_escaped},
        {"nothing can be made without a server", nothing_can_be_made_without_a_server},
    };
    ADD_TESTS(suite, tests);
}
