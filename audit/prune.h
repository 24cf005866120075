/* Retention: removing finished sessions from PostgreSQL. */
#ifndef SK_AUDIT_PRUNE_H
#define SK_AUDIT_PRUNE_H

#include "audit/command.h"

/* prune --before DATE. */
enum sk_exit sk_command_prune(const struct sk_config *config, char **argv);

#endif
