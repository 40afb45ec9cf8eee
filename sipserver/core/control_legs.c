/* What the legs answer to a desktop's operation, as events of its machine. */
#include "sipserver/core/control.h"

#include "sipserver/core/call.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/session.h"

static const struct sip_content no_body;

/* The phone of a call that we began: its 2xx brings the offer, which gets an answer that moves
 * nothing until the number called has its own (RFC 3725 4.3). */
static void phone_says(struct sc *sc, struct agent *a, struct leg *l, const struct sip_event *event)
{
    struct call *c = pool_get(&sc->calls, l->call);
    struct sip_content offer = leg_content(event->msg);
    struct sip_buf b;
    unsigned status = event->status;

    if (event->kind == SIP_EV_RESPONSE && status == 422 && session_raise(l, event->msg) &&
        leg_call_again(sc, c, l))
        return;
    if (event->kind == SIP_EV_RESPONSE && status < 300 && leg_take_answer(l, event->msg) == 0) {
        l->state = LEG_ANSWERED;
        l->control = HANDLE_NONE;
        session_granted(sc, l, event->msg);
        l->origin = (struct sdp_origin){.known = true, .who = "- "};
        sip_buf_init(&b, l->origin.who + 2, sizeof(l->origin.who) - 3);
        sip_put_number(&b, c->number);
        sip_buf_init(&b, l->origin.where, sizeof(l->origin.where) - 1);
        sip_put_text(&b, sc->conf.local.family == SIP_IPV6 ? "IN IP6 " : "IN IP4 ");
        sip_addr_put_host(&b, &sc->conf.local, false);
        l->stopped = SDP_BOTH;
        leg_ack(sc, l, offer);
        control_event(sc, a, sip_str_empty(offer.body) ? CONTROL_EV_REFUSED : CONTROL_EV_AGREED,
                      &(unsigned){488});
        return;
    }
    if (event->kind == SIP_EV_RESPONSE && status < 300) {
        (void)sip_own(sc->sip, l->invite, OWNER_NONE);
        status = 502; /* it cannot even be acknowledged */
    }
    l->state = LEG_ENDING; /* its INVITE is over: nothing is left to send */
    control_event(sc, a, CONTROL_EV_REFUSED, &status);
    leg_gone(sc, l);
}

/* RFC 3725 4.2: what a party answers when it is retrieved is what the next one is offered. */
static void hand_on(struct sc *sc, struct agent *a, struct leg *l, const struct sip_msg *m)
{
    struct control *op = &a->control;
    struct leg *other = leg_other(sc, l);
    struct sip_content answer = leg_content(m);

    if (op->state != CONTROL_RETRIEVING || op->step > 1 || other == NULL ||
        sip_str_empty(answer.body))
        return;
    if (op->step == 1) {
        if (sdp_same_place(answer.body, session_last(sc, other).body))
            return;
        op->parties = 3; /* the phone has moved its streams: the other party must know */
    }
    (void)session_sent(sc, other, answer);
    op->fresh = true;
}

static void party_says(struct sc *sc, struct agent *a, struct leg *l, const struct sip_event *event)
{
    struct control *op = &a->control;
    unsigned status = event->status;

    if (event->msg != NULL)
        (void)sip_dialog_response(&l->dialog, event->msg);
    if (event->kind != SIP_EV_RESPONSE || status == 408 || status == 481) {
        call_release(sc, pool_get(&sc->calls, l->call), "a party is lost");
    } else if (status < 300) {
        session_granted(sc, l, event->msg);
        leg_ack(sc, l, no_body);
        hand_on(sc, a, l, event->msg);
        op->step++;
        op->tries = 0;
        control_event(sc, a, CONTROL_EV_AGREED, NULL);
    } else if (status == 491 || (status == 422 && session_raise(l, event->msg))) {
        control_event(sc, a, CONTROL_EV_GLARE, NULL);
    } else {
        control_event(sc, a, CONTROL_EV_REFUSED, &status);
    }
}

/* Of the answers that nobody waits for any more, transfer_legs.c acknowledges those to an INVITE.
 */
static bool late(struct leg *l, const struct sip_event *event, bool final)
{
    if (event->method != SIP_NOTIFY || l->join_txn == 0 || event->txn != l->join_txn)
        return false;
    if (final)
        l->join_txn = 0;
    return true;
}

bool control_response(struct sc *sc, struct leg *l, const struct sip_event *event)
{
    struct agent *a = pool_get(&sc->agents, l->control);
    bool own = l->is_caller && l->dialog.is_uac && l->state == LEG_CALLING;
    bool final = event->kind == SIP_EV_TIMEOUT || event->kind == SIP_EV_UNSENT ||
                 (event->kind == SIP_EV_RESPONSE && event->status >= 200);

    if (a == NULL || (event->kind != SIP_EV_RESPONSE && !final))
        return false;
    if (!control_awaits(sc, a, l)) { /* the operation that asked is over */
        l->control = HANDLE_NONE;
        return late(l, event, final);
    }
    if (own && event->method == SIP_INVITE) {
        if (final)
            phone_says(sc, a, l, event);
        else if (event->status > 100)
            (void)sip_dialog_answer(&l->dialog, event->msg);
        return true;
    }
    if (l->join_txn == 0 || event->txn != l->join_txn)
        return false;
    if (!final)
        return true;
    l->join_txn = 0;
    if (event->method != SIP_NOTIFY) {
        l->control = HANDLE_NONE;
        party_says(sc, a, l, event);
    } else if (event->kind != SIP_EV_RESPONSE || event->status >= 300) {
        control_event(sc, a, CONTROL_EV_REFUSED, &event->status);
    }
    return true;
}
