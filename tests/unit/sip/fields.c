/* The field machines: RFC 3261 19.1, 20, 25.1. */
#include "kit.h"

static struct sip_uri uri(const char *text)
{
    struct sip_uri u;

    cr_assert_eq(sip_uri_parse(sip_str_of(text), &u), 0, "%s", text);
    return u;
}

Test(fields, uri_examples_of_rfc3261_19_1_3)
{
    struct sip_uri u = uri("sip:alice:secretword@atlanta.com;transport=tcp");

    assert_str(u.user, "alice");
    assert_str(u.password, "secretword");
    assert_str(u.host, "atlanta.com");
    assert_str(u.params, ";transport=tcp");
    u = uri("sips:alice@atlanta.com?subject=project%20x&priority=urgent");
    cr_assert_eq(u.scheme, SIP_SCHEME_SIPS);
    assert_str(u.headers, "subject=project%20x&priority=urgent");
    u = uri("sip:+1-212-555-1212:1234@gateway.com;user=phone");
    assert_str(u.user, "+1-212-555-1212");
    u = uri("sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com");
    assert_str(u.host, "atlanta.com");
    cr_assert(sip_str_empty(u.user));
    u = uri("sip:alice;day=tuesday@atlanta.com");
    assert_str(u.user, "alice;day=tuesday");
    u = uri("SIP:alice@192.0.2.4:5070");
    cr_assert_eq(u.port, 5070);
}

Test(fields, uri_with_ipv6_reference)
{
    struct sip_uri u = uri("sip:a@[2001:db8::10]:5070;lr");
    struct sip_addr a;

    assert_str(u.host, "[2001:db8::10]");
    cr_assert_eq(u.port, 5070);
    cr_assert_eq(sip_uri_addr(&u, &a), 0);
    cr_assert_eq(a.family, SIP_IPV6);
    cr_assert_eq(a.port, 5070);
}

Test(fields, uri_tel_and_other_schemes)
{
    struct sip_uri u = uri("tel:+358-555-1234567;postd=pp22");

    cr_assert_eq(u.scheme, SIP_SCHEME_TEL);
    assert_str(u.user, "+358-555-1234567");
    u = uri("urn:service:sos");
    cr_assert_eq(u.scheme, SIP_SCHEME_OTHER);
}

Test(fields, uri_malformed)
{
    static const char *const bad[] = {"sip:",      "sip:a@",        "sip:@x",     "sip:a b@x",
                                      "sip:a@x:",  "sip:a@x:65536", "sip:a@[::1", "sip:a@x;",
                                      "sip:a%4@x", "sip:a@x?",      "sip:a@x?b",  "sip:a@x y",
                                      "nothing",   "sip:a@-x-",     "sip:\x01@x", "",
                                      "sip:a@b@c", "tel:",          "sips:%zz@x"};
    struct sip_uri u;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_lt(sip_uri_parse(sip_str_of(bad[i]), &u), 0, "%s", bad[i]);
}

Test(fields, uri_comparison_of_rfc3261_19_1_4)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } pairs[] = {
        {"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
        {"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
        {"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true},
        {"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
        {"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
        {"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
        {"sip:bob@biloxi.com", "sip:bob@192.0.2.4", false},
        {"sip:bob@biloxi.com", "sips:bob@biloxi.com", false},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct sip_uri a = uri(pairs[i].a), b = uri(pairs[i].b);

        cr_assert_eq(sip_uri_eq(&a, &b), pairs[i].equal, "%s %s", pairs[i].a, pairs[i].b);
    }
}

Test(fields, party_forms_of_rfc3261_20_10_and_20_20)
{
    struct sip_party p;

    cr_assert_eq(
        sip_party_parse(
            SIP_STR("\"Mr. \\\"Q\\\" Watson\" <sip:watson@w.b.com>;q=0.7; expires=3600"), &p),
        0);
    assert_str(p.display, "Mr. \\\"Q\\\" Watson");
    assert_str(p.uri_text, "sip:watson@w.b.com");
    assert_str(p.bare, "\"Mr. \\\"Q\\\" Watson\" <sip:watson@w.b.com>");
    cr_assert_eq(sip_party_parse(SIP_STR("sip:+12125551212@server.phone2net.com;tag=887s"), &p), 0);
    assert_str(p.tag, "887s");
    assert_str(p.uri_text, "sip:+12125551212@server.phone2net.com");
    cr_assert(sip_str_empty(p.uri.params), "without brackets, parameters are the header's");
    cr_assert_eq(sip_party_parse(SIP_STR("Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8"), &p),
                 0);
    assert_str(p.display, "Anonymous");
    cr_assert_eq(sip_party_parse(SIP_STR("<sip:a@x;tag=inner>"), &p), 0);
    cr_assert(sip_str_empty(p.tag), "a parameter of the URI is not the header's");
    cr_assert_eq(sip_party_parse(SIP_STR("<sip:a@x>;tag="), &p), 0);
    cr_assert(sip_str_empty(p.tag), "an empty value is none");
    cr_assert_eq(sip_party_parse(SIP_STR("*"), &p), 0);
    cr_assert(p.star);
    cr_assert_eq(sip_party_parse(SIP_STR("\"\xc3\xa9t\xc3\xa9\" <sip:a@x>"), &p), 0);
}

Test(fields, party_malformed)
{
    static const char *const bad[] = {"\"open <sip:a@x>", "<sip:a@x",        "sip:a@x>",
                                      "< sip:a@x >",      "\"a\" sip:a@x",   "<>",
                                      "a b, <x>",         "<sip:a@x> tail",  "",
                                      "sip:a@x;tag=a b",  "<sip:a@x>;;tag=1"};
    struct sip_party p;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_lt(sip_party_parse(sip_str_of(bad[i]), &p), 0, "%s", bad[i]);
    }
}

Test(fields, via_of_rfc3261_20_42_and_rfc3581)
{
    struct sip_via v;

    cr_assert_eq(
        sip_via_parse(SIP_STR("SIP / 2.0 / UDP first.example.com: 4000;ttl=16\r\n ;maddr=224.2.0.1 "
                              ";branch=z9hG4bKa7c6a8dlze.1"),
                      &v),
        0);
    assert_str(v.host, "first.example.com");
    cr_assert_eq(v.port, 4000);
    cr_assert_eq(v.ttl, 16);
    assert_str(v.branch, "z9hG4bKa7c6a8dlze.1");
    cr_assert_eq(v.transport, SIP_UDP);
    cr_assert_eq(
        sip_via_parse(SIP_STR("SIP/2.0/TLS [2001:db8::9:1];rport;received=2001:db8::9:255"), &v),
        0);
    assert_str(v.host, "[2001:db8::9:1]");
    cr_assert(v.rport_asked);
    cr_assert_eq(v.rport, 0);
    assert_str(v.received, "2001:db8::9:255");
    cr_assert_eq(sip_via_parse(SIP_STR("SIP/2.0/WSS h;rport=99"), &v), 0);
    cr_assert(!v.transport_known);
    cr_assert_eq(v.rport, 99);
    cr_assert_lt(sip_via_parse(SIP_STR("SIP/2.0/UDP h;ttl=256"), &v), 0);
    cr_assert_lt(sip_via_parse(SIP_STR("SIP/2.0/UDP h;rport=65536"), &v), 0);
    cr_assert_lt(sip_via_parse(SIP_STR("SIP/2.0/UDP h:99999"), &v), 0);
    cr_assert_lt(sip_via_parse(SIP_STR("SIP/2.0/UDP"), &v), 0);
    cr_assert_lt(sip_via_parse(SIP_STR("SIP/2.0/UDPh"), &v), 0);
}

Test(fields, cseq_and_call_id)
{
    struct sip_cseq c;

    cr_assert_eq(sip_cseq_parse(SIP_STR("2147483647 X-NEW"), &c), 0);
    cr_assert_eq(c.number, 2147483647u);
    assert_str(c.method, "X-NEW");
    cr_assert_lt(sip_cseq_parse(SIP_STR("1INVITE"), &c), 0);
    cr_assert_lt(sip_cseq_parse(SIP_STR("1"), &c), 0);
    cr_assert_lt(sip_cseq_parse(SIP_STR("-1 INVITE"), &c), 0);
    cr_assert_eq(sip_call_id_check(SIP_STR("f81d4fae-7dec-11d0@foo.bar.com")), 0);
    cr_assert_eq(sip_call_id_check(SIP_STR("(o<>:\\\"/[]?{}).x")), 0);
    cr_assert_lt(sip_call_id_check(SIP_STR("a b")), 0);
    cr_assert_lt(sip_call_id_check(SIP_STR("a@b@c")), 0);
    cr_assert_lt(sip_call_id_check(SIP_STR("")), 0);
}

Test(fields, digest_parameters_of_rfc3261_20_7_and_20_44)
{
    struct sip_digest_params p;

    cr_assert_eq(
        sip_digest_parse(
            SIP_STR("Digest username=\"Alice\", realm=\"atlanta.com\",\r\n nonce=\"84a4cc6f\","
                    " response=\"7587245234b3434cc3412213e5f113a5\", nc=00000001,qop=auth ,"
                    "uri=sip:x.com;transport=udp, algorithm = MD5"),
            &p),
        0);
    assert_str(p.username, "Alice");
    assert_str(p.realm, "atlanta.com");
    assert_str(p.nonce, "84a4cc6f");
    assert_str(p.qop, "auth");
    assert_str(p.nc, "00000001");
    assert_str(p.uri, "sip:x.com;transport=udp");
    assert_str(p.algorithm, "MD5");
    cr_assert_eq(sip_digest_parse(SIP_STR("Basic QWxhZGRpbg=="), &p), -ENOTSUP);
    cr_assert_eq(sip_digest_parse(SIP_STR("Digest"), &p), -EINVAL);
    cr_assert_eq(sip_digest_parse(SIP_STR("Digest username=\"open"), &p), -EINVAL);
    cr_assert_eq(sip_digest_parse(SIP_STR(""), &p), -EINVAL);
}

Test(fields, parameters_one_by_one)
{
    struct sip_str rest = SIP_STR(";a=1 ; B=\"x;y\" ;flag;c="), name, value;

    cr_assert_eq(sip_param_next(&rest, &name, &value), 1);
    assert_str(name, "a");
    cr_assert_eq(sip_param_next(&rest, &name, &value), 1);
    assert_str(value, "x;y");
    cr_assert_eq(sip_param_next(&rest, &name, &value), 1);
    assert_str(name, "flag");
    assert_str(value, "");
    cr_assert_eq(sip_param_next(&rest, &name, &value), 1);
    cr_assert_eq(sip_param_next(&rest, &name, &value), 0);
    cr_assert(sip_param_get(SIP_STR(";a=1;b=2"), "B", &value));
    assert_str(value, "2");
    cr_assert(!sip_param_get(SIP_STR(";a=1"), "b", &value));
}

Test(fields, lists_split_outside_quotes_and_brackets)
{
    struct sip_str rest = SIP_STR(" a , , \"b,\\\",c\" <sip:x,y>;z ,d"), v;

    cr_assert(sip_list_next(&rest, &v));
    assert_str(v, "a");
    cr_assert(sip_list_next(&rest, &v));
    assert_str(v, "\"b,\\\",c\" <sip:x,y>;z");
    cr_assert(sip_list_next(&rest, &v));
    assert_str(v, "d");
    cr_assert(!sip_list_next(&rest, &v));
    rest = SIP_STR("a, \"open, b");
    cr_assert(sip_list_next(&rest, &v));
    cr_assert(sip_list_next(&rest, &v));
    assert_str(v, "\"open, b");
    cr_assert(!sip_list_next(&rest, &v));
}

Test(fields, a_q_has_three_places_at_most_and_is_one_at_most_rfc3261_25_1)
{
    static const struct {
        const char *text;
        int thousandths; /* -1: refused */
    } rows[] = {{"0", 0},     {"1", 1000},   {"0.35", 350},  {"0.", 0},   {"1.000", 1000},
                {"0.001", 1}, {"1.001", -1}, {"0.0001", -1}, {"2", -1},   {"", -1},
                {".5", -1},   {"0,5", -1},   {"0.5x", -1},   {"00.5", -1}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint16_t q = 0;
        int r = sip_q_parse(sip_str_of(rows[i].text), &q);

        cr_assert_eq(r == 0 ? (int)q : -1, rows[i].thousandths, "%s", rows[i].text);
    }
}

Test(fields, numbers_have_bounds)
{
    uint32_t n;

    cr_assert_eq(sip_number_parse(SIP_STR("0070"), 255, &n), 0);
    cr_assert_eq(n, 70);
    cr_assert_lt(sip_number_parse(SIP_STR("256"), 255, &n), 0);
    cr_assert_lt(sip_number_parse(SIP_STR(""), 255, &n), 0);
    cr_assert_lt(sip_number_parse(SIP_STR("99999999999999999999999"), UINT32_MAX, &n), 0);
    cr_assert_lt(sip_number_parse(SIP_STR("1 "), 255, &n), 0);
}

Test(fields, escapes_are_decoded)
{
    char text[8];
    size_t len;

    cr_assert_eq(sip_unescape(SIP_STR("%61%6Cx"), text, sizeof(text), &len), 0);
    cr_assert_str_eq(text, "alx");
    cr_assert_eq(len, 3);
    cr_assert_eq(sip_unescape(SIP_STR("%00"), text, sizeof(text), &len), -EINVAL);
    cr_assert_eq(sip_unescape(SIP_STR("%4"), text, sizeof(text), &len), -EINVAL);
    cr_assert_eq(sip_unescape(SIP_STR("12345678"), text, sizeof(text), &len), -EMSGSIZE);
}

static size_t cut_length(const char *text, size_t size)
{
    return sip_str_cut(sip_str_of(text), size).len;
}

/* RFC 3629 section 3: a character is a first byte and those that begin with the bits 10. */
Test(fields, a_text_is_cut_between_two_characters_of_rfc3629)
{
    cr_assert_eq(cut_length("lunch", 6), 5);
    cr_assert_eq(cut_length("lunch", 5), 4);
    cr_assert_eq(cut_length("caf\xc3\xa9", 6), 5);
    cr_assert_eq(cut_length("caf\xc3\xa9", 5), 3);
    cr_assert_eq(cut_length("\xed\x9c\xb4\xec\x8b\x9d", 7), 6);
    cr_assert_eq(cut_length("\xed\x9c\xb4\xec\x8b\x9d", 6), 3);
    cr_assert_eq(cut_length("\xed\x9c\xb4\xec\x8b\x9d", 5), 3);
    cr_assert_eq(cut_length("\xed\x9c\xb4\xec\x8b\x9d", 4), 3);
    cr_assert_eq(cut_length("\xed\x9c\xb4\xec\x8b\x9d", 3), 0);
    cr_assert_eq(cut_length("", 1), 0);
}
