/* sim_pair - a site of two hosts, and another site, with calls over a bad network (run.c): hosts
 * die at any moment, and no call may be lost. */
#include "tests/sim/pair/pair.h"

int main(int argc, char **argv)
{
    return run_seeds(argc, argv, "sim_pair", &pairing);
}
