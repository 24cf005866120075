/* The records that the mode files fill; only the table in mode.c looks at this list. */
#ifndef SK_COMMON_MODES_H
#define SK_COMMON_MODES_H

#include "common/mode.h"

extern const struct sk_mode sk_mode_per_participant;
extern const struct sk_mode sk_mode_per_cycle;
extern const struct sk_mode sk_mode_per_group;
extern const struct sk_mode sk_mode_global;
extern const struct sk_mode sk_mode_count_up;

#endif
