/* What makes a leg, and how it ends. */
#include "sipserver/core/leg.h"

#include <errno.h>
#include <string.h>

#include "sipserver/core/answer.h"
#include "sipserver/core/call.h"
#include "sipserver/core/control.h"
#include "sipserver/core/credentials.h"
#include "sipserver/core/divert.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/identity.h"
#include "sipserver/core/overload.h"
#include "sipserver/core/prack.h"
#include "sipserver/core/session.h"
#include "sipserver/core/transfer.h"

uint64_t leg_owner(const struct sc *sc, const struct leg *l)
{
    return owner_of(OWNER_LEG, pool_handle(&sc->legs, l));
}

struct sip_content leg_content(const struct sip_msg *m)
{
    struct sip_content content = {SIP_STR_NONE, SIP_STR_NONE};

    if (m != NULL && !sip_str_empty(m->body)) {
        content.type = sip_msg_value(m, SIP_H_CONTENT_TYPE);
        content.body = m->body;
        if (sip_str_empty(content.type))
            content.type = SIP_STR("application/sdp");
    }
    return content;
}

struct sip_addr leg_hop(const struct leg *l)
{
    struct sip_uri uri;
    struct sip_addr addr;

    if (l->by_flow && sip_str_empty(sip_dialog_text(&l->dialog, SIP_DIALOG_ROUTES)))
        return l->peer;
    if (sip_dialog_next_hop(&l->dialog, &uri) == 0 && sip_uri_addr(&uri, &addr) == 0)
        return addr;
    return l->peer;
}

/* ---- beginning ---- */

void leg_place(struct sc *sc, struct leg *l)
{
    l->dialog.more = sc->leg_texts + (size_t)pool_index(&sc->legs, l) * SIP_DIALOG_TEXT_MAX;
}

static struct leg *leg_new(struct sc *sc, struct call *c, struct dn *d)
{
    handle_t handle;
    struct leg *l = pool_take(&sc->legs, &handle);

    if (l == NULL)
        return NULL;
    leg_place(sc, l);
    l->call = pool_handle(&sc->calls, c);
    l->dn = d != NULL ? pool_handle(&sc->dns, d) : HANDLE_NONE;
    session_init(l);
    c->legs_n++;
    return l;
}

/* The phone is busy, and the trunk has one call more, while the leg lives. */
static void count(struct sc *sc, struct leg *l, struct dn *d, struct call *c)
{
    struct trunk *t = d != NULL ? pool_get(&sc->trunks, d->trunk) : NULL;

    if (t != NULL) {
        l->trunk = l->is_caller ? TRUNK_COUNTED_IN : TRUNK_COUNTED_OUT;
        *(l->is_caller ? &t->calls_in : &t->calls_out) += 1;
    }
    if (d == NULL || d->type != SC_DN_EXTENSION)
        return;
    l->counted = true;
    control_line_new(sc, d, l);
    dn_leg_added(sc, d, c);
}

static void uncount(struct sc *sc, struct leg *l)
{
    struct dn *d = pool_get(&sc->dns, l->dn);
    struct trunk *t = d != NULL ? pool_get(&sc->trunks, d->trunk) : NULL;

    if (l->trunk != TRUNK_NOT_COUNTED && t != NULL)
        *(l->trunk == TRUNK_COUNTED_IN ? &t->calls_in : &t->calls_out) -= 1;
    l->trunk = TRUNK_NOT_COUNTED;
    if (!l->counted)
        return;
    control_line_over(sc, l);
    l->counted = false;
    if (d != NULL)
        dn_leg_removed(sc, d);
}

struct leg *leg_caller(struct sc *sc, struct call *c, const struct sip_event *event, struct dn *d,
                       unsigned *ret_status)
{
    struct leg *l = leg_new(sc, c, d);
    char tag[SIP_TOKEN_MAX];
    int r;

    if (l == NULL) {
        *ret_status = 503;
        return NULL;
    }
    r = sip_dialog_uas(&l->dialog, event->msg,
                       sip_own_tag(sc->sip, leg_owner(sc, l), sc->serial++, tag));
    if (r != 0) {
        c->legs_n--;
        pool_put(&sc->legs, l);
        *ret_status = r == -EMSGSIZE ? 513 : 400;
        return NULL;
    }
    l->is_caller = true;
    session_asked(l, event->msg);
    prack_asked(l, event->msg);
    l->by_flow = d != NULL && d->type == SC_DN_EXTENSION;
    l->peer = event->src;
    l->invite = event->txn;
    (void)sip_own(sc->sip, event->txn, leg_owner(sc, l));
    count(sc, l, d, c);
    return l;
}

/* The caller as the target sees it: the caller's name and number, at our address. */
static struct sip_str from_value(const struct sc *sc, const struct call *c, const struct leg *shown,
                                 char *text, size_t size)
{
    const struct leg *caller = shown != NULL ? shown : pool_get(&sc->legs, c->caller);
    struct sip_str user = sip_str_of(caller != NULL ? c->from : c->called), address;
    struct sip_str name = SIP_STR_NONE;
    struct sip_party party;
    char uri[SIP_URI_MAX];
    struct sip_buf b;

    if (identity_hidden(sc, c, shown))
        return SIP_STR("\"Anonymous\" <sip:anonymous@anonymous.invalid>"); /* RFC 3323 4.1.1.3 */
    if (caller != NULL &&
        sip_party_parse(sip_dialog_text(&caller->dialog, SIP_DIALOG_REMOTE), &party) == 0) {
        name = party.display;
        user = party.uri.user;
    }
    address = own_uri(sc, user, uri, sizeof(uri));
    sip_buf_init(&b, text, size);
    /* Our address may be longer than the caller's: the name makes room for it. */
    if (!sip_str_empty(name) && name.len + address.len + strlen("\"\" <>") <= size) {
        sip_put_text(&b, "\"");
        sip_put(&b, name);
        sip_put_text(&b, "\" ");
    }
    sip_put_text(&b, "<");
    sip_put(&b, address);
    sip_put_text(&b, ">");
    return sip_buf_str(&b);
}

/* R, an INVITE with its dialog's parts set, becomes L's; it shows SHOWN (NULL: the caller). */
static int send_invite(struct sc *sc, struct call *c, struct leg *l, const struct leg *shown,
                       struct sip_request *r)
{
    const struct offer *offer = pool_get(&sc->offers, c->offer);
    char contact[SIP_URI_MAX];
    struct sip_extra extras[SIP_EXTRAS_MAX];
    struct session_words words;
    char identity[IDENTITY_TEXT], diversion[DIVERT_TEXT];
    unsigned n;

    session_ask(sc, l, &words);
    n = words.n;
    memcpy(extras, words.extras, n * sizeof(extras[0]));
    n += identity_put(sc, c, shown, pool_get(&sc->dns, l->dn), identity, extras + n);
    if (shown == NULL)
        n += divert_put(sc, c, diversion, extras + n);
    r->extras = extras;
    r->extras_n = control_words(sc, c, l, extras, n);
    r->max_forwards = c->max_forwards;
    r->last_hop = c->max_forwards == 0;
    r->contact = own_contact(sc, &l->peer, contact, sizeof(contact));
    if (offer != NULL && offer->len != 0)
        r->content =
            (struct sip_content){{offer->type, offer->type_len}, {offer->body, offer->len}};
#if SC_MUTATION == 5 /* the last line of an offer is lost */
    if (r->content.body.len > 5)
        r->content.body.len -= 5;
#endif
    return leg_request(sc, l, &l->peer, r, leg_owner(sc, l), &l->invite);
}

bool leg_call_again(struct sc *sc, struct call *c, struct leg *l)
{
    struct sip_request r;

    sip_dialog_restart(&l->dialog);
    l->rseq = 0;
    sip_dialog_request(&l->dialog, SIP_INVITE, &r);
    if (send_invite(sc, c, l, NULL, &r) == 0)
        return true;
    sc->counts[N_UNSENDABLE]++;
    return false;
}

struct leg *leg_call(struct sc *sc, struct call *c, const struct leg_target *target)
{
    bool music = target->dn != NULL && target->dn->type == SC_DN_SERVICE;
    struct leg *l = overload_keeps(sc, music) ? NULL : leg_new(sc, c, target->dn);
    char tag[SIP_TOKEN_MAX], call_id[SIP_TOKEN_MAX], to_uri[SIP_URI_MAX], to[SIP_PARTY_MAX],
        from[SIP_PARTY_MAX];
    struct sip_request r = {
        .method = SIP_INVITE, .uri = target->uri, .route = target->route, .cseq = 1};
    struct sip_buf b;
    uint64_t owner;

    if (l == NULL)
        return NULL;
    owner = leg_owner(sc, l);
    r.call_id = sip_own_call_id(sc->sip, owner, sc->serial, call_id);
    r.from_tag = sip_own_tag(sc->sip, owner, sc->serial++, tag);
    r.from = from_value(sc, c, target->shown, from, sizeof(from));
    sip_buf_init(&b, to, sizeof(to));
    sip_put_text(&b, "<");
    sip_put(&b, own_uri(sc,
                        sip_str_of(target->own                ? c->from
                                   : c->number_out[0] != '\0' ? c->number_out
                                                              : c->number_now),
                        to_uri, sizeof(to_uri)));
    sip_put_text(&b, ">");
    r.to = sip_buf_str(&b);
    l->peer = target->addr;
    l->by_flow = target->by_flow;
    l->is_caller = target->own;
    l->auto_answer = target->auto_answer;
    prack_offer(sc, c, l);
    if (sip_dialog_uac(&l->dialog, &r) != 0 || send_invite(sc, c, l, target->shown, &r) != 0) {
        sc->counts[N_UNSENDABLE]++;
        c->legs_n--;
        pool_put(&sc->legs, l);
        return NULL;
    }
    count(sc, l, target->dn, c);
    return l;
}

bool leg_reask(struct sc *sc, struct leg *l, struct sip_content body)
{
    char contact[SIP_URI_MAX];
    struct sip_request r;
    struct session_words words;
    struct sip_addr hop = leg_hop(l);

    sip_dialog_request(&l->dialog, SIP_INVITE, &r);
    r.contact = own_contact(sc, &hop, contact, sizeof(contact));
    r.content = body;
    session_ask(sc, l, &words);
    r.extras = words.extras;
    r.extras_n = words.n;
    if (leg_request(sc, l, &hop, &r, leg_owner(sc, l), &l->join_txn) == 0)
        return true;
    l->join_txn = 0;
    sc->counts[N_UNSENDABLE]++;
    return false;
}

/* ---- end ---- */

void leg_gone(struct sc *sc, struct leg *l)
{
    struct call *c = pool_get(&sc->calls, l->call);

    uncount(sc, l);
    session_end(sc, l);
    transfer_leg_lost(sc, l);
    pool_put(&sc->legs, l);
    call_leg_gone(sc, c);
}

static void send_bye(struct sc *sc, struct leg *l)
{
    const struct sip_extra reason = {.id = SIP_H_REASON, .value = sc->reason};
    struct sip_addr to = leg_hop(l);
    struct sip_request r;
    uint64_t txn;

    sip_dialog_request(&l->dialog, SIP_BYE, &r);
#if SC_MUTATION == 4 /* a BYE leaves a CSeq out */
    r.cseq++;
#endif
    r.extras = &reason;
    r.extras_n = sip_str_empty(sc->reason) ? 0 : 1;
    l->state = LEG_ENDING;
    if (leg_request(sc, l, &to, &r, leg_owner(sc, l), &txn) != 0) {
        sc->counts[N_UNSENDABLE]++;
        leg_gone(sc, l);
    }
}

/* What the target's refusal says besides its status, when the caller gets that one. */
static unsigned reasons(const struct sc *sc, unsigned status,
                        struct sip_extra extras[SIP_EXTRAS_MAX])
{
    static const enum sip_header_id passed[] = {SIP_H_REQUIRE, SIP_H_ACCEPT, SIP_H_WARNING,
                                                SIP_H_REASON, SIP_H_RETRY_AFTER};
    unsigned n = 0;

    if (sc->refusal == NULL || sc->refusal->status != status)
        return 0;
    for (unsigned i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
        if (sip_msg_header(sc->refusal, passed[i]) != NULL &&
            (passed[i] != SIP_H_REQUIRE || status == 421))
            extras[n++] =
                (struct sip_extra){.id = passed[i], .value = sip_msg_value(sc->refusal, passed[i])};
    return n;
}

static void refuse(struct sc *sc, struct leg *l, unsigned status, struct sip_str contact)
{
    struct sip_reply reply = {.status = status, .contact = contact};
    struct sip_extra extras[SIP_EXTRAS_MAX];
    char seconds[4], diversion[DIVERT_TEXT];

    reply.extras = extras;
    reply.extras_n = reasons(sc, status, extras);
    if (status == 302) /* RFC 5806 3 */
        reply.extras_n +=
            divert_put(sc, pool_get(&sc->calls, l->call), diversion, extras + reply.extras_n);
    if (status == 503) /* the only one of ours: no room now */
        extras[reply.extras_n++] =
            (struct sip_extra){.id = SIP_H_RETRY_AFTER, .value = retry_after(sc, seconds)};
    reply.to_tag = sip_dialog_text(&l->dialog, SIP_DIALOG_LOCAL_TAG);
    reply.other_fork = true;
    (void)sip_own(sc->sip, l->invite, OWNER_NONE);
    if (sip_respond(sc->sip, sc->now, l->invite, &reply, &sc->out->sip) != 0)
        sc->counts[N_UNSENDABLE]++;
    leg_gone(sc, l);
}

void leg_end(struct sc *sc, struct leg *l, unsigned status, struct sip_str contact)
{
    uncount(sc, l);
    session_end(sc, l);
    transfer_leg_lost(sc, l);
    switch ((enum leg_state)l->state) {
    case LEG_CALLING:
        if (!l->dialog.is_uac) {
            refuse(sc, l, status, contact);
            return;
        }
        l->state = LEG_CANCELLED;
        if (sip_cancel(sc->sip, sc->now, l->invite, &sc->out->sip) == -ENOENT)
            leg_gone(sc, l);
        return;
    case LEG_ANSWERED:
        if (!l->dialog.is_uac) {
            l->state = LEG_BYE_DUE;
            return;
        }
        leg_ack(sc, l, (struct sip_content){SIP_STR_NONE, SIP_STR_NONE});
        send_bye(sc, l);
        return;
    case LEG_UP: send_bye(sc, l); return;
    case LEG_CANCELLED:
    case LEG_BYE_DUE:
    case LEG_ENDING: return;
    }
}

void leg_acknowledged(struct sc *sc, struct leg *l)
{
    if (l->state == LEG_ANSWERED)
        l->state = LEG_UP;
    else if (l->state == LEG_BYE_DUE)
        send_bye(sc, l);
}
