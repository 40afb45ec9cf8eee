#include "common/hash.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/prng.h"

static const uint8_t secret[HASH_SECRET_BYTES] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                  8, 9, 10, 11, 12, 13, 14, 15};

/* The authors' test vectors: input 00 01 02 ... of each length, key 00..0f. */
Test(hash, siphash_gives_the_published_values)
{
    static const struct {
        size_t length;
        uint64_t value;
    } vectors[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31)},  {1, UINT64_C(0x74f839c593dc67fd)},
        {2, UINT64_C(0x0d6c8009d9a94f5a)},  {3, UINT64_C(0x85676696d7fb7e2d)},
        {4, UINT64_C(0xcf2794e0277187b7)},  {5, UINT64_C(0x18765564cd99a68d)},
        {6, UINT64_C(0xcbc9466e58fee3ce)},  {7, UINT64_C(0xab0200f58b01d137)},
        {8, UINT64_C(0x93f5f5799a932462)},  {15, UINT64_C(0xa129ca6149be45e5)},
        {16, UINT64_C(0x3f2acc7f57c29bdb)}, {63, UINT64_C(0x958a324ceb064572)},
    };
    uint8_t input[64];

    for (unsigned i = 0; i < sizeof input; i++)
        input[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        cr_assert_eq(siphash24(secret, input, vectors[i].length), vectors[i].value, "length %zu",
                     vectors[i].length);
}

struct thing {
    struct hash_node node;
    char name[24];
};

Test(hash, finds_what_was_put_and_nothing_else)
{
    enum { COUNT = 1000 };
    struct thing *things = calloc(COUNT, sizeof *things);
    void *memory = malloc(hash_bytes(COUNT));
    struct hash_node extra = {0};
    struct hash h;
    unsigned seen = 0;

    hash_init(&h, memory, COUNT, secret);
    for (int i = 0; i < COUNT; i++) {
        snprintf(things[i].name, sizeof things[i].name, "name-%d", i);
        cr_assert_eq(hash_put_text(&h, &things[i].node, things[i].name), 0);
    }
    cr_assert_eq(hash_put_text(&h, &extra, "name-7"), -EEXIST);
    cr_assert_eq(hash_put_text(&h, &extra, "one-more"), -ENOSPC);
    for (int i = 0; i < COUNT; i += 2)
        hash_remove(&h, &things[i].node);
    for (int i = 0; i < COUNT; i++) {
        struct hash_node *found = hash_get_text(&h, things[i].name);
        cr_assert_eq(found, i % 2 == 0 ? NULL : &things[i].node, "name-%d", i);
    }
    for (struct hash_node *n = hash_next(&h, NULL); n != NULL; n = hash_next(&h, n))
        seen++;
    cr_assert_eq(seen, COUNT / 2);
    cr_assert_eq(h.used, COUNT / 2);
    hash_remove(&h, &things[0].node);
    cr_assert_eq(h.used, COUNT / 2, "removing twice does nothing");
    cr_assert_null(hash_get(&h, "name-1", 5), "a shorter key is another key");
    free(memory);
    free(things);
}

Test(hash, number_keys)
{
    struct hash_node nodes[3] = {{0}};
    void *memory = malloc(hash_bytes(3));
    struct hash h;

    hash_init(&h, memory, 3, secret);
    cr_assert_eq(hash_put_number(&h, &nodes[0], 0), 0);
    cr_assert_eq(hash_put_number(&h, &nodes[1], UINT64_MAX), 0);
    cr_assert_eq(hash_put_number(&h, &nodes[2], UINT64_MAX), -EEXIST);
    cr_assert_eq(hash_get_number(&h, 0), &nodes[0]);
    cr_assert_eq(hash_get_number(&h, UINT64_MAX), &nodes[1]);
    cr_assert_null(hash_get_number(&h, 1));
    hash_remove(&h, &nodes[1]);
    cr_assert_null(hash_get_number(&h, UINT64_MAX));
    cr_assert_eq(hash_put_number(&h, &nodes[1], 5), 0, "a removed node can be entered again");
    free(memory);
}

Test(hash, agrees_with_a_plain_array_under_random_use)
{
    enum { KEYS = 300, OPERATIONS = 100000 };
    static struct hash_node nodes[KEYS];
    static bool present[KEYS];
    void *memory = malloc(hash_bytes(KEYS));
    struct prng random;
    struct hash h;
    unsigned used = 0;

    hash_init(&h, memory, KEYS, secret);
    prng_init(&random, 1);
    for (int i = 0; i < OPERATIONS; i++) {
        unsigned k = (unsigned)prng_below(&random, KEYS);
        cr_assert_eq(hash_get_number(&h, k) == &nodes[k], present[k]);
        if (prng_below(&random, 2) == 0 && !present[k]) {
            cr_assert_eq(hash_put_number(&h, &nodes[k], k), 0);
            present[k] = true;
            used++;
        } else if (present[k]) {
            hash_remove(&h, &nodes[k]);
            present[k] = false;
            used--;
        }
        cr_assert_eq(h.used, used);
    }
    free(memory);
}

Test(hash, a_fold_depends_on_every_byte_on_the_length_and_on_the_seed)
{
    unsigned char text[64] = {0};

    for (size_t n = 0; n <= sizeof(text); n++) {
        uint64_t h = hash_fold(1, text, n);

        cr_assert_eq(hash_fold(1, text, n), h);
        cr_assert_neq(hash_fold(2, text, n), h);
        if (n > 0)
            cr_assert_neq(hash_fold(1, text, n - 1), h);
        for (size_t i = 0; i < n; i++) {
            text[i] ^= 0x80;
            cr_assert_neq(hash_fold(1, text, n), h, "byte %zu of %zu", i, n);
            text[i] ^= 0x80;
        }
    }
}
