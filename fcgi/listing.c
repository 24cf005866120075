/* GET /v1/sessions: reads the query, lets the catalogue look, and shows the page. Owns the cursor's form. */
#include "fcgi/listing.h"

#include "common/json_writer.h"
#include "fcgi/api.h"
#include "fcgi/query.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_DEFAULT 50
#define CURSOR_VERSION "1."

struct wish {
    enum sk_status status; /* SK_STATUS_COUNT: all live ones */
    int64_t limit;
    struct sk_catalogue_place after;
};

/* "1.19a1b2c3d4e.game-42": the form's number, the creation instant in hexadecimal, the id. */
void sk_cursor_write(const struct sk_catalogue_place *place, char out[SK_CURSOR_BYTES])
{
    (void)snprintf(out, SK_CURSOR_BYTES, CURSOR_VERSION "%" PRIx64 ".%s", (uint64_t)place->created_at_ms,
                   place->session_id);
}

bool sk_cursor_read(const char *text, struct sk_catalogue_place *place)
{
    static const char digits[] = "0123456789abcdef";
    size_t prefix = strlen(CURSOR_VERSION);
    if (strncmp(text, CURSOR_VERSION, prefix) != 0) {
        return false;
    }
    const char *instant = text + prefix;
    size_t length = strspn(instant, digits);
    if (length == 0 || length > 12 || instant[length] != '.') {
        return false;
    }
    const char *id = instant + length + 1;
    if (!sk_id_valid(id, strlen(id))) {
        return false;
    }
    place->created_at_ms = 0;
    for (size_t i = 0; i < length; i++) {
        place->created_at_ms = place->created_at_ms * 16 + (strchr(digits, instant[i]) - digits);
    }
    memcpy(place->session_id, id, strlen(id) + 1);
    return true;
}

static void read_status(const struct query_value *value, struct wish *wish, struct sk_problems *problems)
{
    if (!value->given) {
        return;
    }
    wish->status = sk_status_of(value->text);
    if (wish->status != SK_PENDING && wish->status != SK_RUNNING && wish->status != SK_PAUSED) {
        sk_problems_add(problems, value->name, "must be one of pending, running, paused");
    }
}

/* Reads the query; on failure the answer is given. */
static bool read_wish(const struct request *request, struct wish *wish, struct reply *reply)
{
    struct sk_problems problems = {0};
    struct query_value values[] = {{.name = "status"}, {.name = "limit"}, {.name = "cursor"}};
    *wish = (struct wish){SK_STATUS_COUNT, LIMIT_DEFAULT, {.created_at_ms = SK_NONE}};
    sk_query_read(request->query, values, sizeof values / sizeof values[0], &problems);
    read_status(&values[0], wish, &problems);
    sk_query_int(&values[1], 1, SK_CATALOGUE_LIMIT_MAX, &wish->limit, &problems);
    if (values[2].given && !sk_cursor_read(values[2].text, &wish->after)) {
        sk_problems_add(&problems, values[2].name, "must be the next_cursor of a page before");
    }
    bool good = problems.count == 0;
    if (!good) {
        sk_reply_problems(reply, &problems);
    }
    sk_problems_clear(&problems);
    return good;
}

static void show(const struct sk_catalogue_page *page, struct reply *reply)
{
    char cursor[SK_CURSOR_BYTES];
    struct sk_json_writer writer = {.out = sk_reply_body(reply, 200, SK_TYPE_JSON)};
    sk_json_object(&writer, NULL);
    sk_json_raw(&writer, "data", page->views.data, page->views.length);
    if (page->more) {
        sk_cursor_write(&page->last, cursor);
    }
    sk_json_string(&writer, "next_cursor", page->more ? cursor : NULL);
    sk_json_int(&writer, "server_time_ms", page->now_ms);
    sk_json_object_end(&writer);
}

void sk_listing_get(struct api *api, const struct request *request, struct reply *reply)
{
    struct sk_error error;
    struct wish wish;
    struct sk_catalogue_page page = {0};
    if (!read_wish(request, &wish, reply)) {
        return;
    }
    enum sk_code code = sk_store_draw(api->store, &api->terms, &error);
    if (!code) {
        code =
            sk_catalogue_read(sk_store_redis(api->store), wish.status, &wish.after, (size_t)wish.limit, &page, &error);
    }
    if (code) {
        sk_reply_error(reply, &error);
    } else {
        show(&page, reply);
    }
    sk_catalogue_page_clear(&page);
}
