/* An agent reserved for a call is set free when that call goes elsewhere, and not before.  Found by
 * tests/sim/calls. */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>

static struct kit *k;
static struct ua phone[4], gw;

static void start(void (*tune)(struct kit *k))
{
    k = kit_house(tune);
    phones_register(k, phone, 100, 4);
    gw = ua_at(k, "10.0.1.1", 5060, "c1");
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

static void peered(struct kit *kit)
{
    snprintf(kit->options.dr_peer_trunk, sizeof(kit->options.dr_peer_trunk), "peer");
}

static void delete_dn(const char *number)
{
    struct sc_dn_conf dn = kit_dn_conf(k, number, SC_DN_QUEUE);
    struct sc_event e = {.kind = SC_EV_CONF_DN, .dn = &dn, .deleted = true};

    kit_step(k, &e);
}

static void unregistered_goes_to_the_peer(const char *number)
{
    struct sc_dn_conf dn = kit_dn_conf(k, number, SC_DN_EXTENSION);

    dn.dr_forward = SC_FORWARD_OOS;
    kit_dn(k, &dn);
}

TestSuite(reserved, .fini = teardown);

/* Routing point 6000: 100 and 101, which are at the peer, then queue 5000, which is here. */
Test(reserved, a_call_that_the_peer_refused_comes_back_to_its_queue_after_an_agent_refused_it)
{
    struct ua peer;

    start(peered);
    peer = ua_at(k, "10.0.2.1", 5060, "peer");
    kit_options_answered(k, &peer, 40000);
    cr_assert_eq(kit_status(k).mode, SC_PEERED);
    cr_assert_eq(ua_register(&phone[0], "pw", 0), 200);
    cr_assert_eq(ua_register(&phone[1], "pw", 0), 200);
    unregistered_goes_to_the_peer("100");
    unregistered_goes_to_the_peer("101");
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a2", "", SC_AGENT_READY), 0);
    kit_forget_caught(k);
    ua_invite(&gw, "6000", SDP_A);
    for (unsigned i = 0; i < 2; i++) {
        ua_expect_request(&peer, SIP_INVITE);
        ua_reply(&peer, 486, NULL);
        ua_expect_request(&peer, SIP_ACK);
    }
    ua_expect_request(&phone[2], SIP_INVITE);
    cr_assert_eq(kit_calls_told(k, SC_CALL_OFFERED), 1, "the agent is of this site");
    ua_reply(&phone[2], 486, NULL);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    cr_assert_eq(kit_agent_state(k, "a2"), SC_AGENT_NOT_READY);
}

Test(reserved, an_agent_who_calls_a_queue_and_logs_out_takes_nothing_from_another)
{
    start(NULL);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "", SC_AGENT_NOT_READY), 0);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a2", "", SC_AGENT_READY), 0);
    ua_call(&phone[1], "5000", SDP_A);
    ua_expect_request(&phone[2], SIP_INVITE);
    cr_assert_eq(kit_agent(k, SC_LOGOUT, "a1", "", SC_AGENT_NULL), 0);
    cr_assert_eq(kit_agent_state(k, "a2"), SC_AGENT_RESERVED);
    cr_assert_not(ua_has_request(&phone[2], SIP_CANCEL));
    ua_reply(&phone[2], 200, SDP_B);
    cr_assert_eq(kit_agent_state(k, "a2"), SC_AGENT_BUSY);
}

Test(reserved, an_agent_who_refuses_a_call_of_a_deleted_queue_is_free)
{
    start(NULL);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a2", "", SC_AGENT_READY), 0);
    ua_invite(&gw, "5000", SDP_A);
    ua_expect_request(&phone[2], SIP_INVITE);
    delete_dn("5000");
    ua_reply(&phone[2], 486, NULL);
    cr_assert_eq(kit_agent_state(k, "a2"), SC_AGENT_NOT_READY);
    kit_assert_empty(k);
}
