/* The rules of agents' requests, as tables, and what a busy agent is busy with. */
#include "tests/unit/sipserver/kit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct kit *k;
static struct ua phone[10], gw;

static void setup(void)
{
    k = kit_house(NULL);
    phones_register(k, phone, 100, 4);
    gw = ua_at(k, "10.0.1.1", 5060, "c0");
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

/* What the last request of an agent was answered. */
static const struct sc_agent_reply *reply(void)
{
    for (unsigned i = k->actions_n; i-- > 0;)
        if (k->actions[i].kind == SC_ACT_AGENT_REPLY)
            return &k->actions[i].reply;
    return NULL;
}

struct rule {
    enum sc_agent_op op;
    const char *agent, *dn;
    enum sc_agent_state state;
    int code;
    enum sc_agent_state after; /* of a1 */
    const char *text;
};

static void obey(const struct rule *rules, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const struct rule *r = &rules[i];

        cr_assert_eq(kit_agent(k, r->op, r->agent, r->dn, r->state), r->code, "rule %u", i);
        cr_assert_eq(kit_agent_state(k, "a1"), r->after, "rule %u", i);
        cr_assert_str_eq(reply()->text, r->text, "rule %u", i);
    }
}

TestSuite(agents, .init = setup, .fini = teardown);

/* L-2: the site has no peer, the phone does not matter for the login. */
Test(agents, one_login_for_each_agent_and_each_extension_and_the_refusal_says_why)
{
    static const struct rule rules[] = {
        {SC_READY, "a1", "", 0, -ENOENT, SC_AGENT_NULL, "not logged in"},
        {SC_NOT_READY, "a1", "", 0, -ENOENT, SC_AGENT_NULL, "not logged in"},
        {SC_LOGIN, "nobody", "101", SC_AGENT_READY, -ENOENT, SC_AGENT_NULL, "no such agent"},
        {SC_LOGIN, "a1", "5000", SC_AGENT_READY, -EINVAL, SC_AGENT_NULL,
         "no such extension: give the number of a phone"},
        {SC_LOGIN, "a1", "", SC_AGENT_NOT_READY, 0, SC_AGENT_NOT_READY, "logged in"},
        {SC_LOGIN, "a2", "101", SC_AGENT_READY, -EBUSY, SC_AGENT_NOT_READY,
         "another agent is logged in at this extension"},
        {SC_LOGIN, "a1", "103", SC_AGENT_READY, -EBUSY, SC_AGENT_NOT_READY,
         "already logged in at another extension: log out there first"},
        {SC_LOGIN, "a1", "101", SC_AGENT_READY, 0, SC_AGENT_READY, "logged in"},
        {SC_NOT_READY, "a1", "", 0, 0, SC_AGENT_NOT_READY, ""},
        {SC_READY, "a1", "", 0, 0, SC_AGENT_READY, ""},
        {SC_LOGOUT, "a1", "", 0, 0, SC_AGENT_NULL, ""},
        {SC_LOGOUT, "a1", "", 0, 0, SC_AGENT_NULL, ""},
        {SC_LOGIN, "a2", "101", SC_AGENT_READY, 0, SC_AGENT_NULL, "logged in"},
        {SC_LOGIN, "a1", "109", SC_AGENT_READY, 0, SC_AGENT_READY,
         "logged in; calls come when the phone is in service"},
    };

    obey(rules, sizeof(rules) / sizeof(rules[0]));
}

static enum sc_agent_work work(const char *agent)
{
    struct sc_agent_event e;
    uint32_t cursor = 0;

    while (sc_next_agent(k->sc, &cursor, &e))
        if (strcmp(e.agent, agent) == 0)
            return e.work;
    return SC_WORK_NONE;
}

/* As the Stat Server was told last. */
static enum sc_agent_work told(const char *agent)
{
    for (unsigned i = k->actions_n; i-- > 0;)
        if (k->actions[i].kind == SC_ACT_AGENT_EVENT &&
            k->actions[i].agent.kind == SC_AGENT_STATE &&
            strcmp(k->actions[i].agent.agent, agent) == 0)
            return k->actions[i].agent.work;
    return SC_WORK_NONE;
}

static void login(void)
{
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "", SC_AGENT_READY), 0);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a2", "", SC_AGENT_NOT_READY), 0);
}

Test(agents, a_call_out_of_a_queue_is_acd_work)
{
    login();
    ua_invite(&gw, "5000", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert_eq(work("a1"), SC_WORK_NONE, "reserved is not busy");
    ua_reply(&phone[1], 200, SDP_B);
    cr_assert_eq(work("a1"), SC_WORK_ACD);
    cr_assert_eq(told("a1"), SC_WORK_ACD);
}

Test(agents, a_direct_call_from_a_trunk_is_inbound_work)
{
    login();
    ua_invite(&gw, "101", SDP_A);
    cr_assert_eq(kit_agent_state(k, "a1"), SC_AGENT_BUSY);
    cr_assert_eq(work("a1"), SC_WORK_INBOUND);
}

Test(agents, a_call_between_extensions_is_internal_work_for_both)
{
    login();
    ua_call(&phone[1], "102", SDP_A);
    cr_assert_eq(work("a1"), SC_WORK_INTERNAL);
    cr_assert_eq(work("a2"), SC_WORK_INTERNAL);
    cr_assert_eq(told("a1"), SC_WORK_INTERNAL);
}

Test(agents, a_call_that_leaves_by_a_trunk_is_outbound_work_and_a_second_one_a_consultation)
{
    login();
    ua_call(&phone[1], "9555", SDP_A);
    cr_assert_eq(told("a1"), SC_WORK_OUTBOUND);
    ua_call(&phone[1], "102", SDP_A);
    cr_assert_eq(work("a1"), SC_WORK_CONSULT);
    cr_assert_eq(told("a1"), SC_WORK_CONSULT);
}
