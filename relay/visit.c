/* Takes the target and the token out of libwebsockets' tables. Owns nothing. */
#include "relay/visit.h"

#include "relay/handshake.h"

#include <libwebsockets.h>
#include <string.h>

static void read_target(struct lws *wsi, struct sk_target *target)
{
    char path[128] = "";
    char argument[SK_HEAD_MAX];
    if (lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI) < 0) {
        path[0] = '\0'; /* longer than any route of ours */
    }
    sk_target_read_path(target, path);
    for (int i = 0; i < SK_TARGET_ARGUMENTS_MAX; i++) {
        int length = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (length > 0 && length < (int)sizeof argument &&
            lws_hdr_copy_fragment(wsi, argument, sizeof argument, WSI_TOKEN_HTTP_URI_ARGS, i) > 0) {
            sk_target_read_argument(target, path, argument);
        }
    }
}

/* Copies a header's value; "" where there is none. False: it is longer than out. */
static bool copy_header(struct lws *wsi, enum lws_token_indexes header, char *out, int bytes)
{
    out[0] = '\0';
    return lws_hdr_copy(wsi, out, bytes, header) >= 0;
}

/* The token: of Authorization (where the porch has put that of the subprotocols, too), else the query's. out has
 * SK_VISIT_TOKEN_BYTES. NULL: there is none. One that does not fit is "", which is no token either, but a wrong one. */
static const char *read_token(struct lws *wsi, char *out)
{
    static const char name[] = "token=";
    if (!copy_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, out, SK_VISIT_TOKEN_BYTES)) {
        return "";
    }
    const char *token = sk_token_bearer(out);
    for (int i = 0; !token && i < SK_TARGET_ARGUMENTS_MAX; i++) {
        int length = lws_hdr_copy_fragment(wsi, out, SK_VISIT_TOKEN_BYTES, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (length > 0 && strncmp(out, name, sizeof name - 1) == 0) {
            token = out + sizeof name - 1;
        }
    }
    return token;
}

void sk_visit_read(struct lws *wsi, struct sk_visit_text *text, struct sk_visit *visit)
{
    read_target(wsi, &visit->target);
    bool has_origin = copy_header(wsi, WSI_TOKEN_ORIGIN, text->origin, sizeof text->origin);
    visit->origin = has_origin ? text->origin : "null";
    visit->token = read_token(wsi, text->token);
}
