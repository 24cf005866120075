/* Handlers of what the program tells about itself: the specification as /openapi.json, and /docs, a page that shows it.
 * Both are built into the program, so that they are there behind any web server. */
#ifndef SK_FCGI_DOCUMENTS_H
#define SK_FCGI_DOCUMENTS_H

struct api;
struct request;
struct reply;

void sk_documents_openapi(struct api *api, const struct request *request, struct reply *reply);

/* The page that DOCS_PAGE names, read at each request, or the one that is built in. */
void sk_documents_page(struct api *api, const struct request *request, struct reply *reply);

#endif
