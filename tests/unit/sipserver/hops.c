/* Trunks with a name: the addresses that DNS gives, which is watched, which takes a call, and what
 * happens when one fails (RFC 3263). */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

static struct kit *k;
static struct ua phone, one, two, three;

static void quick(struct kit *kit)
{
    kit->options.oos_check_ms = 5000;
    kit->options.oos_force_ms = 2000;
}

static void conf_trunk(const char *contact)
{
    struct sc_dn_conf dn = kit_dn_conf(k, "gw", SC_DN_TRUNK);
    snprintf(dn.contact, sizeof(dn.contact), "%s", contact);
    snprintf(dn.prefixes[0], sizeof(dn.prefixes[0]), "9");
    dn.prefixes_n = 1;
    kit_dn(k, &dn);
}

static struct sc_hop hop(const char *ip, uint16_t priority)
{
    return (struct sc_hop){.addr = kit_addr(ip, 5060), .priority = priority, .weight = 1};
}

static void resolved(const struct sc_hop *hops, uint32_t n)
{
    struct sc_event e = {.kind = SC_EV_RESOLVED, .name = "gw", .hops = hops, .hops_n = n};
    kit_step(k, &e);
}

static const struct sc_action *asked(void)
{
    for (unsigned i = k->actions_n; i-- > 0;)
        if (k->actions[i].kind == SC_ACT_RESOLVE)
            return &k->actions[i];
    return NULL;
}

static void setup(void)
{
    k = kit_house(quick);
    one = ua_at(k, "10.0.1.11", 5060, "one");
    two = ua_at(k, "10.0.1.12", 5060, "two");
    three = ua_at(k, "10.0.1.13", 5060, "three");
    conf_trunk("sip:carrier.example");
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(hops, .init = setup, .fini = teardown);

static void both(void)
{
    const struct sc_hop hops[] = {hop("10.0.1.11", 10), hop("10.0.1.12", 20)};
    resolved(hops, 2);
}

static void answer(struct ua *u, bool up)
{
    while (ua_has_request(u, SIP_OPTIONS) && ua_take(u, true))
        if (up && u->msg.method == SIP_OPTIONS)
            ua_reply(u, 200, NULL);
}

static void live(int64_t ms, bool one_up, bool two_up)
{
    for (int64_t t = 0; t < ms; t += 100) {
        kit_run(k, 100);
        answer(&one, one_up);
        answer(&two, two_up);
        if (k->caught_n > CAUGHT_MAX / 2)
            kit_forget_caught(k);
    }
}

static void invited(struct ua *u)
{
    do
        cr_assert(ua_take(u, true), "%s got no INVITE", u->user);
    while (u->msg.method != SIP_INVITE);
    cr_assert_eq(sip_dialog_uas(&u->dialog, &u->msg, sip_str_of(u->tag)), 0);
}

Test(hops, a_name_is_asked_for_and_the_trunk_waits_for_the_answer)
{
    const struct sc_action *a = asked();
    cr_assert_not_null(a);
    cr_assert_str_eq(a->resolve.dn, "gw");
    cr_assert_str_eq(a->resolve.host, "carrier.example");
    cr_assert(a->resolve.wanted && a->resolve.port == 0 && a->resolve.transport == SIP_UDP);
    kit_run(k, 10000);
    cr_assert_not(kit_dn_in(k, "gw"));
    both();
    live(1000, true, true);
    cr_assert(kit_dn_in(k, "gw"));
}

Test(hops, port_and_transport_of_the_contact_are_asked_for)
{
    conf_trunk("sip:other.example:5070;transport=tls");
    cr_assert_str_eq(asked()->resolve.host, "other.example");
    cr_assert_eq(asked()->resolve.port, 5070);
    cr_assert_eq(asked()->resolve.transport, SIP_TLS);
    conf_trunk("sip:10.0.1.1:5060");
    cr_assert_not(asked()->resolve.wanted, "no longer");
}

/* RFC 3263 4: the name stays in the Request-URI; RFC 2782: the lowest priority first. */
Test(hops, a_call_goes_to_the_lowest_priority_and_carries_the_name)
{
    both();
    live(1000, true, true);
    phones_register(k, &phone, 100, 1);
    ua_call(&phone, "9123", SDP_A);
    invited(&one);
    cr_assert(sip_str_eq(one.msg.uri_text, SIP_STR("sip:9123@carrier.example")), "%.*s",
              (int)one.msg.uri_text.len, one.msg.uri_text.p);
}

/* RFC 3263 4.3 */
Test(hops, a_call_that_one_address_does_not_take_goes_to_the_next)
{
    both();
    live(1000, true, true);
    phones_register(k, &phone, 100, 1);
    kit_forget_caught(k);
    ua_call(&phone, "9123", SDP_A);
    invited(&one);
    ua_reply(&one, 503, NULL);
    invited(&two);
    ua_reply(&two, 486, NULL);
    ua_expect(&phone, 486);
    ua_ack(&phone, NULL);
    ua_call(&phone, "9124", SDP_A);
    invited(&two);
}

Test(hops, the_trunk_stays_in_service_while_one_address_answers)
{
    both();
    live(6000, true, true);
    live(30000, false, true);
    cr_assert(kit_dn_in(k, "gw"));
    phones_register(k, &phone, 100, 1);
    kit_forget_caught(k);
    ua_call(&phone, "9123", SDP_A);
    invited(&two);
    ua_reply(&two, 486, NULL);
    ua_expect(&phone, 486);
    ua_ack(&phone, NULL);
    live(12000, true, true); /* the better one is back */
    kit_forget_caught(k);
    ua_call(&phone, "9124", SDP_A);
    invited(&one);
}

Test(hops, it_goes_out_when_none_answers_and_in_when_any_does)
{
    both();
    live(6000, true, true);
    live(15000, false, false);
    cr_assert_not(kit_dn_in(k, "gw"));
    live(30000, false, true);
    cr_assert(kit_dn_in(k, "gw"));
}

Test(hops, the_last_addresses_stay_while_dns_fails)
{
    both();
    live(2000, true, true);
    resolved(NULL, 0);
    live(20000, true, true);
    cr_assert(kit_dn_in(k, "gw"));
    phones_register(k, &phone, 100, 1);
    ua_call(&phone, "9123", SDP_A);
    invited(&one);
}

Test(hops, an_address_that_dns_no_longer_has_is_left)
{
    const struct sc_hop moved[] = {hop("10.0.1.13", 10)};
    both();
    live(2000, true, true);
    kit_forget_caught(k);
    resolved(moved, 1);
    kit_run(k, 100);
    cr_assert(kit_dn_in(k, "gw"), "in service until the new one is silent");
    cr_assert(ua_has_request(&three, SIP_OPTIONS), "which is watched at once");
    kit_run(k, 3000);
    cr_assert_not(kit_dn_in(k, "gw"));
}

Test(hops, requests_from_each_of_its_addresses_are_the_trunks)
{
    both();
    live(1000, true, true);
    phones_register(k, &phone, 100, 1);
    kit_forget_caught(k);
    ua_invite(&two, "100", SDP_A);
    ua_expect_request(&phone, SIP_INVITE);
    ua_invite(&three, "100", SDP_A);
    ua_expect(&three, 401);
}

Test(hops, the_same_answer_changes_nothing)
{
    both();
    live(6000, true, true);
    kit_forget_caught(k);
    both();
    kit_run(k, 100);
    ua_expect_nothing(&one);
}

/* The last OPTIONS to U's address, over TCP, finds no connection. */
static void refuse(struct ua *u)
{
    for (unsigned i = k->caught_n; i-- > 0;) {
        const struct caught *c = &k->caught[i];

        if (!sip_addr_same_host(&c->to, &u->addr))
            continue;
        kit_step(k, &(struct sc_event){.kind = SC_EV_UNSENT, .txn = c->txn});
        return;
    }
    cr_assert_fail("%s was not asked", u->user);
}

/* A refusal is of the address that refused, not of the one that is watched meanwhile. */
Test(hops, a_bad_address_that_refuses_again_does_not_bring_the_good_one_down)
{
    struct sc_hop hops[] = {hop("10.0.1.11", 10), hop("10.0.1.12", 20)};

    hops[0].addr.transport = hops[1].addr.transport = SIP_TCP;
    conf_trunk("sip:carrier.example;transport=tcp");
    resolved(hops, 2);
    kit_run(k, 10);
    one.addr.transport = two.addr.transport = SIP_TCP;
    refuse(&one);
    kit_run(k, 10);
    answer(&two, true);
    cr_assert(kit_dn_in(k, "gw"));
    kit_run(k, 5000); /* both are asked: the watched one, and whether the bad one is back */
    refuse(&one);
    cr_assert(kit_dn_in(k, "gw"), "the other one has not failed");
    answer(&two, true);
    kit_run(k, 4000);
    cr_assert(kit_dn_in(k, "gw"));
    kit_run(k, 2000);
    refuse(&two);
    cr_assert_not(kit_dn_in(k, "gw"), "now it has");
}
