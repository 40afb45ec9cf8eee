/* The watch of trunks (T-1, T-2) and the mode of the site (section 3): timing, loss, flapping,
 * logins, R-1, R-4. */
#include "tests/unit/sipserver/kit.h"

#include "common/prng.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct kit *k;
static struct ua peer, gw;

static void name_peer(struct kit *kit)
{
    snprintf(kit->options.dr_peer_trunk, sizeof(kit->options.dr_peer_trunk), "peer");
}

static void setup(void)
{
    k = kit_house(name_peer);
    peer = ua_at(k, "10.0.2.1", 5060, "peer");
    gw = ua_at(k, "10.0.1.1", 5060, "gw");
}

static void teardown(void)
{
    kit_free(k);
}

/* Time passes; each trunk loses LOSS percent each way, and answers with STATUS when it is up. */
static struct prng loss_prng;

static void answer_options(struct ua *u, unsigned loss, unsigned status)
{
    while (ua_has_request(u, SIP_OPTIONS) && ua_take(u, true)) {
        if (prng_below(&loss_prng, 100) < loss || prng_below(&loss_prng, 100) < loss)
            continue;
        ua_reply(u, status, NULL);
    }
}

/* Returns: how often the mode changed. */
static unsigned live(int64_t ms, bool peer_up, unsigned loss)
{
    unsigned changes = 0;
    enum sc_mode mode = kit_status(k).mode;

    for (int64_t t = 0; t < ms; t += 50) {
        kit_run(k, 50);
        answer_options(&gw, 0, 200);
        if (peer_up)
            answer_options(&peer, loss, 200);
        if (k->caught_n > CAUGHT_MAX / 2)
            kit_forget_caught(k);
        changes += kit_status(k).mode != mode;
        mode = kit_status(k).mode;
    }
    return changes;
}

TestSuite(trunk, .init = setup, .fini = teardown);

Test(trunk, starts_single_and_is_peered_after_enough_answers_over_the_recovery_time)
{
    cr_assert_eq(kit_status(k).mode, SC_SINGLE);
    live(29000, true, 0);
    cr_assert_eq(kit_status(k).mode, SC_SINGLE);
    live(6000, true, 0);
    cr_assert_eq(kit_status(k).mode, SC_PEERED);
}

Test(trunk, without_a_peer_trunk_the_site_is_standalone)
{
    kit_free(k);
    k = kit_house(NULL);
    cr_assert_eq(kit_status(k).mode, SC_STANDALONE);
}

Test(trunk, options_go_out_each_oos_check)
{
    unsigned n = 0;

    live(40000, true, 0);
    kit_forget_caught(k);
    for (unsigned t = 0; t < 600; t++) {
        kit_run(k, 100);
        while (ua_has_request(&peer, SIP_OPTIONS) && ua_take(&peer, true)) {
            ua_reply(&peer, 200, NULL);
            n++;
        }
        answer_options(&gw, 0, 200);
    }
    cr_assert_eq(n, 12);
}

/* SF-7: SINGLE within oos-check + oos-force, and not before oos-force. */
Test(trunk, silence_makes_it_single_within_oos_check_and_oos_force)
{
    mono_t silent;

    live(40000, true, 0);
    cr_assert_eq(kit_status(k).mode, SC_PEERED);
    silent = k->now;
    while (kit_status(k).mode == SC_PEERED && mono_diff_ms(k->now, silent) < 60000)
        live(50, false, 0);
    cr_assert_leq(mono_diff_ms(k->now, silent), 10000 + 50);
    cr_assert_geq(mono_diff_ms(k->now, silent), 5000);
    cr_assert_not(kit_dn_in(k, "peer"));
    cr_assert(kit_dn_in(k, "gw"), "the gateway answers");
}

Test(trunk, a_503_is_no_answer_and_any_other_is)
{
    live(40000, true, 0);
    for (unsigned t = 0; t < 220; t++) {
        kit_run(k, 50);
        answer_options(&peer, 0, 503);
        answer_options(&gw, 0, 404);
    }
    cr_assert_eq(kit_status(k).mode, SC_SINGLE);
    cr_assert(kit_dn_in(k, "gw"));
}

/* One-way loss: the peer's own OPTIONS reach us, ours do not reach it. */
Test(trunk, requests_of_the_peer_prove_nothing_but_those_of_a_gateway_do)
{
    char options[512];

    live(40000, true, 0);
    kit_alone(k); /* each takeover gives a silent trunk a little time */
    for (unsigned t = 0; t < 60; t++) {
        for (unsigned i = 0; i < 2; i++) {
            snprintf(options, sizeof(options),
                     "OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
                     "10.0.%u.1:5060;branch=z9hG4bKx%u\r\n"
                     "From: <sip:x@y>;tag=1\r\nTo: <sip:10.0.0.1>\r\nCall-ID: x%u\r\nCSeq: 1 "
                     "OPTIONS\r\n\r\n",
                     i + 1, t, t);
            ua_send(i == 0 ? &gw : &peer, options, strlen(options));
        }
        kit_run(k, 200);
    }
    cr_assert_eq(kit_status(k).mode, SC_SINGLE);
    cr_assert(kit_dn_in(k, "gw"));
}

Test(trunk, ten_percent_loss_each_way_is_ridden_out)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        prng_init(&loss_prng, seed);
        live(400000, true, 10); /* up to the longest hold-down */
        cr_assert_eq(kit_status(k).mode, SC_PEERED);
        cr_assert_eq(live(1200000, true, 10), 0, "seed %u", (unsigned)seed);
    }
}

/* With oos-force as short as T1 no retransmission helps: the further OPTIONS of the doubt do. */
static void fast(struct kit *kit)
{
    name_peer(kit);
    kit->options.oos_check_ms = 500;
    kit->options.oos_force_ms = 500;
    kit->options.recovery_timeout_ms = 2000;
}

Test(trunk, ten_percent_loss_is_ridden_out_in_a_fast_profile)
{
    kit_free(k);
    k = kit_house(fast);
    peer = ua_at(k, "10.0.2.1", 5060, "peer");
    gw = ua_at(k, "10.0.1.1", 5060, "gw");
    prng_init(&loss_prng, 7);
    live(3500, true, 10);
    cr_assert_eq(kit_status(k).mode, SC_PEERED);
    cr_assert_eq(live(600000, true, 10), 0);
}

Test(trunk, thirty_percent_loss_and_flapping_change_the_mode_seldom)
{
    unsigned changes = 0;

    prng_init(&loss_prng, 3);
    cr_assert_leq(live(600000, true, 30), 3);
    /* 15 s up, 15 s down for ten minutes: the hold-down grows, it is not believed any more */
    for (unsigned i = 0; i < 20; i++)
        changes += live(15000, true, 0) + live(15000, false, 0);
    cr_assert_leq(changes, 2);
    /* 1 s up, 1 s down: never silent for oos-force */
    live(400000, true, 0);
    changes = 0;
    for (unsigned i = 0; i < 300; i++)
        changes += live(1000, true, 0) + live(1000, false, 0);
    cr_assert_leq(changes, 1);
}

Test(trunk, the_hold_down_doubles_while_it_flaps_and_is_forgotten_in_calm)
{
    mono_t back;

    live(40000, true, 0);
    live(15000, false, 0);
    back = k->now;
    while (kit_status(k).mode != SC_PEERED)
        live(500, true, 0);
    cr_assert_geq(mono_diff_ms(k->now, back), 60000,
                  "it had been in service for a few seconds only");
    live(15000, false, 0);
    back = k->now;
    while (kit_status(k).mode != SC_PEERED)
        live(500, true, 0);
    cr_assert_geq(mono_diff_ms(k->now, back), 120000);
    live(301000, true, 0);
    live(15000, false, 0);
    back = k->now;
    while (kit_status(k).mode != SC_PEERED)
        live(500, true, 0);
    cr_assert_leq(mono_diff_ms(k->now, back), 40000, "calm for the longest hold-down");
}

Test(trunk, the_mode_follows_the_option)
{
    live(40000, true, 0);
    k->options.dr_peer_trunk[0] = '\0';
    kit_options(k);
    cr_assert_eq(kit_status(k).mode, SC_STANDALONE);
    name_peer(k);
    kit_options(k);
    cr_assert_eq(kit_status(k).mode, SC_SINGLE);
    live(45000, true, 0);
    cr_assert_eq(kit_status(k).mode, SC_PEERED);
}

Test(trunk, a_new_primary_begins_single)
{
    live(40000, true, 0);
    kit_role(k, false, 1);
    kit_join(k);
    cr_assert_eq(kit_status(k).mode, SC_SINGLE);
    kit_role(k, true, 2);
    cr_assert_eq(kit_status(k).mode, SC_SINGLE);
    live(40000, true, 0);
    cr_assert_eq(kit_status(k).mode, SC_PEERED);
}

/* The host that takes over has dr-peer-trunk already, the old primary had not (H-7). */
Test(trunk, a_mode_that_was_judged_without_the_peer_trunk_is_settled_at_a_takeover)
{
    const struct sc *old = k->sc;
    struct sc_event e = {.kind = SC_EV_CONF_OPTIONS, .options = &k->options};

    k->options.dr_peer_trunk[0] = '\0';
    kit_step_alone(k, &e);
    cr_assert_eq(kit_status(k).mode, SC_STANDALONE);
    for (unsigned i = 0; i < 10 && k->sc == old; i++)
        live(50, true, 0);
    name_peer(k);
    kit_options(k);
    cr_assert_eq(kit_status(k).mode, SC_SINGLE);
    live(45000, true, 0);
    cr_assert_eq(kit_status(k).mode, SC_PEERED);
}

/* ---- what the mode means for agents ---- */

Test(trunk, peered_login_needs_the_phone_and_single_does_not)
{
    struct ua p[1];

    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "", SC_AGENT_READY), 0, "L-2");
    cr_assert_eq(kit_queue(k, "5000").agents_ready, 0, "no calls until the phone is in service");
    ua_invite(&gw, "5000", SDP_A);
    ua_expect(&gw, 182);
    phones_register(k, p, 101, 1);
    ua_expect_request(&p[0], SIP_INVITE);
    live(40000, true, 0);
    cr_assert_eq(kit_status(k).mode, SC_PEERED);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a2", "", SC_AGENT_READY), -EAGAIN, "L-1");
    for (unsigned i = 0; i < k->actions_n; i++)
        if (k->actions[i].kind == SC_ACT_AGENT_REPLY && k->actions[i].reply.code == -EAGAIN)
            cr_assert(k->actions[i].reply.retriable);
}

/* those who logged in without a phone have a grace when the site becomes PEERED. */
Test(trunk, phones_out_of_service_have_a_grace_when_the_peer_comes_back)
{
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "", SC_AGENT_READY), 0);
    while (kit_status(k).mode != SC_PEERED)
        live(500, true, 0);
    live(55000, true, 0);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_READY);
    live(10000, true, 0);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_NULL);
}

/* X-1, and not in SINGLE. */
Test(trunk, a_lost_phone_logs_out_after_the_damping_only_when_peered)
{
    struct ua p[2];

    phones_register(k, p, 101, 2);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "", SC_AGENT_READY), 0);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a2", "", SC_AGENT_READY), 0);
    cr_assert_eq(ua_register(&p[0], "pw", 0), 200);
    kit_run(k, 30000);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_READY, "SINGLE: no forced logout");
    live(45000, true, 0);
    cr_assert_eq(kit_status(k).mode, SC_PEERED);
    cr_assert_eq(ua_register(&p[1], "pw", 0), 200);
    live(9000, true, 0);
    cr_assert_eq(kit_agent_state(k, "a2"), SC_AGENT_READY);
    live(2000, true, 0);
    cr_assert_eq(kit_agent_state(k, "a2"), SC_AGENT_NULL);
    cr_assert_str_eq(kit_agent_reason(k, "a2"), "phone out of service");
}

/* a1 at PHONE is on a call out of a queue, and its phone has gone. */
static void lost_in_a_call(struct ua *phone, struct ua *caller)
{
    while (kit_status(k).mode != SC_PEERED)
        live(500, true, 0);
    phones_register(k, phone, 101, 1);
    *caller = ua_at(k, "10.0.1.1", 5060, "c0");
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "", SC_AGENT_READY), 0);
    ua_invite(caller, "5000", SDP_A);
    ua_expect(caller, 182);
    ua_expect_request(phone, SIP_INVITE);
    ua_reply(phone, 200, SDP_B);
    ua_expect(caller, 200);
    ua_ack(caller, NULL);
    ua_expect_request(phone, SIP_ACK);
    cr_assert_eq(ua_register(phone, "pw", 0), 200);
    live(30000, true, 0);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_BUSY);
    cr_assert_eq(kit_status(k).calls, 1);
}

Test(trunk, a_lost_phone_logs_out_when_the_call_and_the_work_after_it_are_over)
{
    struct ua p, caller;

    k->options.wrap_up_ms = 5000;
    kit_options(k);
    lost_in_a_call(&p, &caller);
    ua_request(&caller, SIP_BYE, NULL);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_ACW);
    live(4000, true, 0);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_ACW);
    live(2000, true, 0);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_NULL);
    cr_assert_str_eq(kit_agent_reason(k, "a1"), "phone out of service");
}

Test(trunk, a_phone_that_is_back_before_the_call_ends_logs_nobody_out)
{
    struct ua p, caller;

    lost_in_a_call(&p, &caller);
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    ua_request(&caller, SIP_BYE, NULL);
    live(15000, true, 0);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_READY);
}

/* R-1 and NF-2: changes of the mode touch no call, and in SINGLE none is refused or delayed. */
Test(trunk, mode_changes_touch_no_call)
{
    struct ua p[3], caller[2];

    k->options.dr_forward = SC_FORWARD_OOS;
    kit_options(k);
    phones_register(k, p, 100, 3);
    caller[0] = ua_at(k, "10.0.1.1", 5060, "c0");
    caller[1] = ua_at(k, "10.0.1.1", 5060, "c1");
    ua_invite(&caller[0], "100", SDP_A);
    ua_expect_request(&p[0], SIP_INVITE);
    ua_reply(&p[0], 200, SDP_B);
    ua_expect(&caller[0], 200);
    ua_ack(&caller[0], NULL);
    ua_invite(&caller[1], "5000", SDP_A);
    ua_expect(&caller[1], 182);
    while (kit_status(k).mode != SC_PEERED)
        live(500, true, 0);
    while (kit_status(k).mode != SC_SINGLE)
        live(500, false, 0);
    while (kit_status(k).mode != SC_PEERED)
        live(500, true, 0);
    cr_assert_eq(kit_status(k).calls, 2);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    while (kit_status(k).mode != SC_SINGLE)
        live(500, false, 0);
    kit_forget_caught(k);
    ua_call(&p[1], "102", SDP_A); /* at once, in the same step */
    ua_expect_request(&p[2], SIP_INVITE);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "", SC_AGENT_READY), 0);
}
