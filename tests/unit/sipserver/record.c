/* Call records: exactly one for each call (I3), and what it says. */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
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

/* ---- transfers: everybody who was connected has a leg with its own moments ---- */

#define SDP_C "v=0\r\no=c 1 1 IN IP4 10.9.9.3\r\ns=-\r\n"

TestSuite(record_of_transfers, .init = setup, .fini = teardown);

static void expect_bye(struct ua *u)
{
    ua_expect_request(u, SIP_BYE);
    ua_reply(u, 200, NULL);
}

static void expect_notify(struct ua *u)
{
    ua_expect_request(u, SIP_NOTIFY);
    ua_reply(u, 200, NULL);
}

/* T refers P to TO. */
static void refer(struct ua *t, const char *to)
{
    ua_says(t, SIP_H_REFER_TO, to);
    ua_request(t, SIP_REFER, NULL);
    ua_expect(t, 202);
    expect_notify(t);
}

/* C, who was asked for its session, and P are joined. */
static void join(struct ua *p, struct ua *c)
{
    ua_reply(c, 200, SDP_C);
    ua_expect_request(p, SIP_INVITE);
    ua_reply(p, 200, SDP_A);
    ua_expect_request(p, SIP_ACK);
    ua_expect_request(c, SIP_ACK);
}

/* 100 calls 101; after half a second T transfers to 102, which answers 3 s later. */
static void transfer(struct ua *t, struct ua *p)
{
    ua_call(&phone[0], "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    answer(&phone[0], &phone[1]);
    kit_run(k, 500);
    refer(t, "<sip:102@10.0.0.1>");
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 100, NULL);
    kit_run(k, 1000);
    ua_reply(&phone[2], 180, NULL);
    expect_notify(t);
    kit_run(k, 2000);
    join(p, &phone[2]);
    expect_notify(t);
    expect_bye(t);
    kit_run(k, 2000);
}

static void leg_is(const struct sc_record *r, unsigned n, const char *number, const char *moments,
                   enum sc_leg_end how)
{
    const struct sc_record_leg *l = &r->legs[n];
    char text[80];

    cr_assert_lt(n, r->legs_n);
    cr_assert_str_eq(l->number, number);
    snprintf(text, sizeof(text), "%d %d %d %d", (int)(l->start_ms - r->start_ms),
             l->ring_ms != 0 ? (int)(l->ring_ms - r->start_ms) : -1,
             l->answer_ms != 0 ? (int)(l->answer_ms - r->start_ms) : -1,
             (int)(l->end_ms - r->start_ms));
    cr_assert_str_eq(text, moments, "%s: start, ring, answer, end: %s", number, text);
    cr_assert_eq(l->how, how, "%s: %s", number, sc_leg_end_name(l->how));
}

Test(record_of_transfers, transferred_by_the_called_party)
{
    const struct sc_record *r;

    transfer(&phone[1], &phone[0]);
    release(&phone[2], &phone[0]);
    r = record();
    cr_assert_eq(r->released_by, SC_BY_TRANSFER_TARGET);
    cr_assert_str_eq(r->caller, "100");
    cr_assert_str_eq(r->source, "100");
    cr_assert_eq(r->targets, 2);
    cr_assert_eq(r->legs_n, 3);
    leg_is(r, 0, "100", "0 -1 0 5500", SC_LEG_ENDED);
    leg_is(r, 1, "101", "0 -1 0 3500", SC_LEG_TRANSFERRED);
    leg_is(r, 2, "102", "500 1500 3500 5500", SC_LEG_RELEASED);
    cr_assert_eq(r->legs[2].status, 200);
    cr_assert(r->legs[2].by_transfer && !r->legs[1].by_transfer);
}

Test(record_of_transfers, transferred_by_the_caller)
{
    const struct sc_record *r;

    transfer(&phone[0], &phone[1]);
    release(&phone[2], &phone[1]);
    r = record();
    cr_assert_eq(r->released_by, SC_BY_TRANSFER_TARGET);
    cr_assert_str_eq(r->caller, "100");
    cr_assert_str_eq(r->source, "100");
    cr_assert_eq(r->legs_n, 3);
    leg_is(r, 0, "100", "0 -1 0 3500", SC_LEG_TRANSFERRED);
    leg_is(r, 1, "101", "0 -1 0 5500", SC_LEG_ENDED);
    leg_is(r, 2, "102", "500 1500 3500 5500", SC_LEG_RELEASED);
}

Test(record_of_transfers, of_who_stayed_in_a_transferred_call)
{
    transfer(&phone[0], &phone[1]);
    release(&phone[1], &phone[2]);
    cr_assert_eq(record()->released_by, SC_BY_CALLED);
    leg_is(record(), 1, "101", "0 -1 0 5500", SC_LEG_RELEASED);
    leg_is(record(), 2, "102", "500 1500 3500 5500", SC_LEG_ENDED);
}

/* The transferor hangs up while the new party rings: its leg ends then. */
Test(record_of_transfers, a_transferor_that_leaves_at_once)
{
    const struct sc_record *r;

    ua_call(&phone[0], "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    answer(&phone[0], &phone[1]);
    kit_run(k, 500);
    refer(&phone[1], "<sip:102@10.0.0.1>");
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 100, NULL);
    kit_run(k, 1000);
    ua_request(&phone[1], SIP_BYE, NULL);
    ua_expect(&phone[1], 200);
    kit_run(k, 1000);
    join(&phone[0], &phone[2]);
    kit_run(k, 1000);
    release(&phone[0], &phone[2]);
    r = record();
    cr_assert_eq(r->released_by, SC_BY_CALLER);
    leg_is(r, 0, "100", "0 -1 0 3500", SC_LEG_RELEASED);
    leg_is(r, 1, "101", "0 -1 0 1500", SC_LEG_TRANSFERRED);
    leg_is(r, 2, "102", "500 -1 2500 3500", SC_LEG_ENDED);
}

Test(record_of_transfers, a_transfer_that_fails_has_a_leg_and_changes_nothing_else)
{
    const struct sc_record *r;

    ua_call(&phone[0], "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    answer(&phone[0], &phone[1]);
    refer(&phone[0], "<sip:888@10.0.0.1>"); /* leads nowhere: nobody is rung */
    expect_notify(&phone[0]);
    kit_run(k, 500);
    refer(&phone[1], "<sip:102@10.0.0.1>");
    ua_expect_request(&phone[2], SIP_INVITE);
    ua_reply(&phone[2], 100, NULL);
    kit_run(k, 1000);
    ua_reply(&phone[2], 486, NULL);
    expect_notify(&phone[1]);
    kit_run(k, 1000);
    release(&phone[1], &phone[0]);
    r = record();
    cr_assert_eq(r->released_by, SC_BY_CALLED);
    cr_assert_eq(r->legs_n, 3);
    leg_is(r, 1, "101", "0 -1 0 2500", SC_LEG_RELEASED);
    leg_is(r, 2, "102", "500 -1 -1 1500", SC_LEG_ENDED);
    cr_assert_eq(r->legs[2].status, 486);
}

/* RFC 5589 7: two calls, a record of each; who went from one to the other has a leg in both. */
Test(record_of_transfers, of_both_calls_of_an_attended_transfer)
{
    struct ua desk = ua_at(k, "10.1.0.101", 5060, "101");
    const struct sc_record *r;
    struct sip_str id, to, from;
    char text[512];

    ua_call(&phone[0], "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    answer(&phone[0], &phone[1]);
    kit_run(k, 1000);
    ua_call(&desk, "102", SDP_A);
    ua_expect_request(&phone[2], SIP_INVITE);
    answer(&desk, &phone[2]);
    kit_run(k, 1000);
    id = sip_dialog_text(&desk.dialog, SIP_DIALOG_CALL_ID);
    to = sip_dialog_text(&desk.dialog, SIP_DIALOG_REMOTE_TAG);
    from = sip_dialog_text(&desk.dialog, SIP_DIALOG_LOCAL_TAG);
    snprintf(text, sizeof(text),
             "<sip:102@10.0.0.1?Replaces=%.*s%%3Bto-tag%%3D%.*s%%3Bfrom-tag%%3D%.*s>", (int)id.len,
             id.p, (int)to.len, to.p, (int)from.len, from.p);
    refer(&phone[1], text);
    ua_expect_request(&phone[2], SIP_INVITE);
    join(&phone[0], &phone[2]);
    expect_bye(&desk);
    expect_notify(&phone[1]);
    expect_bye(&phone[1]);
    r = record();
    cr_assert_str_eq(r->caller, "101");
    cr_assert_eq(r->released_by, SC_BY_SERVER);
    cr_assert_str_eq(r->reason, "transferred");
    cr_assert_eq(r->legs_n, 2);
    leg_is(r, 1, "102", "0 -1 0 1000", SC_LEG_MOVED);
    kit_forget_caught(k);
    kit_run(k, 3000);
    release(&phone[2], &phone[0]);
    r = record();
    cr_assert_str_eq(r->caller, "100");
    cr_assert_eq(r->released_by, SC_BY_TRANSFER_TARGET);
    cr_assert_eq(r->legs_n, 3);
    leg_is(r, 1, "101", "0 -1 0 2000", SC_LEG_TRANSFERRED);
    leg_is(r, 2, "102", "2000 -1 2000 5000", SC_LEG_RELEASED);
    cr_assert(r->legs[2].by_transfer);
}

/* More parties than there is room for: who speaks is kept, the number of all is told. */
Test(record_of_transfers, transferred_more_often_than_it_has_room_for)
{
    const struct sc_record *r;
    struct ua *t = &phone[1];

    phones_register(k, &phone[4], 104, 2);
    kit_forget_caught(k);
    ua_call(&phone[0], "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    answer(&phone[0], &phone[1]);
    for (unsigned i = 0; i < SC_RECORD_LEGS_MAX - 1; i++) {
        struct ua *c = t + 1;
        char to[32];

        snprintf(to, sizeof(to), "<sip:10%d@10.0.0.1>", (int)(c - phone));
        kit_run(k, 1000);
        refer(t, to);
        ua_expect_request(c, SIP_INVITE);
        join(&phone[0], c);
        expect_notify(t);
        expect_bye(t);
        t = c;
    }
    release(t, &phone[0]);
    r = record();
    cr_assert_eq(r->targets, SC_RECORD_LEGS_MAX);
    cr_assert_eq(r->legs_n, SC_RECORD_LEGS_MAX);
    cr_assert_eq(kit_counter(k, "record_legs_left_out"), 1);
    leg_is(r, 1, "102", "1000 -1 1000 2000", SC_LEG_TRANSFERRED);
    leg_is(r, 4, "105", "4000 -1 4000 4000", SC_LEG_RELEASED);
}
