/* What synckairos-audit's subcommands share: exit statuses, complaints, and reading of their arguments. */
#ifndef SK_AUDIT_COMMAND_H
#define SK_AUDIT_COMMAND_H

#include "common/config.h"

#include <stdbool.h>
#include <stdint.h>

enum sk_exit { SK_EXIT_OK = 0, SK_EXIT_FAILED = 1, SK_EXIT_USAGE = 2 };

/* Says on standard error what went wrong; the exit status that belongs to it. */
enum sk_exit sk_command_complain(const char *text);
enum sk_exit sk_command_misused(const char *argument);

/* An instant as operators write it: 2026-01-31, 2026-01-31T09:05:00Z or with .250 before the Z; UTC. False: it is
 * none. */
bool sk_command_instant(const char *text, int64_t *epoch_ms);

#endif
