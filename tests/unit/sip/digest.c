/* Digest: RFC 7616, RFC 8760, RFC 2617; hashes by OpenSSL. */
#include "kit.h"

#include <stdio.h>

#include "sipserver/crypto/digest_openssl.h"

#define REALM SIP_STR("biloxi.com")
#define NOW_S 1700000000u

static struct digest_openssl *crypto;
static struct sip_digest digest;
static struct sip_ha1 ha1;

static void setup(void)
{
    crypto = digest_openssl_new();
    cr_assert_not_null(crypto);
    digest = (struct sip_digest){.ops = digest_openssl_ops(crypto),
                                 .secret = "thirty-two bytes of site secret",
                                 .check_uri = true,
                                 .nonce_life_s = 300};
    cr_assert_eq(sip_digest_ha1(&digest.ops, SIP_STR("bob"), REALM, SIP_STR("zanzibar"), &ha1), 0);
}

static void teardown(void)
{
    digest_openssl_destroy(&crypto);
    cr_assert_null(crypto);
}

TestSuite(digest, .init = setup, .fini = teardown);

static const struct sip_addr here = {.family = SIP_IPV4, .ip = {192, 0, 2, 7}, .port = 5060};

/* What a phone with HA1 answers to a challenge made at MADE_S, put into a REGISTER. */
static void phone(enum sip_digest_algorithm algorithm, uint64_t made_s, const char *uri,
                  const struct sip_ha1 *secret, struct sip_msg *ret_msg)
{
    static char challenge[512], request[2048];
    struct sip_digest_params c;
    struct sip_buf b;

    sip_buf_init(&b, challenge, sizeof(challenge));
    sip_digest_challenge(&digest, made_s, &here, REALM,
                         &(struct sip_digest_offer){.algorithm = algorithm, .serial = 0xbeef}, &b);
    cr_assert_eq(sip_buf_status(&b), 0);
    cr_assert_eq(sip_digest_parse(sip_buf_str(&b), &c), 0);
    sip_buf_init(&b, request, sizeof(request));
    sip_put_text(&b,
                 "REGISTER sip:biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: "
                 "<sip:bob@biloxi.com>;tag=1\r\n"
                 "To: <sip:bob@biloxi.com>\r\nCall-ID: 1\r\nCSeq: 2 REGISTER\r\nAuthorization: ");
    cr_assert_eq(sip_digest_answer(&digest.ops, &c, SIP_REGISTER, sip_str_of(uri), SIP_STR("bob"),
                                   secret, SIP_STR("0a4f113b"), 1, &b),
                 0);
    sip_put_text(&b, "\r\n\r\n");
    cr_assert_eq(sip_msg_parse(b.data, b.len, ret_msg), SIP_OK);
}

static enum sip_digest_result judge(const struct sip_msg *m, uint64_t now_s)
{
    struct sip_digest_params p;

    cr_assert_eq(sip_digest_find(m, SIP_H_AUTHORIZATION, REALM, &p), SIP_DIGEST_OK);
    return sip_digest_verify(&digest, now_s, &here, &p, m, &ha1);
}

/* The user and realm of RFC 7616 3.9.1; the example's own method, GET, is none of SIP's. */
Test(digest, ha1_of_rfc7616_3_9_1)
{
    struct sip_ha1 mufasa;

    cr_assert_eq(sip_digest_ha1(&digest.ops, SIP_STR("Mufasa"), SIP_STR("http-auth@example.org"),
                                SIP_STR("Circle of Life"), &mufasa),
                 0);
    cr_assert_str_eq(mufasa.md5, "3d78807defe7de2157e2b0b6573a855f");
    cr_assert_eq(strlen(mufasa.sha256), 64);
}

/* The response of RFC 2617 3.5's algorithm over fixed values, computed by another program. */
Test(digest, response_against_an_independent_computation)
{
    struct sip_digest_params c = {.realm = REALM,
                                  .nonce = SIP_STR("abc"),
                                  .qop = SIP_STR("auth-int, auth"),
                                  .opaque = SIP_STR("o")};
    char text[1024];
    struct sip_buf b;

    sip_buf_init(&b, text, sizeof(text) - 1);
    cr_assert_eq(sip_digest_answer(&digest.ops, &c, SIP_REGISTER, SIP_STR("sip:biloxi.com"),
                                   SIP_STR("bob"), &ha1, SIP_STR("0a4f113b"), 1, &b),
                 0);
    text[b.len] = '\0';
    cr_assert_str_eq(
        text,
        "Digest username=\"bob\", realm=\"biloxi.com\", nonce=\"abc\", uri=\"sip:biloxi.com\", "
        "response=\"01f4869525e8d4e52e90be5c286fcfce\", opaque=\"o\", qop=auth, "
        "cnonce=\"0a4f113b\", nc=00000001");
    c.qop = SIP_STR("auth-int");
    cr_assert_eq(sip_digest_answer(&digest.ops, &c, SIP_REGISTER, SIP_STR("sip:x"), SIP_STR("bob"),
                                   &ha1, SIP_STR("c"), 1, &b),
                 -ENOTSUP);
}

/* What was computed for the credentials before is used for the same method and URI only. */
Test(digest, credentials_after_others_are_judged_by_their_own_uri_and_algorithm)
{
    static const char *const uris[] = {"sip:biloxi.com", "sip:biloxi.com", "sip:chicago.com"};
    struct sip_msg m;

    digest.check_uri = false;
    for (unsigned i = 0; i < 12; i++) {
        enum sip_digest_algorithm algorithm = i / 2 % 2 == 0 ? SIP_MD5 : SIP_SHA256;

        phone(algorithm, NOW_S, uris[i % 3], &ha1, &m);
        cr_assert_eq(judge(&m, NOW_S), SIP_DIGEST_OK, "%u", i);
        m.method_name = SIP_STR("INVITE");
        cr_assert_eq(judge(&m, NOW_S), SIP_DIGEST_WRONG, "%u", i);
    }
}

Test(digest, right_credentials_pass_with_both_algorithms)
{
    struct sip_msg m;

    phone(SIP_MD5, NOW_S, "sip:biloxi.com", &ha1, &m);
    cr_assert_eq(judge(&m, NOW_S + 10), SIP_DIGEST_OK);
    phone(SIP_SHA256, NOW_S, "sip:biloxi.com", &ha1, &m);
    cr_assert_eq(judge(&m, NOW_S + 10), SIP_DIGEST_OK);
}

Test(digest, wrong_password_is_wrong_even_with_an_old_nonce)
{
    struct sip_ha1 guess;
    struct sip_msg m;

    cr_assert_eq(sip_digest_ha1(&digest.ops, SIP_STR("bob"), REALM, SIP_STR("guess"), &guess), 0);
    phone(SIP_MD5, NOW_S, "sip:biloxi.com", &guess, &m);
    cr_assert_eq(judge(&m, NOW_S), SIP_DIGEST_WRONG);
    cr_assert_eq(judge(&m, NOW_S + 1000), SIP_DIGEST_WRONG);
}

Test(digest, old_nonce_is_stale_and_the_challenge_says_so)
{
    struct sip_msg m;
    char text[512];
    struct sip_buf b;

    phone(SIP_MD5, NOW_S, "sip:biloxi.com", &ha1, &m);
    cr_assert_eq(judge(&m, NOW_S + 300), SIP_DIGEST_OK);
    cr_assert_eq(judge(&m, NOW_S + 301), SIP_DIGEST_STALE);
    cr_assert_eq(judge(&m, NOW_S - 60), SIP_DIGEST_OK,
                 "the other host's clock may be a little ahead");
    cr_assert_eq(judge(&m, NOW_S - 61), SIP_DIGEST_STALE);
    sip_buf_init(&b, text, sizeof(text) - 1);
    sip_digest_challenge(&digest, NOW_S, &here, REALM,
                         &(struct sip_digest_offer){.algorithm = SIP_SHA256, .stale = true}, &b);
    text[b.len] = '\0';
    cr_assert_not_null(strstr(text, "algorithm=SHA-256, qop=\"auth\", stale=true"));
}

Test(digest, a_nonce_of_another_site_or_realm_is_not_ours)
{
    struct sip_msg m;

    phone(SIP_MD5, NOW_S, "sip:biloxi.com", &ha1, &m);
    digest.secret[0] ^= 1;
    cr_assert_eq(judge(&m, NOW_S), SIP_DIGEST_BAD_NONCE);
}

Test(digest, the_digest_uri_must_be_the_request_uri)
{
    struct sip_msg m;

    struct sip_ha1 guess;

    phone(SIP_MD5, NOW_S, "sip:elsewhere.com", &ha1, &m);
    cr_assert_eq(judge(&m, NOW_S), SIP_DIGEST_OTHER_URI, "no guess: the password is right");
    cr_assert_eq(sip_digest_ha1(&digest.ops, SIP_STR("bob"), REALM, SIP_STR("guess"), &guess), 0);
    phone(SIP_MD5, NOW_S, "sip:elsewhere.com", &guess, &m);
    cr_assert_eq(judge(&m, NOW_S), SIP_DIGEST_WRONG);
    phone(SIP_MD5, NOW_S, "sip:elsewhere.com", &ha1, &m);
    digest.check_uri = false;
    cr_assert_eq(judge(&m, NOW_S), SIP_DIGEST_OK);
}

Test(digest, an_algorithm_that_the_user_has_not_is_wrong)
{
    struct sip_msg m;

    phone(SIP_SHA256, NOW_S, "sip:biloxi.com", &ha1, &m);
    ha1.sha256[0] = '\0';
    cr_assert_eq(judge(&m, NOW_S), SIP_DIGEST_WRONG);
}

Test(digest, a_nonce_is_good_at_the_address_that_it_was_given_to_rfc7616_5_4)
{
    struct sip_addr port = here, host = here;
    struct sip_digest_params p;
    struct sip_msg m;

    phone(SIP_SHA256, NOW_S, "sip:biloxi.com", &ha1, &m);
    cr_assert_eq(sip_digest_find(&m, SIP_H_AUTHORIZATION, REALM, &p), SIP_DIGEST_OK);
    port.port = 5070;
    host.ip[3]++;
    cr_assert_eq(sip_digest_verify(&digest, NOW_S, &port, &p, &m, &ha1), SIP_DIGEST_OK);
    cr_assert_eq(sip_digest_verify(&digest, NOW_S, &host, &p, &m, &ha1), SIP_DIGEST_BAD_NONCE);
}

Test(digest, incomplete_credentials_are_malformed)
{
    struct sip_digest_params p;
    struct sip_msg m;

    phone(SIP_MD5, NOW_S, "sip:biloxi.com", &ha1, &m);
    cr_assert_eq(sip_digest_find(&m, SIP_H_AUTHORIZATION, SIP_STR("other"), &p), SIP_DIGEST_ABSENT);
    cr_assert_eq(sip_digest_find(&m, SIP_H_AUTHORIZATION, REALM, &p), SIP_DIGEST_OK);
    p.cnonce = SIP_STR_NONE;
    cr_assert_eq(sip_digest_verify(&digest, NOW_S, &here, &p, &m, &ha1), SIP_DIGEST_MALFORMED);
    p.response = SIP_STR_NONE;
    cr_assert_eq(sip_digest_verify(&digest, NOW_S, &here, &p, &m, &ha1), SIP_DIGEST_MALFORMED);
}

Test(digest, rfc2617_auth_int_is_not_taken_for_auth)
{
    struct sip_digest_params p;
    struct sip_msg m;

    phone(SIP_MD5, NOW_S, "sip:biloxi.com", &ha1, &m);
    cr_assert_eq(sip_digest_find(&m, SIP_H_AUTHORIZATION, REALM, &p), SIP_DIGEST_OK);
    p.qop = SIP_STR("auth-int");
    cr_assert_eq(sip_digest_verify(&digest, NOW_S, &here, &p, &m, &ha1), SIP_DIGEST_WRONG);
}

static void hex_md5(struct sip_str text, char ret_hex[33])
{
    uint8_t sum[16];

    digest.ops.md5(digest.ops.self, text.p, text.len, sum);
    for (unsigned i = 0; i < 16; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", sum[i]);
}

/* H(HA1:nonce:nc:cnonce:auth-int:H(method:uri:H(body))) put together by hand. */
Test(digest, auth_int_protects_the_body_rfc7616_3_4_3)
{
    struct sip_digest_params p;
    struct sip_msg m;
    char body[33], a2[33], response[33], text[512];

    phone(SIP_MD5, NOW_S, "sip:biloxi.com", &ha1, &m);
    cr_assert_eq(sip_digest_find(&m, SIP_H_AUTHORIZATION, REALM, &p), SIP_DIGEST_OK);
    p.qop = SIP_STR("auth-int");
    m.body = SIP_STR("v=0");
    hex_md5(m.body, body);
    snprintf(text, sizeof(text), "REGISTER:sip:biloxi.com:%s", body);
    hex_md5(sip_str_of(text), a2);
    snprintf(text, sizeof(text), "%s:%.*s:%.*s:%.*s:auth-int:%s", ha1.md5, (int)p.nonce.len,
             p.nonce.p, (int)p.nc.len, p.nc.p, (int)p.cnonce.len, p.cnonce.p, a2);
    hex_md5(sip_str_of(text), response);
    p.response = sip_str_of(response);
    cr_assert_eq(sip_digest_verify(&digest, NOW_S, &here, &p, &m, &ha1), SIP_DIGEST_OK);
    m.body = SIP_STR("v=1");
    cr_assert_eq(sip_digest_verify(&digest, NOW_S, &here, &p, &m, &ha1), SIP_DIGEST_WRONG);
}

Test(digest, each_nonce_is_unlike_any_other_of_its_second)
{
    char text[2][512];
    struct sip_digest_params p[2];

    for (unsigned i = 0; i < 2; i++) {
        struct sip_digest_offer offer = {.algorithm = SIP_SHA256, .auth_int = true, .serial = i};
        struct sip_buf b;

        sip_buf_init(&b, text[i], sizeof(text[i]));
        sip_digest_challenge(&digest, NOW_S, &here, REALM, &offer, &b);
        cr_assert_eq(sip_digest_parse(sip_buf_str(&b), &p[i]), 0);
        cr_assert_eq(sip_digest_made(p[i].nonce), NOW_S);
        cr_assert(sip_str_eq(p[i].qop, SIP_STR("auth,auth-int")));
    }
    cr_assert_not(sip_str_eq(p[0].nonce, p[1].nonce));
}

Test(digest, a_nonce_count_is_eight_hex_digits_from_1_on_rfc7616_3_4)
{
    static const char *const bad[] = {"00000000", "0000000g", "0000001", "000000001"};
    struct sip_digest_params p;
    struct sip_msg m;

    phone(SIP_MD5, NOW_S, "sip:biloxi.com", &ha1, &m);
    cr_assert_eq(sip_digest_find(&m, SIP_H_AUTHORIZATION, REALM, &p), SIP_DIGEST_OK);
    cr_assert_eq(sip_digest_count(&p), 1);
    for (unsigned i = 0; i < 4; i++) {
        p.nc = sip_str_of(bad[i]);
        cr_assert_eq(sip_digest_verify(&digest, NOW_S, &here, &p, &m, &ha1), SIP_DIGEST_MALFORMED);
    }
    p.nc = SIP_STR("0000000A");
    cr_assert_eq(sip_digest_count(&p), 10);
}

Test(digest, a_realm_cannot_leave_its_quotes)
{
    static const char wanted[] = "Digest realm=\"a\\\"b\\\\c  Via: x\", nonce=";
    char text[512];
    struct sip_buf b;

    sip_buf_init(&b, text, sizeof(text));
    sip_digest_challenge(&digest, NOW_S, &here, SIP_STR("a\"b\\c\r\nVia: x"),
                         &(struct sip_digest_offer){.algorithm = SIP_MD5}, &b);
    cr_assert_eq(sip_buf_status(&b), 0);
    cr_assert_eq(memcmp(text, wanted, sizeof(wanted) - 1), 0, "%s", text);
}
