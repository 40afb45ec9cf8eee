/* Everything has a maximum; beyond it requests are refused with 503 and counted, and a step that
 * has much to say says it in parts. */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

static struct kit *k;
static struct ua gw;

static void few_transactions(struct kit *kit)
{
    kit->conf.maxima.transactions = 16;
    kit->options.overload_fill = 100;
}

static void many_calls(struct kit *kit)
{
    kit->conf.maxima.calls = 1000;
    kit->conf.maxima.transactions = 4000;
}

static void start(void (*tune)(struct kit *k))
{
    k = kit_house(tune);
    gw = ua_at(k, "10.0.1.1", 5060, "c");
    kit_forget_caught(k);
}

Test(overload, beyond_the_transactions_is_503_with_retry_after)
{
    unsigned refused = 0, queued = 0;

    start(few_transactions);
    for (unsigned i = 0; i < 20; i++) {
        ua_invite(&gw, "5000", SDP_A);
        while (ua_take(&gw, false)) {
            queued += gw.msg.status == 182;
            if (gw.msg.status == 503) {
                refused++;
                cr_assert(strstr(gw.reply, "Retry-After: ") != NULL);
            }
        }
    }
    cr_assert_eq(queued, 16);
    cr_assert_eq(refused, 4);
    cr_assert_eq(kit_counter(k, "drop_transactions_full"), 4);
    cr_assert_geq(kit_status(k).drops, 4);
    kit_free(k);
}

/* When there is no transaction for the INVITE to an agent, the caller stays in the queue and is
 * served later. */
Test(overload, a_target_that_cannot_be_asked_fails_the_offer_not_the_server)
{
    struct ua p[2];

    start(few_transactions);
    phones_register(k, p, 100, 2);
    for (unsigned i = 0; i < 16; i++)
        ua_invite(&gw, "100", SDP_A);
    cr_assert_leq(kit_status(k).calls, 16);
    kit_run(k, 300000);
    cr_assert_eq(kit_status(k).calls, 0);
    kit_free(k);
}

static void busy_music(struct kit *kit)
{
    kit->conf.maxima.transactions = 40;
    kit->options.queue_answer_after_ms = 1000;
    kit->options.music_retry_ms = 500;
    kit->options.oos_check_ms = kit->options.oos_force_ms = 3600000;
}

static struct ua phone, caller, tone;

/* A call between CALLER and PHONE; another one waits, and TONE is always busy. */
static void call_and_music(void (*tune)(struct kit *k))
{
    struct sc_dn_conf dn;

    start(tune);
    phones_register(k, &phone, 100, 1);
    caller = ua_at(k, "10.0.1.1", 5060, "d");
    tone = ua_at(k, "10.0.3.1", 5060, "tone");
    dn = kit_dn_conf(k, "tone", SC_DN_SERVICE);
    snprintf(dn.contact, sizeof(dn.contact), "sip:tone@10.0.3.1:5060");
    kit_dn(k, &dn);
    dn = kit_dn_conf(k, "5000", SC_DN_QUEUE);
    dn.music_n = 1;
    snprintf(dn.music[0], sizeof(dn.music[0]), "tone");
    kit_dn(k, &dn);
    ua_invite(&caller, "100", SDP_A);
    ua_expect_request(&phone, SIP_INVITE);
    ua_reply(&phone, 200, SDP_B);
    ua_expect(&caller, 200);
    ua_ack(&caller, NULL);
    ua_expect_request(&phone, SIP_ACK);
    ua_invite(&gw, "5000", SDP_A);
    kit_forget_caught(k);
}

static void music_is_busy(unsigned ms)
{
    for (unsigned i = 0; i < ms; i += 100) {
        kit_run(k, 100);
        while (ua_has_request(&tone, SIP_OPTIONS) && ua_take(&tone, true))
            ua_reply(&tone, 200, NULL);
        while (ua_has_request(&tone, SIP_INVITE) && ua_take(&tone, true))
            ua_reply(&tone, 486, NULL);
    }
    kit_forget_caught(k);
}

/* Waiting callers whose media server is always busy ask it again and again; who is in a call must
 * still be told of its end (SF-9, I7). */
Test(overload, music_leaves_room_for_the_requests_of_dialogs)
{
    call_and_music(busy_music);
    music_is_busy(30000);
    cr_assert_gt(kit_counter(k, "drop_overload_music"), 0);
    cr_assert_eq(kit_counter(k, "drop_unsendable"), 0);
    ua_request(&caller, SIP_BYE, NULL);
    ua_expect(&caller, 200);
    ua_expect_request(&phone, SIP_BYE);
    kit_free(k);
}

static void no_room_for_dialogs(struct kit *kit)
{
    busy_music(kit);
    kit->options.overload_fill = 100;
}

/* RFC 3261 12.2.1.1 */
Test(overload, a_request_that_cannot_be_sent_takes_no_cseq)
{
    uint32_t cseq;

    call_and_music(no_room_for_dialogs);
    ua_request(&caller, SIP_INFO, "Signal=1\r\n");
    ua_expect_request(&phone, SIP_INFO);
    cseq = phone.msg.cseq.number;
    ua_reply(&phone, 200, NULL);
    ua_expect(&caller, 200);
    music_is_busy(30000);
    ua_request(&caller, SIP_INFO, "Signal=2\r\n");
    ua_expect(&caller, 503);
    cr_assert_gt(kit_counter(k, "drop_unsendable"), 0);
    k->options.music_retry_ms = 60000;
    kit_options(k);
    music_is_busy(40000);
    ua_request(&caller, SIP_INFO, "Signal=3\r\n");
    ua_expect_request(&phone, SIP_INFO);
    cr_assert_eq(phone.msg.cseq.number, cseq + 1);
    kit_free(k);
}

/* 600 waiting calls end in the same instant: more than one step's out can take. */
Test(overload, much_at_once_is_done_in_parts)
{
    struct sc_dn_conf dn;
    struct sc_event gone = {.kind = SC_EV_CONF_DN, .dn = &dn, .deleted = true};

    start(many_calls);
    for (unsigned i = 0; i < 600; i++) {
        ua_invite(&gw, "5000", SDP_A);
        kit_forget_caught(k);
    }
    cr_assert_eq(kit_queue(k, "5000").waiting, 600);
    dn = kit_dn_conf(k, "5000", SC_DN_QUEUE);
    kit_step(k, &gone);
    kit_run(k, 0);
    cr_assert_eq(kit_calls_told(k, SC_CALL_FAILED), 600);
    for (unsigned i = 0; i < 60; i++) { /* 600 refusals are repeated, eleven times each */
        kit_run(k, 1000);
        kit_forget_caught(k);
    }
    cr_assert_eq(kit_counter(k, "out_refused"), 0);
    cr_assert_eq(kit_status(k).calls, 0);
    kit_free(k);
}

static void few_dns(struct kit *kit)
{
    kit->conf.maxima.dns = 20;
    kit->conf.maxima.agents = 5;
}

Test(overload, configuration_beyond_the_maxima_is_left_out_and_counted)
{
    struct sc_dn_conf dn;

    start(few_dns);
    for (unsigned i = 0; i < 10; i++) {
        char number[16];

        snprintf(number, sizeof(number), "%u", 200 + i);
        dn = kit_dn_conf(k, number, SC_DN_EXTENSION);
        kit_dn(k, &dn);
    }
    cr_assert_eq(kit_counter(k, "drop_dns_full"), 4);
    kit_agent_conf(k, "a6", "106", "5000");
    cr_assert_eq(kit_counter(k, "drop_agents_full"), 1);
    kit_free(k);
}

/* Noise of every kind changes nothing and is counted. */
Test(overload, noise_is_dropped_or_answered_and_counted)
{
    static const char *const noise[] = {
        "",
        "\r\n\r\n",
        "hello",
        "SIP/2.0 200 OK\r\n\r\n",
        "INVITE sip:101@10.0.0.1 SIP/2.0\r\n\r\n",
        "BYE sip:x@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.6.6.6;branch=z9hG4bKn1\r\nFrom: "
        "<sip:a@b>;tag=1\r\n"
        "To: <sip:c@d>;tag=e1.1000000010000000.1.0123456789ab\r\nCall-ID: n1\r\nCSeq: 1 "
        "BYE\r\n\r\n",
        "CANCEL sip:x@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.6.6.6;branch=z9hG4bKn2\r\nFrom: "
        "<sip:a@b>;tag=1\r\n"
        "To: <sip:c@d>\r\nCall-ID: n2\r\nCSeq: 1 CANCEL\r\n\r\n",
        "MESSAGE sip:x@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.6.6.6;branch=z9hG4bKn3\r\nFrom: "
        "<sip:a@b>;tag=1\r\n"
        "To: <sip:c@d>\r\nCall-ID: n3\r\nCSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\n\r\n"};
    struct ua stranger;

    start(NULL);
    stranger = ua_at(k, "10.6.6.6", 5060, "x");
    for (unsigned i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
        ua_send(&stranger, noise[i], strlen(noise[i]));
    cr_assert_eq(kit_counter(k, "drop_no_dialog"), 1);
    cr_assert_eq(kit_counter(k, "drop_method"), 1);
    cr_assert_eq(kit_counter(k, "cancel_unknown"), 1);
    cr_assert_geq(kit_counter(k, "bad_dropped"), 1);
    cr_assert_eq(kit_status(k).calls, 0);
    kit_assert_empty(k);
    kit_free(k);
}
