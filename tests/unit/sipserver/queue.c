/* Queues and agents: order, longest idle, ring timeout, wrap-up, logins. */
#include "tests/unit/sipserver/kit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct kit *k;
static struct ua phone[10], gw[4];

/* Four callers behind the gateway; they differ by tag and Call-ID. */
static void start(void (*tune)(struct kit *k))
{
    k = kit_house(tune);
    phones_register(k, phone, 100, 4);
    for (unsigned i = 0; i < 4; i++) {
        char user[8];

        snprintf(user, sizeof(user), "c%u", i);
        gw[i] = ua_at(k, "10.0.1.1", 5060, user);
    }
    kit_forget_caught(k);
}

static void setup(void)
{
    start(NULL);
}

static void teardown(void)
{
    kit_free(k);
}

static void wrap_up(struct kit *kit)
{
    kit->options.wrap_up_ms = 5000;
}

static void ready(const char *agent)
{
    cr_assert_eq(kit_agent(k, SC_LOGIN, agent, "", SC_AGENT_READY), 0);
}

/* Caller I enters the queue. */
static void enter(unsigned i)
{
    ua_invite(&gw[i], "5000", SDP_A);
    ua_expect(&gw[i], 182);
}

static void answered(unsigned caller, struct ua *agent)
{
    ua_reply(agent, 200, SDP_B);
    ua_expect(&gw[caller], 200);
    ua_ack(&gw[caller], NULL);
    ua_expect_request(agent, SIP_ACK);
}

static bool caller_is(const struct ua *agent, const char *user)
{
    return sip_str_eq(agent->msg.from.uri.user, sip_str_of(user));
}

TestSuite(queue, .init = setup, .fini = teardown);

Test(queue, a_call_waits_for_an_agent_and_is_answered)
{
    enter(0);
    kit_run(k, 7000);
    ua_expect_nothing(&phone[1]);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    ready("a1");
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_RESERVED);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 180, NULL);
    ua_expect(&gw[0], 180);
    answered(0, &phone[1]);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_BUSY);
    cr_assert_eq(kit_last_call(k, SC_CALL_ANSWERED)->wait_ms, 7000);
    cr_assert_str_eq(kit_last_call(k, SC_CALL_ANSWERED)->agent, "a1");
    cr_assert_str_eq(kit_last_call(k, SC_CALL_ANSWERED)->queue, "5000");
    ua_request(&gw[0], SIP_BYE, NULL);
    ua_expect_request(&phone[1], SIP_BYE);
    ua_reply(&phone[1], 200, NULL);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_READY);
    kit_assert_empty(k);
}

Test(queue, first_come_first_served)
{
    enter(0);
    kit_run(k, 100);
    enter(1);
    kit_run(k, 100);
    enter(2);
    ready("a1");
    ready("a2");
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert(caller_is(&phone[1], "c0"));
    ua_expect_request(&phone[2], SIP_INVITE);
    cr_assert(caller_is(&phone[2], "c1"));
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
}

Test(queue, the_agent_longest_idle_is_offered_the_call)
{
    ready("a2");
    kit_run(k, 1000);
    ready("a1");
    kit_run(k, 1000);
    ready("a3");
    enter(0);
    ua_expect_request(&phone[2], SIP_INVITE);
    answered(0, &phone[2]);
    ua_request(&phone[2], SIP_BYE, NULL);
    enter(1);
    ua_expect_request(&phone[1], SIP_INVITE);
    enter(2);
    ua_expect_request(&phone[3], SIP_INVITE);
    enter(3); /* a2 has been idle since its call ended */
    ua_expect_request(&phone[2], SIP_INVITE);
}

Test(queue, no_answer_puts_the_call_back_to_its_place_and_the_agent_not_ready)
{
    ready("a1");
    enter(0);
    kit_run(k, 100);
    enter(1);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_remember(&phone[1]);
    ua_reply(&phone[1], 180, NULL);
    kit_run(k, 20000);
    ua_expect_request(&phone[1], SIP_CANCEL);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_NOT_READY);
    cr_assert_str_eq(kit_agent_reason(k, "a1"), "no answer");
    cr_assert_eq(kit_queue(k, "5000").waiting, 2);
    ua_recall(&phone[1]);
    ua_reply(&phone[1], 487, NULL);
    ready("a2");
    ua_expect_request(&phone[2], SIP_INVITE);
    cr_assert(caller_is(&phone[2], "c0"), "the first caller is still first");
    cr_assert_eq(kit_calls_told(k, SC_CALL_QUEUED), 2, "it entered once");
}

Test(queue, a_refusing_agent_becomes_not_ready_and_the_call_goes_on)
{
    ready("a1");
    kit_run(k, 10);
    ready("a2");
    enter(0);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 486, NULL);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_NOT_READY);
    ua_expect_request(&phone[2], SIP_INVITE);
    answered(0, &phone[2]);
}

Test(queue, after_no_answer_the_agent_stays_not_ready_through_a_direct_call)
{
    ready("a1");
    enter(0);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 480, NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    ua_call(&phone[0], "101", SDP_A);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_BUSY);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 486, NULL);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_NOT_READY);
}

Test(queue, an_agent_who_answers_after_the_timeout_is_released)
{
    ready("a1");
    enter(0);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_remember(&phone[1]);
    ua_reply(&phone[1], 180, NULL);
    kit_run(k, 20000);
    ua_recall(&phone[1]);
    ua_reply(&phone[1], 200, SDP_B);
    ua_expect_request(&phone[1], SIP_CANCEL);
    ua_expect_request(&phone[1], SIP_ACK);
    ua_expect_request(&phone[1], SIP_BYE);
    ua_reply(&phone[1], 200, NULL);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
}

Test(queue, the_caller_gives_up_while_waiting)
{
    enter(0);
    kit_run(k, 3000);
    ua_cancel(&gw[0]);
    ua_expect(&gw[0], 200);
    ua_expect(&gw[0], 487);
    cr_assert_eq(kit_last_call(k, SC_CALL_ABANDONED)->wait_ms, 3000);
    cr_assert_eq(kit_queue(k, "5000").waiting, 0);
    kit_assert_empty(k);
}

Test(queue, the_caller_gives_up_while_an_agent_rings)
{
    ready("a1");
    kit_run(k, 5000);
    enter(0);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_remember(&phone[1]);
    ua_reply(&phone[1], 180, NULL);
    ua_cancel(&gw[0]);
    ua_expect_request(&phone[1], SIP_CANCEL);
    ua_reply(&phone[1], 200, NULL);
    ua_recall(&phone[1]);
    ua_reply(&phone[1], 487, NULL);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_READY, "the agent is offered the next call");
    kit_assert_empty(k);
}

/* RFC 3261 13.3.1.1 */
Test(queue, the_182_is_repeated_each_minute_also_when_queue_notice_is_longer)
{
    k->options.queue_notice_ms = 100000;
    kit_options(k);
    enter(0);
    kit_run(k, 59000);
    cr_assert_eq(ua_status(&gw[0]), 0);
    kit_run(k, 2000);
    ua_expect(&gw[0], 182);
    kit_run(k, 40000);
    ua_expect(&gw[0], 182);
    kit_run(k, 60000);
    ua_expect(&gw[0], 182);
}

Test(queue, a_full_queue_is_busy_and_a_wait_too_long_ends)
{
    struct sc_dn_conf dn = kit_dn_conf(k, "5000", SC_DN_QUEUE);

    dn.queue_size_max = 2;
    dn.queue_wait_max_ms = 30000;
    kit_dn(k, &dn);
    enter(0);
    enter(1);
    ua_invite(&gw[2], "5000", SDP_A);
    ua_expect(&gw[2], 486);
    cr_assert_eq(kit_counter(k, "drop_queue_full"), 1);
    kit_run(k, 30000);
    ua_expect(&gw[0], 480);
    ua_expect(&gw[1], 480);
    cr_assert_eq(kit_counter(k, "drop_queue_wait"), 2);
    kit_assert_empty(k);
}

Test(queue, a_deleted_queue_ends_its_calls)
{
    struct sc_dn_conf dn = kit_dn_conf(k, "5000", SC_DN_QUEUE);
    struct sc_event gone = {.kind = SC_EV_CONF_DN, .dn = &dn, .deleted = true};

    ready("a1");
    kit_agent(k, SC_NOT_READY, "a1", "", SC_AGENT_NULL);
    enter(0);
    enter(1);
    kit_step(k, &gone);
    kit_run(k, 0);
    ua_expect(&gw[0], 480);
    ua_expect(&gw[1], 480);
    kit_assert_empty(k);
}

Test(queue, after_call_work_delays_the_next_call)
{
    kit_free(k);
    start(wrap_up);
    ready("a1");
    enter(0);
    ua_expect_request(&phone[1], SIP_INVITE);
    answered(0, &phone[1]);
    ua_request(&gw[0], SIP_BYE, NULL);
    ua_expect(&gw[0], 200);
    ua_expect_request(&phone[1], SIP_BYE);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_ACW);
    enter(1);
    kit_run(k, 4900);
    cr_assert_not(ua_has_request(&phone[1], SIP_INVITE));
    kit_run(k, 200);
    cr_assert(ua_has_request(&phone[1], SIP_INVITE));
}

Test(queue, not_ready_during_a_call_counts_when_it_ends)
{
    ready("a1");
    enter(0);
    ua_expect_request(&phone[1], SIP_INVITE);
    answered(0, &phone[1]);
    cr_assert_eq(kit_agent(k, SC_NOT_READY, "a1", "", SC_AGENT_NULL), 0);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_BUSY);
    ua_request(&gw[0], SIP_BYE, NULL);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_NOT_READY);
}

Test(queue, an_agent_in_a_direct_call_is_busy_and_offered_nothing)
{
    ready("a1");
    ua_call(&phone[0], "101", SDP_A);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_BUSY);
    ua_expect_request(&phone[1], SIP_INVITE);
    enter(0);
    ua_expect_nothing(&phone[1]);
    ua_reply(&phone[1], 486, NULL);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_RESERVED);
}

Test(queue, logout_takes_an_offered_call_back)
{
    ready("a1");
    enter(0);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert_eq(kit_agent(k, SC_LOGOUT, "a1", "", SC_AGENT_NULL), 0);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_NULL);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    ready("a2");
    ua_expect_request(&phone[2], SIP_INVITE);
}

Test(queue, logout_in_a_call_leaves_the_call_up)
{
    ready("a1");
    enter(0);
    ua_expect_request(&phone[1], SIP_INVITE);
    answered(0, &phone[1]);
    cr_assert_eq(kit_agent(k, SC_LOGOUT, "a1", "", SC_AGENT_NULL), 0);
    cr_assert_eq(kit_status(k).calls, 1);
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect_request(&gw[0], SIP_BYE);
    ua_reply(&gw[0], 200, NULL);
    kit_assert_empty(k);
}

Test(queue, one_login_per_agent_and_per_extension)
{
    ready("a1");
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a2", "101", SC_AGENT_READY), -EBUSY);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "103", SC_AGENT_READY), -EBUSY);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "101", SC_AGENT_READY), 0,
                 "the same again is no error");
    cr_assert_eq(kit_agent(k, SC_LOGIN, "nobody", "103", SC_AGENT_READY), -ENOENT);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a2", "5000", SC_AGENT_READY), -EINVAL);
    cr_assert_eq(kit_agent(k, SC_READY, "a2", "", SC_AGENT_NULL), -ENOENT);
    cr_assert_eq(kit_status(k).agents, 1);
}

/* Two queues: an agent of both takes the call that has waited longer. */
Test(queue, an_agent_of_two_queues_takes_the_older_call)
{
    struct sc_dn_conf dn = kit_dn_conf(k, "5001", SC_DN_QUEUE);
    struct sc_agent_conf a = {.id = "a1", .dn = "101", .queues_n = 2, .queues = {"5000", "5001"}};
    struct sc_event e = {.kind = SC_EV_CONF_AGENT, .agent_conf = &a};

    kit_dn(k, &dn);
    kit_step(k, &e);
    ua_invite(&gw[0], "5001", SDP_A);
    ua_expect(&gw[0], 182);
    kit_run(k, 10);
    enter(1);
    ready("a1");
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert(caller_is(&phone[1], "c0"));
}
