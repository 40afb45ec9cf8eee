/* The message splitter: RFC 3261 7, 8.1.1, 18.3, 20, 25; cases in the manner of RFC 4475. */
#include "kit.h"

#define REST                                                                                       \
    "Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK776asdhds\n"                                  \
    "Max-Forwards: 70\n"                                                                           \
    "To: Bob <sip:bob@example.net>\n"                                                              \
    "From: Alice <sip:alice@example.com>;tag=1928301774\n"                                         \
    "Call-ID: a84b4c76e66710@pc33.example.com\n"                                                   \
    "CSeq: 314159 INVITE\n"
#define INVITE "INVITE sip:bob@example.net SIP/2.0\n" REST

static enum sip_problem parse(const char *text, struct sip_msg *m)
{
    static char *data; /* the slices of M point into it; the process ends with the test */
    size_t len;

    free(data);
    data = wire(text, &len);
    return sip_msg_parse(data, len, m);
}

#define assert_problem(text, problem)                                                              \
    do {                                                                                           \
        struct sip_msg bad;                                                                        \
        enum sip_problem found = parse(text, &bad);                                                \
        cr_assert_eq(found, problem, "%s", sip_problem_text(found));                               \
    } while (0)

Test(message, request_of_rfc3261_7_is_cut)
{
    struct sip_msg m;

    cr_assert_eq(parse(INVITE "Contact: <sip:alice@pc33.example.com>\n"
                              "Content-Type: application/sdp\nContent-Length: 4\n\nv=0\n",
                       &m),
                 SIP_OK);
    cr_assert(m.is_request);
    cr_assert_eq(m.method, SIP_INVITE);
    assert_str(m.uri.user, "bob");
    assert_str(m.uri.host, "example.net");
    assert_str(m.via.branch, "z9hG4bK776asdhds");
    assert_str(m.from.tag, "1928301774");
    assert_str(m.from.display, "Alice");
    cr_assert(sip_str_empty(m.to.tag));
    assert_str(m.call_id, "a84b4c76e66710@pc33.example.com");
    cr_assert_eq(m.cseq.number, 314159);
    cr_assert_eq(m.max_forwards, 70);
    assert_str(m.body, "v=0\r");
    cr_assert_eq(m.headers_n, 9);
}

Test(message, response_is_cut_rfc3261_7_2)
{
    struct sip_msg m;

    cr_assert_eq(parse("SIP/2.0 486 Busy Here\n" REST "\n", &m), SIP_OK);
    cr_assert(!m.is_request);
    cr_assert_eq(m.status, 486);
    assert_str(m.reason, "Busy Here");
    cr_assert_eq(m.method, SIP_INVITE);
    cr_assert_eq(parse("SIP/2.0 100 \n" REST "\n", &m), SIP_OK);
    cr_assert_eq(parse("SIP/2.0 100\n" REST "\n", &m), SIP_OK);
    assert_problem("SIP/2.0 99 Low\n" REST "\n", SIP_BAD_START_LINE);
    assert_problem("SIP/2.0 700 High\n" REST "\n", SIP_BAD_START_LINE);
    assert_problem("SIP/2.0 2000 Long\n" REST "\n", SIP_BAD_START_LINE);
}

Test(message, compact_names_rfc3261_7_3_3)
{
    struct sip_msg m;

    cr_assert_eq(
        parse("INVITE sip:b@x SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bK1\nf: <sip:a@x>;tag=1\n"
              "t: <sip:b@x>\ni: 1\nCSeq: 1 INVITE\nm: <sip:a@h>\nk: 100rel, timer\n"
              "c: text/plain\nl: 2\n\nhi",
              &m),
        SIP_OK);
    assert_str(sip_msg_value(&m, SIP_H_CONTACT), "<sip:a@h>");
    cr_assert(sip_msg_has_token(&m, SIP_H_SUPPORTED, SIP_STR("Timer")));
    cr_assert(!sip_msg_has_token(&m, SIP_H_SUPPORTED, SIP_STR("replaces")));
    assert_str(m.body, "hi");
}

Test(message, folded_lines_and_odd_white_space_rfc3261_7_3_1)
{
    struct sip_msg m;

    cr_assert_eq(parse("INVITE sip:b@x SIP/2.0\n"
                       "Via  : SIP  / 2.0\n /UDP\n    h ; branch\n = z9hG4bK1\n"
                       "FROM: \"A\n B\"   <sip:a@x>\n  ;tag = 1\n"
                       "to:\n <sip:b@x>\n"
                       "Call-ID: 1\nCSeq: 0001\n  INVITE\nSubject:\n\n",
                       &m),
                 SIP_OK);
    assert_str(m.via.branch, "z9hG4bK1");
    assert_str(m.via.host, "h");
    assert_str(m.from.tag, "1");
    cr_assert_eq(m.cseq.number, 1);
    assert_str(sip_msg_value(&m, SIP_H_SUBJECT), "");
}

Test(message, list_headers_iterate_across_lines_and_commas_rfc3261_7_3_1)
{
    struct sip_msg m;
    struct sip_str v;
    struct sip_values it;

    cr_assert_eq(parse(INVITE
                       "Route: <sip:p1.x;lr>, \"a, \\\"b\" <sip:u,v@p2.x>\nRoute: <sip:p3.x>\n\n",
                       &m),
                 SIP_OK);
    it = sip_values(&m, SIP_H_ROUTE);
    cr_assert(sip_values_next(&it, &v));
    assert_str(v, "<sip:p1.x;lr>");
    cr_assert(sip_values_next(&it, &v));
    assert_str(v, "\"a, \\\"b\" <sip:u,v@p2.x>");
    cr_assert(sip_values_next(&it, &v));
    assert_str(v, "<sip:p3.x>");
    cr_assert(!sip_values_next(&it, &v));
    it = sip_values(&m, SIP_H_CONTACT);
    cr_assert(!sip_values_next(&it, &v));
}

Test(message, body_by_content_length_over_udp_rfc3261_18_3)
{
    struct sip_msg m;

    cr_assert_eq(parse(INVITE "\nrest", &m), SIP_OK);
    assert_str(m.body, "rest");
    cr_assert_eq(parse(INVITE "Content-Length: 2\n\nrest", &m), SIP_OK);
    assert_str(m.body, "re");
    assert_problem(INVITE "Content-Length: 5\n\nrest", SIP_BAD_LENGTH_BEYOND);
    assert_problem(INVITE "Content-Length: -1\n\n", SIP_BAD_LENGTH_BAD);
    assert_problem(INVITE "Content-Length: 4294967296\n\n", SIP_BAD_LENGTH_BAD);
    cr_assert_eq(parse(INVITE "\n leading space", &m), SIP_OK);
    assert_str(m.body, " leading space");
}

Test(message, missing_headers_rfc3261_8_1_1)
{
    assert_problem("OPTIONS sip:x SIP/2.0\nFrom: <sip:a@x>;tag=1\nTo: <sip:b@x>\nCall-ID: 1\nCSeq: "
                   "1 OPTIONS\n\n",
                   SIP_BAD_VIA_MISSING);
    assert_problem(
        "OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/UDP h\nTo: <sip:b@x>\nCall-ID: 1\nCSeq: 1 OPTIONS\n\n",
        SIP_BAD_FROM_MISSING);
    assert_problem("OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/UDP h\nFrom: <sip:a@x>;tag=1\nCall-ID: "
                   "1\nCSeq: 1 OPTIONS\n\n",
                   SIP_BAD_TO_MISSING);
    assert_problem("OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/UDP h\nFrom: <sip:a@x>;tag=1\nTo: "
                   "<sip:b@x>\nCSeq: 1 OPTIONS\n\n",
                   SIP_BAD_CALL_ID_MISSING);
    assert_problem("OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/UDP h\nFrom: <sip:a@x>;tag=1\nTo: "
                   "<sip:b@x>\nCall-ID: 1\n\n",
                   SIP_BAD_CSEQ_MISSING);
}

Test(message, start_lines_that_must_be_refused)
{
    assert_problem("INVITE  sip:bob@example.net SIP/2.0\n" REST "\n", SIP_BAD_START_LINE);
    assert_problem("INVITE sip:bob@example.net; lr SIP/2.0\n" REST "\n", SIP_BAD_START_LINE);
    assert_problem("INVITE sip:bob@example.net SIP/2.0 \n" REST "\n", SIP_BAD_START_LINE);
    assert_problem("INVITE <sip:bob@example.net> SIP/2.0\n" REST "\n", SIP_BAD_URI_BAD);
    assert_problem("INVITE sip:bob@example.net SIP/7.0\n" REST "\n", SIP_BAD_VERSION);
    assert_problem("INVITE ftp:thing SIP/2.0\n" REST "\n", SIP_BAD_URI_SCHEME);
    cr_assert_eq(sip_problem_status(SIP_BAD_VERSION), 505);
    cr_assert_eq(sip_problem_status(SIP_BAD_URI_SCHEME), 416);
    cr_assert_eq(sip_problem_status(SIP_BAD_HEADERS_TOO_MANY), 513);
    cr_assert_eq(sip_problem_status(SIP_OK), 0);
}

Test(message, malformed_headers_are_named)
{
    assert_problem(INVITE "CSeq: 2 INVITE\n\n", SIP_BAD_REPEATED);
    assert_problem(INVITE "no colon here\n\n", SIP_BAD_HEADER_LINE);
    assert_problem(INVITE "na me: x\n\n", SIP_BAD_HEADER_LINE);
    assert_problem(INVITE "Contact: <sip:a@\n\n", SIP_BAD_CONTACT_BAD);
    assert_problem(INVITE "Contact: <sip:a@x>;expires=4294967296\n\n", SIP_BAD_NUMBER_BAD);
    assert_problem(INVITE "Expires: 1000000000000\n\n", SIP_BAD_NUMBER_BAD);
    assert_problem(INVITE "Route: *\n\n", SIP_BAD_ROUTE_BAD);
    assert_problem(INVITE, SIP_BAD_UNTERMINATED);
    assert_problem("", SIP_BAD_START_LINE);
    assert_problem("\n\n", SIP_BAD_START_LINE);
}

Test(message, cseq_must_fit_the_request_rfc3261_8_1_1_5)
{
    assert_problem("BYE sip:x SIP/2.0\n" REST "\n", SIP_BAD_CSEQ_METHOD);
    assert_problem("OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/UDP h\nFrom: <sip:a@x>;tag=1\nTo: "
                   "<sip:b@x>\nCall-ID: 1\n"
                   "CSeq: 2147483648 OPTIONS\n\n",
                   SIP_BAD_CSEQ_BAD);
}

Test(message, too_many_header_lines_are_refused_not_cut)
{
    char text[8192] = INVITE;

    for (int i = 0; i < SIP_HEADERS_MAX; i++)
        strcat(text, "X-Filler: y\n");
    strcat(text, "\n");
    assert_problem(text, SIP_BAD_HEADERS_TOO_MANY);
}

Test(message, only_answerable_requests_are_answered)
{
    struct sip_msg m;

    cr_assert_eq(parse("INVITE sip:bob@example.net SIP/2.0 \n" REST "\n", &m), SIP_BAD_START_LINE);
    cr_assert(sip_msg_answerable(&m));
    (void)parse("ACK sip:bob@example.net; x SIP/2.0\n" REST "\n", &m);
    cr_assert(!sip_msg_answerable(&m), "an ACK is never answered");
    (void)parse("SIP/2.0 200 OK\nVia: SIP/2.0/UDP h\n\n", &m);
    cr_assert(!sip_msg_answerable(&m), "a response is never answered");
    (void)parse("BYE sip:x SIP/2.0\nVia: nonsense\n\n", &m);
    cr_assert(sip_msg_answerable(&m), "to its source, with what is there (RFC 4475 3.3.1)");
    (void)parse("BYE sip:x SIP/2.0\nFrom: <sip:a@x>\nTo: <sip:b@x>\nCall-ID: 1\nCSeq: 1 BYE\n\n",
                &m);
    cr_assert(!sip_msg_answerable(&m), "nobody asks without a Via");
}

Test(message, bare_line_feeds_and_leading_empty_lines_are_taken)
{
    static const char text[] =
        "\r\n\r\nOPTIONS sip:x SIP/2.0\nVia: SIP/2.0/UDP h\nFrom: <sip:a@x>;tag=1\n"
        "To: <sip:b@x>\nCall-ID: 1\nCSeq: 1 OPTIONS\n\nbody";
    struct sip_msg m;

    cr_assert_eq(sip_msg_parse(text, sizeof(text) - 1, &m), SIP_OK);
    assert_str(m.body, "body");
}

Test(message, every_prefix_of_a_message_is_read_within_its_bounds)
{
    size_t len;
    char *data =
        wire(INVITE "Contact: \"q\\\"x\" <sip:[2001:db8::1]:5070;lr?a=b>;expires=3\n\nbody", &len);
    struct sip_msg m;

    for (size_t n = 0; n < len; n++) {
        char *cut = malloc(n > 0 ? n : 1); /* the address sanitizer watches its end */

        memcpy(cut, data, n);
        (void)sip_msg_parse(cut, n, &m);
        free(cut);
    }
    free(data);
}

Test(message, names_are_found_whatever_their_case)
{
    for (unsigned i = SIP_H_OTHER + 1; i < SIP_HEADER_IDS; i++) {
        struct sip_str name = sip_header_prefix((enum sip_header_id)i);

        name.len -= 2; /* ": " */
        cr_assert_eq(sip_header_find(name), i);
    }
    cr_assert_eq(sip_header_find(SIP_STR("cALL-id")), SIP_H_CALL_ID);
    cr_assert_eq(sip_header_find(SIP_STR("V")), SIP_H_VIA);
    cr_assert_eq(sip_header_find(SIP_STR("X-Other")), SIP_H_OTHER);
    for (unsigned i = SIP_METHOD_OTHER + 1; i < SIP_METHODS; i++)
        cr_assert_eq(sip_method_find(sip_str_of(sip_method_name((enum sip_method)i))), i);
    cr_assert_eq(sip_method_find(SIP_STR("invite")), SIP_METHOD_OTHER, "methods have a case (7.1)");
}
