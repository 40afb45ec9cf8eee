/* Calls between two parties: every kind, release by each side, CANCEL in each state and its races,
 * requests inside. */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

#define OFFER  SDP_A
#define ANSWER SDP_B

static struct kit *k;
static struct ua phone[10], gw;

static void setup(void)
{
    k = kit_house(NULL);
    phones_register(k, phone, 100, 3);
    gw = ua_at(k, "10.0.1.1", 5060, "+491234");
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

/* A calls B, B rings and answers, all acknowledged. */
static void establish(struct ua *a, struct ua *b)
{
    ua_expect_request(b, SIP_INVITE);
    cr_assert(ua_body_is(b, OFFER), "the offer is untouched");
    ua_reply(b, 180, NULL);
    ua_expect(a, 180);
    ua_reply(b, 200, ANSWER);
    ua_expect(a, 200);
    cr_assert(ua_body_is(a, ANSWER), "the answer is untouched");
    ua_ack(a, NULL);
    ua_expect_request(b, SIP_ACK);
}

/* X releases, Y is told, nothing is left. */
static void release(struct ua *x, struct ua *y)
{
    ua_request(x, SIP_BYE, NULL);
    ua_expect(x, 200);
    ua_expect_request(y, SIP_BYE);
    ua_reply(y, 200, NULL);
    cr_assert_eq(kit_status(k).calls, 0);
    cr_assert_eq(kit_calls_told(k, SC_CALL_RELEASED), 1);
}

TestSuite(call, .init = setup, .fini = teardown);

/* Nobody can acknowledge an answer that does not say where its sender is (RFC 3261 12.1.1). */
Test(call, an_answer_without_a_contact_is_refused_and_leaves_nothing)
{
    char data[4096];
    struct sip_reply reply = {.status = 200, .to_tag = SIP_STR("x")};
    struct sip_msg request;
    struct sip_buf b;

    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    sip_msg_parse(phone[1].request, phone[1].request_len, &request);
    sip_buf_init(&b, data, sizeof(data));
    cr_assert_eq(sip_build_response(&b, &request, NULL, &reply), 0);
    ua_send(&phone[1], data, b.len);
    ua_expect(&phone[0], 502);
    kit_assert_empty(k);
}

Test(call, extension_to_extension_released_by_the_caller)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    cr_assert_eq(kit_status(k).calls, 1);
    kit_run(k, 61000);
    release(&phone[0], &phone[1]);
    cr_assert_eq(kit_last_call(k, SC_CALL_RELEASED)->talk_ms, 61000);
    cr_assert_str_eq(kit_last_call(k, SC_CALL_RELEASED)->dn, "101");
    cr_assert_str_eq(kit_last_call(k, SC_CALL_RELEASED)->caller, "100");
    kit_assert_empty(k);
}

Test(call, extension_to_extension_released_by_the_called_party)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    release(&phone[1], &phone[0]);
    kit_assert_empty(k);
}

Test(call, gateway_to_extension)
{
    ua_invite(&gw, "101", OFFER);
    establish(&gw, &phone[1]);
    release(&gw, &phone[1]);
    cr_assert_str_eq(kit_last_call(k, SC_CALL_RELEASED)->caller, "+491234");
}

Test(call, extension_to_gateway_by_prefix)
{
    ua_call(&phone[0], "90123", OFFER);
    establish(&phone[0], &gw);
    release(&gw, &phone[0]);
}

Test(call, a_gateway_may_not_dial_out_again)
{
    ua_invite(&gw, "90123", OFFER);
    ua_expect(&gw, 404);
    cr_assert_eq(kit_calls_told(k, SC_CALL_FAILED), 1);
    kit_assert_empty(k);
}

Test(call, a_stranger_is_challenged_and_refused)
{
    struct ua stranger = ua_at(k, "10.66.6.6", 5060, "777");

    ua_invite(&stranger, "101", OFFER);
    ua_expect(&stranger, 401);
    cr_assert_eq(kit_status(k).calls, 0);
    ua_expect_nothing(&phone[1]);
}

Test(call, unknown_number_is_404_and_phone_out_of_service_is_480)
{
    ua_call(&phone[0], "888", OFFER);
    ua_expect(&phone[0], 404);
    ua_call(&phone[0], "109", OFFER);
    ua_expect(&phone[0], 480);
    cr_assert_eq(kit_counter(k, "drop_not_found"), 1);
    kit_assert_empty(k);
}

Test(call, an_escaped_digit_is_the_digit_rfc3261_19_1_4)
{
    ua_call(&phone[0], "1%301", OFFER);
    establish(&phone[0], &phone[1]);
    release(&phone[0], &phone[1]);
    ua_call(&phone[0], "1%2301", OFFER); /* 1#01 */
    ua_expect(&phone[0], 404);
}

Test(call, busy_and_decline_are_passed_on)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 486, NULL);
    ua_expect(&phone[0], 486);
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_ACK);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 603, NULL);
    ua_expect(&phone[0], 603);
    kit_assert_empty(k);
}

Test(call, redirection_without_a_contact_is_a_refusal)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 302, NULL);
    ua_expect(&phone[0], 480);
    kit_assert_empty(k);
}

/* 503 or 408 would make the gateway believe that the site is dead. */
Test(call, a_target_out_of_order_does_not_look_like_a_dead_site)
{
    ua_invite(&gw, "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 503, NULL);
    ua_expect(&gw, 480);
    ua_invite(&gw, "102", OFFER);
    ua_expect_request(&phone[2], SIP_INVITE);
    kit_run(k, 40000);
    ua_expect(&gw, 480);
    kit_assert_empty(k);
}

static void cancelled(struct ua *a)
{
    ua_expect(a, 200); /* the CANCEL */
    ua_expect(a, 487); /* the INVITE */
    cr_assert_eq(kit_calls_told(k, SC_CALL_ABANDONED), 1);
}

Test(call, cancel_before_any_answer_waits_for_a_provisional_one)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_cancel(&phone[0]);
    cancelled(&phone[0]);
    ua_expect_nothing(&phone[1]);
    ua_reply(&phone[1], 180, NULL);
    ua_expect_request(&phone[1], SIP_CANCEL);
    ua_reply(&phone[1], 200, NULL);
    kit_assert_empty(k);
}

Test(call, cancel_while_ringing)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_remember(&phone[1]);
    ua_reply(&phone[1], 180, NULL);
    ua_expect(&phone[0], 180);
    ua_cancel(&phone[0]);
    cancelled(&phone[0]);
    ua_expect_request(&phone[1], SIP_CANCEL);
    ua_reply(&phone[1], 200, NULL);
    ua_recall(&phone[1]);
    ua_reply(&phone[1], 487, NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    cr_assert_eq(kit_status(k).calls, 0);
}

Test(call, cancel_crossing_the_200_releases_the_called_party)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_remember(&phone[1]);
    ua_reply(&phone[1], 180, NULL);
    ua_expect(&phone[0], 180);
    ua_cancel(&phone[0]);
    cancelled(&phone[0]);
    ua_expect_request(&phone[1], SIP_CANCEL);
    ua_recall(&phone[1]);
    ua_reply(&phone[1], 200, ANSWER);
    ua_expect_request(&phone[1], SIP_ACK);
    ua_expect_request(&phone[1], SIP_BYE);
    ua_reply(&phone[1], 200, NULL);
    cr_assert_eq(kit_calls_told(k, SC_CALL_ANSWERED), 0);
    kit_assert_empty(k);
}

Test(call, cancel_after_the_200_changes_nothing)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 200, ANSWER);
    ua_cancel(&phone[0]);
    ua_expect(&phone[0], 200); /* of the INVITE */
    ua_ack(&phone[0], NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    cr_assert_eq(kit_status(k).calls, 1);
    cr_assert_eq(kit_calls_told(k, SC_CALL_ABANDONED), 0);
}

Test(call, answer_never_acknowledged_is_released_at_both_ends)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 200, ANSWER);
    ua_expect(&phone[0], 200);
    kit_run(k, 40000);
    while (!ua_has_request(&phone[0], SIP_BYE) && ua_take(&phone[0], false))
        ;
    ua_expect_request(&phone[0], SIP_BYE);
    ua_reply(&phone[0], 200, NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    ua_expect_request(&phone[1], SIP_BYE);
    ua_reply(&phone[1], 200, NULL);
    kit_assert_empty(k);
}

/* RFC 3261 15: the callee's BYE must wait for the ACK of its answer on the caller's side. */
Test(call, called_party_releases_before_the_ack_is_here)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 200, ANSWER);
    ua_expect(&phone[0], 200);
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect(&phone[1], 200);
    ua_expect_nothing(&phone[0]);
    ua_ack(&phone[0], NULL);
    ua_expect_request(&phone[0], SIP_BYE);
    ua_reply(&phone[0], 200, NULL);
    kit_assert_empty(k);
}

Test(call, byes_that_cross_are_both_answered_200)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    ua_request(&phone[0], SIP_BYE, NULL);
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect(&phone[0], 200);
    ua_expect(&phone[1], 200);
    ua_expect_request(&phone[1], SIP_BYE);
    ua_reply(&phone[1], 200, NULL);
    ua_expect_nothing(&phone[0]);
    cr_assert_eq(kit_calls_told(k, SC_CALL_RELEASED), 1);
    kit_assert_empty(k);
}

Test(call, unknown_dialog_is_481)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    release(&phone[0], &phone[1]);
    ua_request(&phone[0], SIP_BYE, NULL);
    ua_expect(&phone[0], 481);
    ua_request(&phone[1], SIP_INVITE, OFFER);
    ua_expect(&phone[1], 481);
    kit_assert_empty(k);
}

Test(call, a_repeated_200_gets_its_ack_again)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_remember(&phone[1]);
    ua_reply(&phone[1], 200, ANSWER);
    ua_expect(&phone[0], 200);
    ua_ack(&phone[0], NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    ua_recall(&phone[1]);
    ua_reply(&phone[1], 200, ANSWER);
    ua_expect_request(&phone[1], SIP_ACK);
    ua_expect_nothing(&phone[0]);
}

/* The offer in the 200, the answer in the ACK. */
/* RFC 3326 2: why a party ended the call is told to the other; a BYE without Reason gets none. */
Test(call, the_reason_of_a_bye_is_passed_on)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    ua_says(&phone[0], SIP_H_REASON, "Q.850;cause=16;text=\"Normal call clearing\"");
    ua_request(&phone[0], SIP_BYE, NULL);
    ua_is_silent(&phone[0]);
    ua_expect(&phone[0], 200);
    ua_expect_request(&phone[1], SIP_BYE);
    cr_assert_str_eq(ua_header(&phone[1], SIP_H_REASON),
                     "Q.850;cause=16;text=\"Normal call clearing\"");
    ua_reply(&phone[1], 200, NULL);
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect(&phone[1], 200);
    ua_expect_request(&phone[0], SIP_BYE);
    cr_assert_str_eq(ua_header(&phone[0], SIP_H_REASON), "");
    ua_reply(&phone[0], 200, NULL);
    kit_assert_empty(k);
}

Test(call, late_offer_passes_through_and_its_ack_can_be_repeated)
{
    ua_call(&phone[0], "101", NULL);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert(ua_body_is(&phone[1], ""));
    ua_remember(&phone[1]);
    ua_reply(&phone[1], 200, OFFER);
    ua_expect(&phone[0], 200);
    cr_assert(ua_body_is(&phone[0], OFFER));
    ua_ack(&phone[0], ANSWER);
    ua_expect_request(&phone[1], SIP_ACK);
    cr_assert(ua_body_is(&phone[1], ANSWER));
    ua_recall(&phone[1]);
    ua_reply(&phone[1], 200, OFFER);
    ua_expect_request(&phone[1], SIP_ACK);
    cr_assert(ua_body_is(&phone[1], ANSWER));
}

static void reinvite(struct ua *x, struct ua *y)
{
    ua_request(x, SIP_INVITE, "v=0\r\nhold\r\n");
    ua_expect_request(y, SIP_INVITE);
    cr_assert(ua_body_is(y, "v=0\r\nhold\r\n"));
    ua_reply(y, 200, "v=0\r\nheld\r\n");
    ua_expect(x, 200);
    cr_assert(ua_body_is(x, "v=0\r\nheld\r\n"));
    ua_ack(x, NULL);
    ua_expect_request(y, SIP_ACK);
}

Test(call, reinvite_passes_both_ways)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    reinvite(&phone[0], &phone[1]);
    reinvite(&phone[1], &phone[0]);
    reinvite(&phone[0], &phone[1]);
    release(&phone[0], &phone[1]);
}

Test(call, a_refused_reinvite_leaves_the_call_up)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    ua_request(&phone[0], SIP_INVITE, OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 488, NULL);
    ua_expect(&phone[0], 488);
    ua_expect_request(&phone[1], SIP_ACK);
    reinvite(&phone[1], &phone[0]);
    release(&phone[0], &phone[1]);
}

Test(call, reinvites_that_cross_are_491)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    ua_request(&phone[0], SIP_INVITE, OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_request(&phone[1], SIP_INVITE, OFFER);
    ua_expect(&phone[1], 491);
}

Test(call, bye_crosses_a_reinvite)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    ua_request(&phone[0], SIP_INVITE, OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect(&phone[1], 200);
    ua_expect(&phone[0], 487); /* the re-INVITE */
    ua_expect_request(&phone[0], SIP_BYE);
    ua_reply(&phone[0], 200, NULL);
    kit_assert_empty(k);
}

Test(call, update_and_info_pass_through)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    ua_request(&phone[0], SIP_UPDATE, "v=0\r\nu\r\n");
    ua_expect_request(&phone[1], SIP_UPDATE);
    cr_assert(ua_body_is(&phone[1], "v=0\r\nu\r\n"));
    ua_reply(&phone[1], 200, "v=0\r\nuu\r\n");
    ua_expect(&phone[0], 200);
    cr_assert(ua_body_is(&phone[0], "v=0\r\nuu\r\n"));
    ua_request(&phone[1], SIP_INFO, "Signal=5\r\n");
    ua_expect_request(&phone[0], SIP_INFO);
    cr_assert(ua_body_is(&phone[0], "Signal=5\r\n"));
    ua_reply(&phone[0], 200, NULL);
    ua_expect(&phone[1], 200);
    release(&phone[0], &phone[1]);
}

Test(call, a_party_that_forgot_the_call_releases_the_other)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    ua_request(&phone[0], SIP_INFO, "x");
    ua_expect_request(&phone[1], SIP_INFO);
    ua_reply(&phone[1], 481, NULL);
    ua_expect(&phone[0], 481);
    ua_expect_request(&phone[0], SIP_BYE);
    ua_reply(&phone[0], 200, NULL);
    kit_assert_empty(k);
}

Test(call, an_unsupported_method_is_405_and_an_extension_420)
{
    static const char none[] =
        "INVITE sip:101@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKq\r\n"
        "From: <sip:1@y>;tag=1\r\nTo: <sip:101@10.0.0.1>\r\nCall-ID: q1\r\nCSeq: 1 INVITE\r\n"
        "Contact: <sip:1@10.0.1.1>\r\nRequire: x-none\r\nMax-Forwards: 70\r\n\r\n";
    struct ua g = gw;

    ua_send(&g, none, strlen(none));
    cr_assert(ua_take(&g, false));
    cr_assert_eq(g.msg.status, 420);
    cr_assert(strstr(g.reply, "Unsupported: x-none") != NULL);
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    ua_request(&phone[0], SIP_SUBSCRIBE, NULL);
    ua_expect(&phone[0], 405);
    cr_assert_eq(kit_status(k).calls, 1);
}

/* What the gateway is answered when its INVITE has LINES, and the body "x". */
static unsigned answer_to(struct ua *g, unsigned serial, const char *lines)
{
    char text[1024];
    int n =
        snprintf(text, sizeof(text),
                 "INVITE sip:888@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
                 "10.0.1.1:5060;branch=z9hG4bKt%u\r\nFrom: <sip:1@y>;tag=1\r\n"
                 "To: <sip:888@10.0.0.1>\r\nCall-ID: t%u\r\nCSeq: 1 INVITE\r\n"
                 "Contact: <sip:1@10.0.1.1>\r\nMax-Forwards: 70\r\n%sContent-Length: 1\r\n\r\nx",
                 serial, serial, lines);

    ua_send(g, text, (size_t)n);
    return ua_status(g);
}

Test(call, content_that_nobody_here_reads_is_415_and_406_rfc3261_8_2_3)
{
    struct ua g = gw;

    cr_assert_eq(answer_to(&g, 1, "Content-Type: application/x-flags\r\n"), 415);
    cr_assert(strstr(g.reply, "Accept: application/sdp\r\n") != NULL);
    cr_assert_eq(answer_to(&g, 2, ""), 415);
    cr_assert_eq(answer_to(&g, 3, "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n"),
                 415);
    cr_assert_eq(answer_to(&g, 4, "c: Application/SDP;charset=x\r\nAccept: text/plain\r\n"), 406);
    cr_assert_eq(kit_counter(k, "drop_content"), 4);
    cr_assert_eq(answer_to(&g, 5, "c: application/sdp\r\nAccept: text/plain, */*;q=0.1\r\n"), 404,
                 "understood: there is no such number");
    cr_assert_eq(answer_to(&g, 6, "c: multipart/mixed;boundary=a\r\nAccept: Application/sdp\r\n"),
                 404);
}

Test(call, an_options_that_requires_what_nobody_has_is_420_rfc3261_8_2_2_3)
{
    static const char options[] =
        "OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKo\r\n"
        "From: <sip:1@y>;tag=1\r\nTo: <sip:10.0.0.1>\r\nCall-ID: o1\r\nCSeq: 1 OPTIONS\r\n"
        "Require: sails, oars\r\n\r\n";
    struct ua g = gw;

    ua_send(&g, options, strlen(options));
    cr_assert_eq(ua_status(&g), 420);
    cr_assert(strstr(g.reply, "Unsupported: sails, oars") != NULL);
}

Test(call, a_routing_point_tries_its_targets_in_order)
{
    ua_call(&phone[2], "6000", OFFER);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_reply(&phone[0], 486, NULL);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 603, NULL);
    ua_expect(&phone[2], 182); /* the queue */
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    ua_cancel(&phone[2]);
    cancelled(&phone[2]);
    kit_assert_empty(k);
}

Test(call, the_newest_phone_of_a_number_rings_first_then_the_next)
{
    struct ua second = ua_at(k, "10.1.0.201", 5060, "101");

    cr_assert_eq(ua_register(&second, "pw", 600), 200);
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&second, SIP_INVITE);
    ua_expect_nothing(&phone[1]);
    ua_reply(&second, 480, NULL);
    establish(&phone[0], &phone[1]);
    release(&phone[0], &phone[1]);
}

Test(call, max_forwards_ends_a_loop)
{
    static const char invite[] =
        "INVITE sip:101@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKm\r\n"
        "From: <sip:1@y>;tag=1\r\nTo: <sip:101@10.0.0.1>\r\nCall-ID: m1\r\nCSeq: 1 INVITE\r\n"
        "Contact: <sip:1@10.0.1.1>\r\nMax-Forwards: 0\r\n\r\n";

    ua_send(&gw, invite, strlen(invite));
    cr_assert(ua_take(&gw, false));
    cr_assert_eq(gw.msg.status, 483);
    ua_expect_nothing(&phone[1]);
}

Test(call, calls_beyond_the_table_get_503_with_retry_after)
{
    for (unsigned i = 0; i < 64; i++)
        ua_invite(&gw, "5000", OFFER);
    cr_assert_eq(kit_status(k).calls, 64);
    while (ua_take(&gw, false))
        ;
    ua_invite(&gw, "5000", OFFER);
    cr_assert(ua_take(&gw, false));
    cr_assert_eq(gw.msg.status, 503);
    cr_assert(strstr(gw.reply, "Retry-After: ") != NULL);
    cr_assert_eq(kit_counter(k, "drop_calls_full"), 1);
}

/* ... and so many may have texts as long as can be: there is a place for each leg. */
Test(call, long_texts_never_run_out_of_places)
{
    char routes[SIP_ROUTES_MAX + 1];

    memset(routes, 'x', sizeof(routes));
    memcpy(routes, "<sip:10.0.1.1;lr;x=", 19);
    memcpy(routes + SIP_ROUTES_MAX - 1, ">", 2);
    ua_says(&gw, SIP_H_RECORD_ROUTE, routes);
    for (unsigned i = 0; i < 64; i++)
        ua_invite(&gw, "5000", OFFER);
    cr_assert_eq(kit_status(k).calls, 64);
    while (ua_take(&gw, false))
        cr_assert_lt(gw.msg.status, 300);
    ua_invite(&gw, "5000", OFFER);
    cr_assert(ua_take(&gw, false));
    cr_assert_eq(gw.msg.status, 503);
    cr_assert_eq(kit_counter(k, "drop_calls_full"), 1);
    cr_assert_eq(kit_status(k).calls, 64);
}

/* A renewed role under a new epoch, with no moment as backup, keeps what is there; a lost one
 * forgets it (and is silent). */
Test(call, a_new_epoch_keeps_calls_and_a_lost_role_keeps_them_in_silence)
{
    char id[SC_CALL_ID_SIZE];

    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    snprintf(id, sizeof(id), "%s", kit_last_call(k, SC_CALL_ANSWERED)->call);
    kit_role(k, true, 2);
    ua_request(&phone[0], SIP_INFO, "x");
    ua_expect_request(&phone[1], SIP_INFO);
    ua_reply(&phone[1], 200, NULL);
    ua_expect(&phone[0], 200);
    release(&phone[0], &phone[1]);
    cr_assert_str_eq(kit_last_call(k, SC_CALL_RELEASED)->call, id);
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    kit_forget_caught(k);
    kit_role(k, false, 2);
    kit_run(k, 100000);
    cr_assert_eq(k->caught_n, 0);
    cr_assert_eq(kit_status(k).calls, 1);
    kit_join(k);
    cr_assert_eq(kit_status(k).calls, 0);
    cr_assert_eq(kit_status(k).registrations, 0);
}

Test(call, h_5_a_host_that_gets_its_role_back_goes_on_with_its_calls)
{
    char id[SC_CALL_ID_SIZE];

    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    snprintf(id, sizeof(id), "%s", kit_last_call(k, SC_CALL_ANSWERED)->call);
    kit_role(k, false, 2);
    kit_run(k, 3000);
    kit_role(k, true, 3);
    cr_assert_eq(kit_counter(k, "replica_lost"), 0);
    cr_assert_eq(kit_status(k).calls, 1);
    cr_assert(kit_dn_in(k, "100"), "no phone registers again");
    release(&phone[0], &phone[1]);
    cr_assert_str_eq(kit_last_call(k, SC_CALL_RELEASED)->call, id);
}

/* What the host said last may not have left it. */
Test(call, h_5_a_call_that_rang_when_the_role_went_rings_on_when_it_is_back)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 180, NULL);
    ua_expect(&phone[0], 180);
    kit_role(k, false, 2);
    kit_forget_caught(k);
    kit_run(k, 3000);
    cr_assert_eq(k->caught_n, 0);
    kit_role(k, true, 3);
    ua_reply(&phone[1], 200, OFFER);
    ua_expect(&phone[0], 200);
}

Test(call, h_5_what_was_due_while_nobody_had_the_role_is_done_when_it_is_back)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 180, NULL);
    ua_expect(&phone[0], 180);
    kit_role(k, false, 2);
    kit_run(k, 300000);
    kit_forget_caught(k);
    kit_role(k, true, 3);
    kit_run(k, 1);
    ua_expect_request(&phone[1], SIP_CANCEL);
}
