/* Call records: exactly one for each call (I3), and what it says. */
#include "tests/unit/sipserver/kit.h"

#include <string.h>

#define EPOCH_WALL INT64_C(1700000000000)

static struct kit *k;
static struct ua phone[10], gw;

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

static unsigned records(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < k->actions_n; i++)
        n += k->actions[i].kind == SC_ACT_RECORD;
    return n;
}

/* The only record told so far. */
static const struct sc_record *record(void)
{
    const struct sc_record *r = NULL;

    cr_assert_eq(records(), 1, "%u records", records());
    for (unsigned i = 0; i < k->actions_n; i++)
        if (k->actions[i].kind == SC_ACT_RECORD)
            r = &k->actions[i].record;
    return r;
}

static void answer(struct ua *a, struct ua *b)
{
    ua_reply(b, 200, SDP_B);
    ua_expect(a, 200);
    ua_ack(a, NULL);
    ua_expect_request(b, SIP_ACK);
}

static void release(struct ua *x, struct ua *y)
{
    ua_request(x, SIP_BYE, NULL);
    ua_expect(x, 200);
    ua_expect_request(y, SIP_BYE);
    ua_reply(y, 200, NULL);
}

TestSuite(record, .init = setup, .fini = teardown);

Test(record, an_answered_call_with_its_moments)
{
    const struct sc_record *r;
    struct sc_record up;
    uint32_t cursor = 0;

    ua_invite(&gw, "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 100, NULL);
    kit_run(k, 1000);
    ua_reply(&phone[1], 180, NULL);
    ua_expect(&gw, 180);
    kit_run(k, 4000);
    answer(&gw, &phone[1]);
    cr_assert(sc_next_call(k->sc, &cursor, &up));
    cr_assert_eq(up.end_ms, 0, "it is up");
    cr_assert_eq(up.legs_n, 2);
    cr_assert_not(sc_next_call(k->sc, &cursor, &up));
    cr_assert_eq(records(), 0, "not before its end");
    kit_run(k, 60000);
    release(&gw, &phone[1]);
    r = record();
    cr_assert_eq(r->outcome, SC_CALL_RELEASED);
    cr_assert_eq(r->released_by, SC_BY_CALLER);
    cr_assert_eq(r->cause, 200);
    cr_assert_str_eq(r->caller, "+491234");
    cr_assert_str_eq(r->called, "101");
    cr_assert_str_eq(r->source, "gw");
    cr_assert_str_eq(r->call, up.call);
    cr_assert_eq(r->answer_ms - r->start_ms, 5000);
    cr_assert_eq(r->end_ms - r->start_ms, 65000);
    cr_assert_eq(r->wait_ms, 5000);
    cr_assert_eq(r->talk_ms, 60000);
    cr_assert_eq(r->legs_n, 2);
    cr_assert_str_eq(r->legs[1].number, "101");
    cr_assert_eq(r->legs[1].ring_ms - r->start_ms, 1000);
    cr_assert_eq(r->legs[1].answer_ms - r->start_ms, 5000);
    cr_assert_eq(r->legs[1].end_ms, r->end_ms);
    cr_assert_eq(r->legs[1].status, 200);
    cr_assert_eq(r->legs[0].end_ms, r->end_ms);
    cursor = 0;
    cr_assert_not(sc_next_call(k->sc, &cursor, &up));
}

Test(record, the_called_party_releases)
{
    ua_call(&phone[0], "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    answer(&phone[0], &phone[1]);
    release(&phone[1], &phone[0]);
    cr_assert_eq(record()->released_by, SC_BY_CALLED);
    cr_assert_str_eq(record()->source, "100");
}

Test(record, busy_is_the_called_partys_doing)
{
    ua_call(&phone[0], "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 486, NULL);
    ua_expect(&phone[0], 486);
    kit_run(k, 60000);
    cr_assert_eq(record()->outcome, SC_CALL_FAILED);
    cr_assert_eq(record()->released_by, SC_BY_CALLED);
    cr_assert_eq(record()->cause, 486);
    cr_assert_eq(record()->legs[1].status, 486);
    cr_assert_eq(record()->answer_ms, 0);
    cr_assert_eq(record()->talk_ms, 0);
}

Test(record, a_call_that_leads_nowhere_has_one_too)
{
    ua_call(&phone[0], "888", SDP_A);
    ua_expect(&phone[0], 404);
    kit_run(k, 60000);
    cr_assert_eq(record()->released_by, SC_BY_SERVER);
    cr_assert_eq(record()->cause, 404);
    cr_assert_eq(record()->legs_n, 1);
}

Test(record, the_caller_gives_up_while_it_rings)
{
    ua_call(&phone[0], "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    ua_reply(&phone[1], 180, NULL);
    ua_expect(&phone[0], 180);
    kit_run(k, 3000);
    ua_cancel(&phone[0]);
    kit_run(k, 60000);
    cr_assert_eq(record()->outcome, SC_CALL_ABANDONED);
    cr_assert_eq(record()->released_by, SC_BY_CALLER);
    cr_assert_eq(record()->cause, 487);
    cr_assert_eq(record()->end_ms - record()->start_ms, 3000);
    cr_assert_eq(record()->legs[1].end_ms, record()->end_ms);
}

/* Five agents in turn, more than a record has room for: the last ones are kept, all are counted. */
Test(record, out_of_a_queue_with_every_agent_tried)
{
    struct ua more[2];
    const struct sc_record *r;

    phones_register(k, more, 104, 2);
    for (unsigned i = 1; i <= 5; i++) {
        char id[3] = {'a', (char)('0' + i), '\0'};

        cr_assert_eq(kit_agent(k, SC_LOGIN, id, "", SC_AGENT_READY), 0);
        kit_run(k, 10);
    }
    kit_forget_caught(k);
    ua_invite(&gw, "5000", SDP_A);
    kit_run(k, 4 * 20000 + 1000);
    cr_assert(ua_has_request(&more[1], SIP_INVITE), "the fifth agent is offered the call");
    ua_expect_request(&more[1], SIP_INVITE);
    ua_reply(&more[1], 200, SDP_B);
    ua_expect(&gw, 182);
    ua_expect(&gw, 182); /* repeated after a minute */
    ua_expect(&gw, 200);
    ua_ack(&gw, NULL);
    kit_run(k, 500);
    ua_request(&gw, SIP_BYE, NULL);
    kit_run(k, 64000);
    r = record();
    cr_assert_str_eq(r->queue, "5000");
    cr_assert_str_eq(r->agent, "a5");
    cr_assert_eq(r->targets, 5);
    cr_assert_eq(r->legs_n, SC_RECORD_LEGS_MAX);
    cr_assert_str_eq(r->legs[1].agent, "a2");
    cr_assert_eq(r->legs[1].status, 408);
    cr_assert_eq(r->legs[1].end_ms - r->legs[1].start_ms, 20000);
    cr_assert_str_eq(r->legs[4].agent, "a5");
    cr_assert_eq(r->legs[4].status, 200);
    cr_assert_eq(r->wait_ms, 81000);
}

Test(record, a_step_of_the_wall_clock_changes_no_duration)
{
    struct sc_event role = {
        .kind = SC_EV_ROLE, .primary = true, .epoch = k->epoch, .wall_ms = EPOCH_WALL};

    kit_alone(k); /* the kit's takeovers have the usual clock */
    kit_step(k, &role);
    ua_call(&phone[0], "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    answer(&phone[0], &phone[1]);
    role.wall_ms = EPOCH_WALL - 3600000;
    kit_step(k, &role);
    kit_run(k, 7000);
    release(&phone[0], &phone[1]);
    cr_assert_eq(record()->start_ms, EPOCH_WALL);
    cr_assert_eq(record()->end_ms, EPOCH_WALL + 7000);
}

/* The host that goes on with the call writes its record. */
Test(record, a_lost_role_tells_nothing)
{
    ua_call(&phone[0], "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    answer(&phone[0], &phone[1]);
    kit_role(k, false, k->epoch);
    kit_run(k, 60000);
    cr_assert_eq(records(), 0);
}
