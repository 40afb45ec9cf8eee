/* What the other parts want of a call (agents, queues, transfers, desktops, timers), as events of
 * its machine. */
#include "sipserver/core/call_inner.h"

#include "sipserver/core/agent.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/music.h"
#include "sipserver/core/queue.h"
#include "sipserver/core/ring.h"
#include "sipserver/core/transfer.h"

/* ---- transfers and desktops ---- */

void call_agreed(struct sc *sc, struct call *c, const struct sip_event *event)
{
    call_event(sc, c, CALL_EV_AGREED, event);
}

void call_refuse(struct sc *sc, struct call *c, unsigned status, const char *reason)
{
    call_event(sc, c, CALL_EV_REFUSED, &(struct refusal){status, SIP_STR_NONE, reason});
}

void call_party_lost(struct sc *sc, struct call *c, struct leg *l, const char *reason)
{
    if (l == NULL || !music_left(sc, c, l))
        call_release(sc, c, reason);
    else
        leg_end(sc, l, 0, SIP_STR_NONE);
}

void call_release(struct sc *sc, struct call *c, const char *reason)
{
    if (c->state == CALL_SETUP) /* the caller's own phone is being called */
        call_refuse(sc, c, 480, reason);
    else
        call_event(sc, c, CALL_EV_RELEASE, reason);
}

void call_reject(struct sc *sc, struct call *c)
{
    call_event(sc, c, CALL_EV_FAILED,
               &(struct failure){.status = 603, .reason = "rejected by the desktop"});
}

void call_cancel(struct sc *sc, struct call *c)
{
    call_event(sc, c, CALL_EV_CANCEL, NULL);
}

/* ---- agents and timers ---- */

void call_offer_agent(struct sc *sc, struct call *c, struct agent *a)
{
    const struct queue *q = queue_of_call(sc, c);
    struct dn *d = pool_get(&sc->dns, a->dn);

    queue_remove(sc, c);
    c->agent = pool_handle(&sc->agents, a);
    c->from_queue = true;
    c->phones.n = 0;
    agent_offer(sc, a, c);
    call_offer_phone(sc, c, d);
    if (q->distribution == SC_RING_ALL)
        ring_others(sc, c, q);
}

void call_agent_left(struct sc *sc, struct call *c, struct agent *a, const char *reason)
{
    if (c->state != CALL_OFFERED || ring_agent_left(sc, c, a, reason))
        return;
    call_event(sc, c, CALL_EV_FAILED, &(struct failure){480, reason, false});
}

void call_timer_ring(struct sc *sc, struct call *c)
{
    if (transfer_under_way(c))
        transfer_timer(sc, c);
    else if (music_joins(c))
        music_join(sc, c);
    else
        call_event(
            sc, c, CALL_EV_FAILED,
            &(struct failure){408, c->silent ? "silent for trunk-timeout" : "no answer", false});
}

void call_timer_wait(struct sc *sc, struct call *c)
{
    const struct queue *q = queue_of_call(sc, c);
    const char *target, *why = "waited longer than the queue allows"; /* or the queue is gone */
    enum queue_due due = q != NULL ? queue_due(sc, q, c, &target, &why) : QUEUE_WAITED;
    char number[SC_NAME_SIZE];

    if (due == QUEUE_OVERFLOWS) {
        text_copy(number, sizeof(number), target);
        call_event(sc, c, CALL_EV_OVERFLOW, why);
        call_route(sc, c, number);
    } else if (due == QUEUE_WAITED) {
        sc->counts[N_QUEUE_WAITED]++;
        call_event(sc, c, CALL_EV_WAITED, &(struct refusal){480, SIP_STR_NONE, why});
    }
}
