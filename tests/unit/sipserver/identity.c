/* Who calls, who vouches for it, and who may know (RFC 3325, RFC 3323). */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

#define OFFER  SDP_A
#define ANSWER SDP_B

static struct kit *k;
static struct ua phone[4], gw;

static void configure_trunk(bool trusted)
{
    struct sc_dn_conf dn = kit_dn_conf(k, "gw", SC_DN_TRUNK);

    snprintf(dn.contact, sizeof(dn.contact), "sip:10.0.1.1:5060");
    snprintf(dn.prefixes[0], sizeof(dn.prefixes[0]), "9");
    dn.prefixes_n = 1;
    dn.trusted = trusted;
    kit_dn(k, &dn);
}

static void setup(void)
{
    k = kit_house(NULL);
    phones_register(k, phone, 100, 4);
    gw = ua_at(k, "10.0.1.1", 5060, "4989000");
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(identity, .init = setup, .fini = teardown);

static void gateway_calls(const char *asserted, const char *privacy, const char *number)
{
    if (asserted != NULL)
        ua_says(&gw, SIP_H_P_ASSERTED_IDENTITY, asserted);
    if (privacy != NULL)
        ua_says(&gw, SIP_H_PRIVACY, privacy);
    ua_invite(&gw, number, OFFER);
    ua_is_silent(&gw);
}

static bool told(const struct ua *u, enum sip_header_id id)
{
    return sip_msg_header(&u->msg, id) != NULL;
}

/* What the record will say. */
static struct sc_record the_call(void)
{
    struct sc_record r;
    uint32_t cursor = 0;

    cr_assert(sc_next_call(k->sc, &cursor, &r));
    return r;
}

Test(identity, a_trusted_trunk_is_believed_rfc3325_5)
{
    configure_trunk(true);
    gateway_calls("\"Anna B\" <sip:+4930123@carrier.example;user=phone>, <tel:+4930123>", NULL,
                  "101");
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert_str_eq(ua_header(&phone[1], SIP_H_P_ASSERTED_IDENTITY),
                     "\"Anna B\" <sip:+4930123@10.0.0.1:5060>");
    cr_assert_str_eq(the_call().caller, "+4930123");
    cr_assert_str_eq(kit_last_call(k, SC_CALL_OFFERED)->caller, "+4930123");
}

Test(identity, a_tel_uri_is_a_number_too_rfc3325_9_1)
{
    configure_trunk(true);
    gateway_calls("<tel:+4930123;phone-context=x>", NULL, "101");
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert_str_eq(the_call().caller, "+4930123");
}

Test(identity, any_other_trunk_is_not_believed_and_what_it_says_goes_nowhere_rfc3325_5)
{
    gateway_calls("<sip:+4930123@carrier.example>", NULL, "101");
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert(!told(&phone[1], SIP_H_P_ASSERTED_IDENTITY));
    cr_assert_str_eq(the_call().caller, "4989000");
}

Test(identity, an_identity_that_is_none_leaves_the_from_rfc3325_9_1)
{
    configure_trunk(true);
    gateway_calls("<sip:carrier.example>, <mailto:a@b>", NULL, "101");
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert(!told(&phone[1], SIP_H_P_ASSERTED_IDENTITY));
    cr_assert_str_eq(the_call().caller, "4989000");
}

Test(identity, a_phone_is_who_it_proved_to_be_rfc3325_5)
{
    struct sc_dn_conf dn = kit_dn_conf(k, "100", SC_DN_EXTENSION);

    snprintf(dn.display, sizeof(dn.display), "Sales \"East\"");
    kit_dn(k, &dn);
    configure_trunk(true);
    ua_says(&phone[0], SIP_H_P_ASSERTED_IDENTITY, "<sip:999@forged>");
    ua_call(&phone[0], "9123", OFFER);
    ua_is_silent(&phone[0]);
    ua_expect_request(&gw, SIP_INVITE);
    cr_assert_str_eq(ua_header(&gw, SIP_H_P_ASSERTED_IDENTITY),
                     "\"Sales \\\"East\\\"\" <sip:100@10.0.0.1:5060>");
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert_str_eq(ua_header(&phone[1], SIP_H_P_ASSERTED_IDENTITY),
                     "\"Sales \\\"East\\\"\" <sip:100@10.0.0.1:5060>");
}

/* What phone 101 is told of 100, whose display name is NAME. */
static const char *name_told(const char *name)
{
    struct sc_dn_conf dn = kit_dn_conf(k, "100", SC_DN_EXTENSION);

    snprintf(dn.display, sizeof(dn.display), "%s", name);
    kit_dn(k, &dn);
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    return ua_header(&phone[1], SIP_H_P_ASSERTED_IDENTITY);
}

#define A60 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

Test(identity, a_long_name_is_cut_at_63_bytes)
{
    cr_assert_str_eq(name_told(A60 "bcdef"), "\"" A60 "bcd\" <sip:100@10.0.0.1:5060>");
}

Test(identity, a_long_name_is_cut_before_an_escape_that_does_not_fit)
{
    cr_assert_str_eq(name_told(A60 "bc\"def"), "\"" A60 "bc\" <sip:100@10.0.0.1:5060>");
}

Test(identity, a_long_name_is_cut_before_a_character_that_does_not_fit)
{
    cr_assert_str_eq(name_told(A60 "b\xe2\x82\xac"
                                   "def"),
                     "\"" A60 "b\" <sip:100@10.0.0.1:5060>");
}

Test(identity, a_callers_name_of_300_characters_is_cut_not_lost)
{
    configure_trunk(true);
    gateway_calls("\"" A60 A60 A60 A60 A60 "\" <sip:+4930123@carrier.example>", NULL, "101");
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert_str_eq(ua_header(&phone[1], SIP_H_P_ASSERTED_IDENTITY),
                     "\"" A60 "aaa\" <sip:+4930123@10.0.0.1:5060>");
}

Test(identity, a_from_whose_name_leaves_no_room_for_our_address_goes_without_the_name)
{
    char invite[1024];
    int n = snprintf(invite, sizeof(invite),
                     "INVITE sip:101@10.0.0.1 SIP/2.0\r\n"
                     "Via: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKlong\r\n"
                     "From: \"%s\" <sip:x@b>;tag=1\r\nTo: <sip:101@10.0.0.1>\r\nCall-ID: long\r\n"
                     "CSeq: 1 INVITE\r\nContact: <sip:10.0.1.1>\r\nContent-Length: 0\r\n\r\n",
                     A60 A60 A60 A60 "bcdefghijklmnopqrstuvwxyzabc");

    configure_trunk(false);
    kit_datagram(k, &gw.addr, invite, (size_t)n);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert(strstr(phone[1].request, "From: <sip:x@10.0.0.1:5060>;tag=") != NULL);
}

Test(identity, an_untrusted_trunk_is_told_nothing_rfc3325_5)
{
    ua_call(&phone[0], "9123", OFFER);
    ua_expect_request(&gw, SIP_INVITE);
    cr_assert(!told(&gw, SIP_H_P_ASSERTED_IDENTITY));
}

Test(identity, privacy_hides_the_caller_from_phones_and_agents_rfc3325_7)
{
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "101", SC_AGENT_READY), 0);
    configure_trunk(true);
    gateway_calls("\"Anna\" <sip:+4930123@carrier.example>", "id;critical", "5000");
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert(!told(&phone[1], SIP_H_P_ASSERTED_IDENTITY));
    cr_assert(strstr(phone[1].request, "4930123") == NULL);
    cr_assert(strstr(phone[1].request, "4989000") == NULL);
    cr_assert(
        strstr(phone[1].request, "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="));
    cr_assert_str_eq(kit_last_call(k, SC_CALL_OFFERED)->caller, "anonymous");
    for (unsigned i = 0; i < k->actions_n; i++)
        if (k->actions[i].kind == SC_ACT_AGENT_EVENT)
            cr_assert_str_neq(k->actions[i].agent.caller, "+4930123");
    cr_assert_str_eq(the_call().caller, "+4930123");
    cr_assert(the_call().caller_private);
}

Test(identity, privacy_of_a_phone_towards_trunks_rfc3325_7)
{
    configure_trunk(true);
    ua_says(&phone[0], SIP_H_PRIVACY, "id");
    ua_call(&phone[0], "9123", OFFER);
    ua_expect_request(&gw, SIP_INVITE);
    cr_assert(strstr(ua_header(&gw, SIP_H_P_ASSERTED_IDENTITY), "sip:100@") != NULL);
    cr_assert_str_eq(ua_header(&gw, SIP_H_PRIVACY), "id");
    cr_assert(strstr(gw.request, "From: \"Anonymous\"") != NULL);
    configure_trunk(false);
    ua_call(&phone[0], "9123", OFFER);
    ua_is_silent(&phone[0]);
    ua_expect_request(&gw, SIP_INVITE);
    cr_assert(!told(&gw, SIP_H_P_ASSERTED_IDENTITY));
    cr_assert(strstr(gw.request, "sip:100@") == NULL);
}

Test(identity, privacy_none_hides_nothing_rfc3323_4_2)
{
    configure_trunk(true);
    gateway_calls("<sip:+4930123@carrier.example>", "none", "101");
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert(told(&phone[1], SIP_H_P_ASSERTED_IDENTITY));
    cr_assert(!the_call().caller_private);
}
