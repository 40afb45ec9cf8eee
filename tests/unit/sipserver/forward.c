/* Business continuity forwarding: F-1 (when), F-2 (one hop only), F-3 (how). */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

static struct kit *k;
static struct ua phone[3], gw, peer;

static void rule_oos(struct kit *kit)
{
    snprintf(kit->options.dr_peer_trunk, sizeof(kit->options.dr_peer_trunk), "peer");
    kit->options.dr_forward = SC_FORWARD_OOS;
}

static void rule_no_agent(struct kit *kit)
{
    rule_oos(kit);
    kit->options.dr_forward = SC_FORWARD_NO_AGENT;
}

static void rule_off(struct kit *kit)
{
    rule_oos(kit);
    kit->options.dr_forward = SC_FORWARD_OFF;
}

static void start(void (*tune)(struct kit *k), bool peered)
{
    k = kit_house(tune);
    phones_register(k, phone, 100, 3);
    gw = ua_at(k, "10.0.1.1", 5060, "+491234");
    peer = ua_at(k, "10.0.2.1", 5060, "1234");
    if (peered) {
        kit_options_answered(k, &peer, 40000);
        cr_assert_eq(kit_status(k).mode, SC_PEERED);
    }
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

static void follow_redirects(bool follows)
{
    struct sc_dn_conf dn = kit_dn_conf(k, "gw", SC_DN_TRUNK);

    snprintf(dn.contact, sizeof(dn.contact), "sip:10.0.1.1:5060");
    dn.follows_redirect = follows;
    kit_dn(k, &dn);
}

/* The peer gets the call for NUMBER, answers it, and it is released by CALLER. */
static void relayed(struct ua *caller, const char *number)
{
    ua_expect_request(&peer, SIP_INVITE);
    cr_assert(sip_str_eq(peer.msg.uri.user, sip_str_of(number)));
    cr_assert(ua_body_is(&peer, SDP_A));
    ua_reply(&peer, 200, SDP_B);
    ua_expect(caller, 200);
    ua_ack(caller, NULL);
    ua_expect_request(&peer, SIP_ACK);
    cr_assert_eq(kit_calls_told(k, SC_CALL_FORWARDED), 1);
    ua_request(caller, SIP_BYE, NULL);
    ua_expect_request(&peer, SIP_BYE);
    ua_reply(&peer, 200, NULL);
    kit_forget_caught(k);
}

TestSuite(forward, .fini = teardown);

/* Within flow-grace the number is in service, but only the peer may reach the phone. */
Test(forward, oos_forwards_when_the_connection_of_the_phone_is_lost)
{
    struct ua tcp;

    start(rule_oos, true);
    tcp = ua_at(k, "10.1.0.105", 40000, "105");
    tcp.addr.transport = SIP_TCP;
    tcp.addr.flow = 7;
    cr_assert_eq(ua_register(&tcp, "pw", 3600), 200);
    kit_step(k, &(struct sc_event){.kind = SC_EV_FLOW_LOST, .src = tcp.addr});
    cr_assert(kit_dn_in(k, "105"));
    ua_invite(&gw, "105", SDP_A);
    relayed(&gw, "105");
}

Test(forward, off_delivers_here)
{
    start(rule_off, true);
    ua_invite(&gw, "109", SDP_A);
    ua_expect(&gw, 480);
    ua_expect_nothing(&peer);
}

Test(forward, oos_forwards_what_is_out_of_service_here_inbound_and_internal)
{
    start(rule_oos, true);
    ua_invite(&gw, "109", SDP_A);
    relayed(&gw, "109");
    ua_call(&phone[0], "109", SDP_A);
    relayed(&phone[0], "109");
    ua_invite(&gw, "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
}

/* NF-2: in SINGLE nothing is forwarded, refused or delayed because of the peer. */
Test(forward, single_delivers_here)
{
    start(rule_no_agent, false);
    cr_assert_eq(kit_status(k).mode, SC_SINGLE);
    ua_invite(&gw, "5000", SDP_A);
    ua_expect(&gw, 182);
    ua_invite(&gw, "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert_not(ua_has_request(&peer, SIP_INVITE));
}

Test(forward, no_agent_forwards_until_an_agent_is_logged_in)
{
    start(rule_no_agent, true);
    ua_invite(&gw, "5000", SDP_A);
    relayed(&gw, "5000");
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "", SC_AGENT_NOT_READY), 0);
    ua_invite(&gw, "5000", SDP_A);
    ua_expect(&gw, 182);
}

Test(forward, a_dn_overrides_the_server)
{
    struct sc_dn_conf dn;

    start(rule_oos, true);
    dn = kit_dn_conf(k, "109", SC_DN_EXTENSION);
    dn.dr_forward = SC_FORWARD_OFF;
    kit_dn(k, &dn);
    ua_invite(&gw, "109", SDP_A);
    ua_expect(&gw, 480);
    ua_expect_nothing(&peer);
}

Test(forward, what_the_peer_relayed_never_goes_back)
{
    start(rule_oos, true);
    ua_invite(&peer, "109", SDP_A);
    ua_expect(&peer, 480);
    cr_assert_not(ua_has_request(&peer, SIP_INVITE));
}

/* The Contact of the 302, as the gateway follows it: RET gets its user part. */
static void redirected(char *ret, size_t size)
{
    struct sip_party party;

    ua_expect(&gw, 302);
    cr_assert_eq(sip_party_parse(sip_msg_value(&gw.msg, SIP_H_CONTACT), &party), 0);
    cr_assert(sip_str_eq(party.uri.host, SIP_STR("10.0.2.1")));
    snprintf(ret, size, "%.*s", (int)party.uri.user.len, party.uri.user.p);
    cr_assert_eq(strncmp(ret, "109;dr=", 7), 0);
}

Test(forward, a_gateway_that_follows_redirects_gets_a_302_and_the_call_leaves_us)
{
    char user[128];

    start(rule_oos, true);
    follow_redirects(true);
    ua_invite(&gw, "109", SDP_A);
    redirected(user, sizeof(user));
    cr_assert_eq(kit_status(k).calls, 0);
    cr_assert_eq(kit_calls_told(k, SC_CALL_FORWARDED), 1);
    cr_assert_not(ua_has_request(&peer, SIP_INVITE));
}

/* Both sites share the secret, so this core can stand for the peer that the 302 leads to. */
Test(forward, the_token_of_a_302_ends_the_journey_there)
{
    char user[128];

    start(rule_oos, true);
    follow_redirects(true);
    ua_invite(&gw, "109", SDP_A);
    redirected(user, sizeof(user));
    ua_invite(&gw, user, SDP_A);
    ua_expect(&gw, 480);
    cr_assert_eq(kit_counter(k, "drop_bad_token"), 0);
}

Test(forward, a_forged_or_old_token_counts_for_nothing)
{
    char user[128], again[128];

    start(rule_oos, true);
    follow_redirects(true);
    ua_invite(&gw, "109", SDP_A);
    redirected(user, sizeof(user));
    user[strlen(user) - 1] = user[strlen(user) - 1] == '0' ? '1' : '0';
    ua_invite(&gw, user, SDP_A);
    redirected(again, sizeof(again));
    cr_assert_eq(kit_counter(k, "drop_bad_token"), 1);
    kit_options_answered(k, &peer, 62000);
    ua_invite(&gw, again, SDP_A);
    redirected(user, sizeof(user));
    cr_assert_eq(kit_counter(k, "drop_bad_token"), 2);
}

Test(forward, dr_oosp_transfer_enabled_chooses)
{
    start(rule_oos, true);
    follow_redirects(true);
    k->options.dr_oosp_transfer_enabled = false;
    kit_options(k);
    ua_invite(&gw, "109", SDP_A);
    relayed(&gw, "109");
    follow_redirects(false);
    k->options.dr_oosp_transfer_enabled = true;
    kit_options(k);
    ua_invite(&gw, "109", SDP_A);
    relayed(&gw, "109");
}

/* A queue that stays here answers at once with music, and sends its callers to 109 after 2 s. */
static void music_before_109(struct ua *tone)
{
    struct sc_dn_conf dn = kit_dn_conf(k, "tone", SC_DN_SERVICE);

    *tone = ua_at(k, "10.0.3.1", 5060, "tone");
    snprintf(dn.contact, sizeof(dn.contact), "sip:tone@10.0.3.1:5060");
    kit_dn(k, &dn);
    kit_options_answered(k, tone, 50);
    dn = kit_dn_conf(k, "5000", SC_DN_QUEUE);
    dn.dr_forward = SC_FORWARD_OFF;
    dn.queue_answer_after_ms = 1;
    dn.queue_wait_max_ms = 2000;
    dn.music_n = 1;
    snprintf(dn.music[0], sizeof(dn.music[0]), "tone");
    snprintf(dn.overflow_wait, sizeof(dn.overflow_wait), "109");
    kit_dn(k, &dn);
    kit_forget_caught(k);
}

/* A 302 is no answer to an INVITE that has its 200 already, whether the ACK is here or not. */
Test(forward, a_caller_in_music_is_relayed_where_others_are_redirected)
{
    struct ua tone;

    for (unsigned acked = 0; acked < 2; acked++) {
        start(rule_oos, true);
        follow_redirects(true);
        music_before_109(&tone);
        ua_invite(&gw, "5000", SDP_A);
        ua_expect(&gw, 182);
        kit_run(k, 1);
        ua_expect_request(&tone, SIP_INVITE);
        ua_reply(&tone, 200, SDP_B);
        ua_expect(&gw, 200);
        if (acked != 0)
            ua_ack(&gw, NULL);
        kit_run(k, 2000);
        cr_assert(ua_has_request(&peer, SIP_INVITE), "acknowledged: %u", acked);
        cr_assert_eq(kit_calls_told(k, SC_CALL_FAILED), 0);
        cr_assert_not(ua_has_request(&gw, SIP_BYE));
        if (acked == 0)
            kit_free(k);
    }
}

Test(forward, a_peer_that_asks_for_a_pause_gets_no_call_meanwhile_rfc3261_21_5_4)
{
    start(rule_no_agent, true);
    ua_invite(&gw, "5000", SDP_A);
    ua_expect_request(&peer, SIP_INVITE);
    ua_says(&peer, SIP_H_RETRY_AFTER, "10");
    ua_reply(&peer, 503, NULL);
    ua_is_silent(&peer);
    ua_expect(&gw, 182);
    ua_invite(&gw, "5000", SDP_A);
    ua_expect(&gw, 182);
    cr_assert_not(ua_has_request(&peer, SIP_INVITE));
    kit_options_answered(k, &peer, 10000);
    ua_invite(&gw, "5000", SDP_A);
    cr_assert(ua_has_request(&peer, SIP_INVITE));
}

Test(forward, a_peer_that_cannot_take_the_call_leaves_it_here)
{
    start(rule_no_agent, true);
    ua_invite(&gw, "5000", SDP_A);
    ua_expect_request(&peer, SIP_INVITE);
    ua_reply(&peer, 503, NULL);
    ua_expect(&gw, 182);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    ua_invite(&gw, "102", SDP_A); /* no agent there */
    ua_expect_request(&peer, SIP_ACK);
    ua_expect_request(&peer, SIP_INVITE);
    ua_reply(&peer, 486, NULL);
    ua_expect(&gw, 486);
}

/* ---- both sites, in every combination of their views ---- */

static struct kit *site[2];
static unsigned crossed; /* INVITEs from one site to the other */

static void west(struct kit *kit)
{
    rule_oos(kit);
    kit->conf.local = kit_addr("10.0.2.1", 5060);
    kit->conf.site = 2;
}

/* Carry what each site sends to the other. */
static void carry(void)
{
    bool moved = true;

    while (moved) {
        moved = false;
        for (unsigned s = 0; s < 2; s++) {
            for (unsigned i = 0; i < site[s]->caught_n; i++) {
                struct caught *c = &site[s]->caught[i];

                if (c->taken || !sip_addr_eq(&c->to, &site[!s]->conf.local))
                    continue;
                c->taken = true;
                moved = true;
                crossed += strncmp(c->data, "INVITE", 6) == 0;
                site[!s]->now = mono_max(site[!s]->now, site[s]->now);
                kit_datagram(site[!s], &site[s]->conf.local, c->data, c->len);
            }
        }
    }
}

Test(forward, two_sites_never_send_a_call_to_and_fro)
{
    static const enum sc_dr_forward rules[] = {SC_FORWARD_OFF, SC_FORWARD_NO_AGENT, SC_FORWARD_OOS};

    for (unsigned combination = 0; combination < 9; combination++) {
        struct ua caller;
        struct sc_dn_conf dn;

        site[0] = kit_house(rule_oos);
        site[1] = kit_house(west);
        dn = kit_dn_conf(site[1], "peer", SC_DN_TRUNK);
        snprintf(dn.contact, sizeof(dn.contact), "sip:10.0.0.1:5060");
        kit_dn(site[1], &dn);
        for (unsigned t = 0; t < 800; t++) {
            for (unsigned s = 0; s < 2; s++)
                kit_run(site[s], 50);
            carry();
        }
        for (unsigned s = 0; s < 2; s++) {
            cr_assert_eq(kit_status(site[s]).mode, SC_PEERED);
            site[s]->options.dr_forward = rules[s == 0 ? combination / 3 : combination % 3];
            kit_options(site[s]);
        }
        crossed = 0;
        k = site[0];
        caller = ua_at(site[0], "10.0.1.1", 5060, "c");
        ua_invite(&caller, "109", SDP_A);
        carry();
        ua_expect(&caller, 480);
        cr_assert_leq(crossed, combination / 3 == 0 ? 0 : 1, "combination %u: %u hops", combination,
                      crossed);
        kit_free(site[0]);
        kit_free(site[1]);
    }
    k = kit_house(NULL); /* for the teardown */
}

/* ---- attached data between the sites ---- */

static const char *data_of_last_event(void)
{
    for (unsigned i = k->actions_n; i-- > 0;)
        if (k->actions[i].kind == SC_ACT_AGENT_EVENT && k->actions[i].agent.call[0] != '\0')
            return k->actions[i].agent.data;
    return "no event";
}

static void brings(struct ua *u, const char *data)
{
    u->extras[0] = (struct sip_extra){
        .id = SIP_H_OTHER, .name = "X-Standfast-Data", .value = sip_str_of(data)};
    u->extras_n = 1;
    ua_invite(u, "101", SDP_A);
    u->extras_n = 0;
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 180, NULL);
}

Test(forward, attached_data_are_taken_from_the_other_site_alone)
{
    start(rule_off, true);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "", SC_AGENT_NOT_READY), 0);
    brings(&peer, "customer=4711;note=a%20b");
    cr_assert_str_eq(data_of_last_event(), "customer=4711;note=a%20b");
    brings(&peer, "note=\"x\"");
    cr_assert_str_eq(data_of_last_event(), "");
    cr_assert_eq(kit_counter(k, "drop_data"), 1);
    brings(&gw, "customer=1");
    cr_assert_str_eq(data_of_last_event(), "");
    cr_assert_eq(kit_counter(k, "drop_data"), 2);
}

static const char *header_of(const struct ua *u, const char *name)
{
    static char text[256];

    for (unsigned i = 0; i < u->msg.headers_n; i++)
        if (sip_str_eq_nocase(u->msg.headers[i].name, sip_str_of(name))) {
            (void)sip_str_copy(u->msg.headers[i].value, text, sizeof(text));
            return text;
        }
    return "";
}

Test(forward, attached_data_go_to_the_other_site_with_a_relayed_call_and_nowhere_else)
{
    struct sc_agent_request r = {.op = SC_DIAL, .agent = "a1", .number = "109", .data = "k=v"};
    struct sc_event e = {.kind = SC_EV_AGENT_REQUEST, .agent = &r};

    start(rule_oos, true);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "", SC_AGENT_NOT_READY), 0);
    kit_step(k, &e);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert_str_eq(header_of(&phone[1], "X-Standfast-Data"), "");
    ua_reply(&phone[1], 200, SDP_A);
    ua_expect_request(&peer, SIP_INVITE);
    cr_assert_str_eq(header_of(&peer, "X-Standfast-Data"), "k=v");
    cr_assert(ua_body_is(&peer, ""));
}
