/* Trunks that want a password: challenges answered (RFC 3261 22, RFC 7616, RFC 8760), nonces used
 * again, and what is not answered. */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

static struct kit *k;
static struct ua phone, gw;

static void no_options(struct kit *kit)
{
    kit->options.oos_check_ms = 3600000;
    kit->options.oos_force_ms = 3600000;
}

static void setup(void)
{
    struct sc_dn_conf dn;
    struct digest_ops ops;

    k = kit_house(no_options);
    ops = digest_openssl_ops(k->digest);
    dn = kit_dn_conf(k, "gw", SC_DN_TRUNK);
    snprintf(dn.contact, sizeof(dn.contact), "sip:10.0.1.1:5060");
    snprintf(dn.prefixes[0], sizeof(dn.prefixes[0]), "9");
    dn.prefixes_n = 1;
    snprintf(dn.digest_user, sizeof(dn.digest_user), "us");
    snprintf(dn.digest_realm, sizeof(dn.digest_realm), "carrier");
    sip_digest_ha1(&ops, SIP_STR("us"), SIP_STR("carrier"), SIP_STR("secret"), &dn.ha1);
    kit_dn(k, &dn);
    phones_register(k, &phone, 100, 1);
    gw = ua_at(k, "10.0.1.1", 5060, "gw");
    kit_run(k, 100);
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(credentials, .init = setup, .fini = teardown);

/* GW answers its last request with a challenge. */
static void challenge(unsigned status, const char *value)
{
    ua_says(&gw, status == 401 ? SIP_H_WWW_AUTHENTICATE : SIP_H_PROXY_AUTHENTICATE, value);
    ua_reply(&gw, status, NULL);
    ua_is_silent(&gw);
}

/* GW takes the next request of METHOD; an ACK of a refusal before it is skipped. */
static void next(enum sip_method method)
{
    do
        cr_assert(ua_take(&gw, true), "no %s came", sip_method_name(method));
    while (gw.msg.method == SIP_ACK && method != SIP_ACK);
    cr_assert_eq(gw.msg.method, method, "%s", sip_method_name(gw.msg.method));
    if (method == SIP_INVITE && sip_str_empty(gw.msg.to.tag))
        cr_assert_eq(sip_dialog_uas(&gw.dialog, &gw.msg, sip_str_of(gw.tag)), 0);
}

/* The request in hand carries what CHALLENGE wants: computed here anew, by another way than the one
 * under test takes. */
static void expect_answer(enum sip_header_id id, const char *nonce, const char *algorithm,
                          const char *nc)
{
    struct digest_ops ops = digest_openssl_ops(k->digest);
    struct sip_digest_params p;
    struct sip_ha1 ha1;
    const struct sip_header *h = sip_msg_header(&gw.msg, id);
    bool sha256 = strcmp(algorithm, "SHA-256") == 0;
    char text[1024], ha2[65], wanted[65];
    uint8_t sum[32];

    cr_assert_not_null(h, "no credentials");
    cr_assert_null(sip_msg_header_next(&gw.msg, h), "one answer");
    cr_assert_eq(sip_digest_parse(h->value, &p), 0);
    cr_assert(sip_str_eq(p.username, SIP_STR("us")) && sip_str_eq(p.realm, SIP_STR("carrier")));
    cr_assert(sip_str_eq(p.nonce, sip_str_of(nonce)), "%.*s", (int)p.nonce.len, p.nonce.p);
    cr_assert(sip_str_eq(p.nc, sip_str_of(nc)), "nc %.*s", (int)p.nc.len, p.nc.p);
    cr_assert(sip_str_eq(p.uri, gw.msg.uri_text));
    sip_digest_ha1(&ops, SIP_STR("us"), SIP_STR("carrier"), SIP_STR("secret"), &ha1);
    for (unsigned round = 0; round < 2; round++) {
        int n = round == 0 ? snprintf(text, sizeof(text), "%s:%.*s", sip_method_name(gw.msg.method),
                                      (int)p.uri.len, p.uri.p)
                           : snprintf(text, sizeof(text), "%s:%.*s:%.*s:%.*s:auth:%s",
                                      sha256 ? ha1.sha256 : ha1.md5, (int)p.nonce.len, p.nonce.p,
                                      (int)p.nc.len, p.nc.p, (int)p.cnonce.len, p.cnonce.p, ha2);
        if (sha256)
            ops.sha256(ops.self, text, (size_t)n, sum);
        else
            ops.md5(ops.self, text, (size_t)n, sum);
        for (unsigned i = 0; i < (sha256 ? 32u : 16u); i++)
            snprintf((round == 0 ? ha2 : wanted) + 2 * i, 3, "%02x", sum[i]);
    }
    cr_assert(sip_str_eq(p.response, sip_str_of(wanted)), "response %.*s", (int)p.response.len,
              p.response.p);
}

#define MD5(nonce) "Digest realm=\"carrier\", nonce=\"" nonce "\", algorithm=MD5, qop=\"auth\""
#define SHA256(nonce)                                                                              \
    "Digest realm=\"carrier\", nonce=\"" nonce "\", algorithm=SHA-256, qop=\"auth\""

static void established(const char *nonce_of_challenge)
{
    ua_call(&phone, "9123", SDP_A);
    next(SIP_INVITE);
    challenge(407, nonce_of_challenge);
    next(SIP_INVITE);
    ua_reply(&gw, 200, SDP_B);
    ua_expect(&phone, 200);
    ua_ack(&phone, NULL);
    next(SIP_ACK);
}

/* RFC 3261 22.2, 22.3: the same request, a CSeq more, the body as it was. */
Test(credentials, a_challenged_invite_goes_out_once_more_with_the_answer)
{
    uint32_t cseq;
    char call_id[128];

    ua_call(&phone, "9123", SDP_A);
    next(SIP_INVITE);
    cseq = gw.msg.cseq.number;
    snprintf(call_id, sizeof(call_id), "%.*s", (int)gw.msg.call_id.len, gw.msg.call_id.p);
    cr_assert_null(sip_msg_header(&gw.msg, SIP_H_PROXY_AUTHORIZATION), "unasked, nothing is told");
    challenge(407, MD5("n1"));
    next(SIP_INVITE);
    cr_assert_eq(gw.msg.cseq.number, cseq + 1);
    cr_assert(sip_str_eq(gw.msg.call_id, sip_str_of(call_id)));
    cr_assert(ua_body_is(&gw, SDP_A));
    expect_answer(SIP_H_PROXY_AUTHORIZATION, "n1", "MD5", "00000001");
    ua_reply(&gw, 180, NULL);
    ua_expect(&phone, 180);
    ua_reply(&gw, 200, SDP_B);
    ua_expect(&phone, 200);
    ua_ack(&phone, NULL);
    next(SIP_ACK);
    cr_assert_eq(gw.msg.cseq.number, cseq + 1);
    cr_assert_eq(kit_counter(k, "trunk_logins"), 1);
    ua_request(&phone, SIP_BYE, NULL);
    ua_expect(&phone, 200);
    next(SIP_BYE);
    expect_answer(SIP_H_PROXY_AUTHORIZATION, "n1", "MD5", "00000002");
    ua_reply(&gw, 200, NULL);
    kit_assert_empty(k);
}

/* RFC 8760 2.4: the strongest that we can is taken, wherever it stands. */
Test(credentials, sha_256_comes_before_md5)
{
    ua_call(&phone, "9123", SDP_A);
    next(SIP_INVITE);
    ua_says(&gw, SIP_H_WWW_AUTHENTICATE, MD5("weak"));
    challenge(401, SHA256("strong"));
    next(SIP_INVITE);
    expect_answer(SIP_H_AUTHORIZATION, "strong", "SHA-256", "00000001");
}

/* RFC 7616 3.4: a nonce serves for many requests, its count goes on; over calls too. */
Test(credentials, the_nonce_serves_for_the_next_call)
{
    established(SHA256("n1"));
    ua_request(&phone, SIP_BYE, NULL);
    ua_expect(&phone, 200);
    next(SIP_BYE);
    ua_reply(&gw, 200, NULL);
    ua_call(&phone, "9124", SDP_A);
    next(SIP_INVITE);
    expect_answer(SIP_H_PROXY_AUTHORIZATION, "n1", "SHA-256", "00000003");
    challenge(
        407, "Digest realm=\"carrier\", nonce=\"n2\", algorithm=SHA-256, qop=\"auth\", stale=true");
    next(SIP_INVITE);
    expect_answer(SIP_H_PROXY_AUTHORIZATION, "n2", "SHA-256", "00000001");
    cr_assert_eq(kit_counter(k, "trunk_logins_refused"), 0);
}

Test(credentials, a_bye_that_is_challenged_goes_out_once_more)
{
    established(MD5("n1"));
    ua_request(&phone, SIP_BYE, NULL);
    ua_expect(&phone, 200);
    next(SIP_BYE);
    challenge(401, MD5("n2"));
    next(SIP_BYE);
    expect_answer(SIP_H_AUTHORIZATION, "n2", "MD5", "00000001");
    ua_reply(&gw, 200, NULL);
    kit_assert_empty(k);
}

Test(credentials, a_re_invite_that_is_challenged_goes_out_once_more_and_its_answer_comes_back)
{
    established(MD5("n1"));
    ua_request(&phone, SIP_INVITE, SDP_B);
    next(SIP_INVITE);
    expect_answer(SIP_H_PROXY_AUTHORIZATION, "n1", "MD5", "00000002");
    challenge(407, MD5("n2"));
    next(SIP_INVITE);
    cr_assert(ua_body_is(&gw, SDP_B));
    expect_answer(SIP_H_PROXY_AUTHORIZATION, "n2", "MD5", "00000001");
    ua_reply(&gw, 200, SDP_A);
    ua_expect(&phone, 200);
    cr_assert(ua_body_is(&phone, SDP_A));
    ua_ack(&phone, NULL);
    next(SIP_ACK);
}

Test(credentials, an_info_that_is_challenged_goes_out_once_more)
{
    established(MD5("n1"));
    ua_request(&phone, SIP_INFO, "x");
    next(SIP_INFO);
    challenge(407, MD5("n2"));
    next(SIP_INFO);
    expect_answer(SIP_H_PROXY_AUTHORIZATION, "n2", "MD5", "00000001");
    ua_reply(&gw, 200, NULL);
    ua_expect(&phone, 200);
}

/* Whoever can answer in the trunk's place must not learn what helps at another realm. */
Test(credentials, another_realm_is_not_answered)
{
    ua_call(&phone, "9123", SDP_A);
    next(SIP_INVITE);
    challenge(401, "Digest realm=\"elsewhere\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"");
    ua_expect(&phone, 403);
    ua_ack(&phone, NULL);
    cr_assert_eq(kit_counter(k, "trunk_logins"), 0);
    cr_assert_eq(kit_counter(k, "trunk_logins_refused"), 1);
}

Test(credentials, what_we_cannot_do_is_not_answered)
{
    static const char *const values[] = {
        "Digest realm=\"carrier\", nonce=\"n\", algorithm=SHA-512-256, qop=\"auth\"",
        "Digest realm=\"carrier\", nonce=\"n\", algorithm=MD5, qop=\"auth-int\"",
        "Digest realm=\"carrier\", algorithm=MD5, qop=\"auth\"", "Basic realm=\"carrier\""};
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        ua_call(&phone, "9123", SDP_A);
        next(SIP_INVITE);
        challenge(401, values[i]);
        ua_expect(&phone, 403);
        ua_ack(&phone, NULL);
    }
    cr_assert_eq(kit_counter(k, "trunk_logins"), 0);
}

Test(credentials, a_wrong_password_ends_after_two_answers)
{
    ua_call(&phone, "9123", SDP_A);
    next(SIP_INVITE);
    challenge(407, MD5("n1"));
    next(SIP_INVITE);
    challenge(407, MD5("n2"));
    next(SIP_INVITE);
    challenge(407, MD5("n3"));
    ua_expect(&phone, 403);
    ua_ack(&phone, NULL);
    cr_assert_eq(kit_counter(k, "trunk_logins"), 2);
    cr_assert_eq(kit_counter(k, "trunk_logins_refused"), 1);
    kit_run(k, 40000);
    kit_assert_empty(k);
}

Test(credentials, a_caller_who_gave_up_is_not_called_again)
{
    ua_call(&phone, "9123", SDP_A);
    next(SIP_INVITE);
    ua_reply(&gw, 100, NULL);
    ua_remember(&gw);
    ua_cancel(&phone);
    next(SIP_CANCEL);
    ua_reply(&gw, 200, NULL);
    ua_recall(&gw);
    challenge(407, MD5("n1"));
    next(SIP_ACK);
    ua_expect_nothing(&gw);
}

/* RFC 2617 3.2.1: an old server names no algorithm and no qop. */
Test(credentials, a_challenge_without_qop_is_answered_without_nonce_count)
{
    struct sip_digest_params p;

    ua_call(&phone, "9123", SDP_A);
    next(SIP_INVITE);
    challenge(401, "Digest realm=\"carrier\", nonce=\"n1\", opaque=\"o\"");
    next(SIP_INVITE);
    cr_assert_eq(sip_digest_parse(sip_msg_value(&gw.msg, SIP_H_AUTHORIZATION), &p), 0);
    cr_assert(sip_str_empty(p.nc) && sip_str_empty(p.qop) && sip_str_empty(p.algorithm));
    cr_assert(sip_str_eq(p.opaque, SIP_STR("o")));
}
