/* verify: every life's events through the clock engine, and what of the record is not what the engine says. Prints;
 * changes nothing. */
#ifndef SK_AUDIT_VERIFY_H
#define SK_AUDIT_VERIFY_H

#include "audit/command.h"

/* verify SESSION|--all [--since DATE]. A line on standard output for each difference and each abandoned branch; a
 * closing line on standard error. SK_EXIT_FAILED: there were differences, or it could not be done. */
enum sk_exit sk_command_verify(const struct sk_config *config, char **argv);

#endif
