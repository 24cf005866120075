/* Comparing what was recorded with what the clock engine says. */
#ifndef SK_AUDIT_VERIFY_H
#define SK_AUDIT_VERIFY_H

#include "audit/command.h"

/* verify SESSION|--all [--since DATE]. */
enum sk_exit sk_command_verify(const struct sk_config *config, char **argv);

#endif
