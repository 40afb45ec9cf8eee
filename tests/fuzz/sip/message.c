/* fuzz_sip_message - the parser, and what is built from what it accepted.
 *
 * Checked besides the sanitizers: all slices lie within the datagram; a response built from an
 * accepted request parses again with the same Call-ID, CSeq, From and branch; a dialog made of it
 * builds a request that parses. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sipserver/sip/dialog.h"
#include "sipserver/sip/out.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_slice(const struct sip_msg *m, struct sip_str s)
{
    assert(s.len == 0 || (s.p >= m->raw.p && s.p + s.len <= m->raw.p + m->raw.len));
}

static void check_slices(const struct sip_msg *m)
{
    static const enum sip_header_id lists[] = {SIP_H_CONTACT, SIP_H_ROUTE, SIP_H_VIA};
    struct sip_digest_params digest;
    struct sip_str value;

    check_slice(m, m->uri_text);
    check_slice(m, m->body);
    check_slice(m, m->from.bare);
    check_slice(m, m->to.tag);
    check_slice(m, m->via.branch);
    check_slice(m, m->via.text);
    check_slice(m, m->cseq.method);
    for (unsigned i = 0; i < m->headers_n; i++) {
        check_slice(m, m->headers[i].name);
        check_slice(m, m->headers[i].value);
        (void)sip_digest_parse(m->headers[i].value, &digest);
    }
    for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct sip_values it = sip_values(m, lists[i]);

        while (sip_values_next(&it, &value)) {
            assert(value.len > 0);
            check_slice(m, value);
        }
    }
}

static void check_response(const struct sip_msg *m)
{
    static char text[70000];
    static struct sip_msg again;
    struct sip_addr src = {.family = SIP_IPV4, .port = 5060, .ip = {192, 0, 2, 1}};
    struct sip_reply reply = {
        .status = 200, .to_tag = SIP_STR("ours"), .contact = SIP_STR("sip:x@192.0.2.2")};
    struct sip_buf b;
    enum sip_problem problem;

    sip_buf_init(&b, text, sizeof(text));
    if (sip_build_response(&b, m, &src, &reply) < 0)
        return;
    problem = sip_msg_parse(b.data, b.len, &again);
    assert(problem == SIP_OK);
    assert(sip_str_eq(again.call_id, m->call_id));
    assert(again.cseq.number == m->cseq.number && sip_str_eq(again.cseq.method, m->cseq.method));
    assert(sip_str_eq(again.from.tag, m->from.tag));
    assert(again.to.tag.len > 0);
    assert(sip_str_eq(again.via.branch, m->via.branch));
    assert(again.headers_n <= m->headers_n + 2);
}

static void check_dialog(const struct sip_msg *m)
{
    static char text[8192];
    static struct sip_msg bye;
    char more[SIP_DIALOG_TEXT_MAX];
    struct sip_dialog d = {.more = more};
    struct sip_request r;
    struct sip_uri hop;
    struct sip_buf b;
    enum sip_problem problem;

    if (sip_dialog_uas(&d, m, SIP_STR("ours")) < 0)
        return;
    sip_dialog_confirm(&d);
    sip_dialog_request(&d, SIP_BYE, &r);
    assert(sip_dialog_next_hop(&d, &hop) == 0);
    sip_buf_init(&b, text, sizeof(text));
    assert(sip_build_request(&b, &r, SIP_STR("192.0.2.2:5060"), SIP_UDP, SIP_STR("z9hG4bK1")) == 0);
    problem = sip_msg_parse(b.data, b.len, &bye);
    assert(problem == SIP_OK ||
           problem == SIP_BAD_URI_SCHEME); /* a strict router of a foreign scheme */
    assert(sip_str_eq(bye.to.tag, m->from.tag));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sip_msg m;
    char *exact;

    if (size > 65535)
        return 0;
    exact = malloc(size > 0 ? size : 1); /* its end is watched by the address sanitizer */
    memcpy(exact, data, size);
    if (sip_msg_parse(exact, size, &m) == SIP_OK) {
        check_slices(&m);
        if (m.is_request && m.headers_n <= SIP_HEADERS_IN_MAX) {
            check_response(&m);
            check_dialog(&m);
        }
    } else if (sip_msg_answerable(&m)) {
        static char text[70000];
        struct sip_addr src = {.family = SIP_IPV6, .port = 5060, .ip = {0x20, 1, 0xd, 0xb8}};
        struct sip_buf b;

        sip_buf_init(&b, text, sizeof(text));
        (void)sip_build_response(&b, &m, &src,
                                 &(struct sip_reply){.status = 400, .to_tag = SIP_STR("t")});
    }
    free(exact);
    return 0;
}
