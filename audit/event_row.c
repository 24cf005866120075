/* Rows of sync_events in COPY's binary form. Owns the shape of each column. Numbers and ids are read here, since the
 * form wants them as bytes; whether text is UTF-8 and JSON is JSON only PostgreSQL decides. */
#include "audit/event_row.h"

#include <endian.h>
#include <string.h>

#define NO_LENGTH (-1)                              /* of a null */
#define EPOCH_US (INT64_C(946684800) * 1000 * 1000) /* 2000-01-01, from which PostgreSQL counts */
#define JSONB_VERSION 1
#define TRACE_ID_DIGITS ((size_t)32)

enum shape { IDENTIFIER, TEXT, TRACE, NUMBER, INSTANT, JSON };

/* otherwise: what stands where a field is empty, or no trace id; NULL: null, where the column takes one. */
static const struct column {
    enum shape shape;
    bool required;
    const char *otherwise;
} columns[SK_AUDIT_FIELD_COUNT] = {
    [SK_AUDIT_EVENT_ID] = {IDENTIFIER, true, NULL}, [SK_AUDIT_PREV_EVENT_ID] = {IDENTIFIER, false, NULL},
    [SK_AUDIT_SESSION_ID] = {TEXT, true, NULL},     [SK_AUDIT_CREATED_AT_MS] = {INSTANT, true, NULL},
    [SK_AUDIT_TYPE] = {TEXT, true, NULL},           [SK_AUDIT_PARTICIPANT_ID] = {TEXT, false, NULL},
    [SK_AUDIT_VERSION] = {NUMBER, true, NULL},      [SK_AUDIT_CYCLE_NUMBER] = {NUMBER, true, NULL},
    [SK_AUDIT_ACTOR] = {TEXT, false, ""},           [SK_AUDIT_REQUEST_ID] = {TEXT, false, NULL},
    [SK_AUDIT_AT_MS] = {INSTANT, true, NULL},       [SK_AUDIT_EXPIRY_COUNT] = {NUMBER, false, "0"},
    [SK_AUDIT_EXPIRIES] = {JSON, false, NULL},      [SK_AUDIT_SNAPSHOT] = {JSON, false, NULL},
    [SK_AUDIT_METADATA] = {JSON, false, "{}"},      [SK_AUDIT_TRACE_ID] = {TRACE, false, NULL},
};

/* --- reading ---------------------------------------------------------------------------------------------------- */

static int digit_of(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    if (byte >= 'a' && byte <= 'f') {
        return byte - 'a' + 10;
    }
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

bool sk_event_row_read_id(const char *text, size_t length, unsigned char id[SK_EVENT_ID_BYTES])
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t digits = 0;
    if (length != sizeof form - 1) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        int digit = digit_of(text[i]);
        if (form[i] == '-' ? text[i] != '-' : digit < 0) {
            return false;
        }
        if (form[i] == 'x') {
            unsigned char *byte = &id[digits / 2];
            *byte = (unsigned char)(digits % 2 == 0 ? digit << 4 : *byte | digit);
            digits++;
        }
    }
    return true;
}

static bool read_number(const struct sk_audit_value *value, int64_t *number)
{
    bool negative = value->length > 0 && value->text[0] == '-';
    int64_t sum = 0;
    for (size_t i = negative; i < value->length; i++) {
        int digit = value->text[i] >= '0' && value->text[i] <= '9' ? value->text[i] - '0' : -1;
        if (digit < 0 || __builtin_mul_overflow(sum, INT64_C(10), &sum) ||
            __builtin_add_overflow(sum, (int64_t)(negative ? -digit : digit), &sum)) {
            return false;
        }
    }
    *number = sum;
    return value->length > (negative ? 1 : 0);
}

static bool read_instant(const struct sk_audit_value *value, int64_t *us)
{
    int64_t ms;
    return read_number(value, &ms) && !__builtin_mul_overflow(ms, INT64_C(1000), us) &&
           !__builtin_sub_overflow(*us, EPOCH_US, us);
}

/* What the column's constraint lets in: an event is worth more than a trace id that is none. */
static bool is_trace_id(const struct sk_audit_value *value)
{
    bool good = value->length == TRACE_ID_DIGITS;
    for (size_t i = 0; good && i < value->length; i++) {
        good = digit_of(value->text[i]) >= 0 && !(value->text[i] >= 'A' && value->text[i] <= 'F');
    }
    return good;
}

/* What the field holds, or what stands for it; its text is NULL for null. */
static struct sk_audit_value value_of(const struct sk_audit_event *event, size_t field)
{
    const char *otherwise = columns[field].otherwise;
    struct sk_audit_value value = event->field[field];
    if (value.length == 0 || (columns[field].shape == TRACE && !is_trace_id(&value))) {
        value = (struct sk_audit_value){.text = otherwise, .length = otherwise ? strlen(otherwise) : 0};
    }
    return value;
}

static bool read_field(struct sk_event_row *row, size_t field)
{
    struct sk_audit_value value = value_of(row->event, field);
    if (!value.text) {
        return !columns[field].required;
    }
    switch (columns[field].shape) {
    case IDENTIFIER:
        return sk_event_row_read_id(value.text, value.length, field == SK_AUDIT_EVENT_ID ? row->id : row->previous);
    case NUMBER:
        return read_number(&value, &row->number[field]);
    case INSTANT:
        return read_instant(&value, &row->number[field]);
    case TEXT:
    case TRACE:
    case JSON:
        break;
    }
    return true;
}

enum sk_code sk_event_row_read(struct sk_event_row *row, const struct sk_audit_event *event, struct sk_error *error)
{
    *row = (struct sk_event_row){.event = event};
    for (size_t i = 0; i < SK_AUDIT_FIELD_COUNT; i++) {
        if (event->field[i].length > SK_EVENT_FIELD_BYTES_MAX) {
            return sk_fail(error, SK_VALIDATION_ERROR, "%s is too long: %zu bytes",
                           sk_audit_field_name((enum sk_audit_field)i), event->field[i].length);
        }
        if (!read_field(row, i)) {
            return sk_fail(error, SK_VALIDATION_ERROR, "%s is not what its column holds",
                           sk_audit_field_name((enum sk_audit_field)i));
        }
    }
    return SK_OK;
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

static void append_16(struct sk_buffer *out, int16_t number)
{
    uint16_t wire = htobe16((uint16_t)number);
    sk_buffer_append(out, (const char *)&wire, sizeof wire);
}

static void append_32(struct sk_buffer *out, int32_t number)
{
    uint32_t wire = htobe32((uint32_t)number);
    sk_buffer_append(out, (const char *)&wire, sizeof wire);
}

static void append_bytes(struct sk_buffer *out, const void *bytes, size_t length)
{
    append_32(out, (int32_t)length);
    sk_buffer_append(out, bytes, length);
}

static void append_field(struct sk_buffer *out, const struct sk_event_row *row, size_t field)
{
    uint64_t wire = htobe64((uint64_t)row->number[field]);
    struct sk_audit_value value = value_of(row->event, field);
    if (!value.text) {
        append_32(out, NO_LENGTH);
        return;
    }
    switch (columns[field].shape) {
    case IDENTIFIER:
        append_bytes(out, field == SK_AUDIT_EVENT_ID ? row->id : row->previous, SK_EVENT_ID_BYTES);
        break;
    case NUMBER:
    case INSTANT:
        append_bytes(out, &wire, sizeof wire);
        break;
    case TEXT:
    case TRACE:
        append_bytes(out, value.text, value.length);
        break;
    case JSON:
        append_32(out, (int32_t)value.length + 1);
        sk_buffer_append_char(out, JSONB_VERSION);
        sk_buffer_append(out, value.text, value.length);
        break;
    }
}

void sk_event_row_append(struct sk_buffer *out, const struct sk_event_row *row)
{
    append_16(out, SK_AUDIT_FIELD_COUNT);
    for (size_t i = 0; i < SK_AUDIT_FIELD_COUNT; i++) {
        append_field(out, row, i);
    }
}

void sk_event_row_begin(struct sk_buffer *out)
{
    static const char header[] = "PGCOPY\n\377\r\n\0" /* and no flags, nothing more */
                                 "\0\0\0\0"
                                 "\0\0\0\0";
    sk_buffer_append(out, header, sizeof header - 1);
}

void sk_event_row_end(struct sk_buffer *out)
{
    append_16(out, -1);
}

void sk_event_row_append_id(struct sk_buffer *out, const unsigned char id[SK_EVENT_ID_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < SK_EVENT_ID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            sk_buffer_append_char(out, '-');
        }
        sk_buffer_append_char(out, hex[id[i] >> 4]);
        sk_buffer_append_char(out, hex[id[i] & 15]);
    }
}

/* --- orders ----------------------------------------------------------------------------------------------------- */

static int compare_numbers(int64_t left, int64_t right)
{
    return (left > right) - (left < right);
}

int sk_event_row_by_id(const void *left, const void *right)
{
    const struct sk_event_row *a = left;
    const struct sk_event_row *b = right;
    int order = memcmp(a->id, b->id, sizeof a->id);
    return order ? order : compare_numbers((int64_t)a->position, (int64_t)b->position);
}

static int compare_lives(const struct sk_event_row *a, const struct sk_event_row *b)
{
    const struct sk_audit_value *left = &a->event->field[SK_AUDIT_SESSION_ID];
    const struct sk_audit_value *right = &b->event->field[SK_AUDIT_SESSION_ID];
    int order = compare_numbers((int64_t)left->length, (int64_t)right->length);
    order = order ? order : memcmp(left->text, right->text, left->length);
    return order ? order : compare_numbers(a->number[SK_AUDIT_CREATED_AT_MS], b->number[SK_AUDIT_CREATED_AT_MS]);
}

bool sk_event_row_same_life(const struct sk_event_row *left, const struct sk_event_row *right)
{
    return compare_lives(left, right) == 0;
}

int sk_event_row_by_life(const void *left, const void *right)
{
    const struct sk_event_row *a = left;
    const struct sk_event_row *b = right;
    int order = compare_lives(a, b);
    order = order ? order : compare_numbers(a->number[SK_AUDIT_VERSION], b->number[SK_AUDIT_VERSION]);
    order = order ? order : compare_numbers(a->number[SK_AUDIT_AT_MS], b->number[SK_AUDIT_AT_MS]);
    return order ? order : compare_numbers((int64_t)a->position, (int64_t)b->position);
}
