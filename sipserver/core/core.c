/* The step: time first, then the event, then distribution. */
#include "sipserver/core/core_inner.h"

#include <assert.h>

#include "sipserver/core/agent.h"
#include "sipserver/core/binding.h"
#include "sipserver/core/call.h"
#include "sipserver/core/control.h"
#include "sipserver/core/dialplan.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/music.h"
#include "sipserver/core/queue.h"
#include "sipserver/core/session.h"
#include "sipserver/core/trunk.h"
#include "sipserver/core/wait.h"

/* ---- small helpers ---- */

uint64_t wall_s(const struct sc *sc)
{
    return (uint64_t)((sc->now.ns / MONO_NS_PER_MS + sc->wall_offset_ms) / 1000);
}

void arm_ms(struct sc *sc, struct timer *t, uint32_t ms)
{
    timer_arm(&sc->timers, t, mono_add_ms(sc->now, ms));
}

void disarm(struct sc *sc, struct timer *t)
{
    timer_cancel(&sc->timers, t);
}

bool out_has_room(const struct sc_out *out)
{
    return out->max - out->n >= SC_OUT_ACTIONS_MIN &&
           out->sip.max - out->sip.n >= SC_OUT_DATAGRAMS_MIN &&
           out->sip.size - out->sip.used >= SC_OUT_BYTES_MIN;
}

bool core_serving(const struct sc *sc)
{
    return sc->primary && sc->loaded;
}

/* ---- time ---- */

/* FN for the object of POOL whose timer MEMBER is T. */
#define FIRED(pool, type, member, fn)                                                              \
    do {                                                                                           \
        struct type *fired = CONTAINER_OF(t, struct type, member);                                 \
                                                                                                   \
        pool_touch(&sc->pool, fired);                                                              \
        fn(sc, fired);                                                                             \
    } while (0)

static void timer_fired(struct sc *sc, struct timer *t)
{
    switch ((enum timer_kind)t->kind) {
    case TIMER_BINDING: FIRED(bindings, binding, expiry, binding_timer); break;
    case TIMER_TRUNK_CHECK: FIRED(trunks, trunk, check, trunk_timer_check); break;
    case TIMER_TRUNK_FORCE: FIRED(trunks, trunk, force, trunk_timer_force); break;
    case TIMER_TRUNK_HOLD: FIRED(trunks, trunk, hold, trunk_timer_hold); break;
    case TIMER_CALL_RING: FIRED(calls, call, ring, call_timer_ring); break;
    case TIMER_CALL_WAIT: FIRED(calls, call, wait, call_timer_wait); break;
    case TIMER_CALL_NOTICE: FIRED(calls, call, notice, wait_notice); break;
    case TIMER_CALL_SOUND: FIRED(calls, call, sound, music_timer); break;
    case TIMER_AGENT_WRAP: FIRED(agents, agent, wrap, agent_timer_wrap); break;
    case TIMER_LEG_SESSION: FIRED(legs, leg, session, session_timer); break;
    case TIMER_AGENT_PHONE: FIRED(agents, agent, phone, agent_timer_phone); break;
    case TIMER_AGENT_CONTROL: FIRED(agents, agent, operation, control_timer); break;
    case TIMER_KINDS: assert(false);
    }
    calls_reap(sc);
}

/* Everything due.  False: OUT has no room for more. */
static bool time_passes(struct sc *sc)
{
    struct sip_event event;
    struct timer *t;

    while (sc->primary && out_has_room(sc->out) &&
           sip_timer(sc->sip, sc->now, &sc->out->sip, &event))
        core_sip(sc, &event);
    while (out_has_room(sc->out) && (t = timer_pop(&sc->timers, sc->now)) != NULL) {
        timer_fired(sc, t);
        queue_run(sc);
    }
    if (sc->sweeping && dns_sweep(sc) && agents_sweep(sc))
        sc->sweeping = false;
    if (sc->regrouping && !sc->sweeping && !sc->reading && agents_regroup(sc))
        sc->regrouping = false;
    queue_run(sc);
    return out_has_room(sc->out) && !sc->sweeping && !(sc->regrouping && !sc->reading);
}

mono_t sc_deadline(const struct sc *sc)
{
    if (sc->sweeping || (sc->regrouping && !sc->reading) || !list_empty(&sc->dirty_queues))
        return sc->now;
    return sc->primary ? mono_min(sip_deadline(sc->sip), timer_next(&sc->timers)) : MONO_NEVER;
}

/* ---- the step ---- */

static void happened(struct sc *sc, const struct sc_event *event)
{
    struct sip_event sip = {.kind = SIP_EV_NONE};

    switch (event->kind) {
    case SC_EV_TICK: return;
    case SC_EV_DATAGRAM: core_datagram(sc, event); return;
    case SC_EV_UNSENT:
        if (sc->primary)
            sip_unsent(sc->sip, sc->now, event->txn, &sc->out->sip, &sip);
        core_sip(sc, &sip);
        return;
    case SC_EV_FLOW_LOST: bindings_flow_lost(sc, &event->src); return;
    case SC_EV_AGENT_REQUEST: agent_request(sc, event->agent); break;
    case SC_EV_CONF_BEGIN:
        sc->seen++;
        sc->reading = true;
        return;
    case SC_EV_CONF_OPTIONS:
        sc->options = *event->options;
        if (sc->loaded && !sc->reading)
            core_options_apply(sc);
        return;
    case SC_EV_CONF_DN: core_conf_dn(sc, event); break;
    case SC_EV_RESOLVED: core_resolved(sc, event); break;
    case SC_EV_CONF_RULE:
        if (event->deleted)
            rule_delete(sc, event->rule->id);
        else
            rule_configure(sc, event->rule);
        return;
    case SC_EV_CONF_AGENT: core_conf_agent(sc, event); break;
    case SC_EV_CONF_LOADED: core_conf_loaded(sc); return;
    case SC_EV_ROLE: core_role(sc, event); return;
    }
    calls_reap(sc);
}

bool sc_step(struct sc *sc, mono_t now, const struct sc_event *event, struct sc_out *out)
{
    assert(!mono_before(now, sc->now));
    sc->now = now;
    sc->out = out;
    if (!time_passes(sc))
        return false;
    happened(sc, event);
    queue_run(sc);
    sc->out = NULL;
    return true;
}
