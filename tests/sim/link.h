/* link - one direction of a network path: cut, loss, copies, delay; reordering follows from the
 * spread of the delay. */
#ifndef TESTS_SIM_LINK_H
#define TESTS_SIM_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/prng.h"

struct sim_link {
    bool cut;
    uint32_t loss_pct, dup_pct;
    int64_t delay_min, delay_max; /* nanoseconds */
};

/* link_copies - how many copies of a datagram arrive: 0, 1 or 2. */
int link_copies(const struct sim_link *l, struct prng *net);

/* link_delay - of one copy. */
int64_t link_delay(const struct sim_link *l, struct prng *net);

#endif
