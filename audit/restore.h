/* Writing back what a lost Redis held. */
#ifndef SK_AUDIT_RESTORE_H
#define SK_AUDIT_RESTORE_H

#include "audit/command.h"

/* restore [--since DATE]: every live session that Redis lacks. */
enum sk_exit sk_command_restore(const struct sk_config *config, char **argv);

#endif
