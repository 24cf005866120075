/* Fuzz target: a request as the web server hands it over: lines NAME=VALUE, an empty line, the body's bytes. Its
 * variables are read, its path is looked up, its
 * query read, its body is taken and what is left of it drained. */
#include "fcgi/request.h"

#include "fcgi/listing.h"
#include "fcgi/query.h"
#include "fcgi/router.h"
#include "tests/fuzz/fuzz.h"

#define VARIABLES_MAX 16

struct source {
    char *variables[VARIABLES_MAX]; /* NAME=VALUE */
    size_t count;
    char *body;
    size_t left;
};

static const char *variable(void *context, const char *name)
{
    const struct source *source = context;
    size_t length = strlen(name);
    for (size_t i = 0; i < source->count; i++) {
        if (strncmp(source->variables[i], name, length) == 0 && source->variables[i][length] == '=') {
            return source->variables[i] + length + 1;
        }
    }
    return NULL;
}

static ptrdiff_t read_body(void *context, char *bytes, size_t limit)
{
    struct source *source = context;
    size_t got = limit < source->left ? limit : source->left;
    memcpy(bytes, source->body, got);
    source->body += got;
    source->left -= got;
    return (ptrdiff_t)got;
}

static void take_variables(struct source *source, char *text, size_t length)
{
    char *rest = text;
    char *line = strsep(&rest, "\n");
    while (line && line[0]) {
        if (source->count < VARIABLES_MAX) {
            source->variables[source->count++] = line;
        }
        line = strsep(&rest, "\n");
    }
    source->body = rest ? rest : text + length;
    source->left = length - (size_t)(source->body - text);
}

static void check_capture(const struct route_capture *capture)
{
    if (capture->present && capture->length < SK_ID_BYTES) {
        (void)sk_id_valid(capture->text, capture->length);
    }
}

static void look_up(const struct request *request)
{
    char allow[64];
    struct route_match match;
    sk_router_find(request->method, request->path, request->path_length, &match);
    MUST(!match.route || match.template);
    if (match.template) {
        check_capture(&match.session_id);
        check_capture(&match.participant_id);
        sk_router_allow(&match, allow, sizeof allow);
        MUST(strstr(allow, "OPTIONS"));
    }
}

static void read_query(const char *query)
{
    struct query_value values[] = {{.name = "status"}, {.name = "limit"}, {.name = "cursor"}, {.name = "after"}};
    struct sk_problems problems = {0};
    struct sk_catalogue_place place;
    int64_t limit = 20;
    sk_query_read(query, values, sizeof values / sizeof values[0], &problems);
    sk_query_int(&values[1], 1, 100, &limit, &problems);
    MUST(limit >= 1 && limit <= 100);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        MUST(values[i].given || !values[i].text[0]);
        MUST(strlen(values[i].text) < SK_QUERY_VALUE_BYTES);
    }
    if (sk_cursor_read(values[2].text, &place)) {
        char cursor[SK_CURSOR_BYTES];
        struct sk_catalogue_place again;
        sk_cursor_write(&place, cursor);
        MUST(sk_cursor_read(cursor, &again));
    }
    sk_problems_clear(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = input_text(data, size);
    struct source source = {.count = 0};
    struct sk_error error = {.code = SK_OK};
    struct request request;
    take_variables(&source, text, size);
    const struct request_source from = {.context = &source, .variable = variable, .read = read_body};
    sk_request_open(&request, &from);
    MUST(request.request_id[0] && strlen(request.request_id) < SK_REQUEST_ID_BYTES);
    look_up(&request);
    read_query(request.query);
    enum sk_code code = sk_request_read_body(&request, &error);
    MUST(code != SK_OK || request.body.length <= SK_BODY_MAX);
    sk_request_drain(&request, SK_BODY_MAX);
    sk_request_close(&request);
    free(text);
    return 0;
}
