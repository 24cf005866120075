/* Reading traceparent. Owns nothing. */
#include "common/trace.h"

#include <string.h>

/* x: a lower-case hexadecimal digit. Version, trace id, parent id, flags. */
static const char form[] = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";

#define FORM_LENGTH (sizeof form - 1)
#define TRACE_AT 3
#define PARENT_AT 36
#define PARENT_DIGITS 16

static bool has_form(const char *text)
{
    for (size_t i = 0; i < FORM_LENGTH; i++) {
        bool fits = form[i] == 'x' ? text[i] && strchr("0123456789abcdef", text[i]) : text[i] == form[i];
        if (!fits) {
            return false;
        }
    }
    return true;
}

static bool is_zero(const char *digits, size_t count)
{
    return strspn(digits, "0") >= count;
}

/* Version ff is none. What a later one than 00 has behind the four fields begins with a dash. */
static bool has_version(const char *text)
{
    char behind = text[FORM_LENGTH];
    bool is_later = strncmp(text, "00", 2) != 0;
    return strncmp(text, "ff", 2) != 0 && (behind == '\0' || (is_later && behind == '-'));
}

bool sk_trace_read(const char *traceparent, char trace_id[SK_TRACE_ID_BYTES])
{
    trace_id[0] = '\0';
    if (!has_form(traceparent) || !has_version(traceparent) || is_zero(traceparent + TRACE_AT, SK_TRACE_ID_BYTES - 1) ||
        is_zero(traceparent + PARENT_AT, PARENT_DIGITS)) {
        return false;
    }
    memcpy(trace_id, traceparent + TRACE_AT, SK_TRACE_ID_BYTES - 1);
    trace_id[SK_TRACE_ID_BYTES - 1] = '\0';
    return true;
}
