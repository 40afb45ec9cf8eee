/* Calls that are passed on: Diversion (RFC 5806), redirections of phones (RFC 3261 8.1.3.4), loops.
 */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

#define OFFER  SDP_A
#define ANSWER SDP_B

static struct kit *k;
static struct ua phone[5], gw;

static void setup(void)
{
    k = kit_house(NULL);
    phones_register(k, phone, 100, 5);
    gw = ua_at(k, "10.0.1.1", 5060, "4989000");
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(divert, .init = setup, .fini = teardown);

static void redirect(struct ua *u, unsigned status, const char *contact)
{
    ua_says(u, SIP_H_CONTACT, contact);
    ua_reply(u, status, NULL);
    ua_is_silent(u);
}

static struct sc_record the_call(void)
{
    struct sc_record r;
    uint32_t cursor = 0;

    cr_assert(sc_next_call(k->sc, &cursor, &r));
    return r;
}

static void no_diversion(const struct ua *u)
{
    cr_assert(sip_msg_header(&u->msg, SIP_H_DIVERSION) == NULL);
}

Test(divert, a_redirection_of_a_phone_is_followed_as_call_forwarding_rfc3261_8_1_3_4)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    no_diversion(&phone[1]);
    redirect(&phone[1], 302, "<sip:102@10.0.0.1>");
    ua_expect_request(&phone[1], SIP_ACK);
    ua_expect(&phone[0], 181);
    ua_expect_request(&phone[2], SIP_INVITE);
    cr_assert(ua_body_is(&phone[2], OFFER));
    cr_assert_str_eq(ua_header(&phone[2], SIP_H_DIVERSION),
                     "<sip:101@10.0.0.1:5060>;reason=deflection;counter=1");
    cr_assert_str_eq(the_call().diverted_from, "101");
    cr_assert_eq(the_call().diversions, 1);
    ua_reply(&phone[2], 200, ANSWER);
    ua_expect(&phone[0], 200);
    ua_ack(&phone[0], NULL);
    ua_expect_request(&phone[2], SIP_ACK);
}

Test(divert, of_several_places_the_one_with_the_highest_q_is_called_rfc3261_8_1_3_4)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    redirect(&phone[1], 302,
             "<sip:nobody@10.0.0.1>;q=0.2, <mailto:102@x>;q=0.9, <sip:102@10.0.0.1>;q=0.35, "
             "<sip:101@10.0.0.1>;q=0.349");
    ua_expect_request(&phone[1], SIP_ACK);
    ua_expect(&phone[0], 181);
    ua_expect_request(&phone[2], SIP_INVITE);
}

Test(divert, an_escaped_number_in_a_redirection_is_the_number_rfc3261_19_1_4)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    redirect(&phone[1], 302, "<sip:%3102@10.0.0.1>");
    ua_expect_request(&phone[1], SIP_ACK);
    ua_expect(&phone[0], 181);
    ua_expect_request(&phone[2], SIP_INVITE);
}

Test(divert, a_phone_redirects_with_its_own_rights)
{
    ua_invite(&gw, "101", OFFER); /* a gateway may not dial out, the phone may */
    ua_expect_request(&phone[1], SIP_INVITE);
    redirect(&phone[1], 302, "<sip:9555@10.0.0.1>");
    ua_expect(&gw, 181);
    ua_expect_request(&gw, SIP_INVITE);
    cr_assert(strstr(ua_header(&gw, SIP_H_DIVERSION), "sip:101@") != NULL);
}

Test(divert, a_redirection_to_a_queue_waits_there)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    redirect(&phone[1], 301, "<sip:5000@10.0.0.1>");
    ua_expect(&phone[0], 181);
    ua_expect(&phone[0], 182);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
}

Test(divert, what_is_no_number_or_no_redirection_is_a_refusal)
{
    static const char *const contacts[] = {"<sip:10.0.0.9>", "<mailto:a@b>", "*"};

    for (unsigned i = 0; i < 3; i++) {
        ua_call(&phone[0], "101", OFFER);
        ua_expect_request(&phone[1], SIP_INVITE);
        redirect(&phone[1], 302, contacts[i]);
        ua_expect(&phone[0], 480);
        ua_expect_request(&phone[1], SIP_ACK);
    }
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    redirect(&phone[1], 305, "<sip:102@10.0.0.1>"); /* a proxy to use: 21.3.4 */
    ua_expect(&phone[0], 480);
    kit_assert_empty(k);
}

Test(divert, a_redirection_of_a_gateway_is_not_followed)
{
    ua_call(&phone[0], "9123", OFFER);
    ua_expect_request(&gw, SIP_INVITE);
    redirect(&gw, 302, "<sip:9900@10.0.0.1>");
    ua_expect(&phone[0], 480);
    kit_assert_empty(k);
}

Test(divert, an_agents_phone_that_redirects_does_not_take_the_queues_call)
{
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "101", SC_AGENT_READY), 0);
    ua_invite(&gw, "5000", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert_str_eq(ua_header(&phone[1], SIP_H_DIVERSION),
                     "<sip:5000@10.0.0.1:5060>;reason=unconditional;counter=1");
    redirect(&phone[1], 302, "<sip:102@10.0.0.1>");
    cr_assert(!ua_has_request(&phone[2], SIP_INVITE));
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_NOT_READY);
}

Test(divert, phones_that_redirect_to_each_other_come_to_an_end_rfc5806_6)
{
    unsigned offers = 0;

    ua_call(&phone[0], "101", OFFER);
    for (unsigned i = 0; i < 20; i++) {
        struct ua *u = &phone[1 + i % 2];

        while (ua_has_request(u, SIP_ACK))
            ua_take(u, true);
        if (!ua_has_request(u, SIP_INVITE))
            break;
        ua_expect_request(u, SIP_INVITE);
        offers++;
        redirect(u, 302, i % 2 == 0 ? "<sip:102@10.0.0.1>" : "<sip:101@10.0.0.1>");
    }
    cr_assert_eq(offers, 6, "%u offers", offers); /* the first and diversions-max */
    for (unsigned i = 0; i < 5; i++)
        ua_expect(&phone[0], 181);
    ua_expect(&phone[0], 482);
    cr_assert_eq(kit_counter(k, "drop_loop"), 1);
    kit_assert_empty(k);
}

Test(divert, a_phone_that_redirects_to_itself_comes_to_an_end)
{
    unsigned offers = 0;

    ua_call(&phone[0], "101", OFFER);
    while (offers < 20 && ua_take(&phone[1], true)) {
        if (phone[1].msg.method != SIP_INVITE)
            continue;
        offers++;
        redirect(&phone[1], 302, "<sip:101@10.0.0.1>");
    }
    cr_assert_eq(offers, 6, "%u offers", offers);
    kit_assert_empty(k);
}

Test(divert, what_a_trunk_says_is_passed_on_below_ours_and_counts_rfc5806_4)
{
    ua_says(&gw, SIP_H_DIVERSION,
            "<sip:+49301@carrier>;reason=user-busy;counter=2, <tel:+49302>;reason=no-answer");
    ua_invite(&gw, "101", OFFER);
    ua_is_silent(&gw);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert_str_eq(
        ua_header(&phone[1], SIP_H_DIVERSION),
        "<sip:+49301@carrier>;reason=user-busy;counter=2, <tel:+49302>;reason=no-answer");
    cr_assert_str_eq(the_call().diverted_from, "+49301");
    cr_assert_eq(the_call().diversions, 3);
    redirect(&phone[1], 302, "<sip:102@10.0.0.1>");
    ua_expect_request(&phone[2], SIP_INVITE);
    cr_assert_str_eq(ua_header(&phone[2], SIP_H_DIVERSION),
                     "<sip:101@10.0.0.1:5060>;reason=deflection;counter=1, "
                     "<sip:+49301@carrier>;reason=user-busy;counter=2, "
                     "<tel:+49302>;reason=no-answer");
}

Test(divert, a_call_that_came_with_enough_diversions_gets_no_more_rfc5806_6)
{
    ua_says(&gw, SIP_H_DIVERSION, "<sip:1@carrier>;reason=unknown;counter=5");
    ua_invite(&gw, "101", OFFER);
    ua_is_silent(&gw);
    ua_expect_request(&phone[1], SIP_INVITE);
    redirect(&phone[1], 302, "<sip:102@10.0.0.1>");
    ua_expect(&gw, 482);
    kit_assert_empty(k);
}

Test(divert, a_phone_cannot_say_that_somebody_diverted_its_call)
{
    ua_says(&phone[0], SIP_H_DIVERSION, "<sip:chief@10.0.0.1>;reason=unknown");
    ua_call(&phone[0], "101", OFFER);
    ua_is_silent(&phone[0]);
    ua_expect_request(&phone[1], SIP_INVITE);
    no_diversion(&phone[1]);
}

Test(divert, a_long_diversion_loses_its_oldest_whole_rfc5806_4)
{
    static char text[900];
    struct sip_str rest, one;
    unsigned n = 0;

    for (unsigned i = 0; i < 12; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 "%s<sip:+493000000000%02u@carrier.example>;reason=unknown", i > 0 ? ", " : "", i);
    ua_says(&gw, SIP_H_DIVERSION, text);
    ua_invite(&gw, "101", OFFER);
    ua_is_silent(&gw);
    ua_expect_request(&phone[1], SIP_INVITE);
    rest = sip_msg_value(&phone[1].msg, SIP_H_DIVERSION);
    cr_assert_lt(rest.len, 512);
    while (sip_list_next(&rest, &one)) {
        struct sip_party party;

        cr_assert_eq(sip_party_parse(one, &party), 0);
        n++;
    }
    cr_assert_gt(n, 5);
}

Test(divert, a_routing_point_is_named_once_and_a_branch_that_failed_not_at_all)
{
    ua_call(&phone[3], "6000", OFFER);
    ua_expect_request(&phone[0], SIP_INVITE);
    cr_assert_str_eq(ua_header(&phone[0], SIP_H_DIVERSION),
                     "<sip:6000@10.0.0.1:5060>;reason=unconditional;counter=1");
    redirect(&phone[0], 302, "<sip:104@10.0.0.1>");
    ua_expect_request(&phone[4], SIP_INVITE);
    ua_reply(&phone[4], 486, NULL);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert_str_eq(ua_header(&phone[1], SIP_H_DIVERSION),
                     "<sip:6000@10.0.0.1:5060>;reason=unconditional;counter=1");
}

/* ---- loops ---- */

/* The INVITE that U got comes back to us from the gateway, for NUMBER. */
static void returned(const char *number)
{
    char text[8192];
    const char *rest = strstr(gw.request, " SIP/2.0\r\n");
    const char *via = strstr(gw.request, "Via: ");
    int n;

    (void)via;
    n = snprintf(text, sizeof(text),
                 "INVITE sip:%s@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
                 "10.0.1.1:5060;branch=z9hG4bKback%u\r\n%s",
                 number, ++k->serial, rest + strlen(" SIP/2.0\r\n"));
    ua_send(&gw, text, (size_t)n);
}

Test(divert, our_invite_that_comes_back_for_the_same_number_is_482_rfc3261_16_3)
{
    ua_call(&phone[0], "9123", OFFER);
    ua_expect_request(&gw, SIP_INVITE);
    returned("9123");
    ua_expect(&gw, 482);
    cr_assert_eq(kit_counter(k, "drop_loop"), 1);
    cr_assert_eq(kit_status(k).calls, 1);
}

Test(divert, our_invite_that_comes_back_for_another_number_is_a_spiral_rfc5393)
{
    ua_call(&phone[0], "9123", OFFER);
    ua_expect_request(&gw, SIP_INVITE);
    returned("101");
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert_eq(phone[1].msg.max_forwards, 68, "%d", phone[1].msg.max_forwards);
}
