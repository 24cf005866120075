/* Retention: removing finished sessions from PostgreSQL. */
#ifndef SK_AUDIT_PRUNE_H
#define SK_AUDIT_PRUNE_H

#include "audit/command.h"

/* prune --before DATE [--dry-run] [--batch N]: removes lives (a session id used again begins a new one) with all their
 * events, in transactions of about N events: those that were ended or deleted and saw nothing since DATE, and those
 * whose id began another life before DATE. Says on standard output what went; SIGINT and SIGTERM end it after the
 * batch. Blocks for as long as that takes. */
enum sk_exit sk_command_prune(const struct sk_config *config, char **argv);

#endif
