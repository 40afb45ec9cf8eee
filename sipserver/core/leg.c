#include "sipserver/core/leg.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sipserver/core/answer.h"
#include "sipserver/core/call.h"
#include "sipserver/core/control.h"
#include "sipserver/core/credentials.h"
#include "sipserver/core/divert.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/identity.h"
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

    if (l->by_flow && l->dialog.routes_len == 0)
        return l->peer;
    if (sip_dialog_next_hop(&l->dialog, &uri) == 0 && sip_uri_addr(&uri, &addr) == 0)
        return addr;
    return l->peer;
}

/* ---- beginning ---- */

static struct leg *leg_new(struct sc *sc, struct call *c, struct dn *d)
{
    handle_t handle;
    struct leg *l = pool_take(&sc->legs, &handle);

    if (l == NULL)
        return NULL;
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
    struct sip_str user = sip_str_of(caller != NULL ? c->from : c->called);
    struct sip_party party;
    char uri[SIP_URI_MAX];
    struct sip_buf b;

    if (identity_hidden(sc, c, shown))
        return SIP_STR("\"Anonymous\" <sip:anonymous@anonymous.invalid>"); /* RFC 3323 4.1.1.3 */
    sip_buf_init(&b, text, size);
    if (caller != NULL &&
        sip_party_parse((struct sip_str){caller->dialog.remote, caller->dialog.remote_len},
                        &party) == 0) {
        if (!sip_str_empty(party.display)) {
            sip_put_text(&b, "\"");
            sip_put(&b, party.display);
            sip_put_text(&b, "\" ");
        }
        user = party.uri.user;
    }
    sip_put_text(&b, "<");
    sip_put(&b, own_uri(sc, user, uri, sizeof(uri)));
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

    if (l->dialog.state != SIP_DIALOG_NONE)
        l->dialog.routes_len = 0; /* of the dialog that failed; else those that the INVITE took */
    l->dialog.state = SIP_DIALOG_NONE;
    l->dialog.remote_tag_len = 0;
    l->rseq = 0;
    sip_dialog_request(&l->dialog, SIP_INVITE, &r);
    if (send_invite(sc, c, l, NULL, &r) == 0)
        return true;
    sc->counts[N_UNSENDABLE]++;
    return false;
}

struct leg *leg_call(struct sc *sc, struct call *c, const struct leg_target *target)
{
    struct leg *l = leg_new(sc, c, target->dn);
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

/* ---- answers ---- */

int leg_take_answer(struct leg *l, const struct sip_msg *m)
{
    int r = sip_dialog_answer(&l->dialog, m);

    if (r == -EEXIST) {
        l->dialog.state = SIP_DIALOG_NONE;
        l->dialog.remote_tag_len = 0;
        l->dialog.routes_len = 0;
        r = sip_dialog_answer(&l->dialog, m);
    }
    return r;
}

int leg_respond(struct sc *sc, struct leg *l, unsigned status, const struct sip_msg *response)
{
    char contact[SIP_URI_MAX];
    struct sip_reply reply = {.status = status, .content = leg_content(response)};
    struct session_words words;
    int r;

    if (l->dialog.is_uac || l->state == LEG_UP ||
        (status < 200 && !prack_put(sc, l, response, &reply)))
        return 0;
    reply.to_tag = (struct sip_str){l->dialog.local_tag, l->dialog.local_tag_len};
    reply.other_fork = true;
    if (status < 300)
        reply.contact = own_contact(sc, &l->peer, contact, sizeof(contact));
    if (status >= 200 && status < 300) {
        session_grant(sc, l, &words);
        reply.content = session_sent(sc, l, reply.content);
        reply.extras = words.extras;
        reply.extras_n = words.n;
    }
    r = sip_respond(sc->sip, sc->now, l->invite, &reply, &sc->out->sip);
    if (status < 200 && r == 0) {
        prack_sent(l, response, &reply);
        (void)session_sent(sc, l, reply.content);
    }
    if (l->prack_waits == PRACK_TAKEN)
        l->prack_waits = PRACK_NONE;
    return r;
}

void leg_fork(struct sc *sc, struct leg *l)
{
    char tag[SIP_TOKEN_MAX];
    struct sip_str made = sip_own_tag(sc->sip, leg_owner(sc, l), sc->serial++, tag);

    assert(!l->dialog.is_uac && made.len <= sizeof(l->dialog.local_tag));
    memcpy(l->dialog.local_tag, made.p, made.len);
    l->dialog.local_tag_len = (uint16_t)made.len;
    l->rseq = 0;
    l->early_body = false;
}

bool leg_reinvite(struct sc *sc, struct leg *l, struct sip_content body)
{
    return leg_reask(sc, l, session_sent(sc, l, body));
}

struct leg *leg_other(const struct sc *sc, const struct leg *l)
{
    const struct call *c = pool_get(&sc->calls, l->call);

    return c != NULL ? pool_get(&sc->legs, l->is_caller ? c->target : c->caller) : NULL;
}

static void send_ack(struct sc *sc, struct sip_dialog *d, const struct sip_addr *to, uint64_t owner,
                     struct sip_content body)
{
    char contact[SIP_URI_MAX];
    struct sip_request r;

    sip_dialog_request(d, SIP_ACK, &r);
    r.contact = own_contact(sc, to, contact, sizeof(contact));
    r.content = body;
    if (sip_send_ack(sc->sip, to, &r, owner, &sc->out->sip) != 0)
        sc->counts[N_UNSENDABLE]++;
}

void leg_ack(struct sc *sc, struct leg *l, struct sip_content body)
{
    struct sip_addr to = leg_hop(l);

    body = session_sent(sc, l, body);
    send_ack(sc, &l->dialog, &to, leg_owner(sc, l), body);
    l->ack_had_body = !sip_str_empty(body.body);
    l->acked = l->dialog.invite_cseq;
    if (l->state == LEG_ANSWERED)
        l->state = LEG_UP;
}

/* A 2xx of another fork than the one that we took: acknowledged and released (RFC 3261 13.2.2.4).
 */
static void end_fork(struct sc *sc, const struct leg *l, const struct sip_msg *response)
{
    struct leg fork = *l;
    struct sip_request r;
    struct sip_addr to;
    uint64_t txn;

    fork.dialog.state = SIP_DIALOG_NONE;
    fork.dialog.remote_tag_len = 0;
    fork.dialog.routes_len = 0;
    if (sip_dialog_answer(&fork.dialog, response) != 0)
        return;
    to = leg_hop(&fork);
    send_ack(sc, &fork.dialog, &to, OWNER_NONE, (struct sip_content){SIP_STR_NONE, SIP_STR_NONE});
    sip_dialog_request(&fork.dialog, SIP_BYE, &r);
    if (sip_request(sc->sip, sc->now, &to, &r, OWNER_NONE, &sc->out->sip, &txn) != 0)
        sc->counts[N_UNSENDABLE]++;
}

void leg_late_answer(struct sc *sc, struct leg *l, const struct sip_msg *response)
{
    struct call *c = pool_get(&sc->calls, l->call);
    struct offer *kept = pool_get(&sc->offers, c->offer);
    struct sip_content body = {SIP_STR_NONE, SIP_STR_NONE};
    struct sip_addr to = leg_hop(l);

    if (!sip_dialog_same_fork(&l->dialog, response)) {
        end_fork(sc, l, response);
        return;
    }
    if (response->cseq.number != l->dialog.invite_cseq ||
        (l->acked != l->dialog.invite_cseq && l->state == LEG_UP) || l->state == LEG_ANSWERED)
        return; /* the ACK is on its way from the other party */
#if SC_MUTATION == 3 /* a repeated ACK carries whatever is kept */
    l->ack_had_body = true;
#endif
    if (l->origin.known && l->ack_had_body && l->acked == l->dialog.invite_cseq)
        body = session_again(sc, l);
    else if (kept != NULL && l->ack_had_body && l->state == LEG_UP &&
             l->acked == l->dialog.invite_cseq) /* the answer that the first ACK carried */
        body = (struct sip_content){{kept->type, kept->type_len}, {kept->body, kept->len}};
    send_ack(sc, &l->dialog, &to, leg_owner(sc, l), body);
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
    reply.to_tag = (struct sip_str){l->dialog.local_tag, l->dialog.local_tag_len};
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

/* ---- finding ---- */

static struct leg *by_tag(const struct sc *sc, struct sip_str tag)
{
    struct sip_key key;
    struct sip_token token;

    memcpy(key.secret, sc->conf.secret, sizeof(key.secret));
    if (sip_token_read(key, SIP_TOKEN_TAG, tag, &token) != 0 ||
        owner_kind(token.object) != OWNER_LEG)
        return NULL;
    return pool_get(&sc->legs, owner_handle(token.object));
}

struct leg *leg_of_call_id(const struct sc *sc, struct sip_str call_id)
{
    struct sip_key key;
    struct sip_token token;
    struct leg *l;

    memcpy(key.secret, sc->conf.secret, sizeof(key.secret));
    if (sip_token_read(key, SIP_TOKEN_CALL_ID, call_id, &token) != 0 ||
        owner_kind(token.object) != OWNER_LEG)
        return NULL;
    l = pool_get(&sc->legs, owner_handle(token.object));
    return l != NULL && l->dialog.is_uac ? l : NULL;
}

struct leg *leg_find(const struct sc *sc, const struct sip_msg *request)
{
    struct leg *l = by_tag(sc, request->to.tag);

    return l != NULL && sip_dialog_matches(&l->dialog, request) ? l : NULL;
}

struct leg *leg_find_named(const struct sc *sc, struct sip_str call_id, struct sip_str local,
                           struct sip_str remote)
{
    struct leg *l = by_tag(sc, local);

    return l != NULL &&
                   sip_str_eq(call_id,
                              (struct sip_str){l->dialog.call_id, l->dialog.call_id_len}) &&
                   sip_str_eq(remote,
                              (struct sip_str){l->dialog.remote_tag, l->dialog.remote_tag_len})
               ? l
               : NULL;
}

struct leg *leg_find_own(const struct sc *sc, const struct sip_msg *response)
{
    struct leg *l = by_tag(sc, response->from.tag);

    return l != NULL && sip_str_eq(response->call_id,
                                   (struct sip_str){l->dialog.call_id, l->dialog.call_id_len})
               ? l
               : NULL;
}
