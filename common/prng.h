/* prng - a small seeded random generator (xoshiro256**) for cores: jitter, identifiers in
 * simulations.
 *
 * The same seed gives the same sequence on every machine.  It is not for secrets: keys, nonces and
 * tags that a stranger must not guess come from the adapter, which asks the kernel.
 *
 * Source: D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators" (2018); the
 *         state is filled by splitmix64, as its authors advise.
 */
#ifndef COMMON_PRNG_H
#define COMMON_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t state[4];
};

/* prng_init - start the sequence of SEED; every seed, 0 included, is good. */
void prng_init(struct prng *p, uint64_t seed);

/* prng_split - a generator of its own for one concern (STREAM), so that one more draw there leaves
 * the others' sequences alone.  Does not advance P.
 */
struct prng prng_split(const struct prng *p, uint64_t stream);

uint64_t prng_next(struct prng *p);

/* prng_below - evenly in 0..n-1; n > 0. */
uint64_t prng_below(struct prng *p, uint64_t n);

/* prng_between - evenly in low..high, both included; low <= high, and the span fits an int64_t. */
int64_t prng_between(struct prng *p, int64_t low, int64_t high);

#endif
