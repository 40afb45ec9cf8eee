/* What crosses, what comes late, and what stands between: forks, CANCEL and 200, re-INVITEs,
 * proxies with Record-Route, in-dialog requests of every method (RFC 3261, 3264, 6026, 4320). */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

#define OFFER  SDP_A
#define ANSWER SDP_B
#define HOLD   "v=0\r\no=a 1 2 IN IP4 10.9.9.1\r\ns=-\r\na=sendonly\r\n"

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

TestSuite(races, .init = setup, .fini = teardown);

static void establish(struct ua *a, struct ua *b)
{
    ua_expect_request(b, SIP_INVITE);
    ua_remember(b);
    ua_reply(b, 200, ANSWER);
    ua_expect(a, 200);
    ua_ack(a, NULL);
    ua_expect_request(b, SIP_ACK);
}

static void hang_up(struct ua *a, struct ua *b)
{
    ua_request(a, SIP_BYE, NULL);
    ua_expect(a, 200);
    ua_expect_request(b, SIP_BYE);
    ua_reply(b, 200, NULL);
    kit_assert_empty(k);
}

static void as_fork(struct ua *u, const char *tag, unsigned status, const char *body)
{
    char own[32];

    snprintf(own, sizeof(own), "%s", u->tag);
    snprintf(u->tag, sizeof(u->tag), "%s", tag);
    ua_recall(u);
    ua_reply(u, status, body);
    snprintf(u->tag, sizeof(u->tag), "%s", own);
}

/* ---- forks ---- */

Test(races, a_second_fork_that_answers_is_acknowledged_and_released_rfc3261_13_2_2_4)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    as_fork(&phone[1], "fork2", 200, ANSWER);
    ua_expect_request(&phone[1], SIP_ACK);
    cr_assert(sip_str_eq(phone[1].msg.to.tag, SIP_STR("fork2")));
    ua_expect_request(&phone[1], SIP_BYE);
    cr_assert(sip_str_eq(phone[1].msg.to.tag, SIP_STR("fork2")));
    ua_reply(&phone[1], 200, NULL);
    cr_assert_eq(kit_status(k).calls, 1, "the call of the first fork goes on");
    hang_up(&phone[0], &phone[1]);
}

Test(races, the_fork_that_answers_need_not_be_the_one_that_rang_rfc3261_13_2_2_4)
{
    char early[64];

    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_remember(&phone[1]);
    as_fork(&phone[1], "fork1", 183, ANSWER);
    ua_expect(&phone[0], 183);
    cr_assert_eq(sip_str_copy(phone[0].msg.to.tag, early, sizeof(early)), 0);
    sip_dialog_restart(&phone[0].dialog);
    as_fork(&phone[1], phone[1].tag, 200, ANSWER);
    ua_expect(&phone[0], 200);
    cr_assert(!sip_str_eq(phone[0].msg.to.tag, sip_str_of(early)),
              "another answer to the offer is of another dialog");
    ua_ack(&phone[0], NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    hang_up(&phone[0], &phone[1]);
}

/* ---- CANCEL ---- */

Test(races, a_200_long_after_the_cancel_is_acknowledged_and_released_rfc3261_9_1)
{
    ua_call(&phone[0], "101", OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_remember(&phone[1]);
    ua_reply(&phone[1], 180, NULL);
    ua_expect(&phone[0], 180);
    ua_cancel(&phone[0]);
    ua_expect(&phone[0], 200);
    ua_expect(&phone[0], 487);
    ua_expect_request(&phone[1], SIP_CANCEL);
    ua_reply(&phone[1], 200, NULL);
    kit_run(k, 20000);
    ua_recall(&phone[1]);
    ua_reply(&phone[1], 200, ANSWER);
    ua_expect_request(&phone[1], SIP_ACK);
    ua_expect_request(&phone[1], SIP_BYE);
    ua_reply(&phone[1], 200, NULL);
    kit_assert_empty(k);
}

/* ---- re-INVITE ---- */

Test(races, a_retrieve_that_is_refused_leaves_the_call_on_hold_rfc3261_14_1)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    ua_request(&phone[0], SIP_INVITE, HOLD);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert(ua_body_is(&phone[1], HOLD));
    ua_reply(&phone[1], 200, ANSWER);
    ua_expect(&phone[0], 200);
    ua_ack(&phone[0], NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    ua_request(&phone[0], SIP_INVITE, OFFER);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 488, NULL);
    ua_expect(&phone[0], 488);
    ua_expect_request(&phone[1], SIP_ACK);
    cr_assert_eq(kit_status(k).calls, 1);
    ua_request(&phone[0], SIP_INVITE, OFFER); /* and may be tried again */
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 200, ANSWER);
    ua_expect(&phone[0], 200);
    ua_ack(&phone[0], NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    hang_up(&phone[0], &phone[1]);
}

Test(races, a_reinvite_while_another_runs_is_491_the_other_way_and_500_the_same_way_rfc3261_14_2)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    ua_request(&phone[1], SIP_INVITE, HOLD);
    ua_request(&phone[0], SIP_INVITE, OFFER);
    ua_expect(&phone[0], 491);
    ua_request(&phone[1], SIP_INVITE, HOLD);
    ua_expect(&phone[1], 500);
    cr_assert(sip_msg_header(&phone[1].msg, SIP_H_RETRY_AFTER) != NULL);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_reply(&phone[0], 491, NULL); /* the party itself may see the crossing, too */
    ua_expect(&phone[1], 491);
    hang_up(&phone[0], &phone[1]);
}

/* ---- offers and answers pass untouched (RFC 3264) ---- */

Test(races, an_offer_of_the_called_party_and_the_answer_in_the_ack_pass_byte_for_byte_rfc3264_4)
{
    static const char odd[] =
        "v=0\no=- 1 1 IN IP6 2001:db8::1\r\ns= \r\nt=0 0\r\nm=audio 0 RTP/AVP\r\n"
        "a=x-unknown:\xff\xfe \t\r\n\r\n\r\n";

    ua_call(&phone[0], "101", NULL);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert(sip_str_empty(phone[1].msg.body));
    ua_reply(&phone[1], 200, odd);
    ua_expect(&phone[0], 200);
    cr_assert(ua_body_is(&phone[0], odd));
    ua_ack(&phone[0], odd);
    ua_expect_request(&phone[1], SIP_ACK);
    cr_assert(ua_body_is(&phone[1], odd));
    hang_up(&phone[0], &phone[1]);
}

/* ---- proxies in the path ---- */

Test(races, requests_to_either_party_go_through_the_proxies_in_its_path_rfc3261_12_2_1_1)
{
    struct ua p1 = ua_at(k, "10.7.0.1", 5070, "p1"), p2 = ua_at(k, "10.7.0.2", 5060, "p2");

    ua_says(&gw, SIP_H_RECORD_ROUTE, "<sip:10.7.0.1:5070;lr>, <sip:10.0.1.1;lr>");
    ua_invite(&gw, "101", OFFER);
    ua_is_silent(&gw);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_remember(&phone[1]);
    cr_assert(sip_msg_header(&phone[1].msg, SIP_H_RECORD_ROUTE) == NULL, "routes are of one leg");
    ua_says(&phone[1], SIP_H_RECORD_ROUTE, "<sip:10.9.0.9;lr>, <sip:10.7.0.2;lr>");
    ua_reply(&phone[1], 200, ANSWER);
    ua_is_silent(&phone[1]);
    ua_expect(&gw, 200);
    cr_assert_str_eq(ua_header(&gw, SIP_H_RECORD_ROUTE),
                     "<sip:10.7.0.1:5070;lr>, <sip:10.0.1.1;lr>");
    ua_ack(&gw, NULL);
    ua_expect_request(&p2, SIP_ACK);
    cr_assert_str_eq(ua_header(&p2, SIP_H_ROUTE), "<sip:10.7.0.2;lr>, <sip:10.9.0.9;lr>");
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect(&phone[1], 200);
    ua_expect_request(&p1, SIP_BYE);
    cr_assert_str_eq(ua_header(&p1, SIP_H_ROUTE), "<sip:10.7.0.1:5070;lr>, <sip:10.0.1.1;lr>");
    cr_assert(sip_str_eq(p1.msg.uri_text, SIP_STR("sip:+491234@10.0.1.1:5060")));
    ua_reply(&p1, 200, NULL);
    kit_assert_empty(k);
}

/* A route set as long as can be: BEFORE, the long one, BEHIND. */
static const char *long_routes(char text[SIP_ROUTES_MAX + 1], const char *before,
                               const char *behind)
{
    int len = snprintf(text, SIP_ROUTES_MAX + 1, "%s<sip:10.9.0.9;lr;x=", before);

    memset(text + len, 'x', SIP_ROUTES_MAX - (size_t)len);
    snprintf(text + SIP_ROUTES_MAX - 1 - strlen(behind), strlen(behind) + 2, ">%s", behind);
    return text;
}

Test(races, the_longest_route_sets_are_kept_of_both_parties_and_of_two_calls_at_once)
{
    char a[SIP_ROUTES_MAX + 1], b[SIP_ROUTES_MAX + 1];
    struct ua p1 = ua_at(k, "10.7.0.1", 5070, "p1"), p2 = ua_at(k, "10.7.0.2", 5060, "p2");
    struct ua plain = ua_at(k, "10.0.1.1", 5060, "+49555");

    ua_says(&gw, SIP_H_RECORD_ROUTE, long_routes(a, "<sip:10.7.0.1:5070;lr>, ", ""));
    ua_invite(&gw, "101", OFFER);
    ua_is_silent(&gw);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_says(&phone[1], SIP_H_RECORD_ROUTE, long_routes(b, "", ", <sip:10.7.0.2;lr>"));
    ua_reply(&phone[1], 200, ANSWER);
    ua_is_silent(&phone[1]);
    ua_expect(&gw, 200);
    ua_ack(&gw, NULL);
    ua_expect_request(&p2, SIP_ACK);
    ua_invite(&plain, "100", OFFER); /* its legs are beside those */
    establish(&plain, &phone[0]);
    cr_assert_eq(strlen(ua_header(&p2, SIP_H_ROUTE)), SIP_ROUTES_MAX);
    ua_request(&gw, SIP_INFO, NULL);
    ua_expect_request(&p2, SIP_INFO);
    cr_assert(
        strncmp(ua_header(&p2, SIP_H_ROUTE), "<sip:10.7.0.2;lr>, <sip:10.9.0.9;lr;x=xxx", 41) == 0,
        "reversed (12.1.2)");
    cr_assert_eq(strlen(ua_header(&p2, SIP_H_ROUTE)), SIP_ROUTES_MAX);
    ua_reply(&p2, 200, NULL);
    ua_expect(&gw, 200);
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect(&phone[1], 200);
    ua_expect_request(&p1, SIP_BYE);
    cr_assert_str_eq(ua_header(&p1, SIP_H_ROUTE), a);
    cr_assert(sip_str_eq(p1.msg.uri_text, SIP_STR("sip:+491234@10.0.1.1:5060")));
    ua_reply(&p1, 200, NULL);
    hang_up(&plain, &phone[0]);
}

Test(races, a_strict_router_sees_itself_in_the_request_uri_rfc3261_12_2_1_1)
{
    struct ua strict = ua_at(k, "10.7.0.1", 5070, "strict");

    ua_says(&gw, SIP_H_RECORD_ROUTE, "<sip:10.7.0.1:5070>, <sip:10.0.1.1;lr>");
    ua_invite(&gw, "101", OFFER);
    ua_is_silent(&gw);
    establish(&gw, &phone[1]);
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect(&phone[1], 200);
    ua_expect_request(&strict, SIP_BYE);
    cr_assert(sip_str_eq(strict.msg.uri_text, SIP_STR("sip:10.7.0.1:5070")));
    cr_assert_str_eq(ua_header(&strict, SIP_H_ROUTE),
                     "<sip:10.0.1.1;lr>, <sip:+491234@10.0.1.1:5060>");
    ua_reply(&strict, 200, NULL);
    kit_assert_empty(k);
}

Test(races, a_contact_with_headers_is_a_target_without_them_rfc3261_19_1_1)
{
    static const char invite[] =
        "INVITE sip:101@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
        "10.0.1.1:5060;branch=z9hG4bKheaders\r\n"
        "From: <sip:1@y>;tag=1\r\nTo: <sip:101@10.0.0.1>\r\nCall-ID: headers\r\nCSeq: 1 INVITE\r\n"
        "Contact: <sip:me@10.0.1.1:5060;x=y?Subject=hi&Replaces=z>\r\nMax-Forwards: 70\r\n\r\n";
    static const char ack[] =
        "ACK sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKack\r\n"
        "From: <sip:1@y>;tag=1\r\nTo: <sip:101@10.0.0.1>;tag=%.*s\r\nCall-ID: headers\r\n"
        "CSeq: 1 ACK\r\nMax-Forwards: 70\r\n\r\n";
    char text[1024];

    ua_send(&gw, invite, strlen(invite));
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 200, ANSWER);
    cr_assert(ua_take(&gw, false));
    cr_assert_eq(gw.msg.status, 200);
    snprintf(text, sizeof(text), ack, (int)gw.msg.to.tag.len, gw.msg.to.tag.p);
    ua_send(&gw, text, strlen(text));
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect(&phone[1], 200);
    ua_expect_request(&gw, SIP_BYE);
    cr_assert(sip_str_eq(gw.msg.uri_text, SIP_STR("sip:me@10.0.1.1:5060;x=y")));
    ua_reply(&gw, 200, NULL);
    kit_assert_empty(k);
}

Test(races, ipv6_parties_call_each_other_rfc5118)
{
    struct ua six = ua_at(k, "2001:db8::7", 5060, "103");

    cr_assert_eq(ua_register(&six, "pw", 3600), 200);
    ua_call(&phone[0], "103", OFFER);
    ua_expect_request(&six, SIP_INVITE);
    cr_assert(sip_str_eq(six.msg.uri_text, SIP_STR("sip:103@[2001:db8::7]:5060")));
    ua_reply(&six, 200, ANSWER);
    ua_expect(&phone[0], 200);
    ua_ack(&phone[0], NULL);
    ua_expect_request(&six, SIP_ACK);
    hang_up(&six, &phone[0]);
}

/* ---- in-dialog requests of every method ---- */

Test(races, info_with_its_package_and_message_pass_with_their_bodies_rfc6086_rfc3428)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    ua_says(&phone[0], SIP_H_CONTENT_DISPOSITION, "Info-Package");
    ua_request(&phone[0], SIP_INFO, "Signal=5\r\nDuration=160\r\n");
    ua_is_silent(&phone[0]);
    ua_expect_request(&phone[1], SIP_INFO);
    cr_assert(ua_body_is(&phone[1], "Signal=5\r\nDuration=160\r\n"));
    cr_assert_str_eq(ua_header(&phone[1], SIP_H_CONTENT_DISPOSITION), "Info-Package");
    cr_assert(sip_msg_header(&phone[1].msg, SIP_H_CONTACT) == NULL);
    ua_reply(&phone[1], 200, NULL);
    ua_expect(&phone[0], 200);
    ua_request(&phone[1], SIP_MESSAGE, "hello");
    ua_expect_request(&phone[0], SIP_MESSAGE);
    cr_assert(ua_body_is(&phone[0], "hello"));
    ua_reply(&phone[0], 415, NULL);
    ua_expect(&phone[1], 415);
    hang_up(&phone[0], &phone[1]);
}

Test(races, options_in_a_dialog_tells_whether_there_is_one_rfc3261_11_2)
{
    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    ua_request(&phone[1], SIP_OPTIONS, NULL);
    ua_expect(&phone[1], 200);
    cr_assert(strstr(ua_header(&phone[1], SIP_H_ALLOW), "PRACK") != NULL);
    ua_expect_nothing(&phone[0]);
    hang_up(&phone[0], &phone[1]);
    ua_request(&phone[1], SIP_OPTIONS, NULL);
    ua_expect(&phone[1], 481);
}

Test(races, an_unknown_method_is_501_and_one_that_nobody_passes_405_with_allow_rfc3261_8_2_1)
{
    struct sip_str id, to;
    char text[1024];
    int n;

    ua_call(&phone[0], "101", OFFER);
    establish(&phone[0], &phone[1]);
    id = sip_dialog_text(&phone[0].dialog, SIP_DIALOG_CALL_ID);
    to = sip_dialog_text(&phone[0].dialog, SIP_DIALOG_REMOTE_TAG);
    ua_request(&phone[0], SIP_PUBLISH, NULL);
    ua_expect(&phone[0], 405);
    cr_assert(strstr(ua_header(&phone[0], SIP_H_ALLOW), "MESSAGE") != NULL);
    n = snprintf(text, sizeof(text),
                 "FROBNICATE sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
                 "10.1.0.100:5060;branch=z9hG4bKfrob\r\nFrom: <sip:100@10.0.0.1>;tag=%s\r\n"
                 "To: <sip:101@10.0.0.1>;tag=%.*s\r\nCall-ID: %.*s\r\nCSeq: 4711 FROBNICATE\r\n"
                 "Max-Forwards: 70\r\n\r\n",
                 phone[0].tag, (int)to.len, to.p, (int)id.len, id.p);
    ua_send(&phone[0], text, (size_t)n);
    ua_expect(&phone[0], 501);
    hang_up(&phone[0], &phone[1]);
}
