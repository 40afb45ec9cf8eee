#include "sipserver/sip/message.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

/* ---- names ------------------------------------------------------------------ */

enum kind { ONE, LIST, MANY };

static const struct {
    struct sip_str name;
    bool refreshes_target;
} methods[SIP_METHODS] = {
    [SIP_METHOD_OTHER] = {{"", 0}, false},
#define METHOD(name, target, source) [SIP_##name] = {{#name, sizeof(#name) - 1}, target},
#include "sipserver/sip/methods.tbl.h"
};

static const struct {
    struct sip_str prefix;
    char compact;
    enum kind kind;
} names[SIP_HEADER_IDS] = {
    [SIP_H_OTHER] = {{"", 0}, 0, MANY},
#define HEADER(id, name, compact, kind, source)                                                    \
    [SIP_H_##id] = {{name ": ", sizeof(name ": ") - 1}, compact, kind},
#include "sipserver/sip/headers.tbl.h"
};

static const struct {
    const char *text;
    unsigned status;
} problems[SIP_PROBLEMS] = {
    [SIP_OK] = {"OK", 0},
#define PROBLEM(id, status, text, source) [SIP_BAD_##id] = {text, status},
#include "sipserver/sip/errors.tbl.h"
};

const char *sip_problem_text(enum sip_problem problem)
{
    assert(problem < SIP_PROBLEMS);
    return problems[problem].text;
}

unsigned sip_problem_status(enum sip_problem problem)
{
    assert(problem < SIP_PROBLEMS);
    return problems[problem].status;
}

enum sip_method sip_method_find(struct sip_str name)
{
    for (unsigned i = SIP_METHOD_OTHER + 1; i < SIP_METHODS; i++) {
        if (sip_str_eq(name, methods[i].name))
            return (enum sip_method)i;
    }
    return SIP_METHOD_OTHER;
}

const char *sip_method_name(enum sip_method method)
{
    assert(method < SIP_METHODS);
    return methods[method].name.p;
}

bool sip_method_refreshes_target(enum sip_method method)
{
    assert(method < SIP_METHODS);
    return methods[method].refreshes_target;
}

static enum sip_header_id find_compact(char letter)
{
    for (unsigned i = SIP_H_OTHER + 1; i < SIP_HEADER_IDS; i++) {
        if ((letter | 0x20) == names[i].compact)
            return (enum sip_header_id)i;
    }
    return SIP_H_OTHER;
}

/* A comparison for each name, not a loop over a table: lengths are constants of the code. */
enum sip_header_id sip_header_find(struct sip_str name)
{
    if (name.len == 1)
        return find_compact(name.p[0]);
#define HEADER(id, text, compact, kind, source)                                                    \
    if (name.len == sizeof(text) - 1 && sip_str_eq_nocase(name, SIP_STR(text)))                    \
        return SIP_H_##id;
#include "sipserver/sip/headers.tbl.h"
    return SIP_H_OTHER;
}

struct sip_str sip_header_prefix(enum sip_header_id id)
{
    assert(id < SIP_HEADER_IDS);
    return names[id].prefix;
}

/* ---- cutting ---------------------------------------------------------------- */

/* The line at *REST without its end, and without the folded lines after it unless FOLD. */
static bool next_line(struct sip_str *rest, bool fold, struct sip_str *ret_line)
{
    const char *from = rest->p, *end = rest->p + rest->len, *p = from, *nl, *stop;

    do {
        nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
        if (nl == NULL)
            return false;
        p = nl + 1;
        /* An empty line ends the headers even when the body begins with a space. */
        stop = nl > from && nl[-1] == '\r' ? nl - 1 : nl;
    } while (fold && stop > from && p < end && (*p == ' ' || *p == '\t'));
    *ret_line = (struct sip_str){from, (size_t)(stop - from)};
    *rest = (struct sip_str){p, (size_t)(end - p)};
    return true;
}

/* token (25.1) */
static bool token_char(char c)
{
    static const bool is[UCHAR_MAX + 1] = {
        ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['-'] = true,
        ['.'] = true,         ['!'] = true,         ['%'] = true,         ['*'] = true,
        ['_'] = true,         ['+'] = true,         ['`'] = true,         ['\''] = true,
        ['~'] = true,
    };
    return is[(unsigned char)c];
}

/* message-header = header-name HCOLON header-value, HCOLON = *(SP / HTAB) ":" SWS (25.1). */
static enum sip_problem cut_header(struct sip_msg *m, struct sip_str line)
{
    struct sip_str name = {line.p, 0};
    struct sip_header *h;
    size_t colon;

    while (name.len < line.len && token_char(line.p[name.len]))
        name.len++;
    for (colon = name.len; colon < line.len; colon++) {
        if (line.p[colon] != ' ' && line.p[colon] != '\t')
            break;
    }
    if (name.len == 0 || colon == line.len || line.p[colon] != ':')
        return SIP_BAD_HEADER_LINE;
    if (m->headers_n == SIP_HEADERS_MAX)
        return SIP_BAD_HEADERS_TOO_MANY;
    h = &m->headers[m->headers_n++];
    h->name = name;
    h->id = sip_header_find(name);
    h->value = sip_str_trim((struct sip_str){line.p + colon + 1, line.len - colon - 1});
    if (h->id == SIP_H_OTHER)
        return SIP_OK;
    if (m->first[h->id] == 0)
        m->first[h->id] = (uint8_t)m->headers_n;
    else if (names[h->id].kind == ONE)
        return SIP_BAD_REPEATED;
    return SIP_OK;
}

/* A start line that is malformed after its method is still a request's, and wants its 400. */
static void guess_request(struct sip_msg *m, struct sip_str line)
{
    size_t n = 0;

    while (n < line.len && token_char(line.p[n]))
        n++;
    if (n == 0 || n == line.len || line.p[n] != ' ')
        return;
    m->is_request = true;
    m->method_name = (struct sip_str){line.p, n};
    m->method = sip_method_find(m->method_name);
}

static enum sip_problem cut_start(struct sip_msg *m, struct sip_str line)
{
    struct sip_start start;

    if (sip_start_parse(line, &start) < 0) {
        guess_request(m, line);
        return SIP_BAD_START_LINE;
    }
    m->is_request = start.is_request;
    m->status = start.status;
    m->reason = start.reason;
    m->method_name = start.method;
    m->uri_text = start.uri;
    if (start.is_request)
        m->method = sip_method_find(start.method);
    return sip_str_eq(start.version, SIP_STR("2.0")) ? SIP_OK : SIP_BAD_VERSION;
}

/* Cut start line and headers; *REST is left at the body.  The first problem does not stop the
 * cutting, so that an error response finds the headers that it must copy. */
static enum sip_problem cut(struct sip_msg *m, struct sip_str *rest)
{
    enum sip_problem first = SIP_OK, found;
    struct sip_str line;

    do { /* empty lines before the start line are ignored (7.5) */
        if (!next_line(rest, false, &line))
            return SIP_BAD_START_LINE;
    } while (line.len == 0);
    first = cut_start(m, line);
    for (;;) {
        if (!next_line(rest, true, &line))
            return first != SIP_OK ? first : SIP_BAD_UNTERMINATED;
        if (line.len == 0)
            return first;
        found = cut_header(m, line);
        if (found == SIP_BAD_HEADERS_TOO_MANY)
            return found;
        if (first == SIP_OK)
            first = found;
    }
}

/* ---- what every message needs ----------------------------------------------- */

static enum sip_problem decode_body(struct sip_msg *m, struct sip_str rest)
{
    uint32_t length;

    m->body = rest;
    if (m->first[SIP_H_CONTENT_LENGTH] == 0)
        return SIP_OK; /* over UDP the body is the rest of the datagram (18.3) */
    if (sip_number_parse(sip_msg_value(m, SIP_H_CONTENT_LENGTH), UINT32_MAX, &length) < 0)
        return SIP_BAD_LENGTH_BAD;
    if (length > rest.len)
        return SIP_BAD_LENGTH_BEYOND;
    m->body.len = length; /* bytes beyond it are discarded (18.3) */
    return SIP_OK;
}

static enum sip_problem decode_via(struct sip_msg *m)
{
    struct sip_values it = sip_values(m, SIP_H_VIA);
    struct sip_str top;

    if (!sip_values_next(&it, &top))
        return SIP_BAD_VIA_MISSING;
    return sip_via_parse(top, &m->via) < 0 ? SIP_BAD_VIA_BAD : SIP_OK;
}

static enum sip_problem decode_party(struct sip_msg *m, enum sip_header_id id,
                                     struct sip_party *party, enum sip_problem missing,
                                     enum sip_problem bad)
{
    if (m->first[id] == 0)
        return missing;
    if (sip_party_parse(sip_msg_value(m, id), party) < 0 || party->star)
        return bad;
    return SIP_OK;
}

static enum sip_problem decode_call_id(struct sip_msg *m)
{
    if (m->first[SIP_H_CALL_ID] == 0)
        return SIP_BAD_CALL_ID_MISSING;
    m->call_id = sip_msg_value(m, SIP_H_CALL_ID);
    return sip_call_id_check(m->call_id) < 0 ? SIP_BAD_CALL_ID_BAD : SIP_OK;
}

static enum sip_problem decode_cseq(struct sip_msg *m)
{
    if (m->first[SIP_H_CSEQ] == 0)
        return SIP_BAD_CSEQ_MISSING;
    if (sip_cseq_parse(sip_msg_value(m, SIP_H_CSEQ), &m->cseq) < 0)
        return SIP_BAD_CSEQ_BAD;
    if (!m->is_request)
        m->method = sip_method_find(m->cseq.method);
    else if (!sip_str_eq(m->cseq.method, m->method_name))
        return SIP_BAD_CSEQ_METHOD;
    return SIP_OK;
}

static enum sip_problem decode_numbers(struct sip_msg *m)
{
    static const enum sip_header_id numeric[] = {SIP_H_EXPIRES, SIP_H_MIN_EXPIRES, SIP_H_RSEQ,
                                                 SIP_H_SESSION_EXPIRES, SIP_H_MIN_SE};
    uint32_t number;

    m->max_forwards = -1;
    if (m->first[SIP_H_MAX_FORWARDS] != 0) {
        if (sip_number_parse(sip_msg_value(m, SIP_H_MAX_FORWARDS), 255, &number) < 0)
            return SIP_BAD_MAX_FORWARDS_BAD;
        m->max_forwards = (int)number;
    }
    for (size_t i = 0; i < sizeof(numeric) / sizeof(numeric[0]); i++) {
        if (sip_msg_number(m, numeric[i], &number) == -EINVAL)
            return SIP_BAD_NUMBER_BAD;
    }
    return SIP_OK;
}

/* Contact and routes are checked in requests only: a bad one in a response must not hide the
 * response. */
static enum sip_problem decode_parties(const struct sip_msg *m, enum sip_header_id id,
                                       enum sip_problem bad)
{
    struct sip_values it = sip_values(m, id);
    struct sip_party party;
    struct sip_str value, expires;
    uint32_t number;

    while (sip_values_next(&it, &value)) {
        if (sip_party_parse(value, &party) < 0 || (party.star && id != SIP_H_CONTACT))
            return bad;
        if (id == SIP_H_CONTACT && sip_param_get(party.params, "expires", &expires) &&
            sip_number_parse(expires, UINT32_MAX, &number) < 0)
            return SIP_BAD_NUMBER_BAD;
    }
    return SIP_OK;
}

static enum sip_problem decode_uri(struct sip_msg *m)
{
    if (sip_uri_parse(m->uri_text, &m->uri) < 0)
        return SIP_BAD_URI_BAD;
    return m->uri.scheme == SIP_SCHEME_OTHER ? SIP_BAD_URI_SCHEME : SIP_OK;
}

static void note(enum sip_problem *first, enum sip_problem found)
{
    if (*first == SIP_OK)
        *first = found;
}

enum sip_problem sip_msg_parse(const char *data, size_t len, struct sip_msg *ret_msg)
{
    struct sip_msg *m = ret_msg;
    struct sip_str rest = {data, len};
    enum sip_problem first;

    memset(m, 0, offsetof(struct sip_msg, headers)); /* headers[] is valid up to headers_n */
    m->raw = rest;
    m->max_forwards = -1;
    first = cut(m, &rest);
    if (first == SIP_BAD_UNTERMINATED)
        return first;
    note(&first, decode_via(m));
    note(&first, decode_party(m, SIP_H_FROM, &m->from, SIP_BAD_FROM_MISSING, SIP_BAD_FROM_BAD));
    note(&first, decode_party(m, SIP_H_TO, &m->to, SIP_BAD_TO_MISSING, SIP_BAD_TO_BAD));
    note(&first, decode_call_id(m));
    note(&first, decode_cseq(m));
    note(&first, decode_body(m, rest));
    if (m->is_request) {
        note(&first, decode_numbers(m));
        note(&first, decode_parties(m, SIP_H_CONTACT, SIP_BAD_CONTACT_BAD));
        note(&first, decode_parties(m, SIP_H_ROUTE, SIP_BAD_ROUTE_BAD));
        note(&first, decode_parties(m, SIP_H_RECORD_ROUTE, SIP_BAD_ROUTE_BAD));
        note(&first, decode_uri(m));
    }
    return first;
}

bool sip_msg_answerable(const struct sip_msg *m)
{
    return m->is_request && m->method != SIP_ACK && m->first[SIP_H_VIA] != 0;
}

/* ---- reading ---------------------------------------------------------------- */

const struct sip_header *sip_msg_header(const struct sip_msg *m, enum sip_header_id id)
{
    assert(id != SIP_H_OTHER && id < SIP_HEADER_IDS);
    return m->first[id] == 0 ? NULL : &m->headers[m->first[id] - 1];
}

const struct sip_header *sip_msg_header_next(const struct sip_msg *m, const struct sip_header *h)
{
    for (const struct sip_header *next = h + 1; next < m->headers + m->headers_n; next++) {
        if (next->id == h->id)
            return next;
    }
    return NULL;
}

struct sip_str sip_msg_value(const struct sip_msg *m, enum sip_header_id id)
{
    const struct sip_header *h = sip_msg_header(m, id);

    return h == NULL ? SIP_STR_NONE : h->value;
}

struct sip_values sip_values(const struct sip_msg *m, enum sip_header_id id)
{
    const struct sip_header *h = sip_msg_header(m, id);

    return (struct sip_values){m, h, h == NULL ? SIP_STR_NONE : h->value};
}

bool sip_values_next(struct sip_values *it, struct sip_str *ret_value)
{
    while (it->header != NULL) {
        if (sip_list_next(&it->rest, ret_value))
            return true;
        it->header = sip_msg_header_next(it->msg, it->header);
        if (it->header != NULL)
            it->rest = it->header->value;
    }
    return false;
}

int sip_msg_number(const struct sip_msg *m, enum sip_header_id id, uint32_t *ret_number)
{
    const struct sip_header *h = sip_msg_header(m, id);
    struct sip_str digits;
    const char *semicolon;

    if (h == NULL)
        return -ENOENT;
    digits = h->value;
    semicolon = digits.len > 0 ? memchr(digits.p, ';', digits.len) : NULL;
    if (semicolon != NULL)
        digits.len = (size_t)(semicolon - digits.p);
    return sip_number_parse(sip_str_trim(digits), UINT32_MAX, ret_number);
}

bool sip_msg_has_token(const struct sip_msg *m, enum sip_header_id id, struct sip_str token)
{
    struct sip_values it = sip_values(m, id);
    struct sip_str value;

    while (sip_values_next(&it, &value)) {
        if (sip_str_eq_nocase(value, token))
            return true;
    }
    return false;
}
