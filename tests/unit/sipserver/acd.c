/* Which call goes to which agent: priorities, groups, linear and ring-all queues, overflow. */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

static struct kit *k;
static struct ua phone[10], gw[4];

static void setup(void)
{
    k = kit_house(NULL);
    phones_register(k, phone, 100, 6);
    for (unsigned i = 0; i < 4; i++) {
        char user[8];

        snprintf(user, sizeof(user), "c%u", i);
        gw[i] = ua_at(k, "10.0.1.1", 5060, user);
    }
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

static struct sc_dn_conf queue_conf(const char *number)
{
    return kit_dn_conf(k, number, SC_DN_QUEUE);
}

static void ready(const char *agent)
{
    cr_assert_eq(kit_agent(k, SC_LOGIN, agent, "", SC_AGENT_READY), 0);
}

static void agent_in(const char *id, const char *dn, const char *group, uint32_t level)
{
    struct sc_agent_conf a = {.groups_n = 1, .level = level};
    struct sc_event e = {.kind = SC_EV_CONF_AGENT, .agent_conf = &a};

    snprintf(a.id, sizeof(a.id), "%s", id);
    snprintf(a.dn, sizeof(a.dn), "%s", dn);
    snprintf(a.groups[0], sizeof(a.groups[0]), "%s", group);
    kit_step(k, &e);
}

static void enter(unsigned i, const char *number)
{
    ua_invite(&gw[i], number, SDP_A);
    ua_expect(&gw[i], 182);
}

static bool caller_is(const struct ua *agent, const char *user)
{
    return sip_str_eq(agent->msg.from.uri.user, sip_str_of(user));
}

TestSuite(acd, .init = setup, .fini = teardown);

/* ---- priorities ---- */

Test(acd, calls_of_a_higher_priority_come_first_and_older_ones_within_it)
{
    struct sc_dn_conf point = kit_dn_conf(k, "6001", SC_DN_ROUTING_POINT);

    point.call_priority = 5;
    point.targets_n = 1;
    snprintf(point.targets[0], sizeof(point.targets[0]), "5000");
    kit_dn(k, &point);
    enter(0, "5000");
    kit_run(k, 10);
    enter(1, "6001");
    kit_run(k, 10);
    enter(2, "6001");
    cr_assert_eq(kit_queue(k, "5000").waiting_by[0], 1);
    cr_assert_eq(kit_queue(k, "5000").waiting_by[5], 2);
    ready("a1");
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert(caller_is(&phone[1], "c1"));
    ready("a2");
    ua_expect_request(&phone[2], SIP_INVITE);
    cr_assert(caller_is(&phone[2], "c2"));
    ready("a3");
    ua_expect_request(&phone[3], SIP_INVITE);
    cr_assert(caller_is(&phone[3], "c0"));
}

Test(acd, the_oldest_call_is_told_whatever_its_priority)
{
    struct sc_dn_conf vip = queue_conf("5001");

    enter(0, "5000");
    mono_t since = kit_queue(k, "5000").oldest_since;
    kit_run(k, 1000);
    vip.call_priority = 9;
    kit_dn(k, &vip);
    vip = queue_conf("5000");
    vip.call_priority = 9;
    kit_dn(k, &vip);
    enter(1, "5000");
    cr_assert_eq(kit_queue(k, "5000").waiting_by[9], 1);
    cr_assert_eq(kit_queue(k, "5000").oldest_since.ns, since.ns);
}

Test(acd, an_agent_of_two_queues_takes_the_call_of_the_higher_priority)
{
    struct sc_dn_conf vip = queue_conf("5001");
    struct sc_agent_conf a = {.id = "a1", .dn = "101", .queues_n = 2, .queues = {"5000", "5001"}};
    struct sc_event e = {.kind = SC_EV_CONF_AGENT, .agent_conf = &a};

    vip.call_priority = 3;
    kit_dn(k, &vip);
    kit_step(k, &e);
    enter(0, "5000");
    kit_run(k, 10);
    enter(1, "5001");
    ready("a1");
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert(caller_is(&phone[1], "c1"));
}

/* ---- groups and the linear order ---- */

Test(acd, agents_serve_the_queues_that_name_their_group)
{
    struct sc_dn_conf dn = queue_conf("5002");

    dn.groups_n = 1;
    snprintf(dn.groups[0], sizeof(dn.groups[0]), "experts");
    kit_dn(k, &dn);
    agent_in("e1", "104", "experts", 0);
    agent_in("e2", "105", "others", 0);
    ready("e1");
    ready("e2");
    cr_assert_eq(kit_queue(k, "5002").agents_ready, 1);
    enter(0, "5002");
    ua_expect_request(&phone[4], SIP_INVITE);
    /* The queue names the other group too: its agents serve it from now on. */
    dn.groups_n = 2;
    snprintf(dn.groups[1], sizeof(dn.groups[1]), "others");
    kit_dn(k, &dn);
    kit_run(k, 0);
    cr_assert_eq(kit_queue(k, "5002").agents_logged_in, 2);
    enter(1, "5002");
    ua_expect_request(&phone[5], SIP_INVITE);
    /* And no longer any of them. */
    dn.groups_n = 0;
    kit_dn(k, &dn);
    kit_run(k, 0);
    cr_assert_eq(kit_queue(k, "5002").agents_logged_in, 0);
}

Test(acd, a_group_with_more_queues_than_an_agent_can_serve_is_counted)
{
    kit_alone(k); /* both hosts have the configuration, and would count */
    for (unsigned i = 0; i < 9; i++) {
        char number[16];
        struct sc_dn_conf dn;

        snprintf(number, sizeof(number), "52%u", i);
        dn = queue_conf(number);
        dn.groups_n = 1;
        snprintf(dn.groups[0], sizeof(dn.groups[0]), "all");
        kit_dn(k, &dn);
    }
    agent_in("e1", "104", "all", 0);
    cr_assert_eq(kit_counter(k, "drop_agent_queues_full"), 1);
    ready("e1");
    cr_assert_eq(kit_queue(k, "520").agents_ready, 1);
    cr_assert_eq(kit_queue(k, "528").agents_ready, 0);
}

Test(acd, a_linear_queue_asks_in_the_order_of_groups_then_levels_whoever_is_longest_idle)
{
    struct sc_dn_conf dn = queue_conf("5003");

    dn.distribution = SC_LINEAR;
    dn.groups_n = 2;
    snprintf(dn.groups[0], sizeof(dn.groups[0]), "first");
    snprintf(dn.groups[1], sizeof(dn.groups[1]), "second");
    kit_dn(k, &dn);
    agent_in("e1", "101", "second", 1);
    agent_in("e2", "102", "first", 2);
    agent_in("e3", "103", "first", 1);
    agent_in("e4", "104", "first", 0);
    for (unsigned i = 1; i <= 4; i++) {
        char id[8];

        snprintf(id, sizeof(id), "e%u", i);
        ready(id);
        kit_run(k, 1000);
    }
    enter(0, "5003");
    ua_expect_request(&phone[3], SIP_INVITE);
    enter(1, "5003");
    ua_expect_request(&phone[2], SIP_INVITE);
    enter(2, "5003");
    ua_expect_request(&phone[4], SIP_INVITE);
    enter(3, "5003");
    ua_expect_request(&phone[1], SIP_INVITE);
}

/* ---- wrap-up ---- */

Test(acd, after_call_work_is_that_of_the_queue_and_ends_when_the_agent_says_ready)
{
    struct sc_dn_conf dn = queue_conf("5000");

    dn.wrap_up_ms = 8000;
    kit_dn(k, &dn);
    ready("a1");
    for (unsigned i = 0; i < 2; i++) {
        enter(i, "5000");
        ua_expect_request(&phone[1], SIP_INVITE);
        ua_reply(&phone[1], 200, SDP_B);
        ua_expect(&gw[i], 200);
        ua_ack(&gw[i], NULL);
        ua_expect_request(&phone[1], SIP_ACK);
        ua_request(&gw[i], SIP_BYE, NULL);
        ua_expect(&gw[i], 200);
        ua_expect_request(&phone[1], SIP_BYE);
        ua_reply(&phone[1], 200, NULL);
        cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_ACW);
        kit_run(k, 7900);
        cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_ACW);
        if (i == 0)
            cr_assert_eq(kit_agent(k, SC_READY, "a1", "", SC_AGENT_NULL), 0);
        else
            kit_run(k, 200);
        cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_READY);
    }
}

/* ---- an offer that fails ---- */

static void refused(unsigned status, const char *reason)
{
    ready("a1");
    enter(0, "5000");
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], status, NULL);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_NOT_READY);
    cr_assert_str_eq(kit_agent_reason(k, "a1"), reason);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
}

Test(acd, a_busy_phone_makes_its_agent_not_ready)
{
    refused(486, "phone busy");
}

Test(acd, a_phone_that_is_not_available_makes_its_agent_not_ready)
{
    refused(480, "phone not available");
}

Test(acd, a_declined_call_makes_the_agent_not_ready)
{
    refused(603, "call declined");
}

Test(acd, a_phone_lost_while_it_rings_gives_the_call_back_at_once)
{
    ready("a1");
    enter(0, "5000");
    kit_run(k, 10);
    enter(1, "5000");
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 180, NULL);
    cr_assert_eq(ua_register(&phone[1], "pw", 0), 200);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_NOT_READY);
    cr_assert_str_eq(kit_agent_reason(k, "a1"), "phone out of service");
    ready("a2");
    ua_expect_request(&phone[2], SIP_INVITE);
    cr_assert(caller_is(&phone[2], "c0"), "back at the head");
}

/* ---- ring-all ---- */

static void ring_all(void)
{
    struct sc_dn_conf dn = queue_conf("5000");

    dn.distribution = SC_RING_ALL;
    kit_dn(k, &dn);
    ready("a1");
    kit_run(k, 10);
    ready("a2");
    kit_run(k, 10);
    ready("a3");
}

/* The three phones have been asked, and remember it. */
static void three_ring(void)
{
    enter(0, "5000");
    for (unsigned i = 1; i <= 3; i++) {
        ua_expect_request(&phone[i], SIP_INVITE);
        ua_remember(&phone[i]);
        ua_reply(&phone[i], 180, NULL);
        if (i == 1)
            ua_expect(&gw[0], 180);
    }
    cr_assert_eq(ua_status(&gw[0]), 0, "one 180 is enough");
}

static void cancelled(unsigned i, bool elsewhere)
{
    ua_expect_request(&phone[i], SIP_CANCEL);
    cr_assert_str_eq(ua_header(&phone[i], SIP_H_REASON),
                     elsewhere ? "SIP;cause=200;text=\"Call completed elsewhere\"" : "");
    ua_reply(&phone[i], 200, NULL);
    ua_recall(&phone[i]);
    ua_reply(&phone[i], 487, NULL);
    ua_expect_request(&phone[i], SIP_ACK);
}

/* RFC 3326 2 */
Test(acd, ring_all_the_first_answer_wins_and_the_others_are_told_completed_elsewhere)
{
    const struct sc_record *r = NULL;

    ring_all();
    three_ring();
    cr_assert_eq(kit_agent_state(k, "a3"), SC_AGENT_RESERVED);
    ua_recall(&phone[2]);
    ua_reply(&phone[2], 200, SDP_B);
    ua_expect(&gw[0], 200);
    cr_assert(ua_body_is(&gw[0], SDP_B));
    cancelled(1, true);
    cancelled(3, true);
    ua_ack(&gw[0], NULL);
    ua_expect_request(&phone[2], SIP_ACK);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_READY);
    cr_assert_eq(kit_agent_state(k, "a2"), SC_AGENT_BUSY);
    cr_assert_eq(kit_agent_state(k, "a3"), SC_AGENT_READY);
    cr_assert_str_eq(kit_last_call(k, SC_CALL_ANSWERED)->agent, "a2");
    ua_request(&gw[0], SIP_BYE, NULL);
    ua_expect_request(&phone[2], SIP_BYE);
    ua_reply(&phone[2], 200, NULL);
    kit_assert_empty(k);
    for (unsigned i = 0; i < k->actions_n; i++)
        if (k->actions[i].kind == SC_ACT_RECORD)
            r = &k->actions[i].record;
    cr_assert_not_null(r);
    cr_assert_str_eq(r->agent, "a2");
    cr_assert_eq(r->targets, 3);
    cr_assert_eq(r->legs_n, 4);
    for (unsigned i = 1; i < 4; i++)
        cr_assert_eq(r->legs[i].status, strcmp(r->legs[i].agent, "a2") == 0 ? 200u : 0u);
}

Test(acd, ring_all_two_answers_at_once_one_is_released)
{
    ring_all();
    three_ring();
    ua_recall(&phone[3]);
    ua_reply(&phone[3], 200, SDP_B);
    ua_recall(&phone[1]);
    ua_reply(&phone[1], 200, SDP_B);
    ua_expect_request(&phone[1], SIP_CANCEL);
    ua_expect_request(&phone[1], SIP_ACK);
    ua_expect_request(&phone[1], SIP_BYE);
    ua_reply(&phone[1], 200, NULL);
    ua_expect(&gw[0], 200);
    cr_assert_eq(kit_agent_state(k, "a3"), SC_AGENT_BUSY);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_READY);
    cr_assert_eq(kit_calls_told(k, SC_CALL_ANSWERED), 1);
}

Test(acd, ring_all_goes_on_while_one_phone_rings)
{
    ring_all();
    enter(0, "5000");
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 486, NULL);
    ua_expect_request(&phone[1], SIP_ACK);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 603, NULL);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_NOT_READY);
    cr_assert_str_eq(kit_agent_reason(k, "a2"), "call declined");
    cr_assert_eq(kit_agent_state(k, "a3"), SC_AGENT_RESERVED);
    cr_assert_eq(kit_queue(k, "5000").waiting, 0);
    ua_expect_request(&phone[3], SIP_INVITE);
    ua_reply(&phone[3], 480, NULL);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1, "the last one has refused");
    cr_assert_eq(kit_agent_state(k, "a3"), SC_AGENT_NOT_READY);
}

Test(acd, ring_all_nobody_answers_all_are_not_ready)
{
    ring_all();
    three_ring();
    kit_run(k, 20000);
    for (unsigned i = 1; i <= 3; i++)
        cancelled(i, false);
    cr_assert_str_eq(kit_agent_reason(k, "a1"), "no answer");
    cr_assert_str_eq(kit_agent_reason(k, "a3"), "no answer");
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
}

Test(acd, ring_all_the_caller_gives_up_and_all_are_ready_again)
{
    ring_all();
    three_ring();
    ua_cancel(&gw[0]);
    for (unsigned i = 1; i <= 3; i++)
        cancelled(i, false);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_READY);
    cr_assert_eq(kit_agent_state(k, "a2"), SC_AGENT_READY);
    cr_assert_eq(kit_agent_state(k, "a3"), SC_AGENT_READY);
    kit_assert_empty(k);
}

Test(acd, ring_all_an_agent_who_logs_out_no_longer_rings)
{
    ring_all();
    three_ring();
    cr_assert_eq(kit_agent(k, SC_LOGOUT, "a1", "", SC_AGENT_NULL), 0);
    cancelled(1, false);
    cr_assert_eq(kit_agent(k, SC_LOGOUT, "a3", "", SC_AGENT_NULL), 0);
    cancelled(3, false);
    cr_assert_eq(kit_queue(k, "5000").waiting, 0);
    ua_recall(&phone[2]);
    ua_reply(&phone[2], 200, SDP_B);
    ua_expect(&gw[0], 200);
    cr_assert_eq(kit_agent_state(k, "a2"), SC_AGENT_BUSY);
}

Test(acd, ring_all_rings_no_more_than_its_maximum)
{
    k->options.ring_all_max = 2;
    kit_options(k);
    ring_all();
    enter(0, "5000");
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_expect_nothing(&phone[3]);
    enter(1, "5000");
    ua_expect_request(&phone[3], SIP_INVITE);
}

/* ---- overflow ---- */

Test(acd, a_call_that_has_waited_too_long_overflows_to_another_queue_and_keeps_its_age)
{
    struct sc_dn_conf dn = queue_conf("5000");
    struct sc_agent_conf a = {.id = "a5", .dn = "105", .queues_n = 1, .queues = {"5001"}};
    struct sc_event e = {.kind = SC_EV_CONF_AGENT, .agent_conf = &a};

    dn.queue_wait_max_ms = 30000;
    snprintf(dn.overflow_wait, sizeof(dn.overflow_wait), "5001");
    kit_dn(k, &dn);
    dn = queue_conf("5001");
    kit_dn(k, &dn);
    kit_step(k, &e);
    enter(0, "5000");
    kit_run(k, 20000);
    enter(1, "5001");
    kit_run(k, 10000);
    cr_assert_eq(kit_queue(k, "5000").waiting, 0);
    cr_assert_eq(kit_queue(k, "5001").waiting, 2);
    cr_assert_str_eq(kit_last_call(k, SC_CALL_OVERFLOWED)->queue, "5000");
    cr_assert_eq(kit_counter(k, "calls_overflowed"), 1);
    ready("a5");
    ua_expect_request(&phone[5], SIP_INVITE);
    cr_assert(caller_is(&phone[5], "c0"), "it has waited longer");
    cr_assert_eq(kit_last_call(k, SC_CALL_OFFERED)->wait_ms, 30000);
}

Test(acd, a_full_queue_overflows_to_an_extension)
{
    struct sc_dn_conf dn = queue_conf("5000");

    dn.queue_size_max = 1;
    snprintf(dn.overflow_full, sizeof(dn.overflow_full), "100");
    kit_dn(k, &dn);
    enter(0, "5000");
    ua_invite(&gw[1], "5000", SDP_A);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_reply(&phone[0], 200, SDP_B);
    ua_expect(&gw[1], 200);
    cr_assert_eq(kit_counter(k, "drop_queue_full"), 0);
}

Test(acd, without_any_agent_a_queue_overflows_at_once_and_when_the_last_one_leaves)
{
    struct sc_dn_conf dn = queue_conf("5000");

    snprintf(dn.overflow_no_agent, sizeof(dn.overflow_no_agent), "6001");
    kit_dn(k, &dn);
    dn = kit_dn_conf(k, "6001", SC_DN_ROUTING_POINT);
    dn.targets_n = 2;
    snprintf(dn.targets[0], sizeof(dn.targets[0]), "109"); /* out of service */
    snprintf(dn.targets[1], sizeof(dn.targets[1]), "100");
    kit_dn(k, &dn);
    ua_invite(&gw[0], "5000", SDP_A);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_reply(&phone[0], 180, NULL);
    ua_expect(&gw[0], 180);
    ready("a1");
    cr_assert_eq(kit_agent(k, SC_NOT_READY, "a1", "", SC_AGENT_NULL), 0);
    enter(1, "5000");
    kit_run(k, 1000);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    cr_assert_eq(kit_agent(k, SC_LOGOUT, "a1", "", SC_AGENT_NULL), 0);
    kit_run(k, 0);
    cr_assert_eq(kit_queue(k, "5000").waiting, 0);
    ua_expect_request(&phone[0], SIP_INVITE);
    cr_assert(caller_is(&phone[0], "c1"));
}

Test(acd, a_place_that_cannot_take_the_overflow_gives_the_call_back_to_its_queue)
{
    struct sc_dn_conf dn = queue_conf("5000");

    dn.queue_wait_max_ms = 10000;
    snprintf(dn.overflow_wait, sizeof(dn.overflow_wait), "100");
    kit_dn(k, &dn);
    enter(0, "5000");
    kit_run(k, 10000);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_reply(&phone[0], 486, NULL);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    ready("a1");
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 200, SDP_B);
    cr_assert_eq(kit_last_call(k, SC_CALL_ANSWERED)->wait_ms, 10000);
    cr_assert_str_eq(kit_last_call(k, SC_CALL_ANSWERED)->queue, "5000");
}

Test(acd, two_queues_that_overflow_to_each_other_come_to_an_end)
{
    struct sc_dn_conf dn = queue_conf("5000");

    k->options.overflows_max = 3;
    kit_options(k);
    dn.queue_wait_max_ms = 10000;
    snprintf(dn.overflow_wait, sizeof(dn.overflow_wait), "5001");
    kit_dn(k, &dn);
    dn = queue_conf("5001");
    dn.queue_wait_max_ms = 10000;
    snprintf(dn.overflow_wait, sizeof(dn.overflow_wait), "5000");
    kit_dn(k, &dn);
    enter(0, "5000");
    kit_run(k, 39900);
    cr_assert_eq(kit_queue(k, "5001").waiting, 1);
    kit_run(k, 200);
    for (unsigned i = 0; i < 3; i++)
        ua_expect(&gw[0], 182);
    ua_expect(&gw[0], 480);
    cr_assert_eq(kit_counter(k, "calls_overflowed"), 3);
    kit_assert_empty(k);
}

Test(acd, a_full_queue_whose_overflow_is_itself_full_is_busy)
{
    struct sc_dn_conf dn = queue_conf("5000");

    dn.queue_size_max = 1;
    snprintf(dn.overflow_full, sizeof(dn.overflow_full), "5000");
    kit_dn(k, &dn);
    enter(0, "5000");
    ua_invite(&gw[1], "5000", SDP_A);
    ua_expect(&gw[1], 486);
    cr_assert_eq(kit_counter(k, "drop_queue_full"), 1);
}

Test(acd, a_queue_that_was_deleted_and_is_there_again_has_its_idle_agents)
{
    struct sc_dn_conf dn = kit_dn_conf(k, "5000", SC_DN_QUEUE);
    struct sc_event deleted = {.kind = SC_EV_CONF_DN, .dn = &dn, .deleted = true};

    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "", SC_AGENT_READY), 0);
    kit_step(k, &deleted);
    kit_dn(k, &dn);
    cr_assert_eq(kit_queue(k, "5000").agents_logged_in, 1);
    cr_assert_eq(kit_queue(k, "5000").agents_ready, 1);
    ua_invite(&gw[0], "5000", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
}

Test(acd, the_expected_wait_does_not_count_the_time_in_which_the_site_was_backup)
{
    enter(0, "5000");
    enter(1, "5000");
    ready("a1");
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 200, SDP_B);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    kit_role(k, false, 1);
    kit_join(k);
    kit_run(k, 7200000);
    kit_role(k, true, 2);
    phones_register(k, phone, 100, 6);
    kit_forget_caught(k);
    enter(2, "5000");
    enter(3, "5000");
    ready("a1");
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 200, SDP_B);
    cr_assert_eq(kit_queue(k, "5000").waiting, 1);
    cr_assert_eq(kit_queue(k, "5000").expected_wait_ms, 0, "nothing is known yet");
}

/* RFC 3311 5.2: the caller has one session at a time; a phone that rings beside the target changes
 * none. */
Test(acd, ring_all_a_phone_that_is_not_the_target_cannot_change_the_callers_session)
{
    ring_all();
    three_ring();
    ua_recall(&phone[1]);
    ua_request(&phone[1], SIP_UPDATE, SDP_B);
    ua_expect(&phone[1], 491);
    cr_assert_not(ua_has_request(&gw[0], SIP_UPDATE));
}
