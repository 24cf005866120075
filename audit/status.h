/* How many audit events are where. */
#ifndef SK_AUDIT_STATUS_H
#define SK_AUDIT_STATUS_H

#include "audit/command.h"

/* status [--json]: waiting, active, completed, failed, delayed. */
enum sk_exit sk_command_status(const struct sk_config *config, char **argv);

#endif
