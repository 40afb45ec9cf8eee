#include "sipserver/sip/dialog.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* ---- the parts: arrays with a length ---------------------------------------- */

/* Copy S without its folds into a part of the record.  -EMSGSIZE leaves *ret_len alone. */
static int keep(char *to, size_t size, uint16_t *ret_len, struct sip_str s)
{
    struct sip_buf b;

    sip_buf_init(&b, to, size);
    sip_put_value(&b, s);
    if (b.overflow)
        return -EMSGSIZE;
    *ret_len = (uint16_t)b.len;
    return 0;
}

#define KEEP(d, part, s) keep((d)->part, sizeof((d)->part), &(d)->part##_len, s)
#define PART(d, part)    ((struct sip_str){(d)->part, (d)->part##_len})

/* From or To without its tag.  What makes it too long is left out, and identifies nobody: the
 * display name, parameters and headers of the URI. */
static int keep_party(char *to, size_t size, uint16_t *ret_len, const struct sip_party *party)
{
    struct sip_str uri = party->uri_text;
    struct sip_buf b;

    if (keep(to, size, ret_len, party->bare) == 0)
        return 0;
    if (!sip_str_empty(party->uri.params))
        uri.len = (size_t)(party->uri.params.p - uri.p);
    sip_buf_init(&b, to, size);
    sip_put(&b, SIP_STR("<"));
    sip_put(&b, uri);
    sip_put(&b, SIP_STR(">"));
    if (b.overflow)
        return -EMSGSIZE;
    *ret_len = (uint16_t)b.len;
    return 0;
}

#define KEEP_PARTY(d, part, party) keep_party((d)->part, sizeof((d)->part), &(d)->part##_len, party)

/* The remote target out of a Contact: its URI without "?headers", which a Request-URI cannot have
 * (19.1.1). */
static int keep_target(struct sip_dialog *d, const struct sip_msg *m)
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
    return KEEP(d, target, value);
}

/* One more Record-Route value behind or before those in B. */
static int keep_route(struct sip_dialog *d, struct sip_str value, bool before)
{
    size_t comma = d->routes_len > 0 ? 2 : 0;
    char one[SIP_ROUTES_MAX];
    uint16_t len;

    if (keep(one, sizeof(one), &len, value) < 0 || d->routes_len + comma + len > sizeof(d->routes))
        return -EMSGSIZE;
    if (before) {
        memmove(d->routes + len + comma, d->routes, d->routes_len);
        memcpy(d->routes, one, len);
        memcpy(d->routes + len, ", ", comma);
    } else {
        memcpy(d->routes + d->routes_len, ", ", comma);
        memcpy(d->routes + d->routes_len + comma, one, len);
    }
    d->routes_len = (uint16_t)(d->routes_len + comma + len);
    return 0;
}

/* The route set: the UAS takes Record-Route in order (12.1.1), the UAC reversed (12.1.2). */
static int keep_routes(struct sip_dialog *d, const struct sip_msg *m, bool reversed)
{
    struct sip_values it = sip_values(m, SIP_H_RECORD_ROUTE);
    struct sip_party party;
    struct sip_str value;
    int r = 0;

    d->routes_len = 0;
    while (r == 0 && sip_values_next(&it, &value)) {
        if (sip_party_parse(value, &party) < 0)
            r = -EINVAL;
        else
            r = keep_route(d, value, reversed);
    }
    return r;
}

/* ---- creation --------------------------------------------------------------- */

int sip_dialog_uac(struct sip_dialog *d, const struct sip_request *request)
{
    struct sip_dialog n = {.state = SIP_DIALOG_NONE, .is_uac = true};
    struct sip_uri uri;
    int r;

    n.local_cseq = n.invite_cseq = request->cseq;
    n.secure = sip_uri_parse(request->uri, &uri) == 0 && uri.scheme == SIP_SCHEME_SIPS;
    if ((r = KEEP(&n, call_id, request->call_id)) < 0 ||
        (r = KEEP(&n, local_tag, request->from_tag)) < 0 ||
        (r = KEEP(&n, local, request->from)) < 0 || (r = KEEP(&n, remote, request->to)) < 0 ||
        (r = KEEP(&n, target, request->uri)) < 0 || (r = KEEP(&n, routes, request->route)) < 0)
        return r;
    *d = n;
    return 0;
}

/* The target of an INVITE: a peer of RFC 2543 may leave the Contact out, and is reached at its
 * From. */
static int keep_caller(struct sip_dialog *d, const struct sip_msg *invite)
{
    if (sip_msg_header(invite, SIP_H_CONTACT) != NULL)
        return keep_target(d, invite);
    if (invite->from.uri.scheme == SIP_SCHEME_OTHER)
        return -EINVAL;
    return KEEP(d, target, invite->from.uri_text);
}

int sip_dialog_uas(struct sip_dialog *d, const struct sip_msg *invite, struct sip_str local_tag)
{
    struct sip_dialog n = {.state = SIP_DIALOG_EARLY, .remote_cseq_known = true};
    int r;

    n.remote_cseq = invite->cseq.number;
    n.secure = invite->uri.scheme == SIP_SCHEME_SIPS;
    if ((r = KEEP(&n, call_id, invite->call_id)) < 0 || (r = KEEP(&n, local_tag, local_tag)) < 0 ||
        (r = KEEP(&n, remote_tag, invite->from.tag)) < 0 ||
        (r = KEEP_PARTY(&n, local, &invite->to)) < 0 ||
        (r = KEEP_PARTY(&n, remote, &invite->from)) < 0 || (r = keep_caller(&n, invite)) < 0 ||
        (r = keep_routes(&n, invite, false)) < 0)
        return r;
    *d = n;
    return 0;
}

bool sip_dialog_same_fork(const struct sip_dialog *d, const struct sip_msg *response)
{
    return d->state == SIP_DIALOG_NONE || sip_str_eq(PART(d, remote_tag), response->to.tag);
}

int sip_dialog_answer(struct sip_dialog *d, const struct sip_msg *response)
{
    struct sip_dialog n = *d;
    bool final = response->status >= 200;
    int r;

    assert(d->is_uac && response->status > 100 && response->status < 300);
    if (!sip_dialog_same_fork(d, response))
        return -EEXIST;
    if (d->state >= SIP_DIALOG_CONFIRMED)
        return 0; /* a repeated 2xx, or a 1xx that it overtook */
    if (!sip_str_eq(PART(d, local_tag), response->from.tag))
        return -EINVAL;
    if (!final && sip_str_empty(response->to.tag))
        return -EINVAL; /* no dialog yet; a 2xx without tag is of an RFC 2543 peer (12.1.2) */
    if ((r = KEEP(&n, remote_tag, response->to.tag)) < 0 ||
        (r = keep_routes(&n, response, true)) < 0)
        return r;
    r = keep_target(&n, response);
    if (r == -EMSGSIZE || (r < 0 && final))
        return r;
    n.state = final ? SIP_DIALOG_CONFIRMED : SIP_DIALOG_EARLY;
    *d = n;
    return 0;
}

void sip_dialog_confirm(struct sip_dialog *d)
{
    if (d->state < SIP_DIALOG_CONFIRMED)
        d->state = SIP_DIALOG_CONFIRMED;
}

/* ---- within the dialog ------------------------------------------------------ */

bool sip_dialog_matches(const struct sip_dialog *d, const struct sip_msg *request)
{
    return sip_str_eq(PART(d, call_id), request->call_id) &&
           sip_str_eq(PART(d, local_tag), request->to.tag) &&
           sip_str_eq(PART(d, remote_tag), request->from.tag);
}

static int refresh_target(struct sip_dialog *d, const struct sip_msg *m)
{
    if (!sip_method_refreshes_target(m->method) || sip_msg_header(m, SIP_H_CONTACT) == NULL)
        return 0;
    return keep_target(d, m);
}

int sip_dialog_receive(struct sip_dialog *d, const struct sip_msg *request)
{
    struct sip_dialog n = *d;
    int r;

    if (request->method == SIP_ACK || request->method == SIP_CANCEL)
        return 0;
    if (d->remote_cseq_known && request->cseq.number < d->remote_cseq)
        return -ESTALE;
    if (d->remote_cseq_known && request->cseq.number == d->remote_cseq)
        return -EALREADY;
    n.remote_cseq = request->cseq.number;
    n.remote_cseq_known = true;
    r = refresh_target(&n, request);
    if (r == 0)
        *d = n;
    return r;
}

int sip_dialog_response(struct sip_dialog *d, const struct sip_msg *response)
{
    struct sip_dialog n = *d;
    int r;

    if (response->status == 408 || response->status == 481) {
        d->state = SIP_DIALOG_TERMINATED;
        return 0;
    }
    if (response->status / 100 != 2)
        return 0;
    r = refresh_target(&n, response);
    if (r == 0)
        *d = n;
    return r;
}

/* The first route of the set; false when the set is empty.  *ret_rest is what follows it. */
static bool first_route(const struct sip_dialog *d, struct sip_party *ret_route,
                        struct sip_str *ret_rest)
{
    struct sip_str rest = PART(d, routes), value;

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
        .uri = PART(d, target),
        .from = PART(d, local),
        .from_tag = PART(d, local_tag),
        .to = PART(d, remote),
        .to_tag = PART(d, remote_tag),
        .call_id = PART(d, call_id),
        .cseq = method == SIP_ACK ? d->invite_cseq : d->local_cseq,
    };
    if (!first_route(d, &route, &rest))
        return;
    if (sip_param_get(route.uri.params, "lr", &lr)) {
        ret_request->route = PART(d, routes);
        return;
    }
    /* A strict router wants to see itself in the Request-URI, and the target at the end (12.2.1.1).
     */
    ret_request->uri = route.uri_text;
    if (!sip_str_empty(route.uri.headers))
        ret_request->uri.len = (size_t)(route.uri.headers.p - 1 - route.uri_text.p);
    ret_request->route = rest;
    ret_request->route_last = PART(d, target);
}

int sip_dialog_next_hop(const struct sip_dialog *d, struct sip_uri *ret_uri)
{
    struct sip_party route = {0};
    struct sip_str rest;

    if (first_route(d, &route, &rest)) {
        *ret_uri = route.uri;
        return 0;
    }
    return sip_uri_parse(PART(d, target), ret_uri);
}
