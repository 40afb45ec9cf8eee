/* Nonce counts (RFC 7616 3.4, 5.5): each is good once. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "sipserver/core/nonce.h"

#define LIFE_S 300

static const uint8_t secret[HASH_SECRET_BYTES] = {1, 2, 3};
static struct nonces table;
static void *memory;
static mono_t now;
static uint64_t now_s;
static unsigned evicted;

static void setup(void)
{
    uint32_t n = nonces_sets(1);

    memory = calloc(1, nonces_bytes(n));
    nonces_init(&table, memory, n, secret);
    now = mono_add_ms(MONO_ZERO, 1000000);
    now_s = 1700000000;
    evicted = 0;
    nonces_from(&table, now_s);
}

static void teardown(void)
{
    free(memory);
}

TestSuite(nonce, .init = setup, .fini = teardown);

static enum nonce_result use_at(const char *nonce, uint64_t made_s, uint32_t count, uint32_t cseq)
{
    struct nonce_try try = {nonces_key(&table, sip_str_of(nonce)), (uint32_t)made_s, count, cseq};
    bool made_room;
    enum nonce_result r = nonces_use(&table, now, now_s, LIFE_S, &try, &made_room);

    evicted += made_room;
    return r;
}

static enum nonce_result use(const char *nonce, uint32_t count, uint32_t cseq)
{
    return use_at(nonce, now_s, count, cseq);
}

Test(nonce, each_count_is_good_once_rfc7616_3_4)
{
    cr_assert_eq(use("a", 1, 1), NONCE_FRESH);
    cr_assert_eq(use("a", 2, 2), NONCE_FRESH);
    cr_assert_eq(use("a", 1, 1), NONCE_REPLAYED);
    cr_assert_eq(use("a", 2, 3), NONCE_REPLAYED);
    cr_assert_eq(use("b", 1, 1), NONCE_FRESH, "each nonce counts by itself");
}

Test(nonce, counts_may_overtake_each_other_within_the_window)
{
    cr_assert_eq(use("a", 10, 1), NONCE_FRESH);
    cr_assert_eq(use("a", 8, 2), NONCE_FRESH);
    cr_assert_eq(use("a", 8, 3), NONCE_REPLAYED);
    cr_assert_eq(use("a", 73, 4), NONCE_FRESH);
    cr_assert_eq(use("a", 10, 5), NONCE_REPLAYED);
    cr_assert_eq(use("a", 9, 6), NONCE_REPLAYED, "too far behind");
    cr_assert_eq(use("a", 11, 7), NONCE_FRESH);
    cr_assert_eq(use("a", 4000000000u, 8), NONCE_FRESH);
    cr_assert_eq(use("a", 73, 9), NONCE_REPLAYED);
}

Test(nonce, the_last_request_may_come_again_for_64_t1_rfc3261_17_1_2_2)
{
    cr_assert_eq(use("a", 1, 7), NONCE_FRESH);
    cr_assert_eq(use("a", 1, 7), NONCE_REPEATED);
    now = mono_add_ms(now, 32001);
    cr_assert_eq(use("a", 1, 7), NONCE_REPLAYED);
}

Test(nonce, what_another_host_gave_out_is_forgotten)
{
    cr_assert_eq(use_at("a", now_s - 1, 1, 1), NONCE_FORGOTTEN);
    cr_assert_eq(use_at("a", now_s, 1, 1), NONCE_FRESH);
}

Test(nonce, a_clock_that_is_set_back_locks_nobody_out)
{
    now_s -= 3600;
    cr_assert_eq(use("a", 1, 1), NONCE_FRESH);
    cr_assert_eq(use("a", 1, 2), NONCE_REPLAYED);
}

Test(nonce, a_full_table_forgets_the_oldest_and_never_lets_one_pass_twice)
{
    char name[16];
    unsigned twice = 0;

    for (unsigned i = 0; i < 4000; i++) {
        now_s = 1700000000 + i / 40;
        snprintf(name, sizeof(name), "n%u", i);
        (void)use(name, 1, 1);
    }
    cr_assert_gt(evicted, 1000);
    now = mono_add_ms(now, 40000);
    for (unsigned i = 0; i < 4000; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        twice += use_at(name, 1700000000 + i / 40, 1, 1) == NONCE_FRESH;
    }
    cr_assert_eq(twice, 0);
}

Test(nonce, those_that_are_over_make_room_for_nothing)
{
    char name[16];

    for (unsigned i = 0; i < 4000; i++) {
        now_s += 3;
        snprintf(name, sizeof(name), "n%u", i);
        cr_assert_eq(use(name, 1, 1), NONCE_FRESH);
    }
    cr_assert_leq(evicted, 40);
}
