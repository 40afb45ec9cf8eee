/* Several flows of one phone (RFC 5626), registrations through a proxy (RFC 3327), connections that
 * end (H-7), and what a REGISTER may ask for (RFC 3261 10). */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

#define INSTANCE "\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\""

static struct kit *k;
static struct ua gw;

static void setup(void)
{
    k = kit_house(NULL);
    gw = ua_at(k, "10.0.1.1", 5060, "c");
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(outbound, .init = setup, .fini = teardown);
TestSuite(registrar, .init = setup, .fini = teardown);

/* A phone of number 100 whose REGISTERs carry CONTACT and say that they know outbound. */
static struct ua flow_of(uint16_t port, const char *contact)
{
    struct ua p = ua_at(k, "10.1.0.100", port, "100");

    p.contact = contact;
    ua_says(&p, SIP_H_SUPPORTED, "path, outbound");
    return p;
}

static struct ua over_tcp(const char *ip, const char *number, uint32_t flow)
{
    struct ua p = ua_at(k, ip, 40000, number);

    p.addr.transport = SIP_TCP;
    p.addr.flow = flow;
    return p;
}

static void lose(const struct ua *p)
{
    kit_step(k, &(struct sc_event){.kind = SC_EV_FLOW_LOST, .src = p->addr});
}

/* An INVITE could not be sent: each transaction is tried until something happens. */
static void unsent(void)
{
    unsigned before = k->caught_n;

    for (uint64_t generation = 1; generation < 16; generation++)
        for (uint64_t index = 0; index < 8 && k->caught_n == before; index++)
            kit_step(k, &(struct sc_event){.kind = SC_EV_UNSENT, .txn = generation << 32 | index});
}

/* ---- RFC 5626 ---- */

Test(outbound, one_binding_for_each_instance_and_reg_id_rfc5626_6)
{
    struct ua one = flow_of(5070, "<sip:100@10.1.0.100:5070>;+sip.instance=" INSTANCE ";reg-id=1"),
              two = flow_of(5071, "<sip:100@10.1.0.100:5071>;+sip.instance=" INSTANCE ";reg-id=2"),
              again =
                  flow_of(5072, "<sip:100@10.1.0.100:5072>;+sip.instance=" INSTANCE ";reg-id=1");

    cr_assert_eq(ua_register(&one, "pw", 60), 200);
    cr_assert_str_eq(ua_header(&one, SIP_H_REQUIRE), "outbound");
    cr_assert_eq(ua_register(&two, "pw", 60), 200);
    cr_assert_eq(kit_status(k).registrations, 2);
    cr_assert_eq(ua_register(&again, "pw", 60), 200, "another Call-ID and Contact");
    cr_assert_eq(kit_status(k).registrations, 2);
    cr_assert_null(strstr(again.reply, "10.1.0.100:5070"));
    cr_assert_not_null(strstr(again.reply, ">;expires=60;+sip.instance=" INSTANCE ";reg-id=1"));
}

Test(outbound, reg_id_counts_only_with_instance_and_supported_outbound_rfc5626_6)
{
    struct ua p = flow_of(5070, "<sip:100@10.1.0.100:5070>;reg-id=1"),
              plain = ua_at(k, "10.1.0.100", 5071, "100");

    plain.contact = "<sip:100@10.1.0.100:5071>;+sip.instance=" INSTANCE ";reg-id=1";
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    cr_assert_null(strstr(p.reply, "reg-id"));
    cr_assert_str_eq(ua_header(&p, SIP_H_REQUIRE), "");
    cr_assert_eq(ua_register(&plain, "pw", 60), 200);
    cr_assert_null(strstr(plain.reply, "reg-id"));
    cr_assert_eq(kit_status(k).registrations, 2);
}

Test(outbound, malformed_or_doubled_reg_id_is_400_rfc5626_6)
{
    struct ua zero = flow_of(5070, "<sip:100@h>;+sip.instance=" INSTANCE ";reg-id=0"),
              two = flow_of(5070, "<sip:100@h>;+sip.instance=" INSTANCE
                                  ";reg-id=1, <sip:100@i>;+sip.instance=" INSTANCE ";reg-id=2"),
              long_one =
                  flow_of(5070, "<sip:100@h>;+sip.instance=\"<urn:x:0123456789012345678901234"
                                "567890123456789012345678901234567890123456789>\";reg-id=1");

    cr_assert_eq(ua_register(&zero, "pw", 60), 400);
    cr_assert_eq(ua_register(&two, "pw", 60), 400);
    cr_assert_eq(ua_register(&long_one, "pw", 60), 400);
    cr_assert_eq(kit_counter(k, "drop_bad_register"), 3);
    cr_assert_eq(kit_status(k).registrations, 0);
}

Test(outbound, flow_timer_is_told_over_connections_rfc5626_4_4)
{
    struct ua udp = flow_of(5070, "<sip:100@h>;+sip.instance=" INSTANCE ";reg-id=1"),
              tcp = over_tcp("10.1.0.101", "101", 7);

    cr_assert_eq(ua_register(&udp, "pw", 60), 200);
    cr_assert_null(strstr(udp.reply, "Flow-Timer"));
    tcp.contact = "<sip:101@h;transport=tcp>;+sip.instance=" INSTANCE ";reg-id=1";
    ua_says(&tcp, SIP_H_SUPPORTED, "outbound");
    cr_assert_eq(ua_register(&tcp, "pw", 60), 200);
    cr_assert_not_null(strstr(tcp.reply, "Flow-Timer: 120\r\n"));
}

Test(outbound, first_proxy_without_outbound_is_439_rfc5626_6)
{
    struct ua p = flow_of(5070, "<sip:100@10.9.9.9>;+sip.instance=" INSTANCE ";reg-id=1");

    ua_says(&p, SIP_H_VIA, "SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bKphone");
    ua_says(&p, SIP_H_PATH, "<sip:10.1.0.100:5070;lr;ob>, <sip:10.8.8.8;lr>");
    cr_assert_eq(ua_register(&p, "pw", 60), 439);
    cr_assert_eq(kit_counter(k, "drop_no_outbound"), 1);
    ua_is_silent(&p);
    ua_says(&p, SIP_H_SUPPORTED, "path, outbound");
    ua_says(&p, SIP_H_VIA, "SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bKphone");
    ua_says(&p, SIP_H_PATH, "<sip:10.1.0.100:5070;lr>, <sip:10.8.8.8;lr;ob>");
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
}

static void two_flows(struct ua p[2])
{
    p[0] = flow_of(5070, "<sip:100@10.1.0.100:5070>;+sip.instance=" INSTANCE ";reg-id=1");
    p[1] = flow_of(5071, "<sip:100@10.1.0.100:5071>;+sip.instance=" INSTANCE ";reg-id=2");
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(ua_register(&p[i], "pw", 3600), 200);
}

Test(outbound, a_failed_flow_is_followed_by_the_next_of_the_same_phone_rfc5626_7)
{
    struct ua p[2];

    two_flows(p);
    ua_invite(&gw, "100", SDP_A);
    ua_expect_request(&p[1], SIP_INVITE); /* the newest first */
    ua_expect_nothing(&p[0]);
    ua_reply(&p[1], 430, NULL); /* says its edge proxy */
    ua_expect_request(&p[1], SIP_ACK);
    ua_expect_request(&p[0], SIP_INVITE);
    ua_reply(&p[0], 180, NULL);
    ua_expect(&gw, 180);
    ua_reply(&p[0], 200, SDP_B);
    ua_expect(&gw, 200);
    ua_ack(&gw, NULL);
    ua_request(&gw, SIP_BYE, NULL);
    ua_expect_request(&p[0], SIP_ACK);
    ua_expect_request(&p[0], SIP_BYE);
    ua_reply(&p[0], 200, NULL);
    kit_assert_empty(k);
}

/* As when its connection ends: kept for flow-grace, but called no more, until it comes back. */
Test(outbound, a_flow_that_is_430_is_called_no_more_until_it_registers_again_rfc5626_7)
{
    struct ua p[2];

    two_flows(p);
    ua_invite(&gw, "100", SDP_A);
    ua_expect_request(&p[1], SIP_INVITE);
    ua_reply(&p[1], 430, NULL);
    ua_expect_request(&p[1], SIP_ACK);
    ua_expect_request(&p[0], SIP_INVITE);
    ua_reply(&p[0], 486, NULL);
    ua_expect(&gw, 486);
    ua_expect_request(&p[0], SIP_ACK);
    ua_invite(&gw, "100", SDP_A);
    ua_expect_nothing(&p[1]);
    ua_expect_request(&p[0], SIP_INVITE);
    ua_reply(&p[0], 430, NULL);
    ua_expect(&gw, 480);
    ua_expect_request(&p[0], SIP_ACK);
    cr_assert_eq(kit_counter(k, "flows_lost"), 2);
    cr_assert(kit_dn_in(k, "100"));
    ua_invite(&gw, "100", SDP_A);
    ua_expect(&gw, 480);
    cr_assert_eq(ua_register(&p[1], "pw", 3600), 200);
    ua_invite(&gw, "100", SDP_A);
    ua_expect_request(&p[1], SIP_INVITE);
    ua_reply(&p[1], 486, NULL);
    ua_expect(&gw, 486);
    ua_expect_request(&p[1], SIP_ACK);
    ua_expect_nothing(&p[0]);
    kit_run(k, 40000);
    ua_invite(&gw, "100", SDP_A);
    ua_expect_request(&p[1], SIP_INVITE);
}

Test(outbound, a_phone_without_outbound_keeps_its_registration_whatever_it_answers_rfc5626_7)
{
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100");

    cr_assert_eq(ua_register(&p, "pw", 3600), 200);
    for (int i = 0; i < 2; i++) {
        ua_invite(&gw, "100", SDP_A);
        ua_expect_request(&p, SIP_INVITE);
        ua_reply(&p, 430, NULL);
        ua_expect(&gw, 480);
        ua_expect_request(&p, SIP_ACK);
    }
    cr_assert_eq(kit_counter(k, "flows_lost"), 0);
}

Test(outbound, a_phone_that_has_answered_or_rung_is_not_rung_by_its_other_flow_rfc5626_7_n_2)
{
    struct ua p[2];

    two_flows(p);
    ua_invite(&gw, "100", SDP_A);
    ua_expect_request(&p[1], SIP_INVITE);
    ua_reply(&p[1], 480, NULL);
    ua_expect(&gw, 480);
    ua_expect_nothing(&p[0]);
    ua_invite(&gw, "100", SDP_A);
    ua_expect_request(&p[1], SIP_ACK);
    ua_expect_request(&p[1], SIP_INVITE);
    ua_reply(&p[1], 180, NULL);
    kit_run(k, 181000);
    ua_expect(&gw, 180);
    ua_expect_request(&p[1], SIP_CANCEL);
    ua_expect_nothing(&p[0]);
}

Test(outbound, a_silent_flow_is_followed_by_the_next_rfc5626_7)
{
    struct ua p[2];

    two_flows(p);
    ua_invite(&gw, "100", SDP_A);
    ua_expect_request(&p[1], SIP_INVITE);
    kit_run(k, 33000);
    ua_expect_request(&p[0], SIP_INVITE);
    ua_reply(&p[0], 486, NULL);
    ua_expect(&gw, 486);
}

Test(outbound, two_phones_without_outbound_are_tried_one_after_the_other)
{
    struct ua p[2] = {ua_at(k, "10.1.0.100", 5070, "100"), ua_at(k, "10.1.0.101", 5070, "100")};

    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(ua_register(&p[i], "pw", 3600), 200);
    ua_invite(&gw, "100", SDP_A);
    ua_expect_request(&p[1], SIP_INVITE);
    ua_reply(&p[1], 480, NULL);
    ua_expect_request(&p[0], SIP_INVITE);
    ua_reply(&p[0], 480, NULL);
    ua_expect(&gw, 480);
}

/* ---- connections that end ---- */

Test(outbound, h_7_a_lost_connection_leaves_the_number_in_service_for_flow_grace)
{
    struct ua p = over_tcp("10.1.0.101", "101", 7);

    cr_assert_eq(ua_register(&p, "pw", 3600), 200);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "101", SC_AGENT_READY), 0);
    lose(&p);
    cr_assert_eq(kit_counter(k, "flows_lost"), 1);
    cr_assert(kit_dn_in(k, "101"));
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_READY);
    kit_run(k, 59900);
    cr_assert(kit_dn_in(k, "101"));
    kit_run(k, 200);
    cr_assert_not(kit_dn_in(k, "101"));
    cr_assert_eq(kit_status(k).registrations, 0);
}

Test(outbound, h_7_a_phone_that_is_back_in_time_takes_the_call_that_waited)
{
    struct ua p = over_tcp("10.1.0.101", "101", 7), back = over_tcp("10.1.0.101", "101", 8);

    cr_assert_eq(ua_register(&p, "pw", 3600), 200);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "101", SC_AGENT_READY), 0);
    lose(&p);
    ua_invite(&gw, "5000", SDP_A);
    ua_expect(&gw, 182);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_READY);
    kit_run(k, 30000);
    back.addr.port = 40001;
    back.contact = "<sip:101@10.1.0.101:40001;transport=tcp>";
    cr_assert_eq(ua_register(&back, "pw", 3600), 200);
    cr_assert_eq(kit_status(k).registrations, 1, "in place of the lost one");
    ua_expect_request(&back, SIP_INVITE);
    kit_run(k, 40000);
    cr_assert(kit_dn_in(k, "101"));
}

Test(outbound, a_call_to_a_phone_whose_connection_is_lost_is_480_at_once)
{
    struct ua p = over_tcp("10.1.0.101", "101", 7);

    cr_assert_eq(ua_register(&p, "pw", 3600), 200);
    lose(&p);
    ua_invite(&gw, "101", SDP_A);
    ua_expect(&gw, 480);
}

Test(outbound, an_agent_is_called_by_the_second_flow_when_the_first_cannot_be_used)
{
    struct ua one = over_tcp("10.1.0.101", "101", 7), two = over_tcp("10.1.0.101", "101", 8);

    one.contact = "<sip:101@h;transport=tcp>;+sip.instance=" INSTANCE ";reg-id=1";
    two.contact = "<sip:101@h;transport=tcp>;+sip.instance=" INSTANCE ";reg-id=2";
    two.addr.port = 40001;
    ua_says(&one, SIP_H_SUPPORTED, "outbound");
    ua_says(&two, SIP_H_SUPPORTED, "outbound");
    cr_assert_eq(ua_register(&one, "pw", 3600), 200);
    cr_assert_eq(ua_register(&two, "pw", 3600), 200);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "101", SC_AGENT_READY), 0);
    ua_invite(&gw, "5000", SDP_A);
    ua_expect(&gw, 182);
    ua_expect_request(&two, SIP_INVITE);
    unsent();
    ua_expect_request(&one, SIP_INVITE);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_RESERVED);
    ua_reply(&one, 200, SDP_B);
    ua_expect(&gw, 200);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_BUSY);
}

static void one_contact(struct kit *kit)
{
    kit->options.contacts_max = 1;
}

Test(outbound, a_lost_binding_makes_room_for_a_new_phone)
{
    struct ua p, other;

    kit_free(k);
    k = kit_house(one_contact);
    p = over_tcp("10.1.0.101", "101", 7);
    other = ua_at(k, "10.1.0.7", 5060, "101");
    cr_assert_eq(ua_register(&p, "pw", 3600), 200);
    cr_assert_eq(ua_register(&other, "pw", 3600), 403);
    lose(&p);
    cr_assert_eq(ua_register(&other, "pw", 3600), 200);
    cr_assert_eq(kit_status(k).registrations, 1);
    kit_run(k, 61000);
    cr_assert(kit_dn_in(k, "101"));
}

/* ---- RFC 3327 ---- */

/* The proxy at 10.1.0.5 brings the REGISTER of 100 at 192.168.1.7. */
static struct ua behind_proxy(const char *path)
{
    struct ua p = ua_at(k, "10.1.0.5", 5080, "100");

    p.contact = "<sip:100@192.168.1.7:5060>";
    ua_says(&p, SIP_H_SUPPORTED, "path");
    ua_says(&p, SIP_H_PATH, path);
    ua_says(&p, SIP_H_VIA, "SIP/2.0/UDP 192.168.1.7:5060;branch=z9hG4bKphone");
    return p;
}

Test(outbound, path_is_kept_returned_and_used_as_route_rfc3327_5_3)
{
    struct ua p = behind_proxy("<sip:tok@10.1.0.5:5090;lr>, <sip:10.8.8.8;lr>"),
              proxy = ua_at(k, "10.1.0.5", 5090, "proxy");

    cr_assert_eq(ua_register(&p, "pw", 3600), 200);
    cr_assert_not_null(strstr(p.reply, "Path: <sip:tok@10.1.0.5:5090;lr>, <sip:10.8.8.8;lr>\r\n"));
    ua_invite(&gw, "100", SDP_A);
    ua_expect_request(&proxy, SIP_INVITE);
    cr_assert_not_null(strstr(proxy.request, "INVITE sip:100@192.168.1.7:5060 SIP/2.0\r\n"));
    cr_assert_not_null(
        strstr(proxy.request, "Route: <sip:tok@10.1.0.5:5090;lr>, <sip:10.8.8.8;lr>\r\n"));
    ua_cancel(&gw);
    ua_reply(&proxy, 180, NULL);
    ua_expect_request(&proxy, SIP_CANCEL);
    cr_assert_not_null(strstr(proxy.request, "Route: <sip:tok@10.1.0.5:5090;lr>"),
                       "CANCEL takes the same way (RFC 3261 9.1)");
}

Test(outbound, an_invite_raised_after_422_takes_the_path_again_rfc4028_7_3)
{
    struct ua p = behind_proxy("<sip:10.1.0.5:5080;lr>");

    cr_assert_eq(ua_register(&p, "pw", 3600), 200);
    ua_invite(&gw, "100", SDP_A);
    ua_expect_request(&p, SIP_INVITE);
    ua_is_silent(&p);
    ua_says(&p, SIP_H_MIN_SE, "3000");
    ua_reply(&p, 422, NULL);
    ua_expect_request(&p, SIP_ACK);
    ua_expect_request(&p, SIP_INVITE);
    cr_assert_not_null(strstr(p.request, "Route: <sip:10.1.0.5:5080;lr>\r\n"));
}

Test(outbound, a_path_to_another_host_does_not_move_requests_away_from_the_proxy)
{
    struct ua p = behind_proxy("<sip:203.0.113.9:5060;lr>"),
              victim = ua_at(k, "203.0.113.9", 5060, "v");

    cr_assert_eq(ua_register(&p, "pw", 3600), 200);
    ua_invite(&gw, "100", SDP_A);
    ua_expect_request(&p, SIP_INVITE);
    ua_expect_nothing(&victim);
}

Test(outbound, a_path_that_is_none_or_too_long_is_refused)
{
    char path[700];
    struct ua strict = behind_proxy("<sip:10.1.0.5>"), scheme = behind_proxy("<tel:+49;lr>"), big;

    snprintf(path, sizeof(path), "<sip:%0600d@10.1.0.5;lr>", 1);
    big = behind_proxy(path);
    cr_assert_eq(ua_register(&strict, "pw", 60), 400, "RFC 3327 4: a loose router");
    cr_assert_eq(ua_register(&scheme, "pw", 60), 400);
    cr_assert_eq(ua_register(&big, "pw", 60), 513);
    cr_assert_eq(kit_status(k).registrations, 0);
}

static void strictly(struct kit *kit)
{
    kit->options.path_strict = true;
}

Test(outbound, path_strict_refuses_a_phone_that_does_not_know_path_rfc3327_5_3)
{
    struct ua p;

    kit_free(k);
    k = kit_house(strictly);
    p = ua_at(k, "10.1.0.5", 5080, "100");
    ua_says(&p, SIP_H_PATH, "<sip:10.1.0.5:5080;lr>");
    cr_assert_eq(ua_register(&p, "pw", 60), 420);
    cr_assert_str_eq(ua_header(&p, SIP_H_UNSUPPORTED), "path");
    ua_says(&p, SIP_H_SUPPORTED, "path");
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
}

Test(outbound, h_7_the_connection_of_a_proxy_is_not_that_of_the_phone_rfc3327)
{
    struct ua p = behind_proxy("<sip:10.1.0.5:5060;transport=tcp;lr>"),
              proxy = ua_at(k, "10.1.0.5", 5060, "proxy");

    p.addr.transport = SIP_TCP;
    p.addr.flow = 9;
    cr_assert_eq(ua_register(&p, "pw", 3600), 200);
    lose(&p);
    cr_assert_eq(kit_counter(k, "flows_lost"), 0);
    proxy.addr.transport = SIP_TCP;
    ua_invite(&gw, "100", SDP_A);
    ua_expect_request(&proxy, SIP_INVITE);
    cr_assert_eq(k->caught[k->caught_n - 1].to.flow, 0, "by any connection, or a new one");
}

/* ---- RFC 3261 10 ---- */

Test(registrar, contacts_are_tried_by_q_rfc3261_10_2_1_2)
{
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100");

    p.contact = "<sip:low@h>;q=0.2, <sip:high@h>;q=0.75, <sip:none@h>";
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    cr_assert_lt(strstr(p.reply, "<sip:none@h>"), strstr(p.reply, "<sip:high@h>"));
    cr_assert_lt(strstr(p.reply, "<sip:high@h>"), strstr(p.reply, "<sip:low@h>"));
    cr_assert_not_null(strstr(p.reply, "<sip:high@h>;expires=60;q=0.750"));
    for (unsigned i = 0; i < 3; i++) {
        static const char *const order[] = {"INVITE sip:none@h ", "INVITE sip:high@h ",
                                            "INVITE sip:low@h "};

        if (i == 0)
            ua_invite(&gw, "100", SDP_A);
        else
            ua_expect_request(&p, SIP_ACK);
        ua_expect_request(&p, SIP_INVITE);
        cr_assert_eq(strncmp(p.request, order[i], strlen(order[i])), 0);
        ua_reply(&p, 480, NULL);
    }
    ua_expect(&gw, 480);
}

Test(registrar, a_q_that_is_none_is_400_rfc3261_25_1)
{
    static const char *const bad[] = {"<sip:a@h>;q=1.5", "<sip:a@h>;q=2", "<sip:a@h>;q=0.1234",
                                      "<sip:a@h>;q=x"};
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100");

    for (unsigned i = 0; i < 4; i++) {
        p.contact = bad[i];
        cr_assert_eq(ua_register(&p, "pw", 60), 400, "%s", bad[i]);
    }
}

Test(registrar, without_contact_it_tells_what_is_registered_rfc3261_10_2_3)
{
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100"), asks = ua_at(k, "10.1.0.100", 5099, "100");

    asks.contact = "";
    cr_assert_eq(ua_register(&asks, "pw", 60), 200);
    cr_assert_null(strstr(asks.reply, "Contact:"));
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    cr_assert_eq(ua_register(&asks, "pw", 60), 200);
    cr_assert_not_null(strstr(asks.reply, "Contact: <sip:100@10.1.0.100:5070>;expires=60"));
    cr_assert_eq(kit_status(k).registrations, 1);
}

Test(registrar, star_takes_all_away_and_goes_alone_rfc3261_10_2_2)
{
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100");

    p.contact = "<sip:a@h>, <sip:b@h>";
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    p.contact = "*, <sip:a@h>";
    cr_assert_eq(ua_register(&p, "pw", 0), 400);
    p.contact = "*";
    cr_assert_eq(ua_register(&p, "pw", 60), 400, "with Expires: 0 only");
    cr_assert_eq(kit_status(k).registrations, 2);
    cr_assert_eq(ua_register(&p, "pw", 0), 200);
    cr_assert_eq(kit_status(k).registrations, 0);
}

Test(registrar, a_register_is_done_as_a_whole_or_not_at_all_rfc3261_10_3)
{
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100");

    p.contact = "<sip:1@h>, <sip:2@h>, <sip:3@h>, <sip:4@h>, <sip:5@h>, <sip:6@h>";
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    p.contact = "<sip:1@h>;expires=0, <sip:7@h>, <sip:8@h>, <sip:9@h>, <sip:10@h>";
    cr_assert_eq(ua_register(&p, "pw", 60), 403);
    cr_assert_eq(kit_status(k).registrations, 6);
    p.contact = "<sip:7@h>, <sip:8@h>, <sip:9@h>, <sip:1@h>;expires=0";
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    cr_assert_eq(kit_status(k).registrations, 8);
}

Test(registrar, nobody_registers_somebody_else_rfc3261_10_2)
{
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100");

    p.aor = "<sip:101@10.0.0.1>";
    cr_assert_eq(ua_register(&p, "pw", 60), 403);
    cr_assert_eq(kit_counter(k, "drop_third_party"), 1);
    cr_assert_eq(kit_status(k).registrations, 0);
}

Test(registrar, gruu_is_not_offered_and_require_gruu_is_420_rfc5627)
{
    struct ua p = flow_of(5070, "<sip:100@h>;+sip.instance=" INSTANCE);

    ua_says(&p, SIP_H_SUPPORTED, "gruu");
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    cr_assert_null(strstr(p.reply, "gruu"));
    ua_says(&p, SIP_H_REQUIRE, "gruu");
    cr_assert_eq(ua_register(&p, "pw", 60), 420);
    cr_assert_str_eq(ua_header(&p, SIP_H_UNSUPPORTED), "gruu");
}

/* ---- keep-alive over UDP ---- */

Test(outbound, a_stun_keep_alive_is_answered_at_the_sip_port_rfc5626_4_4_2)
{
    static const char binding[] = "\x00\x01\x00\x00\x21\x12\xa4\x42"
                                  "abcdefghijkl";
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100");

    ua_send(&p, binding, 20);
    cr_assert_eq(k->caught_n, 1);
    cr_assert(sip_addr_eq(&k->caught[0].to, &p.addr));
    cr_assert_eq(k->caught[0].len, 32);
    cr_assert_eq(kit_counter(k, "stun"), 1);
    p.addr.transport = SIP_TCP;
    ua_send(&p, binding, 20);
    cr_assert_eq(k->caught_n, 1, "over connections CRLF is the keep-alive");
}
