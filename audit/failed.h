/* The events that PostgreSQL refused for good, as they stand in audit:failed: listing them, and putting them back. */
#ifndef SK_AUDIT_FAILED_H
#define SK_AUDIT_FAILED_H

#include "audit/command.h"

/* list-failed [--limit N] [--json]: a line each, oldest first, N of them at most (100), and how many there are; or a
 * JSON object each with all that the entry holds. What is no UTF-8 or would do something to a terminal is replaced. */
enum sk_exit sk_command_list_failed(const struct sk_config *config, char **argv);

/* retry-failed [STREAM-ID...]: puts all that are there when it begins, or those named, back into the audit stream, each
 * in a step of its own: broken off, it can be begun again. SK_EXIT_FAILED: also if one that was named is not there. */
enum sk_exit sk_command_retry_failed(const struct sk_config *config, char **argv);

#endif
