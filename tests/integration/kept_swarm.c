/* Hands swarms over to keep. Owns none. */
#include "tests/integration/kept_swarm.h"

#include "tests/integration/check.h"
#include "tests/integration/keep.h"

static void free_swarm(void *swarm)
{
    swarm_free(swarm);
}

struct swarm *kept_swarm(const struct swarm_spec *spec)
{
    struct swarm *swarm = swarm_start(spec);
    REQUIRE(swarm != NULL);
    return keep(swarm, free_swarm);
}
