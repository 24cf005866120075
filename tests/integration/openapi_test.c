/* The specification as the program serves it, and its examples, sent to the program: each is answered with the status
 * that is documented for it. (Whether the answers' bodies are as documented, tests/openapi looks at afterwards, in what
 * record.c wrote down.) */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXAMPLE_ID "game-42" /* as the parameter's example says */

static void release_json(void *json)
{
    json_decref(json);
}

static json_t *served(void)
{
    struct answer *answer = call("GET", "/openapi.json", NULL);
    EXPECT_STATUS(answer, 200);
    REQUIRE(json_is_object(answer->body));
    return keep(json_incref(answer->body), release_json);
}

/* "#/components/responses/Session", or anything else that is no reference. */
static json_t *resolved(json_t *document, json_t *node)
{
    const char *reference = json_string_value(json_object_get(node, "$ref"));
    if (!reference) {
        return node;
    }
    char *path = kept_text("%s", reference + 2);
    for (char *at = path; *at; at++) {
        *at = (char)(*at == '/' ? '.' : *at);
    }
    return json_at(document, path);
}

static json_t *json_examples(json_t *document, json_t *body)
{
    json_t *content = json_object_get(resolved(document, body), "content");
    return json_object_get(json_object_get(content, "application/json"), "examples");
}

/* The status whose response has an example of that name; else the operation's success. */
static int documented_status(json_t *document, json_t *operation, const char *name)
{
    const char *status = NULL;
    json_t *response = NULL;
    int success = 0;
    json_object_foreach(json_object_get(operation, "responses"), status, response)
    {
        const int number = (int)strtol(status, NULL, 10);
        if (name && json_object_get(json_examples(document, response), name)) {
            return number;
        }
        success = success == 0 && number < 300 ? number : success;
    }
    return success;
}

/* The path with the parameters' examples. */
static const char *filled(json_t *document, const char *template)
{
    const char *values[] = {"{id}", text_at(document, "components.parameters.SessionId.example"), "{pid}",
                            text_at(document, "components.parameters.ParticipantId.example")};
    const char *path = template;
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i += 2) {
        const char *at = strstr(path, values[i]);
        if (at) {
            path = kept_text("%.*s%s%s", (int)(at - path), path, values[i + 1], at + strlen(values[i]));
        }
    }
    return path;
}

struct place {
    const char *path;
    const char *method; /* as the document writes it */
    json_t *operation;
};

static struct answer *send_example(json_t *document, const struct place *place, json_t *example)
{
    char method[16] = "";
    for (size_t i = 0; i < sizeof(method) - 1 && place->method[i]; i++) {
        method[i] = (char)(place->method[i] - 'a' + 'A');
    }
    char *body = example ? json_dumps(json_object_get(example, "value"), JSON_COMPACT) : NULL;
    const struct request request = {.method = method,
                                    .url = kept_text("%s%s", stack.url, filled(document, place->path)),
                                    .body = body,
                                    .body_bytes = body ? strlen(body) : 0};
    struct answer *answer = http_call("GET", kept_text("%s/health", stack.url), NULL, NULL);
    answer_clear(answer);
    http_exchange(&request, answer);
    free(body);
    return answer;
}

/* Finds an operation by its operationId. */
static bool find_place(json_t *document, const char *id, struct place *place)
{
    const char *path = NULL;
    json_t *methods = NULL;
    json_object_foreach(json_object_get(document, "paths"), path, methods)
    {
        const char *method = NULL;
        json_t *operation = NULL;
        json_object_foreach(methods, method, operation)
        {
            if (strcmp(text_at(operation, "operationId"), id) == 0) {
                *place = (struct place){path, method, operation};
                return true;
            }
        }
    }
    return false;
}

static json_t *first_example(json_t *document, json_t *operation)
{
    json_t *examples = json_examples(document, json_object_get(operation, "requestBody"));
    return json_object_iter_value(json_object_iter(examples));
}

/* The state that the operation's examples are meant for: what x-example-setup names is done. */
static void set_up(json_t *document, json_t *operation)
{
    size_t i = 0;
    json_t *id = NULL;
    delete_session(EXAMPLE_ID);
    json_array_foreach(json_object_get(operation, "x-example-setup"), i, id)
    {
        struct place place = {0};
        REQUIRE(find_place(document, json_string_value(id), &place));
        json_t *example = first_example(document, place.operation);
        EXPECT_STATUS(send_example(document, &place, example), documented_status(document, place.operation, NULL));
    }
}

static void try_example(json_t *document, const struct place *place, const char *name, json_t *example)
{
    set_up(document, place->operation);
    struct answer *answer = send_example(document, place, example);
    const int status = documented_status(document, place->operation, name);
    if (!check_int(answer->status, status,
                   kept_text("%s %s, example %s", place->method, place->path, name ? name : "-"), __FILE__, __LINE__)) {
        printf("%s\n", answer->text ? answer->text : "");
    }
}

static void try_operation(json_t *document, const struct place *place)
{
    json_t *examples = json_examples(document, json_object_get(place->operation, "requestBody"));
    const char *name = NULL;
    json_t *example = NULL;
    json_object_foreach(examples, name, example)
    {
        try_example(document, place, name, example);
    }
    if (!json_is_true(json_at(place->operation, "requestBody.required"))) {
        try_example(document, place, NULL, NULL);
    }
}

static void every_example_is_answered_as_documented(void)
{
    json_t *document = served();
    const char *path = NULL;
    json_t *methods = NULL;
    EXPECT_TEXT(text_at(document, "components.parameters.SessionId.example"), EXAMPLE_ID);
    json_object_foreach(json_object_get(document, "paths"), path, methods)
    {
        const char *method = NULL;
        json_t *operation = NULL;
        json_object_foreach(methods, method, operation)
        {
            if (json_object_get(operation, "operationId")) {
                try_operation(document, &(struct place){path, method, operation});
            }
        }
    }
    delete_session(EXAMPLE_ID);
}

static char *file_text(const char *path, size_t *length)
{
    FILE *file = fopen(path, "re");
    char *text = keep(calloc(1, 1 << 20), free);
    REQUIRE(file != NULL);
    *length = fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    return text;
}

static void the_documents_are_the_files(void)
{
    static const char *const files[][3] = {
        {"/openapi.json", "docs/openapi.json", "application/json; charset=utf-8"},
        {"/docs", "fcgi/documents.html", "text/html; charset=utf-8"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        size_t length = 0;
        const char *text = file_text(kept_text("%s/%s", stack.sources, files[i][1]), &length);
        struct answer *answer = call("GET", files[i][0], NULL);
        EXPECT_STATUS(answer, 200);
        EXPECT_INT((int64_t)answer->text_bytes, (int64_t)length);
        EXPECT(length == answer->text_bytes && memcmp(answer->text, text, length) == 0);
        EXPECT_TEXT(answer_header(answer, "Content-Type"), files[i][2]);
    }
}

/* Nothing in the page may name another host; the page forbids itself to ask one. */
static void the_page_asks_nobody_else(void)
{
    struct answer *page = call("GET", "/docs", NULL);
    EXPECT_STATUS(page, 200);
    EXPECT(strstr(page->text, "default-src 'none'") != NULL);
    EXPECT(strstr(page->text, "connect-src 'self'") != NULL);
    EXPECT(strstr(page->text, "https://") == NULL);
    EXPECT(strstr(page->text, "http://") == NULL);
}

static void write_page(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    REQUIRE(file != NULL);
    fputs(text, file);
    fclose(file);
}

static void another_page_takes_its_place(void)
{
    const char *path = kept_text("%s/page.html", stack.folder);
    write_page(path, "<!doctype html><title>ours</title>");
    struct api *api = api_start((const char *const[]){kept_text("DOCS_PAGE=%s", path), NULL});
    struct answer *page = call_at(api->url, "GET", "/docs", NULL);
    EXPECT_STATUS(page, 200);
    EXPECT_TEXT(page->text, "<!doctype html><title>ours</title>");
    remove(path);
    struct answer *missing = call_at(api->url, "GET", "/docs", NULL);
    EXPECT_ERROR(missing, 500, "INTERNAL_ERROR");
    EXPECT(strstr(missing->text, "page.html") == NULL);
}

/* What `make docs-viewer` made, where it was called: `make test` does. */
static void the_fetched_viewer_is_served_whole(void)
{
    size_t length = 0;
    const char *path = kept_text("%s/docs-viewer/index.html", stack.build);
    if (access(path, R_OK)) {
        printf("(not fetched) ");
        return;
    }
    const char *text = file_text(path, &length);
    struct api *api = api_start((const char *const[]){kept_text("DOCS_PAGE=%s", path), NULL});
    struct answer *page = call_at(api->url, "GET", "/docs", NULL);
    EXPECT_STATUS(page, 200);
    EXPECT(length == page->text_bytes && memcmp(page->text, text, length) == 0);
    EXPECT(strstr(page->text, "default-src 'none'") != NULL);
}

CU_TestInfo openapi_tests[] = {
    {"the served documents are the project's files", the_documents_are_the_files},
    {"every example is answered as documented", every_example_is_answered_as_documented},
    {"the page of the documentation asks no other host", the_page_asks_nobody_else},
    {"a page of the operator's takes the place of ours", another_page_takes_its_place},
    {"the fetched viewer is served whole", the_fetched_viewer_is_served_whole},
    CU_TEST_INFO_NULL,
};
