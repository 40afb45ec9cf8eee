/* Transfers by REFER (RFC 3515, 3891, 5589): blind and attended, and every way in which they fail.
 */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

#define SDP_C "v=0\r\no=c 1 1 IN IP4 10.9.9.3\r\ns=-\r\n"
#define HELD  "v=0\r\nheld\r\n"

static struct kit *k;
static struct ua phone[10], gw, desk; /* desk: the second call of phone 101 */

static void quiet(struct kit *house)
{
    house->options.oos_check_ms = house->options.oos_force_ms = 3600000;
}

static void setup(void)
{
    k = kit_house(quiet);
    phones_register(k, phone, 100, 4);
    gw = ua_at(k, "10.0.1.1", 5060, "+491234");
    desk = ua_at(k, "10.1.0.101", 5060, "101");
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(transfer, .init = setup, .fini = teardown);

static void answered(struct ua *a, struct ua *b, const char *sdp)
{
    ua_expect_request(b, SIP_INVITE);
    ua_reply(b, 200, sdp);
    ua_expect(a, 200);
    ua_ack(a, NULL);
    ua_expect_request(b, SIP_ACK);
}

/* 100 calls 101. */
static void establish(void)
{
    ua_call(&phone[0], "101", SDP_A);
    answered(&phone[0], &phone[1], SDP_B);
}

static void refer(struct ua *u, const char *to)
{
    ua_says(u, SIP_H_REFER_TO, to);
    ua_request(u, SIP_REFER, NULL);
    ua_is_silent(u);
}

static void expect_notify(struct ua *u, const char *fragment, const char *state)
{
    ua_expect_request(u, SIP_NOTIFY);
    cr_assert(ua_body_is(u, fragment), "%.*s", (int)u->msg.body.len, u->msg.body.p);
    cr_assert_str_eq(ua_header(u, SIP_H_CONTENT_TYPE), "message/sipfrag;version=2.0");
    cr_assert_eq(strncmp(ua_header(u, SIP_H_EVENT), "refer", 5), 0);
    cr_assert_eq(strncmp(ua_header(u, SIP_H_SUBSCRIPTION_STATE), state, strlen(state)), 0);
    ua_reply(u, 200, NULL);
}

static void accepted(struct ua *u)
{
    ua_expect(u, 202);
    expect_notify(u, "SIP/2.0 100 Trying\r\n", "active;expires=");
}

/* C has answered with its offer, P gets it, C gets P's answer. */
static void joined(struct ua *p, struct ua *c)
{
    ua_expect_request(p, SIP_INVITE);
    cr_assert(ua_body_is(p, SDP_C));
    ua_reply(p, 200, SDP_A);
    ua_expect_request(p, SIP_ACK);
    cr_assert(ua_body_is(p, ""));
    ua_expect_request(c, SIP_ACK);
    cr_assert(ua_body_is(c, SDP_A));
}

static void expect_bye(struct ua *u)
{
    ua_expect_request(u, SIP_BYE);
    ua_reply(u, 200, NULL);
}

static void release(struct ua *x, struct ua *y)
{
    ua_request(x, SIP_BYE, NULL);
    ua_expect(x, 200);
    expect_bye(y);
    cr_assert_eq(kit_status(k).calls, 0);
    kit_assert_empty(k);
}

/* A request passes between the two. */
static void connected(struct ua *x, struct ua *y)
{
    ua_request(x, SIP_INVITE, HELD);
    ua_expect_request(y, SIP_INVITE);
    cr_assert(ua_body_is(y, HELD));
    ua_reply(y, 200, HELD);
    ua_expect(x, 200);
    ua_ack(x, NULL);
    ua_expect_request(y, SIP_ACK);
}

/* RFC 5589 6.1: T transfers P to C. */
static void blind(struct ua *t, struct ua *p, const char *shown)
{
    struct ua *c = &phone[2];

    refer(t, "<sip:102@10.0.0.1>");
    accepted(t);
    ua_expect_request(c, SIP_INVITE);
    cr_assert(ua_body_is(c, ""));
    cr_assert(strstr(c->request, shown) != NULL, "the new party sees who will speak to it");
    ua_reply(c, 180, NULL);
    expect_notify(t, "SIP/2.0 180 Ringing\r\n", "active");
    ua_reply(c, 200, SDP_C);
    joined(p, c);
    expect_notify(t, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource");
    expect_bye(t);
    cr_assert_eq(kit_counter(k, "transfers"), 1);
    cr_assert_eq(kit_status(k).calls, 1);
    connected(p, c);
    connected(c, p);
}

Test(transfer, blind_by_the_called_party)
{
    establish();
    blind(&phone[1], &phone[0], "From: \"Name 100\" <sip:100@");
    release(&phone[0], &phone[2]);
    cr_assert_eq(kit_calls_told(k, SC_CALL_RELEASED), 1);
}

Test(transfer, blind_by_the_caller)
{
    establish();
    blind(&phone[0], &phone[1], "From: <sip:101@");
    release(&phone[2], &phone[1]);
}

Test(transfer, of_a_caller_from_the_gateway)
{
    ua_invite(&gw, "101", SDP_A);
    answered(&gw, &phone[1], SDP_B);
    blind(&phone[1], &gw, "<sip:+491234@");
    release(&gw, &phone[2]);
}

/* The party that was transferred transfers again; the Event names the second REFER (2.4.6). */
Test(transfer, a_second_transfer_in_one_call)
{
    establish();
    refer(&phone[0], "<sip:102@10.0.0.1>");
    accepted(&phone[0]);
    cr_assert_str_eq(ua_header(&phone[0], SIP_H_EVENT), "refer");
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 486, NULL);
    expect_notify(&phone[0], "SIP/2.0 486 Busy Here\r\n", "terminated");
    ua_expect_request(&phone[2], SIP_ACK);
    refer(&phone[0], "<sip:103@10.0.0.1>");
    ua_expect(&phone[0], 202);
    ua_expect_request(&phone[0], SIP_NOTIFY);
    cr_assert(strstr(phone[0].request, "Event: refer;id=") != NULL);
    ua_reply(&phone[0], 200, NULL);
    ua_expect_request(&phone[3], SIP_INVITE);
    ua_reply(&phone[3], 200, SDP_C);
    joined(&phone[1], &phone[3]);
    expect_notify(&phone[0], "SIP/2.0 200 OK\r\n", "terminated");
    expect_bye(&phone[0]);
    release(&phone[3], &phone[1]);
}

/* RFC 5589 6: whatever fails, the call is the transferor's again. */
static void still_theirs(void)
{
    connected(&phone[0], &phone[1]);
    release(&phone[1], &phone[0]);
}

Test(transfer, a_busy_phone_returns_the_call)
{
    establish();
    refer(&phone[1], "<sip:102@10.0.0.1>");
    accepted(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 486, NULL);
    expect_notify(&phone[1], "SIP/2.0 486 Busy Here\r\n", "terminated;reason=noresource");
    still_theirs();
}

Test(transfer, a_number_that_leads_nowhere_returns_the_call)
{
    establish();
    refer(&phone[1], "<sip:888@10.0.0.1>");
    accepted(&phone[1]);
    expect_notify(&phone[1], "SIP/2.0 404 Not Found\r\n", "terminated;reason=noresource");
    still_theirs();
}

Test(transfer, a_phone_that_nobody_answers_returns_the_call)
{
    establish();
    refer(&phone[1], "<sip:102@10.0.0.1>");
    accepted(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_remember(&phone[2]);
    ua_reply(&phone[2], 180, NULL);
    expect_notify(&phone[1], "SIP/2.0 180 Ringing\r\n", "active");
    kit_run(k, k->options.answer_timeout_ms + 1);
    ua_expect_request(&phone[2], SIP_CANCEL);
    ua_reply(&phone[2], 200, NULL);
    ua_recall(&phone[2]);
    ua_reply(&phone[2], 487, NULL);
    expect_notify(&phone[1], "SIP/2.0 408 Request Timeout\r\n", "terminated");
    still_theirs();
}

Test(transfer, an_answer_without_an_offer_returns_the_call)
{
    establish();
    refer(&phone[1], "<sip:102@10.0.0.1>");
    accepted(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 200, NULL);
    ua_expect_request(&phone[2], SIP_ACK);
    expect_bye(&phone[2]);
    expect_notify(&phone[1], "SIP/2.0 488 Not Acceptable Here\r\n", "terminated");
    still_theirs();
}

Test(transfer, the_other_party_refuses_the_new_session)
{
    establish();
    refer(&phone[1], "<sip:102@10.0.0.1>");
    accepted(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 200, SDP_C);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_reply(&phone[0], 488, NULL);
    ua_expect_request(&phone[0], SIP_ACK);
    ua_expect_request(&phone[2], SIP_ACK);
    expect_bye(&phone[2]);
    expect_notify(&phone[1], "SIP/2.0 488 Not Acceptable Here\r\n", "terminated");
    still_theirs();
}

Test(transfer, the_new_party_hangs_up_before_it_is_joined)
{
    establish();
    refer(&phone[1], "<sip:102@10.0.0.1>");
    accepted(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 200, SDP_C);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_request(&phone[2], SIP_BYE, NULL);
    ua_expect(&phone[2], 200);
    expect_notify(&phone[1], "SIP/2.0 480 Temporarily Unavailable\r\n", "terminated");
    ua_reply(&phone[0], 200, SDP_A);
    ua_expect_request(&phone[0], SIP_ACK);
    still_theirs();
}

/* RFC 3261 14.1: the other party is in a re-INVITE of its own. */
static void until_invited(struct ua *u)
{
    for (unsigned i = 0; i < 41 && !ua_has_request(u, SIP_INVITE); i++)
        kit_run(k, 100);
}

Test(transfer, glare_is_waited_out)
{
    establish();
    refer(&phone[1], "<sip:102@10.0.0.1>");
    accepted(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 200, SDP_C);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_reply(&phone[0], 491, NULL);
    ua_expect_request(&phone[0], SIP_ACK);
    ua_expect_nothing(&phone[0]);
    until_invited(&phone[0]);
    joined(&phone[0], &phone[2]);
    expect_notify(&phone[1], "SIP/2.0 200 OK\r\n", "terminated");
    expect_bye(&phone[1]);
    release(&phone[0], &phone[2]);
}

Test(transfer, glare_without_end_returns_the_call)
{
    establish();
    refer(&phone[1], "<sip:102@10.0.0.1>");
    accepted(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 200, SDP_C);
    for (unsigned i = 0; i < 4; i++) {
        ua_expect_request(&phone[0], SIP_INVITE);
        ua_reply(&phone[0], 491, NULL);
        ua_expect_request(&phone[0], SIP_ACK);
        if (i < 3)
            until_invited(&phone[0]);
    }
    ua_expect_request(&phone[2], SIP_ACK);
    expect_bye(&phone[2]);
    expect_notify(&phone[1], "SIP/2.0 491 Request Pending\r\n", "terminated");
    still_theirs();
}

/* RFC 5589 6.1: a transferor may leave once its REFER is accepted. */
Test(transfer, the_transferor_leaves_at_once)
{
    establish();
    refer(&phone[1], "<sip:102@10.0.0.1>");
    accepted(&phone[1]);
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect(&phone[1], 200);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 200, SDP_C);
    joined(&phone[0], &phone[2]);
    ua_expect_nothing(&phone[1]);
    release(&phone[0], &phone[2]);
}

Test(transfer, the_transferor_leaves_between_the_answers)
{
    establish();
    refer(&phone[0], "<sip:102@10.0.0.1>");
    accepted(&phone[0]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 200, SDP_C);
    ua_request(&phone[0], SIP_BYE, NULL);
    ua_expect(&phone[0], 200);
    joined(&phone[1], &phone[2]);
    release(&phone[1], &phone[2]);
}

Test(transfer, without_a_transferor_a_failure_ends_the_call)
{
    establish();
    refer(&phone[1], "<sip:102@10.0.0.1>");
    accepted(&phone[1]);
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect(&phone[1], 200);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 486, NULL);
    expect_bye(&phone[0]);
    kit_assert_empty(k);
}

Test(transfer, the_other_party_hangs_up_while_the_new_one_rings)
{
    establish();
    refer(&phone[1], "<sip:102@10.0.0.1>");
    accepted(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_remember(&phone[2]);
    ua_reply(&phone[2], 180, NULL);
    expect_notify(&phone[1], "SIP/2.0 180 Ringing\r\n", "active");
    ua_request(&phone[0], SIP_BYE, NULL);
    ua_expect(&phone[0], 200);
    ua_expect_request(&phone[2], SIP_CANCEL);
    ua_reply(&phone[2], 200, NULL);
    ua_recall(&phone[2]);
    ua_reply(&phone[2], 487, NULL);
    expect_bye(&phone[1]);
    kit_assert_empty(k);
}

/* The other party hangs up between the two answers. */
Test(transfer, the_other_party_hangs_up_while_it_is_asked)
{
    establish();
    refer(&phone[1], "<sip:102@10.0.0.1>");
    accepted(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 200, SDP_C);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_request(&phone[0], SIP_BYE, NULL);
    ua_expect(&phone[0], 200);
    ua_expect_request(&phone[2], SIP_ACK);
    expect_bye(&phone[2]);
    expect_bye(&phone[1]);
    kit_assert_empty(k);
}

/* RFC 3891, 5589 7: phone 101 speaks to 100, asks 102, and joins the two. */
static void consult(void)
{
    establish();
    ua_call(&desk, "102", SDP_B);
    answered(&desk, &phone[2], SDP_C);
}

static const char *replaces(const struct ua *u)
{
    struct sip_str id = sip_dialog_text(&u->dialog, SIP_DIALOG_CALL_ID);
    struct sip_str to = sip_dialog_text(&u->dialog, SIP_DIALOG_REMOTE_TAG);
    struct sip_str from = sip_dialog_text(&u->dialog, SIP_DIALOG_LOCAL_TAG);
    static char text[512];

    snprintf(text, sizeof(text),
             "<sip:102@10.0.0.1?Replaces=%.*s%%3Bto-tag%%3D%.*s%%3Bfrom-tag%%3D%.*s>", (int)id.len,
             id.p, (int)to.len, to.p, (int)from.len, from.p);
    return text;
}

Test(transfer, attended)
{
    consult();
    refer(&phone[1], replaces(&desk));
    accepted(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    cr_assert(ua_body_is(&phone[2], ""));
    ua_reply(&phone[2], 200, SDP_C);
    joined(&phone[0], &phone[2]);
    ua_expect_request(&desk, SIP_BYE); /* the consultation is over ... */
    ua_reply(&desk, 200, NULL);
    expect_notify(&phone[1], "SIP/2.0 200 OK\r\n", "terminated"); /* ... and so is the first call */
    expect_bye(&phone[1]);
    cr_assert_eq(kit_status(k).calls, 1);
    connected(&phone[0], &phone[2]);
    release(&phone[2], &phone[0]);
}

/* What the new party asked of the transferor is refused; it is in a call all the same.  Found by
 * tests/sim/pair. */
Test(transfer, attended_with_a_request_of_the_new_party_under_way)
{
    consult();
    refer(&phone[1], replaces(&desk));
    accepted(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_remember(&phone[2]);
    ua_request(&phone[2], SIP_INFO, "Signal=1\r\n");
    ua_expect_request(&desk, SIP_INFO);
    ua_recall(&phone[2]);
    ua_reply(&phone[2], 200, SDP_C);
    joined(&phone[0], &phone[2]);
    ua_expect(&phone[2], 500); /* 481 would end its call (RFC 3261 12.2.1.2) */
    ua_expect_request(&desk, SIP_BYE);
    ua_reply(&desk, 200, NULL);
    expect_notify(&phone[1], "SIP/2.0 200 OK\r\n", "terminated");
    expect_bye(&phone[1]);
    connected(&phone[0], &phone[2]);
    release(&phone[2], &phone[0]);
}

Test(transfer, attended_with_a_refusal_leaves_both_calls)
{
    consult();
    refer(&phone[1], replaces(&desk));
    accepted(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 488, NULL);
    ua_expect_request(&phone[2], SIP_ACK);
    expect_notify(&phone[1], "SIP/2.0 488 Not Acceptable Here\r\n", "terminated");
    cr_assert_eq(kit_status(k).calls, 2);
    ua_request(&phone[0], SIP_BYE, NULL);
    ua_expect(&phone[0], 200);
    expect_bye(&phone[1]);
    release(&phone[2], &desk);
}

Test(transfer, attended_where_the_new_party_hangs_up)
{
    consult();
    refer(&phone[1], replaces(&desk));
    accepted(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_request(&phone[2], SIP_BYE, NULL);
    ua_expect(&phone[2], 200);
    expect_bye(&desk);
    expect_notify(&phone[1], "SIP/2.0 480 Temporarily Unavailable\r\n", "terminated");
    cr_assert_eq(kit_status(k).calls, 1);
    still_theirs();
}

/* RFC 3891 3: a dialog that is not there. */
Test(transfer, attended_to_an_unknown_dialog_is_481)
{
    establish();
    refer(&phone[1], "<sip:102@10.0.0.1?Replaces=nobody%3Bto-tag%3D1%3Bfrom-tag%3D2>");
    ua_expect(&phone[1], 202);
    expect_notify(&phone[1], "SIP/2.0 481 Call/Transaction Does Not Exist\r\n", "terminated");
    still_theirs();
}

/* A party of one call cannot join itself. */
Test(transfer, attended_to_its_own_call_is_481)
{
    establish();
    refer(&phone[1], replaces(&phone[1]));
    ua_expect(&phone[1], 202);
    expect_notify(&phone[1], "SIP/2.0 481 Call/Transaction Does Not Exist\r\n", "terminated");
    still_theirs();
}

/* RFC 3515 2.4.2: exactly one Refer-To with a number; one transfer at a time. */
Test(transfer, refers_that_cannot_be_followed_are_refused)
{
    establish();
    ua_request(&phone[1], SIP_REFER, NULL);
    ua_expect(&phone[1], 400);
    refer(&phone[1], "<mailto:x@y>");
    ua_expect(&phone[1], 400);
    refer(&phone[1], "<sip:102@10.0.0.1;method=BYE>");
    ua_expect(&phone[1], 603);
    refer(&phone[1], "<sip:102@10.0.0.1;method=INVITE>");
    accepted(&phone[1]);
    refer(&phone[1], "<sip:103@10.0.0.1>");
    ua_expect(&phone[1], 491);
    refer(&phone[0], "<sip:103@10.0.0.1>");
    ua_expect(&phone[0], 491);
    cr_assert_eq(kit_status(k).calls, 1);
}

/* Whoever comes in by a gateway cannot dial out by a REFER either. */
Test(transfer, a_gateway_cannot_dial_out_by_refer)
{
    ua_invite(&gw, "101", SDP_A);
    answered(&gw, &phone[1], SDP_B);
    refer(&gw, "<sip:90123@10.0.0.1>");
    accepted(&gw);
    expect_notify(&gw, "SIP/2.0 404 Not Found\r\n", "terminated");
    refer(&phone[1], "<sip:90123@10.0.0.1>"); /* a phone of the site may */
    accepted(&phone[1]);
    ua_expect_request(&gw, SIP_INVITE);
}

/* RFC 4488: no subscription is wanted. */
Test(transfer, refer_sub_false_gets_no_notify)
{
    establish();
    phone[1].extras[0] =
        (struct sip_extra){.id = SIP_H_OTHER, .name = "Refer-Sub", .value = SIP_STR("false")};
    phone[1].extras_n = 1;
    refer(&phone[1], "<sip:102@10.0.0.1>");
    ua_expect(&phone[1], 202);
    cr_assert(strstr(phone[1].reply, "Refer-Sub: false") != NULL);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 200, SDP_C);
    joined(&phone[0], &phone[2]);
    expect_bye(&phone[1]);
    release(&phone[0], &phone[2]);
}

/* RFC 6665 4.2.2: 481 to a NOTIFY ends the subscription, not the transfer. */
Test(transfer, a_notify_that_is_refused_is_the_last)
{
    establish();
    refer(&phone[1], "<sip:102@10.0.0.1>");
    ua_expect(&phone[1], 202);
    ua_expect_request(&phone[1], SIP_NOTIFY);
    ua_reply(&phone[1], 481, NULL);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 200, SDP_C);
    joined(&phone[0], &phone[2]);
    expect_bye(&phone[1]);
    release(&phone[0], &phone[2]);
}

/* RFC 3261 13.2.2.4: the new party's 2xx is repeated; it gets the answer once more. */
Test(transfer, a_lost_ack_is_repeated_with_the_answer)
{
    establish();
    refer(&phone[1], "<sip:102@10.0.0.1>");
    accepted(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_remember(&phone[2]);
    ua_reply(&phone[2], 200, SDP_C);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_remember(&phone[0]);
    ua_reply(&phone[0], 200, SDP_A);
    ua_expect_request(&phone[0], SIP_ACK);
    ua_expect_request(&phone[2], SIP_ACK);
    ua_recall(&phone[2]);
    ua_reply(&phone[2], 200, SDP_C);
    ua_expect_request(&phone[2], SIP_ACK);
    cr_assert(ua_body_is(&phone[2], SDP_A));
    ua_recall(&phone[0]);
    ua_reply(&phone[0], 200, SDP_A);
    ua_expect_request(&phone[0], SIP_ACK);
    cr_assert(ua_body_is(&phone[0], ""));
}

Test(transfer, separators_and_escapes_in_refer_to_are_no_part_of_the_number)
{
    establish();
    refer(&phone[0], "<sip:1-%302@10.0.0.1;user=phone>");
    accepted(&phone[0]);
    ua_expect_request(&phone[2], SIP_INVITE);
}
