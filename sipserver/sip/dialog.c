#include "sipserver/sip/dialog.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* ---- the texts, one behind the other ------------------------------------------ */

static const uint16_t text_max[SIP_DIALOG_TEXTS] = {
    [SIP_DIALOG_CALL_ID] = SIP_CALL_ID_MAX, [SIP_DIALOG_LOCAL_TAG] = SIP_TOKEN_MAX,
    [SIP_DIALOG_REMOTE_TAG] = SIP_TAG_MAX,  [SIP_DIALOG_LOCAL] = SIP_PARTY_MAX,
    [SIP_DIALOG_REMOTE] = SIP_PARTY_MAX,    [SIP_DIALOG_TARGET] = SIP_URI_MAX,
    [SIP_DIALOG_ROUTES] = SIP_ROUTES_MAX,
};

/* Where LEN bytes of texts are. */
static char *home(struct sip_dialog *d, size_t len)
{
    return len <= sizeof(d->text) ? d->text : d->more;
}

int sip_dialog_set(struct sip_dialog *d, enum sip_dialog_text which, struct sip_str s)
{
    size_t begin = which == 0 ? 0 : d->end[which - 1], end = d->end[which];
    size_t all = d->end[SIP_DIALOG_TEXTS - 1], after = begin + s.len;
    char *from = home(d, all), *to = home(d, all - end + after);

    if (s.len > text_max[which] || to == NULL)
        return -EMSGSIZE;
    memmove(to + after, from + end, all - end);
    if (to != from)
        memcpy(to, from, begin);
    if (s.len > 0)
        memcpy(to + begin, s.p, s.len);
    for (unsigned i = which; i < SIP_DIALOG_TEXTS; i++)
        d->end[i] = (uint16_t)(d->end[i] + after - end);
    return 0;
}

bool sip_dialog_sane(const struct sip_dialog *d)
{
    uint16_t begin = 0;

    for (unsigned i = 0; i < SIP_DIALOG_TEXTS; i++) {
        if (d->end[i] < begin || d->end[i] - begin > text_max[i])
            return false;
        begin = d->end[i];
    }
    return begin <= sizeof(d->text) || d->more != NULL;
}

/* What a dialog is to say: nothing of it changes before all is known to fit. */
struct draft {
    struct sip_str text[SIP_DIALOG_TEXTS];
    size_t len;
    char bytes[SIP_DIALOG_TEXT_MAX];
};

static void draft_new(struct draft *x)
{
    memset(x->text, 0, sizeof(x->text));
    x->len = 0;
}

static void draft_of(struct draft *x, const struct sip_dialog *d)
{
    for (unsigned i = 0; i < SIP_DIALOG_TEXTS; i++)
        x->text[i] = sip_dialog_text(d, (enum sip_dialog_text)i);
    x->len = 0;
}

static int commit(struct sip_dialog *d, const struct draft *x)
{
    char all[SIP_DIALOG_TEXT_MAX];
    uint16_t end[SIP_DIALOG_TEXTS];
    size_t len = 0;

    for (unsigned i = 0; i < SIP_DIALOG_TEXTS; i++) {
        if (x->text[i].len > 0)
            memcpy(all + len, x->text[i].p, x->text[i].len);
        len += x->text[i].len;
        end[i] = (uint16_t)len;
    }
    if (home(d, len) == NULL)
        return -EMSGSIZE;
    memcpy(home(d, len), all, len);
    memcpy(d->end, end, sizeof(end));
    return 0;
}

/* Keep S without its folds. */
static int keep(struct draft *x, enum sip_dialog_text which, struct sip_str s)
{
    struct sip_buf b;

    sip_buf_init(&b, x->bytes + x->len, text_max[which]);
    sip_put_value(&b, s);
    if (b.overflow)
        return -EMSGSIZE;
    x->text[which] = sip_buf_str(&b);
    x->len += b.len;
    return 0;
}

/* From or To without its tag.  What makes it too long is left out, and identifies nobody: the
 * display name, parameters and headers of the URI. */
static int keep_party(struct draft *x, enum sip_dialog_text which, const struct sip_party *party)
{
    struct sip_str uri = party->uri_text;
    struct sip_buf b;

    if (keep(x, which, party->bare) == 0)
        return 0;
    if (!sip_str_empty(party->uri.params))
        uri.len = (size_t)(party->uri.params.p - uri.p);
    sip_buf_init(&b, x->bytes + x->len, text_max[which]);
    sip_put(&b, SIP_STR("<"));
    sip_put(&b, uri);
    sip_put(&b, SIP_STR(">"));
    if (b.overflow)
        return -EMSGSIZE;
    x->text[which] = sip_buf_str(&b);
    x->len += b.len;
    return 0;
}

/* The remote target out of a Contact: its URI without "?headers", which a Request-URI cannot have
 * (19.1.1). */
static int keep_target(struct draft *x, const struct sip_msg *m)
{
    struct sip_values it = sip_values(m, SIP_H_CONTACT);
    struct sip_party contact;
    struct sip_str value;

    if (!sip_values_next(&it, &value) || sip_party_parse(value, &contact) < 0 || contact.star ||
        contact.uri.scheme == SIP_SCHEME_OTHER)
        return -EINVAL;
    value = contact.uri_text;
    if (!sip_str_empty(contact.uri.headers))
        value.len = (size_t)(contact.uri.headers.p - 1 - value.p);
    return keep(x, SIP_DIALOG_TARGET, value);
}

/* One more Record-Route value behind or before the *LEN bytes at ROUTES. */
static int keep_route(char *routes, size_t *len, struct sip_str value, bool before)
{
    size_t comma = *len > 0 ? 2 : 0, room = SIP_ROUTES_MAX - *len;
    char one[SIP_ROUTES_MAX];
    struct sip_buf b;

    sip_buf_init(&b, one, room > comma ? room - comma : 0);
    sip_put_value(&b, value);
    if (b.overflow)
        return -EMSGSIZE;
    if (before) {
        memmove(routes + b.len + comma, routes, *len);
        memcpy(routes, one, b.len);
        memcpy(routes + b.len, ", ", comma);
    } else {
        memcpy(routes + *len, ", ", comma);
        memcpy(routes + *len + comma, one, b.len);
    }
    *len += comma + b.len;
    return 0;
}

/* The route set: the UAS takes Record-Route in order (12.1.1), the UAC reversed (12.1.2). */
static int keep_routes(struct draft *x, const struct sip_msg *m, bool reversed)
{
    struct sip_values it = sip_values(m, SIP_H_RECORD_ROUTE);
    char *routes = x->bytes + x->len;
    struct sip_party party;
    struct sip_str value;
    size_t len = 0;
    int r = 0;

    while (r == 0 && sip_values_next(&it, &value)) {
        if (sip_party_parse(value, &party) < 0)
            r = -EINVAL;
        else
            r = keep_route(routes, &len, value, reversed);
    }
    x->text[SIP_DIALOG_ROUTES] = (struct sip_str){routes, len};
    x->len += len;
    return r;
}

/* ---- creation --------------------------------------------------------------- */

int sip_dialog_uac(struct sip_dialog *d, const struct sip_request *request)
{
    struct draft x;
    struct sip_uri uri;
    int r;

    draft_new(&x);
    if ((r = keep(&x, SIP_DIALOG_CALL_ID, request->call_id)) < 0 ||
        (r = keep(&x, SIP_DIALOG_LOCAL_TAG, request->from_tag)) < 0 ||
        (r = keep(&x, SIP_DIALOG_LOCAL, request->from)) < 0 ||
        (r = keep(&x, SIP_DIALOG_REMOTE, request->to)) < 0 ||
        (r = keep(&x, SIP_DIALOG_TARGET, request->uri)) < 0 ||
        (r = keep(&x, SIP_DIALOG_ROUTES, request->route)) < 0 || (r = commit(d, &x)) < 0)
        return r;
    d->state = SIP_DIALOG_NONE;
    d->is_uac = true;
    d->secure = sip_uri_parse(request->uri, &uri) == 0 && uri.scheme == SIP_SCHEME_SIPS;
    d->local_cseq = d->invite_cseq = request->cseq;
    d->remote_cseq = 0;
    d->remote_cseq_known = false;
    return 0;
}

/* The target of an INVITE: a peer of RFC 2543 may leave the Contact out, and is reached at its
 * From. */
static int keep_caller(struct draft *x, const struct sip_msg *invite)
{
    if (sip_msg_header(invite, SIP_H_CONTACT) != NULL)
        return keep_target(x, invite);
    if (invite->from.uri.scheme == SIP_SCHEME_OTHER)
        return -EINVAL;
    return keep(x, SIP_DIALOG_TARGET, invite->from.uri_text);
}

int sip_dialog_uas(struct sip_dialog *d, const struct sip_msg *invite, struct sip_str local_tag)
{
    struct draft x;
    int r;

    draft_new(&x);
    if ((r = keep(&x, SIP_DIALOG_CALL_ID, invite->call_id)) < 0 ||
        (r = keep(&x, SIP_DIALOG_LOCAL_TAG, local_tag)) < 0 ||
        (r = keep(&x, SIP_DIALOG_REMOTE_TAG, invite->from.tag)) < 0 ||
        (r = keep_party(&x, SIP_DIALOG_LOCAL, &invite->to)) < 0 ||
        (r = keep_party(&x, SIP_DIALOG_REMOTE, &invite->from)) < 0 ||
        (r = keep_caller(&x, invite)) < 0 || (r = keep_routes(&x, invite, false)) < 0 ||
        (r = commit(d, &x)) < 0)
        return r;
    d->state = SIP_DIALOG_EARLY;
    d->is_uac = false;
    d->secure = invite->uri.scheme == SIP_SCHEME_SIPS;
    d->local_cseq = d->invite_cseq = 0;
    d->remote_cseq = invite->cseq.number;
    d->remote_cseq_known = true;
    return 0;
}

bool sip_dialog_same_fork(const struct sip_dialog *d, const struct sip_msg *response)
{
    return d->state == SIP_DIALOG_NONE ||
           sip_str_eq(sip_dialog_text(d, SIP_DIALOG_REMOTE_TAG), response->to.tag);
}

int sip_dialog_answer(struct sip_dialog *d, const struct sip_msg *response)
{
    bool final = response->status >= 200;
    struct draft x;
    int r;

    assert(d->is_uac && response->status > 100 && response->status < 300);
    if (!sip_dialog_same_fork(d, response))
        return -EEXIST;
    if (d->state >= SIP_DIALOG_CONFIRMED)
        return 0; /* a repeated 2xx, or a 1xx that it overtook */
    if (!sip_str_eq(sip_dialog_text(d, SIP_DIALOG_LOCAL_TAG), response->from.tag))
        return -EINVAL;
    if (!final && sip_str_empty(response->to.tag))
        return -EINVAL; /* no dialog yet; a 2xx without tag is of an RFC 2543 peer (12.1.2) */
    draft_of(&x, d);
    if ((r = keep(&x, SIP_DIALOG_REMOTE_TAG, response->to.tag)) < 0 ||
        (r = keep_routes(&x, response, true)) < 0)
        return r;
    r = keep_target(&x, response);
    if (r == -EMSGSIZE || (r < 0 && final) || (r = commit(d, &x)) < 0)
        return r;
    d->state = final ? SIP_DIALOG_CONFIRMED : SIP_DIALOG_EARLY;
    return 0;
}

void sip_dialog_restart(struct sip_dialog *d)
{
    if (d->state != SIP_DIALOG_NONE)
        (void)sip_dialog_set(d, SIP_DIALOG_ROUTES, SIP_STR_NONE);
    (void)sip_dialog_set(d, SIP_DIALOG_REMOTE_TAG, SIP_STR_NONE);
    d->state = SIP_DIALOG_NONE;
}

void sip_dialog_fork(struct sip_dialog *fork, const struct sip_dialog *d,
                     char more[SIP_DIALOG_TEXT_MAX])
{
    uint16_t len = d->end[SIP_DIALOG_TEXTS - 1];

    *fork = *d;
    fork->more = more;
    if (len > sizeof(d->text))
        memcpy(more, d->more, len);
    sip_dialog_restart(fork);
}

void sip_dialog_confirm(struct sip_dialog *d)
{
    if (d->state < SIP_DIALOG_CONFIRMED)
        d->state = SIP_DIALOG_CONFIRMED;
}

/* ---- within the dialog ------------------------------------------------------ */

bool sip_dialog_matches(const struct sip_dialog *d, const struct sip_msg *request)
{
    return sip_str_eq(sip_dialog_text(d, SIP_DIALOG_CALL_ID), request->call_id) &&
           sip_str_eq(sip_dialog_text(d, SIP_DIALOG_LOCAL_TAG), request->to.tag) &&
           sip_str_eq(sip_dialog_text(d, SIP_DIALOG_REMOTE_TAG), request->from.tag);
}

static int refresh_target(struct sip_dialog *d, const struct sip_msg *m)
{
    struct draft x;
    int r;

    if (!sip_method_refreshes_target(m->method) || sip_msg_header(m, SIP_H_CONTACT) == NULL)
        return 0;
    draft_new(&x);
    r = keep_target(&x, m);
    return r < 0 ? r : sip_dialog_set(d, SIP_DIALOG_TARGET, x.text[SIP_DIALOG_TARGET]);
}

int sip_dialog_receive(struct sip_dialog *d, const struct sip_msg *request)
{
    int r;

    if (request->method == SIP_ACK || request->method == SIP_CANCEL)
        return 0;
    if (d->remote_cseq_known && request->cseq.number < d->remote_cseq)
        return -ESTALE;
    if (d->remote_cseq_known && request->cseq.number == d->remote_cseq)
        return -EALREADY;
    r = refresh_target(d, request);
    if (r < 0)
        return r;
    d->remote_cseq = request->cseq.number;
    d->remote_cseq_known = true;
    return 0;
}

int sip_dialog_response(struct sip_dialog *d, const struct sip_msg *response)
{
    if (response->status == 408 || response->status == 481)
        d->state = SIP_DIALOG_TERMINATED;
    return response->status / 100 == 2 ? refresh_target(d, response) : 0;
}

/* The first route of the set; false when the set is empty.  *ret_rest is what follows it. */
static bool first_route(const struct sip_dialog *d, struct sip_party *ret_route,
                        struct sip_str *ret_rest)
{
    struct sip_str rest = sip_dialog_text(d, SIP_DIALOG_ROUTES), value;

    if (!sip_list_next(&rest, &value))
        return false;
    (void)sip_party_parse(value, ret_route); /* it parsed when it was kept */
    *ret_rest = sip_str_trim(rest);
    return true;
}

void sip_dialog_request(struct sip_dialog *d, enum sip_method method,
                        struct sip_request *ret_request)
{
    struct sip_party route = {0};
    struct sip_str rest = SIP_STR_NONE, lr;

    assert(method != SIP_CANCEL && method != SIP_METHOD_OTHER);
    if (method != SIP_ACK)
        d->local_cseq++;
    if (method == SIP_INVITE)
        d->invite_cseq = d->local_cseq;
    *ret_request = (struct sip_request){
        .method = method,
        .uri = sip_dialog_text(d, SIP_DIALOG_TARGET),
        .from = sip_dialog_text(d, SIP_DIALOG_LOCAL),
        .from_tag = sip_dialog_text(d, SIP_DIALOG_LOCAL_TAG),
        .to = sip_dialog_text(d, SIP_DIALOG_REMOTE),
        .to_tag = sip_dialog_text(d, SIP_DIALOG_REMOTE_TAG),
        .call_id = sip_dialog_text(d, SIP_DIALOG_CALL_ID),
        .cseq = method == SIP_ACK ? d->invite_cseq : d->local_cseq,
    };
    if (!first_route(d, &route, &rest))
        return;
    if (sip_param_get(route.uri.params, "lr", &lr)) {
        ret_request->route = sip_dialog_text(d, SIP_DIALOG_ROUTES);
        return;
    }
    /* A strict router wants to see itself in the Request-URI, and the target at the end (12.2.1.1).
     */
    ret_request->uri = route.uri_text;
    if (!sip_str_empty(route.uri.headers))
        ret_request->uri.len = (size_t)(route.uri.headers.p - 1 - route.uri_text.p);
    ret_request->route = rest;
    ret_request->route_last = sip_dialog_text(d, SIP_DIALOG_TARGET);
}

int sip_dialog_next_hop(const struct sip_dialog *d, struct sip_uri *ret_uri)
{
    struct sip_party route = {0};
    struct sip_str rest;

    if (first_route(d, &route, &rest)) {
        *ret_uri = route.uri;
        return 0;
    }
    return sip_uri_parse(sip_dialog_text(d, SIP_DIALOG_TARGET), ret_uri);
}
