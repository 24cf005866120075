/* What an error code is in HTTP: its status, and what of it a client may read. */
#ifndef SK_FCGI_STATUS_H
#define SK_FCGI_STATUS_H

#include "common/error.h"
#include "common/log.h"

/* 200 for SK_OK. */
int sk_http_status(enum sk_code code);

/* The message a client gets for an error that was described by text: the text itself, or a fixed sentence where the
 * text is meant for the log alone. Borrowed from text, or static. */
const char *sk_http_message(enum sk_code code, const char *text);

/* Seconds for Retry-After; 0: no such header. */
int sk_http_retry_after_s(enum sk_code code);

/* How loudly a request that ended with this code is logged; quiet: what it is if nothing went wrong. */
enum sk_log_level sk_http_log_level(enum sk_code code, enum sk_log_level quiet);

/* "Not Found" for 404 (RFC 9110 §15); "" for a status that the API never gives. Static. */
const char *sk_http_reason(int status);

#endif
