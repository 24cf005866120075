/* Which trace a request belongs to: W3C Trace Context, level 1, the field traceparent. Nothing is propagated; the id is
 * only kept, so that a trace can be found in the log and in the audit trail. */
#ifndef SK_COMMON_TRACE_H
#define SK_COMMON_TRACE_H

#include <stdbool.h>

#define SK_TRACE_ID_BYTES 33 /* 32 lower-case hexadecimal digits */

/* Reads the trace id out of a traceparent: of version 00, or of a later one as far as it is the same (§4.3). False,
 * and "", for anything that is not valid, which a recipient ignores (§3.2.2). */
bool sk_trace_read(const char *traceparent, char trace_id[SK_TRACE_ID_BYTES]);

#endif
