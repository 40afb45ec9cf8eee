/* Each offer gets its own answer (RFC 3264 4), also when messages are lost, repeated or cross.
 * Found by tests/sim/calls. */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>

#define SDP_C "v=0\r\no=c 1 1 IN IP4 10.9.9.3\r\ns=-\r\n"
#define SDP_D "v=0\r\no=d 1 1 IN IP4 10.9.9.4\r\ns=-\r\n"

static struct kit *k;
static struct ua phone[4], gw, desk; /* desk: the second call of phone 101 */

static void quiet(struct kit *house)
{
    house->options.oos_check_ms = house->options.oos_force_ms = 3600000;
    house->options.session_expires_s = house->options.min_se_s = 90;
}

static void setup(void)
{
    k = kit_house(quiet);
    phones_register(k, phone, 100, 4);
    gw = ua_at(k, "10.0.1.1", 5060, "c1");
    desk = ua_at(k, "10.1.0.101", 5060, "101");
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(offers, .init = setup, .fini = teardown);

/* 100 calls 102 without an offer; 102 makes one, and its answer comes in the ACK, which is lost.
 * Meanwhile 102 asks 100 for an offer and answers that. */
Test(offers, an_ack_that_is_sent_again_never_carries_the_answer_to_another_offer)
{
    ua_call(&phone[0], "102", NULL);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_remember(&phone[2]);
    ua_reply(&phone[2], 200, SDP_B);
    ua_expect(&phone[0], 200);
    ua_ack(&phone[0], SDP_A);
    ua_expect_request(&phone[2], SIP_ACK);
    cr_assert(ua_body_is(&phone[2], SDP_A));
    ua_request(&phone[2], SIP_INVITE, NULL);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_reply(&phone[0], 200, SDP_C);
    ua_expect(&phone[2], 200);
    ua_ack(&phone[2], SDP_D);
    ua_expect_request(&phone[0], SIP_ACK);
    cr_assert(ua_body_is(&phone[0], SDP_D));
    ua_recall(&phone[2]);
    ua_reply(&phone[2], 200, SDP_B);
    ua_expect_request(&phone[2], SIP_ACK);
    cr_assert(ua_body_is(&phone[2], ""), "the answer that 102 gave itself");
}

static void answered(struct ua *a, struct ua *b)
{
    ua_expect_request(b, SIP_INVITE);
    ua_reply(b, 200, SDP_B);
    ua_expect(a, 200);
    ua_ack(a, NULL);
    ua_expect_request(b, SIP_ACK);
}

/* 101, who speaks with 100 and with 102, joins them by REFER; 102 has made its offer for that, and
 * 100 has it. */
static void join_100_and_102(void)
{
    struct sip_str id = sip_dialog_text(&desk.dialog, SIP_DIALOG_CALL_ID);
    struct sip_str to = sip_dialog_text(&desk.dialog, SIP_DIALOG_REMOTE_TAG);
    struct sip_str from = sip_dialog_text(&desk.dialog, SIP_DIALOG_LOCAL_TAG);
    char refer_to[256];

    snprintf(refer_to, sizeof(refer_to),
             "<sip:102@10.0.0.1?Replaces=%.*s%%3Bto-tag%%3D%.*s%%3Bfrom-tag%%3D%.*s>", (int)id.len,
             id.p, (int)to.len, to.p, (int)from.len, from.p);
    ua_says(&phone[1], SIP_H_REFER_TO, refer_to);
    ua_request(&phone[1], SIP_REFER, NULL);
    ua_is_silent(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 200, SDP_C);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_expect(&phone[1], 202);
}

static void consult(void)
{
    ua_call(&phone[0], "101", SDP_A);
    answered(&phone[0], &phone[1]);
    ua_call(&desk, "102", SDP_A);
    answered(&desk, &phone[2]);
}

/* RFC 3261 14.1, RFC 3311 5.1.  101 wants something of 102 in the call that they have. */
Test(offers, a_party_that_a_transfer_has_asked_for_an_offer_is_asked_for_nothing_else)
{
    consult();
    join_100_and_102();
    ua_request(&desk, SIP_UPDATE, SDP_D);
    ua_expect(&desk, 491);
    ua_request(&desk, SIP_INVITE, SDP_D);
    ua_expect(&desk, 491);
    ua_reply(&phone[0], 200, SDP_A);
    ua_expect_request(&phone[2], SIP_ACK);
    cr_assert(ua_body_is(&phone[2], SDP_A));
}

/* RFC 3261 14.1, RFC 4028 7.4.  100 takes its time, and the session of 102 is to be refreshed by
 * INVITE, as 102 knows no UPDATE, while its offer waits for the answer: the ACK would be that of
 * another INVITE. */
Test(offers, a_party_that_a_transfer_has_asked_for_an_offer_is_not_asked_for_a_refresh)
{
    consult();
    join_100_and_102();
    ua_reply(&phone[0], 100, NULL);
    kit_run(k, 30000);
    ua_reply(&phone[0], 491, NULL);
    ua_expect_request(&phone[0], SIP_ACK);
    kit_run(k, 4000);
    ua_expect_request(&phone[0], SIP_INVITE);
    cr_assert(ua_body_is(&phone[0], SDP_C));
    ua_reply(&phone[0], 100, NULL);
    kit_run(k, 16000);
    ua_expect_nothing(&phone[2]);
    ua_reply(&phone[0], 200, SDP_A);
    ua_expect_request(&phone[2], SIP_ACK);
    cr_assert(ua_body_is(&phone[2], SDP_A));
}

/* 101 asks 100 for an offer and hands the call on to 102; its ACK comes after 102 has answered. */
Test(offers, the_offer_of_a_transfer_survives_an_ack_that_carries_another_answer)
{
    ua_call(&phone[0], "101", SDP_A);
    answered(&phone[0], &phone[1]);
    ua_request(&phone[1], SIP_INVITE, NULL);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_reply(&phone[0], 200, SDP_D);
    ua_expect(&phone[1], 200);
    ua_says(&phone[1], SIP_H_REFER_TO, "<sip:102@10.0.0.1>");
    ua_request(&phone[1], SIP_REFER, NULL);
    ua_is_silent(&phone[1]);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 200, SDP_C);
    ua_ack(&phone[1], SDP_B);
    ua_expect_request(&phone[0], SIP_ACK);
    cr_assert(ua_body_is(&phone[0], SDP_B));
    kit_run(k, 4000);
    ua_expect_request(&phone[0], SIP_INVITE);
    cr_assert(ua_body_is(&phone[0], SDP_C), "the offer of 102");
}
