#include "common/prng.h"

#include <criterion/criterion.h>

/* The first numbers of xoshiro256** from the state 1, 2, 3, 4, as every implementation gives them.
 */
Test(prng, is_xoshiro256_starstar)
{
    struct prng p = {{1, 2, 3, 4}};

    cr_assert_eq(prng_next(&p), UINT64_C(11520));
    cr_assert_eq(prng_next(&p), UINT64_C(0));
    cr_assert_eq(prng_next(&p), UINT64_C(1509978240));
    cr_assert_eq(prng_next(&p), UINT64_C(1215971899390074240));
}

Test(prng, same_seed_same_sequence_and_split_streams_differ)
{
    struct prng a, b, left, right;

    prng_init(&a, 42);
    prng_init(&b, 42);
    left = prng_split(&a, 1);
    right = prng_split(&a, 2);
    cr_assert_neq(prng_next(&left), prng_next(&right));
    for (int i = 0; i < 100; i++)
        cr_assert_eq(prng_next(&a), prng_next(&b), "splitting does not advance");
}

Test(prng, ranges_are_kept_and_filled_evenly)
{
    struct prng p;
    unsigned hits[6] = {0};

    prng_init(&p, 7);
    for (int i = 0; i < 60000; i++) {
        int64_t n = prng_between(&p, -2, 3);
        cr_assert(n >= -2 && n <= 3);
        hits[n + 2]++;
    }
    for (int i = 0; i < 6; i++)
        cr_assert(hits[i] > 9500 && hits[i] < 10500, "%d came %u times of 60000", i - 2, hits[i]);
    cr_assert_eq(prng_below(&p, 1), 0);
}
