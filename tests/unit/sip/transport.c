/* What the stack does differently over TCP and TLS: no retransmission, answers over the connection,
 * the transport in Via, large requests (RFC 3261 17, 18). */
#include "kit.h"

static uint64_t ask(struct kit *k, struct sip_addr to, enum sip_method method, size_t body)
{
    static char text[4000];
    struct sip_request r = {.method = method,
                            .uri = SIP_STR("sip:bob@10.0.0.9"),
                            .from = SIP_STR("<sip:pbx@10.0.0.1>"),
                            .from_tag = SIP_STR("f1"),
                            .to = SIP_STR("<sip:bob@10.0.0.9>"),
                            .call_id = SIP_STR("call-1"),
                            .cseq = 21,
                            .contact = SIP_STR("sip:10.0.0.1:5060")};
    uint64_t txn = 0;

    memset(text, 'x', sizeof(text));
    if (body > 0)
        r.content = (struct sip_content){SIP_STR("text/plain"), {text, body}};
    sip_out_clear(&k->out);
    cr_assert_eq(sip_request(k->stack, k->now, &to, &r, 0x77, &k->out, &txn), 0);
    return txn;
}

static struct sip_addr over(enum sip_transport transport, uint32_t flow)
{
    struct sip_addr a = address("10.0.0.9", 40000);

    a.transport = (uint8_t)transport;
    a.flow = flow;
    return a;
}

#define REQUEST(method, more)                                                                      \
    method " sip:10.0.0.1 SIP/2.0\nVia: SIP/2.0/TCP 10.0.0.9:5071;branch=z9hG4bKa\n"               \
           "From: <sip:a@b>;tag=1\nTo: <sip:c@d>" more "\nCall-ID: x\nCSeq: 1 " method             \
           "\nMax-Forwards: 70\nContact: <sip:a@10.0.0.9>\nContent-Length: 0\n\n"

Test(transport, rfc_3261_17_1_timers_a_and_e_do_not_run_over_a_reliable_transport)
{
    struct kit *k = kit_new();

    ask(k, over(SIP_TCP, 3), SIP_INVITE, 0);
    cr_assert_eq(k->out.n, 1);
    cr_assert_eq(k->out.items[0].to.flow, 3);
    assert_str(kit_sent(k, 0)->via.transport_text, "TCP");
    kit_until(k, 31900);
    cr_assert_eq(k->out.n, 0);
    kit_until(k, 200); /* timer B does */
    cr_assert_eq(k->events_n, 1);
    cr_assert_eq(k->events[0].kind, SIP_EV_TIMEOUT);
    ask(k, over(SIP_TCP, 3), SIP_OPTIONS, 0);
    kit_until(k, 31900);
    cr_assert_eq(k->out.n, 0);
    kit_until(k, 200);
    cr_assert_eq(k->events[0].kind, SIP_EV_TIMEOUT);
    kit_free(k);
}

Test(transport, rfc_3261_17_timers_d_i_j_k_are_zero_over_a_reliable_transport)
{
    struct kit *k = kit_new();
    struct sip_addr src = over(SIP_TCP, 3);

    kit_in_from(k, src, REQUEST("INFO", ";tag=2"));
    kit_respond(k, k->event.txn, 200);
    kit_until(k, 1);
    cr_assert_eq(sip_live(k->stack, true), 0); /* J */
    kit_in_from(k, src, REQUEST("INVITE", ""));
    kit_respond(k, k->event.txn, 486);
    kit_until(k, 3000);
    cr_assert_eq(k->out.n, 0); /* G */
    kit_in_from(k, src, REQUEST("ACK", ";tag=ours"));
    kit_until(k, 1);
    cr_assert_eq(sip_live(k->stack, true), 0); /* I */
    kit_free(k);
}

Test(transport, rfc_3261_13_3_1_4_a_2xx_is_repeated_over_every_transport_until_its_ack)
{
    struct kit *k = kit_new();

    kit_in_from(k, over(SIP_TCP, 3), REQUEST("INVITE", ""));
    kit_respond(k, k->event.txn, 200);
    kit_until(k, 1600);
    cr_assert_eq(k->out.n, 2); /* after T1, after 2*T1 */
    kit_free(k);
}

Test(transport, rfc_3261_18_2_2_an_answer_goes_over_the_connection_or_to_the_port_of_sent_by)
{
    struct kit *k = kit_new();

    kit_in_from(k, over(SIP_TLS, 9), REQUEST("INVITE", ""));
    kit_respond(k, k->event.txn, 180);
    cr_assert_eq(k->out.items[0].to.transport, SIP_TLS);
    cr_assert_eq(k->out.items[0].to.port, 40000);
    cr_assert_eq(k->out.items[0].to.flow, 9);
    cr_assert_eq(k->out.items[0].to.again, 5071);
    kit_free(k);
}

Test(transport, tls_leaves_by_its_own_port_and_not_at_all_without_one)
{
    struct kit *k = kit_new();
    struct sip_addr to = over(SIP_TLS, 0);
    struct sip_request r = {.method = SIP_OPTIONS,
                            .uri = SIP_STR("sip:bob@10.0.0.9"),
                            .from = SIP_STR("<sip:a@b>"),
                            .to = SIP_STR("<sip:a@b>"),
                            .call_id = SIP_STR("c"),
                            .cseq = 1};
    uint64_t txn;

    cr_assert_eq(sip_request(k->stack, k->now, &to, &r, 1, &k->out, &txn), -EPROTONOSUPPORT);
    r.method = SIP_ACK;
    cr_assert_eq(sip_send_ack(k->stack, &to, &r, 1, &k->out), -EPROTONOSUPPORT);
    cr_assert_eq(k->out.n, 0);
    strcpy(k->conf.sent_by[SIP_LOCAL_TLS], "10.0.0.1:5061");
    kit_reopen(k);
    ask(k, to, SIP_OPTIONS, 0);
    assert_str(kit_sent(k, 0)->via.transport_text, "TLS");
    cr_assert_eq(kit_sent(k, 0)->via.port, 5061);
    kit_free(k);
}

static struct sip_addr named(const char *text)
{
    struct sip_uri uri;
    struct sip_addr a;

    cr_assert_eq(sip_uri_parse(sip_str_of(text), &uri), 0);
    cr_assert_eq(sip_uri_addr(&uri, &a), 0);
    return a;
}

Test(transport, rfc_3261_18_1_1_a_large_request_goes_by_tcp_where_the_uri_permits)
{
    struct kit *k = kit_new();

    ask(k, named("sip:10.0.0.9"), SIP_INVITE, 500);
    cr_assert_eq(k->out.items[0].to.transport, SIP_UDP);
    ask(k, named("sip:10.0.0.9"), SIP_INVITE, 1300);
    cr_assert_eq(k->out.items[0].to.transport, SIP_TCP);
    assert_str(kit_sent(k, 0)->via.transport_text, "TCP");
    ask(k, named("sip:10.0.0.9;transport=udp"), SIP_INVITE, 1300);
    cr_assert_eq(k->out.items[0].to.transport, SIP_UDP);
    ask(k, address("10.0.0.9", 40000), SIP_INVITE, 1300); /* a phone's flow */
    cr_assert_eq(k->out.items[0].to.transport, SIP_UDP);
    kit_free(k);
}

Test(transport, rfc_3261_18_1_1_and_by_udp_after_all_when_tcp_cannot_be_had)
{
    struct kit *k = kit_new();
    uint64_t txn = ask(k, named("sip:10.0.0.9"), SIP_INVITE, 1300);

    sip_out_clear(&k->out);
    sip_unsent(k->stack, k->now, txn, &k->out, &k->event);
    cr_assert_eq(k->event.kind, SIP_EV_NONE);
    cr_assert_eq(k->out.items[0].to.transport, SIP_UDP);
    assert_str(kit_sent(k, 0)->via.transport_text, "UDP");
    kit_until(k, 600);
    cr_assert_eq(k->out.n, 1); /* timer A runs now */
    sip_out_clear(&k->out);
    sip_unsent(k->stack, k->now, txn, &k->out, &k->event);
    cr_assert_eq(k->event.kind, SIP_EV_UNSENT); /* once only */
    kit_free(k);
}

Test(transport, an_address_as_the_end_of_a_uri)
{
    const char *texts[] = {"192.0.2.1:5060", "192.0.2.1:5070;transport=tcp",
                           "[2001:db8::1]:5061;transport=tls"};

    for (size_t i = 0; i < 3; i++) {
        char uri[100], text[100];
        struct sip_addr a;
        struct sip_buf b;

        snprintf(uri, sizeof(uri), "sip:%s", texts[i]);
        a = named(uri);
        sip_buf_init(&b, text, sizeof(text));
        sip_addr_put_uri(&b, &a);
        assert_str(sip_buf_str(&b), texts[i]);
    }
}
