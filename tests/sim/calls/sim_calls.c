/* sim_calls - two sites of one host each, with calls over a bad network (run.c). */
#include "tests/sim/calls/world.h"

int main(int argc, char **argv)
{
    return run_seeds(argc, argv, "sim_calls", NULL);
}
