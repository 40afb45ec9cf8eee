/* What the legs of a transfer say, as events of its machine. */
#include "sipserver/core/transfer_inner.h"

#include "sipserver/core/call.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/session.h"

static void new_party_says(struct sc *sc, struct call *c, struct leg *l,
                           const struct sip_event *event)
{
    struct sip_content body = leg_content(event->msg);
    unsigned status = event->status;
    bool fresh = l->state == LEG_CALLING;

    if (event->kind == SIP_EV_RESPONSE && status < 200) {
        if (status > 100)
            transfer_event(sc, c, TRANSFER_EV_PROGRESS, &status);
        return;
    }
    l->join_txn = 0;
    if (fresh && event->kind == SIP_EV_RESPONSE && status < 300 &&
        leg_take_answer(l, event->msg) != 0) {
        (void)sip_own(sc->sip, l->invite, OWNER_NONE);
        status = 502; /* it cannot even be acknowledged */
    }
    if (event->kind != SIP_EV_RESPONSE || status >= 300) {
        if (fresh) {
            if (l == pool_get(&sc->legs, c->caller))
                c->caller = HANDLE_NONE;
            else if (l == pool_get(&sc->legs, c->target))
                c->target = HANDLE_NONE;
            l->joins = HANDLE_NONE;
            leg_gone(sc, l);
        }
        transfer_event(sc, c, TRANSFER_EV_FAILED, &status);
        return;
    }
    if (fresh)
        l->state = LEG_ANSWERED;
    else
        (void)sip_dialog_response(&l->dialog, event->msg);
    c->transfer.offered = true;
    session_granted(sc, l, event->msg);
    if (sip_str_empty(body.body) || !call_keep_body(sc, c, body))
        transfer_event(sc, c, TRANSFER_EV_FAILED, &(unsigned){488});
    else
        transfer_event(sc, c, TRANSFER_EV_ANSWER, NULL);
}

static void other_party_says(struct sc *sc, struct call *c, struct leg *l,
                             const struct sip_event *event)
{
    unsigned status = event->status;

    if (event->kind == SIP_EV_RESPONSE && status < 200)
        return;
    l->join_txn = 0;
    if (event->msg != NULL)
        (void)sip_dialog_response(&l->dialog, event->msg);
    if (event->kind == SIP_EV_RESPONSE && status < 300) {
        session_granted(sc, l, event->msg);
        transfer_event(sc, c, TRANSFER_EV_AGREED, event);
    } else if (event->kind != SIP_EV_RESPONSE || status == 408 || status == 481) {
        call_release(sc, c, "a party is lost");
    } else {
        session_answered(sc, l, event);
        transfer_event(sc, c, status == 491 ? TRANSFER_EV_GLARE : TRANSFER_EV_FAILED, &status);
    }
}

bool transfer_response(struct sc *sc, struct leg *l, const struct sip_event *event)
{
    struct call *c = pool_get(&sc->calls, l->joins);

    if (event->method == SIP_NOTIFY) { /* RFC 6665 4.2.2: 481 ends the subscription */
        c = pool_get(&sc->calls, l->call);
        if (event->kind != SIP_EV_RESPONSE || event->status == 481)
            c->transfer.silent = true;
        return true;
    }
    if (l->join_txn == 0 || event->txn != l->join_txn ||
        (event->kind != SIP_EV_RESPONSE && event->kind != SIP_EV_TIMEOUT &&
         event->kind != SIP_EV_UNSENT))
        return false;
    if (c == NULL) { /* the transfer is over: the answer is acknowledged all the same */
        if (l->state == LEG_CALLING || l->state == LEG_CANCELLED)
            return false;
        if (event->kind == SIP_EV_RESPONSE && event->status < 200)
            return true;
        l->join_txn = 0;
        if (event->kind == SIP_EV_RESPONSE && event->status < 300) {
            (void)sip_dialog_response(&l->dialog, event->msg);
            leg_ack(sc, l, no_body);
        }
        return true;
    }
    if (l == new_party(sc, c))
        new_party_says(sc, c, l, event);
    else
        other_party_says(sc, c, l, event);
    return true;
}

bool transfer_left(struct sc *sc, struct call *c, struct leg *l)
{
    if (!transfer_under_way(c) || c->transfer.attended || by(sc, c) != l)
        return false;
    transfer_event(sc, c, TRANSFER_EV_LEFT, NULL);
    return true;
}

void transfer_leg_lost(struct sc *sc, struct leg *l)
{
    struct call *c = pool_get(&sc->calls, l->joins);

    l->joins = HANDLE_NONE;
    if (c != NULL && l == new_party(sc, c)) {
        c->transfer.to = HANDLE_NONE;
        transfer_event(sc, c, TRANSFER_EV_FAILED, &(unsigned){480});
    }
}
