/* Dialogs: RFC 3261 12, 13.2.2.4; strict routers 12.2.1.1. */
#include "kit.h"

static const struct sip_request invite = {.method = SIP_INVITE,
                                          .uri = SIP_STR("sip:bob@b.example.com"),
                                          .from = SIP_STR("\"A\" <sip:alice@a.example.com>"),
                                          .from_tag = SIP_STR("la"),
                                          .to = SIP_STR("<sip:bob@b.example.com>"),
                                          .call_id = SIP_STR("c1"),
                                          .cseq = 5};

static struct sip_msg msg;

/* The message of TEXT; its slices live until the next one. */
static const struct sip_msg *message(const char *text)
{
    static char *data;
    enum sip_problem problem;
    size_t len;

    free(data);
    data = wire(text, &len);
    problem = sip_msg_parse(data, len, &msg);
    cr_assert_eq(problem, SIP_OK, "%s", sip_problem_text(problem));
    return &msg;
}

static const struct sip_msg *response(unsigned status, const char *tag, const char *more)
{
    char text[4096];

    snprintf(text, sizeof(text),
             "SIP/2.0 %u X\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: \"A\" "
             "<sip:alice@a.example.com>;tag=la\n"
             "To: <sip:bob@b.example.com>%s\nCall-ID: c1\nCSeq: 5 INVITE\n%s\n",
             status, tag, more);
    return message(text);
}

static const struct sip_msg *request(const char *method, unsigned cseq, const char *more)
{
    char text[4096];

    snprintf(text, sizeof(text),
             "%s sip:alice@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK%u\nTo: "
             "<sip:alice@a.example.com>;tag=la\n"
             "From: <sip:bob@b.example.com>;tag=rb\nCall-ID: c1\nCSeq: %u %s\n%s\n",
             method, cseq, cseq, method, more);
    return message(text);
}

static struct sip_dialog confirmed(const char *more)
{
    struct sip_dialog d = {0};

    cr_assert_eq(sip_dialog_uac(&d, &invite), 0);
    cr_assert_eq(sip_dialog_answer(&d, response(200, ";tag=rb", more)), 0);
    return d;
}

Test(dialog, uac_early_then_confirmed_rfc3261_12_1_2)
{
    struct sip_dialog d = {0};
    struct sip_request r;

    cr_assert_eq(sip_dialog_uac(&d, &invite), 0);
    cr_assert_eq(d.state, SIP_DIALOG_NONE);
    cr_assert_eq(sip_dialog_answer(&d, response(183, "", "")), -EINVAL, "no tag, no dialog");
    cr_assert_eq(sip_dialog_answer(&d, response(180, ";tag=rb", "Contact: <sip:bob@10.0.0.9>\n")),
                 0);
    cr_assert_eq(d.state, SIP_DIALOG_EARLY);
    cr_assert_eq(sip_dialog_answer(&d, response(200, ";tag=rb", "Contact: <sip:bob@10.0.0.8>\n")),
                 0);
    cr_assert_eq(d.state, SIP_DIALOG_CONFIRMED);
    sip_dialog_request(&d, SIP_ACK, &r);
    assert_str(r.uri, "sip:bob@10.0.0.8");
    cr_assert_eq(r.cseq, 5, "the ACK has the INVITE's number (13.2.2.4)");
    sip_dialog_request(&d, SIP_BYE, &r);
    cr_assert_eq(r.cseq, 6);
    assert_str(r.from, "\"A\" <sip:alice@a.example.com>");
    assert_str(r.from_tag, "la");
    assert_str(r.to_tag, "rb");
    sip_dialog_request(&d, SIP_ACK, &r);
    cr_assert_eq(r.cseq, 5);
}

Test(dialog, forked_2xx_is_told_apart_rfc3261_13_2_2_4)
{
    struct sip_dialog d = {0}, fork;

    cr_assert_eq(sip_dialog_uac(&d, &invite), 0);
    fork = d;
    cr_assert_eq(sip_dialog_answer(&d, response(200, ";tag=rb", "Contact: <sip:bob@10.0.0.9>\n")),
                 0);
    cr_assert(!sip_dialog_same_fork(&d, response(200, ";tag=rc", "Contact: <sip:bob@10.0.0.7>\n")));
    cr_assert_eq(sip_dialog_answer(&d, &msg), -EEXIST);
    cr_assert_eq(sip_dialog_answer(&fork, &msg), 0);
    cr_assert_eq(sip_dialog_answer(&d, response(200, ";tag=rb", "Contact: <sip:evil@10.0.0.6>\n")),
                 0, "repeated");
    assert_str(sip_dialog_text(&d, SIP_DIALOG_TARGET), "sip:bob@10.0.0.9");
}

Test(dialog, a_2xx_without_usable_contact_is_no_answer)
{
    struct sip_dialog d = {0};

    cr_assert_eq(sip_dialog_uac(&d, &invite), 0);
    cr_assert_eq(sip_dialog_answer(&d, response(200, ";tag=rb", "")), -EINVAL);
    cr_assert_eq(sip_dialog_answer(&d, response(200, ";tag=rb", "Contact: *\n")), -EINVAL);
    cr_assert_eq(d.state, SIP_DIALOG_NONE);
}

Test(dialog, loose_route_set_is_reversed_for_the_uac_rfc3261_12_1_2)
{
    struct sip_dialog d = confirmed("Contact: <sip:bob@10.0.0.9>\nRecord-Route: <sip:p3.x;lr>, "
                                    "<sip:p2.x;lr>\nRecord-Route: <sip:p1.x;lr>\n");
    struct sip_request r;
    struct sip_uri hop;

    sip_dialog_request(&d, SIP_BYE, &r);
    assert_str(r.uri, "sip:bob@10.0.0.9");
    assert_str(r.route, "<sip:p1.x;lr>, <sip:p2.x;lr>, <sip:p3.x;lr>");
    cr_assert(sip_str_empty(r.route_last));
    cr_assert_eq(sip_dialog_next_hop(&d, &hop), 0);
    assert_str(hop.host, "p1.x");
}

Test(dialog, strict_router_gets_itself_as_request_uri_rfc3261_12_2_1_1)
{
    struct sip_dialog d =
        confirmed("Contact: <sip:bob@10.0.0.9>\nRecord-Route: <sip:p2.x;lr>, <sip:p1.x?h=v>\n");
    struct sip_request r;
    struct sip_buf b;
    char text[1024];

    sip_dialog_request(&d, SIP_BYE, &r);
    assert_str(r.uri, "sip:p1.x");
    assert_str(r.route, "<sip:p2.x;lr>");
    assert_str(r.route_last, "sip:bob@10.0.0.9");
    sip_buf_init(&b, text, sizeof(text) - 1);
    cr_assert_eq(sip_build_request(&b, &r, SIP_STR("10.0.0.1:5060"), SIP_UDP, SIP_STR("z9hG4bK9")),
                 0);
    text[b.len] = '\0';
    cr_assert_not_null(strstr(text, "BYE sip:p1.x SIP/2.0\r\n"));
    cr_assert_not_null(strstr(text, "Route: <sip:p2.x;lr>, <sip:bob@10.0.0.9>\r\n"));
}

Test(dialog, a_single_strict_router_leaves_only_the_target_in_the_route)
{
    struct sip_dialog d = confirmed("Contact: <sip:bob@10.0.0.9>\nRecord-Route: <sip:p1.x>\n");
    struct sip_request r;

    sip_dialog_request(&d, SIP_BYE, &r);
    cr_assert(sip_str_empty(r.route));
    assert_str(r.route_last, "sip:bob@10.0.0.9");
}

Test(dialog, uas_takes_routes_in_order_and_answers_to_the_contact_rfc3261_12_1_1)
{
    struct sip_dialog d = {0};
    struct sip_request r;

    message("INVITE sips:bob@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nRecord-Route: "
            "<sip:p2.x;lr>, <sip:p1.x;lr>\n"
            "From: Al\n <sip:al@x>;tag=fr\nTo: <sip:bob@x>\nCall-ID: c9\nCSeq: 77 INVITE\nContact: "
            "<sip:al@[2001:db8::5]:5070?Route=x>\n\n");
    cr_assert_eq(sip_dialog_uas(&d, &msg, SIP_STR("lb")), 0);
    cr_assert_eq(d.state, SIP_DIALOG_EARLY);
    cr_assert(d.secure);
    sip_dialog_confirm(&d);
    sip_dialog_request(&d, SIP_BYE, &r);
    cr_assert_eq(r.cseq, 1);
    assert_str(r.uri, "sip:al@[2001:db8::5]:5070");
    assert_str(r.route, "<sip:p2.x;lr>, <sip:p1.x;lr>");
    assert_str(r.from, "<sip:bob@x>");
    assert_str(r.from_tag, "lb");
    assert_str(r.to, "Al <sip:al@x>");
    assert_str(r.to_tag, "fr");
    cr_assert_eq(d.remote_cseq, 77);
}

Test(dialog, a_caller_of_rfc2543_is_reached_at_its_from_rfc4475_3_4_1)
{
    struct sip_dialog d = {0};
    struct sip_request r;

    message("INVITE sip:bob@x SIP/2.0\nVia: SIP/2.0/UDP old.x\nFrom: <sip:al@old.x;user=phone>\n"
            "To: sip:bob@x\nCall-ID: c9\nCSeq: 7 INVITE\n\n");
    cr_assert_eq(sip_dialog_uas(&d, &msg, SIP_STR("lb")), 0);
    sip_dialog_request(&d, SIP_BYE, &r);
    assert_str(r.uri, "sip:al@old.x;user=phone");
    assert_str(r.to_tag, "");
    message("INVITE sip:bob@x SIP/2.0\nVia: SIP/2.0/UDP old.x\nFrom: <ftp:al>\n"
            "To: sip:bob@x\nCall-ID: c9\nCSeq: 7 INVITE\n\n");
    cr_assert_eq(sip_dialog_uas(&d, &msg, SIP_STR("lb")), -EINVAL);
}

Test(dialog, what_makes_a_party_too_long_is_left_out_rfc4475_3_1_1_7)
{
    char text[1024], name[SIP_PARTY_MAX];
    struct sip_dialog d = {0};

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    snprintf(
        text, sizeof(text),
        "INVITE sip:bob@x SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: %s <sip:al@x>;tag=fr\n"
        "To: sip:bob@x\nCall-ID: c9\nCSeq: 7 INVITE\nContact: <sip:al@h>\n\n",
        name);
    message(text);
    cr_assert_eq(sip_dialog_uas(&d, &msg, SIP_STR("lb")), 0);
    assert_str((sip_dialog_text(&d, SIP_DIALOG_REMOTE)), "<sip:al@x>");
    snprintf(text, sizeof(text),
             "INVITE sip:bob@x SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: "
             "<sip:al@x:6000;%s=1>;tag=fr\n"
             "To: sip:bob@x\nCall-ID: c9\nCSeq: 7 INVITE\nContact: <sip:al@h>\n\n",
             name);
    message(text);
    cr_assert_eq(sip_dialog_uas(&d, &msg, SIP_STR("lb")), 0);
    assert_str((sip_dialog_text(&d, SIP_DIALOG_REMOTE)), "<sip:al@x:6000>");
    snprintf(
        text, sizeof(text),
        "INVITE sip:bob@x SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: <sip:%s@x>;tag=fr\n"
        "To: sip:bob@x\nCall-ID: c9\nCSeq: 7 INVITE\nContact: <sip:al@h>\n\n",
        name);
    message(text);
    cr_assert_eq(sip_dialog_uas(&d, &msg, SIP_STR("lb")), -EMSGSIZE);
}

Test(dialog, requests_are_matched_by_call_id_and_both_tags_rfc3261_12_2_2)
{
    struct sip_dialog d = confirmed("Contact: <sip:bob@10.0.0.9>\n");

    cr_assert(sip_dialog_matches(&d, request("BYE", 1, "")));
    cr_assert_eq(sip_dialog_set(&d, SIP_DIALOG_LOCAL_TAG, SIP_STR("xa")), 0);
    cr_assert(!sip_dialog_matches(&d, &msg));
    d = confirmed("Contact: <sip:bob@10.0.0.9>\n");
    cr_assert_eq(sip_dialog_set(&d, SIP_DIALOG_REMOTE_TAG, SIP_STR("r")), 0);
    cr_assert(!sip_dialog_matches(&d, request("BYE", 1, "")));
}

Test(dialog, cseq_order_rfc3261_12_2_2)
{
    struct sip_dialog d = confirmed("Contact: <sip:bob@10.0.0.9>\n");

    cr_assert_eq(sip_dialog_receive(&d, request("INFO", 100, "")), 0, "the first one sets it");
    cr_assert_eq(sip_dialog_receive(&d, request("INFO", 100, "")), -EALREADY);
    cr_assert_eq(sip_dialog_receive(&d, request("INFO", 99, "")), -ESTALE);
    cr_assert_eq(sip_dialog_receive(&d, request("INFO", 150, "")), 0, "a gap is accepted");
    cr_assert_eq(sip_dialog_receive(&d, request("ACK", 100, "")), 0, "an ACK has an old number");
    cr_assert_eq(d.remote_cseq, 150);
}

Test(dialog, target_refresh_rfc3261_12_2)
{
    struct sip_dialog d = confirmed("Contact: <sip:bob@10.0.0.9>\n");
    struct sip_request r;

    cr_assert_eq(sip_dialog_receive(&d, request("INFO", 1, "Contact: <sip:no@10.0.0.1>\n")), 0);
    cr_assert_eq(sip_dialog_receive(&d, request("UPDATE", 2, "Contact: <sip:new@10.0.0.2>\n")), 0);
    sip_dialog_request(&d, SIP_INVITE, &r);
    assert_str(r.uri, "sip:new@10.0.0.2");
    cr_assert_eq(
        sip_dialog_response(&d, response(200, ";tag=rb", "Contact: <sip:newer@10.0.0.3>\n")), 0);
    cr_assert_eq(sip_dialog_response(&d, response(491, ";tag=rb", "Contact: <sip:bad@10.0.0.4>\n")),
                 0);
    sip_dialog_request(&d, SIP_ACK, &r);
    assert_str(r.uri, "sip:newer@10.0.0.3");
    cr_assert_eq(r.cseq, 6, "the ACK of the re-INVITE");
    cr_assert_eq(sip_dialog_receive(&d, request("INVITE", 3, "Contact: <ftp:x>\n")), -EINVAL);
    cr_assert_eq(d.remote_cseq, 2, "a refused request changes nothing");
}

Test(dialog, ends_at_408_and_481_rfc3261_12_2_1_2)
{
    struct sip_dialog d = confirmed("Contact: <sip:bob@10.0.0.9>\n");

    cr_assert_eq(sip_dialog_response(&d, response(500, ";tag=rb", "")), 0);
    cr_assert_eq(d.state, SIP_DIALOG_CONFIRMED);
    cr_assert_eq(sip_dialog_response(&d, response(481, ";tag=rb", "")), 0);
    cr_assert_eq(d.state, SIP_DIALOG_TERMINATED);
    sip_dialog_confirm(&d);
    cr_assert_eq(d.state, SIP_DIALOG_TERMINATED);
}

Test(dialog, parts_beyond_their_limit_are_refused)
{
    struct sip_dialog d = {.local_cseq = 1234};
    struct sip_request r = invite;
    char big[SIP_ROUTES_MAX + 1];

    memset(big, 'x', sizeof(big));
    r.call_id = (struct sip_str){big, SIP_CALL_ID_MAX + 1};
    cr_assert_eq(sip_dialog_uac(&d, &r), -EMSGSIZE);
    cr_assert_eq(d.local_cseq, 1234, "untouched on failure");
    r.call_id = (struct sip_str){big, SIP_CALL_ID_MAX};
    cr_assert_eq(sip_dialog_uac(&d, &r), 0);
}

Test(dialog, a_route_set_beyond_its_limit_is_refused)
{
    char more[2048] = "Contact: <sip:bob@10.0.0.9>\n";
    struct sip_dialog d = {0};

    for (int i = 0; i < 20; i++)
        strcat(more, "Record-Route: <sip:proxy-with-a-long-name.example.com;lr>\n");
    cr_assert_gt(20 * strlen("<sip:proxy-with-a-long-name.example.com;lr>, "), SIP_ROUTES_MAX);
    cr_assert_lt(strlen(more), sizeof(more));
    cr_assert_eq(sip_dialog_uac(&d, &invite), 0);
    cr_assert_eq(sip_dialog_answer(&d, response(200, ";tag=rb", more)), -EMSGSIZE);
    cr_assert_eq(d.state, SIP_DIALOG_NONE);
}

/* ---- long texts have a place of their own ---- */

#define LONG_ROUTE "<sip:proxy-with-a-long-name-0123456789-0123456789.example.com;lr>"

static const char *const long_routes =
    "Record-Route: " LONG_ROUTE ", " LONG_ROUTE ", " LONG_ROUTE ", " LONG_ROUTE ", " LONG_ROUTE
    ", " LONG_ROUTE ", " LONG_ROUTE "\nRecord-Route: <sip:p1.x;lr>\n";

static const struct sip_msg *long_answer(const char *tag)
{
    char more[2048];

    snprintf(more, sizeof(more), "Contact: <sip:bob@10.0.0.9>\n%s", long_routes);
    return response(200, tag, more);
}

static void assert_is_long(struct sip_dialog *d, const char *remote_tag)
{
    struct sip_request r;

    cr_assert(sip_dialog_sane(d));
    cr_assert_gt(d->end[SIP_DIALOG_TEXTS - 1], SIP_DIALOG_TEXT);
    sip_dialog_request(d, SIP_BYE, &r);
    assert_str(r.call_id, "c1");
    assert_str(r.from, "\"A\" <sip:alice@a.example.com>");
    assert_str(r.from_tag, "la");
    assert_str(r.to, "<sip:bob@b.example.com>");
    cr_assert(sip_str_eq(r.to_tag, sip_str_of(remote_tag)));
    assert_str(r.uri, "sip:bob@10.0.0.9");
    assert_str(r.route, "<sip:p1.x;lr>, " LONG_ROUTE ", " LONG_ROUTE ", " LONG_ROUTE ", " LONG_ROUTE
                        ", " LONG_ROUTE ", " LONG_ROUTE ", " LONG_ROUTE);
}

Test(dialog, long_texts_take_the_place_beside_it_and_short_ones_leave_it_alone)
{
    char more[SIP_DIALOG_TEXT_MAX], untouched[SIP_DIALOG_TEXT_MAX];
    struct sip_dialog d = {.more = more};
    struct sip_request r;

    memset(more, 'u', sizeof(more));
    memcpy(untouched, more, sizeof(more));
    cr_assert_eq(sip_dialog_uac(&d, &invite), 0);
    cr_assert_eq(memcmp(more, untouched, sizeof(more)), 0);
    cr_assert_eq(sip_dialog_answer(&d, long_answer(";tag=rb")), 0);
    assert_is_long(&d, "rb");
    cr_assert_eq(sip_dialog_receive(&d, request("UPDATE", 2, "Contact: <sip:new@10.0.0.2>\n")), 0);
    sip_dialog_request(&d, SIP_INVITE, &r);
    assert_str(r.uri, "sip:new@10.0.0.2");
    assert_str(r.from_tag, "la");
    cr_assert(sip_str_eq(sip_dialog_text(&d, SIP_DIALOG_ROUTES), r.route));
    sip_dialog_restart(&d);
    memset(more, 'u', sizeof(more)); /* it needs the place no more */
    sip_dialog_request(&d, SIP_INVITE, &r);
    assert_str(r.call_id, "c1");
    assert_str(r.from_tag, "la");
    assert_str(r.to, "<sip:bob@b.example.com>");
    assert_str(r.uri, "sip:new@10.0.0.2");
    cr_assert(sip_str_empty(r.to_tag) && sip_str_empty(r.route));
    cr_assert(sip_dialog_sane(&d));
}

Test(dialog, without_such_a_place_long_texts_are_refused_and_nothing_changes)
{
    struct sip_dialog d = {0}, before;

    cr_assert_eq(sip_dialog_uac(&d, &invite), 0);
    before = d;
    cr_assert_eq(sip_dialog_answer(&d, long_answer(";tag=rb")), -EMSGSIZE);
    cr_assert_eq(memcmp(&d, &before, sizeof(d)), 0);
}

Test(dialog, a_fork_with_long_texts_has_its_own)
{
    char more[SIP_DIALOG_TEXT_MAX], mine[SIP_DIALOG_TEXT_MAX];
    struct sip_dialog d = {.more = more}, fork;

    cr_assert_eq(sip_dialog_uac(&d, &invite), 0);
    cr_assert_eq(sip_dialog_answer(&d, long_answer(";tag=rb")), 0);
    sip_dialog_fork(&fork, &d, mine);
    cr_assert_eq(fork.state, SIP_DIALOG_NONE);
    cr_assert(sip_str_empty(sip_dialog_text(&fork, SIP_DIALOG_REMOTE_TAG)));
    cr_assert_eq(sip_dialog_answer(&fork, long_answer(";tag=other")), 0);
    assert_is_long(&fork, "other");
    assert_is_long(&d, "rb");
}

Test(dialog, every_text_may_be_as_long_as_its_limit_whatever_was_there_before)
{
    static const size_t max[SIP_DIALOG_TEXTS] = {SIP_CALL_ID_MAX, SIP_TOKEN_MAX, SIP_TAG_MAX,
                                                 SIP_PARTY_MAX,   SIP_PARTY_MAX, SIP_URI_MAX,
                                                 SIP_ROUTES_MAX};
    char more[SIP_DIALOG_TEXT_MAX], big[SIP_ROUTES_MAX + 1];
    struct sip_dialog d = {.more = more};
    uint32_t seed = 1;

    for (unsigned round = 0; round < 4000; round++) {
        unsigned which = (seed = seed * 1664525 + 1013904223) >> 16, kind = seed >> 28;
        struct sip_str s = {big, 0};

        which %= SIP_DIALOG_TEXTS;
        s.len = kind < 4 ? max[which] + 1 : kind < 8 ? max[which] : kind * 3u;
        memset(big, 'a' + (int)which, sizeof(big));
        cr_assert_eq(sip_dialog_set(&d, (enum sip_dialog_text)which, s), kind < 4 ? -EMSGSIZE : 0);
        cr_assert(sip_dialog_sane(&d));
        for (unsigned i = 0; i < SIP_DIALOG_TEXTS; i++) {
            struct sip_str is = sip_dialog_text(&d, (enum sip_dialog_text)i);

            for (size_t n = 0; n < is.len; n++)
                cr_assert_eq(is.p[n], 'a' + (int)i);
            cr_assert(i != which || kind < 4 || is.len == s.len);
        }
    }
    for (unsigned i = 0; i < SIP_DIALOG_TEXTS; i++)
        cr_assert_eq(sip_dialog_set(&d, (enum sip_dialog_text)i, (struct sip_str){big, max[i]}), 0);
    cr_assert_eq(d.end[SIP_DIALOG_TEXTS - 1], SIP_DIALOG_TEXT_MAX);
}
