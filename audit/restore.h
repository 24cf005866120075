/* Writing back what a lost Redis held. */
#ifndef SK_AUDIT_RESTORE_H
#define SK_AUDIT_RESTORE_H

#include "audit/command.h"

/* restore [--since DATE]: writes back every live session that Redis lacks; without DATE those that Redis would still
 * hold by its own rules, with it those that changed at or after it. Says on standard output how far it is, and at the
 * end what came of it; SIGINT and SIGTERM end it after the session. Done twice, it changes nothing. Blocks for as long
 * as that takes: some hundred microseconds a session. Failed where a session could not be decided, or where a store
 * went away. */
enum sk_exit sk_command_restore(const struct sk_config *config, char **argv);

#endif
