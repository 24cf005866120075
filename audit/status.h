/* How many audit events are where. */
#ifndef SK_AUDIT_STATUS_H
#define SK_AUDIT_STATUS_H

#include "audit/command.h"

/* status [--json]: waiting, active, completed, failed, delayed, the age of the oldest, and whether Redis and PostgreSQL
 * answer. SK_EXIT_FAILED: one of them does not. Blocks for some seconds where that is so. */
enum sk_exit sk_command_status(const struct sk_config *config, char **argv);

#endif
