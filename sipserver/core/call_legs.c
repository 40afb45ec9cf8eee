/* What the legs of a call say (responses, CANCEL, ACK, BYE), as events of its machine. */
#include "sipserver/core/call_inner.h"

#include "sipserver/core/answer.h"
#include "sipserver/core/binding.h"
#include "sipserver/core/control.h"
#include "sipserver/core/hunt.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/music.h"
#include "sipserver/core/record.h"
#include "sipserver/core/ring.h"
#include "sipserver/core/session.h"
#include "sipserver/core/transfer.h"

const char *call_why_refused(unsigned status)
{
    switch (status) {
    case 408: return "no answer";
    case 480: return "phone not available";
    case 486:
    case 600: return "phone busy";
    case 603: return "call declined";
    default: return "call refused";
    }
}

/* The flow that L went over has failed, and nobody has seen the call: the same offer by another
 * flow, or to another phone of the number (RFC 5626 7).  False: there is none. */
static bool next_flow(struct sc *sc, struct call *c, struct leg *l)
{
    const struct dn *d = pool_get(&sc->dns, c->target_dn);
    const struct binding *b = d != NULL ? binding_next(sc, d, &c->phones) : NULL;
    struct leg_target target = {0};
    struct leg *next;

    if (b == NULL || !l->by_flow || c->ringing)
        return false;
    binding_tried(sc, &c->phones, b);
    binding_target(sc, b, &target);
    next = leg_call(sc, c, &target);
    if (next == NULL)
        return false;
    c->target = pool_handle(&sc->legs, next);
    leg_gone(sc, l); /* after the new one, so that the phone stays busy */
    return true;
}

/* An edge proxy says that the flow to L's phone has failed. */
static void flow_is_gone(struct sc *sc, const struct leg *l)
{
    struct dn *d = pool_get(&sc->dns, l->dn);

    if (d != NULL)
        binding_flow_failed(sc, d, &l->peer, sip_dialog_text(&l->dialog, SIP_DIALOG_TARGET));
}

static void target_response(struct sc *sc, struct call *c, struct leg *l,
                            const struct sip_event *event)
{
    bool flow_failed = l->by_flow && event->kind == SIP_EV_UNSENT; /* RFC 5626 7 */
    bool current;

    if ((event->status > 100 && event->status < 300) || event->status == 422)
        ring_becomes_target(sc, c, l);
    current = target_of(sc, c) == l;
    if (event->status < 200) {
        if (current && c->silent) {
            c->silent = false;
            arm_ms(sc, &c->ring, sc->options.answer_timeout_ms);
        }
        if (event->status > 100 && current)
            call_event(sc, c, CALL_EV_PROGRESS, event);
        return;
    }
    if (event->status < 300 && event->msg != NULL) {
        if (current && l->state == LEG_CALLING) {
            rings_end(sc, c, RINGS_ELSEWHERE, NULL);
            call_event(sc, c, CALL_EV_ANSWER, event);
        } else if (l->state == LEG_CANCELLED) { /* the 200 was faster than our CANCEL */
            if (leg_take_answer(l, event->msg) != 0) {
                leg_gone(sc, l);
                return;
            }
            l->state = LEG_ANSWERED;
            leg_end(sc, l, 0, SIP_STR_NONE);
        } else {
            leg_late_answer(sc, l, event->msg);
        }
        return;
    }
    if (l->state != LEG_CALLING && l->state != LEG_CANCELLED)
        return;
    if (event->kind == SIP_EV_RESPONSE && event->status == 503)
        hunt_told_to_wait(sc, l, event->msg);
    if (event->kind == SIP_EV_RESPONSE && event->status == 430 && l->by_flow)
        flow_is_gone(sc, l);
    if (current && l->state == LEG_CALLING && event->status == 422 &&
        session_raise(l, event->msg) && leg_call_again(sc, c, l))
        return; /* RFC 4028 7.3 */
    if (current && l->state == LEG_CALLING && (flow_failed || event->status == 430) &&
        next_flow(sc, c, l))
        return;
    if (l->state == LEG_CALLING && ring_refused(sc, c, l, event->status)) {
        leg_gone(sc, l);
        return;
    }
    if (current)
        c->target = HANDLE_NONE;
    leg_gone(sc, l);
    if (!current)
        return;
    sc->refusal = event->kind == SIP_EV_RESPONSE ? event->msg : NULL;
    call_event(sc, c, CALL_EV_FAILED,
               &(struct failure){flow_failed ? 430 : event->status,
                                 flow_failed ? "the phone's connection is lost"
                                             : call_why_refused(event->status),
                                 false});
    sc->refusal = NULL;
}

static void caller_event(struct sc *sc, struct call *c, struct leg *l,
                         const struct sip_event *event)
{
    switch (event->kind) {
    case SIP_EV_CANCEL: call_event(sc, c, CALL_EV_CANCEL, event); return;
    case SIP_EV_ACK:
        if (l->state == LEG_BYE_DUE)
            leg_acknowledged(sc, l);
        else
            call_event(sc, c, CALL_EV_ACK, event);
        return;
    case SIP_EV_NO_ACK:
        if (event->status >= 300)
            return;
        if (event->status < 200) {
            call_event(sc, c, CALL_EV_REFUSED,
                       &(struct refusal){504, SIP_STR_NONE, "a provisional answer had no PRACK"});
            return;
        }
        call_event(sc, c, CALL_EV_NO_ACK, "the answer was never acknowledged");
        leg_acknowledged(sc, l); /* RFC 3261 13.3.1.4: BYE */
        return;
    case SIP_EV_NONE:
    case SIP_EV_REQUEST:
    case SIP_EV_NO_ROOM:
    case SIP_EV_RESPONSE: /* of a re-INVITE of ours, repeated */
        if (event->method == SIP_INVITE && event->status / 100 == 2 && event->msg != NULL)
            leg_late_answer(sc, l, event->msg);
        return;
    case SIP_EV_TIMEOUT:
    case SIP_EV_UNSENT: return; /* a response that could not be sent is repeated */
    }
}

void call_leg_event(struct sc *sc, struct leg *l, const struct sip_event *event)
{
    struct call *c = pool_get(&sc->calls, l->call);
    bool over = event->kind == SIP_EV_TIMEOUT || event->kind == SIP_EV_UNSENT ||
                (event->kind == SIP_EV_RESPONSE && event->status >= 200);

    if (session_response(sc, l, event) || control_response(sc, l, event) ||
        music_response(sc, c, l, event) || transfer_response(sc, l, event))
        return;
    if (event->method == SIP_BYE) {
        if (over && l->state == LEG_ENDING)
            leg_gone(sc, l);
    } else if (!l->dialog.is_uac) {
        caller_event(sc, c, l, event);
    } else if (event->kind == SIP_EV_RESPONSE || over) {
        target_response(sc, c, l, event);
    }
}

void call_bye(struct sc *sc, struct leg *l, const struct sip_event *event)
{
    struct call *c = pool_get(&sc->calls, l->call);

    answer_status(sc, event, 200, CORE_COUNTS);
    switch ((enum leg_state)l->state) {
    case LEG_CALLING: /* in the early dialog */
        if (l->is_caller)
            call_event(sc, c, CALL_EV_CANCEL, event);
        return;
    case LEG_CANCELLED:
    case LEG_ENDING: return; /* both at once: its answer to ours ends it */
    case LEG_BYE_DUE: leg_gone(sc, l); return;
    case LEG_ANSWERED:
    case LEG_UP: break;
    }
    if (music_left(sc, c, l) || transfer_left(sc, c, l) ||
        (caller_of(sc, c) != l && target_of(sc, c) != l)) {
        leg_gone(sc, l); /* of a transfer */
        return;
    }
    if (l->is_caller)
        c->caller = HANDLE_NONE;
    else
        c->target = HANDLE_NONE;
    sc->reason = sip_msg_value(event->msg, SIP_H_REASON);
    record_released(c, l);
    if (c->state == CALL_SETUP) /* the phone of a caller whose number is not called yet */
        call_event(sc, c, CALL_EV_CANCEL, event);
    else
        call_event(sc, c, CALL_EV_RELEASE,
                   l->is_caller ? "caller released" : "called party released");
    sc->reason = SIP_STR_NONE;
    leg_gone(sc, l);
}
