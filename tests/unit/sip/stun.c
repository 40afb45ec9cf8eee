/* STUN keep-alives over UDP (RFC 5626 4.4.2, 8; RFC 5389; vectors of RFC 5769). */
#include <criterion/criterion.h>

#include <string.h>

#include "sipserver/sip/out.h"
#include "sipserver/sip/stun.h"

#define ID     "\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
#define COOKIE "\x21\x12\xa4\x42"

static char answer[256];

static size_t ask(const char *data, size_t len, const char *ip, uint16_t port)
{
    struct sip_addr src;
    struct sip_buf b;

    cr_assert_eq(sip_addr_parse(sip_str_of(ip), port, SIP_UDP, &src), 0);
    cr_assert(stun_is(data, len));
    sip_buf_init(&b, answer, sizeof(answer));
    return stun_answer(data, len, &src, &b) ? b.len : 0;
}

static const char binding[] = "\x00\x01\x00\x00" COOKIE ID;

Test(stun, a_binding_request_is_answered_with_its_ipv4_address_rfc5769_2_2)
{
    static const char expected[] =
        "\x01\x01\x00\x0c" COOKIE ID "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43";

    cr_assert_eq(ask(binding, 20, "192.0.2.1", 32853), 32);
    cr_assert_eq(memcmp(answer, expected, 32), 0);
}

Test(stun, a_binding_request_is_answered_with_its_ipv6_address_rfc5769_2_3)
{
    static const char expected[] =
        "\x01\x01\x00\x18" COOKIE ID "\x00\x20\x00\x14\x00\x02\xa1\x47"
        "\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9";

    cr_assert_eq(ask(binding, 20, "2001:db8:1234:5678:11:2233:4455:6677", 32853), 44);
    cr_assert_eq(memcmp(answer, expected, 44), 0);
}

Test(stun, attributes_that_may_be_unknown_are_passed_over_rfc5389_15)
{
    static const char software[] = "\x00\x01\x00\x10" COOKIE ID "\x80\x22\x00\x03"
                                   "abc\0"
                                   "\x80\x28\x00\x04"
                                   "1234";

    cr_assert_eq(ask(software, 36, "192.0.2.1", 32853), 32);
    cr_assert_eq(memcmp(answer, "\x01\x01", 2), 0);
}

Test(stun, attributes_that_must_be_understood_are_420_rfc5389_7_3_1)
{
    static const char user[] = "\x00\x01\x00\x08" COOKIE ID "\x00\x06\x00\x04"
                               "evtj";

    cr_assert_eq(ask(user, 28, "192.0.2.1", 32853), 36);
    cr_assert_eq(memcmp(answer,
                        "\x01\x11\x00\x10" COOKIE ID "\x00\x09\x00\x04\x00\x00\x04\x14"
                        "\x00\x0a\x00\x02\x00\x06",
                        34),
                 0);
}

Test(stun, an_answer_is_never_much_longer_than_its_request)
{
    char many[20 + 4 * 16];

    memcpy(many, binding, 20);
    for (unsigned i = 0; i < 16; i++)
        memcpy(many + 20 + 4 * i, "\x00\x06\x00\x00", 4);
    many[3] = 64;
    cr_assert_leq(ask(many, sizeof(many), "192.0.2.1", 1), sizeof(many));
    cr_assert_leq(ask(binding, 20, "2001:db8::1", 1), 20 + 24);
}

Test(stun, indications_other_methods_and_broken_attributes_get_nothing)
{
    char indication[20], allocate[20], response[20], broken[24];

    memcpy(indication, binding, 20);
    memcpy(allocate, binding, 20);
    memcpy(response, binding, 20);
    memcpy(broken, binding, 20);
    memcpy(broken + 20, "\x80\x22\x00\x09", 4);
    broken[3] = 4;
    indication[1] = 0x11;
    allocate[1] = 0x03;
    response[0] = 0x01;
    cr_assert_eq(ask(indication, 20, "192.0.2.1", 1), 0);
    cr_assert_eq(ask(allocate, 20, "192.0.2.1", 1), 0);
    cr_assert_eq(ask(response, 20, "192.0.2.1", 1), 0, "two servers would answer each other");
    cr_assert_eq(ask(broken, 24, "192.0.2.1", 1), 0);
}

Test(stun, sip_and_crlf_are_no_stun_rfc5626_8)
{
    char wrong_length[20], no_cookie[20];

    memcpy(wrong_length, binding, 20);
    memcpy(no_cookie, binding, 20);
    wrong_length[3] = 4;
    no_cookie[4] = 0;
    cr_assert_not(stun_is("OPTIONS sip:a SIP/2.0\r\n\r\n", 25));
    cr_assert_not(stun_is("\r\n\r\n", 4));
    cr_assert_not(stun_is(binding, 19));
    cr_assert_not(stun_is(wrong_length, 20));
    cr_assert_not(stun_is(no_cookie, 20));
}
