/* TCP and TLS as the core sees them: flows in bindings and legs, Contact by transport, trunks whose
 * connection is refused (H-7, T-1). */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

static struct kit *k;
static struct ua phone[2];

static void offer_tls(struct kit *kit)
{
    kit->conf.tls_port = 5061;
}

static void setup(void)
{
    k = kit_house(offer_tls);
    for (unsigned i = 0; i < 2; i++) {
        char number[8], ip[32];

        snprintf(number, sizeof(number), "%u", 100 + i);
        snprintf(ip, sizeof(ip), "10.0.9.%u", 1 + i);
        phone[i] = ua_at(k, ip, 40000, number);
        phone[i].addr.transport = i == 0 ? SIP_TCP : SIP_TLS;
        phone[i].addr.flow = 11 + i;
        cr_assert_eq(ua_register(&phone[i], "pw", 3600), 200);
    }
}

static void teardown(void)
{
    kit_free(k);
}

static void establish(struct ua *a, struct ua *b)
{
    ua_call(a, b->user, SDP_A);
    ua_expect_request(b, SIP_INVITE);
    ua_reply(b, 200, SDP_B);
    ua_expect(a, 200);
    ua_ack(a, NULL);
    ua_expect_request(b, SIP_ACK);
}

static const struct caught *last(void)
{
    return &k->caught[k->caught_n - 1];
}

TestSuite(transport, .init = setup, .fini = teardown);

Test(transport, requests_go_over_the_flow_of_the_phone_and_contact_names_its_transport)
{
    ua_call(&phone[0], "101", SDP_A);
    ua_expect_request(&phone[1], SIP_INVITE);
    cr_assert_eq(last()->to.flow, 12);
    cr_assert_not_null(strstr(last()->data, "Via: SIP/2.0/TLS 10.0.0.1:5061;"));
    cr_assert_not_null(strstr(last()->data, "Contact: <sip:10.0.0.1:5061;transport=tls>"));
    ua_reply(&phone[1], 200, SDP_B);
    ua_expect(&phone[0], 200);
    cr_assert_eq(last()->to.flow, 11);
    cr_assert_not_null(strstr(last()->data, "Contact: <sip:10.0.0.1:5060;transport=tcp>"));
    ua_ack(&phone[0], NULL);
    ua_expect_request(&phone[1], SIP_ACK);
}

Test(transport, h_7_a_call_goes_on_over_the_connection_by_which_the_phone_comes_back)
{
    establish(&phone[0], &phone[1]);
    phone[1].addr.flow = 99;
    cr_assert_eq(ua_register(&phone[1], "pw", 3600), 200);
    ua_request(&phone[0], SIP_BYE, NULL);
    ua_expect(&phone[0], 200);
    ua_expect_request(&phone[1], SIP_BYE);
    cr_assert_eq(last()->to.flow, 99);
    ua_reply(&phone[1], 200, NULL);
    kit_assert_empty(k);
}

static void trunk_over(const char *transport)
{
    struct sc_dn_conf dn = kit_dn_conf(k, "stream", SC_DN_TRUNK);

    snprintf(dn.contact, sizeof(dn.contact), "sip:10.0.7.1:5060%s", transport);
    snprintf(dn.prefixes[0], sizeof(dn.prefixes[0]), "7");
    dn.prefixes_n = 1;
    kit_dn(k, &dn);
    kit_run(k, 0);
}

/* unsent - the adapter could not send the OPTIONS: its transaction is the first client's since. */
static void refuse_options(void)
{
    for (uint64_t generation = 1; generation < 8; generation++)
        for (uint64_t index = 0; index < 64; index++)
            kit_step(k, &(struct sc_event){.kind = SC_EV_UNSENT, .txn = generation << 32 | index});
}

Test(transport, t_1_a_refused_connection_counts_as_dead_at_once)
{
    trunk_over(";transport=tcp");
    cr_assert(kit_dn_in(k, "stream"));
    refuse_options();
    cr_assert_not(kit_dn_in(k, "stream"));
}

Test(transport, t_1_a_datagram_that_could_not_be_sent_is_silence)
{
    trunk_over("");
    refuse_options();
    cr_assert(kit_dn_in(k, "stream"));
    kit_run(k, 5100);
    cr_assert_not(kit_dn_in(k, "stream"));
}

Test(transport, a_trunk_that_connects_is_known_by_its_address_whatever_port_it_comes_from)
{
    struct ua gw = ua_at(k, "10.0.7.1", 33333, "+491");

    trunk_over(";transport=tcp");
    gw.addr.transport = SIP_TCP;
    ua_invite(&gw, "100", SDP_A);
    ua_expect_request(&phone[0], SIP_INVITE);
}

Test(transport, the_number_and_the_transport_of_a_trunk_are_in_the_request_uri)
{
    trunk_over(";transport=tcp");
    ua_call(&phone[0], "7123", SDP_A);
    cr_assert_not_null(strstr(last()->data, "INVITE sip:7123@10.0.7.1:5060;transport=tcp SIP/2.0"));
    cr_assert_not_null(strstr(last()->data, "Via: SIP/2.0/TCP 10.0.0.1:5060;"));
}
