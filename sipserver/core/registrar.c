#include "sipserver/core/registrar.h"

#include <string.h>

#include "sipserver/core/answer.h"
#include "sipserver/core/auth.h"
#include "sipserver/core/binding.h"
#include "sipserver/core/dn.h"

/* What one Contact of a REGISTER asks for. */
struct wish {
    struct binding_name name;
    uint32_t expires_s;
    uint16_t q;
};

/* What a REGISTER asks for. */
struct wishes {
    struct wish contact[SC_CONTACTS_MAX];
    unsigned n;
    bool star;
    bool outbound; /* RFC 5626 is applied */
    struct sip_str path;
    char path_text[SC_PATH_SIZE];
    struct sip_addr source; /* where requests for the phone go */
};

/* A REGISTER is refused with STATUS, counted as WHY. */
struct refusal {
    unsigned status;
    enum core_count why;
};

static const struct refusal granted = {0, CORE_COUNTS};

static struct refusal refusal(unsigned status, enum core_count why)
{
    return (struct refusal){status, why};
}

static bool supports(const struct sip_msg *m, struct sip_str option)
{
    return sip_msg_has_token(m, SIP_H_SUPPORTED, option) ||
           sip_msg_has_token(m, SIP_H_REQUIRE, option);
}

/* ---- Path (RFC 3327) ---- */

/* The last value is of the proxy next to the phone; ";ob" says that it knows outbound. */
static bool first_hop_has_outbound(const struct wishes *w)
{
    struct sip_str rest = w->path, one, unused;
    struct sip_party party;
    bool ob = false;

    while (sip_list_next(&rest, &one))
        ob = sip_party_parse(one, &party) == 0 && sip_param_get(party.uri.params, "ob", &unused);
    return ob;
}

/* Requests go to the proxy that the REGISTER came from: by its connection, or, since it outlives
 * those, to the port that it names.  Never to another host: a Path is only what somebody wrote. */
static void find_proxy(struct wishes *w, const struct sip_party *first)
{
    struct sip_addr addr;

    if (sip_uri_addr(&first->uri, &addr) != 0 || !sip_addr_same_host(&addr, &w->source))
        return;
    addr.local = w->source.local;
    w->source = addr;
}

static struct refusal read_path(const struct sc *sc, const struct sip_msg *m, struct wishes *w)
{
    struct sip_values it = sip_values(m, SIP_H_PATH);
    struct sip_party party;
    struct sip_str one, unused;
    struct sip_buf b;

    sip_buf_init(&b, w->path_text, sizeof(w->path_text));
    while (sip_values_next(&it, &one)) {
        if (sip_party_parse(one, &party) != 0 ||
            (party.uri.scheme != SIP_SCHEME_SIP && party.uri.scheme != SIP_SCHEME_SIPS) ||
            !sip_param_get(party.uri.params, "lr", &unused))
            return refusal(400, N_BAD_REGISTER);
        if (b.len == 0)
            find_proxy(w, &party);
        sip_put_text(&b, b.len > 0 ? ", " : "");
        sip_put_value(&b, one);
    }
    if (b.overflow)
        return refusal(513, N_BAD_REGISTER);
    w->path = sip_buf_str(&b);
    if (!sip_str_empty(w->path) && sc->options.path_strict && !supports(m, SIP_STR("path")))
        return refusal(420, N_EXTENSION); /* RFC 3327 5.3 */
    return granted;
}

/* ---- Contact ---- */

/* Its lifetime: the expires parameter, else the Expires header, else the longest (RFC 3261 10.3,
 * step 7). */
static uint32_t wished_expires(const struct sc *sc, const struct sip_msg *m,
                               const struct sip_party *party)
{
    uint32_t seconds = sc->options.registration_expires_max_s;
    struct sip_str value;

    if (sip_param_get(party->params, "expires", &value)) {
        if (sip_number_parse(value, UINT32_MAX, &seconds) != 0)
            seconds = sc->options.registration_expires_max_s;
    } else if (sip_msg_number(m, SIP_H_EXPIRES, &seconds) != 0) {
        seconds = sc->options.registration_expires_max_s;
    }
    return seconds > sc->options.registration_expires_max_s ? sc->options.registration_expires_max_s
                                                            : seconds;
}

static bool read_q_of(const struct sip_party *party, uint16_t *ret_q)
{
    struct sip_str value;

    *ret_q = SC_Q_NONE;
    return !sip_param_get(party->params, "q", &value) || sip_q_parse(value, ret_q) == 0;
}

/* The name of the binding by RFC 5626 6: instance and reg-id count together, and only for a phone
 * that says that it knows outbound.  Without it a longer instance than ours is none. */
static bool read_name(const struct sip_msg *m, const struct sip_party *party,
                      struct binding_name *name)
{
    struct sip_str value;

    name->text = party->uri_text;
    name->uri = party->uri;
    if (!sip_str_empty(name->uri.headers)) { /* a Request-URI has none (RFC 3261 19.1.1) */
        name->text.len = (size_t)(name->uri.headers.p - 1 - name->text.p);
        name->uri.headers = SIP_STR_NONE;
    }
    name->instance = SIP_STR_NONE;
    name->reg_id = 0;
    if (sip_param_get(party->params, "+sip.instance", &value))
        name->instance = value;
    if (!sip_str_empty(name->instance) && sip_param_get(party->params, "reg-id", &value) &&
        supports(m, SIP_STR("outbound")) &&
        (sip_number_parse(value, INT32_MAX, &name->reg_id) != 0 || name->reg_id == 0 ||
         name->instance.len >= SC_INSTANCE_SIZE))
        return false;
    if (name->instance.len >= SC_INSTANCE_SIZE)
        name->instance = SIP_STR_NONE;
    return true;
}

static struct refusal read_contact(const struct sc *sc, const struct sip_msg *m, struct sip_str one,
                                   struct wishes *w)
{
    struct wish *wish = &w->contact[w->n];
    struct sip_party party;

    if (w->n == SC_CONTACTS_MAX)
        return refusal(403, N_REGISTRATIONS_FULL);
    if (sip_party_parse(one, &party) != 0)
        return refusal(400, N_BAD_REGISTER);
    w->n++;
    if (party.star) {
        w->star = true;
        return granted;
    }
    if (party.uri.scheme != SIP_SCHEME_SIP || party.uri_text.len >= SIP_URI_MAX ||
        !read_q_of(&party, &wish->q) || !read_name(m, &party, &wish->name))
        return refusal(400, N_BAD_REGISTER);
    wish->expires_s = wished_expires(sc, m, &party);
    if (wish->expires_s != 0 && wish->expires_s < sc->options.registration_expires_min_s)
        return refusal(423, CORE_COUNTS);
    w->outbound |= wish->name.reg_id != 0;
    return granted;
}

static struct refusal read_wishes(const struct sc *sc, const struct sip_event *event,
                                  struct wishes *w)
{
    const struct sip_msg *m = event->msg;
    struct sip_values it = sip_values(m, SIP_H_CONTACT);
    struct refusal r;
    struct sip_str one;
    uint32_t expires;
    unsigned added = 0;

    w->n = 0;
    w->star = w->outbound = false;
    w->source = event->src;
    r = read_path(sc, m, w);
    while (r.status == 0 && sip_values_next(&it, &one))
        r = read_contact(sc, m, one, w);
    if (r.status != 0)
        return r;
    if (w->star && (w->n != 1 || sip_msg_number(m, SIP_H_EXPIRES, &expires) != 0 || expires != 0))
        return refusal(400, N_BAD_REGISTER); /* RFC 3261 10.3, step 6 */
    for (unsigned i = 0; i < w->n && !w->star; i++)
        added += w->contact[i].expires_s != 0;
    if (w->outbound && added > 1)
        return refusal(400, N_BAD_REGISTER); /* RFC 5626 6 */
    if (w->outbound && binding_behind_proxy(event) && !first_hop_has_outbound(w))
        return refusal(439, N_NO_OUTBOUND); /* RFC 5626 6, 11.6 */
    return granted;
}

/* ---- bindings ---- */

/* RFC 3261 10.3, step 7: an older request of the same registration changes nothing. */
static bool out_of_order(const struct sc *sc, const struct dn *d, const struct sip_msg *m)
{
    uint64_t id = binding_call_id(sc, m);

    LIST_EACH(link, &d->bindings)
    {
        const struct binding *b = CONTAINER_OF(link, struct binding, in_dn);

        if (b->call_id == id && m->cseq.number < b->cseq)
            return true;
    }
    return false;
}

/* Whether there is room for all that W asks for: a REGISTER is done as a whole or not at all
 * (RFC 3261 10.3, step 7). */
static struct refusal room_for(const struct sc *sc, const struct dn *d, const struct wishes *w)
{
    uint32_t more = 0, fewer = d->lost_n; /* those may be given up */

    for (unsigned i = 0; i < w->n; i++) {
        const struct wish *wish = &w->contact[i];
        const struct binding *b = binding_find(d, &wish->name);

        more += b == NULL && wish->expires_s != 0;
        fewer += b != NULL && b->lost.ns == 0 && wish->expires_s == 0;
        fewer -= b != NULL && b->lost.ns != 0 && wish->expires_s != 0 && fewer > 0;
    }
    if (d->bindings_n + more > sc->options.contacts_max + fewer)
        return refusal(403, N_REGISTRATIONS_FULL);
    if (more > sc->bindings.count - sc->bindings.used + fewer)
        return refusal(503, N_REGISTRATIONS_FULL);
    return granted;
}

/* A phone whose connection was lost is here again by another: its calls go on over that one (H-7).
 * Calls of one phone are few, phones that come back with a call up are few: all legs are looked at.
 */
static void move_legs(struct sc *sc, const struct dn *d, const struct sip_addr *from,
                      const struct sip_addr *to)
{
    if (d->legs == 0)
        return;
    for (struct leg *l = pool_next(&sc->legs, NULL); l != NULL; l = pool_next(&sc->legs, l))
        if (l->by_flow && pool_get(&sc->dns, l->dn) == d && sip_addr_eq(&l->peer, from)) {
            pool_touch(&sc->legs, l);
            l->peer = *to;
        }
}

/* The lost binding that phone WISH has left behind: of the same instance, or of the same host where
 * neither has one. */
static struct binding *left_behind(const struct dn *d, const struct wish *wish,
                                   const struct sip_addr *source)
{
    LIST_EACH(link, &d->bindings)
    {
        struct binding *b = CONTAINER_OF(link, struct binding, in_dn);

        if (b->lost.ns == 0 || !sip_str_eq(sip_str_of(b->instance), wish->name.instance) ||
            (b->instance[0] == '\0' && !sip_addr_same_host(&b->source, source)))
            continue;
        return b;
    }
    return NULL;
}

static struct binding *begin(struct sc *sc, struct dn *d, const struct wish *wish,
                             const struct sip_addr *source)
{
    struct binding *before = left_behind(d, wish, source);

    if (before != NULL)
        return before;
    if (d->bindings_n >= sc->options.contacts_max || sc->bindings.used == sc->bindings.count)
        return binding_lost(d); /* room_for has counted on it */
    return binding_new(sc, d);
}

static void apply(struct sc *sc, struct dn *d, const struct sip_msg *m, const struct wishes *w,
                  const struct wish *wish)
{
    struct binding *b = binding_find(d, &wish->name);

    if (wish->expires_s == 0) {
        if (b != NULL)
            binding_drop(sc, d, b, "phone unregistered");
        return;
    }
    if (b == NULL)
        b = begin(sc, d, wish, &w->source);
    if (b == NULL)
        return; /* the same Contact twice in one request */
    (void)sip_str_copy(wish->name.text, b->contact, sizeof(b->contact));
    (void)sip_str_copy(wish->name.instance, b->instance, sizeof(b->instance));
    b->reg_id = wish->name.reg_id;
    b->q = wish->q;
    if (b->source.family != SIP_NO_ADDR && sip_addr_reliable(&b->source) &&
        (!sip_addr_eq(&b->source, &w->source) || b->source.flow != w->source.flow))
        move_legs(sc, d, &b->source, &w->source);
    b->call_id = binding_call_id(sc, m);
    b->cseq = m->cseq.number;
    binding_set_path(sc, b, w->path);
    binding_set(sc, b, &w->source, mono_add_ms(sc->now, (int64_t)wish->expires_s * 1000));
    dn_set_service(sc, d, true, "registered");
}

static void apply_all(struct sc *sc, struct dn *d, const struct sip_msg *m, const struct wishes *w)
{
    if (w->star) {
        bindings_drop_all(sc, d, "phone unregistered");
        return;
    }
    for (unsigned pass = 0; pass < 2; pass++) /* first those that go: they make room */
        for (unsigned i = 0; i < w->n; i++)
            if ((w->contact[i].expires_s != 0) == (pass == 1))
                apply(sc, d, m, w, &w->contact[i]);
}

/* ---- answers ---- */

static void put_q(struct sip_buf *b, uint16_t q)
{
    char digits[3] = {(char)('0' + q / 100 % 10), (char)('0' + q / 10 % 10), (char)('0' + q % 10)};

    sip_put_text(b, q >= 1000 ? ";q=1" : ";q=0.");
    if (q < 1000)
        sip_put(b, (struct sip_str){digits, sizeof(digits)});
}

static void put_binding(const struct sc *sc, const struct binding *binding, struct sip_buf *b)
{
    sip_put_text(b, "<");
    sip_put_text(b, binding->contact);
    sip_put_text(b, ">;expires=");
    sip_put_number(b, (uint64_t)((mono_diff_ms(binding->expires, sc->now) + 999) / 1000));
    if (binding->q != SC_Q_NONE)
        put_q(b, binding->q);
    if (binding->instance[0] != '\0') {
        sip_put_text(b, ";+sip.instance=\"");
        sip_put_text(b, binding->instance);
        sip_put_text(b, "\"");
    }
    if (binding->reg_id != 0) {
        sip_put_text(b, ";reg-id=");
        sip_put_number(b, binding->reg_id);
    }
}

static struct sip_extra *add(struct sip_reply *reply, struct sip_extra *extras,
                             enum sip_header_id id, struct sip_str value)
{
    extras[reply->extras_n] = (struct sip_extra){.id = id, .value = value};
    return &extras[reply->extras_n++];
}

/* 200 with what is registered now; with Path as it came (RFC 3327 5.3); with Require: outbound when
 * that was done (RFC 5626 6), and over connections how often to show life (RFC 5626 4.4). */
static void confirm(struct sc *sc, const struct sip_event *event, const struct dn *d,
                    const struct wishes *w)
{
    struct sip_extra extras[SC_CONTACTS_MAX + 4];
    char text[SC_CONTACTS_MAX * (SIP_URI_MAX + SC_INSTANCE_SIZE + 80)], seconds[12];
    struct sip_buf b, n;
    struct sip_reply reply = {.status = 200, .extras = extras};

    sip_buf_init(&b, text, sizeof(text));
    LIST_EACH(link, &d->bindings)
    {
        size_t from = b.len;

        put_binding(sc, CONTAINER_OF(link, struct binding, in_dn), &b);
        (void)add(&reply, extras, SIP_H_CONTACT, (struct sip_str){text + from, b.len - from});
    }
    if (!sip_str_empty(w->path))
        (void)add(&reply, extras, SIP_H_PATH, w->path);
    if (w->outbound) {
        (void)add(&reply, extras, SIP_H_REQUIRE, SIP_STR("outbound"));
        if (sip_addr_reliable(&event->src) && event->src.flow == w->source.flow) {
            sip_buf_init(&n, seconds, sizeof(seconds));
            sip_put_number(&n, sc->options.flow_timer_s);
            (void)add(&reply, extras, SIP_H_FLOW_TIMER, sip_buf_str(&n));
        }
    }
    sc->counts[N_REGISTERS]++;
    if (sip_reply(sc->sip, sc->now, event, &reply, &sc->out->sip) != 0)
        sc->counts[N_UNSENDABLE]++;
}

static void refuse(struct sc *sc, const struct sip_event *event, struct refusal r)
{
    char seconds[12];
    struct sip_buf b;
    struct sip_extra extra = {.id = SIP_H_MIN_EXPIRES};
    struct sip_reply reply = {.status = r.status, .extras = &extra, .extras_n = 1};

    switch (r.status) {
    case 503: answer_busy(sc, event, r.why); return;
    case 423:
        sip_buf_init(&b, seconds, sizeof(seconds));
        sip_put_number(&b, sc->options.registration_expires_min_s);
        extra.value = sip_buf_str(&b);
        break;
    case 420:
        extra.id = SIP_H_UNSUPPORTED;
        extra.value = SIP_STR("path");
        break;
    default: answer_status(sc, event, r.status, r.why); return;
    }
    if (r.why != CORE_COUNTS)
        sc->counts[r.why]++;
    (void)sip_reply(sc->sip, sc->now, event, &reply, &sc->out->sip);
}

/* Only a phone itself registers it (RFC 3261 10.2: From and To are the same then). */
static bool third_party(const struct sip_msg *m)
{
    char from[SC_NAME_SIZE], to[SC_NAME_SIZE];

    return m->from.uri.scheme == SIP_SCHEME_OTHER || !number_of_uri(&m->from.uri, from) ||
           !number_of_uri(&m->to.uri, to) || !text_eq(from, to);
}

void registrar_request(struct sc *sc, const struct sip_event *event)
{
    const struct sip_msg *m = event->msg;
    struct dn *d = dn_of_uri(sc, &m->to.uri); /* RFC 3261 10.3, step 5 */
    struct wishes w;
    struct refusal r;
    enum auth auth;

    if (m->to.uri.scheme == SIP_SCHEME_OTHER) { /* RFC 4475 3.3.4 */
        answer_status(sc, event, 400, N_NOT_FOUND);
        return;
    }
    if (d != NULL && d->type != SC_DN_EXTENSION)
        d = NULL;
    if (answer_extension(sc, event))
        return;
    auth = auth_check(sc, event, d);
    if (auth == AUTH_NO)
        return;
    if (third_party(m)) {
        answer_status(sc, event, 403, N_THIRD_PARTY);
        return;
    }
    r = read_wishes(sc, event, &w);
    if (r.status == 0 && out_of_order(sc, d, m))
        r = refusal(500, CORE_COUNTS);
    if (r.status == 0 && !w.star && auth == AUTH_YES)
        r = room_for(sc, d, &w);
    if (r.status != 0) {
        refuse(sc, event, r);
        return;
    }
    if (auth == AUTH_YES)
        apply_all(sc, d, m, &w);
    confirm(sc, event, d, &w);
}
