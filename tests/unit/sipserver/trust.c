/* What no message can do from outside: end or move a call that is not its own (RFC 3261 12.2.2), go
 * round for ever (16.6), call as a gateway, forge the journey's end, undo a registration (10.3), or
 * make a site believe in a peer. */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

static struct kit *k;
static struct ua phone[3], gw, peer;

static void rules(struct kit *kit)
{
    snprintf(kit->options.dr_peer_trunk, sizeof(kit->options.dr_peer_trunk), "peer");
    kit->options.dr_forward = SC_FORWARD_OOS;
}

static void setup(void)
{
    k = kit_house(rules);
    phones_register(k, phone, 100, 3);
    gw = ua_at(k, "10.0.1.1", 5060, "+491234");
    peer = ua_at(k, "10.0.2.1", 5060, "1234");
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

static void establish(struct ua *a, struct ua *b)
{
    ua_expect_request(b, SIP_INVITE);
    ua_reply(b, 200, SDP_B);
    ua_expect(a, 200);
    ua_ack(a, NULL);
    ua_expect_request(b, SIP_ACK);
}

static void configure_trunk(const char *number, const char *contact, bool follows_redirect)
{
    struct sc_dn_conf dn = kit_dn_conf(k, number, SC_DN_TRUNK);

    snprintf(dn.contact, sizeof(dn.contact), "%s", contact);
    dn.follows_redirect = follows_redirect;
    kit_dn(k, &dn);
}

TestSuite(trust, .init = setup, .fini = teardown);

/* ---- a dialog is Call-ID and both tags (12.2.2) ---- */

static void change_last(struct sip_dialog *d, enum sip_dialog_text which)
{
    struct sip_str s = sip_dialog_text(d, which);
    char text[SIP_CALL_ID_MAX];

    memcpy(text, s.p, s.len);
    text[s.len - 1] = text[s.len - 1] == 'x' ? 'y' : 'x';
    cr_assert_eq(sip_dialog_set(d, which, (struct sip_str){text, s.len}), 0);
}

Test(trust, a_bye_with_our_tag_but_another_call_id_or_remote_tag_ends_no_call)
{
    struct ua other_call, other_tag;

    ua_call(&phone[0], "101", SDP_A);
    establish(&phone[0], &phone[1]);
    other_call = other_tag = phone[0];
    change_last(&other_call.dialog, SIP_DIALOG_CALL_ID);
    change_last(&other_tag.dialog, SIP_DIALOG_LOCAL_TAG);
    ua_request(&other_call, SIP_BYE, NULL);
    ua_expect(&other_call, 481);
    ua_request(&other_tag, SIP_BYE, NULL);
    ua_expect(&other_tag, 481);
    ua_expect_nothing(&phone[1]);
    cr_assert_eq(kit_status(k).calls, 1);
    ua_request(&phone[0], SIP_BYE, NULL);
    ua_expect(&phone[0], 200);
    ua_expect_request(&phone[1], SIP_BYE);
}

Test(trust, a_request_older_than_the_last_of_its_dialog_is_500_and_changes_nothing)
{
    struct ua late;

    ua_call(&phone[0], "101", SDP_A);
    establish(&phone[0], &phone[1]);
    late = phone[0];
    phone[0].dialog.local_cseq += 5;
    ua_request(&phone[0], SIP_INFO, NULL);
    ua_expect_request(&phone[1], SIP_INFO);
    ua_reply(&phone[1], 200, NULL);
    ua_expect(&phone[0], 200);
    ua_request(&late, SIP_BYE, NULL);
    ua_expect(&late, 500);
    ua_expect_nothing(&phone[1]);
    cr_assert_eq(kit_status(k).calls, 1);
    late.dialog.local_cseq = phone[0].dialog.local_cseq - 1; /* the same number, another request */
    ua_request(&late, SIP_BYE, NULL);
    ua_expect(&late, 500);
    ua_expect_nothing(&phone[1]);
}

/* ---- hops (16.6, step 3) ---- */

static void invite_with_hops(unsigned hops, const char *number)
{
    char text[1024];

    snprintf(
        text, sizeof(text),
        "INVITE sip:%s@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKhops%u\r\n"
        "From: <sip:x@10.0.1.1>;tag=h%u\r\nTo: <sip:%s@10.0.0.1>\r\nCall-ID: hops%u\r\nCSeq: 1 "
        "INVITE\r\n"
        "Contact: <sip:x@10.0.1.1:5060>\r\nMax-Forwards: %u\r\nContent-Length: 0\r\n\r\n",
        number, hops, hops, number, hops, hops);
    ua_send(&gw, text, strlen(text));
}

Test(trust, each_of_our_hops_takes_one_from_max_forwards)
{
    static const struct {
        unsigned in;
        long out;
    } hops[] = {{70, 69}, {17, 16}, {2, 1}, {1, 0}, {255, 70}};

    for (unsigned i = 0; i < sizeof(hops) / sizeof(hops[0]); i++) {
        invite_with_hops(hops[i].in, "101");
        ua_expect_request(&phone[1], SIP_INVITE);
        cr_assert_eq(phone[1].msg.max_forwards, hops[i].out, "%u became %ld", hops[i].in,
                     (long)phone[1].msg.max_forwards);
        ua_reply(&phone[1], 486, NULL);
        ua_expect_request(&phone[1], SIP_ACK);
        kit_forget_caught(k);
    }
    invite_with_hops(0, "101");
    cr_assert(ua_take(&gw, false));
    cr_assert_eq(gw.msg.status, 483);
    cr_assert_not(ua_has_request(&phone[1], SIP_INVITE));
}

/* ---- which number is meant ---- */

static void invite_to(const char *target)
{
    char text[1024];
    static unsigned n;

    n++;
    snprintf(text, sizeof(text),
             "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKto%u\r\n"
             "From: <sip:x@10.0.1.1>;tag=t%u\r\nTo: <%s>\r\nCall-ID: to%u\r\nCSeq: 1 INVITE\r\n"
             "Contact: <sip:x@10.0.1.1:5060>\r\nContent-Length: 0\r\n\r\n",
             target, n, n, target, n);
    kit_forget_caught(k);
    ua_send(&gw, text, strlen(text));
}

Test(trust, visual_separators_are_no_part_of_a_telephone_number_rfc3966_3)
{
    static const char *const same[] = {"tel:1-0.1", "tel:(10)1", "sip:10-1@10.0.0.1;user=phone",
                                       "sip:1%2D01@10.0.0.1;user=PHONE", "sip:1%301@10.0.0.1"};
    static const char *const other[] = {"sip:10-1@10.0.0.1", "sip:10.1@10.0.0.1;user=ip",
                                        "sip:a-101@10.0.0.1;user=phone", "tel:-"};

    for (unsigned i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        invite_to(same[i]);
        ua_expect_request(&phone[1], SIP_INVITE);
        ua_reply(&phone[1], 486, NULL);
        ua_expect_request(&phone[1], SIP_ACK);
    }
    for (unsigned i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        invite_to(other[i]);
        ua_expect(&gw, 404);
    }
}

/* ---- who calls as a gateway ---- */

Test(trust, only_the_port_of_a_trunks_contact_calls_without_a_password)
{
    struct ua other = ua_at(k, "10.0.1.1", 40000, "+491234");

    ua_invite(&other, "101", SDP_A);
    ua_expect(&other, 401);
    ua_expect_nothing(&phone[1]);
    ua_invite(&gw, "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
}

Test(trust, a_contact_without_a_port_stands_for_every_port_of_its_address_only)
{
    struct ua other = ua_at(k, "10.0.1.1", 40000, "+491234"),
              stranger = ua_at(k, "10.0.1.9", 40000, "+491234");

    configure_trunk("gw", "sip:10.0.1.1", false);
    ua_invite(&stranger, "101", SDP_A);
    ua_expect(&stranger, 401);
    ua_invite(&other, "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
}

/* ---- the token of a redirection ---- */

static void wall_ahead(int64_t ms)
{
    struct sc_event e = {.kind = SC_EV_ROLE,
                         .primary = true,
                         .epoch = k->epoch,
                         .wall_ms = INT64_C(1800000000000) + k->now.ns / MONO_NS_PER_MS + ms};

    kit_step(k, &e);
}

/* The user part that the 302 for 109 carries, minted by a clock that is MS ahead. */
static void mint(int64_t ms, char *user, size_t size)
{
    struct sip_party party;

    wall_ahead(ms);
    ua_invite(&gw, "109", SDP_A);
    ua_expect(&gw, 302);
    wall_ahead(0);
    cr_assert_eq(sip_party_parse(sip_msg_value(&gw.msg, SIP_H_CONTACT), &party), 0);
    snprintf(user, size, "%.*s", (int)party.uri.user.len, party.uri.user.p);
}

Test(trust, a_token_counts_only_for_a_short_while_ahead)
{
    char user[128];

    kit_options_answered(k, &peer, 40000);
    cr_assert_eq(kit_status(k).mode, SC_PEERED);
    configure_trunk("gw", "sip:10.0.1.1:5060", true);
    mint(30 * 1000, user, sizeof(user)); /* the sites' clocks may differ a little */
    ua_invite(&gw, user, SDP_A);
    ua_expect(&gw, 480);
    cr_assert_eq(kit_counter(k, "drop_bad_token"), 0);
    mint(3600 * 1000, user, sizeof(user));
    ua_invite(&gw, user, SDP_A);
    ua_expect(&gw, 302);
    cr_assert_eq(kit_counter(k, "drop_bad_token"), 1);
}

/* ---- the peer ---- */

/* A gateway is believed in until it fails; a peer only when it has proved itself (T-2). */
Test(trust, a_gateway_in_service_that_becomes_the_peer_trunk_proves_itself_first)
{
    kit_options_answered(k, &gw, 500);
    cr_assert(kit_dn_in(k, "gw"));
    snprintf(k->options.dr_peer_trunk, sizeof(k->options.dr_peer_trunk), "gw");
    kit_options(k);
    cr_assert_eq(kit_status(k).mode, SC_SINGLE);
    for (unsigned t = 0; t < 20; t++) {
        kit_options_answered(k, &gw, 1000);
        cr_assert_eq(kit_status(k).mode, SC_SINGLE, "after %u s", t + 1);
    }
    kit_options_answered(k, &gw, 25000);
    cr_assert_eq(kit_status(k).mode, SC_PEERED);
}

/* ---- registrations (10.3, step 7) ---- */

Test(trust, a_register_older_than_the_last_of_its_call_id_is_500_and_changes_nothing)
{
    struct ua p = ua_at(k, "10.1.0.103", 5060, "103");

    p.cseq = 100;
    cr_assert_eq(ua_register(&p, "pw", 3600), 200);
    p.cseq = 50;
    cr_assert_eq(ua_register(&p, "pw", 0), 500);
    cr_assert(kit_dn_in(k, "103"));
    p.cseq = 200;
    cr_assert_eq(ua_register(&p, "pw", 0), 200);
    cr_assert_not(kit_dn_in(k, "103"));
}
