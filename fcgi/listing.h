/* Handler of the list of live sessions, and the cursor that leads from page to page. */
#ifndef SK_FCGI_LISTING_H
#define SK_FCGI_LISTING_H

#include "common/catalogue.h"

#define SK_CURSOR_BYTES 96

struct api;
struct request;
struct reply;

void sk_listing_get(struct api *api, const struct request *request, struct reply *reply);

/* A place in the list as clients carry it: they need not understand it, and may send anything. */
void sk_cursor_write(const struct sk_catalogue_place *place, char out[SK_CURSOR_BYTES]);
bool sk_cursor_read(const char *text, struct sk_catalogue_place *place);

#endif
