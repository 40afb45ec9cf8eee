/* What begins a transfer by a phone: REFER (RFC 3515, 3891, 4488). */
#include "sipserver/core/transfer_inner.h"

#include <string.h>

#include "sipserver/core/answer.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/relay.h"
#include "sipserver/core/session.h"

/* VALUE of a URI header without its escapes (RFC 3261 19.1.2).  False: too long or malformed. */
static bool unescape(struct sip_str value, char *text, size_t size, struct sip_str *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < value.len; i++) {
        char c = value.p[i];

        if (c == '%') {
            unsigned byte = 0;

            for (unsigned digit = 0; digit < 2; digit++) {
                char h = i + 1 < value.len ? value.p[++i] : ' ';

                if (h >= '0' && h <= '9')
                    byte = byte * 16 + (unsigned)(h - '0');
                else if ((h | 32) >= 'a' && (h | 32) <= 'f')
                    byte = byte * 16 + (unsigned)((h | 32) - 'a') + 10;
                else
                    return false;
            }
            c = (char)byte;
        }
        if (n == size || c < ' ' || c > '~')
            return false;
        text[n++] = c;
    }
    *ret = (struct sip_str){text, n};
    return true;
}

/* The Replaces header in the URI of a Refer-To; false: there is none. */
static bool find_replaces(struct sip_str headers, struct sip_str *ret_value)
{
    while (headers.len > 0) {
        const char *end = memchr(headers.p, '&', headers.len);
        struct sip_str one = {headers.p, end != NULL ? (size_t)(end - headers.p) : headers.len};
        const char *equals = memchr(one.p, '=', one.len);

        if (equals != NULL && sip_str_eq_nocase((struct sip_str){one.p, (size_t)(equals - one.p)},
                                                SIP_STR("Replaces"))) {
            *ret_value = (struct sip_str){equals + 1, one.len - (size_t)(equals + 1 - one.p)};
            return true;
        }
        headers.len -= one.len + (end != NULL ? 1 : 0);
        headers.p += one.len + (end != NULL ? 1 : 0);
    }
    return false;
}

/* The party that L's transferor speaks to in the dialog that VALUE names (RFC 3891 3): to-tag is
 * ours, from-tag the transferor's, or the other way round when we called it.  NULL: none. */
static struct leg *find_held(const struct sc *sc, const struct leg *l, struct sip_str value)
{
    char text[SIP_CALL_ID_MAX + 2 * SIP_TAG_MAX + 64];
    struct sip_str call_id, params, to_tag, from_tag;
    const struct call *c;
    struct leg *theirs, *held;
    const char *semicolon;

    if (!unescape(value, text, sizeof(text), &call_id))
        return NULL;
    semicolon = call_id.len > 0 ? memchr(call_id.p, ';', call_id.len) : NULL;
    if (semicolon == NULL)
        return NULL;
    params = (struct sip_str){semicolon, call_id.len - (size_t)(semicolon - call_id.p)};
    call_id.len = (size_t)(semicolon - call_id.p);
    if (!sip_param_get(params, "to-tag", &to_tag) || !sip_param_get(params, "from-tag", &from_tag))
        return NULL;
    theirs = leg_find_named(sc, call_id, to_tag, from_tag);
    if (theirs == NULL)
        theirs = leg_find_named(sc, call_id, from_tag, to_tag);
    c = theirs != NULL ? pool_get(&sc->calls, theirs->call) : NULL;
    if (c == NULL || theirs == l || handle_equal(theirs->call, l->call) || c->state != CALL_UP ||
        transfer_under_way(c))
        return NULL;
    held = pool_get(&sc->legs, theirs->is_caller ? c->target : c->caller);
    return held != NULL && held->state == LEG_UP && !relays_under_way(sc, c) &&
                   !session_reinvites(held) && held->join_txn == 0 && handle_is_none(held->joins)
               ? held
               : NULL;
}

static bool wants_no_notify(const struct sip_msg *m)
{
    for (unsigned i = 0; i < m->headers_n; i++)
        if (sip_str_eq_nocase(m->headers[i].name, SIP_STR("Refer-Sub")) &&
            sip_str_eq_nocase(m->headers[i].value, SIP_STR("false")))
            return true;
    return false;
}

static void accept_refer(struct sc *sc, struct call *c, struct leg *l,
                         const struct sip_event *event)
{
    char contact[SIP_URI_MAX];
    const struct sip_extra no_notify = {
        .id = SIP_H_OTHER, .name = "Refer-Sub", .value = SIP_STR("false")};
    struct sip_reply reply = {.status = 202, .extras = &no_notify};

    c->transfer.silent = wants_no_notify(event->msg);              /* RFC 4488 */
    c->transfer.id = l->refers != 0 ? event->msg->cseq.number : 0; /* RFC 3515 2.4.6 */
    l->refers = true;
    reply.extras_n = c->transfer.silent ? 1 : 0;
    reply.contact = own_contact(sc, &l->peer, contact, sizeof(contact));
    if (sip_reply(sc->sip, sc->now, event, &reply, &sc->out->sip) != 0)
        sc->counts[N_UNSENDABLE]++;
}

void transfer_refer(struct sc *sc, struct leg *l, const struct sip_event *event)
{
    struct call *c = pool_get(&sc->calls, l->call);
    struct leg *o = pool_get(&sc->legs, l->is_caller ? c->target : c->caller);
    struct plan plan = {.by = l, .patience_ms = sc->options.answer_timeout_ms};
    struct sip_str replaces, method;
    struct sip_party to;
    bool attended;

    if (answer_extension(sc, event))
        return;
    if (sip_msg_header(event->msg, SIP_H_REFER_TO) == NULL ||
        sip_party_parse(sip_msg_value(event->msg, SIP_H_REFER_TO), &to) != 0 || to.star ||
        to.uri.scheme == SIP_SCHEME_OTHER || !number_of_uri(&to.uri, plan.number)) {
        answer_status(sc, event, 400, CORE_COUNTS);
        return;
    }
    /* We do nothing but call (RFC 3515 2.4.2). */
    if (sip_param_get(to.uri.params, "method", &method) &&
        !sip_str_eq_nocase(method, SIP_STR("INVITE"))) {
        answer_status(sc, event, 603, CORE_COUNTS);
        return;
    }
    if (c->state != CALL_UP || l->state != LEG_UP || o == NULL || o->state != LEG_UP ||
        transfer_under_way(c) || !handle_is_none(o->joins) || !handle_is_none(l->joins)) {
        answer_status(sc, event, 491, CORE_COUNTS);
        return;
    }
    c->transfer.kind = TRANSFER_BY_REFER;
    attended = find_replaces(to.uri.headers, &replaces);
    accept_refer(sc, c, l, event);
    if (attended)
        plan.held = find_held(sc, l, replaces);
    if (attended && plan.held == NULL) { /* RFC 3891 3: no such dialog */
        c->transfer.by = pool_handle(&sc->legs, l);
        transfer_tell(sc, c, 481, true);
        c->transfer.by = HANDLE_NONE;
        return;
    }
    transfer_event(sc, c, TRANSFER_EV_REFER, &plan);
}
