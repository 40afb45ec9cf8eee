/* Several trunks for one number: which is tried first, when the next one is, and how many calls
 * each takes. */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

static struct kit *k;
static struct ua phone, gw, second, third;

static void no_options(struct kit *kit)
{
    kit->options.oos_check_ms = 3600000; /* trunks stay in service: their watch has its own tests */
    kit->options.oos_force_ms = 3600000;
}

static struct sc_dn_conf trunk(const char *name, const char *ip, uint32_t priority, uint32_t weight)
{
    struct sc_dn_conf dn = kit_dn_conf(k, name, SC_DN_TRUNK);
    snprintf(dn.contact, sizeof(dn.contact), "sip:%s:5060", ip);
    snprintf(dn.prefixes[0], sizeof(dn.prefixes[0]), "9");
    dn.prefixes_n = 1;
    dn.priority = priority;
    dn.weight = weight;
    return dn;
}

static void add(struct sc_dn_conf dn)
{
    kit_dn(k, &dn);
}

static void setup(void)
{
    k = kit_house(no_options);
    phones_register(k, &phone, 100, 1);
    gw = ua_at(k, "10.0.1.1", 5060, "gw");
    second = ua_at(k, "10.0.1.2", 5060, "second");
    third = ua_at(k, "10.0.1.3", 5060, "third");
    add(trunk("gw", "10.0.1.1", 0, 0));
    add(trunk("second", "10.0.1.2", 10, 0));
    add(trunk("third", "10.0.1.3", 20, 0));
    kit_run(k, 100);
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(hunt, .init = setup, .fini = teardown);

/* The next INVITE to U, whatever its watch and old calls still send. */
static void invited(struct ua *u)
{
    do
        cr_assert(ua_take(u, true), "%s got no INVITE", u->user);
    while (u->msg.method != SIP_INVITE);
    cr_assert_eq(sip_dialog_uas(&u->dialog, &u->msg, sip_str_of(u->tag)), 0);
}

static void end_call(struct ua *trunk_of_call)
{
    ua_expect(&phone, 200);
    ua_ack(&phone, NULL);
    ua_expect_request(trunk_of_call, SIP_ACK);
    ua_request(&phone, SIP_BYE, NULL);
    ua_expect(&phone, 200);
    ua_expect_request(trunk_of_call, SIP_BYE);
    ua_reply(trunk_of_call, 200, NULL);
}

Test(hunt, the_lowest_priority_is_tried_first)
{
    ua_call(&phone, "9123", SDP_A);
    invited(&gw);
    ua_expect_nothing(&second);
    ua_reply(&gw, 200, SDP_B);
    end_call(&gw);
    kit_assert_empty(k);
}

Test(hunt, a_503_goes_to_the_next_trunk_and_the_caller_hears_nothing_of_it)
{
    ua_call(&phone, "9123", SDP_A);
    invited(&gw);
    ua_reply(&gw, 503, NULL);
    invited(&second);
    cr_assert(ua_body_is(&second, SDP_A), "the offer as it was");
    cr_assert_not(ua_status(&phone) >= 300);
    ua_reply(&second, 200, SDP_B);
    end_call(&second);
    cr_assert_eq(kit_counter(k, "trunk_failovers"), 1);
    kit_assert_empty(k);
}

static void refuse_503(struct ua *trunk_, const char *retry_after)
{
    ua_says(trunk_, SIP_H_RETRY_AFTER, retry_after);
    ua_reply(trunk_, 503, NULL);
    ua_is_silent(trunk_);
}

Test(hunt, a_503_with_retry_after_keeps_calls_away_for_that_time_rfc3261_21_5_4)
{
    ua_call(&phone, "9123", SDP_A);
    invited(&gw);
    refuse_503(&gw, "30 (overloaded);duration=5");
    invited(&second);
    ua_reply(&second, 200, SDP_B);
    end_call(&second);
    kit_run(k, 29000);
    ua_call(&phone, "9123", SDP_A);
    invited(&second);
    ua_reply(&second, 200, SDP_B);
    end_call(&second);
    kit_run(k, 1500);
    while (ua_take(&gw, true))
        cr_assert_neq(gw.msg.method, SIP_INVITE);
    ua_call(&phone, "9123", SDP_A);
    invited(&gw);
    cr_assert_eq(kit_counter(k, "trunk_pauses"), 1);
}

Test(hunt, retry_after_counts_for_trunk_retry_after_max_at_most)
{
    k->options.trunk_retry_after_max_s = 20;
    kit_options(k);
    ua_call(&phone, "9123", SDP_A);
    invited(&gw);
    refuse_503(&gw, "86400");
    invited(&second);
    ua_reply(&second, 200, SDP_B);
    end_call(&second);
    kit_run(k, 20000);
    ua_call(&phone, "9123", SDP_A);
    invited(&gw);
}

Test(hunt, when_every_trunk_has_asked_for_a_pause_the_caller_gets_480_at_once)
{
    struct ua *trunks[] = {&gw, &second, &third};

    ua_call(&phone, "9123", SDP_A);
    for (unsigned i = 0; i < 3; i++) {
        invited(trunks[i]);
        refuse_503(trunks[i], "10");
    }
    ua_expect(&phone, 480);
    kit_run(k, 5000);
    kit_forget_caught(k);
    ua_call(&phone, "9123", SDP_A);
    ua_expect(&phone, 480);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_not(ua_has_request(trunks[i], SIP_INVITE));
    kit_run(k, 6000);
    ua_call(&phone, "9123", SDP_A);
    invited(&gw);
}

Test(hunt, a_trunk_that_is_silent_for_trunk_timeout_is_cancelled_and_the_next_one_tried)
{
    ua_call(&phone, "9123", SDP_A);
    invited(&gw);
    kit_run(k, 3900);
    cr_assert_not(ua_has_request(&second, SIP_INVITE));
    kit_run(k, 200);
    invited(&second);
    ua_reply(&second, 200, SDP_B);
    end_call(&second);
    kit_assert_empty(k);
}

Test(hunt, a_trunk_that_said_100_may_ring_on)
{
    ua_call(&phone, "9123", SDP_A);
    invited(&gw);
    ua_reply(&gw, 100, NULL);
    kit_run(k, 20000);
    cr_assert_not(ua_has_request(&second, SIP_INVITE));
    kit_run(k, 170000);
    cr_assert_not(ua_has_request(&second, SIP_INVITE), "nobody answered there: no other way helps");
    cr_assert_geq(ua_status(&phone), 400);
}

Test(hunt, what_the_far_end_says_is_no_reason_for_another_trunk)
{
    static const unsigned words[] = {404, 480, 486, 500, 603};
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        ua_call(&phone, "9123", SDP_A);
        invited(&gw);
        ua_reply(&gw, words[i], NULL);
        cr_assert_not(ua_has_request(&second, SIP_INVITE), "%u", words[i]);
        ua_expect(&phone, words[i]);
        ua_ack(&phone, NULL);
    }
}

Test(hunt, a_trunk_out_of_service_is_passed_over)
{
    struct sc_dn_conf dn = trunk("gw", "10.0.1.1", 0, 0);
    dn.oos_check_ms = 1000;
    dn.oos_force_ms = 1000;
    dn.sources_n = 0;
    snprintf(dn.contact, sizeof(dn.contact), "sip:10.0.1.9:5060"); /* another: watched anew */
    kit_dn(k, &dn);
    kit_run(k, 5000);
    cr_assert_not(kit_dn_in(k, "gw"));
    ua_call(&phone, "9123", SDP_A);
    invited(&second);
}

Test(hunt, when_each_has_failed_the_caller_gets_480)
{
    struct ua *all[] = {&gw, &second, &third};
    ua_call(&phone, "9123", SDP_A);
    for (unsigned i = 0; i < 3; i++) {
        invited(all[i]);
        ua_reply(all[i], 503, NULL);
    }
    ua_expect(&phone, 480);
    ua_ack(&phone, NULL);
    cr_assert_eq(kit_counter(k, "trunk_failovers"), 3);
    kit_run(k, 40000);
    kit_assert_empty(k);
}

Test(hunt, a_longer_prefix_comes_before_any_priority)
{
    struct sc_dn_conf dn = trunk("third", "10.0.1.3", 20, 0);
    snprintf(dn.prefixes[0], sizeof(dn.prefixes[0]), "91");
    kit_dn(k, &dn);
    ua_call(&phone, "9123", SDP_A);
    invited(&third);
    ua_reply(&third, 503, NULL);
    invited(&gw);
}

/* RFC 2782: of one priority each is chosen as often as its weight says. */
Test(hunt, trunks_of_one_priority_share_by_weight)
{
    unsigned n[3] = {0};
    struct ua *all[] = {&gw, &second, &third};
    add(trunk("gw", "10.0.1.1", 5, 60));
    add(trunk("second", "10.0.1.2", 5, 30));
    add(trunk("third", "10.0.1.3", 5, 10));
    kit_run(k, 100);
    kit_forget_caught(k);
    for (unsigned i = 0; i < 400; i++) {
        ua_call(&phone, "9123", SDP_A);
        for (unsigned t = 0; t < 3; t++) {
            if (!ua_has_request(all[t], SIP_INVITE))
                continue;
            n[t]++;
            invited(all[t]);
            ua_reply(all[t], 486, NULL);
        }
        ua_expect(&phone, 486);
        ua_ack(&phone, NULL);
        kit_run(k, 6000);
        kit_forget_caught(k);
    }
    cr_assert_eq(n[0] + n[1] + n[2], 400);
    cr_assert(n[0] > 200 && n[0] < 280, "60 %%: %u of 400", n[0]);
    cr_assert(n[1] > 85 && n[1] < 155, "30 %%: %u of 400", n[1]);
    cr_assert(n[2] > 15 && n[2] < 70, "10 %%: %u of 400", n[2]);
}

Test(hunt, a_full_trunk_is_passed_over_until_a_call_ends)
{
    struct sc_dn_conf dn = trunk("gw", "10.0.1.1", 0, 0);
    struct ua other;
    dn.calls_out_max = 1;
    kit_dn(k, &dn);
    phones_register(k, &other, 101, 1);
    ua_call(&phone, "9123", SDP_A);
    invited(&gw);
    ua_call(&other, "9124", SDP_A);
    invited(&second);
    ua_reply(&second, 486, NULL);
    ua_expect(&other, 486);
    ua_ack(&other, NULL);
    ua_reply(&gw, 200, SDP_B);
    end_call(&gw);
    ua_call(&other, "9125", SDP_A);
    invited(&gw);
}

Test(hunt, when_all_are_full_a_phone_gets_503_with_retry_after)
{
    struct sc_dn_conf dn = trunk("gw", "10.0.1.1", 0, 0), none = trunk("second", "10.0.1.2", 0, 0);
    struct ua other;
    none.prefixes_n = 0;
    kit_dn(k, &none);
    snprintf(none.number, sizeof(none.number), "third");
    snprintf(none.contact, sizeof(none.contact), "sip:10.0.1.3:5060");
    kit_dn(k, &none);
    dn.calls_max = 1;
    kit_dn(k, &dn);
    phones_register(k, &other, 101, 1);
    ua_call(&phone, "9123", SDP_A);
    invited(&gw);
    ua_call(&other, "9124", SDP_A);
    ua_expect(&other, 503);
    cr_assert_neq(ua_header(&other, SIP_H_RETRY_AFTER)[0], '\0');
    cr_assert_eq(kit_counter(k, "drop_trunk_full"), 1);
}

Test(hunt, more_calls_in_than_a_trunk_may_bring_get_486_with_retry_after)
{
    struct sc_dn_conf dn = trunk("gw", "10.0.1.1", 0, 0);
    struct ua again = gw;
    dn.calls_in_max = 1;
    kit_dn(k, &dn);
    ua_invite(&gw, "100", SDP_A);
    invited(&phone);
    ua_reply(&phone, 200, SDP_B);
    ua_expect(&gw, 200);
    ua_ack(&gw, NULL);
    ua_invite(&again, "100", SDP_A);
    ua_expect(&again, 486);
    cr_assert_neq(ua_header(&again, SIP_H_RETRY_AFTER)[0], '\0');
    cr_assert_eq(kit_counter(k, "drop_trunk_full"), 1);
    ua_request(&gw, SIP_BYE, NULL);
    ua_expect(&gw, 200);
    ua_invite(&again, "100", SDP_A);
    cr_assert_neq(ua_status(&again), 486, "there is room again");
}

Test(hunt, a_trunk_takes_calls_from_the_networks_that_it_names)
{
    struct sc_dn_conf dn = trunk("gw", "10.0.1.1", 0, 0);
    struct ua inside = ua_at(k, "192.0.2.77", 40000, "x"),
              outside = ua_at(k, "192.0.3.1", 5060, "x");
    snprintf(dn.sources[0], sizeof(dn.sources[0]), "192.0.2.64/26");
    dn.sources_n = 1;
    kit_dn(k, &dn);
    ua_invite(&inside, "100", SDP_A);
    invited(&phone);
    ua_invite(&outside, "100", SDP_A);
    ua_expect(&outside, 401); /* a stranger */
}

/* A host that fails over must count as the one before it did, and one that joins another forgets.
 */
Test(hunt, the_counts_end_with_the_copy)
{
    struct sc_dn_conf dn = trunk("gw", "10.0.1.1", 0, 0);
    dn.calls_out_max = 1;
    kit_dn(k, &dn);
    ua_call(&phone, "9123", SDP_A);
    invited(&gw);
    kit_role(k, false, 2);
    kit_join(k);
    kit_role(k, true, 3);
    phones_register(k, &phone, 100, 1);
    ua_call(&phone, "9123", SDP_A);
    invited(&gw);
}
