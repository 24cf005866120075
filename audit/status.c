#include "audit/status.h"

enum sk_exit sk_command_status(const struct sk_config *config, char **argv)
{
    (void)config;
    (void)argv;
    return sk_command_complain("not built yet");
}
