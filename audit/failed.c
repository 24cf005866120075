#include "audit/failed.h"

enum sk_exit sk_command_list_failed(const struct sk_config *config, char **argv)
{
    (void)config;
    (void)argv;
    return sk_command_complain("not built yet");
}

enum sk_exit sk_command_retry_failed(const struct sk_config *config, char **argv)
{
    (void)config;
    (void)argv;
    return sk_command_complain("not built yet");
}
