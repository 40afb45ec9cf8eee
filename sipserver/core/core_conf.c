/* The role of this host, and its configuration. */
#include "sipserver/core/core_inner.h"

#include "sipserver/core/agent.h"
#include "sipserver/core/dialplan.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/replica_inner.h"
#include "sipserver/core/trunk.h"

void core_role(struct sc *sc, const struct sc_event *event)
{
    sc->wall_offset_ms = event->wall_ms - sc->now.ns / MONO_NS_PER_MS;
    if (event->primary == sc->primary && event->epoch == sc->epoch)
        return;
#if SC_MUTATION == 6 /* the role is lost, the timers go on */
    if (sc->calls.used == 0)
#endif
        if (sc->primary && !event->primary)
            replica_keep(sc);
    if (!sc->primary && event->primary) {
        nonces_from(&sc->nonces, wall_s(sc));
        if (sc->replica.copy)
            replica_adopt(sc, event->clock_ns);
    }
    sc->primary = event->primary;
    sc->epoch = event->epoch;
    sip_stack_epoch(sc->sip, sc->epoch);
    if (core_serving(sc))
        trunks_start(sc); /* those not yet watched */
}

void core_options_apply(struct sc *sc)
{
    sc->digest.nonce_life_s = sc->options.nonce_life_s;
    trunks_options_changed(sc);
    peering_configure(sc);
}

void core_conf_loaded(struct sc *sc)
{
    bool first = !sc->loaded;

    if (sc->reading)
        sc->sweeping = true;
    if (sc->reading)
        rules_sweep(sc);
    sc->reading = false;
    sc->loaded = true;
    core_options_apply(sc);
    if (first && sc->primary)
        trunks_start(sc);
}

void core_conf_dn(struct sc *sc, const struct sc_event *event)
{
    struct dn *d;

    if (!event->deleted) {
        dn_configure(sc, event->dn);
        return;
    }
    d = dn_find(sc, sip_str_of(event->dn->number));
    if (d != NULL)
        dn_delete(sc, d);
}

void core_resolved(struct sc *sc, const struct sc_event *event)
{
    struct dn *d = dn_find(sc, sip_str_of(event->name));
    struct trunk *t = d != NULL ? pool_get(&sc->trunks, d->trunk) : NULL;

    if (t != NULL)
        trunk_resolved(sc, t, event);
}

void core_conf_agent(struct sc *sc, const struct sc_event *event)
{
    struct agent *a;

    if (!event->deleted) {
        agent_configure(sc, event->agent_conf);
        return;
    }
    a = agent_find(sc, event->agent_conf->id);
    if (a != NULL)
        agent_delete(sc, a);
}
