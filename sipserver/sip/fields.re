/* fields - the field machines.  Input of re2c 3; the build generates fields.c from it.
 *
 * Each machine is one regular grammar, written beside its ABNF (RFC 3261 25.1).  A machine reads a slice
 * that is not terminated: YYPEEK gives 0xFF at the end, which no rule accepts (it cannot occur in UTF-8).
 * The longest match must reach the end of the slice, else the value is malformed.
 *
 * Where we accept more than the ABNF, a comment says so.
 */
#include "sipserver/sip/fields.h"

#include <errno.h>
#include <string.h>

#define SLICE(from, to) ((struct sip_str){(from), (size_t)((to) - (from))})
#define SLICE_OR_NONE(from, to) ((from) != NULL ? SLICE(from, to) : SIP_STR_NONE)

/* Where a slice begins; an empty one may have no memory at all. */
static const char *start_of(struct sip_str s)
{
    return s.p != NULL ? s.p : "";
}

struct tags {
/*!stags:re2c format = "    const char *@@;\n"; */
};

/*!re2c
    re2c:api = custom;
    re2c:api:style = free-form;
    re2c:yyfill:enable = 0;
    re2c:sentinel = 255;
    re2c:define:YYCTYPE = "unsigned char";
    re2c:define:YYPEEK = "(p < end ? (unsigned char)*p : 0xFF)";
    re2c:define:YYSKIP = "++p;";
    re2c:define:YYBACKUP = "mark = p;";
    re2c:define:YYRESTORE = "p = mark;";
    re2c:define:YYRESTORETAG = "p = @@{tag};";
    re2c:define:YYSHIFT = "p += @@{shift};";
    re2c:define:YYSTAGP = "@@{tag} = p;";
    re2c:define:YYSTAGN = "@@{tag} = NULL;";
    re2c:define:YYSHIFTSTAG = "@@{tag} += @@{shift};";
    re2c:tags:expression = "t.@@";

    // RFC 3261 25.1, basic rules.  SWS and LWS take folds: the splitter left only folding CR LF inside.
    ALPHA      = [A-Za-z];
    DIGIT      = [0-9];
    HEXDIG     = [0-9A-Fa-f];
    SWS        = [ \t\r\n]*;
    LWS        = [ \t\r\n]+;

    // unreserved = alphanum / mark
    unreserved = ALPHA | DIGIT | [-_.!~*'()];
    // escaped = "%" HEXDIG HEXDIG
    escaped    = "%" HEXDIG HEXDIG;
    // token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~")
    tokenchar  = ALPHA | DIGIT | [-.!%*_+`'~];
    token      = tokenchar+;
    // quoted-string = SWS DQUOTE *(qdtext / quoted-pair) DQUOTE; quoted-pair = "\" (%x00-09 / %x0B-0C / %x0E-7F)
    quotedbody = ([\t\r\n\x20\x21\x23-\x5b\x5d-\x7e\x80-\xfe] | "\\" [\x00-\x09\x0b\x0c\x0e-\x7f])*;

    // host = hostname / IPv4address / IPv6reference.  We also take "_" in labels, which DNS names of
    // services have; a dotted quad is a hostname to this machine and is told apart by sip_addr_parse.
    label      = [A-Za-z0-9_] ([-A-Za-z0-9_]* [A-Za-z0-9_])?;
    hostname   = (label ".")* label "."?;
    ipv6ref    = "[" [0-9A-Fa-f:.]+ "]";
    host       = hostname | ipv6ref;

    // user = 1*(unreserved / escaped / user-unreserved); user-unreserved = "&" "=" "+" "$" "," ";" "?" "/"
    user       = (unreserved | escaped | [&=+$,;?/])+;
    // password = *(unreserved / escaped / "&" / "=" / "+" / "$" / ",")
    password   = (unreserved | escaped | [&=+$,])*;
    // paramchar = param-unreserved / unreserved / escaped; param-unreserved = "[" "]" "/" ":" "&" "+" "$"
    paramchar  = unreserved | escaped | "[" | "]" | [/:&+$];
    // uri-parameters = *(";" uri-parameter); other-param = pname ["=" pvalue].  An empty value is taken.
    uriparams  = (";" paramchar+ ("=" paramchar*)?)*;
    // headers = "?" header *("&" header); header = hname "=" hvalue; hnv-unreserved = "[" "]" "/" "?" ":" "+" "$"
    hchar      = unreserved | escaped | "[" | "]" | [/?:+$];
    uriheaders = hchar+ "=" hchar* ("&" hchar+ "=" hchar*)*;

    // generic-param = token [EQUAL gen-value]; gen-value = token / host / quoted-string.  Bare IPv6
    // addresses (received=2001:db8::1) and an empty value are taken, as peers send them.
    genchar    = tokenchar | "[" | "]" | [:/@$&];
*/

/* Request-Line = Method SP Request-URI SP SIP-Version;
 * Status-Line = SIP-Version SP Status-Code SP Reason-Phrase.  A missing SP before an empty reason is taken. */
int sip_start_parse(struct sip_str s, struct sip_start *ret_start)
{
    const char *p = start_of(s), *end = p + s.len, *mark = p;
    const char *m1, *m2, *u1, *u2, *v1, *v2, *c1, *c2, *r1, *r2;
    struct sip_start start = {.is_request = true};
    struct tags t = {0};

    /*!re2c
        * { return -EINVAL; }
        @m1 token @m2 " " @u1 [\x21-\x7e\x80-\xfe]+ @u2 " " 'SIP/' @v1 DIGIT+ "." DIGIT+ @v2 {
            if (p != end)
                return -EINVAL;
            start.method = SLICE(m1, m2);
            start.uri = SLICE(u1, u2);
            start.version = SLICE(v1, v2);
            *ret_start = start;
            return 0;
        }
        'SIP/' @v1 DIGIT+ "." DIGIT+ @v2 " " @c1 [1-6] DIGIT DIGIT @c2 (" " @r1 [\t\x20-\x7e\x80-\xfe]* @r2)? {
            if (p != end)
                return -EINVAL;
            start.is_request = false;
            start.version = SLICE(v1, v2);
            start.reason = SLICE_OR_NONE(r1, r2);
            (void)sip_number_parse(SLICE(c1, c2), 699, &start.status);
            *ret_start = start;
            return 0;
        }
    */
}

/* SIP-URI = "sip:" [userinfo] hostport uri-parameters [headers]; SIPS-URI likewise;
 * userinfo = user [":" password] "@"; hostport = host [":" port];
 * telephone-uri (RFC 3966) = "tel:" telephone-subscriber;
 * absoluteURI of any other scheme is taken whole, for 416 or for a header that may carry it. */
int sip_uri_parse(struct sip_str s, struct sip_uri *ret_uri)
{
    const char *p = start_of(s), *end = p + s.len, *mark = p;
    const char *s1, *u1, *u2, *w1, *w2, *h1, *h2, *o1, *o2, *a1, *a2, *q1, *q2;
    struct sip_uri uri = {.scheme = SIP_SCHEME_SIP};
    uint32_t port = 0;
    struct tags t = {0};

    /*!re2c
        * { return -EINVAL; }
        'sip' @s1 's'? ":" (@u1 user @u2 (":" @w1 password @w2)? "@")?
            @h1 host @h2 (":" @o1 DIGIT+ @o2)? @a1 uriparams @a2 ("?" @q1 uriheaders @q2)? {
            if (p != end)
                return -EINVAL;
            if (*s1 != ':')
                uri.scheme = SIP_SCHEME_SIPS;
            uri.user = SLICE_OR_NONE(u1, u2);
            uri.password = SLICE_OR_NONE(w1, w2);
            uri.host = SLICE(h1, h2);
            if (o1 != NULL && sip_number_parse(SLICE(o1, o2), 65535, &port) < 0)
                return -EINVAL;
            uri.port = (uint16_t)port;
            uri.params = SLICE(a1, a2);
            uri.headers = SLICE_OR_NONE(q1, q2);
            *ret_uri = uri;
            return 0;
        }
        'tel:' @u1 "+"? [-0-9A-Fa-f*#.()]+ @u2 @a1 uriparams @a2 {
            if (p != end)
                return -EINVAL;
            uri.scheme = SIP_SCHEME_TEL;
            uri.user = SLICE(u1, u2);
            uri.params = SLICE(a1, a2);
            *ret_uri = uri;
            return 0;
        }
        @u1 ALPHA (ALPHA | DIGIT | [-+.])* @u2 ":" @h1 [\x21\x23-\x3b\x3d\x3f-\x7e\x80-\xfe]+ @h2 {
            struct sip_str scheme = SLICE(u1, u2);

            if (p != end || sip_str_eq_nocase(scheme, SIP_STR("sip")) ||
                sip_str_eq_nocase(scheme, SIP_STR("sips")) || sip_str_eq_nocase(scheme, SIP_STR("tel")))
                return -EINVAL; /* one that we know, and malformed */
            uri.scheme = SIP_SCHEME_OTHER;
            uri.host = SLICE(h1, h2);
            *ret_uri = uri;
            return 0;
        }
    */
}

/* One of *(SEMI generic-param) at *CURSOR, which moves on.  1; 0 at the end; -EINVAL. */
static int generic_param(const char **cursor, const char *end, struct sip_str *ret_name, struct sip_str *ret_value)
{
    const char *p = *cursor, *mark = p;
    const char *n1, *n2, *q1, *q2, *v1, *v2;
    struct tags t = {0};

    if (p == end)
        return 0;
    /*!re2c
        * { return -EINVAL; }
        LWS { return p == end ? 0 : -EINVAL; }
        SWS ";" SWS @n1 token @n2 (SWS "=" SWS (["] @q1 quotedbody @q2 ["] | @v1 genchar* @v2))? {
            *ret_name = SLICE(n1, n2);
            *ret_value = q1 != NULL ? SLICE(q1, q2) : SLICE_OR_NONE(v1, v2);
            *cursor = p;
            return 1;
        }
    */
}

/* [display-name] LAQUOT; display-name = *(token LWS) / quoted-string.  What follows it; NULL: this is no name-addr.
 * We do not ask for white space between display name and "<". */
static const char *display_name(const char *p, const char *end, struct sip_str *ret_display)
{
    const char *mark = p, *d1, *d2, *e1, *e2;
    struct tags t = {0};

    /*!re2c
        * { return NULL; }
        SWS (["] @d1 quotedbody @d2 ["] SWS | @e1 token (LWS token)* @e2 SWS)? "<" {
            *ret_display = d1 != NULL ? SLICE(d1, d2) : SLICE_OR_NONE(e1, e2);
            return p;
        }
    */
}

/* addr-spec without angle brackets, or STAR: "," "?" ";" cannot be in it (20.10).  What follows it; NULL: none. */
static const char *bare_address(const char *p, const char *end, struct sip_str *ret_address)
{
    const char *mark = p, *a1, *a2;
    struct tags t = {0};

    /*!re2c
        * { return NULL; }
        SWS @a1 [\x21\x23-\x2b\x2d-\x3a\x3d\x40-\x7e\x80-\xfe]+ @a2 {
            *ret_address = SLICE(a1, a2);
            return p;
        }
    */
}

/* *(SEMI generic-param) to the end; the first tag is From's or To's. */
static int party_params(const char *p, const char *end, struct sip_party *party)
{
    struct sip_str name, value;
    bool tagged = false;
    int more;

    party->params = SLICE(p, p);
    while ((more = generic_param(&p, end, &name, &value)) > 0) {
        if (!tagged && sip_str_eq_nocase(name, SIP_STR("tag"))) {
            party->tag = value;
            tagged = true;
        }
        party->params.len = (size_t)(p - party->params.p);
    }
    return more;
}

/* From, To  = (name-addr / addr-spec) *(SEMI generic-param);
 * contact-param, route-param likewise; Contact = STAR / ...;
 * name-addr = [display-name] LAQUOT addr-spec RAQUOT.
 * Without angle brackets, parameters belong to the header. */
int sip_party_parse(struct sip_str s, struct sip_party *ret_party)
{
    const char *start = start_of(s), *end = start + s.len, *p;
    struct sip_party party = {0};

    if ((p = display_name(start, end, &party.display)) != NULL) {
        const char *close = memchr(p, '>', (size_t)(end - p));

        if (close == NULL)
            return -EINVAL;
        party.uri_text = SLICE(p, close);
        p = close + 1;
    } else {
        p = bare_address(start, end, &party.uri_text);
        if (p == NULL)
            return -EINVAL;
        if (sip_str_eq(party.uri_text, SIP_STR("*"))) {
            if (!sip_str_empty(sip_str_trim(SLICE(p, end))))
                return -EINVAL;
            *ret_party = (struct sip_party){.star = true};
            return 0;
        }
    }
    party.bare = sip_str_trim(SLICE(start, p));
    if (sip_uri_parse(party.uri_text, &party.uri) < 0 || party_params(p, end, &party) < 0)
        return -EINVAL;
    *ret_party = party;
    return 0;
}

static void via_transport(struct sip_via *via)
{
    static const struct {
        struct sip_str name;
        enum sip_transport transport;
    } known[] = {{{"UDP", 3}, SIP_UDP}, {{"TCP", 3}, SIP_TCP}, {{"TLS", 3}, SIP_TLS}};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (sip_str_eq_nocase(via->transport_text, known[i].name)) {
            via->transport = known[i].transport;
            via->transport_known = true;
        }
    }
}

/* *(SEMI via-params) to the end: via-ttl, via-received, via-branch, response-port (RFC 3581) among generic ones. */
static int via_params(const char *p, const char *end, struct sip_via *via)
{
    struct sip_str name, value;
    uint32_t number;
    int more;

    via->params = SLICE(p, p);
    while ((more = generic_param(&p, end, &name, &value)) > 0) {
        via->params.len = (size_t)(p - via->params.p);
        if (sip_str_eq_nocase(name, SIP_STR("branch"))) {
            via->branch = value;
        } else if (sip_str_eq_nocase(name, SIP_STR("received"))) {
            via->received = value;
        } else if (sip_str_eq_nocase(name, SIP_STR("rport"))) {
            via->rport_asked = true;
            if (!sip_str_empty(value)) {
                if (sip_number_parse(value, 65535, &number) < 0)
                    return -EINVAL;
                via->rport = (uint16_t)number;
            }
        } else if (sip_str_eq_nocase(name, SIP_STR("ttl"))) {
            if (sip_number_parse(value, 255, &number) < 0)
                return -EINVAL;
            via->ttl = (int)number;
        }
    }
    return more;
}

/* via-parm = sent-protocol LWS sent-by *(SEMI via-params);
 * sent-protocol = protocol-name SLASH protocol-version SLASH transport; sent-by = host [COLON port].
 * Any version is taken, so that a request of another version can be answered 505. */
int sip_via_parse(struct sip_str s, struct sip_via *ret_via)
{
    const char *p = start_of(s), *end = p + s.len, *mark = p;
    const char *t1, *t2, *h1, *h2, *o1, *o2;
    struct sip_via via = {.ttl = -1};
    uint32_t port = 0;
    struct tags t = {0};

    /*!re2c
        * { return -EINVAL; }
        SWS 'SIP' SWS "/" SWS token SWS "/" SWS @t1 token @t2 LWS
            @h1 host @h2 (SWS ":" SWS @o1 DIGIT+ @o2)? {
            if (o1 != NULL && sip_number_parse(SLICE(o1, o2), 65535, &port) < 0)
                return -EINVAL;
            via.text = sip_str_trim(s);
            via.transport_text = SLICE(t1, t2);
            via.host = SLICE(h1, h2);
            via.port = (uint16_t)port;
            via_transport(&via);
            if (via_params(p, end, &via) < 0)
                return -EINVAL;
            *ret_via = via;
            return 0;
        }
    */
}

/* CSeq = 1*DIGIT LWS Method; the number is below 2**31 (8.1.1.5). */
int sip_cseq_parse(struct sip_str s, struct sip_cseq *ret_cseq)
{
    const char *p = start_of(s), *end = p + s.len, *mark = p;
    const char *n1, *n2, *m1, *m2;
    struct sip_cseq cseq;
    struct tags t = {0};

    /*!re2c
        * { return -EINVAL; }
        SWS @n1 DIGIT+ @n2 LWS @m1 token @m2 SWS {
            if (p != end || sip_number_parse(SLICE(n1, n2), INT32_MAX, &cseq.number) < 0)
                return -EINVAL;
            cseq.method = SLICE(m1, m2);
            *ret_cseq = cseq;
            return 0;
        }
    */
}

/* callid = word ["@" word]. */
int sip_call_id_check(struct sip_str s)
{
    const char *p = start_of(s), *end = p + s.len, *mark = p;

    /*!re2c
        // word = 1*(alphanum and - . ! % * _ + ` ' ~ ( ) < > : \ " / [ ] ? { })
        wordchar = tokenchar | [()<>:\\"/?{}] | "[" | "]";
        * { return -EINVAL; }
        wordchar+ ("@" wordchar+)? { return p == end ? 0 : -EINVAL; }
    */
}

/* One parameter of credentials = "Digest" LWS digest-response or of challenge = "Digest" LWS digest-cln:
 * auth-param = auth-param-name EQUAL (token / quoted-string).  Unquoted values take the characters of
 * URIs and of base64 too, because peers send uri= and nonce= without quotes. */
static int digest_param(const char **cursor, const char *end, struct sip_str *ret_name,
                        struct sip_str *ret_value)
{
    const char *p = *cursor, *mark = p;
    const char *n1, *n2, *q1, *q2, *v1, *v2;
    struct tags t = {0};

    /*!re2c
        barechar = tokenchar | [:/@=?&;$];
        * { return -EINVAL; }
        SWS "," { *cursor = p; *ret_name = SIP_STR_NONE; return 0; }
        SWS @n1 token @n2 SWS "=" SWS (["] @q1 quotedbody @q2 ["] | @v1 barechar* @v2) SWS ","? SWS {
            *cursor = p;
            *ret_name = SLICE(n1, n2);
            *ret_value = q1 != NULL ? SLICE(q1, q2) : SLICE(v1, v2);
            return 0;
        }
    */
}

static int digest_scheme(const char **cursor, const char *end)
{
    const char *p = *cursor, *mark = p;

    /*!re2c
        * { return -EINVAL; }
        SWS 'Digest' LWS { *cursor = p; return 0; }
        SWS token LWS? { return sip_str_eq_nocase(sip_str_trim(SLICE(*cursor, p)), SIP_STR("Digest")) ? -EINVAL : -ENOTSUP; }
    */
}

static void keep_digest_param(struct sip_digest_params *params, struct sip_str name, struct sip_str value)
{
#define KEEP(param)                               \
    if (sip_str_eq_nocase(name, SIP_STR(#param))) \
        params->param = value;
    KEEP(username)
    KEEP(realm)
    KEEP(nonce)
    KEEP(uri)
    KEEP(response)
    KEEP(algorithm)
    KEEP(cnonce)
    KEEP(opaque)
    KEEP(qop)
    KEEP(nc)
    KEEP(stale)
    KEEP(domain)
#undef KEEP
}

int sip_digest_parse(struct sip_str s, struct sip_digest_params *ret_params)
{
    struct sip_digest_params params = {0};
    const char *cursor = start_of(s), *end = cursor + s.len;
    struct sip_str name, value;
    int r = digest_scheme(&cursor, end);

    while (r == 0 && cursor < end) {
        r = digest_param(&cursor, end, &name, &value);
        if (r == 0)
            keep_digest_param(&params, name, value);
    }
    if (r == 0)
        *ret_params = params;
    return r;
}

/* SEMI generic-param, or ";" uri-parameter: the union of both. */
int sip_param_next(struct sip_str *rest, struct sip_str *ret_name, struct sip_str *ret_value)
{
    const char *p = start_of(*rest), *end = p + rest->len, *mark = p;
    const char *n1, *n2, *q1, *q2, *v1, *v2;
    struct tags t = {0};

    if (p == end)
        return 0;
    /*!re2c
        anyname  = (tokenchar | paramchar)+;
        anyvalue = (genchar | paramchar)*;
        * { return -EINVAL; }
        LWS { return p == end ? 0 : -EINVAL; }
        SWS ";" SWS @n1 anyname @n2 (SWS "=" SWS (["] @q1 quotedbody @q2 ["] | @v1 anyvalue @v2))? {
            *ret_name = SLICE(n1, n2);
            *ret_value = q1 != NULL ? SLICE(q1, q2) : SLICE_OR_NONE(v1, v2);
            *rest = SLICE(p, end);
            return 1;
        }
    */
}

/* An element of a comma-separated list.  An unterminated quote or bracket makes the rest one element, which
 * its own machine then refuses. */
bool sip_list_next(struct sip_str *rest, struct sip_str *ret_value)
{
    const char *p, *end = rest->p + rest->len, *mark;

    while (rest->len > 0) {
        const char *from = rest->p;
        struct sip_str value;

        p = mark = from;
        if (memchr(from, ',', rest->len) == NULL) /* one element, however it is quoted */
            goto cut;
        /*!re2c
            * { p = from; goto cut; }
            ([^,"<\xff] | ["] quotedbody ["] | "<" [^>\xff]* ">")+ { goto cut; }
        */
    cut:
        if (p < end && *p != ',')
            p = end;
        value = sip_str_trim(SLICE(from, p));
        p += p < end;
        *rest = SLICE(p, end);
        if (!sip_str_empty(value)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}
