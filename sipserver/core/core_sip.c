/* A SIP message or an event of a transaction: may its address ask that, and whose is it? */
#include "sipserver/core/core_inner.h"

#include <errno.h>

#include "sipserver/core/answer.h"
#include "sipserver/core/bound.h"
#include "sipserver/core/call.h"
#include "sipserver/core/credentials.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/overload.h"
#include "sipserver/core/prack.h"
#include "sipserver/core/registrar.h"
#include "sipserver/core/relay.h"
#include "sipserver/core/transfer.h"
#include "sipserver/core/trunk.h"

/* ---- requests in a dialog ---- */

static bool passes_through(enum sip_method method)
{
    return method == SIP_BYE || method == SIP_INVITE || method == SIP_UPDATE ||
           method == SIP_INFO || method == SIP_REFER || method == SIP_PRACK ||
           method == SIP_MESSAGE;
}

static void in_dialog(struct sc *sc, const struct sip_event *event)
{
    struct leg *l = leg_find(sc, event->msg);

    if (l == NULL) {
        if (event->method != SIP_PRACK || !prack_branch(sc, event))
            answer_status(sc, event, 481, N_NO_DIALOG);
        return;
    }
    bound_lift(sc);
    if (!passes_through(event->method)) {
        answer_method(sc, event);
        return;
    }
    if (sip_dialog_receive(&l->dialog, event->msg) != 0) {
        answer_status(sc, event, 500, CORE_COUNTS); /* RFC 3261 12.2.2: out of order */
        return;
    }
    if (event->method == SIP_BYE)
        call_bye(sc, l, event);
    else if (l->state == LEG_ENDING || l->state == LEG_BYE_DUE || l->state == LEG_CANCELLED)
        answer_status(sc, event, 481, N_NO_DIALOG);
    else if (event->method == SIP_PRACK)
        prack_request(sc, l, event);
    else if (event->method == SIP_REFER)
        transfer_refer(sc, l, event);
    else
        relay_request(sc, l, event);
}

/* ---- how much an address may ask ---- */

struct source_limits source_limits(const struct sc *sc)
{
    const struct sc_options *o = &sc->options;

    return (struct source_limits){o->source_rate_max, o->source_burst, o->stranger_rate_max,
                                  o->stranger_burst};
}

/* Its address may ask that.  False: it has been answered, or is left without an answer, with
 * nothing kept of it.  What is refused for what it asked counts for more: so scanners are soon
 * silent. */
static bool admits(struct sc *sc, const struct sip_event *event)
{
    struct source_limits limits = source_limits(sc);

    switch (source_ask(&sc->sources, sc->now, &limits, &event->src, 1)) {
    case SOURCE_PASS: return true;
    case SOURCE_SCARCE:
        if (!source_is_known(&sc->sources, sc->now, &event->src))
            return true;
        answer_busy(sc, event, N_SOURCE_BUSY);
        return false;
    case SOURCE_DROP: break;
    }
    sc->counts[N_SOURCE_RATE]++;
    sip_forget(sc->sip, event);
    return false;
}

/* Messages that the address of the event has had refused, or answered without an event. */
static uint64_t refusals(const struct sc *sc)
{
    static const enum sip_count answered[] = {SIP_N_BAD_ANSWERED, SIP_N_MERGED,
                                              SIP_N_CANCEL_UNKNOWN};
    uint64_t n = sc->counts[N_FORBIDDEN] + sc->counts[N_NOT_FOUND] + sc->counts[N_LOCKED_OUT] +
                 sc->counts[N_NO_DIALOG] + sc->counts[N_METHOD];

    for (unsigned i = 0; i < sizeof(answered) / sizeof(answered[0]); i++)
        n += sip_count(sc->sip, answered[i]);
    return n;
}

/* ---- requests ---- */

/* Answered as outside, when there is that dialog (RFC 3261 11.2).  It gets no transaction, so a
 * copy is answered as the first one was. */
static void options_in_dialog(struct sc *sc, const struct sip_event *event)
{
    struct leg *l = leg_find(sc, event->msg);
    int r = l != NULL ? sip_dialog_receive(&l->dialog, event->msg) : 0;

    if (l != NULL)
        bound_lift(sc);
    if (l == NULL)
        answer_status(sc, event, 481, N_NO_DIALOG);
    else if (r != 0 && r != -EALREADY)
        answer_status(sc, event, 500, CORE_COUNTS);
    else
        answer_options(sc, event);
}

static void request(struct sc *sc, const struct sip_event *event)
{
    struct trunk *t;

    if (!core_serving(sc)) {
        answer_busy(sc, event, N_NOT_READY);
        return;
    }
    t = trunk_of_source(sc, &event->src);
    if (t != NULL)
        trunk_heard(sc, t);
    else if (sip_str_empty(event->msg->to.tag) &&
             (!admits(sc, event) || overload_refuse(sc, event)))
        return;
    if (t != NULL && event->method == SIP_INVITE && sip_str_empty(event->msg->to.tag) &&
        overload_refuse(sc, event))
        return;
    if (event->method == SIP_OPTIONS && !sip_str_empty(event->msg->to.tag)) {
        options_in_dialog(sc, event);
    } else if (event->method == SIP_OPTIONS) {
        answer_options(sc, event);
    } else if (!sip_str_empty(event->msg->to.tag)) {
        in_dialog(sc, event);
    } else if (event->method == SIP_INVITE) {
        call_invite(sc, event);
    } else if (event->method == SIP_REGISTER) {
        registrar_request(sc, event);
    } else if (event->method == SIP_BYE) {
        answer_status(sc, event, 481, N_NO_DIALOG);
    } else {
        answer_method(sc, event);
    }
}

/* ---- what transactions say ---- */

/* A 2xx, or an ACK of one, whose transaction or owner is gone. */
static void ownerless(struct sc *sc, const struct sip_event *event)
{
    struct leg *l;

    if (event->msg == NULL)
        return;
    if (event->kind == SIP_EV_RESPONSE && event->method == SIP_INVITE && event->status >= 200 &&
        event->status < 300) {
        l = leg_find_own(sc, event->msg);
        if (l != NULL)
            leg_late_answer(sc, l, event->msg);
    } else if (event->kind == SIP_EV_ACK) {
        l = leg_find(sc, event->msg);
        if (l != NULL && !l->dialog.is_uac)
            call_leg_event(sc, l, event);
    }
}

static void by_owner(struct sc *sc, const struct sip_event *event)
{
    handle_t handle = owner_handle(event->owner);
    struct leg *l;
    struct relay *r;
    struct trunk *t;

    if (credentials_answer(sc, event))
        return;
    switch (owner_kind(event->owner)) {
    case OWNER_LEG:
        l = pool_get(&sc->legs, handle);
        if (l != NULL)
            call_leg_event(sc, l, event);
        return;
    case OWNER_RELAY:
        r = pool_get(&sc->relays, handle);
        if (r != NULL)
            relay_event(sc, r, event);
        else
            ownerless(sc, event);
        return;
    case OWNER_TRUNK:
        t = pool_get(&sc->trunks, handle);
        if (t != NULL)
            trunk_response(sc, t, event);
        return;
    case OWNER_NONE: break;
    }
    ownerless(sc, event);
}

void core_sip(struct sc *sc, const struct sip_event *event)
{
    switch (event->kind) {
    case SIP_EV_NONE: return;
    case SIP_EV_REQUEST: request(sc, event); break;
    case SIP_EV_NO_ROOM: answer_busy(sc, event, N_NO_TRANSACTION); break;
    case SIP_EV_ACK:
    case SIP_EV_CANCEL:
    case SIP_EV_RESPONSE:
    case SIP_EV_TIMEOUT:
    case SIP_EV_NO_ACK:
    case SIP_EV_UNSENT: by_owner(sc, event); break;
    }
    calls_reap(sc);
}

/* ---- datagrams ---- */

void core_datagram(struct sc *sc, const struct sc_event *event)
{
    struct source_limits limits = source_limits(sc);
    struct sip_event sip = {.kind = SIP_EV_NONE};
    uint64_t refused = refusals(sc), stun = sip_count(sc->sip, SIP_N_STUN), again;
    uint32_t cost = 0;

    if (!sc->primary)
        return;
    overload_late(sc, event->late_ms);
    if (source_blocked(&sc->sources, sc->now, &limits, &event->src) &&
        trunk_of_source(sc, &event->src) == NULL) {
        sc->counts[N_SOURCE_BLOCKED]++;
        source_charge(&sc->sources, sc->now, &limits, &event->src, 1);
        return;
    }
    again = sip_count(sc->sip, SIP_N_RETRANSMISSIONS);
    bound_begin(sc, event);
    sip_input(sc->sip, sc->now, &event->src, event->data, event->len, &sc->out->sip, &sip);
    if (sip_count(sc->sip, SIP_N_RETRANSMISSIONS) != again)
        bound_lift(sc); /* its transaction answers: that began with a request that was let in */
    core_sip(sc, &sip);
    bound_end(sc, &sip);
    if (refusals(sc) != refused)
        cost = SC_REFUSED_COST;
    else if (sip_count(sc->sip, SIP_N_STUN) != stun)
        cost = 1; /* phones behind NAT do it all the time */
    if (cost > 0 && trunk_of_source(sc, &event->src) == NULL)
        source_charge(&sc->sources, sc->now, &limits, &event->src, cost);
}
