/* The stack in virtual time: RFC 3261 9, 13, 17, 18; RFC 6026; RFC 3581. */
#include "kit.h"

#define HEADERS(branch, cseq)                                                                      \
    "Via: SIP/2.0/UDP 10.0.0.9:5060;branch=" branch "\nMax-Forwards: 70\n"                         \
    "From: <sip:al@x>;tag=fr\nTo: <sip:bob@x>\nCall-ID: c1\nCSeq: " cseq "\n"                      \
    "Contact: <sip:al@10.0.0.9>\n\n"
#define INVITE  "INVITE sip:bob@x SIP/2.0\n" HEADERS("z9hG4bKi1", "1 INVITE")
#define CANCEL  "CANCEL sip:bob@x SIP/2.0\n" HEADERS("z9hG4bKi1", "1 CANCEL")
#define ACK     "ACK sip:bob@x SIP/2.0\n" HEADERS("z9hG4bKi1", "1 ACK")
#define ACK_2XX "ACK sip:bob@x SIP/2.0\n" HEADERS("z9hG4bKother", "1 ACK")
#define OPTIONS "OPTIONS sip:bob@x SIP/2.0\n" HEADERS("z9hG4bKo1", "1 OPTIONS")

static struct kit *k;

static void setup(void)
{
    k = kit_new();
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(stack, .init = setup, .fini = teardown);

#define count(which) sip_count(k->stack, SIP_N_##which)

static uint64_t new_request(const char *text)
{
    kit_in(k, text);
    cr_assert_eq(k->event.kind, SIP_EV_REQUEST);
    cr_assert_neq(k->event.txn, 0);
    return k->event.txn;
}

/* ---- server, non-INVITE ------------------------------------------------------ */

Test(stack, non_invite_is_answered_and_repeated_from_memory_rfc3261_17_2_2)
{
    uint64_t txn = new_request(OPTIONS);

    kit_in(k, OPTIONS);
    cr_assert_eq(k->event.kind, SIP_EV_NONE, "the core is at work: absorbed");
    cr_assert_eq(k->out.n, 0);
    kit_respond(k, txn, 200);
    cr_assert_eq(kit_sent(k, 0)->status, 200);
    for (int i = 0; i < 3; i++) {
        kit_in(k, OPTIONS);
        cr_assert_eq(k->event.kind, SIP_EV_NONE);
        cr_assert_eq(kit_sent(k, 0)->status, 200);
    }
    cr_assert_eq(count(RETRANSMISSIONS), 4);
    cr_assert_eq(sip_respond(k->stack, k->now, txn, &(struct sip_reply){.status = 486}, &k->out),
                 -EALREADY);
    kit_until(k, 31999);
    cr_assert_eq(sip_live(k->stack, true), 1);
    kit_until(k, 1);
    cr_assert_eq(sip_live(k->stack, true), 0, "timer J");
    cr_assert_eq(sip_respond(k->stack, k->now, txn, &(struct sip_reply){.status = 200}, &k->out),
                 -ENOENT);
}

Test(stack, answers_of_any_size_follow_each_other)
{
    static char body[900];
    struct sip_reply small = {.status = 180, .to_tag = SIP_STR("t1")};
    struct sip_reply large = {.status = 183,
                              .to_tag = SIP_STR("t1"),
                              .content = {SIP_STR("text/plain"), {body, sizeof(body)}}};
    uint64_t txn = new_request(INVITE);

    memset(body, 'x', sizeof(body));
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(sip_respond(k->stack, k->now, txn, &large, &k->out), 0);
        cr_assert(sip_sane(k->stack));
        kit_in(k, INVITE);
        cr_assert_eq(kit_sent(k, 0)->body.len, sizeof(body), "repeated whole");
        cr_assert_eq(sip_respond(k->stack, k->now, txn, &small, &k->out), 0);
        cr_assert(sip_sane(k->stack));
        kit_in(k, INVITE);
        cr_assert_eq(kit_sent(k, 0)->status, 180);
        cr_assert_eq(kit_sent(k, 0)->body.len, 0);
    }
    kit_respond(k, txn, 486);
    kit_in(k, ACK);
    kit_until(k, 40000);
    cr_assert_eq(sip_live(k->stack, true), 0);
}

Test(stack, a_silent_core_gets_no_408_sent_for_it_rfc4320)
{
    (void)new_request(OPTIONS);
    kit_until(k, 32000);
    cr_assert_eq(k->out.n, 0);
    cr_assert_eq(k->events_n, 0);
    cr_assert_eq(sip_live(k->stack, true), 0);
}

Test(stack, stateless_methods_get_no_transaction)
{
    struct sip_reply ok = {.status = 200};
    struct sip_str first;
    char tag[128];

    k->conf.stateless = 1u << SIP_OPTIONS;
    kit_reopen(k);
    kit_in(k, OPTIONS);
    cr_assert_eq(k->event.kind, SIP_EV_REQUEST);
    cr_assert_eq(k->event.txn, 0);
    cr_assert_eq(sip_reply(k->stack, k->now, &k->event, &ok, &k->out), 0);
    first = kit_sent(k, 0)->to.tag;
    cr_assert_eq(sip_str_copy(first, tag, sizeof(tag)), 0);
    cr_assert_gt(strlen(tag), 0);
    kit_in(k, OPTIONS);
    cr_assert_eq(sip_reply(k->stack, k->now, &k->event, &ok, &k->out), 0);
    assert_str(kit_sent(k, 0)->to.tag, tag);
    cr_assert_eq(sip_live(k->stack, true), 0);
}

/* ---- server, INVITE ---------------------------------------------------------- */

Test(stack, a_request_refused_once_is_forgotten_rfc3261_8_2_7)
{
    struct sip_reply challenge = {.status = 401};
    struct sip_str tag;
    char first[SIP_TAG_MAX];

    (void)new_request(INVITE);
    cr_assert_eq(sip_reply_once(k->stack, &k->event, &challenge, &k->out), 0);
    cr_assert_eq(kit_sent(k, 0)->status, 401);
    cr_assert_eq(sip_str_copy(k->sent.to.tag, first, sizeof(first)), 0);
    cr_assert_eq(sip_live(k->stack, true), 0);
    kit_until(k, 40000);
    cr_assert_eq(k->out.n, 0, "never repeated");
    (void)new_request(INVITE);
    cr_assert_eq(sip_reply_once(k->stack, &k->event, &challenge, &k->out), 0);
    tag = kit_sent(k, 0)->to.tag;
    assert_str(tag, first);
    kit_in(k, ACK);
    cr_assert_eq(k->out.n, 0);
}

Test(stack, trying_is_sent_after_200_ms_of_silence_rfc3261_17_2_1)
{
    uint64_t txn = new_request(INVITE);

    kit_until(k, 199);
    cr_assert_eq(k->out.n, 0);
    kit_until(k, 1);
    cr_assert_eq(kit_sent(k, 0)->status, 100);
    cr_assert(sip_str_empty(k->sent.to.tag));
    kit_in(k, INVITE);
    cr_assert_eq(kit_sent(k, 0)->status, 100);
    kit_respond(k, txn, 180);
    kit_in(k, INVITE);
    cr_assert_eq(kit_sent(k, 0)->status, 180);
    assert_str(k->sent.to.tag, "ours");
}

Test(stack, no_trying_when_the_core_was_quick)
{
    kit_respond(k, new_request(INVITE), 180);
    kit_until(k, 1000);
    cr_assert_eq(k->out.n, 0);
}

Test(stack, a_long_wait_repeats_the_provisional_rfc3261_13_3_1_1)
{
    kit_respond(k, new_request(INVITE), 182);
    kit_until(k, 59999);
    cr_assert_eq(k->out.n, 0);
    kit_until(k, 120001);
    cr_assert_eq(k->out.n, 3);
    cr_assert_eq(kit_sent(k, 2)->status, 182);
}

Test(stack, refusal_is_repeated_until_acknowledged_rfc3261_17_2_1)
{
    uint64_t txn = new_request(INVITE);

    kit_respond(k, txn, 486);
    kit_until(k, 500 + 1000 + 2000 + 4000 + 4000);
    cr_assert_eq(k->out.n, 5, "timer G: 0.5, 1.5, 3.5, 7.5, 11.5 s");
    cr_assert_eq(kit_sent(k, 4)->status, 486);
    kit_in(k, INVITE);
    cr_assert_eq(kit_sent(k, 0)->status, 486);
    kit_in(k, ACK);
    cr_assert_eq(k->event.kind, SIP_EV_NONE, "the transaction's own business");
    kit_in(k, INVITE);
    cr_assert_eq(k->out.n, 0, "confirmed: late copies are absorbed");
    kit_until(k, 4999);
    cr_assert_eq(k->out.n, 0);
    cr_assert_eq(sip_live(k->stack, true), 1);
    kit_until(k, 1);
    cr_assert_eq(sip_live(k->stack, true), 0, "timer I");
}

Test(stack, refusal_never_acknowledged_is_told_rfc3261_17_2_1)
{
    uint64_t txn = new_request(INVITE);

    cr_assert_eq(sip_own(k->stack, txn, 42), 0);
    kit_respond(k, txn, 486);
    kit_until(k, 32000);
    cr_assert_eq(k->out.n, 10, "0.5, 1.5, 3.5, then each 4 s to 31.5");
    cr_assert_eq(k->events_n, 1);
    cr_assert_eq(k->events[0].kind, SIP_EV_NO_ACK);
    cr_assert_eq(k->events[0].status, 486);
    cr_assert_eq(k->events[0].owner, 42);
    cr_assert_eq(count(NO_ACK), 1);
}

Test(stack, a_2xx_is_repeated_until_its_ack_rfc3261_13_3_1_4)
{
    uint64_t txn = new_request(INVITE);

    kit_respond(k, txn, 200);
    kit_until(k, 500 + 1000 + 2000);
    cr_assert_eq(k->out.n, 3);
    cr_assert_eq(kit_sent(k, 0)->status, 200);
    kit_in(k, INVITE);
    cr_assert_eq(k->event.kind, SIP_EV_NONE, "RFC 6026: absorbed while accepted");
    cr_assert_eq(k->out.n, 0);
    kit_in(k, ACK_2XX);
    cr_assert_eq(k->event.kind, SIP_EV_ACK);
    cr_assert_eq(k->event.txn, txn);
    kit_until(k, 20000);
    cr_assert_eq(k->out.n, 0, "acknowledged");
    kit_in(k, ACK_2XX);
    cr_assert_eq(k->event.kind, SIP_EV_ACK, "copies go up too: the core knows them");
    kit_until(k, 32000);
    cr_assert_eq(k->events_n, 0);
    cr_assert_eq(sip_live(k->stack, true), 0, "timer L");
    kit_in(k, ACK_2XX);
    cr_assert_eq(k->event.kind, SIP_EV_ACK);
    cr_assert_eq(k->event.txn, 0);
}

Test(stack, a_2xx_never_acknowledged_is_told_rfc3261_13_3_1_4)
{
    uint64_t txn = new_request(INVITE);

    kit_respond(k, txn, 200);
    kit_until(k, 32000);
    cr_assert_eq(k->events_n, 1);
    cr_assert_eq(k->events[0].kind, SIP_EV_NO_ACK);
    cr_assert_eq(k->events[0].status, 200);
}

Test(stack, an_ack_out_of_nowhere_goes_up_and_is_not_answered)
{
    kit_in(k, ACK_2XX);
    cr_assert_eq(k->event.kind, SIP_EV_ACK);
    cr_assert_eq(k->event.txn, 0);
    cr_assert_eq(k->out.n, 0);
}

/* ---- CANCEL as server -------------------------------------------------------- */

Test(stack, cancel_is_answered_and_told_once_rfc3261_9_2)
{
    uint64_t txn = new_request(INVITE);

    kit_respond(k, txn, 180);
    kit_in(k, CANCEL);
    cr_assert_eq(k->event.kind, SIP_EV_CANCEL);
    cr_assert_eq(k->event.txn, txn);
    cr_assert_eq(kit_sent(k, 0)->status, 200);
    cr_assert_eq(k->sent.method, SIP_CANCEL);
    assert_str(k->sent.to.tag, "ours");
    kit_in(k, CANCEL);
    cr_assert_eq(k->event.kind, SIP_EV_NONE);
    cr_assert_eq(kit_sent(k, 0)->status, 200);
    kit_respond(k, txn, 487);
    cr_assert_eq(kit_sent(k, 0)->method, SIP_INVITE);
    kit_in(k, ACK);
    kit_until(k, 32000);
    cr_assert_eq(sip_live(k->stack, true), 0);
}

Test(stack, cancel_after_the_final_answer_changes_nothing_rfc3261_9_2)
{
    uint64_t txn = new_request(INVITE);

    kit_respond(k, txn, 200);
    kit_in(k, CANCEL);
    cr_assert_eq(k->event.kind, SIP_EV_NONE);
    cr_assert_eq(kit_sent(k, 0)->status, 200);
    cr_assert_eq(k->sent.method, SIP_CANCEL);
}

Test(stack, cancel_after_the_ack_is_answered_too_rfc3261_9_2)
{
    uint64_t txn = new_request(INVITE);

    kit_respond(k, txn, 200);
    kit_in(k, ACK_2XX);
    kit_in(k, CANCEL);
    cr_assert_eq(k->event.kind, SIP_EV_NONE);
    cr_assert_eq(kit_sent(k, 0)->status, 200);
    cr_assert_eq(k->sent.method, SIP_CANCEL);
    cr_assert(!sip_str_empty(k->sent.to.tag));
}

Test(stack, cancel_of_nothing_is_481_rfc3261_9_2)
{
    kit_in(k, CANCEL);
    cr_assert_eq(k->event.kind, SIP_EV_NONE);
    cr_assert_eq(kit_sent(k, 0)->status, 481);
    cr_assert_eq(count(CANCEL_UNKNOWN), 1);
}

/* ---- matching ---------------------------------------------------------------- */

Test(stack, same_branch_of_another_sender_is_another_transaction_rfc3261_17_2_3)
{
    (void)new_request(OPTIONS);
    kit_in(k, "OPTIONS sip:bob@x SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.8:5060;branch=z9hG4bKo1\n"
              "From: <sip:al@x>;tag=f2\nTo: <sip:bob@x>\nCall-ID: c2\nCSeq: 1 OPTIONS\n\n");
    cr_assert_eq(k->event.kind, SIP_EV_REQUEST);
    cr_assert_eq(sip_live(k->stack, true), 2);
}

#define OLD(method, cseq, call_id)                                                                 \
    method " sip:bob@x SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9:5060\nFrom: <sip:al@x>;tag=fr\n"         \
           "To: <sip:bob@x>\nCall-ID: " call_id "\nCSeq: " cseq " " method                         \
           "\nContact: <sip:al@10.0.0.9>\n\n"

Test(stack, peers_of_rfc2543_are_matched_without_a_branch_rfc3261_17_2_3)
{
    uint64_t txn = new_request(OLD("INVITE", "1", "old1"));

    kit_in(k, OLD("INVITE", "1", "old1"));
    cr_assert_eq(k->event.kind, SIP_EV_NONE);
    (void)new_request(OLD("INVITE", "1", "old2"));
    kit_respond(k, txn, 404);
    kit_in(k, OLD("ACK", "1", "old1"));
    cr_assert_eq(k->event.kind, SIP_EV_NONE);
    kit_until(k, 5000);
    cr_assert_eq(sip_live(k->stack, true), 1);
}

Test(stack, a_branch_that_is_only_the_cookie_identifies_nothing)
{
    (void)new_request("OPTIONS sip:bob@x SIP/2.0\n" HEADERS("z9hG4bK", "1 OPTIONS"));
    kit_in(k, "OPTIONS sip:bob@x SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK\n"
              "From: <sip:al@x>;tag=f2\nTo: <sip:bob@x>\nCall-ID: c2\nCSeq: 1 OPTIONS\n\n");
    cr_assert_eq(k->event.kind, SIP_EV_REQUEST, "another Call-ID: not a copy");
}

Test(stack, a_merged_request_is_482_while_the_first_is_at_work_rfc3261_8_2_2_2)
{
    uint64_t txn = new_request(INVITE);

    kit_in(k, "INVITE sip:bob@x SIP/2.0\n" HEADERS("z9hG4bKotherway", "1 INVITE"));
    cr_assert_eq(k->event.kind, SIP_EV_NONE);
    cr_assert_eq(kit_sent(k, 0)->status, 482);
    cr_assert_eq(count(MERGED), 1);
    kit_respond(k, txn, 503);
    kit_in(k, "INVITE sip:bob@x SIP/2.0\n" HEADERS("z9hG4bKretry", "1 INVITE"));
    cr_assert_eq(k->event.kind, SIP_EV_REQUEST, "a gateway that tries again after a refusal");
}

Test(stack, answers_go_where_rfc3581_says)
{
    kit_in_from(
        k, address("203.0.113.5", 40000),
        "OPTIONS sip:bob@x SIP/2.0\nVia: SIP/2.0/UDP 192.168.1.2:5060;rport;branch=z9hG4bKnat\n"
        "From: <sip:al@x>;tag=f2\nTo: <sip:bob@x>\nCall-ID: c2\nCSeq: 1 OPTIONS\n\n");
    kit_respond(k, k->event.txn, 200);
    cr_assert_eq(k->items[0].to.port, 40000);
    cr_assert_eq(k->items[0].to.ip[0], 203);
    assert_str(kit_sent(k, 0)->via.received, "203.0.113.5");
    cr_assert_eq(k->sent.via.rport, 40000);
}

Test(stack, ipv6_literals_work_on_both_sides_rfc5118)
{
    struct sip_addr to = address("[2001:db8::9]", 5080);

    kit_in_from(k, to,
                "OPTIONS sip:bob@[2001:db8::1] SIP/2.0\nVia: SIP/2.0/UDP "
                "[2001:DB8:0::9]:5080;branch=z9hG4bK6\n"
                "From: <sip:al@[2001:db8::9]>;tag=f2\nTo: <sip:bob@[2001:db8::1]>\nCall-ID: "
                "c2@[2001:db8::9]\n"
                "CSeq: 1 OPTIONS\n\n");
    kit_respond(k, k->event.txn, 200);
    cr_assert(sip_addr_eq(&k->items[0].to, &to));
    cr_assert(sip_str_empty(kit_sent(k, 0)->via.received), "the same address in another spelling");
    kit_in_from(k, address("2001:db8::77", 5080),
                "OPTIONS sip:bob@[2001:db8::1] SIP/2.0\nVia: SIP/2.0/UDP "
                "[2001:db8::9]:5080;branch=z9hG4bK7\n"
                "From: <sip:al@[2001:db8::9]>;tag=f3\nTo: <sip:bob@[2001:db8::1]>\nCall-ID: "
                "c3\nCSeq: 1 OPTIONS\n\n");
    kit_respond(k, k->event.txn, 200);
    assert_str(kit_sent(k, 0)->via.received, "2001:db8::77");
}

/* ---- bad input --------------------------------------------------------------- */

Test(stack, malformed_requests_are_answered_and_counted)
{
    kit_in(k, "INVITE sip:bob@x SIP/2.0\n" HEADERS("z9hG4bKx", "1 BYE"));
    cr_assert_eq(kit_sent(k, 0)->status, 400);
    cr_assert_gt(k->sent.to.tag.len, 0);
    kit_in(k, "INVITE sip:bob@x SIP/3.0\n" HEADERS("z9hG4bKx", "1 INVITE"));
    cr_assert_eq(kit_sent(k, 0)->status, 505);
    kit_in(k, "OPTIONS nobodyknows:x SIP/2.0\n" HEADERS("z9hG4bKx", "1 OPTIONS"));
    cr_assert_eq(kit_sent(k, 0)->status, 416);
    cr_assert_eq(count(BAD_ANSWERED), 3);
    kit_in(k, "ACK nobodyknows:x SIP/2.0\n" HEADERS("z9hG4bKx", "1 ACK"));
    kit_in(k, "garbage");
    cr_assert_eq(k->out.n, 0);
    cr_assert_eq(count(BAD_DROPPED), 2);
    kit_in(k, "\n\n");
    kit_in(k, "");
    cr_assert_eq(count(KEEPALIVES), 2);
    cr_assert_eq(sip_live(k->stack, true), 0);
}

/* What is sent, as it is: it lacks what its request lacked. */
static void assert_sent(const char *text)
{
    struct sip_str sent = sip_out_data(&k->out, 0);
    size_t len;
    char *expected = wire(text, &len);

    cr_assert_eq(k->out.n, 1);
    cr_assert(sip_str_eq(sent, (struct sip_str){expected, len}), "%.*s", (int)sent.len, sent.p);
    free(expected);
}

Test(stack, a_request_without_what_an_answer_copies_is_answered_with_the_rest_rfc4475_3_3_1)
{
    kit_in(
        k,
        "INVITE sip:bob@x SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKm\nCSeq: 1 INVITE\n\n");
    assert_sent("SIP/2.0 400 Missing From\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKm\n"
                "CSeq: 1 INVITE\nContent-Length: 0\n\n");
}

Test(stack, a_via_that_cannot_be_read_goes_back_to_the_source_rfc4475_3_1_2_1)
{
    kit_in_from(
        k, address("10.0.0.9", 5075),
        "OPTIONS sip:bob@x SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.66:6666;;,;,,\n"
        "From: <sip:al@x>;tag=fr\nTo: <sip:bob@x>;tag=to\nCall-ID: c1\nCSeq: 1 OPTIONS\n\n");
    assert_sent(
        "SIP/2.0 400 Bad Via\nVia: SIP/2.0/UDP 10.0.0.66:6666;;,;,,\nFrom: <sip:al@x>;tag=fr\n"
        "To: <sip:bob@x>;tag=to\nCall-ID: c1\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n");
    cr_assert_eq(k->items[0].to.port, 5075);
    cr_assert_eq(k->items[0].to.ip[3], 9);
}

Test(stack, a_request_with_lines_up_to_the_limit_is_answered_in_full)
{
    char text[20000] = "OPTIONS sip:x SIP/2.0\n";
    char answer[] = "Reason: SIP;cause=200";
    struct sip_extra extras[SIP_EXTRAS_MAX];
    struct sip_reply r = {
        .status = 183, .extras = extras, .extras_n = SIP_EXTRAS_MAX, .contact = SIP_STR("sip:x")};

    for (int i = 0; i < SIP_EXTRAS_MAX; i++)
        extras[i] = (struct sip_extra){SIP_H_REASON, NULL, sip_str_of(answer)};
    for (int i = 0; i < SIP_HEADERS_IN_MAX - 4; i++)
        strcat(text, "v:SIP/2.0/UDP a;branch=z9hG4bK1,SIP/2.0/UDP b\n");
    strcat(text, "f:<sip:a@x>;tag=1\nt:<sip:b@x>\ni:1\nCSeq:1 OPTIONS\n\n");
    k->conf.message_max = 16384;
    kit_reopen(k);
    (void)new_request(text);
    sip_out_clear(&k->out);
    cr_assert_eq(sip_respond(k->stack, k->now, k->event.txn, &r, &k->out), 0);
    cr_assert_eq(kit_sent(k, 0)->status, 183);
    kit_respond(k, k->event.txn, 200);
    cr_assert_eq(kit_sent(k, 0)->status, 200);
}

Test(stack, a_request_beyond_the_message_size_is_513)
{
    char text[8192] = "OPTIONS sip:x SIP/2.0\n";

    for (int i = 0; i < 60; i++)
        strcat(
            text,
            "Via: SIP/2.0/UDP a-long-name-of-some-proxy.example.com:5060;branch=z9hG4bKabcdefgh\n");
    strcat(text, "From: <sip:a@x>;tag=1\nTo: <sip:b@x>\nCall-ID: 1\nCSeq: 1 OPTIONS\n\n");
    kit_in(k, text);
    cr_assert_eq(k->event.kind, SIP_EV_NONE);
    cr_assert_eq(kit_sent(k, 0)->status, 513);
    cr_assert_eq(count(TOO_LARGE), 1);
}

Test(stack, beyond_the_pool_the_core_is_asked_to_refuse)
{
    struct sip_extra retry = {SIP_H_RETRY_AFTER, NULL, SIP_STR("7")};
    struct sip_reply busy = {.status = 503, .extras = &retry, .extras_n = 1};
    char text[1024];

    for (unsigned i = 0; i <= k->conf.server_max; i++) {
        snprintf(text, sizeof(text),
                 "OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK%u\nFrom: "
                 "<sip:a@x>;tag=1\nTo: <sip:b@x>\n"
                 "Call-ID: %u\nCSeq: 1 OPTIONS\n\n",
                 i, i);
        kit_in(k, text);
        cr_assert_eq(k->event.kind, i < k->conf.server_max ? SIP_EV_REQUEST : SIP_EV_NO_ROOM);
    }
    cr_assert_eq(sip_reply(k->stack, k->now, &k->event, &busy, &k->out), 0);
    cr_assert_eq(kit_sent(k, 0)->status, 503);
    assert_str(sip_msg_value(&k->sent, SIP_H_RETRY_AFTER), "7");
    cr_assert_eq(count(SERVER_FULL), 1);
}

Test(stack, a_full_out_is_counted_and_repaired_by_repetition)
{
    uint64_t txn = new_request(OPTIONS);
    struct sip_out none;

    sip_out_init(&none, NULL, 0, k->arena, sizeof(k->arena));
    cr_assert_eq(sip_respond(k->stack, k->now, txn, &(struct sip_reply){.status = 200}, &none), 0);
    cr_assert_eq(count(OUT_REFUSED), 1);
    kit_in(k, OPTIONS);
    cr_assert_eq(kit_sent(k, 0)->status, 200);
}

/* ---- client, non-INVITE ------------------------------------------------------ */

Test(stack, non_invite_client_repeats_to_t2_and_times_out_rfc3261_17_1_2)
{
    uint64_t txn = kit_request(k, SIP_OPTIONS);

    cr_assert_eq(k->out.n, 1);
    cr_assert_eq(k->items[0].txn, txn);
    kit_until(k, 500 + 1000 + 2000 + 4000 + 4000);
    cr_assert_eq(k->out.n, 5, "timer E");
    kit_until(k, 32000 - 11500);
    cr_assert_eq(k->out.n, 5);
    cr_assert_eq(k->events_n, 1);
    cr_assert_eq(k->events[0].kind, SIP_EV_TIMEOUT);
    cr_assert_eq(k->events[0].status, 408);
    cr_assert_eq(k->events[0].owner, 0x77);
    cr_assert_eq(k->events[0].method, SIP_OPTIONS);
    cr_assert_eq(sip_live(k->stack, false), 0);
}

Test(stack, non_invite_client_after_a_1xx_repeats_each_t2_rfc3261_17_1_2_2)
{
    (void)kit_request(k, SIP_OPTIONS);
    kit_answer(k, 0, 100, "");
    cr_assert_eq(k->event.kind, SIP_EV_RESPONSE);
    kit_until(k, 3999);
    cr_assert_eq(k->out.n, 0);
    kit_until(k, 8001);
    cr_assert_eq(k->out.n, 3);
    kit_until(k, 20000);
    cr_assert_eq(k->events[0].kind, SIP_EV_TIMEOUT, "timer F is not prolonged");
}

Test(stack, non_invite_client_takes_one_answer)
{
    uint64_t txn = kit_request(k, SIP_OPTIONS);
    struct sip_str request = sip_out_data(&k->out, 0);
    char again[2048];

    memcpy(again, request.p, request.len);
    kit_answer(k, 0, 404, "t");
    cr_assert_eq(k->event.kind, SIP_EV_RESPONSE);
    cr_assert_eq(k->event.status, 404);
    cr_assert_eq(k->event.txn, txn);
    cr_assert_eq(k->event.owner, 0x77);
    cr_assert_eq(sip_out_add(&k->out, &k->event.src, 0, (struct sip_str){again, request.len}), 0);
    kit_answer(k, 0, 404, "t");
    cr_assert_eq(k->event.kind, SIP_EV_NONE, "repeated");
    kit_until(k, 5000);
    cr_assert_eq(sip_live(k->stack, false), 0, "timer K");
}

/* ---- client, INVITE ---------------------------------------------------------- */

/* The request of ours, put back into out so that kit_answer can answer it again. */
static char invite[4096];
static size_t invite_len;

static uint64_t new_invite(void)
{
    uint64_t txn = kit_request(k, SIP_INVITE);
    struct sip_str data = sip_out_data(&k->out, 0);

    memcpy(invite, data.p, data.len);
    invite_len = data.len;
    return txn;
}

static void answer_invite(unsigned status, const char *tag)
{
    struct sip_addr any = address("10.0.0.9", 5060);

    sip_out_clear(&k->out);
    cr_assert_eq(sip_out_add(&k->out, &any, 0, (struct sip_str){invite, invite_len}), 0);
    kit_answer(k, 0, status, tag);
}

Test(stack, invite_client_doubles_and_times_out_rfc3261_17_1_1)
{
    (void)new_invite();
    kit_until(k, 500 + 1000 + 2000 + 4000 + 8000 + 16000);
    cr_assert_eq(k->out.n, 6, "timer A doubles beyond T2");
    cr_assert_eq(k->events_n, 0);
    kit_until(k, 500);
    cr_assert_eq(k->events[0].kind, SIP_EV_TIMEOUT, "timer B");
}

Test(stack, invite_client_stops_repeating_at_a_1xx)
{
    (void)new_invite();
    answer_invite(100, "");
    kit_until(k, 60000);
    cr_assert_eq(k->out.n, 0);
    cr_assert_eq(k->events_n, 0);
}

Test(stack, a_refusal_gets_its_ack_each_time_rfc3261_17_1_1_2)
{
    (void)new_invite();
    answer_invite(486, "tb");
    cr_assert_eq(k->event.kind, SIP_EV_RESPONSE);
    cr_assert_eq(kit_sent(k, 0)->method, SIP_ACK);
    assert_str(k->sent.to.tag, "tb");
    cr_assert_eq(k->sent.cseq.number, 21);
    answer_invite(486, "tb");
    cr_assert_eq(k->event.kind, SIP_EV_NONE);
    cr_assert_eq(kit_sent(k, 0)->method, SIP_ACK);
    kit_until(k, 31999);
    cr_assert_eq(sip_live(k->stack, false), 1);
    kit_until(k, 1);
    cr_assert_eq(sip_live(k->stack, false), 0, "timer D");
}

Test(stack, every_2xx_goes_up_forks_too_rfc6026_8_4)
{
    uint64_t txn = new_invite();

    answer_invite(200, "fork1");
    cr_assert_eq(k->event.kind, SIP_EV_RESPONSE);
    cr_assert_eq(k->out.n, 0, "the core sends the ACK");
    answer_invite(200, "fork2");
    cr_assert_eq(k->event.kind, SIP_EV_RESPONSE);
    cr_assert_eq(k->event.txn, txn);
    assert_str(k->event.msg->to.tag, "fork2");
    answer_invite(200, "fork1");
    cr_assert_eq(k->event.kind, SIP_EV_RESPONSE, "repeated: the core repeats the ACK");
    answer_invite(486, "fork3");
    cr_assert_eq(k->event.kind, SIP_EV_NONE);
    kit_until(k, 32000);
    cr_assert_eq(sip_live(k->stack, false), 0, "timer M");
    answer_invite(200, "late");
    cr_assert_eq(k->event.kind, SIP_EV_RESPONSE, "a late fork still wants its ACK");
    cr_assert_eq(k->event.txn, 0);
    cr_assert_eq(k->event.owner, 0x77);
    answer_invite(486, "late");
    cr_assert_eq(k->event.kind, SIP_EV_NONE);
    cr_assert_eq(count(RESPONSE_STRAY), 1);
}

Test(stack, the_ack_of_a_2xx_is_the_same_each_time_and_each_fork_has_its_own)
{
    struct sip_addr to = address("10.0.0.9", 5060);
    struct sip_request ack = {.method = SIP_ACK,
                              .uri = SIP_STR("sip:bob@10.0.0.9"),
                              .from = SIP_STR("<sip:a@x>"),
                              .from_tag = SIP_STR("f1"),
                              .to = SIP_STR("<sip:b@x>"),
                              .to_tag = SIP_STR("fork1"),
                              .call_id = SIP_STR("call-1"),
                              .cseq = 21};

    cr_assert_eq(sip_send_ack(k->stack, &to, &ack, 0x77, &k->out), 0);
    cr_assert_eq(sip_send_ack(k->stack, &to, &ack, 0x77, &k->out), 0);
    ack.to_tag = SIP_STR("fork2");
    cr_assert_eq(sip_send_ack(k->stack, &to, &ack, 0x77, &k->out), 0);
    cr_assert(sip_str_eq(sip_out_data(&k->out, 0), sip_out_data(&k->out, 1)));
    struct sip_str first = kit_sent(k, 0)->via.branch;
    cr_assert(!sip_str_eq(first, kit_sent(k, 2)->via.branch));
    cr_assert_eq(sip_live(k->stack, false), 0);
}

/* ---- CANCEL as client -------------------------------------------------------- */

Test(stack, cancel_waits_for_a_provisional_rfc3261_9_1)
{
    uint64_t txn = new_invite();

    sip_out_clear(&k->out);
    cr_assert_eq(sip_cancel(k->stack, k->now, txn, &k->out), 0);
    cr_assert_eq(k->out.n, 0);
    answer_invite(180, "tb");
    cr_assert_eq(k->event.kind, SIP_EV_RESPONSE);
    cr_assert_eq(kit_sent(k, 0)->method, SIP_CANCEL);
    cr_assert_eq(k->sent.cseq.number, 21);
    cr_assert(sip_str_empty(k->sent.to.tag));
    kit_answer(k, 0, 200, "tc");
    cr_assert_eq(k->event.kind, SIP_EV_NONE, "the answer to the CANCEL is the stack's business");
    answer_invite(487, "tb");
    cr_assert_eq(k->event.kind, SIP_EV_RESPONSE);
    cr_assert_eq(k->event.status, 487);
    cr_assert_eq(sip_cancel(k->stack, k->now, txn, &k->out), -EALREADY);
}

Test(stack, cancel_crosses_a_200_rfc3261_9_1)
{
    uint64_t txn = new_invite();

    answer_invite(180, "tb");
    sip_out_clear(&k->out);
    cr_assert_eq(sip_cancel(k->stack, k->now, txn, &k->out), 0);
    cr_assert_eq(kit_sent(k, 0)->method, SIP_CANCEL);
    cr_assert_eq(sip_cancel(k->stack, k->now, txn, &k->out), -EALREADY);
    answer_invite(200, "tb");
    cr_assert_eq(k->event.kind, SIP_EV_RESPONSE, "the 200 was faster: the core ACKs and sends BYE");
    cr_assert_eq(k->event.status, 200);
}

Test(stack, cancel_that_arrives_with_the_200_before_any_1xx)
{
    uint64_t txn = new_invite();

    cr_assert_eq(sip_cancel(k->stack, k->now, txn, &k->out), 0);
    answer_invite(200, "tb");
    cr_assert_eq(k->event.status, 200);
    cr_assert_eq(k->out.n, 0, "no CANCEL any more");
}

Test(stack, an_unanswered_cancel_ends_the_invite_after_64_t1_rfc3261_9_1)
{
    uint64_t txn = new_invite();

    answer_invite(180, "tb");
    cr_assert_eq(sip_cancel(k->stack, k->now, txn, &k->out), 0);
    kit_until(k, 31999);
    cr_assert_eq(k->events_n, 0);
    kit_until(k, 1);
    cr_assert_eq(k->events_n, 1);
    cr_assert_eq(k->events[0].kind, SIP_EV_TIMEOUT);
    cr_assert_eq(k->events[0].method, SIP_INVITE);
    cr_assert_eq(sip_live(k->stack, false), 0);
}

Test(stack, endless_ringing_is_cancelled_by_timer_c_rfc3261_16_8)
{
    (void)new_invite();
    answer_invite(180, "tb");
    kit_until(k, 100000);
    answer_invite(180, "tb");
    kit_until(k, 189999);
    cr_assert_eq(k->out.n, 0, "each 1xx starts it anew");
    kit_until(k, 1);
    cr_assert_eq(kit_sent(k, 0)->method, SIP_CANCEL);
    kit_until(k, 32000);
    cr_assert_eq(k->events[0].kind, SIP_EV_TIMEOUT);
}

Test(stack, cancel_without_room_goes_out_unwatched)
{
    uint64_t txn = new_invite(), other;
    struct sip_addr to = address("10.0.0.9", 5060);
    struct sip_request r = {.method = SIP_OPTIONS,
                            .uri = SIP_STR("sip:x"),
                            .from = SIP_STR("<sip:a@x>"),
                            .to = SIP_STR("<sip:x>"),
                            .call_id = SIP_STR("o"),
                            .cseq = 1};

    answer_invite(180, "tb");
    while (sip_live(k->stack, false) < k->conf.client_max)
        cr_assert_eq(sip_request(k->stack, k->now, &to, &r, 1, &k->out, &other), 0);
    cr_assert_eq(sip_request(k->stack, k->now, &to, &r, 1, &k->out, &other), -ENOBUFS);
    sip_out_clear(&k->out);
    cr_assert_eq(sip_cancel(k->stack, k->now, txn, &k->out), 0);
    cr_assert_eq(kit_sent(k, 0)->method, SIP_CANCEL);
}

/* ---- responses that are not ours --------------------------------------------- */

Test(stack, responses_of_others_are_dropped_rfc3261_18_1_2_and_8_1_3_3)
{
    kit_in(k, "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK1\nFrom: "
              "<sip:a@x>;tag=1\nTo: <sip:b@x>;tag=2\n"
              "Call-ID: 1\nCSeq: 1 INVITE\n\n");
    cr_assert_eq(count(RESPONSE_OTHERS), 1);
    kit_in(k, "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1, SIP/2.0/UDP "
              "255.255.255.255\n"
              "From: <sip:a@x>;tag=1\nTo: <sip:b@x>;tag=2\nCall-ID: 1\nCSeq: 1 INVITE\n\n");
    cr_assert_eq(count(RESPONSE_VIAS), 1);
    kit_in(k, "SIP/2.0 200 OK\nVia: SIP/2.0/UDP "
              "10.0.0.1:5060;branch=z9hG4bKe7.77.0.123456789abc\nFrom: <sip:a@x>;tag=1\n"
              "To: <sip:b@x>;tag=2\nCall-ID: 1\nCSeq: 1 INVITE\n\n");
    cr_assert_eq(count(RESPONSE_STRAY), 1, "a forged branch");
    cr_assert_eq(k->event.kind, SIP_EV_NONE);
    cr_assert_eq(k->out.n, 0);
}

Test(stack, an_answer_to_the_cancel_is_no_answer_to_the_invite_rfc3261_17_1_3)
{
    uint64_t txn = new_invite();

    answer_invite(180, "tb");
    cr_assert_eq(sip_cancel(k->stack, k->now, txn, &k->out), 0);
    cr_assert_eq(sip_live(k->stack, false), 2);
    kit_answer(k, 0, 481, "tb");
    cr_assert_eq(k->event.kind, SIP_EV_NONE);
    cr_assert_eq(sip_live(k->stack, false), 2, "the INVITE goes on");
}

/* ---- transport and memory ------------------------------------------------------ */

Test(stack, what_cannot_be_sent_ends_the_client_and_is_told_rfc3261_17_1_4)
{
    uint64_t txn = new_invite();

    sip_unsent(k->stack, k->now, txn, &k->out, &k->event);
    cr_assert_eq(k->event.kind, SIP_EV_UNSENT);
    cr_assert_eq(k->event.status, 503);
    cr_assert_eq(k->event.owner, 0x77);
    cr_assert_eq(sip_live(k->stack, false), 0);
    sip_unsent(k->stack, k->now, txn, &k->out, &k->event);
    cr_assert_eq(k->event.kind, SIP_EV_NONE);
}

Test(stack, a_request_uri_that_is_none_is_refused_before_it_is_sent)
{
    struct sip_addr to = address("10.0.0.9", 5060);
    struct sip_request r = {.method = SIP_OPTIONS,
                            .uri = SIP_STR("sip:a b"),
                            .from = SIP_STR("<sip:a@x>"),
                            .to = SIP_STR("<sip:x>"),
                            .call_id = SIP_STR("o"),
                            .cseq = 1};
    char big[5000];
    uint64_t txn = 99;

    cr_assert_eq(sip_request(k->stack, k->now, &to, &r, 1, &k->out, &txn), -EINVAL);
    memset(big, 'x', sizeof(big));
    r.uri = SIP_STR("sip:x");
    r.content = (struct sip_content){SIP_STR("text/plain"), {big, sizeof(big)}};
    cr_assert_eq(sip_request(k->stack, k->now, &to, &r, 1, &k->out, &txn), -EMSGSIZE);
    cr_assert_eq(txn, 99);
    cr_assert_eq(k->out.n, 0);
}

Test(stack, faster_timers_are_a_matter_of_configuration)
{
    k->conf.t1_ms = 50;
    k->conf.t2_ms = 100;
    cr_assert_null(sip_stack_conf_check(&k->conf));
    kit_reopen(k);
    (void)kit_request(k, SIP_OPTIONS);
    kit_until(k, 350);
    cr_assert_eq(k->out.n, 4, "50, 150, 250, 350 ms");
    kit_until(k, 2850);
    cr_assert_eq(k->events[0].kind, SIP_EV_TIMEOUT);
}

Test(stack, configuration_out_of_range_is_named)
{
    struct sip_stack_conf c = k->conf;

    c.t1_ms = 0;
    cr_assert_str_eq(sip_stack_conf_check(&c), "t1_ms");
    c = k->conf;
    c.sent_by[0][0] = '\0';
    cr_assert_str_eq(sip_stack_conf_check(&c), "sent_by");
    cr_assert_null(sip_stack_conf_check(&k->conf));
}

Test(stack, tokens_of_a_new_epoch_differ_and_old_answers_still_match)
{
    uint64_t txn = new_invite();
    char text[SIP_TOKEN_MAX], later[SIP_TOKEN_MAX];

    (void)sip_own_tag(k->stack, 5, 1, text);
    sip_stack_epoch(k->stack, 8);
    (void)sip_own_tag(k->stack, 5, 1, later);
    cr_assert_str_neq(text, later);
    answer_invite(180, "tb");
    cr_assert_eq(k->event.txn, txn);
}

/* ---- random traffic -------------------------------------------------------------- */

/* Requests, answers and time in random order: the invariants hold and everything ends. */
Test(stack, random_traffic_ends_clean)
{
    uint64_t seed = 0x5eed;

    for (int i = 0; i < 20000; i++) {
        char text[1024];
        unsigned n;

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        n = (unsigned)(seed >> 33);
        snprintf(text, sizeof(text),
                 "%s sip:bob@x SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK%u\nFrom: "
                 "<sip:al@x>;tag=%u\n"
                 "To: <sip:bob@x>\nCall-ID: c%u\nCSeq: 1 %s\nContact: <sip:al@10.0.0.9>\n\n",
                 ((const char *[]){"INVITE", "ACK", "CANCEL", "OPTIONS"})[n % 4], n / 4 % 40,
                 n / 4 % 40, n / 4 % 40,
                 ((const char *[]){"INVITE", "ACK", "CANCEL", "OPTIONS"})[n % 4]);
        kit_in(k, text);
        if (k->event.kind == SIP_EV_REQUEST && n / 160 % 4 != 0)
            cr_assert_eq(sip_respond(k->stack, k->now, k->event.txn,
                                     &(struct sip_reply){
                                         .status = (unsigned[]){0, 180, 200, 486}[n / 160 % 4]},
                                     &k->out),
                         0);
        if (k->event.kind == SIP_EV_CANCEL)
            (void)sip_respond(k->stack, k->now, k->event.txn, &(struct sip_reply){.status = 487},
                              &k->out);
        sip_out_clear(&k->out);
        k->now = mono_add_ms(k->now, n / 640 % 100);
        (void)sip_timers(k->stack, k->now, &k->out, k->events, 16);
    }
    cr_assert_gt(count(RETRANSMISSIONS), 100);
    cr_assert_gt(count(SERVER_FULL), 0);
}
