/* Reliable provisional responses end to end through a call (RFC 3262), and UPDATE before and after
 * the answer (RFC 3311). */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

#define OFFER  SDP_A
#define ANSWER SDP_B
#define SECOND "v=0\r\no=a 1 2 IN IP4 10.9.9.1\r\ns=second\r\n"
#define THIRD  "v=0\r\no=b 1 2 IN IP4 10.9.9.2\r\ns=third\r\n"

static struct kit *k;
static struct ua phone[4], gw;

static void setup(void)
{
    k = kit_house(NULL);
    phones_register(k, phone, 100, 4);
    gw = ua_at(k, "10.0.1.1", 5060, "+491234");
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(prack, .init = setup, .fini = teardown);

static bool offers_100rel(const struct ua *u)
{
    return sip_msg_has_token(&u->msg, SIP_H_SUPPORTED, SIP_STR("100rel"));
}

static uint32_t rseq(const struct ua *u)
{
    uint32_t n = 0;

    (void)sip_msg_number(&u->msg, SIP_H_RSEQ, &n);
    cr_assert_eq(n != 0, sip_msg_has_token(&u->msg, SIP_H_REQUIRE, SIP_STR("100rel")));
    return n;
}

/* A call whose caller has 100rel, as SAYS tells. */
static void call_with(struct ua *a, enum sip_header_id says, struct ua *b, const char *number,
                      const char *body)
{
    ua_says(a, says, "100rel");
    ua_call(a, number, body);
    ua_is_silent(a);
    ua_expect_request(b, SIP_INVITE);
    ua_remember(b);
}

/* B answers its INVITE STATUS, reliably as number N; 0: not reliably. */
static void provisional(struct ua *b, unsigned status, unsigned n, const char *body)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", n);
    ua_recall(b);
    if (n != 0) {
        ua_says(b, SIP_H_REQUIRE, "100rel");
        ua_says(b, SIP_H_RSEQ, text);
    }
    ua_reply(b, status, body);
    ua_is_silent(b);
}

static void final(struct ua *b, unsigned status, const char *body)
{
    ua_recall(b);
    ua_reply(b, status, body);
}

static void prack(struct ua *a, uint32_t n, uint32_t cseq, const char *body)
{
    char text[40];

    snprintf(text, sizeof(text), "%u %u INVITE", n, cseq);
    ua_says(a, SIP_H_RACK, text);
    ua_request(a, SIP_PRACK, body);
    ua_is_silent(a);
}

static uint32_t invite_cseq(const struct ua *a)
{
    struct sip_msg m;

    cr_assert_eq(sip_msg_parse(a->invite, a->invite_len, &m), SIP_OK);
    return m.cseq.number;
}

/* The PRACK that B gets for its response N. */
static void expect_prack(struct ua *b, unsigned n)
{
    char text[40];
    struct sip_msg invite;

    cr_assert_eq(sip_msg_parse(b->kept, b->kept_len, &invite), SIP_OK);
    snprintf(text, sizeof(text), "%u %u INVITE", n, invite.cseq.number);
    ua_expect_request(b, SIP_PRACK);
    cr_assert_str_eq(ua_header(b, SIP_H_RACK), text);
}

/* The whole round of one reliable response without bodies. */
static void round_trip(struct ua *a, struct ua *b, unsigned status, unsigned n)
{
    provisional(b, status, n, NULL);
    ua_expect(a, status);
    prack(a, rseq(a), invite_cseq(a), NULL);
    expect_prack(b, n);
    ua_reply(b, 200, NULL);
    ua_expect(a, 200);
}

static void hang_up(struct ua *a, struct ua *b)
{
    ua_request(a, SIP_BYE, NULL);
    ua_expect(a, 200);
    ua_expect_request(b, SIP_BYE);
    ua_reply(b, 200, NULL);
    kit_assert_empty(k);
}

static void answered(struct ua *a, struct ua *b, const char *body)
{
    final(b, 200, body);
    ua_expect(a, 200);
    cr_assert(body == NULL ? sip_str_empty(a->msg.body) : ua_body_is(a, body));
    ua_ack(a, NULL);
    ua_expect_request(b, SIP_ACK);
}

/* ---- RFC 3262 ---- */

Test(prack, is_offered_to_the_target_when_the_caller_has_it_rfc3262_4)
{
    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", OFFER);
    cr_assert(offers_100rel(&phone[1]));
    cr_assert(sip_msg_header(&phone[1].msg, SIP_H_REQUIRE) == NULL);
    ua_call(&phone[2], "103", OFFER);
    ua_expect_request(&phone[3], SIP_INVITE);
    cr_assert(!offers_100rel(&phone[3]), "a caller without it is never asked to acknowledge");
}

Test(prack, passes_with_numbers_of_each_leg_and_its_answer_comes_back_rfc3262_3)
{
    uint32_t n;

    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", OFFER);
    provisional(&phone[1], 183, 7000, ANSWER);
    ua_expect(&phone[0], 183);
    cr_assert(ua_body_is(&phone[0], ANSWER));
    n = rseq(&phone[0]);
    cr_assert_neq(n, 0);
    cr_assert_lt(n, 1u << 31);
    cr_assert_neq(n, 7000);
    prack(&phone[0], n, invite_cseq(&phone[0]), NULL);
    expect_prack(&phone[1], 7000);
    ua_expect_nothing(&phone[0]);
    ua_reply(&phone[1], 200, NULL);
    ua_expect(&phone[0], 200);
    kit_run(k, 5000);
    cr_assert_eq(ua_status(&phone[0]), 0, "an acknowledged response is repeated no more");
    answered(&phone[0], &phone[1], NULL); /* the answer was in the 183 */
    hang_up(&phone[0], &phone[1]);
}

Test(prack, a_reliable_response_is_repeated_until_its_prack_rfc3262_3)
{
    unsigned copies = 0;

    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", OFFER);
    provisional(&phone[1], 180, 1, NULL);
    kit_run(k, 7400); /* at 0, 0.5, 1.5, 3.5 s */
    while (ua_status(&phone[0]) == 180)
        copies++;
    cr_assert_eq(copies, 4);
    provisional(&phone[1], 180, 1, NULL); /* what the target repeats is for us alone */
    cr_assert_eq(ua_status(&phone[0]), 0);
    prack(&phone[0], rseq(&phone[0]), invite_cseq(&phone[0]), NULL);
    expect_prack(&phone[1], 1);
    ua_reply(&phone[1], 200, NULL);
    ua_expect(&phone[0], 200);
    provisional(&phone[1], 180, 1, NULL); /* it crossed the PRACK */
    ua_expect_nothing(&phone[0]);
    kit_run(k, 30000);
    cr_assert_eq(ua_status(&phone[0]), 0);
}

Test(prack, without_a_prack_the_call_is_refused_504_after_64_t1_rfc3262_3)
{
    unsigned status = 0, last;

    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", OFFER);
    provisional(&phone[1], 183, 1, ANSWER);
    kit_run(k, 31900);
    while ((last = ua_status(&phone[0])) != 0)
        status = last;
    cr_assert_eq(status, 183);
    kit_run(k, 200);
    ua_expect(&phone[0], 504);
    ua_expect_request(&phone[1], SIP_CANCEL);
    ua_reply(&phone[1], 200, NULL);
    final(&phone[1], 487, NULL);
    cr_assert_eq(kit_counter(k, "no_prack"), 1);
    kit_assert_empty(k);
}

Test(prack, several_in_order_and_a_gap_waits_rfc3262_4)
{
    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", OFFER);
    round_trip(&phone[0], &phone[1], 183, 10);
    provisional(&phone[1], 180, 12, NULL); /* 11 is lost: this one must not be acknowledged */
    ua_expect_nothing(&phone[0]);
    round_trip(&phone[0], &phone[1], 180, 11);
    round_trip(&phone[0], &phone[1], 180, 12); /* it is repeated */
    answered(&phone[0], &phone[1], ANSWER);
    hang_up(&phone[0], &phone[1]);
}

Test(prack, our_numbers_rise_by_one_rfc3262_3)
{
    uint32_t n;

    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", OFFER);
    provisional(&phone[1], 183, 10, NULL);
    ua_expect(&phone[0], 183);
    n = rseq(&phone[0]);
    prack(&phone[0], n, invite_cseq(&phone[0]), NULL);
    ua_expect(&phone[0], 0);
    provisional(&phone[1], 180, 11, NULL);
    ua_expect(&phone[0], 180);
    cr_assert_eq(rseq(&phone[0]), n + 1);
}

Test(prack, a_second_one_waits_for_the_prack_of_the_first_rfc3262_3)
{
    uint32_t n;

    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", OFFER);
    provisional(&phone[1], 183, 1, NULL);
    ua_expect(&phone[0], 183);
    n = rseq(&phone[0]);
    provisional(&phone[1], 180, 2, NULL);
    ua_expect_nothing(&phone[0]);
    prack(&phone[0], n, invite_cseq(&phone[0]), NULL);
    expect_prack(&phone[1], 1);
    ua_reply(&phone[1], 200, NULL);
    ua_expect(&phone[0], 200);
    provisional(&phone[1], 180, 2, NULL); /* repeated, as nobody acknowledged it */
    ua_expect(&phone[0], 180);
    cr_assert_eq(rseq(&phone[0]), n + 1);
}

Test(prack, an_unreliable_one_passes_while_a_reliable_one_waits_and_takes_not_its_place_rfc3262_3)
{
    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", OFFER);
    provisional(&phone[1], 183, 1, ANSWER);
    ua_expect(&phone[0], 183);
    provisional(&phone[1], 180, 0, NULL);
    ua_expect(&phone[0], 180);
    cr_assert_eq(rseq(&phone[0]), 0);
    kit_run(k, 600);
    ua_expect(&phone[0], 183);
    cr_assert_neq(rseq(&phone[0]), 0);
}

Test(prack, of_an_unknown_rack_is_481_and_of_none_400_rfc3262_3)
{
    uint32_t n, cseq;

    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", OFFER);
    cseq = invite_cseq(&phone[0]);
    provisional(&phone[1], 183, 1, NULL);
    ua_expect(&phone[0], 183);
    n = rseq(&phone[0]);
    prack(&phone[0], n + 1, cseq, NULL);
    ua_expect(&phone[0], 481);
    prack(&phone[0], n, cseq + 1, NULL);
    ua_expect(&phone[0], 481);
    ua_request(&phone[0], SIP_PRACK, NULL);
    ua_expect(&phone[0], 400);
    cr_assert(!ua_has_request(&phone[1], SIP_PRACK));
    prack(&phone[0], n, cseq, NULL);
    expect_prack(&phone[1], 1);
    ua_reply(&phone[1], 200, NULL);
    ua_expect(&phone[0], 200);
    prack(&phone[0], n, cseq, NULL); /* acknowledged before */
    ua_expect(&phone[0], 481);
}

Test(prack, carries_an_offer_and_its_200_the_answer_rfc3262_5)
{
    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", OFFER);
    provisional(&phone[1], 183, 1, ANSWER);
    ua_expect(&phone[0], 183);
    prack(&phone[0], rseq(&phone[0]), invite_cseq(&phone[0]), SECOND);
    expect_prack(&phone[1], 1);
    cr_assert(ua_body_is(&phone[1], SECOND));
    ua_reply(&phone[1], 200, THIRD);
    ua_expect(&phone[0], 200);
    cr_assert(ua_body_is(&phone[0], THIRD));
    answered(&phone[0], &phone[1], NULL);
    hang_up(&phone[0], &phone[1]);
}

Test(prack, carries_the_answer_to_the_offer_of_the_response_rfc3262_5)
{
    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", NULL);
    provisional(&phone[1], 183, 1, OFFER);
    ua_expect(&phone[0], 183);
    cr_assert(ua_body_is(&phone[0], OFFER));
    prack(&phone[0], rseq(&phone[0]), invite_cseq(&phone[0]), ANSWER);
    expect_prack(&phone[1], 1);
    cr_assert(ua_body_is(&phone[1], ANSWER));
    ua_reply(&phone[1], 200, NULL);
    ua_expect(&phone[0], 200);
    answered(&phone[0], &phone[1], NULL);
    hang_up(&phone[0], &phone[1]);
}

Test(prack, a_refused_one_passes_its_refusal_rfc3262_5)
{
    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", OFFER);
    provisional(&phone[1], 183, 1, ANSWER);
    ua_expect(&phone[0], 183);
    prack(&phone[0], rseq(&phone[0]), invite_cseq(&phone[0]), SECOND);
    expect_prack(&phone[1], 1);
    ua_reply(&phone[1], 488, NULL);
    ua_expect(&phone[0], 488);
    answered(&phone[0], &phone[1], NULL);
    hang_up(&phone[0], &phone[1]);
}

Test(prack, is_taken_after_the_final_answer_too_rfc3262_3)
{
    uint32_t n;

    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", OFFER);
    provisional(&phone[1], 180, 1, NULL);
    ua_expect(&phone[0], 180);
    n = rseq(&phone[0]);
    final(&phone[1], 200, ANSWER);
    ua_expect(&phone[0], 200);
    prack(&phone[0], n, invite_cseq(&phone[0]), NULL);
    expect_prack(&phone[1], 1);
    ua_reply(&phone[1], 200, NULL);
    ua_expect(&phone[0], 200);
    ua_ack(&phone[0], NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    hang_up(&phone[0], &phone[1]);
}

Test(prack, a_caller_that_requires_it_gets_it_from_us_where_the_target_has_it_not_rfc3262_3)
{
    uint32_t n;

    call_with(&phone[0], SIP_H_REQUIRE, &phone[1], "101", OFFER);
    cr_assert(offers_100rel(&phone[1]));
    cr_assert(sip_msg_header(&phone[1].msg, SIP_H_REQUIRE) == NULL, "a plain phone is not refused");
    provisional(&phone[1], 180, 0, NULL);
    ua_expect(&phone[0], 180);
    n = rseq(&phone[0]);
    cr_assert_neq(n, 0);
    provisional(&phone[1], 183, 0, ANSWER);
    ua_expect_nothing(&phone[0]);
    prack(&phone[0], n, invite_cseq(&phone[0]), NULL);
    ua_expect(&phone[0], 200);
    cr_assert(!ua_has_request(&phone[1], SIP_PRACK));
    ua_expect(&phone[0], 183); /* it waited, and is a hint only: the answer comes in the 200 */
    cr_assert_eq(rseq(&phone[0]), n + 1);
    cr_assert(sip_str_empty(phone[0].msg.body));
    prack(&phone[0], n + 1, invite_cseq(&phone[0]), NULL);
    ua_expect(&phone[0], 200);
    answered(&phone[0], &phone[1], ANSWER);
    hang_up(&phone[0], &phone[1]);
}

Test(prack, the_182_of_a_queue_is_reliable_to_a_caller_that_requires_it_rfc3262_3)
{
    ua_says(&phone[0], SIP_H_REQUIRE, "100rel");
    ua_call(&phone[0], "5000", OFFER);
    ua_is_silent(&phone[0]);
    ua_expect(&phone[0], 182);
    prack(&phone[0], rseq(&phone[0]), invite_cseq(&phone[0]), NULL);
    ua_expect(&phone[0], 200);
    ua_cancel(&phone[0]);
    ua_expect(&phone[0], 200);
    ua_expect(&phone[0], 487);
    kit_assert_empty(k);
}

Test(prack, a_queued_caller_that_never_acknowledges_the_182_is_504_rfc3262_3)
{
    unsigned status = 0, last;

    ua_says(&phone[0], SIP_H_REQUIRE, "100rel");
    ua_call(&phone[0], "5000", OFFER);
    ua_is_silent(&phone[0]);
    kit_run(k, 33000);
    while ((last = ua_status(&phone[0])) != 0)
        status = last;
    cr_assert_eq(status, 504);
    kit_assert_empty(k);
}

Test(prack, a_target_that_requires_what_the_caller_has_not_is_421_with_its_require_rfc3261_21_4_16)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_says(&phone[1], SIP_H_REQUIRE, "100rel");
    ua_reply(&phone[1], 421, NULL);
    ua_expect(&phone[0], 421);
    cr_assert_str_eq(ua_header(&phone[0], SIP_H_REQUIRE), "100rel");
    kit_assert_empty(k);
}

Test(prack, cancel_of_a_call_with_a_reliable_response_ends_everything_rfc3261_9)
{
    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", OFFER);
    provisional(&phone[1], 183, 1, ANSWER);
    ua_expect(&phone[0], 183);
    prack(&phone[0], rseq(&phone[0]), invite_cseq(&phone[0]), NULL);
    expect_prack(&phone[1], 1);
    ua_cancel(&phone[0]);
    ua_expect(&phone[0], 200);
    ua_expect(&phone[0], 200); /* the PRACK that is on its way */
    ua_expect(&phone[0], 487);
    ua_reply(&phone[1], 200, NULL);
    ua_expect_request(&phone[1], SIP_CANCEL);
    ua_reply(&phone[1], 200, NULL);
    final(&phone[1], 487, NULL);
    kit_assert_empty(k);
}

/* An offer has one answer in a dialog (RFC 3261 13.2.1): after an answer of the first phone, that
 * of the second one comes out of another dialog, as behind a forking proxy (13.2.2.4). */
Test(prack, a_second_target_is_another_branch_to_a_caller_who_has_an_answer_rfc3261_13_2_2_4)
{
    char first[64], second[64];
    uint32_t n;

    call_with(&phone[3], SIP_H_SUPPORTED, &phone[0], "6000", OFFER);
    provisional(&phone[0], 183, 1, ANSWER);
    ua_expect(&phone[3], 183);
    n = rseq(&phone[3]);
    cr_assert_eq(sip_str_copy(phone[3].msg.to.tag, first, sizeof(first)), 0);
    final(&phone[0], 486, NULL);
    ua_expect_request(&phone[1], SIP_INVITE);
    prack(&phone[3], n, invite_cseq(&phone[3]), NULL);
    ua_expect(&phone[3], 200);
    ua_remember(&phone[1]);
    provisional(&phone[1], 100, 0, NULL);
    kit_run(k, 10000);
    cr_assert_eq(ua_status(&phone[3]), 0, "what the first target said is not repeated");
    phone[3].dialog.state = SIP_DIALOG_NONE; /* a caller takes each branch as a dialog */
    provisional(&phone[1], 183, 99, THIRD);
    ua_expect(&phone[3], 183);
    cr_assert_eq(sip_str_copy(phone[3].msg.to.tag, second, sizeof(second)), 0);
    cr_assert_str_neq(first, second);
    prack(&phone[3], rseq(&phone[3]), invite_cseq(&phone[3]), NULL);
    expect_prack(&phone[1], 99);
    ua_reply(&phone[1], 200, NULL);
    ua_expect(&phone[3], 200);
    answered(&phone[3], &phone[1], NULL);
    cr_assert(sip_str_eq(phone[3].msg.to.tag, sip_str_of(second)));
    hang_up(&phone[3], &phone[1]);
}

Test(prack, another_branch_behind_the_target_is_acknowledged_by_us_rfc3262_4)
{
    char tag[32];

    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", OFFER);
    provisional(&phone[1], 183, 5, ANSWER);
    ua_expect(&phone[0], 183);
    snprintf(tag, sizeof(tag), "%s", phone[1].tag);
    snprintf(phone[1].tag, sizeof(phone[1].tag), "other");
    provisional(&phone[1], 180, 800, NULL);
    ua_expect_nothing(&phone[0]);
    expect_prack(&phone[1], 800);
    cr_assert(sip_str_eq(phone[1].msg.to.tag, SIP_STR("other")));
    ua_reply(&phone[1], 200, NULL);
    snprintf(phone[1].tag, sizeof(phone[1].tag), "%s", tag);
    prack(&phone[0], rseq(&phone[0]), invite_cseq(&phone[0]), NULL);
    expect_prack(&phone[1], 5);
    cr_assert(sip_str_eq(phone[1].msg.to.tag, sip_str_of(tag)));
    ua_reply(&phone[1], 200, NULL);
    ua_expect(&phone[0], 200);
    answered(&phone[0], &phone[1], NULL);
    hang_up(&phone[0], &phone[1]);
}

/* The phones of a1 and a2 ring 20 s each, RESPONSE with BODY every time; what the caller has last.
 */
static unsigned rings_in_a_queue_without_a_prack(const char *body, int64_t second_ms)
{
    unsigned status = 0, last;

    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "", SC_AGENT_READY), 0);
    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "5000", OFFER);
    provisional(&phone[1], 183, 1, body);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a2", "", SC_AGENT_READY), 0);
    kit_run(k, 20000);
    ua_expect_request(&phone[1], SIP_CANCEL);
    final(&phone[1], 487, NULL);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_remember(&phone[2]);
    provisional(&phone[2], 183, 1, body);
    kit_run(k, second_ms);
    while ((last = ua_status(&phone[0])) != 0)
        status = last;
    return status;
}

/* Each phone is a branch with a response of its own; the time without a PRACK is that of all. */
Test(prack, a_queued_caller_that_acknowledges_no_branch_is_504_after_64_t1_rfc3262_3)
{
    cr_assert_eq(rings_in_a_queue_without_a_prack(ANSWER, 11900), 183);
    kit_run(k, 200);
    ua_expect(&phone[0], 504);
    ua_expect_request(&phone[2], SIP_CANCEL);
    final(&phone[2], 487, NULL);
    kit_assert_empty(k);
}

Test(prack, a_queued_caller_that_acknowledges_no_ringing_is_504_after_64_t1_rfc3262_3)
{
    cr_assert_eq(rings_in_a_queue_without_a_prack(NULL, 11900), 183);
    kit_run(k, 200);
    ua_expect(&phone[0], 504);
    kit_run(k, 1000);
    cr_assert_eq(kit_counter(k, "no_prack"), 1);
}

/* A 481 would end the call at the caller (RFC 5057 5.1): its dialog goes on with the next phone. */
Test(prack, of_a_target_that_has_gone_is_200_in_the_dialog_that_goes_on_rfc3262_3)
{
    uint32_t n;

    call_with(&phone[3], SIP_H_SUPPORTED, &phone[0], "6000", OFFER);
    provisional(&phone[0], 180, 1, NULL);
    ua_expect(&phone[3], 180);
    n = rseq(&phone[3]);
    final(&phone[0], 486, NULL);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_remember(&phone[1]);
    provisional(&phone[1], 180, 1, NULL);
    ua_expect_nothing(&phone[3]);
    prack(&phone[3], n, invite_cseq(&phone[3]), NULL);
    ua_expect(&phone[3], 200);
    cr_assert(!ua_has_request(&phone[1], SIP_PRACK));
    provisional(&phone[1], 180, 1, NULL); /* repeated, as nobody acknowledged it */
    ua_expect(&phone[3], 180);
    cr_assert_eq(rseq(&phone[3]), n + 1);
    prack(&phone[3], n + 1, invite_cseq(&phone[3]), NULL);
    expect_prack(&phone[1], 1);
    ua_reply(&phone[1], 200, NULL);
    ua_expect(&phone[3], 200);
    answered(&phone[3], &phone[1], ANSWER);
    hang_up(&phone[3], &phone[1]);
}

/* It has acknowledged a response of ours: whatever becomes of the target, 481 would end the call.
 */
Test(prack, under_way_to_a_target_that_goes_is_200_rfc3262_3)
{
    call_with(&phone[3], SIP_H_SUPPORTED, &phone[0], "6000", OFFER);
    provisional(&phone[0], 180, 1, NULL);
    ua_expect(&phone[3], 180);
    prack(&phone[3], rseq(&phone[3]), invite_cseq(&phone[3]), NULL);
    expect_prack(&phone[0], 1);
    final(&phone[0], 486, NULL);
    ua_expect(&phone[3], 200);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_remember(&phone[1]);
    answered(&phone[3], &phone[1], ANSWER);
    hang_up(&phone[3], &phone[1]);
}

/* Its offer gets no answer. */
Test(prack, with_an_offer_under_way_to_a_target_that_goes_is_500_rfc3262_5)
{
    call_with(&phone[3], SIP_H_SUPPORTED, &phone[0], "6000", OFFER);
    provisional(&phone[0], 183, 1, ANSWER);
    ua_expect(&phone[3], 183);
    prack(&phone[3], rseq(&phone[3]), invite_cseq(&phone[3]), SECOND);
    expect_prack(&phone[0], 1);
    final(&phone[0], 486, NULL);
    ua_expect(&phone[3], 500);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_remember(&phone[1]);
    phone[3].dialog.state = SIP_DIALOG_NONE;
    answered(&phone[3], &phone[1], ANSWER);
    hang_up(&phone[3], &phone[1]);
}

/* It was on its way when the branch went (RFC 3261 13.2.2.4). */
Test(prack, of_a_branch_that_has_gone_is_200_rfc3262_3)
{
    uint32_t n;

    call_with(&phone[3], SIP_H_SUPPORTED, &phone[0], "6000", OFFER);
    provisional(&phone[0], 183, 1, ANSWER);
    ua_expect(&phone[3], 183);
    n = rseq(&phone[3]);
    final(&phone[0], 486, NULL);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_remember(&phone[1]);
    prack(&phone[3], n, invite_cseq(&phone[3]), NULL);
    ua_expect(&phone[3], 200);
    prack(&phone[3], n, invite_cseq(&phone[3]) + 9, NULL);
    ua_expect(&phone[3], 481);
    prack(&phone[3], n, invite_cseq(&phone[3]), SECOND);
    ua_expect(&phone[3], 481);
    phone[3].dialog.state = SIP_DIALOG_NONE;
    provisional(&phone[1], 183, 1, ANSWER);
    ua_expect(&phone[3], 183);
    prack(&phone[3], rseq(&phone[3]), invite_cseq(&phone[3]), NULL);
    expect_prack(&phone[1], 1);
    ua_reply(&phone[1], 200, NULL);
    ua_expect(&phone[3], 200);
    answered(&phone[3], &phone[1], NULL);
    hang_up(&phone[3], &phone[1]);
}

/* Our own response, which waits for its PRACK, was of the branch that has gone. */
Test(prack, of_a_branch_that_has_gone_is_awaited_no_more_rfc3262_3)
{
    call_with(&phone[3], SIP_H_REQUIRE, &phone[0], "6000", OFFER);
    provisional(&phone[0], 183, 1, ANSWER);
    ua_expect(&phone[3], 183);
    prack(&phone[3], rseq(&phone[3]), invite_cseq(&phone[3]), NULL);
    expect_prack(&phone[0], 1);
    ua_reply(&phone[0], 200, NULL);
    ua_expect(&phone[3], 200);
    provisional(&phone[0], 180, 0, NULL);
    ua_expect(&phone[3], 180);
    final(&phone[0], 486, NULL);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_remember(&phone[1]);
    provisional(&phone[1], 100, 0, NULL);
    kit_run(k, 33000);
    cr_assert_eq(ua_status(&phone[3]), 0, "no copies of it, and no 504");
    phone[3].dialog.state = SIP_DIALOG_NONE;
    provisional(&phone[1], 180, 0, NULL);
    ua_expect(&phone[3], 180);
    prack(&phone[3], rseq(&phone[3]), invite_cseq(&phone[3]), NULL);
    ua_expect(&phone[3], 200);
    answered(&phone[3], &phone[1], ANSWER);
    hang_up(&phone[3], &phone[1]);
}

/* ---- RFC 3311 ---- */

/* Both have an early dialog with an answer. */
static void early(void)
{
    call_with(&phone[0], SIP_H_SUPPORTED, &phone[1], "101", OFFER);
    provisional(&phone[1], 183, 1, ANSWER);
    ua_expect(&phone[0], 183);
    prack(&phone[0], rseq(&phone[0]), invite_cseq(&phone[0]), NULL);
    expect_prack(&phone[1], 1);
    sip_dialog_confirm(&phone[1].dialog); /* for the kit: its requests may go out */
    ua_reply(&phone[1], 200, NULL);
    ua_expect(&phone[0], 200);
}

Test(prack, update_passes_before_the_answer_both_ways_rfc3311_5)
{
    early();
    ua_request(&phone[0], SIP_UPDATE, SECOND);
    ua_expect_request(&phone[1], SIP_UPDATE);
    cr_assert(ua_body_is(&phone[1], SECOND));
    cr_assert(sip_msg_header(&phone[1].msg, SIP_H_SESSION_EXPIRES) == NULL);
    ua_reply(&phone[1], 200, THIRD);
    ua_expect(&phone[0], 200);
    cr_assert(ua_body_is(&phone[0], THIRD));
    ua_request(&phone[1], SIP_UPDATE, ANSWER);
    ua_expect_request(&phone[0], SIP_UPDATE);
    cr_assert(ua_body_is(&phone[0], ANSWER));
    ua_reply(&phone[0], 200, OFFER);
    ua_expect(&phone[1], 200);
    cr_assert(ua_body_is(&phone[1], OFFER));
    answered(&phone[0], &phone[1], NULL);
    hang_up(&phone[0], &phone[1]);
}

Test(prack, updates_that_overlap_are_500_with_retry_after_rfc3311_5_2)
{
    unsigned seconds;

    early();
    ua_request(&phone[0], SIP_UPDATE, SECOND);
    ua_request(&phone[0], SIP_UPDATE, OFFER);
    ua_expect(&phone[0], 500);
    cr_assert_eq(sscanf(ua_header(&phone[0], SIP_H_RETRY_AFTER), "%u", &seconds), 1);
    cr_assert_leq(seconds, 10);
    ua_expect_request(&phone[1], SIP_UPDATE);
    cr_assert(!ua_has_request(&phone[1], SIP_UPDATE));
    ua_reply(&phone[1], 200, THIRD);
    ua_expect(&phone[0], 200);
}

Test(prack, updates_that_cross_are_491_rfc3311_5_2)
{
    early();
    ua_request(&phone[0], SIP_UPDATE, SECOND);
    ua_request(&phone[1], SIP_UPDATE, THIRD);
    ua_expect(&phone[1], 491);
    ua_expect_request(&phone[1], SIP_UPDATE);
    ua_reply(&phone[1], 200, ANSWER);
    ua_expect(&phone[0], 200);
}

Test(prack, an_update_crosses_a_reinvite_rfc3311_5_2)
{
    early();
    answered(&phone[0], &phone[1], NULL);
    ua_request(&phone[0], SIP_INVITE, SECOND);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_request(&phone[1], SIP_UPDATE, THIRD);
    ua_expect(&phone[1], 491);
    ua_request(&phone[0], SIP_UPDATE, OFFER);
    ua_expect(&phone[0], 500);
    ua_reply(&phone[1], 200, ANSWER);
    ua_expect(&phone[0], 200);
    ua_ack(&phone[0], NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    ua_request(&phone[1], SIP_UPDATE, THIRD);
    ua_expect_request(&phone[0], SIP_UPDATE);
    ua_request(&phone[0], SIP_INVITE, SECOND);
    ua_expect(&phone[0], 491);
    ua_reply(&phone[0], 200, OFFER);
    ua_expect(&phone[1], 200);
    hang_up(&phone[0], &phone[1]);
}

/* A refresh without a body needs no offer to be over, and is answered here (RFC 4028 7.4). */
Test(prack, an_update_that_only_refreshes_passes_the_exchange_by_rfc4028_7_4)
{
    early();
    answered(&phone[0], &phone[1], NULL);
    ua_request(&phone[0], SIP_INVITE, SECOND);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_request(&phone[1], SIP_UPDATE, NULL);
    ua_expect(&phone[1], 200);
    cr_assert(sip_msg_header(&phone[1].msg, SIP_H_SESSION_EXPIRES) != NULL);
    ua_expect_nothing(&phone[0]);
}

Test(prack, an_update_out_of_nowhere_is_481_rfc3261_12_2_2)
{
    early();
    cr_assert_eq(sip_dialog_set(&phone[0].dialog, SIP_DIALOG_REMOTE_TAG, SIP_STR("other")), 0);
    ua_request(&phone[0], SIP_UPDATE, SECOND);
    ua_expect(&phone[0], 481);
}

/* Whoever asked has given up as long before as we have: no answer helps (RFC 4320 4.1). */
Test(prack, a_request_that_nobody_answers_gets_no_408_rfc4320_4)
{
    early();
    answered(&phone[0], &phone[1], NULL);
    ua_request(&phone[0], SIP_INFO, NULL);
    ua_expect_request(&phone[1], SIP_INFO);
    kit_run(k, 33000);
    cr_assert_eq(ua_status(&phone[0]), 0);
    cr_assert_eq(kit_counter(k, "drop_unsendable"), 0);
}
