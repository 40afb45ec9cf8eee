/* Building: RFC 3261 8.2.6, 17.1.1.3, 18.2; RFC 3581. */
#include "kit.h"

#define REQUEST(via)                                                                               \
    "INVITE sip:bob@example.net SIP/2.0\n"                                                         \
    "Via: " via "\nVia: SIP/2.0/UDP first.example.com;branch=z9hG4bK1\n"                           \
    "Record-Route: <sip:p2.x;lr>\nRecord-Route: <sip:p1.x;lr>\nTo: Bob\n <sip:bob@example.net>\n"  \
    "From: <sip:a@x>;tag=9\nCall-ID: c1\nCSeq: 7 INVITE\n\n"

static char text[8192];

/* The response to REQ from 192.0.2.1:3333, as it would go out. */
static const char *respond(const char *req, const struct sip_reply *r, struct sip_addr *ret_to)
{
    struct sip_addr src = address("192.0.2.1", 3333);
    struct sip_msg m;
    struct sip_buf b;
    size_t len;
    char *data = wire(req, &len);

    cr_assert_eq(sip_msg_parse(data, len, &m), SIP_OK);
    sip_buf_init(&b, text, sizeof(text) - 1);
    cr_assert_eq(sip_build_response(&b, &m, &src, r), 0);
    text[b.len] = '\0';
    if (ret_to != NULL)
        *ret_to = sip_reply_addr(&m.via, &src);
    free(data);
    return text;
}

Test(build, response_copies_and_tags_rfc3261_8_2_6)
{
    struct sip_reply r = {
        .status = 180, .to_tag = SIP_STR("t1"), .contact = SIP_STR("sip:pbx@10.0.0.1")};

    cr_assert_str_eq(respond(REQUEST("SIP/2.0/UDP 192.0.2.1:3333;branch=z9hG4bK2"), &r, NULL),
                     "SIP/2.0 180 Ringing\r\n"
                     "Via: SIP/2.0/UDP 192.0.2.1:3333;branch=z9hG4bK2\r\n"
                     "Via: SIP/2.0/UDP first.example.com;branch=z9hG4bK1\r\n"
                     "From: <sip:a@x>;tag=9\r\n"
                     "To: Bob <sip:bob@example.net>;tag=t1\r\n"
                     "Call-ID: c1\r\n"
                     "CSeq: 7 INVITE\r\n"
                     "Record-Route: <sip:p2.x;lr>\r\n"
                     "Record-Route: <sip:p1.x;lr>\r\n"
                     "Contact: <sip:pbx@10.0.0.1>\r\n"
                     "Content-Length: 0\r\n\r\n");
}

Test(build, received_and_rport_rfc3261_18_2_1_and_rfc3581_4)
{
    struct sip_reply r = {.status = 200};
    struct sip_addr to;

    cr_assert_not_null(
        strstr(respond(REQUEST("SIP/2.0/UDP 10.1.1.1;rport;branch=z9hG4bK2"), &r, &to),
               "Via: SIP/2.0/UDP 10.1.1.1;branch=z9hG4bK2;received=192.0.2.1;rport=3333\r\n"));
    cr_assert_eq(to.port, 3333);
    cr_assert_not_null(
        strstr(respond(REQUEST("SIP/2.0/UDP host.example.com:5070;branch=z9hG4bK2"), &r, &to),
               "Via: SIP/2.0/UDP host.example.com:5070;branch=z9hG4bK2;received=192.0.2.1\r\n"));
    cr_assert_eq(to.port, 5070);
    cr_assert_not_null(
        strstr(respond(REQUEST("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2;received=6.6.6.6"), &r, &to),
               "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2\r\n"));
    cr_assert_eq(to.port, 5060);
    (void)respond(REQUEST("SIP/2.0/UDP 192.0.2.1;maddr=192.0.2.99;branch=z9hG4bK2"), &r, &to);
    cr_assert_eq(to.ip[3], 1, "to where it came from, and nowhere else");
}

Test(build, several_vias_on_one_line_stay_on_one_line)
{
    struct sip_reply r = {.status = 200};

    cr_assert_not_null(strstr(
        respond(REQUEST("SIP/2.0/UDP a;branch=z9hG4bK3 , SIP/2.0/UDP b;branch=z9hG4bK2"), &r, NULL),
        "Via: SIP/2.0/UDP a;branch=z9hG4bK3;received=192.0.2.1, SIP/2.0/UDP "
        "b;branch=z9hG4bK2\r\n"));
}

Test(build, a_to_tag_that_is_there_stays)
{
    struct sip_reply r = {.status = 200, .to_tag = SIP_STR("new")};
    const char *out = respond("BYE sip:b@x SIP/2.0\nVia: SIP/2.0/UDP "
                              "192.0.2.1:3333;branch=z9hG4bK2\nTo: <sip:b@x>;tag=old\n"
                              "From: <sip:a@x>;tag=9\nCall-ID: c1\nCSeq: 7 BYE\n\n",
                              &r, NULL);

    cr_assert_not_null(strstr(out, "To: <sip:b@x>;tag=old\r\n"));
}

Test(build, line_ends_in_a_value_cannot_make_a_header)
{
    struct sip_extra extra = {SIP_H_REASON, NULL, SIP_STR("SIP;cause=200\r\nX-Injected: yes")};
    struct sip_reply r = {.status = 200, .extras = &extra, .extras_n = 1};
    const char *out = respond(REQUEST("SIP/2.0/UDP 192.0.2.1:3333;branch=z9hG4bK2"), &r, NULL);

    cr_assert_not_null(strstr(out, "Reason: SIP;cause=200 X-Injected: yes\r\n"));
}

/* The responses after the first are made from the one before, without reading it. */
static void check_next(const char *request)
{
    static const struct sip_reply replies[] = {
        {.status = 100},
        {.status = 182},
        {.status = 180, .to_tag = SIP_STR("t1"), .contact = SIP_STR("sip:pbx@10.0.0.1")},
        {.status = 200,
         .to_tag = SIP_STR("t1"),
         .content = {SIP_STR("application/sdp"), SIP_STR("v=0\r\n")}}};
    struct sip_addr src = address("192.0.2.1", 3333);
    struct sip_common common;
    char text[2][2048];
    size_t len;
    char *data = wire(request, &len);
    struct sip_msg m;

    (void)sip_msg_parse(data, len, &m); /* a To that cannot be read is copied too */
    for (unsigned i = 0; i < 4; i++) {
        char fresh[2048];
        struct sip_buf b, whole;

        sip_buf_init(&b, text[i % 2], sizeof(text[0]));
        sip_buf_init(&whole, fresh, sizeof(fresh));
        cr_assert_eq(i == 0 ? sip_build_first(&b, &m, &src, &replies[i], &common)
                            : sip_build_next(&b, text[(i + 1) % 2], &replies[i], &common),
                     0);
        cr_assert_eq(sip_build_response(&whole, &m, &src, &replies[i]), 0);
        cr_assert(sip_str_eq(sip_buf_str(&b), sip_buf_str(&whole)), "'%.*s' is not '%.*s'",
                  (int)b.len, b.data, (int)whole.len, whole.data);
    }
    free(data);
}

Test(build, the_next_response_is_as_one_to_the_request_itself_rfc3261_8_2_6)
{
    check_next(REQUEST("SIP/2.0/UDP 192.0.2.1:3333;rport;branch=z9hG4bK2"));
    check_next("BYE sip:b@x SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\n"
               "From: <sip:a@x>;tag=1\nTo: <sip:b@x>;tag=2\nCall-ID: c\nCSeq: 2 BYE\n"
               "Timestamp: 54\n\n");
    check_next("OPTIONS sip:b@x SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\n"
               "From: <sip:a@x>;tag=1\nTo: \"B <sip:b@x>\nCall-ID: c\nCSeq: 2 OPTIONS\n\n");
    check_next("OPTIONS sip:b@x SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\n"
               "From: <sip:a@x>;tag=1\nCall-ID: c\nCSeq: 2 OPTIONS\n\n");
}

Test(build, the_next_response_that_does_not_fit_changes_nothing)
{
    static const char before[] = "SIP/2.0 100 Trying\r\nTo: <sip:b@x>\r\nCSeq: 1 BYE\r\n";
    const struct sip_common begun = {20, 33, 33, sizeof(before) - 1, true};
    const struct sip_reply r = {.status = 200, .to_tag = SIP_STR("t")};
    struct sip_common common = begun;
    char text[256];
    struct sip_buf b;
    size_t len;

    sip_buf_init(&b, text, sizeof(text));
    cr_assert_eq(sip_build_next(&b, before, &r, &common), 0);
    len = b.len;
    for (size_t size = 0; size < len; size++) {
        common = begun;
        sip_buf_init(&b, text, size);
        cr_assert_eq(sip_build_next(&b, before, &r, &common), -EMSGSIZE);
        cr_assert_eq(memcmp(&common, &begun, sizeof(common)), 0);
    }
}

Test(build, overflow_is_an_error_at_every_size)
{
    struct sip_reply r = {.status = 200,
                          .content = {SIP_STR("application/sdp"), SIP_STR("v=0\r\n")}};
    size_t len = strlen(
               respond(REQUEST("SIP/2.0/UDP 192.0.2.1:3333;rport;branch=z9hG4bK2"), &r, NULL)),
           n;
    struct sip_addr src = address("192.0.2.1", 3333);
    char *data = wire(REQUEST("SIP/2.0/UDP 192.0.2.1:3333;rport;branch=z9hG4bK2"), &n);
    struct sip_msg m;

    cr_assert_eq(sip_msg_parse(data, n, &m), SIP_OK);
    for (size_t size = 0; size <= len; size++) {
        char *tight = malloc(size > 0 ? size : 1);
        struct sip_buf b;

        sip_buf_init(&b, tight, size);
        cr_assert_eq(sip_build_response(&b, &m, &src, &r), size < len ? -EMSGSIZE : 0, "%zu", size);
        free(tight);
    }
    free(data);
}

Test(build, request_ack_and_cancel_rfc3261_17_1_1_3_and_9_1)
{
    struct sip_request r = {.method = SIP_INVITE,
                            .uri = SIP_STR("sip:bob@biloxi.com"),
                            .route = SIP_STR("<sip:p1.x;lr>"),
                            .from = SIP_STR("Alice <sip:alice@atlanta.com>"),
                            .from_tag = SIP_STR("88sja8x"),
                            .to = SIP_STR("Bob <sip:bob@biloxi.com>"),
                            .call_id = SIP_STR("987asjd97y7atg"),
                            .cseq = 986759,
                            .content = {SIP_STR("text/plain"), SIP_STR("hi")}};
    static char invite[1024], answer[1024];
    struct sip_buf b, a, out;
    struct sip_msg m, response;

    sip_buf_init(&b, invite, sizeof(invite));
    cr_assert_eq(
        sip_build_request(&b, &r, SIP_STR("33.example.com"), SIP_UDP, SIP_STR("z9hG4bKkjshdyff")),
        0);
    cr_assert_eq(sip_msg_parse(b.data, b.len, &m), SIP_OK);
    assert_str(m.body, "hi");
    cr_assert_eq(m.max_forwards, 70);
    sip_buf_init(&a, answer, sizeof(answer));
    cr_assert_eq(
        sip_build_response(&a, &m, NULL,
                           &(struct sip_reply){.status = 486, .to_tag = SIP_STR("99sa0xk")}),
        0);
    cr_assert_eq(sip_msg_parse(a.data, a.len, &response), SIP_OK);
    sip_buf_init(&out, text, sizeof(text) - 1);
    cr_assert_eq(sip_build_ack(&out, &m, &response), 0);
    text[out.len] = '\0';
    cr_assert_str_eq(text,
                     "ACK sip:bob@biloxi.com SIP/2.0\r\n"
                     "Via: SIP/2.0/UDP 33.example.com;branch=z9hG4bKkjshdyff;rport\r\n"
                     "Max-Forwards: 70\r\nRoute: <sip:p1.x;lr>\r\n"
                     "From: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\n"
                     "To: Bob <sip:bob@biloxi.com>;tag=99sa0xk\r\n"
                     "Call-ID: 987asjd97y7atg\r\nCSeq: 986759 ACK\r\nContent-Length: 0\r\n\r\n");
    sip_buf_init(&out, text, sizeof(text) - 1);
    cr_assert_eq(sip_build_cancel(&out, &m, SIP_STR_NONE), 0);
    text[out.len] = '\0';
    cr_assert_not_null(strstr(text, "CANCEL sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP "
                                    "33.example.com;branch=z9hG4bKkjshdyff;rport\r\n"));
    cr_assert_not_null(strstr(text, "To: Bob <sip:bob@biloxi.com>\r\n"), "no To tag (9.1)");
    cr_assert_not_null(strstr(text, "CSeq: 986759 CANCEL\r\n"));
}

Test(build, out_refuses_what_does_not_fit_and_counts_it)
{
    struct sip_dgram items[2];
    char arena[10];
    struct sip_out o;
    struct sip_addr to = address("192.0.2.1", 5060);

    sip_out_init(&o, items, 2, arena, sizeof(arena));
    cr_assert_eq(sip_out_add(&o, &to, 0, SIP_STR("12345")), 0);
    cr_assert_eq(sip_out_add(&o, &to, 0, SIP_STR("123456")), -ENOBUFS);
    cr_assert_eq(sip_out_add(&o, &to, 0, SIP_STR("1234")), 0);
    cr_assert_eq(sip_out_add(&o, &to, 0, SIP_STR("1")), -ENOBUFS);
    cr_assert_eq(o.n, 2);
    cr_assert_eq(o.refused, 2);
    assert_str(sip_out_data(&o, 1), "1234");
}

Test(build, addresses_in_text)
{
    char host[64];
    struct sip_buf b;
    struct sip_addr a = address("2001:db8::1", 5060), v4 = address("203.0.13.7", 1), bad;

    sip_buf_init(&b, host, sizeof(host));
    sip_addr_put_host(&b, &a, true);
    sip_addr_put_host(&b, &a, false);
    sip_addr_put_host(&b, &v4, true);
    assert_str(sip_buf_str(&b), "[2001:db8::1]2001:db8::1203.0.13.7");
    cr_assert_eq(sip_addr_parse(SIP_STR("example.com"), 1, SIP_UDP, &bad), -EINVAL);
    cr_assert_eq(sip_addr_parse(SIP_STR("[::1]"), 1, SIP_UDP, &bad), 0);
    cr_assert(!sip_addr_eq(&a, &v4));
}
