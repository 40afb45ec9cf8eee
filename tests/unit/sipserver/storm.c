/* Overload: what is given up first, and a registration storm in virtual time (SF-9). */
#include "tests/unit/sipserver/kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the order ---- */

static struct kit *k;
static struct ua gw;

static void start(void (*tune)(struct kit *k))
{
    k = kit_house(tune);
    gw = ua_at(k, "10.0.1.1", 5060, "c");
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(overload, .fini = teardown);

static unsigned first_register(unsigned number)
{
    char ip[32], user[16];
    struct ua p;

    snprintf(ip, sizeof(ip), "10.1.0.%u", number);
    snprintf(user, sizeof(user), "%u", number);
    p = ua_at(k, ip, 5060, user);
    return ua_register(&p, "pw", 60);
}

/* From now on we are that late, and have been for a while. */
static void late(uint32_t ms)
{
    struct sip_addr anybody = kit_addr("10.9.9.9", 5060);

    k->late_ms = ms;
    for (unsigned i = 0; i < 7; i++) {
        kit_datagram(k, &anybody, "\r\n", 2);
        kit_run(k, 10);
    }
}

Test(overload, a_single_pause_costs_nobody_a_call)
{
    struct ua p;

    start(NULL);
    p = ua_at(k, "10.1.0.105", 5060, "105");
    k->late_ms = 5000;
    ua_invite(&gw, "5000", SDP_A);
    ua_expect(&gw, 182);
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    late(99);
    k->late_ms = 5000; /* another one */
    ua_invite(&gw, "5000", SDP_A);
    ua_expect(&gw, 182);
}

Test(overload, new_registrations_go_first_then_refreshed_ones_then_calls_then_logins)
{
    struct ua p[2];

    start(NULL);
    phones_register(k, p, 101, 2);
    late(99);
    cr_assert_eq(first_register(105), 200);
    late(100);
    cr_assert_eq(first_register(106), 503);
    cr_assert_eq(ua_register(&p[0], "pw", 60), 200);
    late(200);
    cr_assert_eq(ua_register(&p[0], "pw", 60), 503);
    ua_invite(&gw, "5000", SDP_A);
    ua_expect(&gw, 182);
    late(400);
    ua_invite(&gw, "5000", SDP_A);
    ua_expect(&gw, 503);
    cr_assert_not_null(strstr(gw.reply, "Retry-After: "));
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a1", "101", SC_AGENT_NOT_READY), 0);
    late(800);
    ua_invite(&gw, "5000", SDP_A);
    ua_expect(&gw, 503);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a2", "102", SC_AGENT_NOT_READY), -EAGAIN);
    cr_assert_eq(kit_counter(k, "drop_overload_register"), 1);
    cr_assert_eq(kit_counter(k, "drop_overload_refresh"), 1);
    cr_assert_eq(kit_counter(k, "drop_overload_call"), 2);
    cr_assert_eq(kit_counter(k, "drop_overload_login"), 1);
    kit_run(k, 1100);
    cr_assert_eq(kit_agent(k, SC_LOGIN, "a2", "102", SC_AGENT_NOT_READY), 0,
                 "an old measure says nothing");
}

Test(overload, dialogs_and_trunks_are_served_however_late_we_are)
{
    struct ua p[2];

    start(NULL);
    phones_register(k, p, 101, 2);
    ua_call(&p[0], "102", SDP_A);
    ua_expect_request(&p[1], SIP_INVITE);
    late(60000);
    ua_reply(&p[1], 200, SDP_B);
    ua_expect(&p[0], 200);
    ua_ack(&p[0], NULL);
    ua_expect_request(&p[1], SIP_ACK);
    ua_request(&p[0], SIP_INFO, NULL);
    ua_expect_request(&p[1], SIP_INFO);
    ua_reply(&p[1], 200, NULL);
    ua_expect(&p[0], 200);
    ua_request(&p[1], SIP_BYE, NULL);
    ua_expect(&p[1], 200);
    ua_expect_request(&p[0], SIP_BYE);
}

static void retry_range(struct kit *kit)
{
    kit->options.retry_after_min_s = 20;
    kit->options.retry_after_max_s = 40;
}

Test(overload, retry_after_is_spread_over_the_range_of_the_options)
{
    bool seen[64] = {false};
    unsigned kinds = 0;

    start(retry_range);
    late(100);
    for (unsigned i = 0; i < 100; i++) {
        struct ua p = ua_at(k, "10.1.0.105", (uint16_t)(5060 + i), "105");
        unsigned seconds;

        cr_assert_eq(ua_register(&p, "pw", 60), 503);
        seconds = (unsigned)atoi(ua_header(&p, SIP_H_RETRY_AFTER));
        cr_assert(seconds >= 20 && seconds <= 40);
        kinds += !seen[seconds];
        seen[seconds] = true;
    }
    cr_assert_gt(kinds, 10);
}

static void few_transactions(struct kit *kit)
{
    kit->conf.maxima.transactions = 100;
}

/* 70 %, then a quarter, half and three quarters of the rest: calls until 85 %. */
Test(overload, a_full_table_of_transactions_leaves_room_for_dialogs)
{
    unsigned queued = 0;

    start(few_transactions);
    for (unsigned i = 0; i < 100; i++) {
        ua_invite(&gw, "5000", SDP_A);
        while (ua_take(&gw, false))
            queued += gw.msg.status == 182;
        if (queued == 70 && i == 70)
            cr_assert_eq(first_register(105), 503);
    }
    cr_assert_eq(queued, 64, "calls-max of the kit");
    cr_assert_eq(kit_counter(k, "drop_calls_full") + kit_counter(k, "drop_overload_call"), 36);
}

/* ---- the storm ---- */

#define PHONES    400
#define COST_MS   5 /* of a REGISTER that is judged: the server can do 200/s, 100 phones/s */
#define REFUSE_US 200
#define T1_MS     500

struct waiting {
    unsigned phone; /* PHONES: the party of the call */
    int64_t at_us;
};

static struct ua phone[PHONES], talker, listener;
static struct {
    int64_t next_us; /* when it sends (again) */
    unsigned tries;
    bool challenged, done;
} story[PHONES];
static struct waiting line[1 << 16];
static unsigned line_from, line_to;
static int64_t now_us, worst_late_us, done_us;

static void many(struct kit *kit)
{
    kit->conf.maxima.dns = PHONES + 64;
    kit->conf.maxima.registrations = PHONES + 64;
    kit->options.source_rate_max = 1000000;
}

static void put(unsigned who)
{
    cr_assert_lt(line_to, sizeof(line) / sizeof(line[0]));
    line[line_to++] = (struct waiting){who, now_us};
}

/* What a phone does with its answer.  Returns: what the answer has cost. */
static int64_t heard(unsigned i)
{
    unsigned status = ua_status(&phone[i]);
    int64_t at = now_us;

    story[i].tries = 0;
    switch (status) {
    case 200:
        story[i].done = true;
        story[i].next_us = INT64_MAX;
        done_us = at;
        break;
    case 401:
        story[i].challenged = true;
        story[i].next_us = at + 1000;
        break;
    case 503:
        story[i].challenged = false;
        story[i].next_us = at + atoi(ua_header(&phone[i], SIP_H_RETRY_AFTER)) * INT64_C(1000000) +
                           i * 997 % 1000000;
        return REFUSE_US;
    default: cr_assert_fail("phone %u got %u", i, status);
    }
    return COST_MS * 1000;
}

/* The server takes the next datagram of the line. */
static void serve(void)
{
    struct waiting *w = &line[line_from++];
    int64_t late = now_us - w->at_us, cost = 50;

    k->late_ms = (uint32_t)(late / 1000);
    if (w->phone == PHONES) {
        worst_late_us = late > worst_late_us ? late : worst_late_us;
        ua_request(&talker, SIP_INFO, NULL);
        ua_expect_request(&listener, SIP_INFO);
        ua_reply(&listener, 200, NULL);
        ua_expect(&talker, 200);
    } else if (!story[w->phone].done) {
        unsigned before = k->caught_n;

        ua_register_once(&phone[w->phone], story[w->phone].challenged ? "pw" : NULL, 3600);
        if (k->caught_n > before)
            cost = heard(w->phone);
    }
    kit_forget_caught(k);
    now_us += cost;
    kit_run(k, now_us / 1000 - k->now.ns / MONO_NS_PER_MS);
}

static void set_the_scene(void)
{
    start(many);
    for (unsigned i = 0; i < PHONES; i++) {
        char ip[32], number[16];
        struct sc_dn_conf dn;

        snprintf(number, sizeof(number), "%u", 2000 + i);
        snprintf(ip, sizeof(ip), "10.2.%u.%u", i / 200, 1 + i % 200);
        dn = kit_dn_conf(k, number, SC_DN_EXTENSION);
        kit_dn(k, &dn);
        phone[i] = ua_at(k, ip, 5060, number);
    }
    talker = ua_at(k, "10.1.0.101", 5060, "101");
    listener = ua_at(k, "10.1.0.102", 5060, "102");
    cr_assert_eq(ua_register(&talker, "pw", 3600), 200);
    cr_assert_eq(ua_register(&listener, "pw", 3600), 200);
    ua_call(&talker, "102", SDP_A);
    ua_expect_request(&listener, SIP_INVITE);
    ua_reply(&listener, 200, SDP_B);
    ua_expect(&talker, 200);
    ua_ack(&talker, NULL);
    ua_expect_request(&listener, SIP_ACK);
    now_us = k->now.ns / 1000;
}

/* Every phone within one second, at a server that can do a quarter of them in that time.  Each
 * sends again until it is answered (T1, 2*T1, ...), and comes again when Retry-After says so. */
static void run_storm(void)
{
    int64_t begin_us, info_us;
    unsigned done = 0;

    set_the_scene();
    begin_us = info_us = now_us;
    for (unsigned i = 0; i < PHONES; i++)
        story[i].next_us = begin_us + i * 1000000 / PHONES;
    while (done < PHONES && now_us < begin_us + 60000000) {
        int64_t next = INT64_MAX;

        done = 0;
        for (unsigned i = 0; i < PHONES; i++) {
            if (story[i].next_us <= now_us) {
                put(i);
                line[line_to - 1].at_us = story[i].next_us;
                story[i].next_us += (int64_t)T1_MS * 1000
                                    << (story[i].tries < 3 ? story[i].tries : 3);
                story[i].tries++;
            }
            next = story[i].next_us < next ? story[i].next_us : next;
            done += story[i].done;
        }
        while (info_us <= now_us) {
            put(PHONES);
            line[line_to - 1].at_us = info_us;
            info_us += 100000;
        }
        if (line_from < line_to)
            serve();
        else
            now_us = next < info_us ? next : info_us;
    }
    done_us -= begin_us;
    cr_assert_eq(done, PHONES, "%u of %u are registered", done, PHONES);
}

Test(storm, sf_9_calls_are_unharmed_and_the_storm_drains_within_its_bound)
{
    run_storm();
    cr_assert_leq(worst_late_us, 250000, "a request in a dialog waited %lld ms",
                  (long long)worst_late_us / 1000);
    cr_assert_leq(done_us, 20000000, "it took %lld ms", (long long)done_us / 1000);
    cr_assert_gt(kit_counter(k, "drop_overload_register"), 10);
    cr_assert_eq(kit_status(k).calls, 1);
    kit_free(k);
}
