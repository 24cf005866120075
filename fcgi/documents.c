/* The documents in the program. Owns their bytes, which the assembler takes from their files as they are (the Makefile
 * knows that this object depends on them); knows nothing of what they say. */
#include "fcgi/documents.h"

#include "fcgi/api.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TYPE_HTML "text/html; charset=utf-8"
#define PAGE_MAX ((size_t)16 * 1024 * 1024)
#define PIECE_BYTES ((size_t)16 * 1024)

/* The path is relative to the top of the tree, where the compiler is started. The length is stored beside the bytes:
 * two symbols' distance is not C's business. */
#define EMBED(name, path)                                                                                              \
    __asm__(".pushsection .rodata\n"                                                                                   \
            ".balign 8\n"                                                                                              \
            ".global sk_document_" #name "_bytes\n"                                                                    \
            "sk_document_" #name "_bytes: .quad 2f - 1f\n"                                                             \
            ".global sk_document_" #name "\n"                                                                          \
            "sk_document_" #name ":\n"                                                                                 \
            "1: .incbin \"" path "\"\n"                                                                                \
            "2: .byte 0\n"                                                                                             \
            ".popsection\n");                                                                                          \
    extern const uint64_t sk_document_##name##_bytes;                                                                  \
    extern const char sk_document_##name[]

EMBED(openapi, "docs/openapi.json");
EMBED(page, "fcgi/documents.html");

void sk_documents_openapi(struct api *api, const struct request *request, struct reply *reply)
{
    (void)api;
    (void)request;
    struct sk_buffer *out = sk_reply_body(reply, 200, SK_TYPE_JSON);
    sk_buffer_append(out, sk_document_openapi, (size_t)sk_document_openapi_bytes);
}

static enum sk_code read_file(const char *path, struct sk_buffer *out, struct sk_error *error)
{
    char piece[PIECE_BYTES];
    FILE *file = fopen(path, "re");
    if (!file) {
        return sk_fail(error, SK_INTERNAL_ERROR, "DOCS_PAGE %s: %s", path, strerror(errno));
    }
    for (size_t got = sizeof piece; got == sizeof piece && out->length <= PAGE_MAX;) {
        got = fread(piece, 1, sizeof piece, file);
        sk_buffer_append(out, piece, got);
    }
    bool broken = ferror(file) != 0;
    (void)fclose(file);
    if (broken || out->length > PAGE_MAX) {
        return sk_fail(error, SK_INTERNAL_ERROR, "DOCS_PAGE %s: %s", path, broken ? "cannot be read" : "is too large");
    }
    return SK_OK;
}

void sk_documents_page(struct api *api, const struct request *request, struct reply *reply)
{
    (void)request;
    struct sk_error error;
    const char *path = api->config->docs_page;
    struct sk_buffer *out = sk_reply_body(reply, 200, TYPE_HTML);
    if (!path || !path[0]) {
        sk_buffer_append(out, sk_document_page, (size_t)sk_document_page_bytes);
    } else if (read_file(path, out, &error) != SK_OK) {
        sk_reply_error(reply, &error);
    }
}
