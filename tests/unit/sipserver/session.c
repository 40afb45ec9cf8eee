/* Session timers (RFC 4028), each leg of a call by itself. */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

#define REINVITED "v=0\r\nhold\r\n"

static struct kit *k;
static struct ua phone[10], gw;

/* The watch of the trunks is not what these tests are about. */
static void quiet(struct kit *house)
{
    house->options.oos_check_ms = house->options.oos_force_ms = 3600000;
}

static void setup(void)
{
    k = kit_house(quiet);
    phones_register(k, phone, 100, 3);
    gw = ua_at(k, "10.0.1.1", 5060, "+491234");
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(session, .init = setup, .fini = teardown);

static void answer(struct ua *a, struct ua *b)
{
    ua_reply(b, 200, SDP_B);
    ua_expect(a, 200);
    ua_ack(a, NULL);
    ua_expect_request(b, SIP_ACK);
}

/* The phone 100 calls 101, whose INVITE it leaves to be looked at. */
static void offer(struct ua *a, struct ua *b)
{
    ua_call(a, b->user, SDP_A);
    ua_expect_request(b, SIP_INVITE);
}

static void supports(struct ua *u)
{
    ua_says(u, SIP_H_SUPPORTED, "timer");
    ua_says(u, SIP_H_ALLOW, "INVITE, ACK, BYE, CANCEL, UPDATE");
}

/* The BYEs of both legs of a call whose session expired. */
static void expect_released(struct ua *a, struct ua *b)
{
    ua_expect_request(a, SIP_BYE);
    ua_reply(a, 200, NULL);
    ua_expect_request(b, SIP_BYE);
    ua_reply(b, 200, NULL);
    cr_assert_str_eq(kit_last_call(k, SC_CALL_RELEASED)->reason, "the session expired");
    cr_assert_eq(kit_counter(k, "sessions_expired"), 1);
    cr_assert_eq(kit_status(k).calls, 0);
    kit_assert_empty(k);
}

/* An INVITE of ours within a dialog makes no other one, whatever tag its answer has.  Found by
 * tests/sim/pair. */
Test(session, a_refresh_of_the_caller_has_no_forks)
{
    char text[1024];
    int n;

    offer(&phone[0], &phone[1]);
    supports(&phone[1]);
    answer(&phone[0], &phone[1]);
    kit_run(k, 900000);
    ua_expect_request(&phone[0], SIP_INVITE);
    n = snprintf(text, sizeof(text), "SIP/2.0 200 OK\r\nVia: %s\r\n",
                 ua_header(&phone[0], SIP_H_VIA));
    n += snprintf(text + n, sizeof(text) - (size_t)n, "From: %s\r\n",
                  ua_header(&phone[0], SIP_H_FROM));
    n += snprintf(text + n, sizeof(text) - (size_t)n,
                  "To: <sip:100@10.0.0.1>;tag=other\r\nCall-ID: %s\r\nCSeq: %u INVITE\r\n"
                  "Contact: <sip:100@10.1.0.1>\r\nContent-Length: 0\r\n\r\n",
                  ua_header(&phone[0], SIP_H_CALL_ID), phone[0].msg.cseq.number);
    ua_reply(&phone[0], 200, SDP_A);
    ua_expect_request(&phone[0], SIP_ACK);
    ua_send(&phone[0], text, (size_t)n);
    ua_expect_nothing(&phone[0]);
    cr_assert_eq(kit_status(k).calls, 1);
}

/* RFC 4028 7.1, 9: what an INVITE of ours asks for, what a 2xx of ours grants. */
Test(session, a_party_that_knows_timers_refreshes_on_either_leg)
{
    supports(&phone[0]);
    offer(&phone[0], &phone[1]);
    cr_assert_str_eq(ua_header(&phone[1], SIP_H_SUPPORTED), "timer");
    cr_assert_str_eq(ua_header(&phone[1], SIP_H_SESSION_EXPIRES), "1800;refresher=uas");
    cr_assert_str_eq(ua_header(&phone[1], SIP_H_MIN_SE), "90");
    supports(&phone[1]);
    ua_says(&phone[1], SIP_H_SESSION_EXPIRES, "600;refresher=uas");
    ua_reply(&phone[1], 200, SDP_B);
    ua_expect(&phone[0], 200);
    cr_assert_str_eq(ua_header(&phone[0], SIP_H_SESSION_EXPIRES), "1800;refresher=uac");
    cr_assert_str_eq(ua_header(&phone[0], SIP_H_REQUIRE), "timer");
    ua_ack(&phone[0], NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    ua_is_silent(&phone[1]);
    kit_run(k, 400000);
    ua_expect_nothing(&phone[1]); /* they refresh, not we */
    ua_request(&phone[1], SIP_UPDATE, NULL);
    ua_expect(&phone[1], 200); /* by ourselves: no business of the other leg */
    ua_expect_nothing(&phone[0]);
    kit_run(k, 500000);
    cr_assert_eq(kit_status(k).calls, 1);
}

/* RFC 4028 10: BYE 32 s before the end, or a third of a short interval. */
Test(session, a_party_that_stops_refreshing_ends_the_call)
{
    supports(&phone[0]);
    ua_says(&phone[0], SIP_H_SESSION_EXPIRES, "100;refresher=uac");
    offer(&phone[0], &phone[1]);
    supports(&phone[1]);
    ua_says(&phone[1], SIP_H_SESSION_EXPIRES, "1800;refresher=uas");
    answer(&phone[0], &phone[1]);
    kit_run(k, 66000);
    cr_assert_eq(kit_status(k).calls, 1);
    kit_run(k, 2000);
    expect_released(&phone[0], &phone[1]);
}

/* RFC 4028 7.2, 9: for parties without timers we refresh, by UPDATE where Allow names it, else by
 * a re-INVITE with what was sent last. */
Test(session, we_refresh_for_parties_that_cannot)
{
    ua_says(&phone[0], SIP_H_ALLOW, "INVITE, ACK, BYE, CANCEL, UPDATE");
    offer(&phone[0], &phone[1]);
    ua_reply(&phone[1], 200, SDP_B);
    ua_expect(&phone[0], 200);
    cr_assert_str_eq(ua_header(&phone[0], SIP_H_SESSION_EXPIRES), "1800;refresher=uas");
    cr_assert_str_eq(ua_header(&phone[0], SIP_H_REQUIRE), "");
    ua_ack(&phone[0], NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    for (unsigned i = 0; i < 3; i++) {
        kit_run(k, 899000);
        ua_expect_nothing(&phone[0]);
        ua_expect_nothing(&phone[1]);
        kit_run(k, 1000);
        ua_expect_request(&phone[0], SIP_UPDATE);
        cr_assert(ua_body_is(&phone[0], ""));
        cr_assert_str_eq(ua_header(&phone[0], SIP_H_SESSION_EXPIRES), "1800;refresher=uac");
        ua_reply(&phone[0], 200, NULL);
        ua_expect_request(&phone[1], SIP_INVITE);
        cr_assert(ua_body_is(&phone[1], SDP_A), "the offer that it had");
        ua_reply(&phone[1], 200, SDP_B);
        ua_expect_request(&phone[1], SIP_ACK);
        cr_assert(ua_body_is(&phone[1], ""));
    }
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect(&phone[1], 200);
    ua_expect_request(&phone[0], SIP_BYE);
    ua_reply(&phone[0], 200, NULL);
    kit_assert_empty(k);
}

/* RFC 4028 7.4: a re-INVITE that passes through refreshes both legs, and the next refresh repeats
 * the newer session. */
Test(session, a_request_that_passes_through_refreshes_both_legs)
{
    offer(&phone[0], &phone[1]);
    answer(&phone[0], &phone[1]);
    kit_run(k, 600000);
    ua_request(&phone[0], SIP_INVITE, REINVITED);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert_str_eq(ua_header(&phone[1], SIP_H_SESSION_EXPIRES), "1800;refresher=uac");
    ua_reply(&phone[1], 200, "v=0\r\nheld\r\n");
    ua_expect(&phone[0], 200);
    ua_ack(&phone[0], NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    kit_run(k, 899000);
    ua_expect_nothing(&phone[0]);
    ua_expect_nothing(&phone[1]);
    kit_run(k, 1000);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert(ua_body_is(&phone[1], REINVITED));
    ua_reply(&phone[1], 200, "v=0\r\nheld\r\n");
    ua_expect_request(&phone[0], SIP_INVITE);
    cr_assert(ua_body_is(&phone[0], "v=0\r\nheld\r\n"));
}

/* RFC 4028 10: no answer, or 481, to our refresh. */
Test(session, a_party_that_lost_the_call_ends_it)
{
    offer(&phone[0], &phone[1]);
    answer(&phone[0], &phone[1]);
    kit_run(k, 900000);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_reply(&phone[0], 481, NULL);
    ua_expect_request(&phone[0], SIP_ACK);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 200, SDP_B); /* answers while we release: acknowledged, then BYE */
    expect_released(&phone[0], &phone[1]);
}

Test(session, a_party_that_does_not_answer_the_refresh_ends_the_call)
{
    ua_says(&phone[0], SIP_H_ALLOW, "UPDATE");
    offer(&phone[0], &phone[1]);
    ua_says(&phone[1], SIP_H_ALLOW, "UPDATE");
    answer(&phone[0], &phone[1]);
    kit_run(k, 900000);
    ua_expect_request(&phone[1], SIP_UPDATE);
    ua_reply(&phone[1], 200, NULL);
    kit_run(k, 33000); /* 64 T1 */
    cr_assert_eq(kit_status(k).calls, 1);
    while (ua_has_request(&phone[0], SIP_UPDATE))
        ua_expect_request(&phone[0], SIP_UPDATE);
    expect_released(&phone[0], &phone[1]);
}

/* RFC 4028 7.2: the refresh is for our benefit alone; any answer shows that the party is there. */
Test(session, a_plain_party_that_refuses_the_refresh_keeps_its_call)
{
    offer(&phone[0], &phone[1]);
    answer(&phone[0], &phone[1]);
    for (unsigned i = 0; i < 2; i++) {
        kit_run(k, 900000);
        for (unsigned p = 0; p < 2; p++) {
            ua_expect_request(&phone[p], SIP_INVITE);
            ua_reply(&phone[p], 488, NULL);
            ua_expect_request(&phone[p], SIP_ACK);
        }
    }
    cr_assert_eq(kit_status(k).calls, 1);
}

/* RFC 4028 7.3, 10; RFC 3261 14.1: one that keeps a timer itself is asked again, then the session
 * ends. */
Test(session, a_refresh_that_is_refused_is_tried_again_until_the_end)
{
    unsigned tries = 0;

    ua_says(&phone[0], SIP_H_ALLOW, "UPDATE");
    supports(&phone[1]);
    offer(&phone[0], &phone[1]);
    ua_says(&phone[1], SIP_H_SESSION_EXPIRES, "90;refresher=uac");
    answer(&phone[0], &phone[1]);
    ua_is_silent(&phone[1]);
    while (!ua_has_request(&phone[1], SIP_BYE)) {
        kit_run(k, 100);
        if (!ua_has_request(&phone[1], SIP_UPDATE))
            continue;
        ua_expect_request(&phone[1], SIP_UPDATE);
        ua_reply(&phone[1], 491, NULL);
        tries++;
    }
    cr_assert_geq(tries, 4);
    cr_assert_leq(tries, 9);
    expect_released(&phone[0], &phone[1]);
}

/* RFC 4028 7.4: the refresher changes with a request of either party. */
Test(session, the_refresher_changes)
{
    ua_says(&phone[0], SIP_H_ALLOW, "UPDATE");
    supports(&phone[1]);
    offer(&phone[0], &phone[1]);
    ua_says(&phone[1], SIP_H_SESSION_EXPIRES, "200;refresher=uas");
    answer(&phone[0], &phone[1]);
    ua_is_silent(&phone[1]);
    supports(&phone[1]);
    ua_says(&phone[1], SIP_H_SESSION_EXPIRES, "200;refresher=uas");
    ua_request(&phone[1], SIP_UPDATE, NULL); /* now we are to refresh */
    ua_expect(&phone[1], 200);
    cr_assert_str_eq(ua_header(&phone[1], SIP_H_SESSION_EXPIRES), "200;refresher=uas");
    kit_run(k, 100000);
    ua_expect_request(&phone[1], SIP_UPDATE);
    ua_reply(&phone[1], 200, NULL); /* "refresher=uas": back to them */
    kit_run(k, 160000);
    ua_expect_nothing(&phone[1]);
    kit_run(k, 10000);
    expect_released(&phone[0], &phone[1]);
}

/* RFC 4028 8, 9: too short for us is 422 with Min-SE, for a party that understands it. */
Test(session, a_short_interval_is_refused_with_422)
{
    supports(&gw);
    ua_says(&gw, SIP_H_SESSION_EXPIRES, "30");
    ua_invite(&gw, "101", SDP_A);
    ua_expect(&gw, 422);
    cr_assert_str_eq(ua_header(&gw, SIP_H_MIN_SE), "90");
    cr_assert_eq(kit_status(k).calls, 0);
    cr_assert_eq(kit_counter(k, "drop_session_too_short"), 1);
    ua_is_silent(&gw);
    ua_says(&gw, SIP_H_SESSION_EXPIRES,
            "30"); /* inserted by a proxy: the party would not know 422 */
    ua_invite(&gw, "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 200, SDP_B);
    ua_expect(&gw, 200);
    cr_assert_str_eq(ua_header(&gw, SIP_H_SESSION_EXPIRES), "90;refresher=uas");
}

/* RFC 4028 7.3: 422 to our INVITE is followed with what it names, in the same call; not for ever.
 */
Test(session, a_422_of_the_target_is_followed)
{
    offer(&phone[0], &phone[1]);
    ua_says(&phone[1], SIP_H_MIN_SE, "3600");
    ua_reply(&phone[1], 422, NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    ua_is_silent(&phone[1]);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert_str_eq(ua_header(&phone[1], SIP_H_SESSION_EXPIRES), "3600;refresher=uas");
    cr_assert_str_eq(ua_header(&phone[1], SIP_H_MIN_SE), "3600");
    cr_assert(ua_body_is(&phone[1], SDP_A));
    answer(&phone[0], &phone[1]);
    ua_request(&phone[0], SIP_BYE, NULL);
    ua_expect(&phone[0], 200);
    ua_expect_request(&phone[1], SIP_BYE);
    ua_reply(&phone[1], 200, NULL);
    kit_assert_empty(k);
}

Test(session, a_422_that_names_no_more_is_a_refusal)
{
    offer(&phone[0], &phone[1]);
    ua_says(&phone[1], SIP_H_MIN_SE, "1800");
    ua_reply(&phone[1], 422, NULL);
    ua_expect(&phone[0], 422);
    kit_assert_empty(k);
}

/* RFC 3261 14.1: our refresh and a party's re-INVITE do not cross; while one is under way ours
 * waits. */
Test(session, a_refresh_does_not_cross_a_reinvite)
{
    offer(&phone[0], &phone[1]);
    answer(&phone[0], &phone[1]);
    kit_run(k, 899900);
    ua_request(&phone[0], SIP_INVITE, REINVITED);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 180, NULL);
    ua_expect(&phone[0], 180);
    kit_run(k, 1500);
    ua_expect_nothing(&phone[1]);
    ua_reply(&phone[1], 200, SDP_B);
    ua_expect(&phone[0], 200);
    ua_ack(&phone[0], NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    kit_run(k, 900000);
    ua_expect_request(&phone[1], SIP_INVITE); /* the refresh */
    ua_request(&phone[1], SIP_INVITE, REINVITED);
    ua_expect(&phone[1], 491);
}

/* An answer in the ACK is what the party was sent last. */
Test(session, a_late_offer_is_refreshed_with_the_answer)
{
    ua_call(&phone[0], "101", NULL);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 200, SDP_B);
    ua_expect(&phone[0], 200);
    ua_ack(&phone[0], SDP_A);
    ua_expect_request(&phone[1], SIP_ACK);
    kit_run(k, 900000);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert(ua_body_is(&phone[1], SDP_A));
    ua_expect_request(&phone[0], SIP_INVITE);
    cr_assert(ua_body_is(&phone[0], SDP_B));
}

/* A call whose called party knows no UPDATE, and whose session is not kept here: a re-INVITE was
 * refused.  The caller has been refreshed. */
static void without_a_way(void)
{
    offer(&phone[0], &phone[1]);
    answer(&phone[0], &phone[1]);
    ua_request(&phone[0], SIP_INVITE, REINVITED);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 488, NULL);
    ua_expect(&phone[0], 488);
    ua_expect_request(&phone[1], SIP_ACK);
    kit_run(k, 900000);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_reply(&phone[0], 200, SDP_A);
    ua_expect_request(&phone[0], SIP_ACK);
}

/* It is asked by OPTIONS whether it is there: to a party without timers that says as much as a
 * refresh (RFC 3261 11.2: answered 200 where the dialog is known). */
Test(session, without_a_way_to_refresh_a_party_is_asked_whether_it_is_there_rfc3261_11)
{
    without_a_way();
    for (unsigned i = 0; i < 3; i++) {
        ua_expect_request(&phone[1], SIP_OPTIONS);
        cr_assert(sip_msg_header(&phone[1].msg, SIP_H_SESSION_EXPIRES) == NULL, "no refresh");
        cr_assert(ua_body_is(&phone[1], ""));
        ua_reply(&phone[1], i == 1 ? 501 : 200, NULL); /* any answer says that it is there */
        kit_run(k, 800000);
        ua_expect_nothing(&phone[1]);
        kit_run(k, 100000);
        ua_expect_request(&phone[0], SIP_INVITE);
        ua_reply(&phone[0], 200, SDP_A);
        ua_expect_request(&phone[0], SIP_ACK);
    }
    cr_assert_eq(kit_status(k).calls, 1);
    ua_expect_request(&phone[1], SIP_OPTIONS);
    ua_says(&phone[1], SIP_H_ALLOW, "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE");
    ua_reply(&phone[1], 200, NULL); /* it knows UPDATE after all */
    ua_is_silent(&phone[1]);
    kit_run(k, 900000);
    ua_expect_request(&phone[1], SIP_UPDATE);
}

Test(session, a_party_without_a_way_that_lost_the_call_ends_it_rfc3261_12_2_1_2)
{
    without_a_way();
    ua_expect_request(&phone[1], SIP_OPTIONS);
    ua_reply(&phone[1], 481, NULL);
    expect_released(&phone[0], &phone[1]);
}

Test(session, a_party_without_a_way_that_is_silent_ends_the_call_rfc3261_12_2_1_2)
{
    without_a_way();
    kit_run(k, 31000);
    cr_assert_eq(kit_status(k).calls, 1);
    kit_run(k, 1500);
    while (ua_has_request(&phone[1], SIP_OPTIONS))
        (void)ua_take(&phone[1], true);
    expect_released(&phone[0], &phone[1]);
}

/* It wants to be refreshed, and cannot be: an OPTIONS refreshes nothing.  The session ends when its
 * time is over, as the party itself would end it (RFC 4028 10). */
Test(session, a_party_with_timers_that_cannot_be_refreshed_ends_with_its_interval_rfc4028_10)
{
    char large[1100] = "";
    unsigned asked = 0;
    uint32_t last = 0;

    memset(large, 'x', sizeof(large) - 1);
    ua_says(&phone[0], SIP_H_SUPPORTED, "timer");
    ua_says(&phone[0], SIP_H_ALLOW, "INVITE, ACK, BYE, CANCEL, OPTIONS");
    ua_says(&phone[0], SIP_H_SESSION_EXPIRES, "300;refresher=uas");
    offer(&phone[0], &phone[1]);
    ua_is_silent(&phone[0]);
    ua_says(&phone[1], SIP_H_ALLOW, "INVITE, ACK, BYE, CANCEL, UPDATE");
    ua_reply(&phone[1], 200, large);
    ua_is_silent(&phone[1]);
    ua_expect(&phone[0], 200);
    cr_assert_str_eq(ua_header(&phone[0], SIP_H_SESSION_EXPIRES), "300;refresher=uas");
    ua_ack(&phone[0], NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    for (unsigned s = 0; s < 267; s++) {
        kit_run(k, 1000);
        while (ua_has_request(&phone[0], SIP_OPTIONS) && ua_take(&phone[0], true)) {
            ua_reply(&phone[0], 200, NULL);
            asked += phone[0].msg.cseq.number != last; /* one may come twice */
            last = phone[0].msg.cseq.number;
        }
    }
    cr_assert_geq(asked, 2);
    cr_assert_leq(asked, 8);
    cr_assert_eq(kit_status(k).calls, 1);
    kit_run(k, 2000);
    while (ua_has_request(&phone[0], SIP_OPTIONS))
        (void)ua_take(&phone[0], true);
    expect_released(&phone[0], &phone[1]);
}

/* RFC 4028 7.4: whatever its size, up to the limit; beyond it there is nothing to repeat, and the
 * party is only asked whether it is there. */
Test(session, a_description_of_any_size_is_repeated_whole)
{
    static const size_t sizes[] = {1, 315, 316, 317, 507, 508, 509, 1020, 1021};

    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char body[1024] = "";

        memset(body, 'a' + (int)i, sizes[i]);
        for (unsigned p = 0; p < 2; p++)
            cr_assert_eq(ua_register(&phone[p], "pw", 3600), 200);
        ua_call(&phone[0], phone[1].user, body);
        ua_expect_request(&phone[1], SIP_INVITE);
        answer(&phone[0], &phone[1]);
        kit_run(k, 900000);
        ua_expect_request(&phone[0], SIP_INVITE);
        cr_assert(ua_body_is(&phone[0], SDP_B));
        ua_reply(&phone[0], 200, SDP_A);
        ua_expect_request(&phone[0], SIP_ACK);
        if (sizes[i] <= 1020) {
            ua_expect_request(&phone[1], SIP_INVITE);
            cr_assert(ua_body_is(&phone[1], body), "%zu bytes", sizes[i]);
            ua_reply(&phone[1], 200, SDP_B);
            ua_expect_request(&phone[1], SIP_ACK);
        } else {
            ua_expect_request(&phone[1], SIP_OPTIONS);
            ua_reply(&phone[1], 200, NULL);
        }
        ua_expect_nothing(&phone[1]);
        ua_request(&phone[1], SIP_BYE, NULL);
        ua_expect(&phone[1], 200);
        ua_expect_request(&phone[0], SIP_BYE);
        ua_reply(&phone[0], 200, NULL);
    }
    kit_assert_empty(k);
}

/* RFC 3261 8.2.2.3: "timer" may be required, what we do not have is named alone. */
Test(session, timer_may_be_required)
{
    ua_says(&gw, SIP_H_REQUIRE, "timer, gruu");
    ua_invite(&gw, "101", SDP_A);
    ua_expect(&gw, 420);
    cr_assert_str_eq(ua_header(&gw, SIP_H_UNSUPPORTED), "gruu");
    ua_is_silent(&gw);
    ua_says(&gw, SIP_H_REQUIRE, "timer");
    ua_invite(&gw, "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
}
