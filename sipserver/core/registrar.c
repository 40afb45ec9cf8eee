#include "sipserver/core/registrar.h"

#include <errno.h>
#include <string.h>

#include "sipserver/core/answer.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/report.h"

/* ---- digest ---- */

static void challenge(struct sc *sc, const struct sip_event *event, const struct dn *d, bool stale)
{
    /* One challenge only: phones of today give up when one of several names an algorithm that they
     * do not have. */
    bool md5 = d == NULL || d->ha1.md5[0] != '\0';
    char value[512];
    struct sip_buf b;
    struct sip_extra extra = {.id = SIP_H_WWW_AUTHENTICATE};
    struct sip_reply reply = {.status = 401, .extras = &extra, .extras_n = 1};

    sip_buf_init(&b, value, sizeof(value));
    sip_digest_challenge(&sc->digest, wall_s(sc), &event->src, sip_str_of(sc->options.realm),
                         md5 ? SIP_MD5 : SIP_SHA256, stale, &b);
    extra.value = sip_buf_str(&b);
    sc->counts[N_CHALLENGED]++;
    (void)sip_reply_once(sc->sip, event, &reply, &sc->out->sip);
}

/* Credentials P for the account of D.  Without that account they are judged all the same, so that
 * the answers do not tell which numbers there are. */
static enum sip_digest_result judge(const struct sc *sc, const struct sip_event *event,
                                    const struct dn *d, const struct sip_digest_params *p)
{
    static const struct sip_ha1 nobody;
    bool theirs = d != NULL && sip_str_eq(p->username, sip_str_of(d->digest_user));

    return sip_digest_verify(&sc->digest, wall_s(sc), &event->src, p, event->msg,
                             theirs ? &d->ha1 : &nobody);
}

static void wrong_password(struct sc *sc, const struct sip_event *event, struct sip_str number)
{
    const struct sc_options *o = &sc->options;
    struct guard_limits limits = {o->lockout_refusals, o->lockout_window_ms, o->lockout_time_ms};

    if (guard_refused(&sc->guard, sc->now, &limits, &event->src, number))
        sc->counts[N_LOCKOUTS]++;
    answer_status(sc, event, 403, N_FORBIDDEN);
}

bool auth_check(struct sc *sc, const struct sip_event *event, const struct dn *d)
{
    struct sip_str number = d != NULL ? sip_str_of(d->number) : SIP_STR_NONE;
    struct sip_digest_params p;
    enum sip_digest_result result =
        sip_digest_find(event->msg, SIP_H_AUTHORIZATION, sip_str_of(sc->options.realm), &p);

    if (result == SIP_DIGEST_OK) {
        if (guard_locked(&sc->guard, sc->now, &event->src, number)) {
            answer_status(sc, event, 403, N_LOCKED_OUT); /* as for a wrong password */
            return false;
        }
        result = judge(sc, event, d, &p);
    }
    switch (result) {
    case SIP_DIGEST_OK: return true;
    case SIP_DIGEST_ABSENT:
    case SIP_DIGEST_BAD_NONCE: challenge(sc, event, d, false); return false;
    case SIP_DIGEST_STALE: challenge(sc, event, d, true); return false;
    case SIP_DIGEST_WRONG: wrong_password(sc, event, number); return false;
    case SIP_DIGEST_MALFORMED: break;
    }
    answer_status(sc, event, 400, N_FORBIDDEN);
    return false;
}

/* ---- bindings ---- */

const struct binding *registrar_nth(const struct dn *d, unsigned n)
{
    struct list_link *link = list_first(&d->bindings);

    while (link != NULL && n-- > 0)
        link = list_next(&d->bindings, link);
    return link != NULL ? CONTAINER_OF(link, struct binding, in_dn) : NULL;
}

static void drop(struct sc *sc, struct dn *d, struct binding *b, const char *reason)
{
    disarm(sc, &b->expiry);
    list_remove(&b->in_dn);
    pool_put(&sc->bindings, b);
    d->bindings_n--;
    if (d->bindings_n == 0)
        dn_set_service(sc, d, false, reason);
}

void registrar_expired(struct sc *sc, struct binding *b)
{
    drop(sc, pool_get(&sc->dns, b->dn), b, "registration expired");
}

void registrar_forget(struct sc *sc, struct dn *d, const char *reason)
{
    struct list_link *link;

    while ((link = list_first(&d->bindings)) != NULL)
        drop(sc, d, CONTAINER_OF(link, struct binding, in_dn), reason);
}

static struct binding *find(const struct dn *d, const struct sip_uri *uri)
{
    LIST_EACH(link, &d->bindings)
    {
        struct binding *b = CONTAINER_OF(link, struct binding, in_dn);
        struct sip_uri other;

        if (sip_uri_parse(sip_str_of(b->contact), &other) == 0 && sip_uri_eq(uri, &other))
            return b;
    }
    return NULL;
}

static uint64_t call_id_hash(const struct sc *sc, const struct sip_msg *m)
{
    return siphash24(sc->conf.secret, m->call_id.p, m->call_id.len);
}

/* What one Contact of a REGISTER asks for. */
struct wish {
    struct sip_party party;
    uint32_t expires_s;
};

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

/* All Contacts of M.  Returns: 0; else the status that refuses the REGISTER. */
static unsigned read_wishes(const struct sc *sc, const struct sip_msg *m, struct wish *wishes,
                            unsigned *ret_n, bool *ret_star)
{
    struct sip_values it = sip_values(m, SIP_H_CONTACT);
    struct sip_str one;
    unsigned n = 0;
    uint32_t expires;

    *ret_star = false;
    while (sip_values_next(&it, &one)) {
        struct wish *w = &wishes[n];

        if (n == SC_CONTACTS_MAX)
            return 403;
        if (sip_party_parse(one, &w->party) != 0)
            return 400;
        if (w->party.star) {
            *ret_star = true;
            n++;
            continue;
        }
        if (w->party.uri.scheme != SIP_SCHEME_SIP || w->party.uri_text.len >= SIP_URI_MAX)
            return 400;
        w->expires_s = wished_expires(sc, m, &w->party);
        if (w->expires_s != 0 && w->expires_s < sc->options.registration_expires_min_s)
            return 423;
        n++;
    }
    if (*ret_star && (n != 1 || sip_msg_number(m, SIP_H_EXPIRES, &expires) != 0 || expires != 0))
        return 400; /* RFC 3261 10.3, step 6 */
    *ret_n = n;
    return 0;
}

/* RFC 3261 10.3, step 7: an older request of the same registration changes nothing. */
static bool out_of_order(const struct sc *sc, const struct dn *d, const struct sip_msg *m)
{
    uint64_t id = call_id_hash(sc, m);

    LIST_EACH(link, &d->bindings)
    {
        const struct binding *b = CONTAINER_OF(link, struct binding, in_dn);

        if (b->call_id == id && m->cseq.number < b->cseq)
            return true;
    }
    return false;
}

/* A phone whose connection was lost is here again by another: its calls go on over that one (H-7).
 * Calls of one phone are few, phones that come back with a call up are few: all legs are looked at.
 */
static void move_legs(struct sc *sc, const struct dn *d, const struct sip_addr *from,
                      const struct sip_addr *to)
{
    for (struct leg *l = pool_next(&sc->legs, NULL); l != NULL; l = pool_next(&sc->legs, l))
        if (l->by_flow && pool_get(&sc->dns, l->dn) == d && sip_addr_eq(&l->peer, from))
            l->peer = *to;
}

/* Returns: 0; else the status that refuses it. */
static unsigned apply(struct sc *sc, struct dn *d, const struct sip_event *event,
                      const struct wish *w)
{
    struct binding *b = find(d, &w->party.uri);

    if (w->expires_s == 0) {
        if (b != NULL)
            drop(sc, d, b, "phone unregistered");
        return 0;
    }
    if (b == NULL) {
        if (d->bindings_n >= sc->options.contacts_max)
            return 403;
        b = pool_take(&sc->bindings, NULL);
        if (b == NULL)
            return 503;
        b->dn = pool_handle(&sc->dns, d);
        timer_init(&b->expiry, TIMER_BINDING);
        list_link_init(&b->in_dn);
        d->bindings_n++;
    }
    (void)sip_str_copy(w->party.uri_text, b->contact, sizeof(b->contact));
    if (d->legs > 0 && b->source.family != SIP_NO_ADDR && sip_addr_reliable(&b->source) &&
        (!sip_addr_eq(&b->source, &event->src) || b->source.flow != event->src.flow))
        move_legs(sc, d, &b->source, &event->src);
    b->source = event->src;
    b->call_id = call_id_hash(sc, event->msg);
    b->cseq = event->msg->cseq.number;
    b->expires = mono_add_ms(sc->now, (int64_t)w->expires_s * 1000);
    timer_arm(&sc->timers, &b->expiry, b->expires);
    list_remove(&b->in_dn);
    list_prepend(&d->bindings, &b->in_dn);
    dn_set_service(sc, d, true, "registered");
    return 0;
}

/* 200 with what is registered now. */
static void confirm(struct sc *sc, const struct sip_event *event, const struct dn *d)
{
    struct sip_extra extras[SC_CONTACTS_MAX];
    char text[SC_CONTACTS_MAX * (SIP_URI_MAX + 32)];
    struct sip_buf b;
    struct sip_reply reply = {.status = 200, .extras = extras};

    sip_buf_init(&b, text, sizeof(text));
    LIST_EACH(link, &d->bindings)
    {
        const struct binding *binding = CONTAINER_OF(link, struct binding, in_dn);
        size_t from = b.len;

        sip_put_text(&b, "<");
        sip_put_text(&b, binding->contact);
        sip_put_text(&b, ">;expires=");
        sip_put_number(&b, (uint64_t)((mono_diff_ms(binding->expires, sc->now) + 999) / 1000));
        extras[reply.extras_n++] =
            (struct sip_extra){.id = SIP_H_CONTACT, .value = {text + from, b.len - from}};
    }
    sc->counts[N_REGISTERS]++;
    if (sip_reply(sc->sip, sc->now, event, &reply, &sc->out->sip) != 0)
        sc->counts[N_UNSENDABLE]++;
}

static void refuse(struct sc *sc, const struct sip_event *event, unsigned status)
{
    char seconds[12];
    struct sip_buf b;
    struct sip_extra extra = {.id = SIP_H_MIN_EXPIRES};
    struct sip_reply reply = {.status = 423, .extras = &extra, .extras_n = 1};

    if (status == 503 || status == 403) {
        if (status == 503)
            answer_busy(sc, event, N_REGISTRATIONS_FULL);
        else
            answer_status(sc, event, 403, N_REGISTRATIONS_FULL);
        return;
    }
    if (status != 423) {
        answer_status(sc, event, status, CORE_COUNTS);
        return;
    }
    sip_buf_init(&b, seconds, sizeof(seconds));
    sip_put_number(&b, sc->options.registration_expires_min_s);
    extra.value = sip_buf_str(&b);
    (void)sip_reply(sc->sip, sc->now, event, &reply, &sc->out->sip);
}

void registrar_request(struct sc *sc, const struct sip_event *event)
{
    const struct sip_msg *m = event->msg;
    struct dn *d = dn_find(sc, m->to.uri.user);
    struct wish wishes[SC_CONTACTS_MAX];
    unsigned n = 0, status;
    bool star;

    if (m->to.uri.scheme == SIP_SCHEME_OTHER) { /* RFC 4475 3.3.4 */
        answer_status(sc, event, 400, N_NOT_FOUND);
        return;
    }
    if (d != NULL && d->type != SC_DN_EXTENSION)
        d = NULL;
    if (answer_extension(sc, event) || !auth_check(sc, event, d))
        return;
    status = read_wishes(sc, m, wishes, &n, &star);
    if (status == 0 && out_of_order(sc, d, m))
        status = 500;
    if (status == 0 && star)
        registrar_forget(sc, d, "phone unregistered");
    for (unsigned i = 0; status == 0 && !star && i < n; i++)
        status = apply(sc, d, event, &wishes[i]);
    if (status != 0)
        refuse(sc, event, status);
    else
        confirm(sc, event, d);
}
