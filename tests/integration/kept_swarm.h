/* Many clients of a test (bench/swarm.h), who go when it is over. */
#ifndef SK_TESTS_KEPT_SWARM_H
#define SK_TESTS_KEPT_SWARM_H

#include "bench/swarm.h"

/* The test ends here if they cannot be started. */
struct swarm *kept_swarm(const struct swarm_spec *spec);

#endif
