/* Owns how many lines there were. */
#include "relay/lws_log.h"

#include "common/log.h"
#include "common/server_clock.h"

#include <stdio.h>
#include <string.h>

#define US_PER_S INT64_C(1000000)

static struct sk_lws_log_quota written;

bool sk_lws_log_take(struct sk_lws_log_quota *quota, int64_t now_us)
{
    if (now_us - quota->since_us >= US_PER_S) {
        quota->since_us = now_us;
        quota->lines = 0;
    }
    bool fits = quota->lines < SK_LWS_LOG_LINES_A_SECOND;
    quota->lines += fits ? 1 : 0;
    quota->left_out += fits ? 0 : 1;
    return fits;
}

size_t sk_lws_log_left_out(struct sk_lws_log_quota *quota, int64_t now_us)
{
    size_t left_out = now_us - quota->since_us >= US_PER_S ? quota->left_out : 0;
    quota->left_out -= left_out;
    return left_out;
}

/* What libwebsockets calls an error is mostly a client's doing, so nothing of it is more than a warning here. */
void sk_lws_log_line(int level, const char *line)
{
    char text[256];
    (void)level;
    if (strstr(line, "adopt_socket_readbuf: ") != NULL) {
        return; /* 4.1 says so of each connection that comes with its request */
    }
    if (sk_lws_log_take(&written, sk_monotonic_us())) {
        (void)snprintf(text, sizeof text, "%.*s", (int)strcspn(line, "\n"), line);
        sk_log(SK_LOG_WARN, "libwebsockets", SK_S("text", text));
    }
}

void sk_lws_log_tick(int64_t now_us)
{
    size_t left_out = sk_lws_log_left_out(&written, now_us);
    if (left_out > 0) {
        sk_log(SK_LOG_WARN, "libwebsockets said more", SK_I("lines", (int64_t)left_out));
    }
}
