#include "common/prng.h"

#include <assert.h>

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

void prng_init(struct prng *p, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        p->state[i] = splitmix(&seed);
}

struct prng prng_split(const struct prng *p, uint64_t stream)
{
    struct prng child;
    uint64_t mixed = p->state[0] ^ splitmix(&stream);

    prng_init(&child, mixed);
    return child;
}

uint64_t prng_next(struct prng *p)
{
    uint64_t *s = p->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *p, uint64_t n)
{
    uint64_t limit, x;

    assert(n > 0);
    limit = UINT64_MAX - UINT64_MAX % n; /* a draw at or above it would favour the small results */
    do
        x = prng_next(p);
    while (x >= limit);
    return x % n;
}

int64_t prng_between(struct prng *p, int64_t low, int64_t high)
{
    assert(low <= high);
    return low + (int64_t)prng_below(p, (uint64_t)(high - low) + 1);
}
