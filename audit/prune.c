#include "audit/prune.h"

enum sk_exit sk_command_prune(const struct sk_config *config, char **argv)
{
    (void)config;
    (void)argv;
    return sk_command_complain("not built yet");
}
