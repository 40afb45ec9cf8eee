/* Lockout of who guesses passwords. */
#include "sipserver/core/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/hash.h"

#define COUNTS 64

static const struct guard_limits limits = {.refused_max = 3, .window_ms = 1000, .lockout_ms = 5000};
static const uint8_t secret[HASH_SECRET_BYTES] = "a secret of 16 b";
static struct guard guard;
static void *memory;

static void setup(void)
{
    memory = malloc(guard_bytes(COUNTS));
    guard_init(&guard, memory, COUNTS, secret);
}

static void teardown(void)
{
    free(memory);
}

TestSuite(guard, .init = setup, .fini = teardown);

static struct sip_addr host(const char *text)
{
    struct sip_addr a;

    cr_assert_eq(sip_addr_parse(sip_str_of(text), 5060, SIP_UDP, &a), 0);
    return a;
}

static mono_t at(int64_t ms)
{
    return (mono_t){ms * MONO_NS_PER_MS};
}

static bool refused(int64_t ms, const char *from, const char *number)
{
    struct sip_addr a = host(from);

    return guard_refused(&guard, at(ms), &limits, &a, sip_str_of(number));
}

static bool is_locked(int64_t ms, const char *from, const char *number)
{
    struct sip_addr a = host(from);

    return guard_locked(&guard, at(ms), &a, sip_str_of(number));
}

Test(guard, locks_out_at_the_limit_for_its_time_and_tells_once)
{
    cr_assert_not(refused(0, "10.0.0.1", "100"));
    cr_assert_not(refused(1, "10.0.0.1", "100"));
    cr_assert_not(is_locked(1, "10.0.0.1", "100"));
    cr_assert(refused(2, "10.0.0.1", "100"));
    cr_assert_not(refused(3, "10.0.0.1", "100"), "told once");
    cr_assert(is_locked(2, "10.0.0.1", "100"));
    cr_assert(is_locked(5001, "10.0.0.1", "100"));
    cr_assert_not(is_locked(5002, "10.0.0.1", "100"));
    cr_assert_not(refused(5002, "10.0.0.1", "100"), "from the beginning");
}

Test(guard, refusals_further_apart_than_the_window_do_not_add_up)
{
    for (int i = 0; i < 100; i++)
        cr_assert_not(refused(i * 500, "10.0.0.1", "100"));
}

Test(guard, other_numbers_and_other_addresses_stay_free)
{
    for (int i = 0; i < 3; i++)
        (void)refused(i, "10.0.0.1", "100");
    cr_assert(is_locked(3, "10.0.0.1", "100"));
    cr_assert_not(is_locked(3, "10.0.0.1", "101"));
    cr_assert_not(is_locked(3, "10.0.0.2", "100"));
}

Test(guard, one_guess_at_each_of_many_numbers_locks_the_address_out)
{
    char number[16];

    for (int i = 0; i < 29; i++) {
        snprintf(number, sizeof(number), "%d", i);
        cr_assert_not(refused(i, "10.0.0.1", number));
    }
    cr_assert(refused(29, "10.0.0.1", ""), "numbers that there are not count too");
    cr_assert(is_locked(30, "10.0.0.1", "100"));
    cr_assert_not(is_locked(30, "10.0.0.2", "100"));
}

Test(guard, an_ipv6_address_counts_by_its_64)
{
    (void)refused(0, "2001:db8::1", "100");
    (void)refused(1, "2001:db8::2", "100");
    cr_assert(refused(2, "2001:db8::3", "100"));
    cr_assert(is_locked(3, "2001:db8::4", "100"));
    cr_assert_not(is_locked(3, "2001:db8:0:1::4", "100"));
}

Test(guard, zero_switches_it_off)
{
    struct guard_limits off = {.refused_max = 0, .window_ms = 1000, .lockout_ms = 1000};
    struct sip_addr a = host("10.0.0.1");

    for (int i = 0; i < 1000; i++)
        cr_assert_not(guard_refused(&guard, at(0), &off, &a, SIP_STR("100")));
    cr_assert_not(guard_locked(&guard, at(0), &a, SIP_STR("100")));
}

Test(guard, more_addresses_than_places_end_the_oldest_counts_only)
{
    char from[32];

    for (int i = 0; i < 3; i++)
        (void)refused(i, "10.0.0.1", "100");
    for (int i = 0; i < 250;
         i++) { /* counts end sooner than lockouts: these make room for each other */
        snprintf(from, sizeof(from), "10.1.0.%d", i);
        (void)refused(3, from, "100");
    }
    cr_assert(is_locked(4, "10.0.0.1", "100"));
}
