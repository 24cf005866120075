/* The specification against the program's own tables: routes, scopes, error codes, the version. */
#include "fcgi/documents.h"

#include "common/version.h"
#include "fcgi/api.h"
#include "fcgi/router.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static json_t *specification(void)
{
    struct reply reply;
    sk_reply_open(&reply);
    sk_documents_openapi(NULL, NULL, &reply);
    json_t *document = json_loadb(sk_buffer_text(&reply.body), reply.body.length, JSON_REJECT_DUPLICATES, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(document);
    sk_reply_clear(&reply);
    return document;
}

static json_t *operation_of(json_t *document, const struct route *route)
{
    char method[8] = "";
    for (size_t i = 0; i < sizeof method - 1 && route->method[i]; i++) {
        method[i] = (char)(route->method[i] - 'A' + 'a');
    }
    json_t *path = json_object_get(json_object_get(document, "paths"), route->template);
    return json_object_get(path, method);
}

static const char *scope_name(enum sk_scope scope)
{
    switch (scope) {
    case SK_SCOPE_NONE:
        return NULL;
    case SK_SCOPE_CREATE:
        return "sessions:create";
    case SK_SCOPE_READ:
        return "sessions:read";
    case SK_SCOPE_CONTROL:
        return "sessions:control";
    case SK_SCOPE_ADMIN:
        return "admin";
    }
    return "";
}

static bool says_scope(const json_t *operation, enum sk_scope scope)
{
    const json_t *security = json_object_get(operation, "security");
    const json_t *scopes = json_object_get(json_array_get(security, 0), "bearer");
    const char *name = scope_name(scope);
    if (!name) {
        return json_is_array(security) && json_array_size(security) == 0;
    }
    return json_array_size(scopes) == 1 && strcmp(json_string_value(json_array_get(scopes, 0)), name) == 0;
}

static void every_route_is_documented(void)
{
    json_t *document = specification();
    for (size_t i = 0; sk_router_route(i); i++) {
        const struct route *route = sk_router_route(i);
        json_t *operation = operation_of(document, route);
        bool takes_body = json_object_get(operation, "requestBody") != NULL;
        if (!operation || takes_body != ((route->flags & ROUTE_BODY) != 0) || !says_scope(operation, route->scope)) {
            printf("\n    %s %s: %s", route->method, route->template, operation ? "another body or scope" : "missing");
            CU_FAIL("a route is not as documented");
        }
    }
    json_decref(document);
}

static bool is_routed(const char *path, const char *method)
{
    for (size_t i = 0; sk_router_route(i); i++) {
        const struct route *route = sk_router_route(i);
        if (strcmp(route->template, path) == 0 && strcasecmp(route->method, method) == 0) {
            return true;
        }
    }
    return false;
}

static void everything_documented_is_a_route(void)
{
    json_t *document = specification();
    const char *path = NULL;
    json_t *methods = NULL;
    json_object_foreach(json_object_get(document, "paths"), path, methods)
    {
        const char *method = NULL;
        json_t *operation = NULL;
        json_object_foreach(methods, method, operation)
        {
            if (strcmp(method, "parameters") != 0 && !is_routed(path, method)) {
                printf("\n    %s %s", method, path);
                CU_FAIL("no route is what is documented");
            }
        }
    }
    json_decref(document);
}

static void every_error_code_is_documented(void)
{
    json_t *document = specification();
    const json_t *schemas = json_object_get(json_object_get(document, "components"), "schemas");
    const json_t *codes = json_object_get(json_object_get(schemas, "ErrorCode"), "enum");
    CU_ASSERT_EQUAL(json_array_size(codes), SK_CODE_COUNT - 1);
    for (size_t i = 0; i < json_array_size(codes) && i + 1 < SK_CODE_COUNT; i++) {
        CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(codes, i)), sk_code_name((enum sk_code)(i + 1)));
    }
    json_decref(document);
}

static void the_version_is_ours(void)
{
    json_t *document = specification();
    const json_t *version = json_object_get(json_object_get(document, "info"), "version");
    CU_ASSERT_STRING_EQUAL(json_string_value(version), SK_VERSION);
    json_decref(document);
}

void suite_fcgi_documents(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"every route is documented, with its scope", every_route_is_documented},
        {"everything documented is a route", everything_documented_is_a_route},
        {"every error code is documented", every_error_code_is_documented},
        {"the version is the program's", the_version_is_ours},
    };
    ADD_TESTS(suite, tests);
}
