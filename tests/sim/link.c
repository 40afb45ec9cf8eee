#include "tests/sim/link.h"

int link_copies(const struct sim_link *l, struct prng *net)
{
    if (l->cut || prng_below(net, 100) < l->loss_pct)
        return 0;
    return prng_below(net, 100) < l->dup_pct ? 2 : 1;
}

int64_t link_delay(const struct sim_link *l, struct prng *net)
{
    return prng_between(net, l->delay_min, l->delay_max);
}
