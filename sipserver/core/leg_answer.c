/* Answers and acknowledgements of a leg: its own, its forks', late ones. */
#include "sipserver/core/leg.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sipserver/core/answer.h"
#include "sipserver/core/prack.h"
#include "sipserver/core/session.h"

int leg_take_answer(struct leg *l, const struct sip_msg *m)
{
    int r = sip_dialog_answer(&l->dialog, m);

    if (r == -EEXIST) {
        sip_dialog_restart(&l->dialog);
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
    reply.to_tag = sip_dialog_text(&l->dialog, SIP_DIALOG_LOCAL_TAG);
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
        prack_sent(sc, l, response, &reply);
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

    int r = sip_dialog_set(&l->dialog, SIP_DIALOG_LOCAL_TAG, made);

    assert(!l->dialog.is_uac && r == 0);
    (void)r;
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
    char more[SIP_DIALOG_TEXT_MAX];
    struct sip_request r;
    struct sip_addr to;
    uint64_t txn;

    sip_dialog_fork(&fork.dialog, &l->dialog, more);
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

    if (!sip_str_eq(response->call_id, sip_dialog_text(&l->dialog, SIP_DIALOG_CALL_ID)))
        return; /* of a leg that was at this place before this host was restarted */
    if (!sip_dialog_same_fork(&l->dialog, response)) {
        if (l->dialog.is_uac) /* no INVITE of ours made the dialog of a caller */
            end_fork(sc, l, response);
        return;
    }
    if (response->cseq.number != l->dialog.invite_cseq ||
        (l->acked != l->dialog.invite_cseq && l->state == LEG_UP) || l->state == LEG_ANSWERED)
        return;      /* the ACK is on its way from the other party */
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
