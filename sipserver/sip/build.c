#include "sipserver/sip/build.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

/* ---- the buffer ------------------------------------------------------------- */

void sip_buf_init(struct sip_buf *b, char *data, size_t size)
{
    *b = (struct sip_buf){.data = data, .size = size};
}

void sip_put_number(struct sip_buf *b, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    sip_put(b, (struct sip_str){digits + at, sizeof(digits) - at});
}

/* Eight hexadecimal digits: NUMBER's nibbles apart, in the bytes of a number whose most significant
 * byte is the first digit. */
static uint64_t hex_digits(uint32_t number)
{
    uint64_t n = number, letters;

    n = (n << 16 | n) & UINT64_C(0x0000ffff0000ffff);
    n = (n << 8 | n) & UINT64_C(0x00ff00ff00ff00ff);
    n = (n << 4 | n) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    letters = (n + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
    return n + UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
}

void sip_put_hex(struct sip_buf *b, uint64_t number, unsigned digits)
{
    uint64_t halves[2] = {htobe64(hex_digits((uint32_t)(number >> 32))),
                          htobe64(hex_digits((uint32_t)number))};

    assert(digits <= sizeof(halves));
    sip_put(b, (struct sip_str){(const char *)halves + sizeof(halves) - digits, digits});
}

/* A value without its folds: each run of white space that holds a line end becomes one space. */
void sip_put_value(struct sip_buf *b, struct sip_str s)
{
    size_t from = 0, i = 0;

    if (sip_str_empty(s))
        return;
    if (memchr(s.p, '\n', s.len) == NULL && memchr(s.p, '\r', s.len) == NULL) {
        sip_put(b, s);
        return;
    }
    while (i < s.len) {
        if (s.p[i] != '\r' && s.p[i] != '\n') {
            i++;
            continue;
        }
        size_t stop = i;
        while (stop > from && (s.p[stop - 1] == ' ' || s.p[stop - 1] == '\t'))
            stop--;
        sip_put(b, (struct sip_str){s.p + from, stop - from});
        sip_put(b, SIP_STR(" "));
        while (i < s.len && (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == ' ' || s.p[i] == '\t'))
            i++;
        from = i;
    }
    sip_put(b, (struct sip_str){s.p + from, s.len - from});
}

struct sip_str sip_buf_str(const struct sip_buf *b)
{
    return (struct sip_str){b->data, b->len};
}

int sip_buf_status(const struct sip_buf *b)
{
    return b->overflow ? -EMSGSIZE : 0;
}

/* ---- pieces ----------------------------------------------------------------- */

static void put_name(struct sip_buf *b, enum sip_header_id id)
{
    sip_put(b, sip_header_prefix(id));
}

static void put_line(struct sip_buf *b, enum sip_header_id id, struct sip_str value)
{
    put_name(b, id);
    sip_put_value(b, value);
    sip_put(b, SIP_STR("\r\n"));
}

static void put_all(struct sip_buf *b, const struct sip_msg *m, enum sip_header_id id)
{
    for (const struct sip_header *h = sip_msg_header(m, id); h != NULL;
         h = sip_msg_header_next(m, h))
        put_line(b, id, h->value);
}

static void put_contact(struct sip_buf *b, struct sip_str uri)
{
    if (sip_str_empty(uri))
        return;
    put_name(b, SIP_H_CONTACT);
    sip_put(b, SIP_STR("<"));
    sip_put(b, uri);
    sip_put(b, SIP_STR(">\r\n"));
}

static void put_extras(struct sip_buf *b, const struct sip_extra *extras, unsigned n)
{
    assert(n <= SIP_EXTRAS_MAX);
    for (unsigned i = 0; i < n; i++) {
        if (extras[i].id != SIP_H_OTHER) {
            put_line(b, extras[i].id, extras[i].value);
            continue;
        }
        sip_put_text(b, extras[i].name);
        sip_put(b, SIP_STR(": "));
        sip_put_value(b, extras[i].value);
        sip_put(b, SIP_STR("\r\n"));
    }
}

static void put_content(struct sip_buf *b, const struct sip_content *c)
{
    if (!sip_str_empty(c->type))
        put_line(b, SIP_H_CONTENT_TYPE, c->type);
    put_name(b, SIP_H_CONTENT_LENGTH);
    sip_put_number(b, sip_str_empty(c->type) ? 0 : c->body.len);
    sip_put(b, SIP_STR("\r\n\r\n"));
    if (!sip_str_empty(c->type))
        sip_put(b, c->body);
}

static void put_tag(struct sip_buf *b, struct sip_str tag)
{
    if (sip_str_empty(tag))
        return;
    sip_put(b, SIP_STR(";tag="));
    sip_put(b, tag);
}

static void put_cseq(struct sip_buf *b, uint32_t number, const char *method)
{
    put_name(b, SIP_H_CSEQ);
    sip_put_number(b, number);
    sip_put(b, SIP_STR(" "));
    sip_put_text(b, method);
    sip_put(b, SIP_STR("\r\n"));
}

/* ---- responses -------------------------------------------------------------- */

const char *sip_status_text(unsigned status)
{
    /* clang-format off */
    switch (status) {
#define STATUS(code, text) case code: return text;
#include "sipserver/sip/status.tbl.h"
    default: return "Unknown";
    }
    /* clang-format on */
}

/* The port of a Via's sender when it names none (18.2.2). */
static uint16_t via_port(const struct sip_via *via)
{
    if (via->port != 0)
        return via->port;
    return via->transport_known && via->transport == SIP_TLS ? 5061 : 5060;
}

/* True when the host of sent-by is not the address that the request came from (18.2.1). */
static bool needs_received(const struct sip_via *via, const struct sip_addr *src)
{
    struct sip_addr named;

    return via->rport_asked || sip_addr_parse(via->host, 0, SIP_UDP, &named) < 0 ||
           !sip_addr_same_host(&named, src);
}

/* The top Via with what the server adds: received (18.2.1), the value of rport (RFC 3581 4).
 * Parameters of these names that the sender filled in are not copied: they would be somebody else's
 * word. */
static void put_top_via(struct sip_buf *b, const struct sip_via *via, const struct sip_addr *src)
{
    struct sip_str rest = via->params, name, value, before = via->text;

    before.len = via->params.len > 0 ? (size_t)(via->params.p - via->text.p) : via->text.len;
    sip_put_value(b, before);
    for (;;) {
        const char *from = rest.p;

        if (sip_param_next(&rest, &name, &value) <= 0)
            break;
        if (!sip_str_eq_nocase(name, SIP_STR("received")) &&
            !sip_str_eq_nocase(name, SIP_STR("rport")))
            sip_put_value(b, (struct sip_str){from, (size_t)(rest.p - from)});
    }
    if (needs_received(via, src)) {
        sip_put(b, SIP_STR(";received="));
        sip_addr_put_host(b, src, false);
    }
    if (via->rport_asked) {
        sip_put(b, SIP_STR(";rport="));
        sip_put_number(b, src->port);
    }
}

/* Line by line as they came, so that a response has no more lines than its request. */
static void put_vias(struct sip_buf *b, const struct sip_msg *m, const struct sip_addr *src)
{
    const struct sip_header *h = sip_msg_header(m, SIP_H_VIA);
    struct sip_str rest, top;

    if (src == NULL || sip_str_empty(m->via.text)) { /* a top Via that we could not read stays */
        put_all(b, m, SIP_H_VIA);
        return;
    }
    rest = h->value;
    (void)sip_list_next(&rest, &top);
    put_name(b, SIP_H_VIA);
    put_top_via(b, &m->via, src);
    rest = sip_str_trim(rest);
    if (!sip_str_empty(rest)) {
        sip_put(b, SIP_STR(", "));
        sip_put_value(b, rest);
    }
    sip_put(b, SIP_STR("\r\n"));
    while ((h = sip_msg_header_next(m, h)) != NULL)
        put_line(b, SIP_H_VIA, h->value);
}

/* What the request has; an error response goes without what it lacks. */
static void put_first(struct sip_buf *b, const struct sip_msg *m, enum sip_header_id id)
{
    if (sip_msg_header(m, id) != NULL)
        put_line(b, id, sip_msg_value(m, id));
}

/* A To that we could not read goes back as it is. */
static bool wants_tag(const struct sip_msg *m)
{
    return sip_msg_header(m, SIP_H_TO) != NULL && sip_str_empty(m->to.tag) &&
           !sip_str_empty(m->to.bare);
}

static void put_status_line(struct sip_buf *b, const struct sip_reply *r)
{
    assert(r->status >= 100 && r->status <= 699);
    sip_put(b, SIP_STR("SIP/2.0 "));
    sip_put_number(b, r->status);
    sip_put(b, SIP_STR(" "));
    sip_put_text(b, r->reason != NULL ? r->reason : sip_status_text(r->status));
    sip_put(b, SIP_STR("\r\n"));
}

static void put_rest(struct sip_buf *b, const struct sip_reply *r)
{
    put_contact(b, r->contact);
    if (r->rseq != 0) {
        put_line(b, SIP_H_REQUIRE, SIP_STR("100rel"));
        put_name(b, SIP_H_RSEQ);
        sip_put_number(b, r->rseq);
        sip_put(b, SIP_STR("\r\n"));
    }
    put_extras(b, r->extras, r->extras_n);
    put_content(b, &r->content);
}

/* As sip_build_first; the offsets as they come. */
static int build_response(struct sip_buf *b, const struct sip_msg *m, const struct sip_addr *src,
                          const struct sip_reply *r, size_t ret_at[4])
{
    put_status_line(b, r);
    ret_at[0] = b->len;
    put_vias(b, m, src);
    put_first(b, m, SIP_H_FROM);
    if (sip_msg_header(m, SIP_H_TO) != NULL) {
        put_name(b, SIP_H_TO);
        sip_put_value(b, sip_msg_value(m, SIP_H_TO));
        ret_at[1] = b->len;
        if (wants_tag(m))
            put_tag(b, r->to_tag);
        ret_at[2] = b->len;
        sip_put(b, SIP_STR("\r\n"));
    } else {
        ret_at[1] = ret_at[2] = b->len;
    }
    put_first(b, m, SIP_H_CALL_ID);
    put_first(b, m, SIP_H_CSEQ);
    put_all(b, m, SIP_H_RECORD_ROUTE);
    ret_at[3] = b->len;
    if (r->status == 100)
        put_all(b, m, SIP_H_TIMESTAMP); /* 8.2.6.1 */
    put_rest(b, r);
    return sip_buf_status(b);
}

int sip_build_response(struct sip_buf *b, const struct sip_msg *m, const struct sip_addr *src,
                       const struct sip_reply *r)
{
    size_t at[4];

    return build_response(b, m, src, r, at);
}

int sip_build_first(struct sip_buf *b, const struct sip_msg *m, const struct sip_addr *src,
                    const struct sip_reply *r, struct sip_common *ret_common)
{
    size_t at[4];

    assert(b->size <= UINT16_MAX);
    if (build_response(b, m, src, r, at) < 0)
        return -EMSGSIZE;
    *ret_common = (struct sip_common){(uint16_t)at[0], (uint16_t)at[1], (uint16_t)at[2],
                                      (uint16_t)at[3], wants_tag(m) && sip_str_empty(r->to_tag)};
    return 0;
}

int sip_build_next(struct sip_buf *b, const char *before, const struct sip_reply *r,
                   struct sip_common *common)
{
    bool tagged = common->tag < common->to_end, again = tagged && r->other_fork;
    uint16_t copied = again ? common->tag : common->to_end;
    struct sip_common next;

    assert(b->size <= UINT16_MAX);
    put_status_line(b, r);
    next.from = (uint16_t)b->len;
    next.tag = (uint16_t)(b->len + common->tag - common->from);
    sip_put(b, (struct sip_str){before + common->from, (size_t)(copied - common->from)});
    if (common->wants_tag || again)
        put_tag(b, r->to_tag);
    next.wants_tag = common->wants_tag && sip_str_empty(r->to_tag);
    next.to_end = (uint16_t)b->len;
    sip_put(b, (struct sip_str){before + common->to_end, (size_t)(common->end - common->to_end)});
    next.end = (uint16_t)b->len;
    put_rest(b, r);
    if (b->overflow)
        return -EMSGSIZE;
    *common = next;
    return 0;
}

struct sip_addr sip_reply_addr(const struct sip_via *via, const struct sip_addr *src)
{
    struct sip_addr to = *src;

    if (sip_addr_reliable(src)) {
        to.again = via_port(via);
        return to; /* the connection it came on, while it is there */
    }
    if (!via->rport_asked && !sip_str_empty(via->text))
        to.port = via_port(via);
    return to;
}

/* ---- requests --------------------------------------------------------------- */

static const char *transport_name(enum sip_transport transport)
{
    switch (transport) {
    case SIP_TCP: return "TCP";
    case SIP_TLS: return "TLS";
    case SIP_UDP: break;
    }
    return "UDP";
}

static void put_route(struct sip_buf *b, const struct sip_request *r)
{
    if (sip_str_empty(r->route) && sip_str_empty(r->route_last))
        return;
    put_name(b, SIP_H_ROUTE);
    sip_put_value(b, r->route);
    if (!sip_str_empty(r->route_last)) {
        if (!sip_str_empty(r->route))
            sip_put(b, SIP_STR(", "));
        sip_put(b, SIP_STR("<"));
        sip_put(b, r->route_last);
        sip_put(b, SIP_STR(">"));
    }
    sip_put(b, SIP_STR("\r\n"));
}

static void put_party(struct sip_buf *b, enum sip_header_id id, struct sip_str bare,
                      struct sip_str tag)
{
    put_name(b, id);
    sip_put_value(b, bare);
    put_tag(b, tag);
    sip_put(b, SIP_STR("\r\n"));
}

static void put_request_line(struct sip_buf *b, const char *method, struct sip_str uri)
{
    sip_put_text(b, method);
    sip_put(b, SIP_STR(" "));
    sip_put(b, uri);
    sip_put(b, SIP_STR(" SIP/2.0\r\n"));
}

int sip_build_request(struct sip_buf *b, const struct sip_request *r, struct sip_str sent_by,
                      enum sip_transport transport, struct sip_str branch)
{
    assert(r->method != SIP_METHOD_OTHER);
    put_request_line(b, sip_method_name(r->method), r->uri);
    put_name(b, SIP_H_VIA);
    sip_put(b, SIP_STR("SIP/2.0/"));
    sip_put_text(b, transport_name(transport));
    sip_put(b, SIP_STR(" "));
    sip_put(b, sent_by);
    sip_put(b, SIP_STR(";branch="));
    sip_put(b, branch);
    sip_put(b, SIP_STR(";rport\r\n"));
    put_name(b, SIP_H_MAX_FORWARDS);
    sip_put_number(b, r->max_forwards != 0 || r->last_hop ? r->max_forwards : 70);
    sip_put(b, SIP_STR("\r\n"));
    put_route(b, r);
    put_party(b, SIP_H_FROM, r->from, r->from_tag);
    put_party(b, SIP_H_TO, r->to, r->to_tag);
    put_line(b, SIP_H_CALL_ID, r->call_id);
    put_cseq(b, r->cseq, sip_method_name(r->method));
    put_contact(b, r->contact);
    put_extras(b, r->extras, r->extras_n);
    put_content(b, &r->content);
    return sip_buf_status(b);
}

/* What ACK (17.1.1.3) and CANCEL (9.1) have in common: the Request-URI, the single top Via, the
 * Route, From, Call-ID and CSeq number of the request. */
static int build_companion(struct sip_buf *b, const char *method, const struct sip_msg *request,
                           struct sip_str to, struct sip_str reason)
{
    put_request_line(b, method, request->uri_text);
    put_line(b, SIP_H_VIA, request->via.text);
    put_name(b, SIP_H_MAX_FORWARDS);
    sip_put(b, SIP_STR("70\r\n"));
    put_all(b, request, SIP_H_ROUTE);
    put_line(b, SIP_H_FROM, sip_msg_value(request, SIP_H_FROM));
    put_line(b, SIP_H_TO, to);
    put_line(b, SIP_H_CALL_ID, request->call_id);
    put_cseq(b, request->cseq.number, method);
    if (!sip_str_empty(reason))
        put_line(b, SIP_H_REASON, reason);
    put_content(b, &(struct sip_content){0});
    return sip_buf_status(b);
}

int sip_build_ack(struct sip_buf *b, const struct sip_msg *invite, const struct sip_msg *response)
{
    return build_companion(b, "ACK", invite, sip_msg_value(response, SIP_H_TO), SIP_STR_NONE);
}

int sip_build_cancel(struct sip_buf *b, const struct sip_msg *request, struct sip_str reason)
{
    return build_companion(b, "CANCEL", request, sip_msg_value(request, SIP_H_TO), reason);
}
