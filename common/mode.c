/* The table of sync modes. A new mode is one file and one row here. */
#include "common/mode.h"

#include "common/modes.h"

#include <string.h>

static const struct sk_mode *const modes[] = {
    &sk_mode_per_participant, &sk_mode_per_cycle, &sk_mode_per_group, &sk_mode_global, &sk_mode_count_up,
};

const struct sk_mode *sk_mode_at(size_t number)
{
    return number < sizeof(modes) / sizeof(modes[0]) ? modes[number] : NULL;
}

const struct sk_mode *sk_mode_of(const char *name)
{
    for (size_t i = 0; sk_mode_at(i); i++) {
        if (strcmp(sk_mode_at(i)->name, name) == 0) {
            return sk_mode_at(i);
        }
    }
    return NULL;
}
