/* Music for waiting callers (queue-answer-after), and how an agent takes such a call over. */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

#define SDP_M  "v=0\r\no=m 1 1 IN IP4 10.0.3.1\r\ns=-\r\n"
#define SDP_A2 "v=0\r\no=a 1 2 IN IP4 10.9.9.1\r\ns=-\r\n"

static struct kit *k;
static struct ua phone[10], gw[4], tone, spare;

static void quiet(struct kit *kit)
{
    kit->options.oos_check_ms = kit->options.oos_force_ms = 3600000;
    kit->options.queue_notice_ms = 600000;
    kit->options.queue_answer_after_ms = 50000;
}

static void service(const char *name, const char *contact)
{
    struct sc_dn_conf dn = kit_dn_conf(k, name, SC_DN_SERVICE);

    snprintf(dn.contact, sizeof(dn.contact), "%s", contact);
    kit_dn(k, &dn);
}

static struct sc_dn_conf queue_conf(void)
{
    struct sc_dn_conf dn = kit_dn_conf(k, "5000", SC_DN_QUEUE);

    dn.music_n = 2;
    snprintf(dn.music[0], sizeof(dn.music[0]), "tone");
    snprintf(dn.music[1], sizeof(dn.music[1]), "spare");
    return dn;
}

static void setup(void)
{
    struct sc_dn_conf dn;

    k = kit_house(quiet);
    phones_register(k, phone, 100, 4);
    for (unsigned i = 0; i < 4; i++) {
        char user[8];

        snprintf(user, sizeof(user), "c%u", i);
        gw[i] = ua_at(k, "10.0.1.1", 5060, user);
    }
    tone = ua_at(k, "10.0.3.1", 5060, "tone");
    spare = ua_at(k, "10.0.3.2", 5060, "spare");
    service("tone", "sip:tone@10.0.3.1:5060");
    service("spare", "sip:10.0.3.2:5060");
    kit_options_answered(k, &tone, 50);
    kit_options_answered(k, &spare, 50);
    kit_options_answered(k, &gw[0], 600);
    dn = queue_conf();
    kit_dn(k, &dn);
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

static void ready(const char *agent)
{
    cr_assert_eq(kit_agent(k, SC_LOGIN, agent, "", SC_AGENT_READY), 0);
}

static void enter(unsigned i, const char *body)
{
    ua_invite(&gw[i], "5000", body);
    ua_expect(&gw[i], 182);
}

/* Caller 0 hears the music of the first service. */
static void in_music(void)
{
    enter(0, SDP_A);
    kit_run(k, 50000);
    ua_expect_request(&tone, SIP_INVITE);
    ua_reply(&tone, 200, SDP_M);
    ua_expect(&gw[0], 200);
    cr_assert(ua_body_is(&gw[0], SDP_M));
    ua_ack(&gw[0], NULL);
    ua_expect_request(&tone, SIP_ACK);
}

/* The agent's phone has been asked without an offer, and rings. */
static void asked(struct ua *agent)
{
    ua_expect_request(agent, SIP_INVITE);
    cr_assert(ua_body_is(agent, ""));
    ua_remember(agent);
    ua_reply(agent, 180, NULL);
    ua_expect_nothing(&gw[0]);
}

/* The agent's offer is with the caller. */
static void offered(struct ua *agent)
{
    ua_recall(agent);
    ua_reply(agent, 200, SDP_B);
    ua_expect_request(&gw[0], SIP_INVITE);
    cr_assert(ua_body_is(&gw[0], SDP_B));
    ua_expect_nothing(agent);
}

/* Up to the next request for U. */
static void until_asked(struct ua *u, int64_t ms)
{
    for (int64_t t = 0; t < ms && !ua_has_request(u, SIP_INVITE); t += 100)
        kit_run(k, 100);
}

static void connected(struct ua *agent)
{
    ua_reply(&gw[0], 200, SDP_A2);
    ua_expect_request(&gw[0], SIP_ACK);
    ua_expect_request(agent, SIP_ACK);
    cr_assert(ua_body_is(agent, SDP_A2));
}

static void released(struct ua *u)
{
    ua_expect_request(u, SIP_BYE);
    ua_reply(u, 200, NULL);
}

static const struct sc_record *record(void)
{
    const struct sc_record *r = NULL;

    for (unsigned i = 0; i < k->actions_n; i++)
        if (k->actions[i].kind == SC_ACT_RECORD) {
            cr_assert_null(r, "one record for each call");
            r = &k->actions[i].record;
        }
    cr_assert_not_null(r);
    return r;
}

TestSuite(music, .init = setup, .fini = teardown);

Test(music, a_waiting_caller_is_answered_by_the_service_after_its_time)
{
    enter(0, SDP_A);
    kit_run(k, 49900);
    ua_expect_nothing(&tone);
    kit_run(k, 200);
    ua_expect_request(&tone, SIP_INVITE);
    cr_assert(ua_body_is(&tone, SDP_A), "the caller's offer is untouched");
    cr_assert(sip_str_eq(tone.msg.uri.user, SIP_STR("tone")));
    ua_reply(&tone, 180, NULL);
    ua_expect_nothing(&gw[0]);
    ua_reply(&tone, 200, SDP_M);
    ua_expect(&gw[0], 200);
    cr_assert(ua_body_is(&gw[0], SDP_M));
    ua_expect_nothing(&tone);
    ua_ack(&gw[0], NULL);
    ua_expect_request(&tone, SIP_ACK);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1, "it goes on waiting");
    cr_assert_eq(kit_calls_told(k, SC_CALL_ANSWERED), 0, "music is no answer");
    cr_assert_eq(kit_counter(k, "calls_music"), 1);
    cr_assert_eq(kit_counter(k, "calls_answered"), 0);
}

/* RFC 3725 4.1 (flow I), RFC 3261 14: the agent's offer by re-INVITE, the caller's answer in the
 * ACK. */
Test(music, the_agent_takes_the_call_over_by_reinvite_and_the_service_is_released)
{
    const struct sc_record *r;

    in_music();
    kit_run(k, 5000);
    ready("a1");
    asked(&phone[1]);
    offered(&phone[1]);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_BUSY);
    connected(&phone[1]);
    released(&tone);
    cr_assert_eq(kit_last_call(k, SC_CALL_ANSWERED)->wait_ms, 55000);
    kit_run(k, 7000);
    ua_request(&gw[0], SIP_BYE, NULL);
    ua_expect(&gw[0], 200);
    released(&phone[1]);
    r = record();
    cr_assert_eq(r->outcome, SC_CALL_RELEASED);
    cr_assert_eq(r->answer_ms - r->start_ms, 55000);
    cr_assert_eq(r->music_ms - r->start_ms, 50000);
    cr_assert_eq(r->wait_ms, 55000);
    cr_assert_eq(r->talk_ms, 7000);
    kit_assert_empty(k);
}

Test(music, a_caller_who_leaves_the_music_has_abandoned_the_call)
{
    const struct sc_record *r;

    in_music();
    kit_run(k, 3000);
    ua_request(&gw[0], SIP_BYE, NULL);
    ua_expect(&gw[0], 200);
    released(&tone);
    r = record();
    cr_assert_eq(r->outcome, SC_CALL_ABANDONED);
    cr_assert_eq(r->released_by, SC_BY_CALLER);
    cr_assert_eq(r->answer_ms, 0);
    cr_assert_eq(r->wait_ms, 53000);
    cr_assert_eq(kit_queue(k, "5000").waiting, 0);
    kit_assert_empty(k);
}

Test(music, a_caller_who_leaves_while_an_agent_rings_has_abandoned_the_call)
{
    in_music();
    ready("a1");
    asked(&phone[1]);
    ua_request(&gw[0], SIP_BYE, NULL);
    ua_expect(&gw[0], 200);
    released(&tone);
    ua_expect_request(&phone[1], SIP_CANCEL);
    ua_reply(&phone[1], 200, NULL);
    ua_recall(&phone[1]);
    ua_reply(&phone[1], 487, NULL);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_READY);
    cr_assert_eq(record()->outcome, SC_CALL_ABANDONED);
    kit_assert_empty(k);
}

Test(music, the_music_goes_on_when_an_agent_does_not_answer)
{
    in_music();
    ready("a1");
    asked(&phone[1]);
    kit_run(k, 20000);
    ua_expect_request(&phone[1], SIP_CANCEL);
    ua_reply(&phone[1], 200, NULL);
    ua_recall(&phone[1]);
    ua_reply(&phone[1], 487, NULL);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_NOT_READY);
    ua_expect_nothing(&gw[0]);
    ua_expect_nothing(&tone);
    ready("a2");
    asked(&phone[2]);
    offered(&phone[2]);
    connected(&phone[2]);
    released(&tone);
}

Test(music, a_busy_service_is_followed_by_the_next_and_that_by_more_waiting)
{
    enter(0, SDP_A);
    kit_run(k, 50000);
    ua_expect_request(&tone, SIP_INVITE);
    ua_reply(&tone, 486, NULL);
    ua_expect_request(&tone, SIP_ACK);
    ua_expect_request(&spare, SIP_INVITE);
    cr_assert(ua_body_is(&spare, SDP_A));
    ua_reply(&spare, 503, NULL);
    ua_expect_request(&spare, SIP_ACK);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    cr_assert_eq(kit_counter(k, "music_failed"), 1);
    kit_run(k, 9900);
    ua_expect_nothing(&tone);
    kit_run(k, 200);
    ua_expect_request(&tone, SIP_INVITE);
    ua_reply(&tone, 200, SDP_M);
    ua_expect(&gw[0], 182);
    ua_expect(&gw[0], 200);
}

Test(music, a_service_out_of_service_is_passed_over)
{
    service("tone", "sip:no-address.invalid");
    enter(0, SDP_A);
    kit_run(k, 50000);
    ua_expect_nothing(&tone);
    ua_expect_request(&spare, SIP_INVITE);
}

Test(music, an_agent_who_is_free_before_the_service_answers_gets_the_callers_own_offer)
{
    enter(0, SDP_A);
    kit_run(k, 50000);
    ua_expect_request(&tone, SIP_INVITE);
    ua_remember(&tone);
    ua_reply(&tone, 180, NULL);
    ready("a1");
    ua_expect_request(&tone, SIP_CANCEL);
    ua_reply(&tone, 200, NULL);
    ua_recall(&tone);
    ua_reply(&tone, 200, SDP_M); /* faster than our CANCEL */
    ua_expect_request(&tone, SIP_ACK);
    released(&tone);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert(ua_body_is(&phone[1], SDP_A));
    ua_reply(&phone[1], 200, SDP_B);
    ua_expect(&gw[0], 200);
    cr_assert(ua_body_is(&gw[0], SDP_B));
}

Test(music, a_service_that_hangs_up_is_followed_by_another_through_a_reinvite)
{
    in_music();
    kit_run(k, 30000);
    service("tone", "sip:no-address.invalid");
    ua_request(&tone, SIP_BYE, NULL);
    ua_expect(&tone, 200);
    kit_run(k, 0);
    ua_expect_request(&spare, SIP_INVITE);
    cr_assert(ua_body_is(&spare, ""), "the caller has no offer left: the service makes one");
    ua_reply(&spare, 200, SDP_M);
    ua_expect_request(&gw[0], SIP_INVITE);
    cr_assert(ua_body_is(&gw[0], SDP_M));
    ua_reply(&gw[0], 200, SDP_A2);
    ua_expect_request(&gw[0], SIP_ACK);
    ua_expect_request(&spare, SIP_ACK);
    cr_assert(ua_body_is(&spare, SDP_A2));
    ready("a1");
    asked(&phone[1]);
    offered(&phone[1]);
    connected(&phone[1]);
    released(&spare);
}

/* The caller's answer is to the offer of a service that has left meanwhile (RFC 3264 4). */
Test(music, an_answer_to_a_service_that_has_left_does_not_go_to_the_next)
{
    in_music();
    kit_run(k, 30000);
    ua_request(&tone, SIP_BYE, NULL);
    ua_expect(&tone, 200);
    kit_run(k, 0);
    ua_expect_request(&tone, SIP_INVITE);
    ua_reply(&tone, 200, SDP_M);
    ua_expect_request(&gw[0], SIP_INVITE);
    ua_remember(&gw[0]);
    ua_reply(&gw[0], 100, NULL);
    ua_request(&tone, SIP_BYE, NULL);
    ua_expect(&tone, 200);
    kit_run(k, 11000);
    kit_forget_caught(k);
    kit_run(k, 500);
    ua_expect_request(&tone, SIP_INVITE);
    ua_reply(&tone, 200, SDP_B);
    ua_recall(&gw[0]);
    ua_reply(&gw[0], 200, SDP_A2);
    ua_expect_request(&gw[0], SIP_ACK);
    ua_expect_nothing(&tone);
    for (unsigned i = 0; i < 41 && !ua_has_request(&gw[0], SIP_INVITE); i++)
        kit_run(k, 100);
    ua_expect_request(&gw[0], SIP_INVITE);
    cr_assert(ua_body_is(&gw[0], SDP_B));
    ua_reply(&gw[0], 200, SDP_A);
    ua_expect_request(&gw[0], SIP_ACK);
    ua_expect_request(&tone, SIP_ACK);
    cr_assert(ua_body_is(&tone, SDP_A));
}

Test(music, an_agent_answers_while_another_service_is_being_joined)
{
    in_music();
    kit_run(k, 30000);
    ua_request(&tone, SIP_BYE, NULL);
    ua_expect(&tone, 200);
    kit_run(k, 0);
    ua_expect_request(&tone, SIP_INVITE);
    ua_reply(&tone, 200, SDP_M);
    ua_expect_request(&gw[0], SIP_INVITE);
    ua_remember(&gw[0]);
    ready("a1");
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 200, SDP_B);
    ua_expect_request(&tone, SIP_ACK);
    released(&tone);
    ua_recall(&gw[0]);
    ua_reply(&gw[0], 200, SDP_A);
    ua_expect_request(&gw[0], SIP_ACK);
    ua_expect_request(&gw[0], SIP_INVITE);
    cr_assert(ua_body_is(&gw[0], SDP_B));
    connected(&phone[1]);
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect(&phone[1], 200);
    released(&gw[0]);
    kit_assert_empty(k);
}

Test(music, a_service_that_hangs_up_at_once_is_not_called_again_before_music_retry)
{
    in_music();
    kit_run(k, 1000);
    ua_request(&tone, SIP_BYE, NULL);
    ua_expect(&tone, 200);
    kit_run(k, 9900);
    ua_expect_nothing(&tone);
    kit_run(k, 200);
    ua_expect_request(&tone, SIP_INVITE);
}

/* RFC 3261 14.1 */
Test(music, a_caller_in_glare_is_asked_again_a_little_later)
{
    in_music();
    ready("a1");
    asked(&phone[1]);
    offered(&phone[1]);
    ua_reply(&gw[0], 491, NULL);
    ua_expect_request(&gw[0], SIP_ACK);
    kit_run(k, 2000);
    ua_expect_nothing(&gw[0]);
    until_asked(&gw[0], 2100);
    ua_expect_request(&gw[0], SIP_INVITE);
    cr_assert(ua_body_is(&gw[0], SDP_B));
    connected(&phone[1]);
    released(&tone);
}

/* Four times; then the service is released, and the caller hears nothing until music-retry. */
Test(music, a_caller_in_glare_without_end_waits_in_silence_for_a_while)
{
    in_music();
    kit_run(k, 30000);
    service("tone", "sip:no-address.invalid");
    ua_request(&tone, SIP_BYE, NULL);
    ua_expect(&tone, 200);
    kit_run(k, 0);
    ua_expect_request(&spare, SIP_INVITE);
    ua_reply(&spare, 200, SDP_M);
    for (unsigned i = 0; i < 4; i++) {
        until_asked(&gw[0], 4100);
        ua_expect_request(&gw[0], SIP_INVITE);
        ua_reply(&gw[0], 491, NULL);
        ua_expect_request(&gw[0], SIP_ACK);
    }
    ua_expect_request(&spare, SIP_ACK);
    released(&spare);
    kit_run(k, 4100);
    ua_expect_nothing(&gw[0]);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    until_asked(&spare, 10000);
    ua_expect_request(&spare, SIP_INVITE);
}

/* RFC 3264 4.  Found by tests/sim/calls: the service that followed got the agent's offer. */
Test(music, a_service_that_hangs_up_while_the_agent_waits_for_the_caller_is_followed_by_none)
{
    in_music();
    kit_run(k, 30000);
    ready("a1");
    asked(&phone[1]);
    offered(&phone[1]);
    ua_reply(&gw[0], 491, NULL);
    ua_expect_request(&gw[0], SIP_ACK);
    ua_request(&tone, SIP_BYE, NULL);
    ua_expect(&tone, 200);
    kit_run(k, 2000);
    ua_expect_nothing(&tone);
    ua_expect_nothing(&spare);
    until_asked(&gw[0], 2100);
    ua_expect_request(&gw[0], SIP_INVITE);
    cr_assert(ua_body_is(&gw[0], SDP_B));
    connected(&phone[1]);
    ua_expect_nothing(&tone);
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect(&phone[1], 200);
    released(&gw[0]);
    kit_assert_empty(k);
}

Test(music, a_caller_who_refuses_the_agents_session_is_released_like_the_agent)
{
    in_music();
    ready("a1");
    asked(&phone[1]);
    offered(&phone[1]);
    ua_reply(&gw[0], 488, NULL);
    ua_expect_request(&gw[0], SIP_ACK);
    released(&gw[0]);
    ua_expect_request(&phone[1], SIP_ACK);
    released(&phone[1]);
    released(&tone);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_READY);
    cr_assert_eq(record()->outcome, SC_CALL_RELEASED);
    kit_assert_empty(k);
}

Test(music, an_agent_who_hangs_up_before_the_caller_is_connected_releases_the_call)
{
    in_music();
    ready("a1");
    asked(&phone[1]);
    offered(&phone[1]);
    ua_remember(&gw[0]);
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect(&phone[1], 200);
    released(&tone);
    ua_expect_request(&gw[0], SIP_BYE);
    ua_reply(&gw[0], 200, NULL);
    ua_recall(&gw[0]);
    ua_reply(&gw[0], 481, NULL);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_READY);
    kit_assert_empty(k);
}

/* RFC 3261 13.2.1: an INVITE without an offer; the answer comes in the ACK. */
Test(music, a_caller_without_an_offer_gets_that_of_the_service)
{
    enter(0, NULL);
    kit_run(k, 50000);
    ua_expect_request(&tone, SIP_INVITE);
    cr_assert(ua_body_is(&tone, ""));
    ua_reply(&tone, 200, SDP_M);
    ua_expect(&gw[0], 200);
    cr_assert(ua_body_is(&gw[0], SDP_M));
    ua_ack(&gw[0], SDP_A);
    ua_expect_request(&tone, SIP_ACK);
    cr_assert(ua_body_is(&tone, SDP_A));
    ready("a1");
    asked(&phone[1]);
    offered(&phone[1]);
    connected(&phone[1]);
}

/* RFC 3261 13.2.2.4: the ACK of a repeated 2xx is the first one, or has no body; never another's.
 */
Test(music, a_service_that_repeats_its_answer_never_gets_the_agents_session)
{
    enter(0, NULL);
    kit_run(k, 50000);
    ua_expect_request(&tone, SIP_INVITE);
    ua_remember(&tone);
    ua_reply(&tone, 200, SDP_M);
    ua_expect(&gw[0], 200);
    ua_ack(&gw[0], SDP_A);
    ua_expect_request(&tone, SIP_ACK);
    ready("a1");
    asked(&phone[1]);
    offered(&phone[1]);
    ua_recall(&tone);
    ua_reply(&tone, 200, SDP_M);
    ua_expect_request(&tone, SIP_ACK);
    cr_assert(ua_body_is(&tone, ""));
    connected(&phone[1]);
    ua_expect_request(&tone, SIP_BYE);
    ua_recall(&tone);
    ua_reply(&tone, 200, SDP_M);
    ua_expect_request(&tone, SIP_ACK);
    cr_assert(ua_body_is(&tone, ""));
}

/* RFC 3261 13.3.1.4 */
Test(music, a_caller_who_never_acknowledges_the_music_is_released)
{
    enter(0, SDP_A);
    kit_run(k, 50000);
    ua_expect_request(&tone, SIP_INVITE);
    ua_reply(&tone, 200, SDP_M);
    kit_run(k, 32000);
    ua_expect_request(&tone, SIP_ACK);
    released(&tone);
    released(&gw[0]);
    cr_assert_eq(record()->outcome, SC_CALL_ABANDONED);
    kit_assert_empty(k);
}

/* RFC 3261 14.1: no re-INVITE before the first INVITE is done. */
Test(music, a_caller_who_never_acknowledges_the_music_is_released_while_an_agent_rings)
{
    enter(0, SDP_A);
    kit_run(k, 50000);
    ua_expect_request(&tone, SIP_INVITE);
    ua_reply(&tone, 200, SDP_M);
    ua_expect(&gw[0], 200);
    kit_run(k, 20000);
    ready("a1");
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 180, NULL);
    kit_run(k, 11900);
    cr_assert(!ua_has_request(&phone[1], SIP_CANCEL));
    kit_run(k, 200);
    ua_expect_request(&phone[1], SIP_CANCEL);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_READY);
    cr_assert(ua_has_request(&gw[0], SIP_BYE));
    cr_assert_eq(record()->outcome, SC_CALL_ABANDONED);
}

Test(music, an_agent_who_answers_before_the_callers_ack_waits_for_it)
{
    enter(0, SDP_A);
    kit_run(k, 50000);
    ua_expect_request(&tone, SIP_INVITE);
    ua_reply(&tone, 200, SDP_M);
    ua_expect(&gw[0], 200);
    ready("a1");
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 200, SDP_B);
    cr_assert_not(ua_has_request(&gw[0], SIP_INVITE));
    ua_ack(&gw[0], NULL);
    ua_expect_request(&tone, SIP_ACK);
    ua_expect_request(&gw[0], SIP_INVITE);
    cr_assert(ua_body_is(&gw[0], SDP_B));
    connected(&phone[1]);
    released(&tone);
}

Test(music, what_the_caller_asks_for_in_the_music_goes_to_the_service)
{
    in_music();
    ua_request(&gw[0], SIP_INVITE, SDP_A2);
    ua_expect_request(&tone, SIP_INVITE);
    cr_assert(ua_body_is(&tone, SDP_A2));
    ready("a1");
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_remember(&phone[1]);
    ua_reply(&phone[1], 200, SDP_B);
    cr_assert_not(ua_has_request(&gw[0], SIP_INVITE), "one INVITE at a time");
    ua_reply(&tone, 200, SDP_M);
    ua_expect(&gw[0], 200);
    ua_ack(&gw[0], NULL);
    ua_expect_request(&tone, SIP_ACK);
    until_asked(&gw[0], 4100);
    ua_expect_request(&gw[0], SIP_INVITE);
    cr_assert(ua_body_is(&gw[0], SDP_B));
    connected(&phone[1]);
    released(&tone);
}

Test(music, a_call_that_overflows_out_of_the_music_hears_it_until_the_other_place_answers)
{
    struct sc_dn_conf dn = queue_conf();

    dn.queue_wait_max_ms = 80000;
    snprintf(dn.overflow_wait, sizeof(dn.overflow_wait), "100");
    kit_dn(k, &dn);
    in_music();
    kit_run(k, 30000);
    asked(&phone[0]);
    ua_expect_nothing(&tone);
    offered(&phone[0]);
    connected(&phone[0]);
    released(&tone);
    cr_assert_str_eq(kit_last_call(k, SC_CALL_ANSWERED)->queue, "");
}

Test(music, a_call_that_has_waited_too_long_is_released_out_of_the_music)
{
    struct sc_dn_conf dn = queue_conf();

    dn.queue_wait_max_ms = 80000;
    kit_dn(k, &dn);
    in_music();
    kit_run(k, 30000);
    released(&tone);
    released(&gw[0]);
    cr_assert_eq(record()->outcome, SC_CALL_FAILED);
    cr_assert_eq(record()->cause, 480);
    kit_assert_empty(k);
}

Test(music, ring_all_and_music_together)
{
    struct sc_dn_conf dn = queue_conf();

    dn.distribution = SC_RING_ALL;
    kit_dn(k, &dn);
    in_music();
    ready("a1");
    asked(&phone[1]);
    ua_recall(&phone[1]);
    ua_reply(&phone[1], 486, NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    ready("a3");
    asked(&phone[3]);
    offered(&phone[3]);
    connected(&phone[3]);
    released(&tone);
}

Test(music, at_once_means_with_the_call)
{
    struct sc_dn_conf dn = queue_conf();

    dn.queue_answer_after_ms = 1;
    kit_dn(k, &dn);
    enter(0, SDP_A);
    kit_run(k, 1);
    ua_expect_request(&tone, SIP_INVITE);
}

Test(music, the_host_that_loses_its_role_forgets_the_music_in_silence)
{
    in_music();
    kit_role(k, false, 2);
    ua_expect_nothing(&tone);
    ua_expect_nothing(&gw[0]);
    kit_run(k, 50000);
    ua_expect_nothing(&tone);
}

/* ---- what the caller is told before ---- */

static const char *phrase(struct ua *u)
{
    static char text[128];

    (void)sip_str_copy(u->msg.reason, text, sizeof(text));
    return text;
}

/* RFC 3261 21.1.5, 13.3.1.1 */
Test(music, the_182_tells_the_place_and_the_time_to_expect_again_and_again)
{
    k->options.queue_notice_ms = 20000;
    kit_options(k);
    enter(0, SDP_A);
    cr_assert_str_eq(phrase(&gw[0]), "Queued; 0 calls before");
    enter(1, SDP_A);
    cr_assert_str_eq(phrase(&gw[1]), "Queued; 1 call before");
    enter(2, SDP_A);
    cr_assert_str_eq(phrase(&gw[2]), "Queued; 2 calls before");
    for (unsigned i = 1; i <= 2; i++) { /* an answer each 8 s */
        ready(i == 1 ? "a1" : "a2");
        ua_expect_request(&phone[i], SIP_INVITE);
        ua_reply(&phone[i], 200, SDP_B);
        ua_expect(&gw[i - 1], 200);
        ua_ack(&gw[i - 1], NULL);
        kit_run(k, 8000);
    }
    kit_run(k, 4000);
    ua_expect(&gw[2], 182);
    cr_assert_str_eq(phrase(&gw[2]), "Queued; 0 calls before; expected waiting time is 8 seconds");
    cr_assert_eq(kit_queue(k, "5000").expected_wait_ms, 16000);
}

/* A service that is gone takes nobody along: what the caller asked it for is refused, the caller
 * goes on waiting. */
Test(music, a_service_that_leaves_with_a_request_under_way_does_not_take_the_caller_along)
{
    in_music();
    kit_run(k, 1000);
    ua_request(&gw[0], SIP_INFO, "Signal=1\r\n");
    ua_expect_request(&tone, SIP_INFO);
    ua_remember(&tone);
    ua_request(&tone, SIP_BYE, NULL);
    ua_expect(&tone, 200);
    ua_expect(&gw[0], 500); /* 481 would end its call (RFC 3261 12.2.1.2) */
    ua_recall(&tone);
    ua_reply(&tone, 481, NULL);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    cr_assert_not(ua_has_request(&gw[0], SIP_BYE));
}

/* RFC 3261 13.3.1.4 */
/* 481 and 408 end a dialog at who asked (RFC 3261 12.2.1.2), and the caller's goes on. */
Test(music, a_service_that_is_lost_in_a_request_of_the_caller_does_not_take_the_caller_along)
{
    for (unsigned i = 0; i < 2; i++) {
        in_music();
        kit_run(k, 20000);
        ua_request(&gw[0], SIP_INVITE, SDP_A2);
        ua_expect_request(&tone, SIP_INVITE);
        if (i == 0)
            ua_reply(&tone, 481, NULL);
        else
            kit_run(k, 33000);
        ua_expect(&gw[0], 500);
        cr_assert_not(ua_has_request(&gw[0], SIP_BYE));
        cr_assert_eq(kit_queue(k, "5000").waiting, 1);
        if (i == 0) {
            teardown();
            setup();
        }
    }
}

Test(music, a_service_that_never_acknowledges_its_reinvite_does_not_take_the_caller_along)
{
    in_music();
    ua_request(&tone, SIP_INVITE, SDP_M);
    ua_expect_request(&gw[0], SIP_INVITE);
    ua_reply(&gw[0], 200, SDP_A);
    ua_expect(&tone, 200);
    kit_run(k, 33000);
    ua_expect_request(&tone, SIP_BYE);
    ua_expect_request(&gw[0], SIP_ACK);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
}
