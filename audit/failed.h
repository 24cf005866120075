/* The events that PostgreSQL refused for good, as they stand in audit:failed: listing them, and putting them back. */
#ifndef SK_AUDIT_FAILED_H
#define SK_AUDIT_FAILED_H

#include "audit/command.h"

/* list-failed [--limit N]: a line each, oldest first. */
enum sk_exit sk_command_list_failed(const struct sk_config *config, char **argv);
/* retry-failed [STREAM-ID...]: puts all, or those named, back into the audit stream. */
enum sk_exit sk_command_retry_failed(const struct sk_config *config, char **argv);

#endif
