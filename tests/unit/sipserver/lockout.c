/* The lockout of who guesses passwords, and who must not be locked out with it: a phone that shares
 * the address (NAT, a proxy). */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

static struct kit *k;
static struct ua victim, neighbour, guesser;

static void setup(void)
{
    k = kit_house(NULL);
    kit_alone(k); /* each host counts refused passwords for itself */
    victim = ua_at(k, "10.1.0.100", 5070, "100");
    neighbour = ua_at(k, "10.1.0.100", 5071, "101");
    guesser = ua_at(k, "10.1.0.100", 5999, "100");
    cr_assert_eq(ua_register(&victim, "pw", 3600), 200);
    cr_assert_eq(ua_register(&neighbour, "pw", 3600), 200);
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(lockout, .init = setup, .fini = teardown);

static void guess(struct ua *u, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        kit_forget_caught(k);
        cr_assert_eq(ua_register(u, "guess", 60), 403);
    }
}

/* The number is locked, and with guesses at numbers that there are not the whole address. */
static void lock_all(void)
{
    char number[16];

    guess(&guesser, k->options.lockout_refusals);
    for (unsigned i = 0; i < 10 * k->options.lockout_refusals; i++) {
        struct ua u =
            ua_at(k, "10.1.0.100", 5999, (snprintf(number, sizeof(number), "9%u", i), number));

        guess(&u, 1);
    }
    cr_assert_eq(kit_counter(k, "lockouts"), 2);
}

static void calls_out(struct ua *u)
{
    ua_call(u, "5000", SDP_A);
    ua_expect(u, 182);
}

Test(lockout, guesses_from_its_address_do_not_lock_out_the_phone_that_is_registered)
{
    guess(&guesser, k->options.lockout_refusals + 2);
    cr_assert_eq(ua_register(&victim, "pw", 3600), 200);
    calls_out(&victim);
}

Test(lockout, nor_do_guesses_at_many_numbers_lock_out_all_phones_of_the_address)
{
    lock_all();
    cr_assert_eq(ua_register(&victim, "pw", 3600), 200);
    cr_assert_eq(ua_register(&neighbour, "pw", 3600), 200);
    calls_out(&neighbour);
}

Test(lockout, who_is_locked_out_learns_nothing_even_with_the_right_password)
{
    struct ua newcomer = ua_at(k, "10.1.0.100", 5072, "102");
    uint64_t before;

    lock_all();
    before = kit_counter(k, "drop_locked_out");
    cr_assert_eq(ua_register(&guesser, "pw", 60), 403);
    cr_assert_eq(ua_register(&newcomer, "pw", 60), 403);
    ua_call(&guesser, "5000", SDP_A);
    ua_expect(&guesser, 403);
    cr_assert_eq(kit_counter(k, "drop_locked_out"), before + 3);
}

Test(lockout, at_the_flow_of_a_phone_only_its_own_number_can_be_tried)
{
    struct ua other = ua_at(k, "10.1.0.100", 5070, "102");

    lock_all();
    cr_assert_eq(ua_register(&other, "pw", 60), 403);
}

Test(lockout, a_registered_flow_may_guess_ten_times_as_often_and_no_more)
{
    uint64_t before;

    guess(&victim, 10 * k->options.lockout_refusals - 1);
    cr_assert_eq(ua_register(&victim, "pw", 3600), 200, "one less");
    guess(&victim, 1);
    before = kit_counter(k, "drop_locked_out");
    cr_assert_eq(ua_register(&victim, "pw", 3600), 403);
    cr_assert_eq(kit_counter(k, "drop_locked_out"), before + 1);
    cr_assert_eq(ua_register(&neighbour, "pw", 3600), 200);
    kit_run(k, k->options.lockout_time_ms);
    cr_assert_eq(ua_register(&victim, "pw", 3600), 200);
}

Test(lockout, a_phone_that_has_gone_leaves_no_way_to_guess)
{
    struct ua later = ua_at(k, "10.1.0.100", 5070, "100");

    cr_assert_eq(ua_register(&victim, "pw", 0), 200);
    guess(&later, k->options.lockout_refusals);
    cr_assert_eq(ua_register(&later, "pw", 60), 403);
}

/* All phones behind a proxy come by the same flow; only the phone knows its Call-ID. */
Test(lockout, behind_a_proxy_a_registration_is_told_by_its_call_id)
{
    struct ua phone = ua_at(k, "10.1.0.5", 5080, "103"), attacker;

    ua_says(&phone, SIP_H_VIA, "SIP/2.0/UDP 192.168.1.7:5060;branch=z9hG4bKphone");
    attacker = phone;
    snprintf(attacker.tag, sizeof(attacker.tag), "other"); /* and so another Call-ID */
    cr_assert_eq(ua_register(&phone, "pw", 3600), 200);
    guess(&attacker, 20 * k->options.lockout_refusals);
    cr_assert_eq(ua_register(&attacker, "pw", 3600), 403);
    cr_assert_eq(ua_register(&phone, "pw", 3600), 200);
    calls_out(&phone);
}

/* RFC 7616 3.4.6: the password is right, so it is no guess. */
Test(lockout, right_credentials_for_another_uri_are_400_and_no_guess)
{
    for (unsigned i = 0; i < 2 * k->options.lockout_refusals; i++) {
        kit_forget_caught(k);
        ua_register_once(&victim, NULL, 60);
        ua_expect(&victim, 401);
        victim.digest_uri = "sip:10.0.0.1:5061";
        cr_assert_eq(ua_register_again(&victim, "pw", 60), 400);
        victim.digest_uri = NULL;
    }
    cr_assert_eq(kit_counter(k, "lockouts"), 0);
}
