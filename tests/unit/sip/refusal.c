/* The answer to a request that cannot be cut out of its stream (RFC 3261 18.3). */
#include "kit.h"

#include "sipserver/sip/refusal.h"

#define HEAD(method)                                                                               \
    method " sip:a@b SIP/2.0\nVia: SIP/2.0/TCP 192.0.2.9:5060;branch=z9hG4bK1\n"                   \
           "From: <sip:p@b>;tag=1\nTo: <sip:a@b>\nCall-ID: x\nCSeq: 1 " method "\n"

/* refuse - what is answered to TEXT, where messages have at most MAX bytes, in a buffer of ROOM. */
static unsigned refuse(const char *text, size_t max, size_t room, struct sip_msg *ret_msg)
{
    static char answer[SIP_REFUSAL_MAX];
    struct sip_addr src = address("192.0.2.1", 999);
    size_t len, used;
    char *data = wire(text, &len);
    struct sip_framer f;
    struct sip_buf b;
    enum sip_frame frame;
    unsigned status;

    sip_framer_init(&f, max);
    frame = sip_framer_next(&f, data, len, &used);
    sip_buf_init(&b, answer, room);
    status = sip_refusal(&f, frame, data + used, &src, &b);
    if (status != 0) {
        cr_assert_eq(sip_msg_parse(answer, b.len, ret_msg), SIP_OK);
        cr_assert_eq(ret_msg->status, status);
    }
    free(data);
    return status;
}

Test(refusal, rfc_3261_18_3_a_request_without_a_sound_content_length_is_400)
{
    struct sip_msg m;

    cr_assert_eq(refuse(HEAD("OPTIONS") "\n", 4096, 4096, &m), 400);
    assert_str(m.reason, "Missing Content-Length");
    assert_str(m.call_id, "x");
    cr_assert_neq(m.to.tag.len, 0);
    cr_assert_eq(refuse("\n" HEAD("INVITE") "l: -1\n\n", 4096, 4096, &m), 400);
    assert_str(m.reason, "Bad Content-Length");
    cr_assert_eq(refuse(HEAD("INVITE") "l: 1\nl: 2\n\nab", 4096, 4096, &m), 400);
}

Test(refusal, rfc_3261_21_4_11_a_body_too_large_is_413_and_a_head_513)
{
    struct sip_msg m;

    cr_assert_eq(refuse(HEAD("INVITE") "l: 4294967295\n\n", 4096, 4096, &m), 413);
    cr_assert_eq(refuse(HEAD("INVITE") "l: 0\n\n", 100, 4096, &m), 513);
}

Test(refusal, what_cannot_or_must_not_be_answered_is_not)
{
    struct sip_msg m;

    cr_assert_eq(refuse(HEAD("ACK") "\n", 4096, 4096, &m), 0);
    cr_assert_eq(refuse("SIP/2.0 200 OK\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\n\n", 4096, 4096, &m),
                 0);
    cr_assert_eq(refuse("OPTIONS sip:x SIP/2.0\n\n", 4096, 4096, &m), 0); /* no Via */
    cr_assert_eq(refuse(HEAD("INVITE"), 100, 4096, &m), 0);               /* the end is missing */
    cr_assert_eq(refuse(HEAD("OPTIONS") "\n", 4096, 100, &m), 0);         /* no room */
    cr_assert_eq(refuse(HEAD("OPTIONS") "l: 0\n\n", 4096, 4096, &m), 0);  /* nothing is wrong */
}
